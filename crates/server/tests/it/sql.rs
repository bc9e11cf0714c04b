use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::StreamReader;
use base::Clock;
use query::QueryConfig;
use serde_json::{Value, json};

use super::site::{Site, config};
use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn json_has_columns_rows_and_warnings() {
    let site = Site::fleet().await;
    let sql = "SELECT verdict, line, since, key = key AS same FROM drift WHERE verdict = 'modified'";
    let answer: Value = site.sql(sql).await.json().await.unwrap();
    let columns = json!([
        { "name": "verdict", "type": "text" },
        { "name": "line", "type": "bigint" },
        { "name": "since", "type": "timestamp" },
        { "name": "same", "type": "boolean" },
    ]);
    assert_eq!(answer["columns"], columns);
    assert_eq!(answer["rows"], json!([["modified", 12, "2026-11-25T10:30:01Z", true]]));
    assert_eq!((&answer["warnings"], &answer["truncated"]), (&json!([]), &json!(false)));
    let nested = site.json("/api/sql?query=SELECT labels, key FROM findings").await;
    assert_eq!(nested["rows"][0][0], json!({ "verdict": "modified" }));
    assert_eq!(nested["rows"][0][1].as_str().unwrap().len(), 32);
    let none = site.json("/api/sql?query=SELECT id FROM drift WHERE false").await;
    assert_eq!(none["rows"], json!([]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_chooses_format_and_limit() {
    let site = Site::fleet().await;
    let csv = site.text("/api/sql?format=csv&query=SELECT verdict, actor, fields FROM drift ORDER BY id").await;
    let mut lines = csv.split("\r\n");
    assert_eq!(lines.next(), Some("verdict,actor,fields"));
    assert_eq!(lines.next(), Some("missing,,[]"));
    assert!(lines.next().unwrap().starts_with("modified,mallory,\"[{\"\"path\"\":\"\"/mode\"\""), "{csv}");

    let body = json!({ "query": "SELECT count(*) FROM samples", "format": "arrow" });
    let answer = site.client.post(site.url("/api/sql")).json(&body).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/vnd.apache.arrow.stream");
    let bytes = answer.bytes().await.unwrap();
    let batches: Vec<_> = StreamReader::try_new(bytes.as_ref(), None).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().value(0), 61);

    let accept = site.client.get(site.url("/api/sql?query=SELECT 1 AS one")).header("accept", "text/csv");
    assert_eq!(accept.send().await.unwrap().text().await.unwrap(), "one\r\n1\r\n");
    let cut = site.json("/api/sql?limit=2&query=SELECT * FROM samples").await;
    assert_eq!((cut["rows"].as_array().unwrap().len(), &cut["truncated"]), (2, &json!(true)));
    site.end().await;
}

/// Values that one format or another could spoil.
const ODD: &str = "SELECT 9223372036854775807 AS big, NULL AS none, 'ü \"a\", 🦀\r\nb' AS text, '' AS empty, \
    to_timestamp_seconds(1) AS s, to_timestamp_millis(-1) AS ms, \
    timestamp '2026-11-25T10:00:00.123456789' AS ns, CAST('NaN' AS DOUBLE) AS nan, \
    CAST('-inf' AS DOUBLE) AS inf, X'00ff' AS bytes, date '2026-11-25' AS day, [1, NULL] AS list";

#[tokio::test(flavor = "multi_thread")]
async fn odd_values_are_the_same_in_every_format() {
    let site = Site::fleet().await;
    let answer: Value = site.sql(ODD).await.json().await.unwrap();
    let row = json!([
        9_223_372_036_854_775_807i64,
        null,
        "ü \"a\", 🦀\r\nb",
        "",
        "1970-01-01T00:00:01Z",
        "1969-12-31T23:59:59.999Z",
        "2026-11-25T10:00:00.123456789Z",
        "NaN",
        "-inf",
        "00ff",
        "2026-11-25",
        [1, null],
    ]);
    assert_eq!(answer["rows"], json!([row]));
    let csv = site.client.post(site.url("/api/sql?format=csv")).body(ODD).send().await.unwrap().text().await.unwrap();
    let (head, line) = csv.split_once("\r\n").unwrap();
    assert_eq!(head, "big,none,text,empty,s,ms,ns,nan,inf,bytes,day,list");
    let expected = "9223372036854775807,,\"ü \"\"a\"\", 🦀\r\nb\",\"\",1970-01-01T00:00:01Z,1969-12-31T23:59:59.999Z,\
                    2026-11-25T10:00:00.123456789Z,NaN,-inf,00ff,2026-11-25,\"[1,null]\"\r\n";
    assert_eq!(line, expected);
    let arrow = site.client.post(site.url("/api/sql?format=arrow")).body(ODD).send().await.unwrap();
    let bytes = arrow.bytes().await.unwrap();
    let batch = StreamReader::try_new(bytes.as_ref(), None).unwrap().next().unwrap().unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), i64::MAX);
    assert_eq!((batch.num_rows(), batch.column(1).logical_null_count()), (1, 1));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_slow_client_did_not_read_is_not_taken_for_nothing() {
    let queries = QueryConfig {
        max_concurrent: 1,
        max_wait: Duration::ZERO,
        timeout: Duration::from_millis(500),
        ..QueryConfig::default()
    };
    let site = Site::start(World::fleet().await, config(), queries).await;
    let rows = "SELECT value, repeat('x', 1000) FROM range(0, 900000)";
    let mut answer = site.client.post(site.url("/api/sql?format=csv")).body(rows).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert!(answer.chunk().await.unwrap().is_some());
    // Its place is free once its time is over.
    let freed = async {
        while site.sql("SELECT 1").await.status().as_u16() != 200 {
            tokio::task::yield_now().await;
        }
    };
    Clock::system().timeout(Duration::from_secs(30), freed).await.unwrap();
    let rest = async {
        while answer.chunk().await?.is_some() {}
        Ok::<_, reqwest::Error>(())
    };
    assert!(rest.await.is_err(), "a part was taken for the whole");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_error_has_its_status() {
    let queries = QueryConfig {
        max_rows: 10,
        max_sql_bytes: 2_000,
        max_concurrent: 0,
        max_wait: Duration::ZERO,
        ..QueryConfig::default()
    };
    let busy = Site::start(World::empty().await, config(), queries.clone()).await;
    let refused = busy.sql("SELECT 1").await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    busy.end().await;

    let site = Site::start(World::fleet().await, config(), QueryConfig { max_concurrent: 4, ..queries }).await;
    for (sql, status, kind) in [
        ("SELECT *\nFORM drift", 400, "syntax"),
        ("SELECT nothing FROM drift", 400, "invalid"),
        ("DROP TABLE drift", 403, "not_allowed"),
        ("SELECT * FROM samples", 422, "limit"),
        ("SELECT 1 / 0", 422, "data"),
        (&format!("SELECT '{}'", "x".repeat(3_000)), 413, "limit"),
    ] {
        let answer = site.sql(sql).await;
        assert_eq!(answer.status().as_u16(), status, "{sql}");
        let error: Value = answer.json().await.unwrap();
        assert_eq!(error["error"]["kind"], kind, "{error}");
    }
    let error: Value = site.sql("SELECT *\nFORM drift").await.json().await.unwrap();
    assert_eq!((&error["error"]["line"], &error["error"]["column"]), (&json!(2), &json!(1)));
    for path in ["/api/sql", "/api/sql?query=SELECT 1&format=xml", "/api/sql?query=SELECT 1&token=x", "/api/sql?q=1"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status().as_u16(), 400, "{path}");
        let error: Value = answer.json().await.unwrap();
        assert_eq!(error["error"]["kind"], "parameter", "{path}");
    }
    assert_eq!(site.get("/api/nothing").await.status().as_u16(), 404);
    let large = site.sql(&"x".repeat(2 << 20)).await;
    assert_eq!(large.status().as_u16(), 413);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_after_the_first_rows_is_not_taken_for_the_end() {
    let site = Site::fleet().await;
    let late = "SELECT 1 / (value - 50000) AS v FROM range(0, 100000)";
    let answer = site.sql(late).await;
    assert_eq!(answer.status().as_u16(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert!(!answer["rows"].as_array().unwrap().is_empty());
    assert_eq!(answer["error"]["kind"], "data");
    let csv = site.client.post(site.url("/api/sql?format=csv")).body(late).send().await.unwrap();
    assert!(csv.text().await.is_err(), "a part was taken for the whole");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_is_streamed() {
    let site = Site::fleet().await;
    let mut answer = site.sql("SELECT value FROM range(0, 500000)").await;
    let (mut chunks, mut bytes) = (0, 0);
    while let Some(chunk) = answer.chunk().await.unwrap() {
        chunks += 1;
        bytes += chunk.len();
    }
    assert!(chunks > 10 && bytes > 3_000_000, "{bytes} bytes in {chunks} chunks");
    // One that is not read to its end is forgotten.
    let unread = site.sql("SELECT value FROM range(0, 1000000)").await;
    drop(unread);
    let next = site.sql("SELECT 1").await;
    assert_eq!(next.status().as_u16(), 200);
    site.end().await;
}
