//! Kept statements, parameters in both formats, and portals.

use super::client::{Client, text};
use super::port::Port;

#[tokio::test(flavor = "multi_thread")]
async fn parameters_may_have_types_or_not() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    client.parse("", "SELECT $1::int + 1 AS n, $2 AS t", &[]).await;
    client.send('D', b"S\0").await;
    client.bind("", "", &[Some(b"41"), Some(b"x")], 0, 0).await;
    client.execute("", 0).await;
    let expected = ["parsed", "takes 23,25", "columns n:20,t:25", "bound", "row 42|x", "done SELECT 1", "ready I"];
    assert_eq!(client.sync().await, expected);

    client.parse("", "SELECT $1 AS a, $2 AS b", &[20, 0]).await;
    client.send('D', b"S\0").await;
    client.bind("", "", &[Some(&7i64.to_be_bytes()), Some(b"y")], 1, 1).await;
    client.send('D', b"P\0").await;
    client.execute("", 0).await;
    let answer = client.sync().await;
    assert_eq!(answer[..3], ["parsed", "takes 20,25", "columns a:20,b:25"]);
    assert_eq!(answer[4..], ["columns a:20,b:25", "row 0000000000000007|y", "done SELECT 1", "ready I"]);

    client.parse("", "SELECT count(*) FROM samples WHERE ts >= $1 AND value < $2", &[]).await;
    client.bind("", "", &[Some(b"2026-11-25 09:30:00+00"), Some(b"59")], 0, 0).await;
    client.execute("", 0).await;
    assert_eq!(client.sync().await[2], "row 29");

    client.parse("", "SELECT count(*) FROM series WHERE metric = ANY($1)", &[1009]).await;
    client.bind("", "", &[Some(b"{node_cpu_seconds_total,x}")], 0, 0).await;
    client.execute("", 0).await;
    assert_eq!(client.sync().await[2], "row 2");

    client.parse("", "SELECT $1::text IS NULL", &[]).await;
    client.bind("", "", &[None], 0, 0).await;
    client.execute("", 0).await;
    assert_eq!(client.sync().await[2], "row t");
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_gives_as_many_rows_as_are_asked_for() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    client.query("BEGIN").await;
    client.parse("s", "SELECT value FROM samples ORDER BY ts", &[]).await;
    client.bind("p", "s", &[], 0, 0).await;
    client.execute("p", 2).await;
    assert_eq!(client.sync().await, ["parsed", "bound", "row 0", "row 1", "suspended", "ready T"]);
    client.execute("p", 50).await;
    let more = client.sync().await;
    assert_eq!((more.len(), more[0].as_str(), more[50].as_str()), (52, "row 2", "suspended"));
    client.execute("p", 0).await;
    let rest = client.sync().await;
    assert_eq!(rest[rest.len() - 2..], ["done SELECT 9", "ready T"]);
    client.execute("p", 0).await;
    assert_eq!(client.sync().await, ["done SELECT 0", "ready T"]);
    client.query("COMMIT").await;
    client.execute("p", 0).await;
    assert_eq!(client.sync().await, ["error 34000", "ready I"], "a portal ends with the transaction");
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_leaves_everything_out_until_sync() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    client.parse("", "SELECT nope", &[]).await;
    client.bind("", "", &[], 0, 0).await;
    client.send('D', b"P\0").await;
    client.execute("", 0).await;
    client.send('Q', &text("SELECT 1")).await;
    assert_eq!(client.sync().await, ["parsed", "bound", "error 42703", "ready I"]);
    client.bind("", "nope", &[], 0, 0).await;
    assert_eq!(client.sync().await, ["error 26000", "ready I"]);
    client.parse("a", "SELECT $1::int", &[]).await;
    client.parse("a", "SELECT 2", &[]).await;
    assert_eq!(client.sync().await, ["parsed", "error 42P05", "ready I"]);
    for (values, code) in [(vec![], "08P01"), (vec![Some(&b"x"[..])], "22P02"), (vec![Some(&b"1"[..]), None], "08P01")]
    {
        client.send('D', b"Sa\0").await;
        client.bind("", "a", &values, 0, 0).await;
        client.execute("", 0).await;
        let answer = client.sync().await;
        assert_eq!(answer[2..], [format!("error {code}"), "ready I".to_owned()], "{values:?}");
    }
    client.parse("", "SELECT 1; SELECT 2", &[]).await;
    assert_eq!(client.sync().await, ["error 42601", "ready I"]);
    client.parse("", "DELETE FROM drift", &[]).await;
    client.bind("", "", &[], 0, 0).await;
    client.execute("", 0).await;
    assert_eq!(client.sync().await, ["parsed", "bound", "error 25006", "ready I"]);
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gives_no_rows_is_kept_and_run_as_well() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    for (sql, described, done) in [
        ("BEGIN", "no data", "done BEGIN"),
        ("COMMIT", "no data", "done COMMIT"),
        ("", "no data", "empty"),
        ("SET extra_float_digits = 3", "no data", "done SET"),
    ] {
        client.parse("", sql, &[]).await;
        client.bind("", "", &[], 0, 0).await;
        client.send('D', b"P\0").await;
        client.execute("", 0).await;
        let answer = client.sync().await;
        assert_eq!(answer[..4], ["parsed", "bound", described, done], "{sql}");
    }
    client.parse("", "SHOW server_version", &[]).await;
    client.send('D', b"S\0").await;
    client.bind("", "", &[], 0, 0).await;
    client.execute("", 0).await;
    let answer = client.sync().await;
    assert_eq!(answer[..3], ["parsed", "takes ", "columns server_version:25"]);
    assert!(answer[4].starts_with("row 16."), "{answer:?}");
    client.parse("kept", "SELECT 1", &[]).await;
    client.send('C', b"Skept\0").await;
    client.bind("", "kept", &[], 0, 0).await;
    assert_eq!(client.sync().await, ["parsed", "closed", "error 26000", "ready I"]);
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_has_its_bytes() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    let mut wrong = Vec::new();
    for (sql, bytes) in [
        ("true", "01"),
        ("2::int", "00000002"),
        ("1.5::float8", "3ff8000000000000"),
        ("12.50::numeric(10,2)", "0002000000000002000c1388"),
        ("TIMESTAMP '2000-01-01 00:00:01'", "00000000000f4240"),
        ("DATE '2000-01-02'", "00000001"),
        ("X'00ff'", "00ff"),
        ("ARRAY[1]", "00000001000000000000001400000001000000010000000800000000 00000001"),
        ("named_struct('a', 1)", "017b2261223a317d"),
        ("INTERVAL '1 day'", "00000000000000000000000100000000"),
    ] {
        client.parse("", &format!("SELECT {sql}"), &[]).await;
        client.bind("", "", &[], 0, 1).await;
        client.execute("", 0).await;
        let (expected, seen) = (format!("row {}", bytes.replace(' ', "")), client.sync().await);
        if seen[2] != expected {
            wrong.push(format!("{sql}: {seen:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    port.end().await;
}
