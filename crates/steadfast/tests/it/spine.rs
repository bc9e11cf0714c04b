use serde_json::Value;

use crate::host::Host;
use crate::provider::Provider;

/// What the README promises: capture, commit, edit, see and be paged, revert, be at peace.
#[tokio::test(flavor = "multi_thread")]
async fn from_a_live_host_and_a_repository_to_a_finding_a_query_and_a_page() {
    let provider = Provider::start().await;
    let mut host = Host::new(20, &provider.receivers());
    let text = host.capture();
    assert!(text.contains("21 resources"), "{text}");
    host.start();
    host.settled().await;
    assert_eq!(provider.incidents().await, (0, 0), "nobody is woken by a host that agrees");
    assert_eq!(host.run(&["drift"]).0, 0);

    edit_is_seen(&host, &provider).await;
    revert_resolves(&host, &provider).await;
    commits_are_revisions(&host).await;
    a_broken_commit_names_its_file(&host, &provider).await;
    assert_eq!(host.stop().await, 0, "it ends well when it is asked to");
    provider.assert_contract().await;
}

async fn edit_is_seen(host: &Host, provider: &Provider) {
    host.write("file-3", "setting = 3\nPermitRootLogin yes\n");
    let entry = host.until("modified", async || host.resource("file-3").await).await;
    assert_eq!(entry["verdict"], "modified");
    assert_eq!(entry["revision"], Value::String(host.git(&["rev-parse", "HEAD"])));
    assert_eq!(entry["author"], "Ann <ann@example.org>");
    assert!(entry["file"].as_str().unwrap().ends_with("file-3.yaml"), "{entry}");
    let diff = entry["fields"][0]["diff"].as_str().unwrap();
    assert!(diff.contains("+PermitRootLogin yes"), "{diff}");

    let (code, text) = host.run(&["drift"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("+PermitRootLogin yes") && text.contains("20 in_sync, 1 modified"), "{text}");
    let (code, text) =
        host.run(&["sql", "SELECT id, verdict, line FROM drift WHERE verdict = 'modified'", "--output", "csv"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("file-3,modified,"), "{text}");
    let page = host.get("/").await.unwrap();
    assert!(page.contains("PermitRootLogin yes") && page.contains("web-1"), "{page}");

    host.until("a page", async || (provider.incidents().await == (1, 0)).then_some(())).await;
    let sent = provider.first_payload().await;
    assert!(sent.contains("PermitRootLogin yes"), "the root line of the diff is on the page: {sent}");
}

async fn revert_resolves(host: &Host, provider: &Provider) {
    host.write("file-3", "setting = 3\n");
    host.settled().await;
    host.until("a resolve", async || (provider.incidents().await == (1, 1)).then_some(())).await;
    let query = "SELECT action, outcome FROM notifications WHERE receiver = 'hook' ORDER BY time";
    let rows = host
        .until("receipts", async || {
            host.sql(query).await.filter(|rows| rows.len() > 1 && rows.iter().all(|row| row[1].is_string()))
        })
        .await;
    let of = |n: usize| rows[n].iter().map(|cell| cell.as_str().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    assert_eq!(of(0), "trigger delivered");
    assert_eq!(of(rows.len() - 1), "resolve delivered");
}

async fn commits_are_revisions(host: &Host) {
    let file = find(&host.repository, "file-4.yaml");
    let declared = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, declared.replace("setting = 4", "setting = 44")).unwrap();
    host.commit("Raise setting 4");
    let entry = host.until("rolling out", async || host.resource("file-4").await).await;
    assert_eq!(entry["verdict"], "rolling_out", "the host has had no time to follow: {entry}");
    host.write("file-4", "setting = 44\n");
    host.settled().await;
    let rows = host.sql("SELECT message, author FROM revisions WHERE complete ORDER BY time").await.unwrap();
    assert_eq!(rows.last().unwrap()[0], "Raise setting 4");
    let then = host.sql("SELECT count(*) FROM resources_at(now())").await.unwrap();
    assert_eq!(then[0][0], 22, "the files, their folder and the instance");
}

async fn a_broken_commit_names_its_file(host: &Host, provider: &Provider) {
    let good = host.git(&["rev-parse", "HEAD"]);
    std::fs::write(host.repository.join("broken.yaml"), "host: web-1\nfile: /etc/x\nmoed: \"0644\"\n").unwrap();
    host.commit("A mistake");
    let query = "SELECT summary FROM findings WHERE kind = 'revision' AND state = 'firing'";
    let row = host.until("a finding about the commit", async || host.sql(query).await?.into_iter().next()).await;
    let summary = row[0].as_str().unwrap();
    assert!(summary.contains("broken.yaml:3") && summary.contains("moed"), "{summary}");
    host.write("file-5", "setting = 6\n");
    let entry = host.until("still compared", async || host.resource("file-5").await).await;
    assert_eq!(entry["revision"], Value::String(good), "the last good revision stays");
    host.write("file-5", "setting = 5\n");
    host.git(&["rm", "-q", "broken.yaml"]);
    host.commit("Mended");
    host.until("the finding is resolved", async || host.sql(query).await?.is_empty().then_some(())).await;
    host.settled().await;
    host.until("all resolved", async || {
        let (opened, resolved) = provider.incidents().await;
        (opened == resolved).then_some(())
    })
    .await;
}

pub fn find(dir: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() && !path.ends_with(".git") => dirs.push(path),
                path if path.ends_with(name) => return path,
                _ => {}
            }
        }
    }
    panic!("no {name}");
}
