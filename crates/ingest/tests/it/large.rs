//! What is larger than the log takes at once.

use bus::{BusError, EmbeddedConfig};
use ingest::{IngestConfig, IngestError, KnownBatch, KnownPoint, KnownValue, Message};
use model::{Labels, Offset};
use store::StoreConfig;
use wire::body::Encoding;
use wire::otlp::Format;
use wire::pb::Writer;

use crate::life::{Life, World};
use crate::queue::ORIGIN;

const BATCH: u64 = 32 << 10;

async fn life(world: &World) -> Life {
    let settings = EmbeddedConfig { max_batch_bytes: BATCH, queue_bytes: 4 * BATCH, ..EmbeddedConfig::default() };
    world.start_on(StoreConfig::default(), IngestConfig::default(), settings).await
}

/// A request with records of one resource that has an attribute of `size` bytes.
fn logs(size: usize, texts: impl Iterator<Item = String>) -> String {
    let record = |text: String| format!(r#"{{"timeUnixNano":"1","body":{{"stringValue":"{text}"}}}}"#);
    let records: Vec<String> = texts.map(record).collect();
    let attribute = format!(r#"{{"key":"a","value":{{"stringValue":"{}"}}}}"#, "x".repeat(size));
    let records = records.join(",");
    format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{attribute}]}},"scopeLogs":[{{"logRecords":[{records}]}}]}}]}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_with_more_new_series_than_a_batch_has_room_for_is_scraped() {
    let world = World::new();
    let life = life(&world).await;
    let series = |n: u64| Labels::from([("__name__".to_owned(), format!("m{n}")), ("long".to_owned(), "x".repeat(80))]);
    let point = |n: u64| KnownPoint {
        series: life.ingest.series(series(n)),
        time_ms: n.cast_signed(),
        start_ms: 0,
        value: KnownValue::Float((n as f64).to_bits()),
    };
    let batch = KnownBatch { points: (0..3_000).map(point).collect(), ..KnownBatch::default() };
    let taken = life.ingest.take_known(&batch, "scrape", &life.room()).await.unwrap();
    assert_eq!((taken.samples, taken.refused.count()), (3_000, 0));
    life.settle().await;
    let samples = life.samples().await;
    assert_eq!((samples.len(), samples.values().max()), (3_000, Some(&1)));
    assert_eq!(life.lost_series().await, []);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_whose_resource_takes_more_than_a_batch_together_are_taken_once() {
    let world = World::new();
    let life = life(&world).await;
    let body = logs(1_000, (0..500).map(|n| n.to_string()));
    life.ingest.otlp_logs(body.as_bytes(), Encoding::Identity, Format::Json, &life.room()).await.unwrap();
    life.settle().await;
    let texts = life.texts().await;
    assert_eq!((texts.len(), texts.values().max()), (500, Some(&1)));
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_record_that_is_never_taken_the_others_do_not_suffer() {
    let world = World::new();
    let life = life(&world).await;
    let texts = ["first".to_owned(), "x".repeat(BATCH as usize), "last".to_owned()];
    let body = logs(1, texts.into_iter());
    let room = life.room();
    let error = life.ingest.otlp_logs(body.as_bytes(), Encoding::Identity, Format::Json, &room).await.unwrap_err();
    assert!(matches!(&error, IngestError::Log(BusError::TooLarge { .. })), "{error}");
    life.settle().await;
    let texts: Vec<(String, usize)> = life.texts().await.into_iter().collect();
    assert_eq!(texts, [("first".to_owned(), 1), ("last".to_owned(), 1)]);
    let again = life.ingest.otlp_logs(body.as_bytes(), Encoding::Identity, Format::Json, &room).await;
    assert!(
        matches!(&again, Err(IngestError::Log(BusError::TooLarge { .. }))),
        "what is not there is not acknowledged: {again:?}"
    );
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rows_that_are_never_taken_those_of_all_shards_do_not_suffer() {
    let world = World::new();
    let life = life(&world).await;
    let counts = vec![r#""1""#; 5_000].join(",");
    let metrics = |n: u64| {
        let gauge = format!(r#"{{"timeUnixNano":"{}","asDouble":{n}}}"#, n * 1_000_000);
        let buckets = format!(r#"{{"offset":0,"bucketCounts":[{counts}]}}"#);
        let point = format!(r#"{{"timeUnixNano":"1","count":"5000","scale":0,"positive":{buckets}}}"#);
        format!(
            r#"{{"name":"h{n}","exponentialHistogram":{{"aggregationTemporality":2,"dataPoints":[{point}]}}}},
            {{"name":"g{n}","gauge":{{"dataPoints":[{gauge}]}}}}"#
        )
    };
    let metrics: Vec<String> = (0..8).map(metrics).collect();
    let body = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{}]}}]}}]}}"#, metrics.join(","));
    let taken = life.ingest.otlp_metrics(body.as_bytes(), Encoding::Identity, Format::Json, &life.room()).await;
    assert!(matches!(&taken, Err(IngestError::Log(BusError::TooLarge { .. }))), "{taken:?}");
    life.settle().await;
    assert_eq!(life.samples().await, (0..8).map(|n| (n, 1)).collect());
    assert_eq!(life.lost_series().await, []);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_a_queue_are_not_taken_in_parts() {
    let world = World::new();
    let life = life(&world).await;
    let lines: Vec<String> =
        (0..100).map(|n| format!(r#"{{"message": "{n}", "more": "{}"}}"#, "x".repeat(800))).collect();
    let messages: Vec<Message<'_>> = (0..).map(Offset).zip(lines.iter().map(|line| line.as_bytes())).collect();
    let error = life.ingest.messages(&ORIGIN, ingest::Content::Lines, &messages, &life.room()).await.unwrap_err();
    assert!(matches!(&error, IngestError::Log(BusError::TooLarge { .. })), "{error}");
    life.settle().await;
    assert_eq!((life.texts().await.len(), life.next_message().await), (0, 0), "who reads them takes fewer at once");
    life.end().await;
}

/// A process whose requests may become this many bytes.
async fn small(world: &World, max_decoded_bytes: u64) -> Life {
    let taking = IngestConfig { max_decoded_bytes, ..IngestConfig::default() };
    world.start_on(StoreConfig::default(), taking, EmbeddedConfig::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_once_and_kept_often_has_a_limit() {
    let world = World::new();
    let life = small(&world, 100_000).await;
    let attribute = format!(r#"{{"key":"a","value":{{"stringValue":"{}"}}}}"#, "x".repeat(20_000));
    let many = |item: &str| vec![item; 100].join(",");
    let spans = many(r#"{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"n"}"#);
    let lines = many(r#"["1","x"]"#);
    let resource = format!(r#""resource":{{"attributes":[{attribute}]}}"#);
    let logs = logs(20_000, (0..100).map(|n| n.to_string()));
    let traces = format!(r#"{{"resourceSpans":[{{{resource},"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
    let pushed = format!(r#"{{"streams":[{{"stream":{{"a":"{}"}},"values":[{lines}]}}]}}"#, "x".repeat(20_000));
    let (none, json, room) = (Encoding::Identity, Format::Json, life.room());
    let answers = [
        life.ingest.otlp_logs(logs.as_bytes(), none, json, &room).await,
        life.ingest.otlp_traces(traces.as_bytes(), none, json, &room).await,
        life.ingest.loki_push(pushed.as_bytes(), none, json, &room).await,
    ];
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(matches!(&error, IngestError::Rows(limit) if limit.name == "ingest.rows_bytes"), "{error}");
    }
    let bulk = format!("{{\"index\":{{}}}}\n{}\n", nested(20_000, 100));
    let error = life.ingest.bulk(bulk.as_bytes(), none, "logs", &room).await.unwrap_err();
    assert!(matches!(&error, IngestError::Rows(limit) if limit.name == "ingest.rows_bytes"), "{error}");
    life.settle().await;
    assert_eq!(life.texts().await.len(), 0, "nothing of it was taken");
    life.end().await;
}

/// A document whose members have a path of `size` bytes each.
fn nested(size: usize, members: usize) -> String {
    let members: Vec<String> = (0..members).map(|n| format!(r#""{n}":1"#)).collect();
    format!(r#"{{"message":"m","{}":{{{}}}}}"#, "x".repeat(size), members.join(","))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_messages_of_a_queue_become_together_has_a_limit_and_fewer_are_taken() {
    let world = World::new();
    let life = small(&world, 100_000).await;
    let lines = vec![nested(20_000, 25); 2];
    let requests: Vec<String> = (0..2).map(|_| logs(20_000, (0..25).map(|n| n.to_string()))).collect();
    let all = [(ingest::Content::Lines, lines), (ingest::Content::Logs(Format::Json), requests)];
    for (content, texts) in all {
        let first = life.next_message().await;
        let messages: Vec<Message<'_>> = (first..).map(Offset).zip(texts.iter().map(String::as_bytes)).collect();
        let error = life.ingest.messages(&ORIGIN, content, &messages, &life.room()).await.unwrap_err();
        assert!(matches!(&error, IngestError::Log(BusError::TooLarge { .. })), "{error}");
        assert!(error.to_string().contains("ingest.rows_bytes"), "{error}");
        for message in messages.chunks(1) {
            assert_eq!(life.ingest.messages(&ORIGIN, content, message, &life.room()).await.unwrap().bad, []);
        }
    }
    let worst = nested(20_000, 100);
    let message = [(Offset(life.next_message().await), worst.as_bytes())];
    let error = life.ingest.messages(&ORIGIN, ingest::Content::Lines, &message, &life.room()).await.unwrap_err();
    assert!(
        matches!(&error, IngestError::Log(BusError::TooLarge { .. })),
        "who reads them tells of it and goes on: {error}"
    );
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_unknown_length_takes_room_as_it_comes() {
    let world = World::new();
    let taking = IngestConfig { max_in_flight_bytes: 100 << 10, ..IngestConfig::default() };
    let life = world.start_on(StoreConfig::default(), taking, EmbeddedConfig::default()).await;
    let busy = |taken: Result<(), IngestError>| matches!(taken, Err(IngestError::Busy { .. }));
    let (mut one, mut other) = (life.ingest.admit(0).unwrap(), life.ingest.admit(0).unwrap());
    one.cover(&life.ingest, 60 << 10).unwrap();
    one.cover(&life.ingest, 10).unwrap();
    assert!(busy(other.cover(&life.ingest, 60 << 10)));
    other.cover(&life.ingest, 40 << 10).unwrap();
    assert!(busy(one.cover(&life.ingest, 61 << 10)));
    drop(other);
    one.cover(&life.ingest, 1 << 30).unwrap();
    assert!(busy(life.ingest.admit(0).map(drop)), "it has all the room that there is");
    drop(one);
    life.ingest.admit(100 << 10).unwrap();
    life.end().await;
}

/// A process that takes so many bytes at once.
async fn narrow(world: &World, max_in_flight_bytes: u64) -> Life {
    let taking = IngestConfig { max_in_flight_bytes, ..IngestConfig::default() };
    world.start_on(StoreConfig::default(), taking, EmbeddedConfig::default()).await
}

/// Requests of each protocol that are small and become about 2 MB of rows, as `(protocol, body)`.
fn that_grow() -> Vec<(&'static str, String)> {
    let name = "x".repeat(20_000);
    let attribute = format!(r#"{{"key":"a","value":{{"stringValue":"{name}"}}}}"#);
    let resource = format!(r#""resource":{{"attributes":[{attribute}]}}"#);
    let span = r#"{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"n"}"#;
    let (spans, lines) = (vec![span; 100].join(","), vec![r#"["1","x"]"#; 100].join(","));
    let bounds: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    let point = format!(
        r#"{{"count":"0","explicitBounds":[{}],"bucketCounts":[{}]}}"#,
        bounds.join(","),
        vec![r#""0""#; 20_001].join(",")
    );
    let histogram = format!(r#"{{"name":"h","histogram":{{"dataPoints":[{point}]}}}}"#);
    vec![
        ("logs", logs(20_000, (0..100).map(|n| n.to_string()))),
        ("traces", format!(r#"{{"resourceSpans":[{{{resource},"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#)),
        ("loki", format!(r#"{{"streams":[{{"stream":{{"a":"{name}"}},"values":[{lines}]}}]}}"#)),
        ("bulk", format!("{{\"index\":{{}}}}\n{}\n", nested(20_000, 100))),
        ("metrics", format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{histogram}]}}]}}]}}"#)),
    ]
}

async fn send(life: &Life, protocol: &str, body: &str) -> Result<(), IngestError> {
    let (none, json, room) = (Encoding::Identity, Format::Json, life.ingest.admit(body.len() as u64)?);
    let body = body.as_bytes();
    match protocol {
        "logs" => life.ingest.otlp_logs(body, none, json, &room).await.map(drop),
        "traces" => life.ingest.otlp_traces(body, none, json, &room).await.map(drop),
        "loki" => life.ingest.loki_push(body, none, json, &room).await.map(drop),
        "bulk" => life.ingest.bulk(body, none, "logs", &room).await.map(drop),
        _ => life.ingest.otlp_metrics(body, none, json, &room).await.map(drop),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_request_becomes_takes_room_and_alone_it_can_always_go() {
    let world = World::new();
    let life = narrow(&world, 12 << 20).await;
    let others = life.ingest.admit(11 << 20).unwrap();
    for (protocol, body) in that_grow() {
        assert!(body.len() < 800 << 10, "there is room for what is sent: {}", body.len());
        let error = send(&life, protocol, &body).await.unwrap_err();
        let limit =
            matches!(&error, IngestError::Busy { problem, .. } if problem.contains("ingest.max_in_flight_bytes"));
        assert!(limit, "{protocol}: {error}");
    }
    life.settle().await;
    assert_eq!((life.texts().await.len(), life.samples().await.len()), (0, 0), "nothing of them was taken");
    assert!(life.ingest.admit(1 << 20).is_ok(), "who was refused has given back what it had");
    drop(others);
    for (protocol, body) in that_grow() {
        send(&life, protocol, &body).await.unwrap();
    }
    assert!(life.ingest.admit(12 << 20).is_ok(), "what is on the log takes no room");
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_by_itself_is_more_than_all_may_take_is_told_so_and_not_to_come_again() {
    let world = World::new();
    let life = narrow(&world, 1 << 20).await;
    for (protocol, body) in that_grow() {
        let error = send(&life, protocol, &body).await.unwrap_err();
        let limit = matches!(&error, IngestError::InFlight(limit) if limit.name == "ingest.max_in_flight_bytes");
        assert!(limit, "{protocol}: {error}");
    }
    assert!(life.ingest.admit(1 << 20).is_ok());
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_messages_that_together_are_more_than_all_may_take_fewer_are_taken() {
    let world = World::new();
    let life = narrow(&world, 1 << 20).await;
    let bodies: Vec<String> = (0..2).map(|_| logs(20_000, (0..30).map(|n| n.to_string()))).collect();
    let messages: Vec<Message<'_>> = (0..).map(Offset).zip(bodies.iter().map(String::as_bytes)).collect();
    let content = ingest::Content::Logs(Format::Json);
    let error = life.ingest.messages(&ORIGIN, content, &messages, &life.room()).await.unwrap_err();
    assert!(matches!(&error, IngestError::Log(BusError::TooLarge { .. })), "{error}");
    assert!(error.to_string().contains("ingest.max_in_flight_bytes"), "{error}");
    for message in messages.chunks(1) {
        assert_eq!(life.ingest.messages(&ORIGIN, content, message, &life.room()).await.unwrap().bad, []);
    }
    let later = [(Offset(2), bodies[0].as_bytes())];
    let (room, others) = (life.room(), life.ingest.admit(600 << 10).unwrap());
    let error = life.ingest.messages(&ORIGIN, content, &later, &room).await.unwrap_err();
    assert!(matches!(&error, IngestError::Busy { .. }), "it is no message's fault: {error}");
    drop(others);
    life.ingest.messages(&ORIGIN, content, &later, &room).await.unwrap();
    life.settle().await;
    let texts = life.texts().await;
    assert_eq!((texts.len(), texts.values().max()), (30, Some(&3)));
    life.end().await;
}

/// A request of remote write 2.0: a series with a sample, and one with a histogram of so many buckets, each of a byte.
fn with_buckets(buckets: usize) -> Vec<u8> {
    let [mut request, mut sample, mut histogram, mut span] = [(); 4].map(|()| Writer::default());
    ["", "__name__", "small", "large"].iter().for_each(|symbol| request.bytes(4, symbol.as_bytes()));
    sample.double(1, 5.0);
    sample.varint(2, 1);
    span.varint(2, buckets as u64);
    histogram.varint(1, 0);
    histogram.bytes(11, &span.finish());
    histogram.bytes(12, &vec![0; buckets]);
    histogram.varint(15, 1);
    for (name, field, value) in [(2, 2, sample.finish()), (3, 3, histogram.finish())] {
        let mut series = Writer::default();
        series.bytes(1, &[1, name]);
        series.bytes(field, &value);
        request.bytes(5, &series.finish());
    }
    request.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_histogram_of_very_many_buckets_is_refused_and_the_rest_is_taken() {
    let world = World::new();
    let life = small(&world, 64 << 20).await;
    for (buckets, kept) in [(65_536, 1), (65_537, 0)] {
        let (body, room) = (with_buckets(buckets), life.room());
        let taken = life.ingest.remote_write_v2(&body, Encoding::Identity, &room).await.unwrap();
        assert_eq!((taken.samples, taken.histograms, taken.refused.count()), (1, kept, 1 - kept), "{}", taken.refused);
        assert_eq!(taken.refused.to_string().contains("ingest.histogram_buckets"), kept == 0, "{}", taken.refused);
    }
    let side = |buckets: usize| format!(r#"{{"offset":0,"bucketCounts":[{}]}}"#, vec![r#""1""#; buckets].join(","));
    let body = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"h","exponentialHistogram":{{"aggregationTemporality":2,
        "dataPoints":[{{"timeUnixNano":"1","count":"65537","scale":0,"positive":{}}}]}}}}]}}]}}]}}"#,
        side(65_537)
    );
    let taken =
        life.ingest.otlp_metrics(body.as_bytes(), Encoding::Identity, Format::Json, &life.room()).await.unwrap();
    assert!(taken.refused.to_string().contains("h: its buckets:"), "{}", taken.refused);
    life.end().await;
}
