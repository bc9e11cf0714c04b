//! Samples in by remote write, answers out as Prometheus gives them.

use std::sync::Arc;

use base::Clock;
use ingest::{Ingest, IngestConfig};
use query::QueryConfig;
use reqwest::Response;
use serde_json::{Value, json};
use server::Parts;
use store::{LocalObjects, Store, StoreConfig};
use wire::pb::Writer;

use super::site::{Site, config, parts};
use super::world::World;

/// A series: labels, and pairs of milliseconds and value.
type Sent<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, f64)]);

fn request(series: &[Sent<'_>]) -> Vec<u8> {
    let mut writer = Writer::default();
    for (labels, samples) in series {
        writer.message(1, |writer| {
            for (name, value) in *labels {
                writer.message(1, |writer| {
                    writer.bytes(1, name.as_bytes());
                    writer.bytes(2, value.as_bytes());
                });
            }
            for (t, value) in *samples {
                writer.message(2, |writer| {
                    writer.double(1, *value);
                    writer.varint(2, t.cast_unsigned());
                });
            }
        });
    }
    snap::raw::Encoder::new().compress_vec(&writer.finish()).unwrap()
}

async fn site(config_of: impl FnOnce(&mut IngestConfig)) -> Site {
    let world = World::empty().await;
    let mut settings = IngestConfig::default();
    config_of(&mut settings);
    let ingest = Ingest::new(settings, world.telemetry(), world.store.clone(), Clock::system());
    let parts = Parts { ingest: Some(ingest), ..parts(&world, QueryConfig::default()) };
    Site::serve(world, config(), parts).await
}

async fn write(site: &Site, body: Vec<u8>) -> Response {
    let request = site.client.post(site.url("/api/v1/write")).header("Content-Encoding", "snappy");
    request.header("Content-Type", "application/x-protobuf").body(body).send().await.unwrap()
}

/// Until the store has seen what was written.
async fn seen(site: &Site) {
    site.world.settle().await;
}

const UP_A: &[(&str, &str)] = &[("__name__", "up"), ("job", "a")];
const UP_B: &[(&str, &str)] = &[("__name__", "up"), ("job", "b")];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_answered() {
    let site = site(|_| {}).await;
    let body = request(&[(UP_A, &[(60_000, 1.0), (75_000, 0.0)]), (UP_B, &[(60_000, 3.0)])]);
    assert_eq!(write(&site, body).await.status(), 204);
    // Again, with one value changed: the newest of a time counts, on disk as in memory.
    assert_eq!(write(&site, request(&[(UP_A, &[(75_000, 7.0)])])).await.status(), 204);
    seen(&site).await;
    for _ in 0..2 {
        let answer = site.json("/api/v1/query?query=up&time=80").await;
        assert_eq!(
            answer,
            json!({"status": "success", "data": {"resultType": "vector", "result": [
                {"metric": {"__name__": "up", "job": "a"}, "value": [80, "7"]},
                {"metric": {"__name__": "up", "job": "b"}, "value": [80, "3"]},
            ]}})
        );
        site.world.store.flush().await.unwrap();
    }
    let range = site.json("/api/v1/query_range?query=sum(up)&start=60&end=90&step=15").await;
    assert_eq!(range["data"]["result"][0]["values"], json!([[60, "4"], [75, "10"], [90, "10"]]));
    assert_eq!(site.json("/api/v1/labels").await["data"], json!(["__name__", "job"]));
    assert_eq!(site.json("/api/v1/label/job/values?match[]=up").await["data"], json!(["a", "b"]));
    // There is nothing before the first sample.
    for path in ["labels?start=0&end=59", "label/job/values?start=0&end=59", "series?match[]=up&start=0&end=59"] {
        assert_eq!(site.json(&format!("/api/v1/{path}")).await["data"], json!([]), "{path}");
    }
    assert_eq!(site.json("/api/v1/labels?start=0&end=60").await["data"], json!(["__name__", "job"]));
    let cut = site.json("/api/v1/label/job/values?limit=1").await;
    assert_eq!((&cut["data"], &cut["warnings"]), (&json!(["a"]), &json!(["results truncated due to limit"])));
    let series = site.json("/api/v1/series?match[]=up{job!=\"a\"}").await;
    assert_eq!(series["data"], json!([{"__name__": "up", "job": "b"}]));
    let sql = site.sql("SELECT count(*) FROM metrics WHERE metric = 'up'").await.json::<Value>().await.unwrap();
    assert_eq!(sql["rows"], json!([[3]]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_named_and_the_rest_is_taken() {
    let site = site(|config| {
        config.max_series = 2;
        config.max_labels = 3;
        config.max_label_bytes = 10;
    })
    .await;
    let cases: [(Sent<'_>, &str); 6] = [
        ((&[("__name__", "up"), ("job", "a"), ("job", "b")], &[(1, 1.0)]), "series 1: label `job` is there twice"),
        ((&[("__name__", "up"), ("", "b")], &[(1, 1.0)]), "series 1: label 1 has no name"),
        ((&[], &[(1, 1.0)]), "series 1: it has no labels"),
        (
            (&[("__name__", "up"), ("a", "12345678901")], &[(1, 1.0)]),
            "label `a` has 11 bytes, the limit ingest.max_label_bytes is 10",
        ),
        (
            (&[("__name__", "up"), ("a", "1"), ("b", "1"), ("c", "1")], &[(1, 1.0)]),
            "4 labels exceed the limit ingest.max_labels = 3",
        ),
        ((UP_A, &[(i64::MAX, 1.0)]), "series 1: 9223372036854775807 ms is no time that can be kept"),
    ];
    for (n, (wrong, expected)) in cases.into_iter().enumerate() {
        let answer = write(&site, request(&[(UP_A, &[(n as i64, 1.0)]), wrong])).await;
        assert_eq!(answer.status(), 400, "{expected}");
        let text = answer.text().await.unwrap();
        assert!(text.starts_with("1 refused: ") && text.contains(expected), "{text}");
    }
    assert_eq!(write(&site, request(&[(UP_B, &[(9, 1.0)])])).await.status(), 204);
    seen(&site).await;
    let third = write(&site, request(&[(UP_A, &[(9, 1.0)]), (&[("__name__", "up"), ("job", "c")], &[(9, 1.0)])])).await;
    let expected = "series 1: metric `up`: the limit ingest.max_series = 2 is reached; its label `job` has 2 values";
    assert_eq!(third.text().await.unwrap(), format!("1 refused: {expected}"));
    seen(&site).await;
    let answer = site.json("/api/v1/query?query=count_over_time(up{job=\"a\"}[1m])&time=1").await;
    assert_eq!(answer["data"]["result"][0]["value"], json!([1, "7"]), "what was right was taken");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_sent_again_later_is_503_since_prometheus_gives_up_what_is_429() {
    const V1: &str = "application/x-protobuf";
    const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    let (world, dir) = (World::empty().await, tempfile::tempdir().unwrap());
    // A store that does not read the log: it is behind after the first request.
    let objects = Arc::new(LocalObjects::new(dir.path()).unwrap());
    let store = Store::open(StoreConfig::default(), objects, Clock::system()).await.unwrap();
    let settings = IngestConfig { max_behind: 0, ..IngestConfig::default() };
    let ingest = Ingest::new(settings, world.telemetry(), store, Clock::system());
    let parts = Parts { ingest: Some(ingest.clone()), ..parts(&world, QueryConfig::default()) };
    let site = Site::serve(world, config(), parts).await;
    let post = async |path: &str, kind: &str, body: Vec<u8>| {
        let request =
            site.client.post(site.url(path)).header("Content-Type", kind).header("Content-Encoding", "snappy");
        let answer = request.body(body).send().await.unwrap();
        let after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), after)
    };
    let v1 = || request(&[(UP_A, &[(1, 1.0)])]);
    let v2 = || {
        let body = include_bytes!("../../../wire/tests/bodies/remote_write_v2.bin");
        snap::raw::Encoder::new().compress_vec(body).unwrap()
    };
    let later = |status: u16| (status, Some("1".to_owned()));
    let all = ingest.admit(u64::MAX).unwrap();
    assert_eq!(post("/api/v1/write", V1, v1()).await, later(503), "there is no room");
    assert_eq!(post("/api/v1/write", V2, v2()).await, later(503));
    assert_eq!(post("/v1/metrics", V1, v1()).await, later(429), "as OTLP has it");
    drop(all);
    assert_eq!(post("/api/v1/write", V1, v1()).await, (204, None));
    assert_eq!(post("/api/v1/write", V1, v1()).await, later(503), "the store is behind");
    assert_eq!(post("/api/v1/write", V2, v2()).await, later(503));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_are_answered_with_the_labels_of_their_series() {
    let site = site(|_| {}).await;
    let mut writer = Writer::default();
    writer.message(1, |writer| {
        for (name, value) in UP_A {
            writer.message(1, |writer| {
                writer.bytes(1, name.as_bytes());
                writer.bytes(2, value.as_bytes());
            });
        }
        writer.message(3, |writer| {
            writer.message(1, |writer| {
                writer.bytes(1, b"trace_id");
                writer.bytes(2, b"abc");
            });
            writer.double(2, 0.25);
            writer.varint(3, 60_500);
        });
    });
    let body = snap::raw::Encoder::new().compress_vec(&writer.finish()).unwrap();
    assert_eq!(write(&site, body).await.status(), 204);
    seen(&site).await;
    let found = site.json("/api/v1/query_exemplars?query=rate(up[1m])&start=0&end=100").await;
    let exemplar = json!({"labels": {"trace_id": "abc"}, "value": "0.25", "timestamp": 60.5});
    assert_eq!(found["data"], json!([{"seriesLabels": {"__name__": "up", "job": "a"}, "exemplars": [exemplar]}]));
    assert_eq!(site.json("/api/v1/query_exemplars?query=up").await["data"], found["data"], "of all times");
    assert_eq!(site.json("/api/v1/query_exemplars?query=up&start=0&end=60").await["data"], json!([]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_whole() {
    let site = site(|config| config.max_decoded_bytes = 1_000).await;
    let garbage = snap::raw::Encoder::new().compress_vec(b"\x0a\xff\xff\xff\xff\x0f").unwrap();
    assert_eq!(write(&site, garbage).await.status(), 400);
    assert_eq!(write(&site, b"not snappy".to_vec()).await.status(), 400);
    let bomb = snap::raw::Encoder::new().compress_vec(&vec![0; 1_001]).unwrap();
    let answer = write(&site, bomb).await;
    assert_eq!(answer.status(), 413);
    assert!(answer.text().await.unwrap().contains("ingest.max_decoded_bytes"));
    let post = |name: &'static str, value: &'static str| {
        let request = site.client.post(site.url("/api/v1/write")).header(name, value);
        async { request.body(Vec::new()).send().await.unwrap().status() }
    };
    assert_eq!(post("Content-Encoding", "br").await, 415);
    assert_eq!(post("Content-Type", "text/plain").await, 415);
    assert_eq!(site.json("/api/v1/query?query=count({__name__=~\".%2B\"})").await["data"]["result"], json!([]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_make_no_sense_are_told_so() {
    let site = site(|_| {}).await;
    let cases = [
        ("query?query=sum(", 400, "bad_data"),
        ("query", 400, "bad_data"),
        ("query?query=1&time=yesterday", 400, "bad_data"),
        ("query_range?query=1&start=0&end=11001&step=1", 400, "bad_data"),
        ("query_range?query=1&start=2&end=1&step=1", 400, "bad_data"),
        ("query_range?query=1&start=0&end=1&step=0", 400, "bad_data"),
        ("query_range?query=up[1m]&start=0&end=1&step=1", 400, "bad_data"),
        ("series", 400, "bad_data"),
        ("labels?match[]=up{", 400, "bad_data"),
        ("query?query=1&limit=-1", 400, "bad_data"),
    ];
    for (path, status, kind) in cases {
        let answer = site.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.status(), status, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!((&body["status"], &body["errorType"]), (&json!("error"), &json!(kind)), "{path}");
    }
    let form = site.client.post(site.url("/api/v1/query")).form(&[("query", "1+1"), ("time", "4")]);
    let answer: Value = form.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer, json!({"status": "success", "data": {"resultType": "scalar", "result": [4, "2"]}}));
    let text = site.json("/api/v1/format_query?query=sum(rate(up[5m]))by(job)").await;
    assert_eq!(text["data"], json!("sum by (job) (rate(up[5m]))"));
    let tree = site.json("/api/v1/parse_query?query=sum(rate(up[5m]))by(job)").await;
    assert_eq!(
        (&tree["data"]["type"], &tree["data"]["expr"]["args"][0]["range"]),
        (&json!("aggregation"), &json!(300_000))
    );
    let known = site.json("/api/v1/alertmanagers").await;
    assert_eq!(known["data"], json!({"activeAlertmanagers": [], "droppedAlertmanagers": []}));
    assert_eq!(site.json("/api/v1/status/walreplay").await["data"]["max"], 0);
    let many = site.json("/api/v1/query_range?query=1&start=0&end=11001&step=1").await;
    assert!(many["error"].as_str().unwrap().starts_with("exceeded maximum resolution of 11,000 points"), "{many}");
    let told = [
        ("query?query=sum(", "invalid parameter \"query\": 1:"),
        ("query_range?query=up[1m]&start=0&end=1&step=1", "invalid parameter \"query\": invalid expression type"),
        ("query?query=rate(up[step()])&time=1", "invalid parameter \"query\": 8:14: duration must be greater than 0"),
        ("query_exemplars?query=sum(", "1:"),
        ("query_exemplars?query=up&start=2&end=1", "end timestamp must not be before start timestamp"),
        ("query?query=1&limit=x", "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax"),
        ("query?query=1&timeout=0", "invalid parameter \"timeout\": timeout must be positive, got 0s"),
        ("query?query=1&lookback_delta=x", "error parsing lookback delta duration: cannot parse \"x\""),
        ("query?query=1&time=x", "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\""),
        ("labels?match[]={}", "match[] must contain at least one non-empty matcher"),
        ("series?match[]={}", "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"),
        ("series?match[]=up[1m]", "invalid parameter \"match[]\": 1:3: parse error: unexpected \"[\""),
    ];
    for (path, error) in told {
        let wrong = site.json(&format!("/api/v1/{path}")).await;
        assert!(wrong["error"].as_str().unwrap().starts_with(error), "{path}: {wrong}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_answered_from_the_table() {
    let world = World::empty().await;
    let targets = scrape::Targets::default();
    let row = scrape::Row { url: "http://a/metrics".to_owned(), ..scrape::Row::default() };
    targets.write(|jobs| jobs.entry("node".to_owned()).or_default().active.insert(1, row));
    let parts = Parts { targets: Some(targets), ..parts(&world, QueryConfig::default()) };
    let site = Site::serve(world, config(), parts).await;
    let answer = site.json("/api/v1/targets?state=active").await;
    assert_eq!(answer["data"]["activeTargets"][0]["scrapeUrl"], "http://a/metrics");
    assert_eq!(site.json("/api/v1/scrape_pools").await["data"]["scrapePools"], json!(["node"]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_targets_are_described() {
    let world = World::empty().await;
    let targets = scrape::Targets::default();
    let labels = |job: &str| -> scrape::Labels {
        let pairs = [("job", job), ("instance", "a:9100"), ("__scheme__", "http")];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    };
    let row = |job: &str| scrape::Row { labels: labels(job), ..scrape::Row::default() };
    targets.write(|jobs| {
        for (n, job) in ["node", "shop"].into_iter().enumerate() {
            jobs.entry(job.to_owned()).or_default().active.insert(n as u64, row(job));
        }
    });
    let ingest = Ingest::new(IngestConfig::default(), world.telemetry(), world.store.clone(), Clock::system());
    let parts = Parts { targets: Some(targets), ingest: Some(ingest), ..parts(&world, QueryConfig::default()) };
    let site = Site::serve(world, config(), parts).await;
    let of = |name, job| [("__name__", name), ("instance", "a:9100"), ("job", job)];
    let (load, wait) = (of("node_load1", "node"), of("shop_wait_seconds_bucket", "shop"));
    let mut body = Writer::default();
    for (kind, name, help) in [(2, "node_load1", "Load."), (3, "shop_wait_seconds", "Waits.")] {
        body.message(3, |writer| {
            writer.varint(1, kind);
            writer.bytes(2, name.as_bytes());
            writer.bytes(4, help.as_bytes());
        });
    }
    let about = snap::raw::Encoder::new().compress_vec(&body.finish()).unwrap();
    for body in [request(&[(&load, &[(1_000, 1.0)]), (&wait, &[(1_000, 2.0)])]), about] {
        assert_eq!(write(&site, body).await.status(), 204);
    }
    seen(&site).await;
    let all = site.json("/api/v1/targets/metadata").await;
    let told = |n: usize| {
        let entry = &all["data"][n];
        (entry["target"]["job"].as_str().unwrap(), entry["metric"].as_str().unwrap(), entry["type"].as_str().unwrap())
    };
    assert_eq!((told(0), told(1)), (("node", "node_load1", "gauge"), ("shop", "shop_wait_seconds", "histogram")));
    assert_eq!(all["data"].as_array().unwrap().len(), 2);
    assert_eq!(all["data"][0]["target"], json!({"job": "node", "instance": "a:9100"}));
    let one = site.json("/api/v1/targets/metadata?metric=node_load1&match_target={job=\"node\"}").await;
    assert_eq!(one["data"][0]["help"], "Load.");
    assert_eq!(one["data"][0].get("metric"), None);
    let none = site.json("/api/v1/targets/metadata?metric=nope").await;
    assert_eq!((&none["errorType"], &none["error"]), (&json!("not_found"), &json!("specified metadata not found")));
    site.end().await;
}
