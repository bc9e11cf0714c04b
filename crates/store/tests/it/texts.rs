use std::collections::BTreeSet;

use base::Timestamp;
use bytes::Bytes;
use model::Labels;
use model::rows::{Live, LogLine, Span};
use parquet::file::reader::{FileReader, SerializedFileReader};
use store::{ScanOptions, StoreConfig, Text, TextTest};

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
        attributes: Labels::new(),
        severity_number: None,
        observed_ts: None,
        trace_id: (n % 3 == 0).then(|| trace(n / 4)),
        span_id: None,
        resource: None,
        scope: None,
        event: None,
    }
}

/// An id that says nothing of the time.
fn trace(n: i64) -> String {
    format!("{:032x}", (n as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

/// Whether a line satisfies conditions.
type Wanted = fn(&LogLine) -> bool;

fn one_of(column: usize, texts: &[&str]) -> TextTest {
    TextTest { column, text: Text::one_of(texts.iter().map(|text| (*text).to_owned()).collect()) }
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
        text: Text::Holding(parts.iter().map(|part| (*part).to_owned()).collect()),
    };
    let cases: [(Vec<TextTest>, Wanted); 6] = [
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
