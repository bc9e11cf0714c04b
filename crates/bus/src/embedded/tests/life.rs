use std::time::Duration;

use base::Timestamp;
use futures::StreamExt;
use futures::future::join_all;
use model::Offset;

use super::{Folder, batch, count, fill, soon};
use crate::{BusError, EmbeddedConfig, Log};

#[tokio::test]
async fn only_one_process_has_a_log_open() {
    let folder = Folder::new();
    let log = folder.open(folder.config("state")).unwrap();
    let error = folder.open(folder.config("state")).err().unwrap().to_string();
    let lock = folder.dir.path().join("state/lock");
    let expected = format!("{} is locked: process {} has this log open", lock.display(), std::process::id());
    assert!(error.contains(&expected), "{error}");
    log.close().await;
    folder.open(folder.config("state")).unwrap();
}

#[tokio::test]
async fn the_number_of_shards_is_fixed_and_bad_settings_are_named() {
    let folder = Folder::new();
    drop(folder.open(EmbeddedConfig { shards: 2, ..folder.config("state") }).unwrap());
    let error = folder.open(folder.config("state")).err().unwrap().to_string();
    assert!(error.contains("was made with 2 shards, the configuration says 1"), "{error}");
    for (config, key) in [
        (EmbeddedConfig { shards: 0, ..folder.config("x") }, "shards"),
        (EmbeddedConfig { name: "../x".to_owned(), ..folder.config("x") }, "name"),
        (EmbeddedConfig { dir: "".into(), ..folder.config("x") }, "dir"),
        (EmbeddedConfig { queue_bytes: 1, ..folder.config("x") }, "queue_bytes"),
    ] {
        let error = folder.open(config).err().unwrap();
        assert!(matches!(&error, BusError::Setup { problem, .. } if problem.starts_with(key)), "{error}");
    }
}

#[tokio::test]
async fn closing_makes_durable_what_was_taken_and_refuses_the_rest() {
    let folder = Folder::new();
    let log = folder.open(folder.config("state")).unwrap();
    let mut reader = log.read(0, Offset(0));
    let appends = join_all((0..50).map(|n| log.append(0, vec![batch(n)])));
    let (appends, ()) = soon(futures::future::join(appends, log.close())).await;
    let taken = appends.iter().filter(|append| append.is_ok()).count();
    assert!(appends.iter().all(|append| matches!(append, Ok(_) | Err(BusError::Closed { .. }))));
    assert!(matches!(log.append(0, vec![batch(0)]).await, Err(BusError::Closed { .. })));
    for n in 0..taken {
        assert_eq!(soon(reader.next()).await.unwrap().unwrap().offset, Offset(n as u64));
    }
    assert!(matches!(soon(reader.next()).await, Some(Err(BusError::Closed { .. }))));
    assert_eq!(count(&folder.open(folder.config("state")).unwrap()).await, taken as i64);
}

#[tokio::test]
async fn a_small_queue_makes_appends_wait_and_takes_them_all() {
    let folder = Folder::new();
    let config = EmbeddedConfig { queue: 2, max_batch_bytes: 1024, queue_bytes: 2048, ..folder.config("state") };
    let log = folder.open(config).unwrap();
    let appends = soon(join_all((0..100).map(|n| log.append(0, vec![batch(n)])))).await;
    assert!(appends.into_iter().all(|append| append.is_ok()));
    assert_eq!(log.bounds(0).await.unwrap().1, Offset(100));
    let error = log.append(0, (0..10).map(batch).collect()).await.unwrap_err();
    assert!(matches!(&error, BusError::TooLarge { source, .. } if source.name == "bus.max_append_bytes"), "{error}");
}

#[tokio::test]
async fn the_time_of_a_shard_survives_an_empty_segment_and_a_clock_set_back() {
    let folder = Folder::new();
    let log = folder.open(folder.config("state")).unwrap();
    fill(&log, 0..40).await;
    drop(log);
    // As if the process had ended right after it began a segment.
    let last = folder.segments().pop().unwrap();
    let bytes = std::fs::read(&last).unwrap();
    let first: i64 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    std::fs::write(&last, &bytes[..48]).unwrap();
    folder.simulation.set_wall(Timestamp::from_secs(5));
    let log = folder.open(folder.config("state")).unwrap();
    fill(&log, first..first + 1).await;
    let record = log.read(0, Offset(first.cast_unsigned())).next().await.unwrap().unwrap();
    assert_eq!(record.time, Timestamp::from_secs(1_800_000_000));
    folder.simulation.set_wall(Timestamp::from_secs(1_900_000_000));
    fill(&log, first + 1..first + 2).await;
    let record = log.read(0, Offset(first.cast_unsigned() + 1)).next().await.unwrap().unwrap();
    assert_eq!(record.time, Timestamp::from_secs(1_900_000_000));
}

