//! Over a real S3 server.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Secret, SecretRef};
use futures::future::join_all;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use store::{S3Config, StoreConfig};

use super::support::*;

/// The scenarios of this program, each in a folder of the bucket: flushes, compactions, crashes at
/// each step, damage, races, readers.
#[test]
fn the_scenarios_of_the_store_pass_over_a_real_server() {
    let Some(server) = Server::start() else { return };
    // Itself; those of hundreds of worlds, which say nothing about a server; and those that turn the clock
    // while the store still tidies up, which over a network takes its time.
    let skipped = ["s3::", "properties::", "lifecycle::a_file_goes_once", "lifecycle::orphans_go"]
        .iter()
        .flat_map(|name| ["--skip", name]);
    let output =
        Command::new(std::env::current_exe().unwrap()).args(skipped).env(OVER, &server.address).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("nothing_is_lost_or_double_when_an_answer_is_lost ... ok"), "{text}");
}

async fn open(config: &S3Config) -> Result<Arc<dyn ObjectStore>, store::StoreError> {
    store::s3(config, &Clock::system()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_writers_that_create_a_name_one_wins() {
    let Some(server) = Server::start() else { return };
    let objects = open(&bucket(&server.address, "race")).await.unwrap();
    for round in 0..20 {
        let path = Path::from(format!("manifest/{round}"));
        let create = |n: usize| {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            objects.put_opts(&path, n.to_string().into(), options)
        };
        let done = join_all((0..8).map(create)).await;
        let winners: Vec<usize> = (0..8).filter(|n| done[*n].is_ok()).collect();
        assert!(done.iter().all(|done| matches!(done, Ok(_) | Err(Error::AlreadyExists { .. }))), "{done:?}");
        assert_eq!(winners.len(), 1, "round {round}");
        let found = objects.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(found, winners[0].to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_is_named_and_waited_for_and_nothing_is_lost() {
    let Some(server) = Server::start() else { return };
    let config = S3Config { retries: 0, ..bucket(&server.address, "away") };
    let world = World::over(open(&config).await.unwrap());
    let small = || StoreConfig { flush_bytes: 20_000, memory_bytes: 60_000, ..by_hand() };
    let running = world.start(small()).await;
    for n in 1..=300 {
        world.append(batch(&[intent(&format!("i{n}"), n)]));
    }
    running.settle().await;
    running.store.flush().await.unwrap();

    server.kill();
    for n in 301..=2_000 {
        world.append(batch(&[intent(&format!("i{n}"), n)]));
    }
    let clock = Clock::system();
    within(async {
        while running.store.warnings().is_empty() {
            clock.sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let warnings = running.store.warnings();
    assert!(warnings[0].starts_with("rows in memory cannot be written to files"), "{warnings:?}");
    // It is tried again and again, and is one warning.
    clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(running.store.warnings().len(), 1, "{:?}", running.store.warnings());
    let read = running.store.visible(model::LogKind::State, 0).0;
    assert!(read < 2_000, "all {read} records were read although memory is full");

    tokio::task::block_in_place(|| server.up());
    running.settle().await;
    assert_eq!(sequences(&running.store).await, (1..=2_000).collect::<Vec<_>>());
    running.store.flush().await.unwrap();
    assert_eq!(running.store.warnings(), Vec::<String>::new(), "the warning is over");
    running.stop().await;
    let running = world.start(small()).await;
    running.settle().await;
    assert_eq!(sequences(&running.store).await, (1..=2_000).collect::<Vec<_>>());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_bucket_is_said_and_no_secret_is() {
    let Some(server) = Server::start() else { return };
    let good = bucket(&server.address, "wrong/place");
    open(&good).await.unwrap();
    let secret = |text: &str| Some(SecretRef::Given(Secret::new(text)));
    let nowhere = Some("http://127.0.0.1:1".to_owned());
    let cases = [
        (S3Config { secret_access_key: secret("swordfish"), ..good.clone() }, "SignatureDoesNotMatch"),
        (S3Config { access_key_id: secret("swordfish"), ..good.clone() }, "InvalidAccessKeyId"),
        (S3Config { endpoint: nowhere, ..good.clone() }, "Connection refused"),
        (S3Config { secret_access_key: Some(SecretRef::Env("NO_SUCH".to_owned())), ..good }, "NO_SUCH is not set"),
    ];
    for (config, named) in cases {
        let error = open(&config).await.unwrap_err().to_string();
        assert!(error.starts_with("store.s3") && error.contains(named), "{named}: {error}");
        assert!(!error.contains("swordfish") && error.len() < 500, "{error}");
    }
}
