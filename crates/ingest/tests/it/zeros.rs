//! Zeros where counting began, as rows.

use std::collections::BTreeMap;
use std::time::Duration;

use bus::EmbeddedConfig;
use ingest::{Content, IngestConfig, KnownBatch, KnownPoint, KnownValue, Message};
use model::rows::{HistogramPoint, Sample, Series};
use model::{Labels, Offset, SeriesId};
use store::StoreConfig;
use wire::body::Encoding;
use wire::otlp::Format;
use wire::pb::Writer;

use crate::life::{Life, World};
use crate::queue::ORIGIN;

async fn life(world: &World, created_zeros: bool) -> Life {
    let taking = IngestConfig { created_zeros, ..IngestConfig::default() };
    world.start_on(StoreConfig::default(), taking, EmbeddedConfig::default()).await
}

/// Nanoseconds of a second after `begin`.
fn at(begin: i64, second: i64) -> i64 {
    (begin + second) * 1_000_000_000
}

/// A request with a metric of each kind of which counting began at one second, at another.
fn metrics(begin: i64, start: i64, time: i64) -> String {
    let times = format!(r#""startTimeUnixNano":"{}","timeUnixNano":"{}""#, at(begin, start), at(begin, time));
    let point = format!(r#"{{{times},"asDouble":5}}"#);
    let sum = |name: &str, temporality: u8, is_monotonic: bool| {
        format!(
            r#"{{"name":"{name}","sum":{{"aggregationTemporality":{temporality},"isMonotonic":{is_monotonic},"dataPoints":[{point}]}}}}"#
        )
    };
    let bounds = r#""count":"3","sum":6,"explicitBounds":[1],"bucketCounts":["1","2"]"#;
    let exponential = r#""count":"2","sum":3,"scale":1,"zeroCount":"0","positive":{"offset":0,"bucketCounts":["2"]}"#;
    let all = [
        sum("counter", 2, true),
        sum("delta", 1, true),
        sum("up_down", 2, false),
        format!(r#"{{"name":"gauge","gauge":{{"dataPoints":[{point}]}}}}"#),
        format!(
            r#"{{"name":"classic","histogram":{{"aggregationTemporality":2,"dataPoints":[{{{times},{bounds}}}]}}}}"#
        ),
        format!(
            r#"{{"name":"summary","summary":{{"dataPoints":[{{{times},"count":"3","sum":6,"quantileValues":[{{"quantile":0.5,"value":2}}]}}]}}}}"#
        ),
        format!(
            r#"{{"name":"native","exponentialHistogram":{{"aggregationTemporality":2,"dataPoints":[{{{times},{exponential}}}]}}}}"#
        ),
        format!(
            r#"{{"name":"native_delta","exponentialHistogram":{{"aggregationTemporality":1,"dataPoints":[{{{times},{exponential}}}]}}}}"#
        ),
    ];
    format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{}]}}]}}]}}"#, all.join(","))
}

async fn send(life: &Life, body: &str) {
    let (none, json, room) = (Encoding::Identity, Format::Json, life.room());
    let taken = life.ingest.otlp_metrics(body.as_bytes(), none, json, &room).await.unwrap();
    assert_eq!(taken.refused.count(), 0, "{}", taken.refused);
    life.settle().await;
}

/// By series, the second of each row and whether it is a zero.
async fn rows(life: &Life, begin: i64) -> BTreeMap<String, Vec<(i64, bool)>> {
    let series: BTreeMap<SeriesId, String> = life
        .rows::<Series>("series")
        .await
        .into_iter()
        .map(|row| {
            let number = row.labels.get("le").or(row.labels.get("quantile")).map_or("", String::as_str);
            (row.series_id, format!("{}{number}", row.metric))
        })
        .collect();
    let mut all: BTreeMap<String, Vec<(i64, bool)>> = BTreeMap::new();
    let second = |nanos: i64| nanos / 1_000_000_000 - begin;
    for row in life.rows::<Sample>("samples").await {
        all.entry(series[&row.series_id].clone()).or_default().push((second(row.ts.nanos()), row.value == 0.0));
    }
    for row in life.rows::<HistogramPoint>("histograms").await {
        let is_zero = row.count == 0.0 && row.positive_counts.is_empty() && row.reset_hint == "yes";
        all.entry(series[&row.series_id].clone()).or_default().push((second(row.ts.nanos()), is_zero));
    }
    all.values_mut().for_each(|rows| rows.sort_unstable());
    all
}

const COUNTING: [&str; 8] = [
    "classic_bucket+Inf",
    "classic_bucket1",
    "classic_count",
    "classic_sum",
    "counter_total",
    "native",
    "summary_count",
    "summary_sum",
];
const OTHERS: [&str; 5] = ["delta_total", "gauge", "native_delta", "summary0.5", "up_down"];

