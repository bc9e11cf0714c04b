//! Texts that are not UTF-8, among others that are.

use ingest::{Content, Taken};
use model::Offset;
use model::rows::{LogLine, Series, Span};
use store::StoreConfig;
use wire::body::Encoding;
use wire::otlp::Format;
use wire::pb::Writer;

use crate::life::{Life, World};
use crate::queue::ORIGIN;

/// Appends an attribute, or a value of one with the number 2.
fn attribute(w: &mut Writer, number: u32, key: &[u8], value: &[u8]) {
    w.message(number, |w| {
        w.bytes(1, key);
        w.message(2, |w| w.bytes(1, value));
    });
}

/// `ExportLogsServiceRequest` with records of these bodies.
fn logs(bodies: &[&[u8]]) -> Vec<u8> {
    let mut w = Writer::default();
    w.message(1, |w| {
        w.message(2, |w| {
            for body in bodies {
                w.message(2, |w| {
                    w.fixed64(1, 1);
                    w.message(5, |w| w.bytes(1, body));
                    attribute(w, 6, b"k", b"v");
                });
            }
        });
    });
    w.finish()
}

/// Bodies of log records, and whether they have `text.lossy`, in order.
async fn seen(life: &Life) -> Vec<(String, bool)> {
    life.settle().await;
    let rows = life.rows::<LogLine>("logs").await;
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|row| {
            let lossy = row.attributes.get("text.lossy").map(String::as_str);
            assert!(matches!(lossy, None | Some("true")));
            (row.body, lossy.is_some())
        })
        .collect();
    rows.sort();
    rows
}

