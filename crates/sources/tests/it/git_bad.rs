use std::time::Duration;

use base::{Clock, SecretRef};
use desired::{BadRevision, DesiredError, Source};
use sources::git::{Credentials, Git, GitConfig};

use crate::repository::{Repository, all, context, revisions, unavailable};

async fn bad(source: &mut dyn Source) -> BadRevision {
    match source.fetch().await {
        Err(DesiredError::Revision(bad)) => *bad,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_commit_that_cannot_be_read_is_named_and_the_next_good_one_goes_on() {
    let repository = Repository::new();
    repository.swappiness("1");
    let mut source = repository.source();
    all(&mut source).await;
    let good = repository.swappiness("2");
    repository.put("web-1/x.yaml", "host: web-1\nfile: /etc/x\nmode: \"0644\"\nownr: root\n");
    let broken = repository.commit("a typo");
    let sets = source.fetch().await.unwrap();
    assert_eq!(revisions(&sets), [good.as_str()]);
    assert_eq!(sets[0].refused.as_ref().map(|bad| bad.revision.as_str()), Some(broken.as_str()));
    let error = bad(&mut source).await;
    assert_eq!((error.revision.as_str(), error.message.as_deref()), (broken.as_str(), Some("a typo")));
    assert_eq!((error.file.to_str(), error.line), (Some("web-1/x.yaml"), Some(4)));
    assert_eq!(error.author.as_deref(), Some("Ada <ada@example.org>"));
    assert!(error.problem.contains("`ownr`: unknown key, did you mean `owner`?"), "{}", error.problem);
    assert_eq!(bad(&mut source).await, error, "as long as it is the newest");
    repository.put("web-1/x.yaml", "host: web-1\nfile: /etc/x\n");
    let mended = repository.commit("mended");
    assert_eq!(revisions(&source.fetch().await.unwrap()), [mended.as_str()]);
    assert!(source.fetch().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_bad_head_at_the_start_is_said_after_what_was_good_before() {
    let repository = Repository::new();
    let good = repository.swappiness("1");
    repository.put("x.yaml", "apiVersion: v1\nkind: Service\n");
    repository.commit("wrong place");
    let mut source = repository.source();
    assert_eq!(revisions(&source.fetch().await.unwrap()), [good.as_str()]);
    assert!(bad(&mut source).await.problem.contains("a Kubernetes manifest (v1 Service)"));
}

/// The good commit was not taken for the head: it was read again with each poll, and what was bad stayed so.
#[tokio::test]
async fn a_force_push_back_to_the_last_good_commit_ends_the_refusal() {
    let repository = Repository::new();
    let good = repository.swappiness("1");
    let mut source = repository.source();
    all(&mut source).await;
    repository.put("x.yaml", "host: web-1\nfile: /etc/x\nownr: root\n");
    repository.commit("a typo");
    bad(&mut source).await;
    repository.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    let sets = source.fetch().await.unwrap();
    assert_eq!((revisions(&sets), sets[0].refused.is_some()), (vec![good.as_str()], false));
    assert!(source.fetch().await.unwrap().is_empty());
}

#[tokio::test]
async fn bytes_that_are_no_text_and_resources_declared_twice_are_named() {
    let repository = Repository::new();
    repository.put("a.yaml", b"host: a\nfile: /x\nowner: \xff\n");
    repository.commit("latin");
    let mut source = repository.source();
    let error = bad(&mut source).await;
    assert_eq!((error.file.to_str(), error.line, error.problem.as_str()), (Some("a.yaml"), Some(3), "is not UTF-8"));
    repository.put("a.yaml", "host: a\nfile: /x\n");
    repository.put("b.yaml", "host: a\nfile: /x\n");
    repository.commit("twice");
    let error = bad(&mut source).await;
    assert_eq!(error.problem, "host/a/file//x is declared twice: a.yaml:2 and b.yaml:2");
}

#[tokio::test]
async fn a_source_outside_of_the_repository_is_refused() {
    let repository = Repository::new();
    for (source, says) in
        [("../../etc/passwd", "outside of the repository"), ("/etc/passwd", "relative"), ("gone", "no file")]
    {
        repository.put("a/x.yaml", format!("host: a\nfile: /x\nsource: {source}\n"));
        repository.commit(source);
        let error = bad(&mut repository.source()).await;
        assert!(error.problem.contains(says), "{}", error.problem);
    }
}

#[tokio::test]
async fn a_link_or_a_submodule_is_no_source_and_no_folder_of_manifests() {
    let repository = Repository::new();
    let head = repository.swappiness("1");
    std::os::unix::fs::symlink("/etc/passwd", repository.path.join("link")).unwrap();
    std::os::unix::fs::symlink("/etc", repository.path.join("etc")).unwrap();
    for module in ["module", "module.yaml"] {
        repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},{module}")]);
    }
    repository.git(&["add", "link", "etc"]);
    repository.git(&["commit", "--quiet", "--message", "links and modules"]);
    let sets = all(&mut repository.source()).await;
    assert_eq!(sets.last().unwrap().manifests.len(), 1, "what they lead to is not read");
    for folder in ["etc", "module"] {
        let config = GitConfig { path: Some(folder.to_owned()), history: 0, ..repository.config() };
        let error = bad(&mut repository.source_of(config)).await;
        assert_eq!((error.file.to_str(), error.problem.as_str()), (Some(folder), "this folder is not in the revision"));
    }
    for source in ["link", "etc/passwd", "module", "module/x"] {
        repository.put("x.yaml", format!("host: a\nfile: /x\nsource: {source}\n"));
        repository.git(&["add", "x.yaml"]);
        repository.git(&["commit", "--quiet", "--message", source]);
        let config = GitConfig { history: 0, ..repository.config() };
        let error = bad(&mut repository.source_of(config)).await;
        assert_eq!((error.file.to_str(), error.line), (Some("x.yaml"), Some(3)));
        assert!(error.problem.contains(&format!("{source} is no file of the revision")), "{}", error.problem);
    }
}

#[tokio::test]
async fn what_is_larger_than_a_limit_is_named_with_it() {
    let repository = Repository::new();
    repository.put("large.yaml", vec![b'#'; (8 << 20) + 1]);
    repository.commit("large");
    let config = || GitConfig { history: 0, ..repository.config() };
    let error = bad(&mut repository.source_of(config())).await;
    assert!(error.file.ends_with("large.yaml") && error.problem.contains("manifest_file_bytes"), "{}", error.problem);

    std::fs::remove_file(repository.path.join("large.yaml")).unwrap();
    repository.put("large.bin", vec![b'x'; (32 << 20) + 1]);
    repository.put("x.yaml", "host: a\nfile: /x\nsource: large.bin\n");
    repository.commit("a large source");
    let error = bad(&mut repository.source_of(config())).await;
    assert_eq!((error.file.to_str(), error.line), (Some("x.yaml"), Some(3)));
    assert!(error.problem.contains("manifest_source_bytes"), "{}", error.problem);

    let deep = "d/".repeat(66);
    repository.put(&format!("{deep}x.yaml"), "host: a\n");
    repository.commit("deep");
    let error = bad(&mut repository.source_of(config())).await;
    assert!(error.problem.contains("nested deeper than 64"), "{}", error.problem);
}

#[tokio::test]
async fn a_tree_of_few_objects_and_very_many_paths_is_refused_by_its_limit() {
    let repository = Repository::new();
    repository.put("x", "");
    let mut tree = repository.git(&["hash-object", "-w", "x"]);
    for kind in ["100644 blob", "040000 tree", "040000 tree", "040000 tree"] {
        let entries: String = (0..200).map(|n| format!("{kind} {tree}\t{n:03}\n")).collect();
        tree = repository.git_of(&["mktree"], &entries);
    }
    let commit = repository.git(&["commit-tree", "-m", "1,600,000,000 paths", &tree]);
    repository.git(&["update-ref", "HEAD", &commit]);
    let error = bad(&mut repository.source()).await;
    assert!(error.problem.contains("git_tree_entries"), "{}", error.problem);
}

#[tokio::test]
async fn a_folder_that_is_not_in_the_commit_is_named() {
    let repository = Repository::new();
    repository.swappiness("1");
    let config = GitConfig { path: Some("hosts".to_owned()), ..repository.config() };
    let error = bad(&mut repository.source_of(config)).await;
    assert_eq!((error.file.to_str(), error.problem.as_str()), (Some("hosts"), "this folder is not in the revision"));
}

#[tokio::test]
async fn a_repository_that_vanishes_is_unavailable_until_it_is_back() {
    let repository = Repository::new();
    repository.swappiness("1");
    let mut source = repository.source();
    all(&mut source).await;
    let away = repository.path.with_extension("away");
    std::fs::rename(&repository.path, &away).unwrap();
    for _ in 0..2 {
        let error = unavailable(&mut source).await;
        assert!(error.starts_with(&repository.path.display().to_string()), "{error}");
    }
    std::fs::rename(&away, &repository.path).unwrap();
    assert!(source.fetch().await.unwrap().is_empty());
    let commit = repository.swappiness("2");
    assert_eq!(revisions(&all(&mut source).await), [commit.as_str()]);
}

#[tokio::test]
async fn locks_of_a_git_that_was_killed_are_in_nobodys_way() {
    let repository = Repository::new();
    repository.swappiness("1");
    let mut source = repository.source();
    all(&mut source).await;
    let mirror = std::fs::read_dir(&repository.cache).unwrap().next().unwrap().unwrap().path();
    for lock in ["refs/steadfast/head.lock", "packed-refs.lock"] {
        std::fs::write(mirror.join(lock), "").unwrap();
    }
    let commit = repository.swappiness("2");
    assert_eq!(revisions(&all(&mut source).await), [commit.as_str()]);
}

#[tokio::test]
async fn a_damaged_copy_gives_nothing_and_may_be_deleted() {
    let repository = Repository::new();
    repository.swappiness("1");
    let mut source = repository.source();
    all(&mut source).await;
    let mirror = std::fs::read_dir(&repository.cache).unwrap().next().unwrap().unwrap().path();
    for folder in std::fs::read_dir(mirror.join("objects")).unwrap().map(|entry| entry.unwrap().path()) {
        for object in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            std::fs::remove_file(&object).unwrap();
            std::fs::write(object, "garbage").unwrap();
        }
    }
    let _ = unavailable(&mut repository.source()).await;
    std::fs::remove_dir_all(mirror).unwrap();
    assert!(!all(&mut repository.source()).await.is_empty());
}

#[tokio::test]
async fn a_repository_without_a_commit_or_branch_says_so() {
    let repository = Repository::new();
    let error = unavailable(&mut repository.source()).await;
    assert!(error.contains("HEAD"), "{error}");
    repository.swappiness("1");
    let config = GitConfig { branch: Some("release".to_owned()), ..repository.config() };
    let error = unavailable(&mut repository.source_of(config)).await;
    assert!(error.contains("refs/heads/release"), "{error}");
}

#[tokio::test]
async fn an_ssh_remote_that_cannot_be_reached_fails_clearly_and_in_time() {
    let dir = tempfile::tempdir().unwrap();
    // Port 1 of this machine: nobody listens there.
    let config = GitConfig { timeout: Duration::from_secs(20), ..GitConfig::new("x", "ssh://git@127.0.0.1:1/x.git") };
    let mut source = Git::new(config, &context(dir.path())).unwrap();
    let clock = Clock::system();
    let started = clock.monotonic();
    let error = unavailable(&mut source).await;
    assert!(clock.monotonic() - started < Duration::from_secs(25));
    assert!(error.starts_with("ssh://git@127.0.0.1:1/x.git: ") && error.len() > 40, "{error}");
}

#[tokio::test]
async fn a_token_reaches_only_its_host_and_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "t0ps3cret\n").unwrap();
    let credentials = Credentials { username: "bot".to_owned(), token: SecretRef::File(token.clone()) };
    let config = GitConfig { credentials: Some(credentials), ..GitConfig::new("x", "https://127.0.0.1:1/x.git") };
    let mut source = Git::new(config, &context(dir.path())).unwrap();
    let error = unavailable(&mut source).await;
    assert!(error.contains("https://127.0.0.1:1/x.git") && !error.contains("t0ps3cret"), "{error}");
    std::fs::remove_file(token).unwrap();
    let error = unavailable(&mut source).await;
    assert!(error.contains("token"), "{error}");
}

#[test]
fn a_configuration_that_cannot_work_names_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let of = |value: serde_json::Value| {
        let built = (sources::all()[0].build)(value, &context(dir.path()));
        built.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let password = of(serde_json::json!({"url": "https://me:hunter2@h/x"}));
    assert!(password.starts_with("git: url: https://***@h") && !password.contains("hunter2"), "{password}");
    assert!(of(serde_json::json!({"url": "ext::sh -c x"})).starts_with("git: url: "));
    assert!(of(serde_json::json!({"url": "/x", "branch": "-x"})).starts_with("git: branch: "));
    assert!(of(serde_json::json!({"url": "/x", "path": "../x"})).starts_with("git: path: "));
    assert!(of(serde_json::json!({"url": "/x", "name": "a/b"})).starts_with("git: name: "));
    assert!(of(serde_json::json!({"url": "/x", "brnch": "x"})).contains("unknown field `brnch`"));
    assert_eq!(of(serde_json::json!({"url": "/x", "poll": "5s"})), "");
}