/// Both in one life and over a restart.
#[tokio::test]
async fn the_time_of_a_log_that_is_ahead_of_the_clock_goes_on() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let folder = Folder::new();
    let start = folder.clock.now();
    let log = folder.open(folder.config("state")).unwrap();
    folder.simulation.set_wall(start.plus(DAY));
    fill(&log, 0..1).await;
    folder.simulation.set_wall(start);
    folder.simulation.advance(Duration::from_secs(640));
    fill(&log, 1..2).await;
    drop(log);
    let log = folder.open(folder.config("state")).unwrap();
    folder.simulation.advance(Duration::from_secs(640));
    fill(&log, 2..3).await;
    folder.simulation.set_wall(start.plus(2 * DAY));
    fill(&log, 3..4).await;
    let records: Vec<_> = log.read(0, Offset(0)).take(4).collect().await;
    let ahead = |record: &Result<model::Record, BusError>| record.as_ref().unwrap().time.since(start.plus(DAY));
    let ahead: Vec<u64> = records.iter().map(|record| ahead(record).as_secs()).collect();
    assert_eq!(ahead, [0, 630, 1260, DAY.as_secs()], "a little slower than the clock, until that is where the log is");
}

#[tokio::test]
async fn a_shard_that_is_too_large_takes_nothing_until_it_is_truncated() {
    let folder = Folder::new();
    let log = folder.open(EmbeddedConfig { max_log_bytes: 20_000, ..folder.config("state") }).unwrap();
    let mut n = 0;
    let error = loop {
        match log.append(0, vec![batch(n)]).await {
            Ok(_) => n += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&error, BusError::Unavailable { problem, .. } if problem.contains("bus.max_log_bytes")),
        "{error}"
    );
    log.truncate(0, Offset(n.cast_unsigned() - 1)).await.unwrap();
    fill(&log, n..n + 1).await;
    assert!(folder.segments().len() < 3);
}

#[tokio::test]
async fn truncated_records_are_kept_up_to_the_bytes_to_retain() {
    let folder = Folder::new();
    let log = folder.open(EmbeddedConfig { retain_bytes: 10_000, ..folder.config("state") }).unwrap();
    fill(&log, 0..100).await;
    log.truncate(0, Offset(100)).await.unwrap();
    let bytes: u64 = folder.segments().iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!((10_000..16_000).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn a_slow_reader_whose_records_are_truncated_is_told() {
    let folder = Folder::new();
    let log = folder.open(EmbeddedConfig { tail_bytes: 0, ..folder.config("state") }).unwrap();
    fill(&log, 0..100).await;
    let mut reader = log.read(0, Offset(0));
    let mut seen = 0;
    assert_eq!(reader.next().await.unwrap().unwrap().offset, Offset(0));
    log.truncate(0, Offset(90)).await.unwrap();
    let error = loop {
        match soon(reader.next()).await.unwrap() {
            Ok(record) => seen = record.offset.0,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, BusError::Truncated { asked, .. } if asked.0 == seen + 1), "{error}");
}

#[test]
fn unknown_keys_of_the_configuration_are_refused() {
    let fields = [("segment_byte", "5")];
    let map = serde::de::value::MapDeserializer::<_, serde::de::value::Error>::new(fields.into_iter());
    let error = <EmbeddedConfig as serde::Deserialize>::deserialize(map).unwrap_err().to_string();
    assert!(error.contains("`segment_byte`") && error.contains("segment_bytes"), "{error}");
}

#[tokio::test]
async fn a_group_at_rest_costs_no_thread_of_the_runtime() {
    let folder = Folder::new();
    let log = folder.open(folder.config("state")).unwrap();
    let mut reader = log.read(0, Offset(0));
    let waited = folder.clock.timeout(Duration::from_secs(1), reader.next());
    let moved = async { folder.simulation.advance(Duration::from_secs(2)) };
    let (waited, ()) = soon(futures::future::join(waited, moved)).await;
    assert!(waited.is_err(), "an empty log gave something");
}
