//! Targets that are slow, broken, hostile, or too much.

use scrape::Health;

use super::server::{Reply, Server, gzip};
use super::world::{INTERVAL, World, at};

const TEXT: &str = "text/plain; version=0.0.4";

fn text(body: &str) -> Reply {
    Reply::Text(body.to_owned())
}

/// A good answer, then `bad` ones: the series becomes stale, and `up` is 0. Gives the error that the table has.
async fn fails(settings: &str, bad: Reply) -> String {
    let server = Server::start([text("a 1\n"), bad]).await;
    let world = World::scraping(settings, &[server.port]).await;
    world.tick().await;
    world.tick().await;
    let error = world.error();
    assert_eq!(world.of("a"), at(&[(1, "1"), (2, "stale")]), "{error}");
    assert_eq!(world.of("up"), at(&[(1, "1"), (2, "0")]), "{error}");
    assert_eq!(world.rows()[0].health, Health::Down);
    world.tick().await;
    assert_eq!(world.of("a").len(), 2, "it is stale once");
    assert_eq!(world.log.series(), ["a"], "nothing of a bad answer is kept");
    world.end().await;
    error
}

#[tokio::test]
async fn a_status_other_than_200_fails() {
    assert_eq!(fails("", Reply::Status(500)).await, "server returned HTTP status 500 Internal Server Error");
    assert_eq!(fails("follow_redirects: false", Reply::Redirect("/x")).await, "server returned HTTP status 302 Found");
    assert_eq!(fails("", Reply::Redirect("/x")).await, "stopped after 10 redirects");
}

#[tokio::test]
async fn a_body_that_is_cut_off_fails() {
    let error = fails("", Reply::Cut("b 1\nc 2\n".to_owned())).await;
    assert!(!error.is_empty(), "{error}");
    assert_eq!(fails("", text("b 1\nc")).await, "line 2: a value is missing where `` is");
}

#[tokio::test]
async fn bytes_that_are_no_text_fail() {
    let error = fails("", Reply::Bytes(TEXT, "", b"b 1\nc{l=\"\xff\"} 2\n".to_vec())).await;
    assert!(error.contains("UTF-8"), "{error}");
}

#[tokio::test]
async fn a_type_that_nobody_reads_fails_without_a_fallback() {
    let error = fails("", Reply::Bytes("text/html", "", b"b 1\n".to_vec())).await;
    assert!(error.contains("\"text/html\"") && error.contains("fallback_scrape_protocol"), "{error}");
    let server = Server::start([Reply::Bytes("text/html", "", b"b 1\n".to_vec())]).await;
    let world = World::scraping("fallback_scrape_protocol: PrometheusText0.0.4", &[server.port]).await;
    world.tick().await;
    assert_eq!(world.of("b"), at(&[(1, "1")]));
    world.end().await;
}

#[tokio::test]
async fn a_bomb_and_too_large_a_body_fail_by_the_name_of_the_limit() {
    let bomb = Reply::Bytes(TEXT, "gzip", gzip(&vec![b'\n'; 64 << 20]));
    let error = fails("", bomb.clone()).await;
    assert!(error.starts_with("body size limit exceeded") && error.contains("ingest.max_decoded_bytes"), "{error}");
    let error = fails("body_size_limit: 1KB", bomb).await;
    assert!(error.contains("body_size_limit = 1024"), "{error}");
    let error = fails("body_size_limit: 1KB", text(&"b 1\n".repeat(1000))).await;
    assert!(error.contains("4000 exceeds the limit body_size_limit = 1024"), "{error}");
    let damaged = fails("", Reply::Bytes(TEXT, "gzip", b"no gzip".to_vec())).await;
    assert!(damaged.contains("not valid gzip"), "{damaged}");
}

#[tokio::test]
async fn limits_fail_the_scrape_with_their_reason() {
    let error = fails("sample_limit: 2", text("a 1\nb 1\nc 1\n")).await;
    assert_eq!(error, "sample limit exceeded (3 of 2)");
    let error = fails("label_limit: 4", text("a 1\nb{x=\"1\",y=\"2\"} 1\n")).await;
    assert!(error.starts_with("label_limit exceeded (metric: b"), "{error}");
}

#[tokio::test]
async fn a_target_that_does_not_answer_in_time_fails() {
    let server = Server::start([text("a 1\n"), Reply::Never]).await;
    let world = World::scraping("", &[server.port]).await;
    world.tick().await;
    world.advance(INTERVAL);
    world.until("it is asked", |_| server.count() == 2).await;
    world.settle().await;
    world.advance(10);
    world.until("it fails", |world| !world.error().is_empty()).await;
    assert_eq!(world.error(), "no answer within 10s");
    assert_eq!(world.of("a"), at(&[(1, "1"), (2, "stale")]), "as of when the scrape began");
    assert_eq!(world.of("scrape_duration_seconds")[1].1, "10");
    world.end().await;
}

#[tokio::test]
async fn nobody_there_fails() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let world = World::scraping("", &[port]).await;
    world.tick().await;
    assert!(world.error().to_lowercase().contains("connection refused"), "{}", world.error());
    assert_eq!(world.of("up"), at(&[(1, "0")]));
    world.end().await;
}

