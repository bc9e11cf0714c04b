//! Requests of which the log takes some parts, and which are sent again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bus::{BusError, Embedded, EmbeddedConfig, Log, Records};
use ingest::{Ingest, IngestConfig, IngestError};
use model::rows::{Exemplar, Span};
use model::{Batch, LogKind, Offset};
use store::StoreConfig;
use tokio::sync::Notify;
use wire::body::Encoding;
use wire::otlp::Format;

use crate::life::{Life, SHARDS, World};

/// A log that takes so many appends and then no more, or gives no answer.
struct Failing {
    log: Arc<Embedded>,
    left: AtomicU64,
    silent: bool,
    asked: Notify,
}

#[async_trait]
impl Log for Failing {
    fn shards(&self) -> u32 {
        self.log.shards()
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        if self.left.load(Ordering::SeqCst) == 0 {
            self.asked.notify_one();
            if self.silent {
                std::future::pending::<()>().await;
            }
            let (log, retry_after) = (LogKind::Telemetry.as_str().to_owned(), std::time::Duration::from_secs(1));
            return Err(BusError::Unavailable { log, problem: "no storage space".to_owned(), retry_after });
        }
        let appended = self.log.append(shard, batches).await?;
        self.left.fetch_sub(1, Ordering::SeqCst);
        Ok(appended)
    }

    fn read(&self, shard: u32, from: Offset) -> Records {
        self.log.read(shard, from)
    }

    async fn bounds(&self, shard: u32) -> Result<(Offset, Offset), BusError> {
        self.log.bounds(shard).await
    }

    async fn truncate(&self, shard: u32, before: Offset) -> Result<(), BusError> {
        self.log.truncate(shard, before).await
    }
}

/// Takes telemetry to the log of `life`, which takes `appends` before it fails.
fn failing(life: &Life, world: &World, appends: u64, silent: bool) -> (Ingest, Arc<Failing>) {
    let left = AtomicU64::new(appends);
    let log = Arc::new(Failing { log: life.log.clone(), left, silent, asked: Notify::new() });
    let ingest = Ingest::new(IngestConfig::default(), log.clone(), life.store.clone(), world.clock.clone());
    (ingest, log)
}

async fn life(world: &World) -> Life {
    let settings = EmbeddedConfig { max_batch_bytes: 32 << 10, queue_bytes: 128 << 10, ..EmbeddedConfig::default() };
    world.start_on(StoreConfig::default(), IngestConfig::default(), settings).await
}

/// A request with many records, or spans, of a resource that takes a kilobyte in each.
fn large(signal: &str) -> String {
    let attribute = format!(r#"{{"key":"a","value":{{"stringValue":"{}"}}}}"#, "x".repeat(1_000));
    let resource = format!(r#""resource":{{"attributes":[{attribute}]}}"#);
    let record = |n: u64| match signal {
        "logs" => format!(r#"{{"body":{{"stringValue":"{n}"}}}}"#),
        _ => format!(r#"{{"traceId":"{n:032x}","spanId":"{n:016x}","name":"n"}}"#),
    };
    let records: Vec<String> = (1..=300).map(record).collect();
    let records = records.join(",");
    match signal {
        "logs" => format!(r#"{{"resourceLogs":[{{{resource},"scopeLogs":[{{"logRecords":[{records}]}}]}}]}}"#),
        _ => format!(r#"{{"resourceSpans":[{{{resource},"scopeSpans":[{{"spans":[{records}]}}]}}]}}"#),
    }
}

async fn send(ingest: &Ingest, signal: &str, body: &str) -> Result<(), IngestError> {
    let (room, none, json) = (ingest.admit(body.len() as u64)?, Encoding::Identity, Format::Json);
    let body = body.as_bytes();
    let taken = match signal {
        "logs" => ingest.otlp_logs(body, none, json, &room).await,
        "traces" => ingest.otlp_traces(body, none, json, &room).await,
        _ => ingest.otlp_metrics(body, none, json, &room).await,
    };
    taken.map(drop)
}

/// How many log records and spans there are, and how many that are not the same.
async fn there(life: &Life) -> [(usize, usize); 2] {
    life.settle().await;
    let (texts, spans) = (life.texts().await, life.rows::<Span>("spans").await);
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
    [(texts.values().sum(), texts.len()), (spans.len(), ids.len())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_sent_again_since_the_log_took_parts_of_it_is_there_once() {
    let world = World::new();
    let life = life(&world).await;
    let (ingest, log) = failing(&life, &world, 0, false);
    for signal in ["logs", "traces"] {
        let body = large(signal);
        for appends in [3, 2] {
            log.left.store(appends, Ordering::SeqCst);
            let error = send(&ingest, signal, &body).await.unwrap_err();
            assert!(matches!(&error, IngestError::Log(BusError::Unavailable { .. })), "{error}");
        }
        log.left.store(u64::MAX, Ordering::SeqCst);
        send(&ingest, signal, &body).await.unwrap();
    }
    assert_eq!(there(&life).await, [(300, 300); 2]);
    // What is sent once more although it was taken is another request.
    send(&ingest, "logs", &large("logs")).await.unwrap();
    assert_eq!(there(&life).await, [(600, 300), (300, 300)]);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_request_whose_sender_goes_it_is_known_what_is_on_the_log() {
    let world = World::new();
    let life = life(&world).await;
    let (ingest, log) = failing(&life, &world, 4, true);
    let (body, other) = (large("logs"), large("logs").replace("stringValue\":\"1", "stringValue\":\"other 1"));
    tokio::select! {
        sent = send(&ingest, "logs", &body) => panic!("{sent:?}"),
        () = log.asked.notified() => {}
    }
    let [(before, _), _] = there(&life).await;
    assert!((1..300).contains(&before), "some parts are there: {before}");
    log.left.store(u64::MAX, Ordering::SeqCst);
    send(&ingest, "logs", &other).await.unwrap();
    send(&ingest, "logs", &body).await.unwrap();
    life.settle().await;
    let texts = life.texts().await;
    let others = texts.keys().filter(|text| text.starts_with("other")).count();
    assert!(others > 100 && texts.len() == 300 + others, "{others}");
    assert_eq!(texts.values().sum::<usize>(), 600, "neither leaves out what the other has");
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exemplars_of_the_shard_that_was_appended_first_are_there_once() {
    let world = World::new();
    let life = life(&world).await;
    let (ingest, log) = failing(&life, &world, 1, false);
    let metric = |n: u64| {
        let exemplar = format!(r#"{{"timeUnixNano":"5","asDouble":{n},"spanId":"{n:016x}","traceId":"{n:032x}"}}"#);
        let point = format!(r#"{{"timeUnixNano":"{n}000000","asDouble":{n},"exemplars":[{exemplar}]}}"#);
        format!(r#"{{"name":"m{n}","gauge":{{"dataPoints":[{point}]}}}}"#)
    };
    let metrics: Vec<String> = (1..=20).map(metric).collect();
    let body = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{}]}}]}}]}}"#, metrics.join(","));
    assert_eq!(SHARDS, 2);
    send(&ingest, "metrics", &body).await.unwrap_err();
    life.settle().await;
    let first = life.rows::<Exemplar>("exemplars").await.len();
    assert!((1..20).contains(&first), "those of one shard: {first}");
    log.left.store(u64::MAX, Ordering::SeqCst);
    send(&ingest, "metrics", &body).await.unwrap();
    life.settle().await;
    assert_eq!(life.rows::<Exemplar>("exemplars").await.len(), 20);
    let samples = life.samples().await;
    assert_eq!((samples.len(), samples.values().max()), (20, Some(&1)));
    life.end().await;
}
