//! Scrapes of which the log has some rows and not the others.

use model::Stream;

use super::server::{Reply, Server};
use super::world::{INTERVAL, World, at};

/// Metrics of which either half is in both shards, wherever each falls.
const NAMES: [&str; 40] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w",
    "x", "y", "z", "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N",
];

fn text(names: &[&str]) -> Reply {
    Reply::Text(names.iter().map(|name| format!("{name} 1\n")).collect())
}

/// Counters with an exemplar each, which are `n`, and other metrics.
fn counters(n: u32, more: &str) -> Reply {
    let counter = |name: &str| format!("# TYPE {name} counter\n{name}_total {n} # {{t=\"x\"}} {n}\n");
    let lines: String = NAMES.into_iter().map(counter).collect();
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Reply::Bytes(open, "", format!("{lines}{more}# EOF\n").into_bytes())
}

#[tokio::test]
async fn what_one_shard_has_of_a_scrape_is_not_written_over_when_there_is_no_room_to_try_again() {
    let (old, new) = NAMES.split_at(20);
    let server = Server::start([text(old), text(&NAMES), text(old)]).await;
    let world = World::scraping("", &[server.port]).await;
    world.first().await;
    let (began, before) = (world.log.times("a")[0], *world.log.tried.lock().unwrap());
    *world.log.broken.lock().unwrap() = Some(1);
    world.advance(INTERVAL);
    world.until("a shard has failed", |world| *world.log.tried.lock().unwrap() == before + 2).await;
    world.settle().await;
    // The answer has its room.
    let others = world.ingest.admit(world.ingest.config().max_in_flight_bytes - 1_024).unwrap();
    world.pass(INTERVAL - 1).await;
    world.until("it is given up", |world| !world.error().is_empty()).await;
    assert!(world.error().contains("full disk"), "{}", world.error());
    *world.log.broken.lock().unwrap() = None;
    drop(others);
    world.pass(1).await;
    world.until("the log is back", |world| world.log.times("a").last() == Some(&(began + 120_000))).await;
    let there = |name: &&&str| world.log.times(name).contains(&(began + 60_000));
    let (old, new): (Vec<&&str>, Vec<&&str>) = (old.iter().filter(there).collect(), new.iter().filter(there).collect());
    assert!(!old.is_empty() && !new.is_empty(), "{old:?} {new:?}");
    for name in old {
        assert_eq!(world.log.times(name), [0, 60_000, 60_001, 120_000].map(|time| began + time), "{name}");
        assert_eq!(world.of(name), at(&[(0, "1"), (1, "1"), (1, "stale"), (2, "1")]), "{name}");
    }
    for name in new {
        assert_eq!(world.log.times(name)[..2], [60_000, 60_001].map(|time| began + time), "{name}");
        assert_eq!(world.of(name)[..2], at(&[(1, "1"), (1, "stale")]), "{name}");
    }
    world.end().await;
}

#[tokio::test]
async fn all_rows_are_there_but_those_that_the_log_never_takes() {
    let gone = "# TYPE gone gauge\ngone 1\n";
    let server = Server::start([counters(1, gone), counters(2, ""), counters(3, "")]).await;
    let world = World::scraping("", &[server.port]).await;
    *world.log.never.lock().unwrap() = Some(Stream::Exemplars);
    for _ in 0..3 {
        world.tick().await;
    }
    for name in NAMES.map(|name| format!("{name}_total")) {
        assert_eq!(world.of(&name), at(&[(1, "1"), (2, "2"), (3, "3")]), "{name}");
        assert_eq!(world.log.named(&name), 1, "{name}");
    }
    assert_eq!(world.of("gone"), at(&[(1, "1"), (2, "stale")]), "it is marked once");
    assert_eq!(world.of("up"), at(&[(1, "1"), (2, "1"), (3, "1")]));
    assert!(world.error().contains("test_rows"), "{}", world.error());
    world.end().await;
}

#[tokio::test]
async fn what_is_told_late_is_there_beside_a_row_that_is_never_taken() {
    let server = Server::start([counters(1, ""), counters(2, ""), counters(3, "")]).await;
    let world = World::scraping("", &[server.port]).await;
    *world.log.never.lock().unwrap() = Some(Stream::Exemplars);
    world.first().await;
    *world.log.away.lock().unwrap() = u32::MAX;
    world.pass(2 * INTERVAL + INTERVAL / 2).await;
    *world.log.away.lock().unwrap() = 0;
    world.pass(1).await;
    world.until("the log is back", |world| world.of("up").len() == 3).await;
    assert_eq!(world.of("up"), at(&[(0, "1"), (1, "0"), (2, "1")]));
    for name in NAMES.map(|name| format!("{name}_total")) {
        assert_eq!(world.of(&name), at(&[(0, "1"), (1, "stale"), (2, "3")]), "{name}");
    }
    world.end().await;
}

#[tokio::test]
async fn series_of_which_the_log_took_no_name_are_named_again() {
    let server = Server::start([counters(1, ""), counters(2, "")]).await;
    let world = World::scraping("", &[server.port]).await;
    *world.log.never.lock().unwrap() = Some(Stream::Series);
    world.tick().await;
    *world.log.never.lock().unwrap() = None;
    world.tick().await;
    for name in NAMES.map(|name| format!("{name}_total")) {
        assert_eq!(world.of(&name), at(&[(1, "1"), (2, "2")]), "{name}");
    }
    world.end().await;
}