#[tokio::test]
async fn more_targets_than_allowed_are_not_asked_and_told() {
    let (one, other) = (Server::start([text("a 1\n")]).await, Server::start([text("a 1\n")]).await);
    let world = World::scraping("target_limit: 1", &[one.port, other.port]).await;
    world.tick().await;
    assert_eq!(world.error(), "target_limit exceeded (number of targets: 2, limit: 1)");
    assert_eq!((one.count(), other.count(), world.of("up").len()), (0, 0, 2));
    world.apply("target_limit: 1", &[one.port]).await;
    world.tick().await;
    assert_eq!((one.count(), world.error().as_str()), (1, ""));
    world.end().await;
}

#[tokio::test]
async fn a_log_that_is_away_for_a_moment_loses_nothing() {
    let server = Server::start([text("a 1\n")]).await;
    let world = World::scraping("", &[server.port]).await;
    world.first().await;
    *world.log.away.lock().unwrap() = 2;
    world.advance(INTERVAL);
    for left in [1, 0] {
        world.until("it is tried", |world| *world.log.away.lock().unwrap() == left).await;
        world.settle().await;
        world.advance(1);
    }
    world.until("it is there", |world| world.of("a") == at(&[(0, "1"), (1, "1")])).await;
    assert_eq!(world.of("up"), at(&[(0, "1"), (1, "1")]));
    world.end().await;
}

#[tokio::test]
async fn a_scrape_for_which_there_is_no_room_fails_and_says_so() {
    let server = Server::start([text("a 1\n")]).await;
    let world = World::scraping("", &[server.port]).await;
    world.first().await;
    let all = world.fill();
    world.advance(INTERVAL);
    world.until("it is asked", |_| server.count() == 2).await;
    world.pass(INTERVAL - 2).await;
    assert_eq!(world.of("up").len(), 1, "there may be room yet");
    world.pass(1).await;
    world.until("it fails", |world| world.of("up").len() == 2).await;
    assert_eq!(world.of("up"), at(&[(0, "1"), (1, "0")]));
    assert_eq!(world.of("a"), at(&[(0, "1"), (1, "stale")]));
    assert!(world.error().contains("ingest.max_in_flight_bytes"), "{}", world.error());
    drop(all);
    world.pass(1).await;
    world.until("it is up again", |world| world.of("up").len() == 3).await;
    assert_eq!((world.of("up")[2].clone(), world.of("a")[2].clone()), ((2, "1".to_owned()), (2, "1".to_owned())));
    world.end().await;
}

#[tokio::test]
async fn a_target_that_fails_while_there_is_no_room_is_down() {
    let server = Server::start([text("a 1\n"), Reply::Status(500)]).await;
    let world = World::scraping("", &[server.port]).await;
    world.tick().await;
    let _all = world.fill();
    world.tick().await;
    assert_eq!((world.of("up"), world.of("a")), (at(&[(1, "1"), (2, "0")]), at(&[(1, "1"), (2, "stale")])));
    assert_eq!(world.error(), "server returned HTTP status 500 Internal Server Error");
    world.apply("", &[]).await;
    world.advance(INTERVAL);
    world.settle().await;
    world.advance(INTERVAL + INTERVAL / 10);
    world.until("a marker", |world| world.of("up").len() == 3).await;
    assert_eq!(world.of("up")[2].1, "stale");
    world.end().await;
}

#[tokio::test]
async fn what_a_log_that_was_away_did_not_take_is_told_late() {
    let server = Server::start([text("a 1\n")]).await;
    let world = World::scraping("", &[server.port]).await;
    world.first().await;
    *world.log.away.lock().unwrap() = u32::MAX;
    world.pass(2 * INTERVAL + INTERVAL / 2).await;
    assert_eq!((world.of("up").len(), server.count()), (1, 3), "it is asked all the same");
    assert!(world.error().contains("full disk"), "{}", world.error());
    *world.log.away.lock().unwrap() = 0;
    world.pass(1).await;
    world.until("the log is back", |world| world.of("up").len() == 3).await;
    assert_eq!(world.of("up"), at(&[(0, "1"), (1, "0"), (2, "1")]));
    assert_eq!(world.of("a"), at(&[(0, "1"), (1, "stale"), (2, "1")]));
    let times = world.log.times("a");
    let first = times[0];
    assert_eq!(
        times,
        [first, first + 60_001, first + 120_000],
        "what the log may have all the same is not written over"
    );
    world.end().await;
}

#[tokio::test]
async fn scrapes_that_were_due_while_the_log_stood_still_are_told_as_failed() {
    let server = Server::start([text("a 1\n")]).await;
    let world = World::scraping("", &[server.port]).await;
    world.first().await;
    let log = std::sync::Arc::clone(&world.log);
    let stuck = log.stuck.lock().await;
    let before = *log.tried.lock().unwrap();
    world.advance(INTERVAL);
    world.until("it is to be appended", |world| *world.log.tried.lock().unwrap() > before).await;
    world.advance(2 * INTERVAL + INTERVAL / 2);
    drop(stuck);
    world.until("what was read is there", |world| world.of("up").len() == 2).await;
    world.settle().await;
    world.advance(INTERVAL / 2);
    world.until("the next is there", |world| world.of("up").len() == 5).await;
    assert_eq!(world.of("up"), at(&[(0, "1"), (1, "1"), (2, "0"), (3, "0"), (4, "1")]));
    assert_eq!(world.of("a"), at(&[(0, "1"), (1, "1"), (2, "stale"), (4, "1")]));
    world.end().await;
}
