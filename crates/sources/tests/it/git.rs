use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Timestamp};
use desired::Source;
use desired::suite::{Stage, run};
use sources::git::GitConfig;

use crate::repository::{Repository, all, revisions};

struct Scene {
    repository: Repository,
    value: u32,
}

#[async_trait]
impl Stage for Scene {
    async fn source(&mut self) -> Box<dyn Source> {
        Box::new(self.repository.source())
    }

    async fn change(&mut self) {
        self.value += 1;
        self.repository.swappiness(&self.value.to_string());
    }

    async fn damage(&mut self) {
        self.repository.put("web-1/broken.yaml", "host: [\n");
        self.repository.commit("broken");
    }

    async fn mend(&mut self) {
        std::fs::remove_file(self.repository.path.join("web-1/broken.yaml")).unwrap();
        self.change().await;
    }
}

#[tokio::test]
async fn it_passes_the_suite_of_sources() {
    let repository = Repository::new();
    repository.swappiness("1");
    run(&mut Scene { repository, value: 1 }).await.unwrap();
}

#[tokio::test]
async fn each_commit_is_a_revision_with_author_time_and_message() {
    let repository = Repository::new();
    let first = repository.swappiness("10");
    let mut source = repository.source();
    let sets = all(&mut source).await;
    assert_eq!(
        (revisions(&sets), sets[0].scope.as_str(), sets[0].backfill),
        (vec![first.as_str()], "host/web-1", false)
    );
    assert_eq!(sets[0].author.as_deref(), Some("Ada <ada@example.org>"));
    assert_eq!(sets[0].message.as_deref(), Some("swappiness 10"));
    assert_eq!(sets[0].committed, Some("2026-11-25T10:00:00Z".parse::<Timestamp>().unwrap()));
    let manifest = &sets[0].manifests[0];
    assert_eq!(manifest.id.as_str(), "host/web-1/sysctl//vm.swappiness");
    assert_eq!((manifest.file.as_deref(), manifest.line), (Some("web-1/sysctl.yaml"), Some(3)));

    let (second, third) = (repository.swappiness("20"), repository.swappiness("30"));
    assert_eq!(revisions(&all(&mut source).await), [second, third]);
    repository.git(&["revert", "--no-edit", "HEAD"]);
    let sets = all(&mut source).await;
    assert_eq!(sets[0].manifests[0].document.tree()["value"], "20");
    assert!(sets[0].message.as_ref().unwrap().starts_with("Revert"));
}

