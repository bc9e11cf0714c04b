//! Answers that wait for clients that do not take them.

use std::fmt::Write;
use std::time::Duration;

use base::{Clock, Simulation};
use ingest::{Ingest, IngestConfig};
use query::QueryConfig;
use serde_json::Value;
use server::{Parts, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::site::{Site, config, parts};
use super::world::World;

/// Room for one of the answers below, which are larger than what connections keep of them.
const ROOM: u64 = 20 << 20;
const LARGE: &str = "/api/v1/query_range?query=m&start=1000&end=11000&step=1&lookback_delta=5h";

/// A server whose answers have so much room, with 60 series of a value.
async fn site(max_answer_bytes: u64) -> (Site, Simulation) {
    let (clock, simulation) = Clock::simulated(Clock::system().now());
    let world = World::empty().await;
    let ingest = Ingest::new(IngestConfig::default(), world.telemetry(), world.store.clone(), Clock::system());
    let parts = Parts { clock, ingest: Some(ingest), ..parts(&world, QueryConfig::default()) };
    let site = Site::serve(world, ServerConfig { max_answer_bytes, ..config() }, parts).await;
    let mut points = String::new();
    for n in 0..60 {
        let attributes = format!(r#"[{{"key":"n","value":{{"stringValue":"{n}"}}}}]"#);
        let comma = if n == 0 { "" } else { "," };
        let point =
            format!(r#"{{"asDouble":0.12345678901234,"timeUnixNano":"1000000000000","attributes":{attributes}}}"#);
        write!(points, "{comma}{point}").unwrap();
    }
    let metric = format!(r#"{{"name":"m","gauge":{{"dataPoints":[{points}]}}}}"#);
    let body = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{metric}]}}]}}]}}"#);
    let request = site.client.post(site.url("/v1/metrics")).header("Content-Type", "application/json").body(body);
    assert_eq!(request.send().await.unwrap().status(), 200);
    site.world.settle().await;
    (site, simulation)
}

/// A client that has its answer's beginning, and takes no more.
async fn unread(site: &Site) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(site.addr).await.unwrap();
    let head = format!("GET {LARGE} HTTP/1.1\r\nHost: {}\r\n\r\n", site.addr);
    stream.write_all(head.as_bytes()).await.unwrap();
    // With some of the body: who sends it has begun then, and its time runs.
    let mut begun = [0; 8_192];
    stream.read_exact(&mut begun).await.unwrap();
    assert!(begun.starts_with(b"HTTP/1.1 200"));
    stream
}

/// Until there is room for another.
async fn answered(site: &Site) -> u64 {
    let asked = async {
        loop {
            let answer = site.get(LARGE).await;
            if answer.status() == 200 {
                let length = answer.content_length();
                let bytes = answer.bytes().await.unwrap().len() as u64;
                assert_eq!(length, Some(bytes));
                return bytes;
            }
        }
    };
    Clock::system().timeout(Duration::from_secs(60), asked).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_wait_for_slow_clients_have_one_room() {
    let (site, simulation) = site(ROOM).await;
    let bytes = answered(&site).await;
    assert!(bytes > ROOM / 2 && bytes < ROOM, "{bytes}");

    let slow = unread(&site).await;
    let refused = site.get(LARGE).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    let refused: Value = refused.json().await.unwrap();
    assert!(refused["error"]["message"].as_str().unwrap().contains("max_answer_bytes = 20971520"), "{refused}");
    // What is small goes on.
    assert_eq!(site.get("/api/v1/query?query=vector(1)").await.status(), 200);
    // A client that goes leaves its room,
    drop(slow);
    answered(&site).await;
    // and so does one that takes nothing for long.
    let slow = unread(&site).await;
    simulation.advance(Duration::from_secs(180));
    answered(&site).await;
    drop(slow);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_no_room_is_enough_for_is_refused_by_name() {
    let (site, _simulation) = site(1 << 20).await;
    let refused = site.get(LARGE).await;
    assert_eq!(refused.status().as_u16(), 422);
    let refused: Value = refused.json().await.unwrap();
    assert!(
        refused["error"]["message"].as_str().unwrap().contains("the limit max_answer_bytes = 1048576"),
        "{refused}"
    );
    site.end().await;
}
