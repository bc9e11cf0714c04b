//! Measures reading a repository of many manifests: the first revision, one with a change, and the
//! peak of memory. `cargo run --release -p sources --example read_manifests -- 10000`

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement prints, and ends where it cannot go on")]

use std::path::Path;
use std::process::Command;

use base::{Clock, DigestKey};
use desired::Source;
use sources::Context;
use sources::git::{Git, GitConfig};
use sources::host_manifest::Secrets;

fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0"];
    assert!(Command::new("git").arg("-C").arg(dir).args(identity).args(args).status().unwrap().success(), "{args:?}");
}

fn put(dir: &Path, n: usize, text: &str) {
    let path = dir.join(format!("web-{}/files/etc/app/{n}.yaml", n % 10));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let lines: String = (0..20).map(|line| format!("  setting.{line} = {text}\n")).collect();
    let head = format!("host: web-{}\nfile: /etc/app/{n}.conf\nmode: \"0644\"\nowner: root\ngroup: root\n", n % 10);
    std::fs::write(path, format!("{head}content: |\n{lines}")).unwrap();
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().replace('\t', " ")
}

#[tokio::main]
async fn main() {
    let count: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let work = std::env::temp_dir().join(format!("steadfast-read-{}", std::process::id()));
    let repository = work.join("repository");
    std::fs::create_dir_all(&repository).unwrap();
    git(&repository, &["init", "--quiet", "--initial-branch=main"]);
    (0..count).for_each(|n| put(&repository, n, "before"));
    git(&repository, &["add", "--all"]);
    git(&repository, &["commit", "--quiet", "-m", "all"]);
    println!("{count} manifests, before: {}", peak());

    let clock = Clock::system();
    let config = GitConfig::new("bench", repository.display().to_string());
    let secrets = Secrets::new(DigestKey::from_bytes([1; 32]), secrecy::Names::new(&[]).unwrap());
    let context = Context {
        clock: clock.clone(),
        cache: work.join("mirrors"),
        secrets,
        clusters: kubernetes::Clusters::default(),
        host: "web-1".to_owned(),
    };
    let mut source = Git::new(config, &context).unwrap();
    for what in ["first fetch (clone, read)", "one file changed", "nothing changed"] {
        if what == "one file changed" {
            put(&repository, 0, "after");
            git(&repository, &["commit", "--quiet", "-a", "-m", "one"]);
        }
        let start = clock.monotonic();
        let sets = source.fetch().await.unwrap();
        let manifests: usize = sets.iter().map(|set| set.manifests.len()).sum();
        println!("{what}: {:?}, {} scopes, {manifests} manifests; {}", clock.monotonic() - start, sets.len(), peak());
    }
    std::fs::remove_dir_all(work).unwrap();
}
