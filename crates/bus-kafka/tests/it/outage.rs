use std::collections::BTreeMap;
use std::time::Duration;

use base::Clock;
use bus::{BusError, Log};
use bus_kafka::KafkaConfig;
use futures::StreamExt;
use futures::future::join_all;
use model::Offset;

use crate::broker::{Broker, batch, number, open, soon};

/// Twelve writers; the broker is killed twice in the midst. Each append is acknowledged once, and
/// is on the log exactly once, at the offset that was said.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_and_restarted_loses_and_doubles_nothing() {
    const WRITERS: i64 = 12;
    const APPENDS: i64 = 150;
    let Some(broker) = Broker::start().await else { return };
    // Far longer than a broker takes to come back on a busy machine: loss is looked for, not delay.
    let config = KafkaConfig { timeout: Duration::from_secs(300), ..broker.config("kill") };
    let log = open(config).await.unwrap();
    let done = tokio::sync::watch::Sender::new(0);
    let writers = (0..WRITERS).map(|writer| {
        let (log, done) = (&log, &done);
        async move {
            let mut acknowledged = Vec::new();
            for append in 0..APPENDS {
                let first = writer * 10_000 + append * 2;
                let last = log.append(0, vec![batch(first), batch(first + 1)]).await.unwrap();
                acknowledged.push((last.0, first + 1));
                done.send_modify(|done| *done += 1);
            }
            acknowledged
        }
    });
    let killer = async {
        for part in [4, 2] {
            done.subscribe().wait_for(|done| *done >= WRITERS * APPENDS / part).await.unwrap();
            broker.kill();
            tokio::task::block_in_place(|| broker.up());
        }
    };
    let mut reader = log.read(0, Offset(0));
    let (acknowledged, ()) = soon(600, futures::future::join(join_all(writers), killer)).await;
    let acknowledged: BTreeMap<u64, i64> = acknowledged.into_iter().flatten().collect();
    let total = (WRITERS * APPENDS * 2).cast_unsigned();
    assert_eq!(soon(60, log.bounds(0)).await.unwrap(), (Offset(0), Offset(total)));

    let mut seen = BTreeMap::new();
    while (seen.len() as u64) < total {
        match soon(60, reader.next()).await.unwrap() {
            Ok(record) => assert_eq!(seen.insert(number(&record), record.offset.0), None, "doubled"),
            Err(BusError::Unavailable { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(acknowledged.len() as i64, WRITERS * APPENDS);
    for (offset, n) in acknowledged {
        assert_eq!((seen.get(&n), seen.get(&(n - 1))), (Some(&offset), Some(&(offset - 1))), "batch {n}");
    }
}

/// What is asked while the broker is away is answered in time and names it; a reader goes on by
/// itself; nothing that was appended before or after is lost, and nothing is out of order.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_named_in_time_and_taken_up_again() {
    let Some(broker) = Broker::start().await else { return };
    drop(open(broker.config("away")).await.unwrap());
    let config = || KafkaConfig { timeout: Duration::from_secs(3), ..broker.config("away") };
    let log = open(config()).await.unwrap();
    // A broker that has just started may need longer than that.
    let first = soon(60, accepted(&log, 0)).await;
    let mut reader = log.read(0, first);
    assert_eq!(number(&soon(30, reader.next()).await.unwrap().unwrap()), 0);

    broker.kill();
    let clock = Clock::system();
    let begun = clock.monotonic();
    for _ in 0..2 {
        let error = log.append(0, vec![batch(1)]).await.unwrap_err();
        assert!(matches!(&error, BusError::Unavailable { retry_after, .. } if !retry_after.is_zero()), "{error}");
        assert!(error.to_string().contains(&broker.address), "{error}");
    }
    let error = log.bounds(0).await.unwrap_err();
    assert!(error.to_string().contains(&broker.address), "{error}");
    let error = open(config()).await.err().unwrap();
    assert!(matches!(&error, BusError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains(&broker.address), "{error}");
    assert!(clock.monotonic() - begun < Duration::from_secs(30));

    tokio::task::block_in_place(|| broker.up());
    let last = soon(60, accepted(&log, 2)).await;
    let mut read = Vec::new();
    while read.len() < usize::try_from(last.0 - first.0).unwrap() {
        match soon(30, reader.next()).await.unwrap() {
            Ok(record) => read.push(number(&record)),
            Err(BusError::Unavailable { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    // The refused append was not given up: it is there, in its place. The one after it waited for
    // it, so only its own further attempts can follow.
    assert_eq!(read[..2], [1, 2]);
    assert!(read[2..].iter().all(|n| *n == 2), "{read:?}");
}

/// Tries until the batch is taken; gives its offset.
async fn accepted(log: &impl Log, n: i64) -> Offset {
    loop {
        match log.append(0, vec![batch(n)]).await {
            Ok(offset) => return offset,
            Err(BusError::Unavailable { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
}
