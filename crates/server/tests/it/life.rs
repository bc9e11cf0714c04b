use std::time::Duration;

use base::{Clock, SecretRef};
use query::QueryConfig;
use serde_json::json;
use server::{ServerConfig, TokenConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::site::{Site, config};
use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn ready_says_which_part_is_not() {
    let site = Site::fleet().await;
    site.health.ready("store");
    site.health.starting("collectors", "scanned 10 files");
    let answer = site.get("/-/ready").await;
    assert_eq!(answer.status().as_u16(), 503);
    let text: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(text["components"]["collectors"], json!({ "state": "starting", "message": "scanned 10 files" }));
    site.health.ready("collectors");
    assert_eq!(site.get("/-/ready").await.status().as_u16(), 200);
    site.health.failed("store", "disk is full");
    let answer = site.get("/-/ready").await;
    assert_eq!(answer.status().as_u16(), 503);
    let text: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(text["components"]["store"], json!({ "state": "failed", "message": "disk is full" }));
    assert_eq!(site.get("/-/healthy").await.status().as_u16(), 200);
    site.health.ready("store");
    assert_eq!(site.get("/-/ready").await.status().as_u16(), 200);
    site.health.ending("steadfast");
    assert_eq!(site.get("/-/ready").await.status().as_u16(), 503, "what ends takes no more");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_part_is_not_ready_is_told_to_who_may_ask_everything() {
    let dir = tempfile::tempdir().unwrap();
    let token = |name: &str, tables: Option<Vec<String>>| {
        let path = dir.path().join(name);
        std::fs::write(&path, format!("a-token-of-the-{name}")).unwrap();
        TokenConfig { name: name.into(), secret: SecretRef::File(path), scopes: None, tables }
    };
    let tokens = vec![token("operators", None), token("dashboards", Some(vec!["drift".to_owned()]))];
    let with = Site::start(World::empty().await, ServerConfig { tokens, ..config() }, QueryConfig::default()).await;
    let without = Site::start(World::empty().await, config(), QueryConfig::default()).await;
    let ask = async |site: &Site, path: &str, name: &str, value: &str| {
        site.health.failed("log", "broker-7.internal does not answer");
        let answer = site.client.get(site.url(path)).header(name, value).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 503);
        answer.json::<serde_json::Value>().await.unwrap()["components"]["log"].clone()
    };
    let why = json!({ "state": "failed", "message": "broker-7.internal does not answer" });
    for path in ["/-/ready", "/ready"] {
        assert_eq!(ask(&with, path, "x", "y").await, json!({ "state": "failed" }));
        assert_eq!(
            ask(&with, path, "authorization", "Bearer a-token-of-the-dashboards").await,
            json!({ "state": "failed" })
        );
        assert_eq!(ask(&with, path, "authorization", "Bearer a-token-of-the-operators").await, why);
        assert_eq!(ask(&without, path, "x", "y").await, why);
        assert_eq!(ask(&without, path, "host", "evil.example.com").await, json!({ "state": "failed" }));
    }
    with.end().await;
    without.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_being_answered_ends_well() {
    let site = Site::fleet().await;
    let mut answer = site.sql("SELECT value FROM range(0, 300000)").await;
    let mut bytes = answer.chunk().await.unwrap().unwrap().len();
    site.shutdown.start();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        bytes += chunk.len();
    }
    assert!(bytes > 1_500_000, "{bytes}");
    let (addr, client) = (site.addr, site.client.clone());
    site.end().await;
    assert!(client.get(format!("http://{addr}/-/healthy")).send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_begin_is_given_up() {
    let config = ServerConfig { request_timeout: Duration::from_millis(50), ..config() };
    let site = Site::start(World::fleet().await, config, QueryConfig::default()).await;
    let answer = site.sql("SELECT sum(a.value * b.value) FROM range(0, 100000) a, range(0, 100000) b").await;
    assert_eq!(answer.status().as_u16(), 504);
    // On a busy machine the next ones may have to be given up too: it is not they that are looked at, but that the first has ended.
    let mut answered = false;
    for _ in 0..100 {
        answered = answered || site.sql("SELECT 1").await.status().as_u16() == 200;
    }
    assert!(answered);
    site.end().await;
}

/// What a raw request is answered with, until the server closes.
async fn raw(site: &Site, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(site.addr).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = Clock::system().timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_end_their_connection_only() {
    let site = Site::fleet().await;
    let long = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(100 << 10));
    let answer = raw(&site, long.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = raw(&site, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    let odd =
        raw(&site, b"GET /%ff%00/../../etc/passwd HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(odd.starts_with("HTTP/1.1 404"), "{odd}");
    assert_eq!(site.sql("SELECT 1").await.status().as_u16(), 200);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait_for_one_to_end() {
    let config = ServerConfig { max_connections: 1, ..config() };
    let site = Site::start(World::empty().await, config, QueryConfig::default()).await;
    let mut first = TcpStream::connect(site.addr).await.unwrap();
    first.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut buffer = [0; 1_024];
    assert!(first.read(&mut buffer).await.unwrap() > 0);
    let url = site.url("/-/healthy");
    let second = tokio::spawn(site.client.get(url).send());
    assert!(
        Clock::system()
            .timeout(Duration::from_millis(200), async {
                while !second.is_finished() {
                    tokio::task::yield_now().await
                }
            })
            .await
            .is_err()
    );
    drop(first);
    assert_eq!(second.await.unwrap().unwrap().status().as_u16(), 200);
    site.end().await;
}

/// Reads until the server closes; what it said before. It must close within `limit`.
async fn closed(stream: &mut TcpStream, limit: Duration) -> String {
    let mut said = Vec::new();
    let ended = Clock::system().timeout(limit, stream.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "the server did not close: {}", String::from_utf8_lossy(&said));
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_say_what_it_wants_loses_its_place() {
    let config = ServerConfig { max_connections: 4, ..config() };
    let site = Site::start(World::empty().await, config, QueryConfig::default()).await;
    let mut streams = Vec::new();
    // Nothing; the beginning of HTTP/2; half a head; a whole request, and then nothing.
    for said in ["", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost: l", "GET /-/healthy HTTP/1.1\r\nhost: l\r\n\r\n"] {
        let mut stream = TcpStream::connect(site.addr).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    for mut stream in streams {
        closed(&mut stream, Duration::from_secs(60)).await;
    }
    assert_eq!(site.get("/-/healthy").await.status().as_u16(), 200);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_holds_its_place_for_ever() {
    let (clock, simulation) = Clock::simulated(super::world::at("11:00:00"));
    let site = Site::at(clock, World::empty().await, config()).await;
    let mut stream = TcpStream::connect(site.addr).await.unwrap();
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut buffer = [0; 1_024];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    let pass = async {
        loop {
            simulation.advance(Duration::from_secs(3_600));
            tokio::task::yield_now().await;
        }
    };
    // Well before it would be closed because it asks for nothing more.
    tokio::select! {
        _ = closed(&mut stream, Duration::from_secs(10)) => {}
        () = pass => {}
    }
    site.end().await;
}

/// One stream of HTTP/2 (RFC 9113) that has no room for its answer, ever.
const NO_ROOM: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \x00\x00\x06\x04\x00\x00\x00\x00\x00\
    \x00\x04\x00\x00\x00\x00\
    \x00\x00\x0e\x01\x05\x00\x00\x00\x01\
    \x82\x86\x84\x41\x09localhost";

const HEADERS: u8 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_room_for_an_answer_loses_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "a-token-for-everything").unwrap();
    let token = TokenConfig { name: "ops".into(), secret: SecretRef::File(path), scopes: None, tables: None };
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let grpc = listen.local_addr().unwrap();
    drop(listen);
    // It is let in if there are no tokens, and is given more time then.
    for tokens in [vec![token], Vec::new()] {
        let config = ServerConfig { grpc_listen: Some(grpc), tokens, ..config() };
        let (clock, simulation) = Clock::simulated(super::world::at("11:00:00"));
        let site = Site::at(clock, World::empty().await, config).await;
        let mut stream = TcpStream::connect(grpc).await.unwrap();
        stream.write_all(NO_ROOM).await.unwrap();
        let pass = async {
            loop {
                simulation.advance(Duration::from_secs(30));
                tokio::task::yield_now().await;
            }
        };
        // The head of the answer needs no room.
        let mut kind = 0;
        while kind != HEADERS {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.unwrap();
            let mut frame = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            stream.read_exact(&mut frame).await.unwrap();
            kind = head[3];
        }
        tokio::select! {
            _ = closed(&mut stream, Duration::from_secs(10)) => {}
            () = pass => {}
        }
        site.end().await;
    }
}