#[tokio::test]
async fn the_first_fetch_gives_some_history_as_backfill() {
    let repository = Repository::new();
    let commits: Vec<String> = (0..9).map(|n| repository.swappiness(&n.to_string())).collect();
    let sets = all(&mut repository.source()).await;
    assert_eq!(revisions(&sets), commits[3..].iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(sets.iter().filter(|set| !set.backfill).count(), 1);
    assert!(!sets.last().unwrap().backfill);
}

#[tokio::test]
async fn of_many_commits_at_once_the_newest_are_read() {
    let repository = Repository::new();
    repository.swappiness("0");
    let mut source = repository.source();
    all(&mut source).await;
    let commits: Vec<String> = (1..=60).map(|n| repository.swappiness(&n.to_string())).collect();
    assert_eq!(revisions(&all(&mut source).await), commits[10..].iter().map(String::as_str).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_force_push_makes_the_new_head_the_next_revision() {
    let repository = Repository::new();
    let kept = repository.swappiness("1");
    repository.swappiness("2");
    let mut source = repository.source();
    all(&mut source).await;
    repository.git(&["reset", "--quiet", "--hard", &kept]);
    repository.swappiness("3");
    let rewritten = repository.swappiness("4");
    let sets = all(&mut source).await;
    assert_eq!(revisions(&sets), [rewritten.as_str()]);
    assert_eq!(sets[0].manifests[0].document.tree()["value"], "4");
    // Back to where it was: that commit was seen before, and is the state again.
    repository.git(&["reset", "--quiet", "--hard", &kept]);
    assert_eq!(revisions(&all(&mut source).await), [kept.as_str()]);
}

#[tokio::test]
async fn a_host_that_is_no_longer_declared_gets_an_empty_set() {
    let repository = Repository::new();
    repository.put("b.yaml", "hosts: [b, c]\nsysctl: {x: 1}\n");
    repository.commit("b and c");
    let mut source = repository.source();
    all(&mut source).await;
    repository.put("b.yaml", "host: b\nsysctl: {x: 1}\n");
    repository.commit("no c");
    let sets: Vec<_> = all(&mut source).await.into_iter().map(|set| (set.scope, set.manifests.len())).collect();
    assert_eq!(sets, [("host/b".to_owned(), 1), ("host/c".to_owned(), 0)]);
    drop(source);
    // Also if that happens while nobody looks.
    repository.git(&["rm", "--quiet", "b.yaml"]);
    repository.commit("nothing");
    let mut source = repository.source();
    assert_eq!(source.scopes(), ["host/b", "host/c"]);
    let last: Vec<_> = all(&mut source).await.into_iter().rev().take(2).map(|set| set.manifests.len()).collect();
    assert_eq!(last, [0, 0]);
}

#[tokio::test]
async fn only_manifests_below_the_path_are_read() {
    let repository = Repository::new();
    for path in ["hosts/a.yml", "hosts/deep/er/b.yaml"] {
        repository.put(
            path,
            format!(
                "host: a\nfile: /{path}\nsource: ../{}\n",
                if path.contains("deep") { "../c.txt" } else { "hosts/c.txt" }
            ),
        );
    }
    repository.put("hosts/c.txt", "text\n");
    for path in ["hosts/.hidden.yaml", "hosts/.github/x.yaml", "other/x.yaml", "hosts/readme.md"] {
        repository.put(path, "not: [a manifest");
    }
    std::os::unix::fs::symlink("../other/x.yaml", repository.path.join("hosts/link.yaml")).unwrap();
    std::os::unix::fs::symlink(".", repository.path.join("hosts/loop")).unwrap();
    repository.commit("files");
    let config = GitConfig { path: Some("/hosts/".to_owned()), ..repository.config() };
    let sets = all(&mut repository.source_of(config)).await;
    let ids: Vec<_> = sets[0].manifests.iter().map(|m| (m.id.name(), m.text.as_deref())).collect();
    assert_eq!(ids, [("hosts/a.yml", Some("text\n")), ("hosts/deep/er/b.yaml", Some("text\n"))]);
}

#[tokio::test]
async fn a_branch_and_a_file_url_and_a_bare_repository_work() {
    let repository = Repository::new();
    repository.swappiness("1");
    repository.git(&["checkout", "--quiet", "-b", "release/1"]);
    let commit = repository.swappiness("2");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.git(&["clone", "--quiet", "--bare", ".", "bare.git"]);
    let url = format!("file://{}/bare.git", repository.path.display());
    let config = GitConfig { url, branch: Some("release/1".to_owned()), history: 0, ..repository.config() };
    assert_eq!(revisions(&all(&mut repository.source_of(config)).await), [commit]);
}

#[tokio::test]
async fn a_commit_in_a_local_repository_is_seen_at_once() {
    let repository = Repository::new();
    repository.swappiness("1");
    let mut source = repository.source();
    all(&mut source).await;
    let clock = Clock::system();
    let (started, wait) = (clock.monotonic(), Duration::from_secs(30));
    let (commit, ()) = tokio::join!(async { repository.swappiness("2") }, source.changed(wait));
    assert!(clock.monotonic() - started < Duration::from_secs(10));
    assert_eq!(revisions(&all(&mut source).await), [commit.as_str()]);
    // Packed references are looked at too.
    repository.git(&["pack-refs", "--all"]);
    source.changed(wait).await;
    let (commit, ()) = tokio::join!(async { repository.swappiness("3") }, source.changed(wait));
    assert_eq!(revisions(&all(&mut source).await), [commit.as_str()]);
}

#[tokio::test]
async fn a_call_that_is_dropped_loses_nothing() {
    let repository = Repository::new();
    let commit = repository.swappiness("1");
    let mut source = repository.source();
    for _ in 0..20 {
        let clock = Clock::system();
        let _ = clock.timeout(Duration::from_millis(1), source.fetch()).await;
    }
    let sets = all(&mut source).await;
    // Either a dropped call never got as far, or this one has it all.
    assert_eq!(revisions(&sets), [commit.as_str()]);
}
