//! What is said of libraries, and of what senders left out.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use futures::TryStreamExt;
use model::Labels;
use model::rows::{LogLine, Span};
use store::{ScanOptions, StoreConfig};
use wire::body::Encoding;
use wire::otlp::Format;

use crate::life::World;

const SCOPE: &str = r#""scope":{"name":"lib","version":"1.2","attributes":[{"key":"tier","value":{"stringValue":"db"}}]},
    "schemaUrl":"https://opentelemetry.io/schemas/1.30.0""#;

/// What is known of the library, and these.
fn with_scope(more: &[(&str, &str)]) -> Labels {
    let scope = [
        ("otel.scope.schema_url", "https://opentelemetry.io/schemas/1.30.0"),
        ("otel.scope.tier", "db"),
        ("otel.scope.version", "1.2"),
    ];
    scope.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_say_of_which_version_of_a_library_they_are_and_how_much_was_left_out() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let records = r#"[{"body":{"stringValue":"a"},"droppedAttributesCount":3},{"body":{"stringValue":"b"}}]"#;
    let other = r#"{"scope":{"name":"old"},"logRecords":[{"body":{"stringValue":"c"}}]}"#;
    let body = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{{SCOPE},"logRecords":{records}}},{other}]}}]}}"#);
    life.ingest.otlp_logs(body.as_bytes(), Encoding::Identity, Format::Json, &life.room()).await.unwrap();
    life.settle().await;
    let rows = life.rows::<LogLine>("logs").await;
    let found: BTreeMap<_, _> = rows.into_iter().map(|row| (row.body, row.attributes)).collect();
    assert_eq!(found["a"], with_scope(&[("otel.dropped_attributes_count", "3")]));
    assert_eq!(found["b"], with_scope(&[]));
    assert_eq!(found["c"], Labels::new());
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_say_what_was_left_out_of_them_and_links_their_state() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let ids = r#""traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7""#;
    let span = format!(
        r#"{{{ids},"name":"n","droppedAttributesCount":1,"droppedEventsCount":2,"droppedLinksCount":4,
            "attributes":[{{"key":"k","value":{{"stringValue":"v"}}}}],
            "events":[{{"timeUnixNano":"5","name":"e","droppedAttributesCount":6}},{{"timeUnixNano":"7","name":"f"}}],
            "links":[{{{ids},"traceState":"a=\"1\"","droppedAttributesCount":8}}]}}"#
    );
    let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{{SCOPE},"spans":[{span}]}}]}}]}}"#);
    life.ingest.otlp_traces(body.as_bytes(), Encoding::Identity, Format::Json, &life.room()).await.unwrap();
    life.settle().await;
    let row = life.rows::<Span>("spans").await.remove(0);
    let own = [
        ("k", "v"),
        ("otel.dropped_attributes_count", "1"),
        ("otel.dropped_events_count", "2"),
        ("otel.dropped_links_count", "4"),
    ];
    assert_eq!((row.attributes, row.scope.as_deref()), (with_scope(&own), Some("lib")));
    let json = |text: Option<String>| serde_json::from_str::<serde_json::Value>(&text.unwrap()).unwrap();
    let events = serde_json::json!([
        {"time": 5, "name": "e", "attributes": {}, "dropped_attributes_count": 6},
        {"time": 7, "name": "f", "attributes": {}},
    ]);
    assert_eq!(json(row.events), events);
    let link = json(row.links)[0].clone();
    assert_eq!((&link["trace_state"], &link["dropped_attributes_count"]), (&"a=\"1\"".into(), &8.into()));
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_record_or_a_span_says_itself_stands() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let own = [("otel.dropped_attributes_count", "9"), ("otel.scope.version", "own"), ("text.lossy", "no")];
    let sent = own.map(|(key, value)| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)).join(",");
    let common = format!(r#""droppedAttributesCount":3,"attributes":[{sent}]"#);
    let ids = r#""traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"\ud83d""#;
    let record = format!(r#"{{"body":{{"stringValue":"\ud83d"}},{common}}}"#);
    let logs = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{{SCOPE},"logRecords":[{record}]}}]}}]}}"#);
    let spans = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{{SCOPE},"spans":[{{{ids},{common}}}]}}]}}]}}"#);
    life.ingest.otlp_logs(logs.as_bytes(), Encoding::Identity, Format::Json, &life.room()).await.unwrap();
    life.ingest.otlp_traces(spans.as_bytes(), Encoding::Identity, Format::Json, &life.room()).await.unwrap();
    life.settle().await;
    assert_eq!(life.rows::<LogLine>("logs").await.remove(0).attributes, with_scope(&own));
    assert_eq!(life.rows::<Span>("spans").await.remove(0).attributes, with_scope(&own));
    // A name is in the map once, for SQL finds the first of several.
    let table = life.store.snapshot().table("logs").unwrap();
    let batches: Vec<_> = table.scan(ScanOptions::default()).try_collect().await.unwrap();
    let maps = batches[0].column_by_name("attributes").unwrap().as_map();
    assert_eq!(maps.value_length(0), 5);
    life.end().await;
}
