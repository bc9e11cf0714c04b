//! Queries that mean harm end with a clear error, in little time and memory, and the engine goes on.

use std::time::Duration;

use arrow::array::AsArray;
use base::Clock;
use query::{Engine, QueryConfig, QueryError, SqlOptions};

use super::world::World;

/// What a hostile query may take, on the machine's own clock; far more than it should.
const PATIENCE: Duration = Duration::from_secs(60);

async fn ends(engine: &Engine, sql: &str) -> Result<(), QueryError> {
    let answer = Clock::system().timeout(PATIENCE, engine.collect(sql, SqlOptions::default())).await;
    let shown: String = sql.chars().take(80).collect();
    let answer = answer.unwrap_or_else(|_| panic!("{shown} did not end"));
    let next = engine.collect("SELECT count(*) FROM drift", SqlOptions::default()).await;
    assert!(next.is_ok(), "after {shown}: {next:?}");
    answer.map(|_| ())
}

fn limit(name: &'static str) -> impl Fn(&Result<(), QueryError>) -> bool {
    move |answer| matches!(answer, Err(QueryError::Limit { limit, .. }) if *limit == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_and_length_are_bounded() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    let nested = |open: &str, close: &str, n: usize| format!("SELECT {}1{}", open.repeat(n), close.repeat(n));
    for sql in
        [nested("(", ")", 2_000), nested("- ", "", 2_000), nested("abs(", ")", 500), nested("(SELECT ", ")", 100)]
    {
        let answer = ends(&engine, &sql).await;
        assert!(limit("nesting")(&answer), "{answer:?}");
    }
    let selects = format!("{}SELECT 1{}", "SELECT * FROM (".repeat(400), ")".repeat(400));
    assert!(limit("nesting")(&ends(&engine, &selects).await));
    let unions = vec!["SELECT 1"; 3_000].join(" UNION ALL ");
    assert!(limit("max_sql_terms")(&ends(&engine, &unions).await));
    let long = format!("SELECT '{}'", "x".repeat(1 << 20));
    assert!(limit("max_sql_bytes")(&ends(&engine, &long).await));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_just_within_the_limits_is_answered() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    let chain = |first: &str, next: &str, n: usize| format!("SELECT {first}{} FROM drift", next.repeat(n));
    let joins = (1..30).map(|n| format!(" JOIN drift d{n} ON d{n}.id = drift.id")).collect::<String>();
    for sql in [
        chain("line", " + line", 95),
        chain("id", " || id", 95),
        chain("'a'", " || 'b'", 95),
        chain("line", "::text::bigint", 45),
        chain("line = 1", " OR line = line + 1", 80),
        chain("line = 1", " AND line = line + 1", 80),
        chain("line", " IS NULL", 40),
        format!("SELECT count(*) FROM drift{joins}"),
        format!(
            "{}drift{}",
            "SELECT line + 1 AS line FROM (".repeat(12),
            " WHERE line > 0 ORDER BY line LIMIT 9)".repeat(12)
        )
        .replacen("(drift", "(SELECT * FROM drift", 1),
        vec!["SELECT 1"; 90].join(" UNION ALL "),
        format!("SELECT * FROM drift WHERE id IN ({}'x')", "'y',".repeat(10_000)),
    ] {
        let answer = ends(&engine, &sql).await;
        assert!(answer.is_ok(), "{}: {answer:?}", &sql[..60]);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_chains_do_not_end_the_process() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig { max_sql_terms: 8_000, ..QueryConfig::default() });
    let chain = |first: &str, next: &str, n: usize| format!("SELECT {first}{} FROM drift", next.repeat(n));
    let joins = (1..900).map(|n| format!(" CROSS JOIN range(0, 1) t{n}")).collect::<String>();
    let chains =
        [("1", " + 1"), ("line", " - line"), ("id", " || id"), ("line", "::text"), ("line = 1", " OR line = 2")];
    let chains = chains.into_iter().chain([("line", " IS NULL"), ("labels", "['a']"), ("line", " - (line)")]);
    let long = chains.flat_map(|(first, next)| [110, 240, 3_000].map(|n| chain(first, next, n)));
    let unions = vec!["SELECT 1"; 900].join(" UNION ALL ");
    for sql in long.chain([format!("SELECT 1 FROM range(0, 1) t0{joins}"), unions]) {
        let answer = ends(&engine, &sql).await;
        assert!(answer.is_err(), "{}: {answer:?}", &sql[..60]);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn short_texts_do_not_make_gigabytes() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig { value_bytes: 1 << 20, ..QueryConfig::default() });
    for sql in [
        "SELECT repeat('x', 2000000000)",
        "SELECT length(repeat('x', 2000000000))",
        "SELECT lpad('x', 2000000000, 'y')",
        "SELECT rpad(id, 2000000000) FROM drift",
        "SELECT replace(repeat('x', 100000), 'x', repeat('y', 100000))",
        "SELECT repeat(id, 100000) || repeat(id, 100000) FROM drift",
        "SELECT concat(repeat('x', 1000000), value::text) FROM range(0, 8192)",
        "SELECT concat_ws(repeat('x', 1000000), value::text, 'a') FROM range(0, 8192)",
        "SELECT to_char(arrow_cast(value, 'Timestamp(Nanosecond, None)'), repeat('Y', 1000000)) FROM range(0, 8192)",
        "SELECT overlay(value::text placing repeat('x', 1000000) from 1) FROM range(0, 8192)",
        "SELECT left(repeat('x', 1000000), value) FROM range(0, 8192)",
        "SELECT regexp_replace(repeat('x', 1000000), 'x', repeat('y', 1000000), 'g')",
        "SELECT regexp_replace(repeat('x', 100000), '(x+)', repeat('$1', 10000))",
        "SELECT regexp_match(repeat('x', 100000), repeat('(', 100) || 'x+' || repeat(')', 100))",
        "SELECT array_to_string(string_to_array(repeat(',', 100000), ','), repeat('y', 1000000))",
        "SELECT array_replace_all(string_to_array(repeat(',', 100000), ','), '', repeat('y', 100000))",
        "SELECT NULL::bigint[1000000000] FROM range(0, 8192)",
        "SELECT arrow_cast(value::text, 'FixedSizeBinary(2000000000)') FROM range(0, 8192)",
    ] {
        let answer = ends(&engine, sql).await;
        assert!(limit("value_bytes")(&answer), "{sql}: {answer:?}");
    }
    for growing in ["encode(X, 'hex')", "hex(arrow_cast(X, 'Binary'))"] {
        let nested = (0..2).fold("repeat('x', 400000)".to_owned(), |inner, _| growing.replace('X', &inner));
        let answer = ends(&engine, &format!("SELECT length({nested})")).await;
        assert!(limit("value_bytes")(&answer), "{growing}: {answer:?}");
    }
    // Each level doubles the text.
    let mut doubling = "SELECT id AS t FROM drift".to_owned();
    for _ in 0..30 {
        doubling = format!("SELECT t || t AS t FROM ({doubling})");
    }
    let answer = ends(&engine, &doubling).await;
    assert!(limit("value_bytes")(&answer) || limit("nesting")(&answer), "{answer:?}");
    for removed in ["levenshtein('a', 'b')", "array_repeat(1, 2)", "array_resize([1], 5)"] {
        assert!(
            matches!(ends(&engine, &format!("SELECT {removed}")).await, Err(QueryError::Invalid { .. })),
            "{removed}"
        );
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_texts_are_not_written_into_every_row() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    let columns =
        |bytes: usize| (0..20).map(|n| format!("repeat('a', {bytes}) AS c{n}")).collect::<Vec<_>>().join(", ");
    for (sql, refused) in [
        (format!("SELECT {} FROM range(0, 8192)", columns(262_000)), "value_bytes"),
        (format!("SELECT '{}' FROM range(0, 8192)", "x".repeat(250_000)), "value_bytes"),
        (format!("SELECT {} FROM range(0, 8192)", columns(8_000)), "memory_bytes"),
        ("SELECT CASE WHEN value > 1 THEN repeat('a', 262000) END FROM range(0, 8192)".to_owned(), "value_bytes"),
        ("SELECT value, max(repeat('a', 262000)) FROM range(0, 8192) GROUP BY value".to_owned(), "value_bytes"),
        ("SELECT string_agg(value::text, repeat('a', 262000)) FROM range(0, 8192)".to_owned(), "value_bytes"),
    ] {
        let answer = ends(&engine, &sql).await;
        assert!(limit(refused)(&answer), "{}: {answer:?}", &sql[..60]);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_texts_that_people_write_are_answered() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    let words: Vec<String> = (0..3_000).map(|n| format!("word-{n}")).collect();
    let (any, list) = (words.join("|"), format!("'{}'", words.join("', '")));
    for sql in [
        format!("SELECT count(*) FROM range(0, 20000) WHERE value::text ~ '{any}'"),
        format!("SELECT count(*) FROM range(0, 20000) WHERE regexp_like(value::text, '{any}')"),
        format!("SELECT count(*) FROM range(0, 20000) WHERE strpos('{any}', value::text) > 0"),
        format!("SELECT count(*) FROM range(0, 20000) WHERE 'word-' || value::text IN ({list})"),
        format!("SELECT count(*) FROM range(0, 20000) WHERE 'word-' || value::text = ANY(ARRAY[{list}])"),
        format!("SELECT count(json_get('{{\"a\": \"{any}\"}}', value::text)) FROM range(0, 2500)"),
        format!(
            "SELECT regexp_replace(id, 'o', '{}', 'g'), concat(id, ' {}') FROM drift",
            "x".repeat(3_000),
            "y".repeat(3_000)
        ),
        format!("SELECT '{any}'"),
        format!("SELECT id, 'text of {}' AS text FROM drift", "x".repeat(4_000)),
        "SELECT max(length(encode(arrow_cast(repeat(value::text, 300), 'Binary'), 'hex'))) FROM range(0, 20000)"
            .to_owned(),
    ] {
        let answer = ends(&engine, &sql).await;
        assert!(answer.is_ok(), "{}: {answer:?}", &sql[..80.min(sql.len())]);
    }
    let sql = "SELECT count(*) AS n FROM range(0, 20000) WHERE strpos(repeat('7', 20000), value::text) > 0";
    let rows = engine.collect(sql, SqlOptions::default()).await.unwrap();
    let seen = rows.batches[0].column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0);
    assert_eq!(seen, 4, "7, 77, 777 and 7777, in whatever pieces they are looked at");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_and_patterns_are_bounded() {
    let world = World::fleet().await;
    let config = QueryConfig { memory_bytes: 16 << 20, ..QueryConfig::default() };
    let engine = world.engine(config);
    let cross = "SELECT * FROM range(0, 1000000) a CROSS JOIN range(0, 1000000) b";
    let answer = ends(&engine, cross).await;
    assert!(matches!(answer, Err(QueryError::Limit { limit: "max_rows" | "memory_bytes", .. })), "{answer:?}");
    let pattern = format!("SELECT * FROM drift WHERE id ~ '{}'", "(a{1000}){1000}");
    assert!(ends(&engine, &pattern).await.is_err());
    // Regular expressions take time linear in the text; none explodes.
    ends(&engine, "SELECT regexp_like(repeat('a', 30000), '^(a+)+$b')").await.unwrap();
    let strings = "SELECT string_agg(repeat('x', 1000), '') FROM range(0, 1000000)";
    let answer = ends(&engine, strings).await;
    assert!(matches!(answer, Err(QueryError::Limit { .. })), "{answer:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_an_error_and_never_a_panic() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    for sql in [
        "",
        ";",
        ";;",
        "\0",
        "SELECT",
        "SELECT * FROM",
        "SELECT \u{202e}",
        "SELECT '\u{0}' FROM drift WHERE",
        "EXPLAIN",
        "EXPLAIN EXPLAIN SELECT 1",
        "SELECT * FROM drift, drift",
        "SELECT (SELECT id, verdict FROM drift)",
        "SELECT * FROM drift_at(drift_at(now()))",
        "SELECT date_bin(interval '0 seconds', now())",
        "SELECT now() - interval '99999999999 years'",
        "SELECT * FROM resources_at('9999-12-31T00:00:00Z')",
        "SELECT 9223372036854775807 + 1",
        "SELECT CAST(1e300 AS BIGINT)",
        "SELECT sum(x) OVER (ORDER BY) FROM t",
        "VALUES (1, 2), (3)",
        "SELECT $1",
        "SELECT @@version",
        "SHOW ALL",
        "KILL 1",
        "SELECT * FROM drift LIMIT -1",
    ] {
        if let Err(error) = ends(&engine, sql).await {
            assert_ne!(error.kind(), "internal", "{sql:?}: {error}");
            let text = error.to_string();
            assert!(text.len() < 2_000 && !text.contains("backtrace") && !text.contains("DataFusion's code"), "{text}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_of_rows_end_with_their_query() {
    let world = World::fleet().await;
    let config = QueryConfig { timeout: Duration::from_secs(3), ..QueryConfig::default() };
    let engine = Engine::new(world.store.clone(), config, Clock::system());
    let slow = "SELECT count(*) FROM range(0, 8000) \
                WHERE repeat('a', 8000) LIKE '%' || repeat('_', 4000) || value::text || '%'";
    for sql in [slow.to_owned(), slow.replace("LIKE", "NOT ILIKE"), slow.replace("LIKE", "!~~")] {
        let answer = ends(&engine, &sql).await;
        assert!(matches!(answer, Err(QueryError::Timeout { .. })), "{sql}: {answer:?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regular_expressions_of_rows_are_refused() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    for sql in [
        r"SELECT count(*) FROM range(0, 8000) WHERE 'x' ~ ('(\w{99}){60}' || value::text)",
        r"SELECT count(*) FROM range(0, 8000) WHERE 'x' !~* ('(\w{99}){60}' || value::text)",
        r"SELECT regexp_like('x', '(\w{99}){60}' || value::text) FROM range(0, 8000)",
        r"SELECT regexp_replace('x', '(\w{99}){60}' || value::text, 'y') FROM range(0, 8000)",
        "SELECT count(*) FROM drift WHERE id SIMILAR TO scope",
        "SELECT count(*) FROM drift AS d JOIN resources AS r ON d.id ~ r.id",
        "SELECT (SELECT count(*) FROM resources AS r WHERE r.id ~ d.id) FROM drift AS d",
        "SELECT count(*) FROM drift WHERE id ~ random()::text",
    ] {
        let refused = ends(&engine, sql).await;
        let Err(QueryError::Invalid { message, .. }) = &refused else { panic!("{sql}: {refused:?}") };
        assert!(message.contains("the same for all rows"), "{message}");
    }
    for sql in [
        "SELECT count(*) FROM drift WHERE id ~ '^host/' || 'web'",
        "SELECT regexp_replace(id, '^host', 'h') FROM drift",
        "SELECT count(*) FROM drift WHERE id ~ (SELECT max(scope) FROM resources)",
        "SELECT count(*) FROM drift WHERE regexp_like(id, concat('^', 'host'))",
    ] {
        let answer = ends(&engine, sql).await;
        assert!(answer.is_ok(), "{sql}: {answer:?}");
    }
    world.end().await;
}
