//! Every limit ends a query with its name, and leaves the engine as it was.

use std::time::Duration;

use base::Clock;
use futures::StreamExt;
use model::rows::{Exemplar, HistogramPoint, Series};
use query::{Engine, ExpressionError, PromqlOptions, QueryConfig, QueryError, Selection, SqlOptions};

use super::world::{World, at};

async fn limit_of(engine: &Engine, sql: &str) -> &'static str {
    match engine.collect(sql, SqlOptions::default()).await {
        Err(QueryError::Limit { limit, message }) => {
            assert!(message.contains(limit), "{message}");
            limit
        }
        other => panic!("{sql}: {other:?}"),
    }
}

async fn healthy(engine: &Engine) {
    let rows = engine.collect("SELECT count(*) FROM drift", SqlOptions::default()).await.unwrap();
    assert_eq!(rows.batches[0].num_rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_beyond_the_limit_are_an_error_unless_the_caller_asked_for_fewer() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig { max_rows: 10, ..QueryConfig::default() });
    assert_eq!(limit_of(&engine, "SELECT * FROM samples").await, "max_rows");
    let fewer = SqlOptions { max_rows: Some(3), ..SqlOptions::default() };
    let rows = engine.collect("SELECT * FROM samples", fewer.clone()).await.unwrap();
    assert_eq!(rows.batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 3);
    assert!(rows.truncated);
    let whole = engine.collect("SELECT * FROM samples LIMIT 3", fewer).await.unwrap();
    assert!(!whole.truncated);
    let more = SqlOptions { max_rows: Some(11), ..SqlOptions::default() };
    assert!(matches!(
        engine.collect("SELECT * FROM samples", more).await,
        Err(QueryError::Limit { limit: "max_rows", .. })
    ));
    healthy(&engine).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig { memory_bytes: 4 << 20, max_rows: 1 << 40, ..QueryConfig::default() });
    let sort = "SELECT v FROM (SELECT value AS v FROM range(0, 20000000)) ORDER BY v % 1000, v";
    assert_eq!(limit_of(&engine, sort).await, "memory_bytes");
    let groups = "SELECT value, count(*) FROM range(0, 20000000) GROUP BY value";
    assert_eq!(limit_of(&engine, groups).await, "memory_bytes");
    healthy(&engine).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_in_sql_are_bounded_as_they_are_alone() {
    let world = World::fleet().await;
    let hour = "SELECT * FROM prom_range('{job=\"web\"}', '2026-11-25T09:00:00Z', '2026-11-25T10:00:00Z', '1s')";
    let engine = world.engine(QueryConfig { promql_samples: 100, ..QueryConfig::default() });
    assert_eq!(limit_of(&engine, hour).await, "promql_samples");
    let engine = world.engine(QueryConfig { promql_series: 1, ..QueryConfig::default() });
    let both = "SELECT * FROM prom_range('{job=\"web\"}', '2026-11-25T09:58:00Z', '2026-11-25T10:00:00Z', '1m')";
    assert_eq!(limit_of(&engine, both).await, "promql_series");
    let engine = world.engine(QueryConfig { memory_bytes: 64 << 10, ..QueryConfig::default() });
    assert_eq!(limit_of(&engine, hour).await, "memory_bytes");
    let engine = world.engine(QueryConfig::default());
    let one = "SELECT value FROM prom_instant('1', now())";
    let calls = |count| vec![one; count].join(" UNION ALL ");
    let rows = engine.collect(&calls(16), SqlOptions::default()).await.unwrap();
    assert_eq!(rows.batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 16);
    assert_eq!(limit_of(&engine, &calls(17)).await, "promql_calls");
    healthy(&engine).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_beyond_the_limit_are_refused_until_one_has_ended() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig { max_concurrent: 2, max_wait: Duration::ZERO, ..QueryConfig::default() });
    let first = engine.sql("SELECT * FROM samples", SqlOptions::default()).await.unwrap();
    let mut second = engine.sql("SELECT * FROM samples", SqlOptions::default()).await.unwrap();
    let third = engine.sql("SELECT 1", SqlOptions::default()).await;
    assert!(matches!(third, Err(QueryError::Busy { running: 2, .. })), "{third:?}");
    // What is evaluated has places of its own, and so has who stands aside.
    assert!(!engine.label_names(&Selection::default()).await.unwrap().is_empty());
    healthy(&engine.aside(1)).await;
    drop(first);
    healthy(&engine).await;
    // One that has given its last row is done, even if it is still held.
    while second.stream.next().await.is_some() {}
    let _held = engine.sql("SELECT 1", SqlOptions::default()).await.unwrap();
    healthy(&engine).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_ends_with_its_time() {
    let world = World::fleet().await;
    let clock = Clock::system();
    let config = QueryConfig { timeout: Duration::from_millis(500), ..QueryConfig::default() };
    let engine = Engine::new(world.store.clone(), config, clock.clone());
    for bomb in [
        "SELECT sum(a.value * b.value * c.value) FROM range(0, 1000) a, range(0, 1000) b, range(0, 100000) c",
        "SELECT sum(a.value * b.value) FROM range(0, 100000) a, range(0, 100000) b",
        "SELECT count(*) FROM range(0, 100000000000) WHERE value % 7 = 8",
        "SELECT * FROM range(0, 1000) a JOIN range(0, 1000000000) b ON a.value + b.value < 0",
        "SELECT * FROM range(0, 100000) a JOIN range(0, 1000000000) b ON a.value + b.value < 0",
    ] {
        let began = clock.monotonic();
        let answer = engine.collect(bomb, SqlOptions::default()).await;
        let took = clock.monotonic() - began;
        assert!(matches!(answer, Err(QueryError::Timeout { .. })), "{bomb}: {answer:?}");
        // Far more than it takes, but far less than the work that is asked for.
        assert!(took < Duration::from_secs(20), "{bomb}: {took:?}");
    }
    healthy(&engine).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_exemplars_than_the_limit_the_newest_are_given() {
    let world = World::empty().await;
    let series = ["a", "b"].map(|job| {
        let labels: model::Labels = [("job".to_owned(), job.to_owned())].into();
        Series { time: at("10:00:00"), series_id: Series::id("up", &labels), metric: "up".to_owned(), labels }
    });
    world.append(&series).await;
    let one = |n: u64| Exemplar {
        series_id: series[usize::from(n.is_multiple_of(2))].series_id,
        ts: at("10:00:00").plus(Duration::from_secs(n)),
        value: n as f64,
        labels: model::Labels::new(),
    };
    // The newest are in files, those before in memory.
    world.append(&(6..10).map(one).collect::<Vec<_>>()).await;
    world.store.flush().await.unwrap();
    world.append(&(0..6).map(one).collect::<Vec<_>>()).await;
    let engine = world.engine(QueryConfig::default());
    for limit in [1, 3, 4, 9, 10, 11] {
        let (found, is_cut) = engine.exemplars("up", (0, i64::MAX / 1_000_000), limit).await.unwrap();
        let mut values: Vec<f64> = found.iter().flat_map(|(_, of)| of.iter().map(|exemplar| exemplar.value)).collect();
        values.sort_by(f64::total_cmp);
        let newest = (10usize.saturating_sub(limit)..10).map(|n| n as f64);
        assert_eq!((values, is_cut), (newest.collect(), limit < 10), "{limit}");
    }
    let before = engine.exemplars("up", (0, at("09:59:59").nanos() / 1_000_000), 10).await.unwrap();
    assert_eq!(before, (Vec::new(), false));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn native_histograms_are_bounded_by_their_size_while_they_are_loaded() {
    let world = World::empty().await;
    let labels: model::Labels = [("job".to_owned(), "shop".to_owned())].into();
    let series_id = Series::id("latency", &labels);
    world.append(&[Series { time: at("10:00:00"), series_id, metric: "latency".to_owned(), labels }]).await;
    let point = |n: u64| HistogramPoint {
        series_id,
        ts: at("10:00:00").plus(Duration::from_secs(n)),
        start_ts: None,
        reset_hint: "unknown".to_owned(),
        is_float: false,
        count: 20.0,
        sum: 1.0,
        schema: 3,
        zero_threshold: 0.0,
        zero_count: 0.0,
        positive_indexes: (0..20).collect(),
        positive_counts: vec![1.0; 20],
        negative_indexes: Vec::new(),
        negative_counts: Vec::new(),
        bounds: Vec::new(),
    };
    world.append(&(0..100).map(point).collect::<Vec<_>>()).await;
    let end = at("10:05:00").nanos() / 1_000_000;
    let ask = async |samples: u64, query: &str| {
        let engine = world.engine(QueryConfig { promql_samples: samples, ..QueryConfig::default() });
        engine.instant(query, end, PromqlOptions::default()).await
    };
    // Each is as large as 21 samples.
    for query in ["count_over_time(latency[10m])", "sum(rate(latency[10m]))", "histogram_quantile(0.9, latency)"] {
        let refused = ask(2_000, query).await;
        let Err(ExpressionError::Execution(message)) = &refused else { panic!("{query}: {refused:?}") };
        assert!(message.contains("query.promql_samples"), "{message}");
        assert!(ask(3_000, query).await.is_ok(), "{query}");
    }
    world.end().await;
}
