use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use base::Timestamp;
use bytes::Bytes;
use futures::TryStreamExt;
use model::rows::{Live, LogLine, Span};
use model::{Key, Labels};
use parquet::file::reader::{FileReader, SerializedFileReader};
use store::{MapKey, ScanOptions, StoreConfig, StoreError, Text, TextTest};

use super::support::*;

fn span(n: i64) -> Span {
    Span {
        ts: Timestamp::from_secs(n),
        service: format!("service-{}", n % 7),
        name: "GET /".to_owned(),
        kind: "server".to_owned(),
        trace_id: trace(n / 4),
        span_id: format!("{n:016x}"),
        parent_span_id: None,
        trace_state: None,
        duration_ns: n,
        status: "ok".to_owned(),
        status_message: None,
        attributes: Labels::new(),
        resource: Labels::new(),
        scope: None,
        events: None,
        links: None,
    }
}

fn line(n: i64) -> LogLine {
    LogLine {
        ts: Timestamp::from_secs(n),
        service: format!("service-{}", n % 7),
        severity: "INFO".to_owned(),
        body: format!("request {n} took {} ms", n % 90),
        attributes: attributes(n),
        severity_number: None,
        observed_ts: None,
        trace_id: (n % 3 == 0).then(|| trace(n / 4)),
        span_id: None,
        resource: None,
        scope: None,
        event: None,
    }
}

