//! Expressions that are asked for again: the answer is what it would be if nobody had asked before,
//! whatever came late meanwhile.

use std::sync::Arc;
use std::time::Duration;

use base::{Rng, Timestamp};
use model::Labels;
use model::rows::{Sample, Series};
use promql::{Data, Steps};
use query::{Engine, PromqlOptions, QueryConfig, Selection};

use super::world::{World, at};

const QUESTIONS: [&str; 8] = [
    "load",
    "sum(load)",
    "rate(load[2m])",
    "max_over_time(load[3m:30s])",
    "load offset 1m",
    "count by (host) (load > 50)",
    "absent(load{host=\"5\"})",
    "load offset -1m",
];

fn load(host: u64) -> Series {
    let labels: Labels = [("host".to_owned(), host.to_string())].into();
    Series { time: at("10:00:00"), series_id: Series::id("load", &labels), metric: "load".to_owned(), labels }
}

/// A sample, mostly of about now and sometimes of long before.
fn sample(rng: &Rng, now: i64) -> Sample {
    let behind = if rng.below(8) == 0 { rng.below(3_600) } else { rng.below(20) } as i64;
    let ts = Timestamp::from_secs(now - behind);
    Sample { series_id: load(rng.below(6)).series_id, ts, value: rng.below(100) as f64 }
}

async fn asked(engine: &Engine, query: &str, steps: Steps) -> String {
    match engine.range(query, steps, PromqlOptions::default()).await.unwrap().data {
        Data::Matrix(series) => format!("{series:#?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_again_is_answered_as_if_for_the_first_time() {
    let world = World::empty().await;
    let kept = world.engine(QueryConfig::default());
    let fresh = world.engine(QueryConfig { cache_bytes: 0, ..QueryConfig::default() });
    let rng = Rng::seeded(3);
    world.append(&(0..6).map(load).collect::<Vec<_>>()).await;
    let start = at("10:00:00").nanos() / 1_000_000_000;
    for turn in 0..120 {
        let now = start + turn * 15;
        let samples: Vec<Sample> = (0..rng.below(12)).map(|_| sample(&rng, now)).collect();
        if !samples.is_empty() {
            world.append(&samples).await;
        }
        if rng.below(10) == 0 {
            world.store.flush().await.unwrap();
        }
        let query = QUESTIONS[rng.below(QUESTIONS.len() as u64) as usize];
        // Two dashboards, of which one moves by steps; another step now and then.
        let interval = [15_000, 15_000, 60_000][rng.below(3) as usize];
        let from = (now - [600, 1_800][rng.below(2) as usize]) * 1_000 / interval * interval;
        let steps = Steps::range(from, now * 1_000 + rng.below(3) as i64 * 15_000, interval);
        assert_eq!(asked(&kept, query, steps).await, asked(&fresh, query, steps).await, "turn {turn}: {query}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_idle_and_left_memory_is_answered_for_its_time() {
    let world = World::empty().await;
    let engine = world.engine(QueryConfig { cache_bytes: 0, ..QueryConfig::default() });
    world.append(&(0..2).map(load).collect::<Vec<_>>()).await;
    let start = at("10:00:00").nanos() / 1_000_000;
    let point = |host| Sample { series_id: load(host).series_id, ts: at("10:00:00"), value: host as f64 };
    world.append(&[point(0), point(1)]).await;
    world.store.flush().await.unwrap();
    let steps = Steps::range(start, start + 60_000, 15_000);
    let before = asked(&engine, "load{host=~\"0|1\"}", steps).await;
    assert!(before.contains("load"), "{before}");

    world.simulation.advance(Duration::from_secs(8 * 3_600));
    world.store.forget_idle_series();
    assert!(world.store.series().is_empty());
    assert_eq!(asked(&engine, "load{host=~\"0|1\"}", steps).await, before);
    assert_eq!(asked(&engine, "load{host!=\"\"}", steps).await, before);
    assert!(!asked(&engine, "load{host=\"7\"}", steps).await.contains("load"));
    let then = Selection::new(["load", "{host=\"1\"}"], (start, start + 60_000)).unwrap();
    let texts = |found: Vec<Arc<str>>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts(engine.label_values("host", &then).await.unwrap()), ["0", "1"]);
    assert_eq!(texts(engine.label_names(&then).await.unwrap()), ["__name__", "host"]);
    assert_eq!(engine.series(&then).await.unwrap().len(), 2);
    let now = at("19:00:00").nanos() / 1_000_000;
    let now = Selection::new([], (now, now)).unwrap();
    assert!(engine.series(&now).await.unwrap().is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn room_is_bounded_and_what_is_asked_least_goes_first() {
    let world = World::empty().await;
    let engine = world.engine(QueryConfig { cache_bytes: 40_000, ..QueryConfig::default() });
    world.append(&(0..6).map(load).collect::<Vec<_>>()).await;
    let start = at("10:00:00").nanos() / 1_000_000;
    let samples: Vec<Sample> = (0..600)
        .map(|n| Sample { ts: Timestamp::from_secs(start / 1_000 + n), ..sample(&Rng::seeded(n as u64), 0) })
        .collect();
    world.append(&samples).await;
    let steps = Steps::range(start, start + 300_000, 15_000);
    for n in 0..60 {
        asked(&engine, &format!("sum(load) + {n}"), steps).await;
    }
    assert!(engine.kept_bytes() <= 40_000, "{}", engine.kept_bytes());
    assert!(engine.kept_bytes() > 20_000, "{}", engine.kept_bytes());
    world.end().await;
}
