//! Requests that are small and would become much.

use bus::EmbeddedConfig;
use ingest::{IngestConfig, IngestError, Taken};
use store::StoreConfig;
use wire::body::Encoding;
use wire::otlp::Format;

use crate::life::{Life, World};

const DECODED: u64 = 100_000;

async fn life(world: &World) -> Life {
    let taking = IngestConfig { max_decoded_bytes: DECODED, ..IngestConfig::default() };
    world.start_on(StoreConfig::default(), taking, EmbeddedConfig::default()).await
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 128 {
        bytes.push((number % 128 + 128) as u8);
        number /= 128;
    }
    bytes.push(number as u8);
    bytes
}

/// A field with bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![number * 8 + 2], varint(bytes.len()), bytes.to_vec()].concat()
}

/// Several of them.
fn fields(number: u8, bytes: &[u8], count: usize) -> Vec<u8> {
    field(number, bytes).repeat(count)
}

/// Attributes with keys of three letters and without a value.
fn attributes(number: u8, count: usize) -> Vec<u8> {
    (0..count).flat_map(|n| field(number, &field(1, format!("{n:03}").as_bytes()))).collect()
}

fn span(more: &[u8]) -> Vec<u8> {
    [field(1, &[1]), field(2, &[1]), more.to_vec()].concat()
}

/// Spans of a resource and a scope.
fn traces(resource: &[u8], scope: &[u8], spans: &[u8]) -> Vec<u8> {
    let of_scope = [field(1, scope), spans.to_vec()].concat();
    field(1, &[field(1, resource), field(2, &of_scope)].concat())
}

/// Series of remote write 2.0 `m0`, `m1` and so on, each with `more`; `text` is symbol 2.
fn written(text: &str, count: usize, more: &[u8]) -> Vec<u8> {
    let mut symbols = [field(4, b""), field(4, b"__name__"), field(4, text.as_bytes())].concat();
    let mut series = Vec::new();
    for n in 0..count {
        symbols.extend(field(4, format!("m{n}").as_bytes()));
        let labels = [varint(1), varint(3 + n)].concat();
        series.extend(field(5, &[field(1, &labels), more.to_vec()].concat()));
    }
    [symbols, series].concat()
}