/// Keys that are shorter and longer than what a view holds itself, values of which many repeat and others never do; some
/// lines have none.
fn attributes(n: i64) -> Labels {
    let all = [
        ("commit.collection", format!("app.bsky.feed.{}", ["like", "post", "repost"][n as usize % 3])),
        ("rev", format!("{:024x}", n * 7_919)),
        ("kind", if n % 3 == 0 { "commit" } else { "" }.to_owned()),
    ];
    all.into_iter().take(n as usize % 4).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// An id that says nothing of the time.
fn trace(n: i64) -> String {
    format!("{:032x}", (n as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

/// Whether a line satisfies conditions.
type Wanted = fn(&LogLine) -> bool;

fn one_of(column: usize, texts: &[&str]) -> TextTest {
    TextTest { column, key: None, text: Text::one_of(texts.iter().map(|text| (*text).to_owned()).collect()) }
}

fn key_of(column: usize, key: &str, texts: &[&str]) -> TextTest {
    TextTest { key: Some(key.to_owned()), ..one_of(column, texts) }
}

fn column(running: &Running, table: &str, name: &str) -> usize {
    running.store.snapshot().table(table).unwrap().schema().index_of(name).unwrap()
}

/// Spans and log records in four files each, of several row groups.
async fn filled() -> (World, Running) {
    let world = World::new().await;
    let running = world.start(StoreConfig { row_group_rows: 1_100, ..by_hand() }).await;
    for part in 0..4 {
        let of = part * 3_000..(part + 1) * 3_000;
        world.append(batch(&of.clone().map(span).collect::<Vec<_>>()));
        world.append(batch(&of.map(line).collect::<Vec<_>>()));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    (world, running)
}

#[tokio::test]
async fn a_trace_is_found_by_its_id_and_files_have_bloom_filters_of_it() {
    let (world, running) = filled().await;
    let trace_id = column(&running, "spans", "trace_id");
    for n in [0, 700, 2_999] {
        let texts = vec![one_of(trace_id, &[&trace(n), "none"])];
        let found = scan::<Span>(&running.store, "spans", ScanOptions { texts, ..ScanOptions::default() }).await;
        let mut ids: Vec<i64> = found.iter().map(|span| span.duration_ns).collect();
        ids.sort_unstable();
        assert_eq!(ids, (n * 4..n * 4 + 4).collect::<Vec<_>>(), "nothing else is decoded");
    }
    for table in ["spans", "logs"] {
        let paths = world.objects.paths(&format!("data/{table}")).await;
        assert!(paths.len() >= 4);
        for path in paths {
            let file = SerializedFileReader::new(Bytes::from(world.objects.bytes(&path).await)).unwrap();
            for group in file.metadata().row_groups() {
                let with_bloom =
                    |column: &&parquet::file::metadata::ColumnChunkMetaData| column.bloom_filter_offset().is_some();
                let names: Vec<String> =
                    group.columns().iter().filter(with_bloom).map(|column| column.column_path().string()).collect();
                assert_eq!(names, ["trace_id"], "{path}");
            }
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn what_conditions_on_texts_leave_is_what_they_ask_for() {
    let (_world, running) = filled().await;
    let (service, body) = (column(&running, "logs", "service"), column(&running, "logs", "body"));
    let trace_id = column(&running, "logs", "trace_id");
    let holding = |parts: &[&str]| TextTest {
        column: body,
        key: None,
        text: Text::Holding(parts.iter().map(|part| (*part).to_owned()).collect()),
    };
    let attributes = column(&running, "logs", "attributes");
    let cases: [(Vec<TextTest>, Wanted); 8] = [
        (vec![key_of(attributes, "commit.collection", &["app.bsky.feed.like", "x"])], |line| {
            line.attributes.get("commit.collection").is_some_and(|collection| collection == "app.bsky.feed.like")
        }),
        (vec![key_of(attributes, "kind", &[""]), one_of(service, &["service-3"])], |line| {
            line.service == "service-3" && line.attributes.get("kind").is_some_and(String::is_empty)
        }),
        (vec![one_of(service, &["service-3"])], |line| line.service == "service-3"),
        (vec![one_of(service, &["service-9", "a"])], |_| false),
        (vec![one_of(service, &["service-0", "service-6"]), holding(&["took 7 ms"])], |line| {
            matches!(line.service.as_str(), "service-0" | "service-6") && line.body.contains("took 7 ms")
        }),
        (vec![holding(&["request 11", "took 3 ms"])], |line| {
            line.body.contains("request 11") || line.body.contains("took 3 ms")
        }),
        (vec![holding(&["request 11"]), holding(&["took 3 ms"])], |line| {
            line.body.contains("request 11") && line.body.contains("took 3 ms")
        }),
        (vec![one_of(trace_id, &[&trace(12)])], |line| line.trace_id == Some(trace(12))),
    ];
    let all: Vec<LogLine> = rows(&running.store, "logs").await;
    assert_eq!(all.len(), 12_000);
    for (texts, wanted) in cases {
        for time in [None, Some((Timestamp::from_secs(500), Timestamp::from_secs(9_100)))] {
            let in_time = |line: &LogLine| time.is_none_or(|(first, last)| line.ts >= first && line.ts <= last);
            let options = ScanOptions { texts: texts.clone(), time, ..ScanOptions::default() };
            let found: Vec<LogLine> = scan(&running.store, "logs", options).await;
            let bodies = |lines: &[LogLine]| lines.iter().map(|line| line.body.clone()).collect::<BTreeSet<_>>();
            let expected: Vec<LogLine> = all.iter().filter(|line| wanted(line) && in_time(line)).cloned().collect();
            assert_eq!((found.len(), bodies(&found)), (expected.len(), bodies(&expected)), "{texts:?} in {time:?}");
        }
    }
    running.stop().await;
}

/// What is found of keys, with the time of each line.
async fn looked_up(running: &Running, options: ScanOptions) -> BTreeSet<(i64, Vec<Option<String>>)> {
    let table = running.store.snapshot().table("logs").unwrap();
    let batches: Vec<RecordBatch> = table.scan(options).try_collect().await.unwrap();
    let row = |batch: &RecordBatch, n: usize| {
        let text = |column: &ArrayRef| {
            let texts = column.as_string::<i32>();
            texts.is_valid(n).then(|| texts.value(n).to_owned())
        };
        let ts = batch.column(0).as_primitive::<TimestampNanosecondType>().value(n);
        (ts / 1_000_000_000, batch.columns()[1..].iter().map(text).collect())
    };
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |n| row(batch, n))).collect()
}

#[tokio::test]
async fn values_of_keys_are_those_that_the_maps_have() {
    let (world, running) = filled().await;
    // The last lines stay in memory.
    world.append(batch(&(12_000..12_100).map(line).collect::<Vec<_>>()));
    running.settle().await;
    let (ts, body) = (column(&running, "logs", "ts"), column(&running, "logs", "body"));
    let (attributes, resource) = (column(&running, "logs", "attributes"), column(&running, "logs", "resource"));
    let key = |column, key: &str| MapKey { column, key: key.to_owned() };
    let keys = ["commit.collection", "rev", "kind", "nowhere"];
    let map_keys: Vec<MapKey> = keys.iter().map(|name| key(attributes, name)).chain([key(resource, "kind")]).collect();
    let expected = |line: &LogLine| {
        let values = keys.iter().map(|name| line.attributes.get(*name).cloned()).chain([None]);
        (line.ts.nanos() / 1_000_000_000, values.collect::<Vec<_>>())
    };
    let all: BTreeSet<_> = (0..12_100).map(line).map(|line| expected(&line)).collect();
    let only = ScanOptions { projection: Some(vec![ts]), map_keys, ..ScanOptions::default() };
    assert_eq!(looked_up(&running, only.clone()).await, all);

    let time = Some((Timestamp::from_secs(500), Timestamp::from_secs(12_050)));
    let found = looked_up(&running, ScanOptions { time, ..only.clone() }).await;
    assert_eq!(found, all.iter().filter(|(ts, _)| (500..=12_050).contains(ts)).cloned().collect());

    // With a column that is large the maps decide first what of it is decoded; beside whole maps they are read as such.
    let texts = vec![key_of(attributes, "kind", &["commit"])];
    for projection in [vec![ts, body], vec![ts, body, attributes]] {
        let map_keys = vec![key(attributes, "kind")];
        let table = running.store.snapshot().table("logs").unwrap();
        let options =
            ScanOptions { projection: Some(projection), map_keys, texts: texts.clone(), ..ScanOptions::default() };
        let batches: Vec<RecordBatch> = table.scan(options).try_collect().await.unwrap();
        let kinds = batches.iter().flat_map(|batch| {
            let kinds = batch.column(batch.num_columns() - 1).as_string::<i32>();
            kinds.iter().map(|kind| kind.map(str::to_owned)).collect::<Vec<_>>()
        });
        let kinds: Vec<Option<String>> = kinds.collect();
        let in_files = (0..12_000).map(line).filter(|line| line.attributes.get("kind").is_some_and(|k| k == "commit"));
        assert_eq!(kinds.len(), in_files.count() + 100, "what is in memory is not left out");
        assert!(kinds.iter().skip(100).all(|kind| kind.as_deref() == Some("commit")));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_key_is_looked_for_in_maps_only() {
    let (_world, running) = filled().await;
    let map_keys = vec![MapKey { column: column(&running, "logs", "body"), key: "kind".to_owned() }];
    let table = running.store.snapshot().table("logs").unwrap();
    let rows: Result<Vec<RecordBatch>, _> =
        table.scan(ScanOptions { map_keys, ..ScanOptions::default() }).try_collect().await;
    assert!(matches!(rows, Err(StoreError::Columns { table: "logs", .. })));
    running.stop().await;
}

#[tokio::test]
async fn a_row_that_takes_the_place_of_another_does_so_whatever_its_texts_are() {
    let world = World::new().await;
    let running = world.start(by_hand()).await;
    let old = Live { source: "old".to_owned(), ..live("a", 1, Some("x")) };
    let new = Live { source: "new".to_owned(), ..live("a", 2, Some("x")) };
    for row in [old, new] {
        world.append(batch(&[row]));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    let texts = vec![one_of(column(&running, "resources", "source"), &["old"])];
    let found = scan::<Live>(&running.store, "resources", ScanOptions { texts, ..ScanOptions::default() }).await;
    assert_eq!(found.iter().map(|row| row.source.as_str()).collect::<Vec<_>>(), ["new"]);
    running.stop().await;
}

/// A line that nobody else has, within words that all have.
fn request(n: i64) -> LogLine {
    LogLine { body: format!("request {} of GET /cart was answered", id(n)), ..line(n) }
}

fn id(n: i64) -> String {
    Key::of(&n.to_le_bytes()).to_string()
}

/// The lines that hold `part`, and how many bytes were read for them.
async fn searched(world: &World, running: &Running, part: &str) -> (Vec<String>, u64) {
    let text = Text::Holding(vec![part.to_owned()]);
    let texts = vec![TextTest { column: column(running, "logs", "body"), key: None, text }];
    let before = world.objects.read();
    let found: Vec<LogLine> = scan(&running.store, "logs", ScanOptions { texts, ..ScanOptions::default() }).await;
    (found.into_iter().map(|line| line.body).collect(), world.objects.read() - before)
}

#[tokio::test]
async fn a_part_of_a_line_is_looked_for_only_where_it_may_be() {
    let world = World::new().await;
    let config = StoreConfig { row_group_rows: 1_100, compaction_files: 2, compaction_inputs: 8, ..by_hand() };
    let running = world.start(config).await;
    for part in 0..4 {
        world.append(batch(&(part * 3_000..(part + 1) * 3_000).map(request).collect::<Vec<_>>()));
        running.settle().await;
        running.store.flush().await.unwrap();
    }
    while running.store.compact().await.unwrap() {}
    // Once, so that footers are known.
    let (all, _) = searched(&world, &running, "GET /cart").await;
    assert_eq!(all.len(), 12_000);
    let (_, whole) = searched(&world, &running, "GET /cart").await;
    for n in [0, 5_000, 11_999] {
        let id = id(n);
        for part in [&id[..], &id[5..17], &format!("quest {} of", &id)] {
            let (found, read) = searched(&world, &running, part).await;
            assert_eq!(found, [request(n).body], "{part}");
            assert!(read < whole / 2, "{read} bytes for {part}, of {whole}");
        }
    }
    let (none, read) = searched(&world, &running, "panicked at src/main.rs").await;
    assert!(none.is_empty() && read < whole / 2, "{read} bytes of {whole}");

    // A filter that is damaged leaves nothing out.
    let mut damaged = 0;
    for path in world.objects.paths("data/logs").await {
        let mut bytes = world.objects.bytes(&path).await;
        let file = SerializedFileReader::new(Bytes::from(bytes.clone())).unwrap();
        let entries = file.metadata().file_metadata().key_value_metadata().unwrap().clone();
        // Those that were merged into it are still there.
        let Some(entry) = entries.iter().find(|entry| entry.key == "steadfast.pieces.body") else { continue };
        let places = entry.value.clone().unwrap();
        damaged += 1;
        for place in places.split(',') {
            let numbers: Vec<usize> = place.split(':').map(|number| number.parse().unwrap()).collect();
            bytes[numbers[0]..numbers[0] + numbers[1]].fill(0);
        }
        world.objects.overwrite(&path, bytes).await;
    }
    assert!(damaged > 0);
    let (found, _) = searched(&world, &running, &id(77)).await;
    assert_eq!(found, [request(77).body]);
    running.stop().await;
}
