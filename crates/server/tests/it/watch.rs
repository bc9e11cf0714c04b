use std::time::Duration;

use base::Clock;
use model::Verdict;
use reqwest::Response;
use serde_json::Value;

use super::site::{Site, config};
use super::world::{World, verdict};

/// The next line of a stream.
async fn line(stream: &mut Response, rest: &mut String) -> Value {
    loop {
        if let Some((line, after)) = rest.split_once('\n') {
            let value = serde_json::from_str(line).unwrap();
            *rest = after.to_owned();
            return value;
        }
        let chunk = Clock::system().timeout(Duration::from_secs(10), stream.chunk()).await.unwrap().unwrap().unwrap();
        rest.push_str(str::from_utf8(&chunk).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_verdict_is_pushed_once() {
    let site = Site::fleet().await;
    let (mut stream, mut rest) = (site.get("/api/drift/watch").await, String::new());
    assert_eq!(stream.headers()["content-type"], "application/x-ndjson");
    assert_eq!(line(&mut stream, &mut rest).await["event"], "start");
    let clock = Clock::system();
    for (name, word) in
        [("etc/motd", Verdict::Missing), ("etc/ssh/sshd_config", Verdict::Modified), ("etc/motd", Verdict::InSync)]
    {
        let mut row = verdict(name, "10:45:00", word, "[]");
        row.time = clock.now();
        let began = clock.monotonic();
        site.world.append(&[row]).await;
        let event = line(&mut stream, &mut rest).await;
        let took = clock.monotonic() - began;
        assert_eq!((event["event"].as_str(), event["verdict"].as_str()), (Some("verdict"), Some(word.as_str())));
        assert!(event["id"].as_str().unwrap().ends_with(name), "{event}");
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    // Other records move the log, and say nothing of drift.
    site.world.append(&[super::world::live("etc/other", "10:50:00", Some("0600"))]).await;
    let mut row = verdict("etc/last", "10:50:00", Verdict::Missing, "[]");
    row.time = clock.now();
    site.world.append(&[row]).await;
    assert!(line(&mut stream, &mut rest).await["id"].as_str().unwrap().ends_with("etc/last"));
    drop(stream);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_bounded_and_end_with_the_server() {
    let config = server::ServerConfig { max_watchers: 1, ..config() };
    let site = Site::start(World::fleet().await, config, query::QueryConfig::default()).await;
    let (mut stream, mut rest) = (site.get("/api/drift/watch?scope=host/web-1").await, String::new());
    line(&mut stream, &mut rest).await;
    let more = site.get("/api/drift/watch").await;
    assert_eq!(more.status().as_u16(), 429);
    assert!(more.headers().contains_key("retry-after"));
    site.shutdown.start();
    while let Ok(Some(_)) = stream.chunk().await {}
    site.end().await;
}
