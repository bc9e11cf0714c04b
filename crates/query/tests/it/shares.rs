//! Tables that are large enough to be read in shares, and keys of maps in them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::Labels;
use model::rows::LogLine;
use query::{Engine, QueryConfig, SqlOptions};

use super::cases::table;
use super::world::{World, at};

/// More than one core reads as a whole.
const LINES: u64 = 110_000;
/// Lines of a record, and of a file.
const PART: u64 = 11_000;
const COLLECTIONS: [&str; 3] = ["app.bsky.feed.like", "app.bsky.feed.post", "repost"];

fn line(n: u64) -> LogLine {
    // Some lines have no attributes, some not all.
    let all = [
        ("collection", COLLECTIONS[(n / 7 % 3) as usize].to_owned()),
        ("did", format!("did:plc:{}", n * n % 1_009)),
        ("kind", if n.is_multiple_of(5) { "identity" } else { "commit" }.to_owned()),
    ];
    let attributes: Labels =
        all.into_iter().take(3 - (n % 11 / 8) as usize).map(|(key, value)| (key.to_owned(), value)).collect();
    LogLine {
        ts: at("00:00:00").plus(Duration::from_millis(n * 300)),
        service: "jetstream".to_owned(),
        severity: String::new(),
        body: format!("event {n}"),
        attributes: if n.is_multiple_of(13) { Labels::new() } else { attributes },
        severity_number: None,
        observed_ts: None,
        trace_id: None,
        span_id: None,
        resource: None,
        scope: None,
        event: None,
    }
}

/// All but the last part is in files.
async fn world() -> World {
    let world = World::empty().await;
    for first in (0..LINES).step_by(PART as usize) {
        if first > 0 {
            world.store.flush().await.unwrap();
        }
        world.append(&(first..first + PART).map(line).collect::<Vec<_>>()).await;
    }
    world
}

async fn answer(engine: &Engine, sql: &str) -> String {
    table(&engine.collect(sql, SqlOptions::default()).await.unwrap())
}

/// How many lines and how many people each collection has, of commits.
fn people() -> String {
    let mut of: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
    for line in (0..LINES).map(line) {
        let value = |key: &str| line.attributes.get(key).cloned();
        if value("kind").as_deref() == Some("commit") {
            let (lines, people) = of.entry(value("collection").unwrap()).or_default();
            *lines += 1;
            people.extend(value("did"));
        }
    }
    let rows = of.iter().map(|(what, (lines, people))| format!("\n{what} | {lines} | {}", people.len()));
    format!("what | n | people{}", rows.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_read_in_shares_answers_as_if_it_were_read_as_a_whole() {
    let world = world().await;
    let engine = world.engine(QueryConfig::default());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for (question, expected) in [
        (
            "SELECT attributes['collection'] AS what, count(*) AS n, count(DISTINCT attributes['did']) AS people \
             FROM logs WHERE attributes['kind'] = 'commit' GROUP BY what ORDER BY what",
            Some(people()),
        ),
        (
            "SELECT date_part('hour', ts) AS hour, count(*) AS n, count(attributes['kind']) AS kinds, min(ts) AS first, \
             count(attributes['nowhere']) + count(resource['kind']) AS nothing FROM logs GROUP BY hour ORDER BY hour",
            None,
        ),
        ("SELECT body, attributes FROM logs WHERE attributes['did'] = 'did:plc:81' ORDER BY ts", None),
    ] {
        // A limit that is not reached; with one a table is not shared.
        let whole = question.replace("FROM logs", &format!("FROM (SELECT * FROM logs LIMIT {}) AS logs", 2 * LINES));
        let plan = answer(&engine, &format!("EXPLAIN FORMAT INDENT {question}")).await;
        assert_eq!(plan.contains(&format!(", shares={cores}")), cores > 1, "{plan}");
        let plan = answer(&engine, &format!("EXPLAIN FORMAT INDENT {whole}")).await;
        assert!(!plan.contains(", shares="), "{plan}");
        let (shared, whole) = (answer(&engine, question).await, answer(&engine, &whole).await);
        assert_eq!(shared, whole, "{question}");
        assert!(shared.lines().count() > 1, "{question}");
        if let Some(expected) = expected {
            assert_eq!(shared, expected, "{question}");
        }
    }
    world.end().await;
}
