//! What PostgreSQL's clients ask: their catalog queries, parameters, and functions.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray};
use arrow::datatypes::DataType;
use query::{PgQuery, PgSession, PgStatement, Postgres, QueryConfig, QueryError, Rights, Rows, value};

use super::world::World;

fn session() -> PgSession {
    let settings = [("search_path", "\"$user\", public"), ("server_version_num", "160006")];
    let settings: BTreeMap<String, String> = settings.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    PgSession { user: "ann".into(), settings: Arc::new(settings), rights: Arc::default() }
}

async fn query_of(postgres: &Postgres, text: &str) -> PgQuery {
    match postgres.parse(text).await.unwrap_or_else(|error| panic!("{text}: {error}")).remove(0) {
        PgStatement::Query(query) => query,
        other => panic!("{text}: {other:?}"),
    }
}

async fn rows(postgres: &Postgres, text: &str, parameters: Vec<ArrayRef>) -> Result<Rows, QueryError> {
    let query = query_of(postgres, text).await;
    postgres.run(&query, &session(), parameters, None).await?.collect(1 << 30).await
}

/// The rows, their values separated by `|`.
async fn told(postgres: &Postgres, text: &str, parameters: Vec<ArrayRef>) -> Vec<String> {
    lines(&rows(postgres, text, parameters).await.unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn lines(rows: &Rows) -> Vec<String> {
    let line = |batch: &arrow::array::RecordBatch, row| {
        let cells = batch.columns().iter().map(|column| value::plain(column.as_ref(), row).unwrap_or_default());
        cells.collect::<Vec<_>>().join("|")
    };
    rows.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| line(batch, row))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn catalogs_list_what_may_be_read() {
    let world = World::fleet().await;
    let postgres = world.engine(QueryConfig::default()).postgres().await.unwrap();
    let rights = Arc::new(Rights::new(Some(&["drift".to_owned()]), None).unwrap());
    for (text, all) in [
        ("SELECT DISTINCT table_name FROM information_schema.tables WHERE table_name IN ('drift', 'samples')", 2),
        ("SELECT DISTINCT table_name FROM information_schema.columns WHERE table_name IN ('drift', 'samples')", 2),
        ("SELECT relname FROM pg_catalog.pg_class WHERE relname IN ('drift', 'samples')", 2),
    ] {
        assert_eq!(told(&postgres, text, Vec::new()).await.len(), all, "{text}");
        let session = PgSession { rights: Arc::clone(&rights), ..session() };
        let answer = postgres.run(&query_of(&postgres, text).await, &session, Vec::new(), None).await.unwrap();
        assert_eq!(lines(&answer.collect(1 << 30).await.unwrap()), ["drift"], "{text}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_postgresql_and_timescale_are_there() {
    let world = World::fleet().await;
    let postgres = world.engine(QueryConfig::default()).postgres().await.unwrap();
    let mut wrong = Vec::new();
    for (text, expected) in [
        ("SELECT current_setting('server_version_num')::int/100 as version", "1600"),
        ("SELECT current_database(), current_schema(), session_user", "steadfast|public|ann"),
        ("SELECT set_config('server_version_num', '160006', false)", "160006"),
        ("SELECT setting FROM pg_show_all_settings() WHERE name = 'server_version_num'", "160006"),
        ("SELECT time_bucket('60.000s', '2026-11-25T10:30:59Z'::timestamp)", "2026-11-25T10:30:00Z"),
        ("SELECT time_bucket('5m', TIMESTAMP '2026-11-25 10:34:59')", "2026-11-25T10:30:00Z"),
        ("SELECT time_bucket(interval '1 week', TIMESTAMP '2026-11-25 10:34:59')", "2026-11-23T00:00:00Z"),
        ("SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'drift' AND relkind = 'r'", "1"),
        ("SELECT relkind FROM pg_class WHERE relname = 'incidents'", "v"),
        (
            "SELECT data_type FROM information_schema.columns WHERE table_name = 'drift' AND column_name = 'since'",
            "timestamp with time zone",
        ),
        ("SELECT count(*) FROM (SELECT extversion FROM pg_extension WHERE extname='timescaledb')", "0"),
        ("SELECT version() LIKE 'PostgreSQL 16.%'", "true"),
        ("SELECT 'a' = ANY(ARRAY['a', 'b'])", "true"),
        (
            "SELECT floor(extract(epoch from ts)/60)*60 AS \"time\" FROM samples WHERE ts BETWEEN '2026-11-25T09:00:00Z' AND '2026-11-25T09:00:30Z' ORDER BY 1 LIMIT 1",
            "1795597200.0",
        ),
    ] {
        match rows(&postgres, text, vec![]).await {
            Ok(rows) if lines(&rows) == [expected] => {}
            Ok(rows) => wrong.push(format!("{text}: {:?}", lines(&rows))),
            Err(error) => wrong.push(format!("{text}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_the_catalog_stay() {
    let world = World::fleet().await;
    let postgres = world.engine(QueryConfig::default()).postgres().await.unwrap();
    let ask = "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE relname = 'drift'";
    let first = told(&postgres, ask, vec![]).await;
    for other in
        ["SELECT count(*) FROM pg_attribute", "SELECT count(*) FROM pg_namespace", "SELECT count(*) FROM pg_database"]
    {
        told(&postgres, other, vec![]).await;
        assert_eq!(told(&postgres, ask, vec![]).await, first, "after {other}");
    }
    assert_eq!(told(&postgres, "SELECT 'drift'::regclass::oid", vec![]).await, first);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_have_the_types_that_the_query_or_the_client_says() {
    let world = World::fleet().await;
    let postgres = world.engine(QueryConfig::default()).postgres().await.unwrap();
    let query = query_of(&postgres, "SELECT metric, $2::int AS n FROM series WHERE metric = $1").await;
    let shape = postgres.describe(&query, &session(), vec![]).await.unwrap();
    assert!(matches!(shape.parameters.as_slice(), [Some(_), Some(DataType::Int32)]), "{shape:?}");
    assert_eq!(shape.schema.field(1).data_type(), &DataType::Int32);
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let number = |number| Arc::new(Int64Array::from(vec![number])) as ArrayRef;
    let seen = told(&postgres, "SELECT $1 || 'b', $2 + 1", vec![text("a"), number(41)]).await;
    assert_eq!(seen, ["ab|42"]);
    let since =
        told(&postgres, "SELECT count(*) FROM samples WHERE ts >= $1", vec![text("2026-11-25T09:58:00Z")]).await;
    assert_eq!(since, ["3"]);
    for (sql, given) in [("SELECT $1", vec![]), ("SELECT $0", vec![text("x")]), ("SELECT $99999999", vec![])] {
        assert!(rows(&postgres, sql, given).await.is_err(), "{sql}");
    }
    let wrong = rows(&postgres, "SELECT 1 FROM samples WHERE value = $1::double", vec![text("x")]).await.unwrap_err();
    assert!(matches!(wrong, QueryError::Data(_)), "{wrong:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_within_a_query_is_answered() {
    let world = World::fleet().await;
    let postgres = world.engine(QueryConfig::default()).postgres().await.unwrap();
    let ten = || vec![Arc::new(Int64Array::from(vec![10])) as ArrayRef];
    let each = "SELECT labels['mode'], (SELECT count(*) FROM samples s WHERE s.series_id = x.series_id) AS n \
                FROM series x ORDER BY 1";
    assert_eq!(told(&postgres, each, vec![]).await, ["idle|1", "user|60"]);
    assert_eq!(told(&postgres, "SELECT (SELECT max(value) FROM samples WHERE value < $1) AS n", ten()).await, ["9.0"]);
    let both = rows(&postgres, "SELECT (SELECT value FROM samples) AS n", vec![]).await;
    assert!(both.is_err(), "of several rows none is taken for the value: {both:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_called_as_postgresql_calls_them() {
    let world = World::fleet().await;
    let postgres = world.engine(QueryConfig::default()).postgres().await.unwrap();
    for (text, names, first) in [
        ("SELECT count(*), 1 + 1, max(value) FROM samples", "count|?column?|max", "61|2|97.5"),
        (
            "SELECT value, value, NULL, NULL FROM samples ORDER BY value LIMIT 1",
            "value|value|?column?|?column?",
            "0.0|0.0||",
        ),
        ("SELECT value, * FROM samples ORDER BY 1 LIMIT 1", "value|series_id|ts|value", "0.0|"),
        ("SELECT DISTINCT lower(metric) FROM series ORDER BY lower(metric)", "lower", "node_cpu_seconds_total"),
        ("SELECT DISTINCT lower(metric) AS m FROM series ORDER BY lower(metric)", "m", "node_cpu_seconds_total"),
        ("SELECT value::int, value FROM samples ORDER BY value DESC LIMIT 1", "value|value", "97|97.5"),
        ("SELECT value::text FROM samples WHERE value < 12 ORDER BY value DESC LIMIT 1", "value", "9.0"),
        ("SELECT s.value::int FROM samples s ORDER BY s.value DESC LIMIT 1", "value", "97"),
        ("SELECT x.value FROM (SELECT value::int FROM samples) x ORDER BY 1 DESC LIMIT 1", "value", "97"),
        ("SELECT count(*)::int, count(*) FROM samples", "count|count", "61|61"),
        ("SELECT ts::date, count(*) FROM samples GROUP BY ts::date ORDER BY ts::date", "ts|count", "2026-11-25|61"),
        ("SELECT ts::date FROM samples GROUP BY 1 HAVING min(ts) IS NOT NULL ORDER BY 1", "ts", "2026-11-25"),
        (
            "SELECT to_char(ts AT TIME ZONE 'Europe/Berlin', 'HH24:MI') FROM samples ORDER BY ts LIMIT 1",
            "to_char",
            "10:00",
        ),
        ("SELECT s.labels['mode'] FROM series s ORDER BY s.labels['mode'] LIMIT 1", "labels", "idle"),
        ("SELECT 1, 1 UNION ALL SELECT 1, 1", "?column?|?column?", "1|1"),
        ("SELECT a.n, b.n FROM (SELECT 1 AS n) a, (SELECT 2 AS n) b", "n|n", "1|2"),
    ] {
        let query = query_of(&postgres, text).await;
        let shape = postgres.describe(&query, &session(), vec![]).await.unwrap();
        let seen = rows(&postgres, text, vec![]).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        for schema in [&shape.schema, &seen.schema] {
            let seen: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            assert_eq!(seen.join("|"), names, "{text}");
        }
        assert!(lines(&seen)[0].starts_with(first), "{text}: {:?}", lines(&seen));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_tables_take_parameters() {
    let world = World::fleet().await;
    let postgres = world.engine(QueryConfig::default()).postgres().await.unwrap();
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let sql = "SELECT count(*) FROM prom_range($1, $2, '2026-11-25T09:30:00Z', $3) WHERE value >= $4";
    let shape = postgres.describe(&query_of(&postgres, sql).await, &session(), vec![]).await.unwrap();
    assert_eq!(shape.parameters, [None, None, None, Some(DataType::Float64)]);
    let zero = Arc::new(Int64Array::from(vec![0])) as ArrayRef;
    let given = vec![text("node_cpu_seconds_total{mode=\"user\"}"), text("2026-11-25T09:00:00Z"), text("1m"), zero];
    assert_eq!(told(&postgres, sql, given).await, ["31"]);
    let number = |number: i32| Arc::new(Int32Array::from(vec![number])) as ArrayRef;
    let count = "SELECT sum(value) FROM generate_series($1, $2) g";
    let shape = postgres.describe(&query_of(&postgres, count).await, &session(), vec![]).await.unwrap();
    assert_eq!((shape.parameters.len(), shape.schema.field(0).data_type()), (2, &DataType::Int64));
    assert_eq!(told(&postgres, count, vec![number(1), number(4)]).await, ["10"]);
    assert_eq!(
        told(&postgres, "SELECT sum(value) FROM generate_series(1::smallint, $1::int)", vec![number(3)]).await,
        ["6"]
    );
    let few = rows(&postgres, sql, vec![text("up")]).await.unwrap_err();
    assert!(few.to_string().contains("takes 4 parameters"), "{few}");
    world.end().await;
}