fn check(all: &BTreeMap<String, Vec<(i64, bool)>>, zeros: &[i64], others: &[i64]) {
    assert_eq!(all.len(), COUNTING.len() + OTHERS.len(), "{:?}", all.keys());
    for name in COUNTING {
        let mut expected: Vec<(i64, bool)> =
            zeros.iter().map(|second| (*second, true)).chain(others.iter().map(|second| (*second, false))).collect();
        expected.sort_unstable();
        assert_eq!(all[name], expected, "{name}");
    }
    for name in OTHERS {
        assert_eq!(all[name], others.iter().map(|second| (*second, false)).collect::<Vec<_>>(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_counts_gets_one_zero_for_each_beginning_also_over_retries_and_restarts() {
    let (world, time) = World::simulated();
    let begin = world.clock.now().nanos() / 1_000_000_000 + 1;
    let first = life(&world, true).await;
    time.advance(Duration::from_secs(30));
    // The second request is the first again, and the third knows the time a little differently.
    for (start, time) in [(10, 20), (10, 20), (11, 35)] {
        send(&first, &metrics(begin, start, time)).await;
    }
    check(&rows(&first, begin).await, &[10], &[20, 35]);
    first.end().await;
    time.advance(Duration::from_secs(10));
    let second = life(&world, true).await;
    time.advance(Duration::from_secs(60));
    // What began before the process may have samples from then on; what began since has none.
    for (start, time) in [(12, 50), (70, 80), (70, 95)] {
        send(&second, &metrics(begin, start, time)).await;
    }
    check(&rows(&second, begin).await, &[10, 70], &[20, 35, 50, 80, 95]);
    second.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_read_together_and_a_start_that_is_said_later_take_no_sample_away() {
    let (world, time) = World::simulated();
    let begin = world.clock.now().nanos() / 1_000_000_000 + 1;
    let life = life(&world, true).await;
    time.advance(Duration::from_secs(60));
    // Counting began at the first sample, as who does not know it says; then it is reset.
    let bodies = [(20, 20), (20, 35), (40, 50)].map(|(start, time)| metrics(begin, start, time));
    let messages: Vec<Message<'_>> = (0..).map(Offset).zip(bodies.iter().map(String::as_bytes)).collect();
    let taken = life.ingest.messages(&ORIGIN, Content::Metrics(Format::Json), &messages, &life.room()).await.unwrap();
    assert_eq!((taken.bad, taken.taken.refused.count()), (Vec::new(), 0));
    life.settle().await;
    check(&rows(&life, begin).await, &[40], &[20, 35, 50]);
    life.end().await;

    let (world, time) = World::simulated();
    let begin = world.clock.now().nanos() / 1_000_000_000 + 1;
    let life = self::life(&world, true).await;
    time.advance(Duration::from_secs(60));
    send(&life, &metrics(begin, 20, 20).replace(&format!(r#""startTimeUnixNano":"{}","#, at(begin, 20)), "")).await;
    send(&life, &metrics(begin, 20, 35)).await;
    check(&rows(&life, begin).await, &[], &[20, 35]);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_no_sample_is_there_that_was_not_sent() {
    let (world, time) = World::simulated();
    let begin = world.clock.now().nanos() / 1_000_000_000 + 1;
    let life = life(&world, false).await;
    time.advance(Duration::from_secs(30));
    send(&life, &metrics(begin, 10, 20)).await;
    check(&rows(&life, begin).await, &[], &[20]);
    life.end().await;
}

/// A request of remote write 2.0 with a series of each type, whose counting began at one second, at another.
fn remote_write(types: &[(&str, u64)], begin: i64, start: i64, time: i64) -> Vec<u8> {
    let mut request = Writer::default();
    let symbols = ["", "__name__"].into_iter().chain(types.iter().map(|(name, _)| *name));
    symbols.for_each(|symbol| request.bytes(4, symbol.as_bytes()));
    for ((_, kind), name) in types.iter().zip(2..) {
        let (mut series, mut sample, mut metadata) = (Writer::default(), Writer::default(), Writer::default());
        series.bytes(1, &[1, name]);
        sample.double(1, 5.0);
        for (number, second) in [(2, time), (3, start)] {
            sample.varint(number, (at(begin, second) / 1_000_000).cast_unsigned());
        }
        series.bytes(2, &sample.finish());
        metadata.varint(1, *kind);
        series.bytes(5, &metadata.finish());
        request.bytes(5, &series.finish());
    }
    request.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_times_of_remote_write_and_of_scrapes_count_where_something_counts() {
    let (world, time) = World::simulated();
    let begin = world.clock.now().nanos() / 1_000_000_000 + 1;
    let life = life(&world, true).await;
    time.advance(Duration::from_secs(30));
    let body = remote_write(&[("of_no_type", 0), ("counter", 1), ("gauge", 2)], begin, 10, 20);
    for _ in 0..2 {
        let taken = life.ingest.remote_write_v2(&body, Encoding::Identity, &life.room()).await.unwrap();
        assert_eq!((taken.samples, taken.refused.count()), (3, 0), "zeros were not sent: {}", taken.refused);
    }
    let name = |name: &str| Labels::from([("__name__".to_owned(), name.to_owned())]);
    let point = |second: i64, start_ms: i64| KnownPoint {
        series: life.ingest.series(name("scraped")),
        time_ms: at(begin, second) / 1_000_000,
        start_ms,
        value: KnownValue::Float(5_f64.to_bits()),
    };
    let start = at(begin, 12) / 1_000_000;
    let points = vec![point(15, start), point(30, start), point(45, at(begin, 40) / 1_000_000), point(60, 0)];
    let batch = KnownBatch { points, ..KnownBatch::default() };
    life.ingest.take_known(&batch, "scrape", &life.room()).await.unwrap();
    life.settle().await;
    let expected = [
        ("counter", vec![(10, true), (20, false)]),
        ("gauge", vec![(20, false)]),
        ("of_no_type", vec![(10, true), (20, false)]),
        ("scraped", vec![(12, true), (15, false), (30, false), (40, true), (45, false), (60, false)]),
    ];
    let expected = expected.map(|(name, rows)| (name.to_owned(), rows));
    assert_eq!(rows(&life, begin).await, BTreeMap::from(expected));
    life.end().await;
}
