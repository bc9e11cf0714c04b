//! Lines as they arrive, over a WebSocket.

use std::time::Duration;

use base::Clock;
use ingest::{Ingest, IngestConfig};
use query::QueryConfig;
use serde_json::{Value, json};
use server::{Parts, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::site::{Site, config, parts};
use super::world::World;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

async fn site(server: ServerConfig) -> Site {
    let world = World::empty().await;
    let ingest = Ingest::new(IngestConfig::default(), world.telemetry(), world.store.clone(), Clock::system());
    let parts = Parts { ingest: Some(ingest), ..parts(&world, QueryConfig::default()) };
    Site::serve(world, server, parts).await
}

/// Lines of the shop, each with its second.
async fn push(site: &Site, lines: &[(u64, &str)]) {
    let values: Vec<_> = lines.iter().map(|(at, line)| json!([(at * 1_000_000_000).to_string(), line])).collect();
    let push = json!({"streams": [{"stream": {"app": "shop"}, "values": values}]});
    assert_eq!(site.client.post(site.url("/loki/api/v1/push")).json(&push).send().await.unwrap().status(), 204);
    site.world.settle().await;
}

/// A client, as far as RFC 6455 is needed for it.
struct Socket(TcpStream);

impl Socket {
    /// The status and, if it is 101, a socket.
    async fn open(site: &Site, parameters: &str, headers: &str) -> (u16, Self) {
        let mut stream = TcpStream::connect(site.addr).await.unwrap();
        let request = format!(
            "GET /loki/api/v1/tail?{parameters} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n",
            site.addr
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        if status == 101 {
            // The answer to the key of RFC 6455, 1.3.
            assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        }
        (status, Self(stream))
    }

    async fn send(&mut self, kind: u8, text: &[u8]) {
        // Masked with zeros.
        let mut frame = vec![0x80 | kind, 0x80 | text.len() as u8, 0, 0, 0, 0];
        frame.extend(text);
        self.0.write_all(&frame).await.unwrap();
    }

    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let read = async {
            let kind = self.0.read_u8().await.unwrap() & 0x0f;
            let length = match self.0.read_u8().await.unwrap() {
                126 => u64::from(self.0.read_u16().await.unwrap()),
                127 => self.0.read_u64().await.unwrap(),
                short => u64::from(short),
            };
            let mut bytes = vec![0; length as usize];
            self.0.read_exact(&mut bytes).await.unwrap();
            (kind, bytes)
        };
        Clock::system().timeout(Duration::from_secs(20), read).await.unwrap()
    }

    /// The lines of the next message, and the message.
    async fn lines(&mut self) -> (Vec<String>, Value) {
        let (kind, bytes) = self.frame().await;
        assert_eq!(kind, TEXT, "{}", String::from_utf8_lossy(&bytes));
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        let streams = message["streams"].as_array().unwrap();
        let values = streams.iter().flat_map(|stream| stream["values"].as_array().unwrap());
        (values.map(|value| value[1].as_str().unwrap().to_owned()).collect(), message.clone())
    }
}

const SHOP: &str = "query=%7Bapp%3D%22shop%22%7D&start=100";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_comes_first_and_then_what_arrives_late_lines_included() {
    let site = site(config()).await;
    push(&site, &[(101, "one"), (103, "two")]).await;
    let (status, mut socket) = Socket::open(&site, SHOP, "").await;
    assert_eq!(status, 101);
    let (lines, message) = socket.lines().await;
    assert_eq!(lines, ["one", "two"]);
    assert_eq!(message["streams"][0]["stream"]["app"], "shop", "{message}");
    assert_eq!(message["streams"][0]["values"][0][0], "101000000000", "{message}");
    push(&site, &[(104, "three")]).await;
    assert_eq!(socket.lines().await.0, ["three"]);
    // Between two that were sent, and long before them.
    push(&site, &[(102, "late"), (3, "too late")]).await;
    assert_eq!(socket.lines().await.0, ["late"]);
    push(&site, &[(105, "four")]).await;
    assert_eq!(socket.lines().await.0, ["four"]);
    socket.send(PING, b"?").await;
    assert_eq!(socket.frame().await, (PONG, b"?".to_vec()));
    socket.send(CLOSE, b"").await;
    assert_eq!(socket.frame().await.0, CLOSE);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_can_be_sent_is_dropped_and_told() {
    let site = site(config()).await;
    push(&site, &[(101, "a"), (102, "b"), (103, "c")]).await;
    let (_, mut socket) = Socket::open(&site, &format!("{SHOP}&limit=2"), "").await;
    assert_eq!(socket.lines().await.0, ["b", "c"], "the newest of what was there");
    push(&site, &[(104, "d"), (105, "e"), (106, "f"), (107, "g")]).await;
    assert_eq!(socket.lines().await.0, ["d", "e"]);
    let (lines, message) = socket.lines().await;
    assert_eq!(lines, [""; 0]);
    let dropped = &message["dropped_entries"];
    assert_eq!((&dropped[0]["labels"]["app"], &dropped[0]["timestamp"]), (&json!("shop"), &json!("105000000000")));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_may_not_be_is_refused_before_it_begins() {
    let site = site(ServerConfig { max_watchers: 1, ..config() }).await;
    for (parameters, headers, status) in [
        ("query=%7B", "", 400),
        ("query=rate(%7Bapp%3D%22shop%22%7D%5B1m%5D)", "", 400),
        ("query=%7Bapp%3D%22shop%22%7D&delay_for=6", "", 400),
        (SHOP, "Origin: https://elsewhere.example\r\n", 403),
    ] {
        assert_eq!(Socket::open(&site, parameters, headers).await.0, status, "{parameters} {headers}");
    }
    assert_eq!(site.get(&format!("/loki/api/v1/tail?{SHOP}")).await.status().as_u16(), 400, "no WebSocket");
    let ours = format!("Origin: http://{}\r\n", site.addr);
    let (status, mut first) = Socket::open(&site, SHOP, &ours).await;
    assert_eq!(status, 101);
    assert_eq!(Socket::open(&site, SHOP, "").await.0, 429);
    // The end of the server is said.
    site.shutdown.start();
    let (kind, reason) = first.frame().await;
    assert_eq!((kind, &reason[..2]), (CLOSE, &1001_u16.to_be_bytes()[..]));
    site.end().await;
}
