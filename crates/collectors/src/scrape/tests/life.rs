//! Targets that come, go and come back; processes that do.

use std::sync::Arc;

use super::server::{Reply, Server};
use super::world::{INTERVAL, START, World, at, job};

async fn server() -> Server {
    Server::start([Reply::Text("a 1\n".to_owned())]).await
}

#[tokio::test]
async fn the_series_of_a_target_that_is_gone_become_stale_after_two_scrapes() {
    let server = server().await;
    let world = World::scraping("", &[server.port]).await;
    world.tick().await;
    world.apply("", &[]).await;
    world.advance(INTERVAL);
    world.settle().await;
    assert_eq!(world.of("a"), at(&[(1, "1")]), "it may come back");
    world.advance(INTERVAL + INTERVAL / 10);
    world.until("a marker", |world| world.of("a").len() == 2).await;
    let (time, value) = world.log.of("a")[1].clone();
    assert_eq!(value, "stale");
    let first = START + i64::try_from(INTERVAL).unwrap();
    assert!((first..=first + i64::try_from(INTERVAL).unwrap()).contains(&time), "as of the scrape that was not made");
    assert_eq!(world.of("up").last().unwrap().1, "stale");
    assert_eq!(server.count(), 1);
    world.end().await;
}

#[tokio::test]
async fn of_targets_that_are_gone_one_tries_for_all_while_the_log_is_away() {
    let servers = [server().await, server().await, server().await];
    let world = World::scraping("", &servers.each_ref().map(|server| server.port)).await;
    world.tick().await;
    world.apply("", &[]).await;
    *world.log.away.lock().unwrap() = u32::MAX;
    world.advance(3 * INTERVAL);
    world.settle().await;
    let tried = |world: &World| *world.log.tried.lock().unwrap();
    let before = tried(&world);
    world.pass(10).await;
    assert_eq!(tried(&world) - before, 10, "once a second");
    *world.log.away.lock().unwrap() = 0;
    world.pass(1).await;
    let stale = |world: &World| world.of("up").iter().filter(|(_, value)| value == "stale").count();
    world.until("markers of all", |world| stale(world) == 3).await;
    world.end().await;
}

#[tokio::test]
async fn a_target_that_comes_back_at_once_is_not_marked() {
    let server = server().await;
    let world = World::scraping("", &[server.port]).await;
    world.tick().await;
    world.apply("", &[]).await;
    world.apply("", &[server.port]).await;
    for _ in 0..4 {
        world.tick().await;
    }
    assert_eq!(world.of("a"), at(&[(1, "1"), (2, "1"), (3, "1"), (4, "1"), (5, "1")]));
    world.end().await;
}

#[tokio::test]
async fn a_job_that_is_gone_takes_its_targets_along() {
    let server = server().await;
    let world = World::scraping("", &[server.port]).await;
    world.tick().await;
    world.scraper.apply(Vec::new()).await;
    world.until("it is off the table", |world| world.targets.read(|jobs| jobs.is_empty())).await;
    world.settle().await;
    world.advance(3 * INTERVAL);
    world.until("a marker", |world| world.of("a").len() == 2).await;
    world.end().await;
}

#[tokio::test]
async fn other_rules_hold_from_the_next_scrape_on_and_old_names_become_stale() {
    let server = server().await;
    let world = World::scraping("", &[server.port]).await;
    world.tick().await;
    world.apply("metric_relabel_configs:\n- {target_label: __name__, replacement: b}", &[server.port]).await;
    world.tick().await;
    assert_eq!(world.of("a"), at(&[(1, "1"), (2, "stale")]));
    assert_eq!(world.of("b"), at(&[(2, "1")]));
    assert_eq!(world.of("up"), at(&[(1, "1"), (2, "1")]), "the target is the same");
    world.end().await;
}

#[tokio::test]
async fn an_interval_may_change_and_is_kept_from_then_on() {
    let server = server().await;
    let world = World::scraping("", &[server.port]).await;
    world.tick().await;
    world.apply("scrape_interval: 10s", &[server.port]).await;
    for _ in 0..3 {
        world.advance(10);
        world.scraped().await;
    }
    assert_eq!(server.count(), 4);
    world.end().await;
}

#[tokio::test]
async fn a_process_that_ends_marks_nothing_and_the_next_goes_on_with_the_same_series() {
    let server = server().await;
    let world = World::scraping("", &[server.port]).await;
    world.tick().await;
    let log = world.end().await;
    let world = World::over(Arc::clone(&log), START + i64::try_from(INTERVAL).unwrap()).await;
    world.apply("", &[server.port]).await;
    world.tick().await;
    assert_eq!(world.of("a"), at(&[(1, "1"), (2, "1")]));
    assert_eq!(log.series(), ["a"]);
    world.end().await;
}

#[tokio::test]
async fn targets_of_a_file_come_and_go_with_it() {
    let server = server().await;
    let world = World::new().await;
    let file = world.folder.path().join("t.json");
    let write = |targets: &str| {
        std::fs::write(&file, format!(r#"[{{"targets": [{targets}], "labels": {{"env": "x"}}}}]"#)).unwrap()
    };
    write(&format!("\"127.0.0.1:{}\"", server.port));
    let pattern = world.folder.path().join("*.json").display().to_string();
    world.scraper.apply(job(&format!("file_sd_configs:\n- files: ['{pattern}']"), &[])).await;
    world.until("it is found", |world| world.rows().len() == 1).await;
    world.settle().await;
    world.tick().await;
    assert_eq!(world.of("a{env=x}"), at(&[(1, "1")]));
    assert_eq!(world.rows()[0].discovered["__meta_filepath"], file.display().to_string());
    write("");
    world.advance(5);
    world.until("it is gone", |world| world.rows().is_empty()).await;
    world.end().await;
}

#[tokio::test]
async fn names_are_resolved() {
    let server = server().await;
    let world = World::new().await;
    let dns = format!("dns_sd_configs:\n- {{names: [localhost], type: A, port: {}}}", server.port);
    world.scraper.apply(job(&dns, &[])).await;
    world.until("it is found", |world| world.rows().len() == 1).await;
    let row = &world.rows()[0];
    assert_eq!(
        (row.discovered["__meta_dns_name"].as_str(), row.labels["instance"].clone()),
        ("localhost", format!("127.0.0.1:{}", server.port))
    );
    world.end().await;
}
