//! Statements as text, several in one message.

use super::client::{Client, field, text};
use super::port::Port;

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_answered_in_their_order() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    let answer = client.query("BEGIN; SELECT 1 AS a, 'x' AS b, NULL AS c; SET application_name = 'y'; COMMIT").await;
    let expected = [
        "done BEGIN",
        "columns a:20,b:25,c:25",
        "row 1|x|NULL",
        "done SELECT 1",
        "status application_name=y",
        "done SET",
        "done COMMIT",
        "ready I",
    ];
    assert_eq!(answer, expected);
    assert_eq!(client.query("").await, ["empty", "ready I"]);
    assert_eq!(client.query(" ; -- nothing\n").await, ["empty", "ready I"]);
    assert_eq!(client.query("SHOW application_name").await[1], "row y");
    assert_eq!(client.query("SHOW transaction_isolation").await[1], "row read committed");
    assert_eq!(client.query("DISCARD ALL; SHOW application_name").await.iter().rev().nth(2).unwrap(), "row test");
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_an_error_is_left_out_until_the_transaction_ends() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    assert_eq!(client.query("SELECT 1; SELECT nope; SELECT 2").await[2..], ["done SELECT 1", "error 42703", "ready I"]);
    assert_eq!(client.query("BEGIN").await, ["done BEGIN", "ready T"]);
    assert_eq!(client.query("INSERT INTO drift VALUES (1)").await, ["error 25006", "ready E"]);
    assert_eq!(client.query("SELECT 1").await, ["error 25P02", "ready E"]);
    assert_eq!(client.query("COMMIT").await, ["done ROLLBACK", "ready I"]);
    assert_eq!(client.query("BEGIN; SAVEPOINT a; SELECT nope").await[2..], ["error 42703", "ready E"]);
    assert_eq!(client.query("ROLLBACK TO a").await, ["done ROLLBACK", "ready T"]);
    assert_eq!(client.query("ROLLBACK").await, ["done ROLLBACK", "ready I"]);
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_their_code_and_place() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    let mut wrong = Vec::new();
    for (sql, code) in [
        ("SELEC 1", "42601"),
        ("SELECT * FROM nope", "42P01"),
        ("SELECT nope FROM drift", "42703"),
        ("SELECT nope(1)", "42883"),
        ("SELECT 'x'::int", "22P02"),
        ("SELECT value / 0 FROM (SELECT 1 AS value)", "22012"),
        ("CREATE TABLE a (b int)", "25006"),
        ("UPDATE drift SET id = 'x'", "25006"),
        ("DECLARE a SCROLL CURSOR FOR SELECT 1", "0A000"),
        ("LISTEN a", "0A000"),
        ("SHOW nope", "42704"),
        ("SET client_encoding = 'LATIN1'", "22023"),
        ("SELECT current_setting('nope')", "42704"),
        ("EXPLAIN DELETE FROM drift", "25006"),
    ] {
        let answer = client.query(sql).await;
        if !answer.ends_with(&[format!("error {code}"), "ready I".to_owned()]) {
            wrong.push(format!("{sql}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    client.send('Q', &text("SELECT 1\nFORM x y")).await;
    let error = client.until('Z').await.remove(0).1;
    assert_eq!(field(&error, 'P'), "15", "{}", field(&error, 'M'));
    assert_eq!(client.rows("SELECT 1").await, ["1"], "the session goes on");
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_has_its_text() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    let mut wrong = Vec::new();
    for (sql, oid, shown) in [
        ("true", 16, "t"),
        ("1.5::float8", 701, "1.5"),
        ("'NaN'::float8", 701, "NaN"),
        ("1e300::float8", 701, "1e+300"),
        ("12.50::numeric(10,2)", 1700, "12.50"),
        ("arrow_cast('18446744073709551615', 'UInt64')", 1700, "18446744073709551615"),
        ("TIMESTAMP '2026-11-25 10:00:00.5'", 1184, "2026-11-25 10:00:00.5+00"),
        ("DATE '2026-11-25'", 1082, "2026-11-25"),
        ("INTERVAL '1 day 2 hours'", 1186, "1 day 02:00:00"),
        ("ARRAY['a', 'b c', NULL]", 1009, r#"{a,"b c",NULL}"#),
        ("ARRAY[1, 2]", 1016, "{1,2}"),
        ("ARRAY[ARRAY[1], ARRAY[2]]", 3802, "[[1],[2]]"),
        ("named_struct('a', 1, 'b', 'x')", 3802, r#"{"a":1,"b":"x"}"#),
        ("map(ARRAY['k'], ARRAY['v'])", 3802, r#"{"k":"v"}"#),
        ("X'00ff'", 17, "\\x00ff"),
        ("arrow_cast('x', 'Dictionary(Int32, Utf8)')", 25, "x"),
        (
            "arrow_cast(X'00112233445566778899aabbccddeeff', 'FixedSizeBinary(16)')",
            17,
            "\\x00112233445566778899aabbccddeeff",
        ),
        ("NULL", 25, "NULL"),
    ] {
        let sql = format!("SELECT {sql} AS x");
        let answer = client.query(&sql).await;
        if !answer.starts_with(&[format!("columns x:{oid}"), format!("row {shown}")]) {
            wrong.push(format!("{sql}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    port.end().await;
}
