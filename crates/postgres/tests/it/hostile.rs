//! Clients that break the wire, wait, ask for too much: each ends alone, and the server stays well.

use std::time::Duration;

use base::Clock;
use postgres::PostgresConfig;
use query::QueryConfig;

use super::client::{Client, field, text};
use super::port::{Port, config};

/// A new client is answered at once.
async fn healthy(port: &Port) {
    let mut client = Client::connect(port.addr).await;
    assert_eq!(client.rows("SELECT count(*) FROM samples").await, ["61"]);
}

async fn fatal(client: &mut Client) -> String {
    match client.message().await {
        Some(('E', body)) => {
            assert_eq!(field(&body, 'S'), "FATAL");
            assert_eq!(client.message().await, None);
            field(&body, 'C')
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_at_the_start_ends_the_connection() {
    let port = Port::open().await;
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"\x7f\xff\xff\xff\0\x03\0\0",
        b"\0\0\0\0\0\0\0\0",
        b"\0\0\0\x08\0\x02\0\0",
        b"\x16\x03\x01\x02\0\x01\0\x01",
        b"\0\0\0\x0d\0\x03\0\0user\0",
    ] {
        let mut client = Client::dial(port.addr).await;
        client.raw(garbage).await;
        assert!(["08P01", "0A000"].contains(&fatal(&mut client).await.as_str()), "{garbage:?}");
    }
    let mut nobody = Client::dial(port.addr).await;
    nobody.startup(&[("database", "x")]).await;
    assert_eq!(fatal(&mut nobody).await, "28000");
    let mut strange = Client::dial(port.addr).await;
    strange.startup(&[("user", "ann"), ("client_encoding", "LATIN1")]).await;
    assert_eq!(strange.message().await.unwrap().0, 'R');
    assert_eq!(fatal(&mut strange).await, "22023");
    healthy(&port).await;
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_messages_end_the_session_and_nothing_else() {
    let port = Port::open().await;
    let broken: &[(&[u8], &str)] = &[
        (b"Q\x7f\xff\xff\xffSELECT", "54000"),
        (b"Q\0\0\0\0", "08P01"),
        (b"?\0\0\0\x04", "08P01"),
        (b"Q\0\0\0\x05x", "08P01"),
        (b"Q\0\0\0\x06\xff\0", "22021"),
        (b"B\0\0\0\x08\0\0\xff\xff", "08P01"),
        (b"B\0\0\0\x14\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0\0\0\0\0", "08P01"),
        (b"E\0\0\0\x04", "08P01"),
        (b"p\0\0\0\x05\0", "08P01"),
    ];
    for (bytes, code) in broken {
        let mut client = Client::connect(port.addr).await;
        client.raw(bytes).await;
        assert_eq!(fatal(&mut client).await, *code, "{bytes:?}");
    }
    for half in [&b"Q"[..], b"Q\0\0", b"Q\0\0\0\x20SELECT 1"] {
        let mut client = Client::connect(port.addr).await;
        client.raw(half).await;
        drop(client);
    }
    healthy(&port).await;
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_that_ask_for_too_much_end_with_the_limit() {
    let limits = QueryConfig {
        memory_bytes: 4 << 20,
        max_rows: 1_000,
        timeout: Duration::from_secs(2),
        ..QueryConfig::default()
    };
    let port = Port::with(config(), limits, vec![], None).await;
    let mut client = Client::connect(port.addr).await;
    let nested = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    let chain = format!("SELECT 1{}", "+1".repeat(50_000));
    let many = "SELECT 1;".repeat(1_000);
    for (sql, code) in [
        ("SELECT sum(a.value * b.value) FROM range(0, 100000) a, range(0, 100000) b", "57014"),
        ("SELECT v FROM (SELECT value AS v FROM range(0, 20000000)) ORDER BY v % 1000, v", "53200"),
        (nested.as_str(), "54001"),
        (chain.as_str(), "54001"),
        (many.as_str(), "54000"),
    ] {
        let answer = client.query(sql).await;
        let error = answer.iter().find(|line| line.starts_with("error"));
        assert_eq!(error, Some(&format!("error {code}")), "{:.80}", sql);
    }
    let rows = client.query("SELECT * FROM range(0, 100000)").await;
    assert_eq!(rows.iter().rev().nth(1).unwrap(), "error 54000");
    client.query("SET statement_timeout = 100").await;
    let late = client.query("SELECT count(*) FROM range(0, 100000000000) WHERE value % 7 = 8").await;
    assert!(late.contains(&"error 57014".to_owned()), "{late:?}");
    healthy(&port).await;
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_nobody_reads_gives_its_place_back() {
    let limits = QueryConfig {
        max_concurrent: 1,
        max_wait: Duration::ZERO,
        timeout: Duration::from_secs(2),
        ..QueryConfig::default()
    };
    let port = Port::with(config(), limits, vec![], None).await;
    let mut holder = Client::connect(port.addr).await;
    holder.query("BEGIN").await;
    holder.parse("", "SELECT * FROM samples", &[]).await;
    holder.bind("p", "", &[], 0, 0).await;
    holder.execute("p", 1).await;
    assert!(holder.sync().await.contains(&"suspended".to_owned()));
    let mut other = Client::connect(port.addr).await;
    let (clock, mut answer) = (Clock::system(), other.query("SELECT 1").await);
    assert_eq!(answer, ["error 53400", "ready I"]);
    let asked = clock.monotonic();
    while !answer.contains(&"row 1".to_owned()) {
        assert!(clock.monotonic() - asked < Duration::from_secs(30), "{answer:?}");
        answer = other.query("SELECT 1").await;
    }
    holder.execute("p", 1).await;
    assert_eq!(holder.sync().await, ["error 57014", "ready E"]);
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_keeps_is_bounded() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    for n in 0..=500 {
        client.parse(&n.to_string(), "SELECT 1", &[]).await;
    }
    let answer = client.sync().await;
    assert_eq!(answer[500..], ["error 54000", "ready I"]);
    client.query("DEALLOCATE ALL").await;
    let long = format!("SELECT '{}'", "x".repeat(200_000));
    for n in 0..6 {
        client.parse(&n.to_string(), &long, &[]).await;
    }
    assert_eq!(client.sync().await[5..], ["error 54000", "ready I"]);
    healthy(&port).await;
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_clients_and_too_many_are_told_so() {
    let config = PostgresConfig { max_connections: 2, idle_timeout: Duration::from_secs(3), ..config() };
    let port = Port::with(config, QueryConfig::default(), vec![], None).await;
    let (mut one, mut two) = (Client::connect(port.addr).await, Client::connect(port.addr).await);
    let mut third = Client::dial(port.addr).await;
    third.startup(&[("user", "ann")]).await;
    assert_eq!(fatal(&mut third).await, "53300");
    assert_eq!(fatal(&mut one).await, "57P05");
    assert_eq!(fatal(&mut two).await, "57P05");
    let clock = Clock::system();
    let asked = clock.monotonic();
    loop {
        // The places are free once the server has seen them closed.
        let mut next = Client::dial(port.addr).await;
        next.startup(&[("user", "ann")]).await;
        if next.message().await.is_some_and(|(kind, _)| kind == 'R') {
            break;
        }
        assert!(clock.monotonic() - asked < Duration::from_secs(30));
    }
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_say_who_it_is_takes_nobodys_place() {
    let config = PostgresConfig { max_connections: 2, ..config() };
    let port = Port::with(config, QueryConfig::default(), vec![], None).await;
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.push(Client::dial(port.addr).await);
    }
    let (one, two) = (Client::connect(port.addr).await, Client::connect(port.addr).await);
    let mut third = Client::dial(port.addr).await;
    third.startup(&[("user", "ann")]).await;
    assert_eq!(fatal(&mut third).await, "53300");
    drop((silent, one, two));
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_holds_no_memory() {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    let rows = "SELECT repeat('x', 1000) FROM range(0, 900000)";
    client.send('Q', &text(rows)).await;
    assert_eq!(client.message().await.unwrap().0, 'T');
    // It has gone without reading the rest, which is a gigabyte.
    drop(client);
    healthy(&port).await;
    port.end().await;
}
