//! The whole of it, over a log in memory, told of changes by the system.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use base::Clock;

use super::world::config;
use crate::deliver::tests::world::World;
use crate::logs::{Parts, start};
use crate::scrape::tests::memory::Memory;

const SETTINGS: &str = r#"{"poll": "1h", "batch_rows": 100, "files": [{"include": ["FOLDER/*.log"]}]}"#;

async fn run(log: &Arc<Memory>, folder: &Path, settings: &str) -> World {
    let world = World::of(Arc::clone(log), Clock::system()).await;
    let crate::deliver::Parts { ingest, clock, rng, shutdown } = world.parts.clone();
    let tasks = world.tasks.clone();
    let parts = Parts { ingest, clock, rng, host: "h".to_owned(), folder: folder.join("kept"), tasks, shutdown };
    start(&config(folder, settings), &parts).unwrap();
    world
}

fn append(path: &Path, lines: std::ops::Range<usize>) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    let text: String = lines.map(|n| format!("line {n}\n")).collect();
    file.write_all(text.as_bytes()).unwrap();
}

/// How often each of so many lines is on the log.
fn times(log: &Memory, lines: usize) -> Vec<usize> {
    let mut times = vec![0; lines];
    for line in log.logs() {
        times[line.body.strip_prefix("line ").unwrap().parse::<usize>().unwrap()] += 1;
    }
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_seen_when_the_system_tells_of_them() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Arc::default());
    let path = folder.path().join("a.log");
    append(&path, 0..1);
    let world = run(&log, folder.path(), SETTINGS).await;
    world.until("what is there", |bodies| bodies.len() == 1).await;
    append(&path, 1..1_000);
    world.until("what is added", |bodies| bodies.len() == 1_000).await;
    std::fs::rename(&path, folder.path().join("a.log.1")).unwrap();
    append(&path, 1_000..1_001);
    world.until("a new file", |bodies| bodies.len() == 1_001).await;
    append(&folder.path().join("b.log"), 1_001..1_002);
    world.until("another one", |bodies| bodies.len() == 1_002).await;
    world.end().await;
    assert_eq!(times(&log, 1_002), vec![1; 1_002]);
    // Another process goes on.
    append(&path, 1_002..1_003);
    let world = run(&log, folder.path(), SETTINGS).await;
    world.until("what came in between", |bodies| bodies.len() == 1_003).await;
    world.end().await;
    assert_eq!(times(&log, 1_003), vec![1; 1_003]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_before_it_remembers_loses_nothing() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Arc::default());
    let path = folder.path().join("a.log");
    append(&path, 0..500);
    let world = run(&log, folder.path(), SETTINGS).await;
    world.until("the beginning", |bodies| bodies.len() == 500).await;
    world.end().await;
    let kept = folder.path().join("kept/files.json");
    let before = std::fs::read(&kept).unwrap();
    append(&path, 500..900);
    let world = run(&log, folder.path(), SETTINGS).await;
    world.until("more", |bodies| bodies.len() == 900).await;
    world.end().await;
    // As if it had been killed after the records were taken, and before that was written.
    std::fs::write(&kept, before).unwrap();
    append(&path, 900..1_000);
    let world = run(&log, folder.path(), SETTINGS).await;
    world.until("the rest", |bodies| bodies.len() == 1_400).await;
    world.end().await;
    let times = times(&log, 1_000);
    assert!(times[..500].iter().all(|times| *times == 1) && times[900..].iter().all(|times| *times == 1));
    assert!(times[500..900].iter().all(|times| *times == 2), "only what was taken since is there twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_log_is_away_a_file_waits() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Arc::<Memory>::default());
    *log.away.lock().unwrap() = u32::MAX;
    append(&folder.path().join("a.log"), 0..5_000);
    let world = run(&log, folder.path(), SETTINGS).await;
    World::becomes("it is tried", || *log.away.lock().unwrap() < u32::MAX).await;
    world.end().await;
    assert!(log.logs().is_empty());
    *log.away.lock().unwrap() = 0;
    let world = run(&log, folder.path(), SETTINGS).await;
    world.until("all", |bodies| bodies.len() == 5_000).await;
    world.end().await;
    assert_eq!(times(&log, 5_000), vec![1; 5_000]);
}
