use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::open;
use crate::deliver::tests::world::World;

fn numbered(count: usize, size: usize) -> Vec<String> {
    (0..count).map(|n| format!("message {n} {}", "x".repeat(size))).collect()
}

/// Frames of both kinds, in turn.
fn framed(bodies: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    for (n, body) in bodies.iter().enumerate() {
        let message = format!("<13>1 - h a - - - {body}");
        let frame = if n % 2 == 0 { format!("{} {message}", message.len()) } else { format!("{message}\n") };
        out.extend_from_slice(frame.as_bytes());
    }
    out
}

/// Whether the other side closes the connection.
async fn closed(mut stream: TcpStream) -> bool {
    let mut byte = [0];
    let read = base::Clock::system().timeout(std::time::Duration::from_secs(20), stream.read(&mut byte)).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

#[tokio::test]
async fn frames_of_both_kinds_are_read_however_they_are_cut() {
    let (world, address) = open(r#""protocol": "tcp""#).await;
    let bodies = numbered(50, 200);
    for size in [1, 7, 1_000] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for piece in framed(&bodies).chunks(size) {
            stream.write_all(piece).await.unwrap();
        }
    }
    world.until("all", |bodies| bodies.len() == 150).await;
    let seen = world.end().await.logs();
    for body in &bodies {
        assert_eq!(seen.iter().filter(|line| line.body == *body).count(), 3, "{body}");
    }
}

#[tokio::test]
async fn a_last_line_needs_no_end_and_an_unfinished_frame_is_none() {
    let (world, address) = open(r#""protocol": "tcp""#).await;
    for text in ["<13>1 - h a - - - whole\n<13>1 - h a - - - last", "5 <13>a60 <13>1 - h a - - - not all"] {
        TcpStream::connect(address).await.unwrap().write_all(text.as_bytes()).await.unwrap();
    }
    world.until("three", |bodies| bodies.len() == 3).await;
    let mut seen = world.bodies();
    seen.sort();
    assert_eq!(seen, ["a", "last", "whole"]);
    world.end().await;
}

#[tokio::test]
async fn while_the_log_is_away_senders_wait_and_nothing_is_lost() {
    let (world, address) = open(r#""protocol": "tcp", "batch_rows": 2000"#).await;
    *world.log.away.lock().unwrap() = u32::MAX;
    let bodies = numbered(30_000, 1_000);
    let sent = framed(&bodies);
    let total = sent.len();
    let progress = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let of = std::sync::Arc::clone(&progress);
    world.tasks.spawn("sender", async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        for piece in sent.chunks(16 << 10) {
            stream.write_all(piece).await.unwrap();
            of.fetch_add(piece.len(), std::sync::atomic::Ordering::SeqCst);
        }
    });
    // Two seconds, in which all could be read; what is read stops once the buffers of both sides are full.
    World::becomes("the log is asked again", || *world.log.away.lock().unwrap() < u32::MAX - 2).await;
    let stuck = progress.load(std::sync::atomic::Ordering::SeqCst);
    assert!(stuck < total, "{stuck} of {total} bytes were read though nothing was taken");
    *world.log.away.lock().unwrap() = 0;
    world.until("all", |seen| seen.len() == bodies.len()).await;
    assert_eq!(world.bodies(), bodies, "in order, each once");
    world.end().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_cut_and_the_next_is_whole() {
    let (world, address) = open(r#""protocol": "tcp", "max_message_bytes": 500"#).await;
    let long = format!("<13>1 - h a - - - {}", "x".repeat(100_000));
    let text = format!("{} {long}{long}\n<13>1 - h a - - - after\n", long.len());
    TcpStream::connect(address).await.unwrap().write_all(text.as_bytes()).await.unwrap();
    world.until("three", |bodies| bodies.len() == 3).await;
    let lines = world.end().await.logs();
    assert_eq!((lines[0].body.len(), lines[1].body.len(), lines[2].body.as_str()), (482, 482, "after"));
    assert_eq!((lines[1].attributes["text.cut"].as_str(), lines[2].attributes.get("text.cut")), ("true", None));
}

#[tokio::test]
async fn connections_that_are_silent_or_speak_otherwise_are_closed() {
    let (world, address) = open(r#""protocol": "tcp", "idle": "50ms""#).await;
    assert!(closed(TcpStream::connect(address).await.unwrap()).await, "it is silent");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"4 <13>12345x").await.unwrap();
    assert!(closed(stream).await, "a length that is none");
    world.until("what came before counts", |bodies| bodies.len() == 1).await;
    world.end().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_one_that_ends() {
    let (world, address) = open(r#""protocol": "tcp", "max_connections": 1"#).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(b"first\n").await.unwrap();
    world.until("the first", |bodies| bodies == ["first"]).await;
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(b"second\n").await.unwrap();
    world.settle().await;
    assert_eq!(world.bodies(), ["first"]);
    drop(first);
    world.until("the second", |bodies| bodies == ["first", "second"]).await;
    world.end().await;
}

#[tokio::test]
async fn who_sends_nothing_gives_its_place_to_who_does() {
    let (world, address) = open(r#""protocol": "tcp", "max_connections": 3"#).await;
    let mut sender = TcpStream::connect(address).await.unwrap();
    sender.write_all(b"first\n").await.unwrap();
    world.until("the first", |bodies| bodies == ["first"]).await;
    let silent = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"<13>1 - not a whole mess").await.unwrap();
    let mut other = TcpStream::connect(address).await.unwrap();
    other.write_all(b"second\n").await.unwrap();
    assert!(closed(silent).await && closed(slow).await);
    world.until("the second", |bodies| bodies.iter().any(|body| body == "second")).await;
    sender.write_all(b"third\n").await.unwrap();
    world.until("who has sent something goes on", |bodies| bodies.iter().any(|body| body == "third")).await;
    world.end().await;
}

#[tokio::test]
async fn an_open_connection_does_not_keep_the_process() {
    let (world, address) = open(r#""protocol": "tcp""#).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"said\nnot sai").await.unwrap();
    world.until("what was said", |bodies| bodies == ["said"]).await;
    world.end().await;
    assert!(closed(stream).await);
}

#[tokio::test]
async fn mistakes_are_named() {
    let wrong = |settings: &str| super::world::config(settings).check().unwrap_err();
    assert_eq!(wrong(r#""protocol": "tls""#), "127.0.0.1:0: tls: `cert` and `key` are missing");
    assert_eq!(
        wrong(r#""protocol": "udp", "zone": "Mars/One""#),
        "127.0.0.1:0: zone: `Mars/One` is no time zone such as UTC, Europe/Berlin or +02:00"
    );
    assert!(wrong(r#""protocol": "tcp", "max_message_bytes": 10"#).contains("480 is the least"));
    assert!(wrong(r#""protocol": "tcp", "tls": {"cert": "a", "key": "b"}"#).contains("it is for `protocol: tls`"));
    let world = World::new().await;
    let taken = super::world::open_in(&world, r#""protocol": "tcp""#).await;
    let mut again = super::world::config(r#""protocol": "tcp""#);
    again.listen = taken;
    let error = crate::syslog::Syslog::bind(&[again]).await.err().unwrap().to_string();
    assert!(error.starts_with(&format!("cannot listen on {taken}: ")), "{error}");
    world.end().await;
}