fn is_limited(name: &str, answer: Result<Taken, IngestError>) {
    let error = answer.map(|taken| panic!("{name}: {taken:?}")).unwrap_err();
    assert!(matches!(&error, IngestError::Rows(limit) if limit.name == "ingest.rows_bytes"), "{name}: {error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_records_count_with_each_attribute_of_their_resource() {
    let world = World::new();
    let life = life(&world).await;
    let (resource, records) = (fields(1, b"", 5_000), fields(2, b"", 100));
    let body = field(1, &[field(1, &resource), field(2, &records)].concat());
    assert!(body.len() < 11_000);
    is_limited("logs", life.ingest.otlp_logs(&body, Encoding::Identity, Format::Protobuf, &life.room()).await);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_count_with_their_scope_their_attributes_and_themselves() {
    let world = World::new();
    let life = life(&world).await;
    let scope = field(1, "x".repeat(20_000).as_bytes());
    let links = fields(13, b"", 45_000);
    let bodies = [
        ("scope", traces(b"", &scope, &fields(2, &span(b""), 100))),
        ("resource", traces(&attributes(1, 300), b"", &fields(2, &span(b""), 100))),
        ("small spans", traces(b"", b"", &fields(2, &span(b""), 5_000))),
        ("links", traces(b"", b"", &field(2, &span(&links)))),
    ];
    for (name, body) in bodies {
        assert!((body.len() as u64) < DECODED, "{name}: {}", body.len());
        is_limited(name, life.ingest.otlp_traces(&body, Encoding::Identity, Format::Protobuf, &life.room()).await);
    }
    let body = traces(&attributes(1, 10), &field(1, b"scope"), &fields(2, &span(b""), 100));
    let taken = life.ingest.otlp_traces(&body, Encoding::Identity, Format::Protobuf, &life.room()).await.unwrap();
    assert_eq!(taken.spans, 100);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_metric_is_counts_for_each_series_that_says_it() {
    let world = World::new();
    let life = life(&world).await;
    // A sample; what it counts, and help by reference.
    let metadata = [field(2, b""), field(5, &[vec![8, 1, 24], varint(2)].concat())].concat();
    let body = written(&"\u{1f600}".repeat(1_024), 400, &metadata);
    assert!(body.len() < 15_000);
    is_limited("metadata", life.ingest.remote_write_v2(&body, Encoding::Identity, &life.room()).await);
    let body = written("what it says", 400, &metadata);
    life.ingest.remote_write_v2(&body, Encoding::Identity, &life.room()).await.unwrap();
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_that_are_almost_nothing_count_as_what_they_take() {
    let world = World::new();
    let life = life(&world).await;
    let label = field(1, &[field(1, b"__name__"), field(2, b"m")].concat());
    let written = |samples: usize| field(1, &[label.clone(), fields(2, b"", samples)].concat());
    let body = written(45_000);
    assert!((body.len() as u64) < DECODED);
    is_limited("samples", life.ingest.remote_write_v1(&body, Encoding::Identity, &life.room()).await);
    let taken = life.ingest.remote_write_v1(&written(10_000), Encoding::Identity, &life.room()).await.unwrap();
    assert_eq!(taken.samples, 10_000);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_of_an_exemplar_count_before_they_are_copied() {
    let world = World::new();
    let life = life(&world).await;
    // Of one exemplar, the names of other series as names and one long text as each value.
    let labels: Vec<u8> = (0..100).flat_map(|n| [varint(3 + n), varint(2)].concat()).collect();
    let body = written(&"x".repeat(20_000), 100, &field(4, &field(1, &labels)));
    assert!((body.len() as u64) < DECODED);
    is_limited("exemplar", life.ingest.remote_write_v2(&body, Encoding::Identity, &life.room()).await);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_loki_count_with_each_label_of_their_stream() {
    let world = World::new();
    let life = life(&world).await;
    let labels: Vec<String> = (0..100).map(|n| format!(r#""a{n}":"""#)).collect();
    let push = |lines: usize| {
        let lines = vec![r#"["1",""]"#; lines].join(",");
        format!(r#"{{"streams":[{{"stream":{{{}}},"values":[{lines}]}}]}}"#, labels.join(","))
    };
    let json = Format::Json;
    assert!(push(1_000).len() < 11_000);
    is_limited("lines", life.ingest.loki_push(push(1_000).as_bytes(), Encoding::Identity, json, &life.room()).await);
    let taken = life.ingest.loki_push(push(100).as_bytes(), Encoding::Identity, json, &life.room()).await.unwrap();
    assert_eq!(taken.logs, 100);
    life.end().await;
}

/// Metrics of a resource and a scope.
fn metrics(resource: &[u8], scope: &[u8], metrics: &[u8]) -> Vec<u8> {
    let of_scope = [field(1, scope), metrics.to_vec()].concat();
    field(1, &[field(1, resource), field(2, &of_scope)].concat())
}

/// A gauge with so many points.
fn gauge(name: &str, points: usize) -> Vec<u8> {
    let value = [vec![4 * 8 + 1], vec![0; 8]].concat();
    field(2, &[field(1, name.as_bytes()), field(5, &fields(1, &value, points))].concat())
}

/// An attribute with a text.
fn attribute(number: u8, key: &str, value: &str) -> Vec<u8> {
    field(number, &[field(1, key.as_bytes()), field(2, &field(1, value.as_bytes()))].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_long_for_a_label_is_not_copied_for_each_series() {
    const POINTS: usize = 100_000;
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let (long, one) = ("x".repeat(4 << 20), gauge("m", 1));
    let scopes = [field(1, &attribute(1, "service.name", &long)), fields(2, b"", POINTS), field(2, &one)].concat();
    let buckets = [fields(6, &vec![0; 8 * POINTS], 1), field(7, &vec![0; 8 * (POINTS - 1)])].concat();
    let point = [attribute(9, "long", &long), buckets].concat();
    let histogram = field(2, &[field(1, b"h"), field(9, &field(1, &point))].concat());
    let many: Vec<u8> = (0..200_000).flat_map(|n| attribute(3, &n.to_string(), "x")).collect();
    // What has the long text, and how many points are refused.
    let requests = [
        ("the scope's name", metrics(b"", &field(1, long.as_bytes()), &gauge("m", POINTS)), POINTS),
        ("the scope's attributes", metrics(b"", &many, &gauge("m", POINTS)), POINTS),
        ("the sender", metrics(&attribute(1, "service.name", &long), b"", &gauge("m", POINTS)), POINTS),
        ("the sender of many scopes", field(1, &scopes), 1),
        ("the metric", metrics(b"", b"", &gauge(&long, POINTS)), POINTS),
        ("attributes of a point of many series", metrics(b"", b"", &histogram), 1),
    ];
    for (name, body, refused) in requests {
        let started = world.clock.monotonic();
        let taken = life.ingest.otlp_metrics(&body, Encoding::Identity, Format::Protobuf, &life.room()).await.unwrap();
        assert_eq!((taken.samples, taken.refused.count()), (0, refused), "{name}: {}", taken.refused);
        assert!(taken.refused.to_string().len() < 10_000, "{name}");
        // Copied for each of them it is 400 GB.
        let took = world.clock.monotonic().saturating_sub(started).as_secs();
        assert!(took < 20, "{name}: {took} s");
    }
    let body = metrics(&attribute(1, "service.name", "shop"), &field(1, b"scope"), &gauge("m", 1));
    let taken = life.ingest.otlp_metrics(&body, Encoding::Identity, Format::Protobuf, &life.room()).await.unwrap();
    assert_eq!((taken.samples, taken.refused.count()), (1, 0));
    life.end().await;
}
