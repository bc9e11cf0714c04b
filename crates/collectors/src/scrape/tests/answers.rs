//! What targets answer when all is well.

use scrape::Health;

use super::server::{Reply, Server, gzip};
use super::world::{World, at};

fn text(body: &str) -> Reply {
    Reply::Text(body.to_owned())
}

#[tokio::test]
async fn samples_and_what_is_told_of_the_scrape_are_on_the_log() {
    let server = Server::start([
        text("# TYPE a counter\n# HELP a It is.\na 1\nb{l=\"x\"} 2\n"),
        text("a 3\nb{l=\"x\"} 4\nc 5\n"),
    ])
    .await;
    let world = World::scraping("", &[server.port]).await;
    assert_eq!(world.rows()[0].health, Health::Unknown);
    world.tick().await;
    world.tick().await;
    assert_eq!(world.of("a"), at(&[(1, "1"), (2, "3")]));
    assert_eq!(world.of("b{l=x}"), at(&[(1, "2"), (2, "4")]));
    assert_eq!(world.of("up"), at(&[(1, "1"), (2, "1")]));
    assert_eq!(world.of("scrape_samples_scraped"), at(&[(1, "2"), (2, "3")]));
    assert_eq!(world.of("scrape_samples_post_metric_relabeling"), at(&[(1, "2"), (2, "3")]));
    assert_eq!(world.of("scrape_series_added"), at(&[(1, "2"), (2, "1")]));
    assert_eq!(world.of("scrape_duration_seconds").len(), 2);
    let metadata = world.log.metadata();
    assert_eq!(
        (metadata[0].metric.as_str(), metadata[0].kind.as_str(), metadata[0].help.as_str()),
        ("a", "counter", "It is.")
    );
    let row = &world.rows()[0];
    assert_eq!((row.health, row.last_error.as_str(), row.labels["job"].as_str()), (Health::Up, "", "j"));
    world.end().await;
}

#[tokio::test]
async fn a_target_is_asked_as_prometheus_asks() {
    let server = Server::start([text("a 1\n")]).await;
    let world = World::new().await;
    std::fs::write(world.folder.path().join("token"), "first\n").unwrap();
    let token = world.folder.path().join("token").display().to_string();
    world
        .apply(
            &format!(
                "scrape_timeout: 7s\nscrape_native_histograms: true\nauthorization: {{credentials_file: {token}}}"
            ),
            &[server.port],
        )
        .await;
    world.tick().await;
    assert!(server.header(0, "accept").starts_with("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"));
    assert_eq!(server.header(0, "x-prometheus-scrape-timeout-seconds"), "7");
    assert_eq!(server.header(0, "accept-encoding"), "gzip");
    assert!(server.header(0, "user-agent").starts_with("steadfast/"));
    assert_eq!(server.header(0, "authorization"), "Bearer first");
    // A token that was written anew is read anew.
    std::fs::write(world.folder.path().join("token"), "second").unwrap();
    world.tick().await;
    assert_eq!(server.header(1, "authorization"), "Bearer second");
    world.end().await;
}

#[tokio::test]
async fn compressed_answers_open_metrics_and_protobuf_are_read() {
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let metrics = "# TYPE a counter\na_total 1 # {t=\"x\"} 0.5\n# EOF\n";
    let mut family = wire::pb::Writer::default();
    family.bytes(1, b"h");
    family.varint(3, 4);
    family.message(4, |metric| {
        metric.message(7, |histogram| {
            histogram.varint(1, 3);
            histogram.double(6, 0.001);
            histogram.message(12, |span| {
                span.varint(1, 4);
                span.varint(2, 1);
            });
            histogram.varint(13, 6);
        });
    });
    let family = family.finish();
    let mut body = vec![u8::try_from(family.len()).unwrap()];
    body.extend(family);
    let protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    let replies = [
        Reply::Bytes(open, "gzip", gzip(metrics.as_bytes())),
        Reply::Bytes(protobuf, "", body),
        Reply::Bytes(protobuf, "", Vec::new()),
    ];
    let server = Server::start(replies).await;
    let world = World::scraping("scrape_native_histograms: true", &[server.port]).await;
    world.tick().await;
    world.tick().await;
    world.tick().await;
    assert_eq!(world.of("a_total"), at(&[(1, "1"), (2, "stale")]));
    assert_eq!(world.log.exemplars()[0].labels["t"], "x");
    assert_eq!(world.of("h"), at(&[(2, "3 in [2]"), (3, "stale")]));
    assert_eq!(world.of("up"), at(&[(1, "1"), (2, "1"), (3, "1")]));
    world.end().await;
}

#[tokio::test]
async fn times_out_of_order_and_second_samples() {
    let server = Server::start([text("a 1 1000050000\na 2 1000040000\nb 3\nb 4\n")]).await;
    let world = World::scraping("", &[server.port]).await;
    world.tick().await;
    assert_eq!(world.log.of("a"), at(&[(1_000_050, "1"), (1_000_040, "2")]), "any order is kept");
    assert_eq!(world.of("b"), at(&[(1, "3")]), "the first counts");
    assert_eq!(world.of("up"), at(&[(1, "1")]));
    world.end().await;
}