fn expected(texts: &[(&str, bool)]) -> Vec<(String, bool)> {
    texts.iter().map(|(text, lossy)| ((*text).to_owned(), *lossy)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_record_that_is_not_utf_8_is_kept_with_u_fffd_and_the_others_as_they_are() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let take = async |body: &[u8], format: Format| {
        life.ingest.otlp_logs(body, Encoding::Identity, format, &life.room()).await.unwrap()
    };
    let taken = take(&logs(&[b"a", b"caf\xe9", "\u{e9}".as_bytes()]), Format::Protobuf).await;
    assert_eq!((taken.logs, taken.refused.count()), (3, 0));
    assert_eq!(seen(&life).await, expected(&[("a", false), ("caf\u{fffd}", true), ("\u{e9}", false)]));
    let record = |body: &[u8]| [br#"{"body":{"stringValue":""#, body, br#""}}"#].concat();
    let records = [record(b"b"), record(br"emoji \ud83d"), record(b"c\xe9")].join(&b","[..]);
    let json = [br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#, &records[..], b"]}]}]}"].concat();
    assert_eq!(take(&json, Format::Json).await.logs, 3);
    let all = [
        ("a", false),
        ("b", false),
        ("caf\u{fffd}", true),
        ("c\u{fffd}", true),
        ("emoji \u{fffd}", true),
        ("\u{e9}", false),
    ];
    assert_eq!(seen(&life).await, expected(&all));
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_span_and_one_point_that_are_not_utf_8_are_kept_beside_the_others() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let mut w = Writer::default();
    w.message(1, |w| {
        w.message(2, |w| {
            for (id, value) in [(1, &b"caf\xe9"[..]), (2, b"x")] {
                w.message(2, |w| {
                    w.bytes(1, &[id; 16]);
                    w.bytes(2, &[id; 8]);
                    w.bytes(5, b"GET");
                    attribute(w, 9, b"k", value);
                });
            }
        });
    });
    let spans = w.finish();
    let taken = life.ingest.otlp_traces(&spans, Encoding::Identity, Format::Protobuf, &life.room()).await.unwrap();
    assert_eq!((taken.spans, taken.refused.count()), (2, 0));
    let mut w = Writer::default();
    w.message(1, |w| {
        w.message(2, |w| {
            w.message(2, |w| {
                w.bytes(1, b"g");
                w.message(5, |w| {
                    for value in [&b"caf\xe9"[..], b"x"] {
                        w.message(1, |w| {
                            w.fixed64(3, 1);
                            w.double(4, 1.0);
                            attribute(w, 7, b"k", value);
                        });
                    }
                });
            });
        });
    });
    let points = w.finish();
    let taken: Taken =
        life.ingest.otlp_metrics(&points, Encoding::Identity, Format::Protobuf, &life.room()).await.unwrap();
    assert_eq!((taken.samples, taken.refused.count()), (2, 0));
    life.settle().await;
    let mut spans: Vec<_> = life.rows::<Span>("spans").await.into_iter().map(|row| row.attributes).collect();
    spans.sort();
    let spans: Vec<Vec<_>> =
        spans.iter().map(|all| all.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()).collect();
    assert_eq!(spans, [vec![("k", "caf\u{fffd}"), ("text.lossy", "true")], vec![("k", "x")]]);
    let series = life.rows::<Series>("series").await;
    let mut values: Vec<_> = series.into_iter().filter_map(|row| row.labels.get("k").cloned()).collect();
    values.sort();
    assert_eq!(values, ["caf\u{fffd}", "x"]);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_documents_and_pushed_lines_that_are_not_utf_8_are_kept() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let requests = [logs(&[b"k1", b"k\xe9"]), logs(&[b"k2"])];
    let messages = [(Offset(0), &requests[0][..]), (Offset(1), &requests[1][..])];
    let content = Content::Logs(Format::Protobuf);
    let done = life.ingest.messages(&ORIGIN, content, &messages, &life.room()).await.unwrap();
    assert_eq!((done.taken.logs, done.bad), (3, vec![]));
    let lines = [(Offset(2), &b"{\"msg\":\"l1\"}\n{\"msg\":\"l\xe9\"}"[..])];
    let done = life.ingest.messages(&ORIGIN, Content::Lines, &lines, &life.room()).await.unwrap();
    assert_eq!((done.taken.logs, done.bad), (2, vec![]));
    let bulk = b"{\"index\":{}}\n{\"message\":\"b\xe9\"}\n{\"index\":{}}\n{\"message\":\"b1\"}\n";
    let (taken, _) = life.ingest.bulk(bulk, Encoding::Identity, "logs", &life.room()).await.unwrap();
    assert_eq!((taken.logs, taken.refused.count()), (2, 0));
    let push = b"{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"1\",\"p\xe9\"],[\"2\",\"p1\"]]}]}";
    let taken = life.ingest.loki_push(push, Encoding::Identity, Format::Json, &life.room()).await.unwrap();
    assert_eq!((taken.logs, taken.refused.count()), (2, 0));
    let all = [("b1", false), ("b\u{fffd}", true), ("k1", false), ("k2", false), ("k\u{fffd}", true)];
    let more = [("l1", false), ("l\u{fffd}", true), ("p1", false), ("p\u{fffd}", true)];
    assert_eq!(seen(&life).await, expected(&[&all[..], &more].concat()));
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_and_spans_say_so_of_their_resource_and_library_and_of_all_their_texts() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let resource = |host: &str| {
        format!(r#""resource":{{"attributes":[{{"key":"host.name","value":{{"stringValue":"{host}"}}}}]}}"#)
    };
    let logs = |host: &str, library: &str, records: &str| {
        let scopes = format!(r#"[{{"scope":{{"name":"{library}"}},"logRecords":[{records}]}}]"#);
        format!(r#"{{{},"scopeLogs":{scopes}}}"#, resource(host))
    };
    let record = |name: &str, more: &str| format!(r#"{{"body":{{"stringValue":"{name}"}}{more}}}"#);
    let bad = r"\ud83d";
    let own = [record("none", ""), record("event", &format!(r#","eventName":"{bad}""#))].join(",");
    let all = [logs("h", "l", &own), logs(bad, "l", &record("host", "")), logs("h", bad, &record("library", ""))];
    let body = format!(r#"{{"resourceLogs":[{}]}}"#, all.join(","));
    life.ingest.otlp_logs(body.as_bytes(), Encoding::Identity, Format::Json, &life.room()).await.unwrap();
    assert_eq!(seen(&life).await, expected(&[("event", true), ("host", true), ("library", true), ("none", false)]));
    let span = |name: &str, more: &str| {
        let ids = r#""traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7""#;
        format!(r#"{{{ids},"name":"{name}"{more}}}"#)
    };
    let own = [
        span("event", &format!(r#","events":[{{"name":"{bad}"}}]"#)),
        span("none", ""),
        span("status", &format!(r#","status":{{"message":"{bad}"}}"#)),
    ];
    let spans = |host: &str, spans: &str| format!(r#"{{{},"scopeSpans":[{{"spans":[{spans}]}}]}}"#, resource(host));
    let body = format!(r#"{{"resourceSpans":[{},{}]}}"#, spans("h", &own.join(",")), spans(bad, &span("host", "")));
    life.ingest.otlp_traces(body.as_bytes(), Encoding::Identity, Format::Json, &life.room()).await.unwrap();
    life.settle().await;
    let rows = life.rows::<Span>("spans").await;
    let mut found: Vec<_> =
        rows.iter().map(|row| (row.name.as_str(), row.attributes.contains_key("text.lossy"))).collect();
    found.sort_unstable();
    assert_eq!(found, [("event", true), ("host", true), ("none", false), ("status", true)]);
    life.end().await;
}

/// `io.prometheus.write.v2.Request`: one series with a sample for each symbol from the third on, which is the value of its
/// label `k`.
fn symbols(values: &[&[u8]]) -> Vec<u8> {
    let mut w = Writer::default();
    for symbol in [&b""[..], b"k"].iter().chain(values) {
        w.bytes(4, symbol);
    }
    for value in 0..values.len() {
        w.message(5, |w| {
            w.bytes(1, &[1, 2 + u8::try_from(value).unwrap()]);
            w.message(2, |w| (w.double(1, 1.0), w.varint(2, 1)).1);
        });
    }
    w.finish()
}

/// `prometheus.WriteRequest`: one series with a label `k` of each value, a sample and an exemplar that has it too, and what
/// a metric of each name is.
fn request(values: &[&[u8]]) -> Vec<u8> {
    let mut w = Writer::default();
    for value in values {
        let label = |w: &mut Writer| w.message(1, |w| (w.bytes(1, b"k"), w.bytes(2, value)).1);
        w.message(1, |w| {
            label(w);
            w.message(2, |w| (w.double(1, 1.0), w.varint(2, 1)).1);
        });
        w.message(1, |w| {
            w.message(1, |w| (w.bytes(1, b"k"), w.bytes(2, b"of exemplars")).1);
            w.message(3, |w| {
                label(w);
                w.varint(3, 1);
            });
        });
        w.message(3, |w| (w.bytes(2, value), w.bytes(4, value)).1);
    }
    w.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_is_written_remotely_only_the_series_whose_labels_are_not_utf_8_are_refused() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let values = async || {
        life.settle().await;
        let series = life.rows::<Series>("series").await;
        let mut values: Vec<_> = series.into_iter().filter_map(|row| row.labels.get("k").cloned()).collect();
        values.sort();
        values
    };
    let body = symbols(&[b"a", b"caf\xe9", b"b"]);
    let taken = life.ingest.remote_write_v2(&body, Encoding::Identity, &life.room()).await.unwrap();
    assert_eq!(taken.samples, 2);
    assert_eq!(taken.refused.to_string(), "1 refused: series 1: labels: symbol 3 is not UTF-8");
    assert_eq!(values().await, ["a", "b"]);
    let body = request(&[b"c", b"caf\xe9", b"d"]);
    let taken = life.ingest.remote_write_v1(&body, Encoding::Identity, &life.room()).await.unwrap();
    assert_eq!((taken.samples, taken.exemplars), (2, 3));
    let why = "2 refused: series 2: label `k` is not UTF-8; metadata 1: the metric's name is not UTF-8";
    assert_eq!(taken.refused.to_string(), why);
    assert_eq!(values().await, ["a", "b", "c", "d", "of exemplars"]);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pushed_stream_whose_labels_are_none_is_refused_and_the_others_are_kept() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let mut w = Writer::default();
    for (labels, line) in [(&b"{a=`b`}"[..], &b"1"[..]), (b"{a}", b"2"), (b"{a=`c`}", b"3")] {
        w.message(1, |w| {
            w.bytes(1, labels);
            w.message(2, |w| w.bytes(2, line));
        });
    }
    let body = w.finish();
    let taken = life.ingest.loki_push(&body, Encoding::Identity, Format::Protobuf, &life.room()).await.unwrap();
    assert_eq!(taken.refused.to_string(), "1 refused: stream 1: labels at byte 2: `=` is missing");
    assert_eq!(seen(&life).await, expected(&[("1", false), ("3", false)]));
    life.end().await;
}
