//! What a query sees, and what of it reaches the scan.

use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use model::{LogKind, Offset};
use query::{QueryConfig, QueryError, Rows, SqlOptions, Token};

use super::world::{World, live};

fn number(rows: &Rows) -> i64 {
    rows.batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

async fn plan(engine: &query::Engine, sql: &str) -> String {
    let rows = engine.collect(&format!("EXPLAIN FORMAT INDENT {sql}"), SqlOptions::default()).await.unwrap();
    let lines =
        rows.batches.iter().flat_map(|batch| batch.column(1).as_string::<i32>().iter().flatten().map(str::to_owned));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn times_keys_and_columns_reach_the_scan() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    let time = plan(&engine, "SELECT value FROM samples WHERE ts > '2026-11-25T10:00:00Z'").await;
    assert!(time.contains("table=samples, columns=[ts, value], time=[2026-11-25T10:00:00Z,"), "{time}");
    let relative = plan(&engine, "SELECT value FROM samples WHERE ts > now() - interval '30 minutes'").await;
    assert!(relative.contains("time=[2026-11-25T10:30:00Z,"), "{relative}");
    let key = plan(&engine, "SELECT * FROM resources WHERE id = 'host/web-1/file//etc/motd'").await;
    assert!(key.contains(", keys=1"), "{key}");
    let view = plan(&engine, "SELECT value FROM metrics WHERE ts > '2026-11-25T10:00:00Z'").await;
    assert!(view.contains("time=[2026-11-25T10:00:00Z,"), "{view}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_looks_into_maps_itself() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    let scan = async |sql: &str| {
        let plan = plan(&engine, sql).await;
        plan.lines().find(|line| line.contains("ScanExec")).unwrap().trim().to_owned()
    };
    let counted = "SELECT attributes['kind'] AS kind, count(*) FROM logs WHERE attributes['user'] = 'a' GROUP BY kind";
    assert_eq!(scan(counted).await, "ScanExec: table=logs, columns=[attributes['user'], attributes['kind']], texts=1");
    let (whole, key) = ("SELECT * FROM logs", "attributes['kind'] IN ('a', 'b')");
    let filtered = scan(&format!("{whole} WHERE {key} AND attributes['n'] LIKE '%7%'")).await;
    assert!(filtered.contains("attributes, ") && filtered.contains(", texts=2"), "{filtered}");
    let either = scan(&format!("{whole} WHERE {key} OR attributes['user'] = 'b'")).await;
    assert!(!either.contains("texts="), "{either}");
    let last = "SELECT ts, upper(attributes['kind']) AS kind, body FROM logs WHERE service = 'web'";
    let last = scan(last).await;
    assert!(last.contains("attributes['kind']") && last.contains(", texts=1"), "{last}");
    assert!(!last.contains("attributes,") && !last.contains("attributes]"), "the map is not read: {last}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_looks_its_keys_up() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    // 61 points are stored, one of them of the series that is asked for.
    let sql = "EXPLAIN ANALYZE SELECT value FROM metrics WHERE labels['mode'] = 'idle'";
    let rows = engine.collect(sql, SqlOptions::default()).await.unwrap();
    let plan = rows.batches[0].column(1).as_string::<i32>().value(0).to_owned();
    let scan = plan.lines().find(|line| line.contains("table=samples")).unwrap();
    assert!(scan.contains("keys=of the join") && scan.contains("output_rows=1]"), "{plan}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_looks_as_it_was_described() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    for sql in [
        "SELECT * FROM drift",
        "SELECT scope, count(*) AS n, max(time) FROM resources GROUP BY scope",
        "SELECT * FROM metrics JOIN prom_instant('up', now()) AS p ON metrics.metric = p.metric",
        "SHOW TABLES",
        "EXPLAIN SELECT 1",
    ] {
        let described = engine.describe(sql, None).await.unwrap();
        let answered = engine.collect(sql, SqlOptions::default()).await.unwrap();
        assert_eq!((described.columns, described.parameters.fields().len()), (answered.schema, 0), "{sql}");
    }
    let described = engine.describe("SELECT id FROM drift WHERE line > ? AND id = $name", None).await.unwrap();
    let places: Vec<_> =
        described.parameters.fields().iter().map(|f| (f.name().as_str(), f.data_type().clone())).collect();
    assert_eq!(places, [("$1", DataType::Int64), ("$name", DataType::Utf8)]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_waits_for_what_was_appended() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig { timeout: Duration::from_secs(5), ..QueryConfig::default() });
    let count = "SELECT count(*) FROM resources";
    let token = world.append(&[live("etc/new", "10:40:00", Some("0644"))]).await;
    let seen = engine.collect(count, SqlOptions { token: Some(token), ..SqlOptions::default() }).await.unwrap();
    assert_eq!(number(&seen), 3);

    // A position that never comes ends with the query's time.
    let never = Token(vec![(LogKind::State, 0, Offset(1 << 40))]);
    let waiting =
        tokio::spawn(
            async move { engine.collect(count, SqlOptions { token: Some(never), ..SqlOptions::default() }).await },
        );
    while !waiting.is_finished() {
        world.simulation.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert!(matches!(waiting.await.unwrap(), Err(QueryError::Timeout { .. })));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tables_of_a_query_are_of_one_moment() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    let both = "SELECT (SELECT count(*) FROM resource_history) - (SELECT count(*) FROM resource_history)";
    for n in 0..20 {
        let name = format!("etc/many/{n}");
        let row = [live(&name, "10:41:00", Some("0644"))];
        let (_, rows) = tokio::join!(world.append(&row), engine.collect(both, SqlOptions::default()));
        assert_eq!(number(&rows.unwrap()), 0);
    }
    world.store.flush().await.unwrap();
    let after = engine.collect("SELECT count(*) FROM resource_history", SqlOptions::default()).await.unwrap();
    assert_eq!(number(&after), 25);
    world.end().await;
}
