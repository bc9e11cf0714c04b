//! Cursors that statements declare, and `COPY`.

use std::time::Duration;

use base::Clock;
use query::QueryConfig;

use super::client::Client;
use super::port::{Port, config};

const ROWS: &str = "SELECT value FROM samples ORDER BY ts";

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_gives_its_rows_in_parts() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    client.query("BEGIN").await;
    assert_eq!(
        client.query(&format!("DECLARE c NO SCROLL CURSOR FOR {ROWS}")).await,
        ["done DECLARE CURSOR", "ready T"]
    );
    let two = ["columns value:701", "row 0", "row 1", "done FETCH 2", "ready T"];
    assert_eq!(client.query("FETCH FORWARD 2 FROM c").await, two);
    assert_eq!(client.query("MOVE 56 IN c").await, ["done MOVE 56", "ready T"]);
    assert_eq!(client.query("FETCH c").await[1], "row 58");
    assert_eq!(client.query("FETCH ALL FROM c").await[1..], ["row 59", "row 97.5", "done FETCH 2", "ready T"]);
    let none = ["columns value:701", "done FETCH 0", "ready T"];
    assert_eq!(client.query("FETCH 10 FROM c").await, none, "the columns are told though there is no row");
    assert_eq!(client.query("CLOSE c").await, ["done CLOSE CURSOR", "ready T"]);
    assert_eq!(client.query("FETCH c").await, ["error 34000", "ready E"]);
    assert_eq!(client.query("CLOSE ALL").await, ["error 25P02", "ready E"]);
    client.query("ROLLBACK").await;
    let script = format!("DECLARE c CURSOR FOR {ROWS}; FETCH 1 FROM c; CLOSE c");
    let whole = ["done DECLARE CURSOR", "columns value:701", "row 0", "done FETCH 1", "done CLOSE CURSOR", "ready I"];
    assert_eq!(client.query(&script).await, whole, "statements in one message are a transaction");
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_ends_with_its_transaction_unless_it_is_held() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    assert_eq!(client.query("DECLARE c CURSOR FOR SELECT 1").await, ["error 25P01", "ready I"]);
    let declare = "DECLARE held CURSOR WITH HOLD FOR SELECT 1 AS n";
    assert_eq!(client.query(declare).await, ["done DECLARE CURSOR", "ready I"]);
    assert_eq!(client.query(declare).await, ["error 42P03", "ready I"]);
    client
        .query("BEGIN; DECLARE lost CURSOR WITH HOLD FOR SELECT 2 AS n; DECLARE short CURSOR FOR SELECT 3 AS n")
        .await;
    client.query("ROLLBACK").await;
    client
        .query("BEGIN; DECLARE kept CURSOR WITH HOLD FOR SELECT 4 AS n; DECLARE short CURSOR FOR SELECT 3 AS n; COMMIT")
        .await;
    for (cursor, first) in [("held", "row 1"), ("kept", "row 4")] {
        assert_eq!(client.query(&format!("FETCH FROM {cursor}")).await[1], first, "{cursor}");
    }
    for cursor in ["lost", "short"] {
        assert_eq!(client.query(&format!("FETCH FROM {cursor}")).await, ["error 34000", "ready I"], "{cursor}");
    }
    client.query("DISCARD ALL").await;
    assert_eq!(client.query("FETCH FROM kept").await, ["error 34000", "ready I"]);
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_cursor_can_do_is_refused_by_its_code() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    let mut wrong = Vec::new();
    for (sql, code) in [
        ("DECLARE a CURSOR WITH HOLD FOR SELECT nope", "42703"),
        ("DECLARE a CURSOR WITH HOLD FOR SELECT * FROM nope", "42P01"),
        ("DECLARE a CURSOR WITH HOLD FOR DELETE FROM drift", "25006"),
        ("DECLARE a CURSOR WITH HOLD FOR SHOW TABLES", "42601"),
        ("DECLARE a CURSOR WITH HOLD FOR", "42601"),
        ("DECLARE \"\" CURSOR WITH HOLD FOR SELECT 1", "34000"),
        ("DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1", "0A000"),
        ("FETCH BACKWARD 1 FROM c", "55000"),
        ("FETCH nope", "34000"),
        ("CLOSE nope", "34000"),
        ("COPY nope TO STDOUT", "42P01"),
        ("COPY drift TO '/tmp/x'", "0A000"),
        ("COPY drift FROM STDIN", "25006"),
        ("COPY (SELECT 1 AS a) TO STDOUT (FORMAT csv, FORCE_QUOTE (b))", "42703"),
        ("COPY (SELECT 1) TO STDOUT (FORMAT xml)", "42601"),
    ] {
        let answer = client.query(sql).await;
        if answer != [format!("error {code}"), "ready I".to_owned()] {
            wrong.push(format!("{sql}: {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    client.query("BEGIN").await;
    let mut last = Vec::new();
    for n in 0..65 {
        last = client.query(&format!("DECLARE c{n} CURSOR FOR SELECT 1")).await;
        if last[0].starts_with("error") {
            break;
        }
    }
    assert!(["error 54000", "error 53400"].contains(&last[0].as_str()), "{last:?}");
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_does_not_keep_its_place_for_ever() {
    let limits = QueryConfig { timeout: Duration::from_secs(2), ..QueryConfig::default() };
    let port = Port::with(config(), limits, vec![], None).await;
    let mut client = Client::connect(port.addr).await;
    client.query("BEGIN; DECLARE c CURSOR FOR SELECT value FROM range(0, 100000000)").await;
    assert_eq!(client.query("FETCH 1 FROM c").await[1], "row 0");
    let clock = Clock::system();
    let begun = clock.monotonic();
    loop {
        let answer = client.query("FETCH 1 FROM c").await;
        if answer.iter().any(|line| line.starts_with("error")) {
            assert!(answer.ends_with(&["error 57014".to_owned(), "ready E".to_owned()]), "{answer:?}");
            break;
        }
        assert!(clock.monotonic() - begun < Duration::from_secs(60), "{answer:?}");
    }
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_declares_describes_and_fetches() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    client.query("BEGIN").await;
    client.parse("", "DECLARE \"c\" CURSOR FOR SELECT value FROM samples WHERE value < $1 ORDER BY ts", &[]).await;
    client.send('D', b"S\0").await;
    client.bind("", "", &[Some(b"3")], 0, 0).await;
    client.send('D', b"P\0").await;
    client.execute("", 0).await;
    client.send('D', b"Pc\0").await;
    let declared = client.sync().await;
    let expected =
        ["parsed", "takes 701", "no data", "bound", "no data", "done DECLARE CURSOR", "columns value:701", "ready T"];
    assert_eq!(declared, expected);
    client.parse("", "FETCH FORWARD 2 FROM \"c\"", &[]).await;
    client.bind("", "", &[], 0, 1).await;
    client.send('D', b"P\0").await;
    client.execute("", 0).await;
    let binary = [
        "parsed",
        "bound",
        "columns value:701",
        "row 0000000000000000",
        "row 3ff0000000000000",
        "done FETCH 2",
        "ready T",
    ];
    assert_eq!(client.sync().await, binary);
    client.query("CLOSE c").await;

    client.query(&format!("DECLARE d CURSOR FOR {ROWS}")).await;
    client.parse("f", "FETCH 5 FROM d", &[]).await;
    client.bind("p", "f", &[], 0, 0).await;
    client.execute("p", 2).await;
    client.execute("p", 2).await;
    client.execute("p", 2).await;
    let parts = [
        "parsed",
        "bound",
        "row 0",
        "row 1",
        "suspended",
        "row 2",
        "row 3",
        "suspended",
        "row 4",
        "done FETCH 5",
        "ready T",
    ];
    assert_eq!(client.sync().await, parts);
    assert_eq!(client.query("FETCH d").await[1], "row 5");
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_copied_as_text_csv_and_binary() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    let values =
        "SELECT * FROM (VALUES (1, E'a\\tb\\\\', NULL), (2, 'x,\"y\"', '')) AS t(n, \"the text\", o) ORDER BY n";
    for (options, lines) in [
        ("", ["data 1\ta\\tb\\\\\t\\N\n", "data 2\tx,\"y\"\t\n"]),
        ("(DELIMITER '|', NULL '-')", ["data 1|a\\tb\\\\|-\n", "data 2|x,\"y\"|\n"]),
        ("(FORMAT csv)", ["data 1,a\tb\\,\n", "data 2,\"x,\"\"y\"\"\",\"\"\n"]),
        ("(FORMAT csv, FORCE_QUOTE (n), NULL 'no')", ["data \"1\",a\tb\\,no\n", "data \"2\",\"x,\"\"y\"\"\",\n"]),
    ] {
        let answer = client.query(&format!("COPY ({values}) TO STDOUT {options}")).await;
        let expected = ["copying 0 of 3", lines[0], lines[1], "copied", "done COPY 2", "ready I"];
        assert_eq!(answer, expected, "{options}");
    }
    let header = client.query(&format!("COPY ({values}) TO STDOUT csv header")).await;
    assert_eq!(header[1], "data n,the text,o\n");
    let binary = client.query("COPY (SELECT 1::int AS a, NULL AS b) TO STDOUT (FORMAT binary)").await;
    let expected = [
        "copying 1 of 2",
        "data 5047434f50590aff0d0a00000000000000000000020000000400000001ffffffff",
        "data ffff",
        "copied",
        "done COPY 1",
        "ready I",
    ];
    assert_eq!(binary, expected);
    let empty = client.query("COPY (SELECT 1 AS a WHERE false) TO STDOUT (FORMAT binary)").await;
    assert_eq!(empty[1..3], ["data 5047434f50590aff0d0a000000000000000000ffff", "copied"]);
    let table = client.query("COPY samples (value) TO STDOUT").await;
    assert_eq!((table.len(), table[table.len() - 2].as_str()), (65, "done COPY 61"));

    client.parse("", "COPY (SELECT $1::int AS a) TO STDOUT", &[]).await;
    client.bind("", "", &[Some(b"7")], 0, 0).await;
    client.send('D', b"P\0").await;
    client.execute("", 0).await;
    let expected = ["parsed", "bound", "no data", "copying 0 of 1", "data 7\n", "copied", "done COPY 1", "ready I"];
    assert_eq!(client.sync().await, expected);
    let broken = client.query("COPY (SELECT 10 / (value - 3) AS a FROM range(0, 5)) TO STDOUT").await;
    assert!(broken.ends_with(&["error 22012".to_owned(), "ready I".to_owned()]), "{broken:?}");
    assert_eq!(client.rows("SELECT 1").await, ["1"], "the session goes on");
    port.end().await;
}
