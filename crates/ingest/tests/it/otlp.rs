//! Metrics of OpenTelemetry as rows.

use std::collections::BTreeMap;

use bus::EmbeddedConfig;
use ingest::{IngestConfig, Taken};
use model::rows::{Exemplar, HistogramPoint, LogLine, Metadata, Sample, Series};
use model::{Labels, SeriesId};
use store::StoreConfig;
use wire::body::Encoding;
use wire::otlp::Format;
use wire::pb::Writer;

use crate::life::{Life, World};

async fn metrics(life: &Life, resource: &str, metrics: &str) -> Taken {
    let body = format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{resource}]}},"scopeMetrics":[{{"metrics":[{metrics}]}}]}}]}}"#
    );
    life.ingest.otlp_metrics(body.as_bytes(), Encoding::Identity, Format::Json, &life.room()).await.unwrap()
}

fn attribute(name: &str, value: &str) -> String {
    format!(r#"{{"key":"{name}","value":{{"stringValue":"{value}"}}}}"#)
}

async fn series(life: &Life) -> BTreeMap<SeriesId, (String, Labels)> {
    let rows = life.rows::<Series>("series").await;
    rows.into_iter().map(|row| (row.series_id, (row.metric, row.labels))).collect()
}

/// Exemplars: name and `le` of the series, value, time and labels, in order.
async fn exemplars(life: &Life) -> Vec<(String, String, f64, i64, Labels)> {
    let series = series(life).await;
    let of = |row: Exemplar| {
        let (metric, labels) = series[&row.series_id].clone();
        (metric, labels.get("le").cloned().unwrap_or_default(), row.value, row.ts.nanos(), row.labels)
    };
    let mut all: Vec<_> = life.rows::<Exemplar>("exemplars").await.into_iter().map(of).collect();
    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
    all
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn labels(more: &[(&str, &str)]) -> Labels {
    let all = [("trace_id", TRACE), ("span_id", SPAN)];
    all.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exemplars_are_kept_at_the_series_that_they_are_of() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let exemplar = |value: &str, more: &str| format!(r#"{{"traceId":"{TRACE}","spanId":"{SPAN}",{value}{more}}}"#);
    let in_buckets = [
        exemplar(r#""asDouble":0.5,"timeUnixNano":"7""#, ""),
        exemplar(r#""asDouble":1"#, ""),
        exemplar(r#""asInt":"2""#, &format!(r#","filteredAttributes":[{}]"#, attribute("user", "u1"))),
        exemplar(r#""asDouble":99"#, &format!(r#","filteredAttributes":[{}]"#, attribute("user", &"x".repeat(70)))),
        r#"{"timeUnixNano":"7"}"#.to_owned(),
    ];
    let histogram = format!(
        r#"{{"name":"h","histogram":{{"aggregationTemporality":2,"dataPoints":[{{"timeUnixNano":"9","count":"4","sum":102.5,
        "bucketCounts":["2","1","1"],"explicitBounds":[1,10],"exemplars":[{}]}}]}}}}"#,
        in_buckets.join(",")
    );
    let native = format!(
        r#"{{"name":"n","exponentialHistogram":{{"aggregationTemporality":2,"dataPoints":[{{"timeUnixNano":"9","count":"1","sum":1,
        "scale":0,"positive":{{"offset":0,"bucketCounts":["1"]}},"exemplars":[{}]}}]}}}}"#,
        exemplar(r#""asDouble":1.5"#, "")
    );
    let sum = format!(
        r#"{{"name":"c","sum":{{"isMonotonic":true,"aggregationTemporality":2,"dataPoints":[{{"timeUnixNano":"9","asInt":"3","exemplars":[{}]}}]}}}}"#,
        exemplar(r#""asInt":"1""#, "")
    );
    let taken = metrics(&life, "", &[histogram, native, sum].join(",")).await;
    assert_eq!((taken.exemplars, taken.refused.count()), (6, 0));
    life.settle().await;
    let row = |metric: &str, le: &str, value: f64, nanos: i64, labels: Labels| {
        (metric.to_owned(), le.to_owned(), value, nanos, labels)
    };
    let expected = [
        row("c_total", "", 1.0, 9, labels(&[])),
        row("h_bucket", "+Inf", 99.0, 9, labels(&[])),
        row("h_bucket", "1", 0.5, 7, labels(&[])),
        row("h_bucket", "1", 1.0, 9, labels(&[])),
        row("h_bucket", "10", 2.0, 9, labels(&[("user", "u1")])),
        row("n", "", 1.5, 9, labels(&[])),
    ];
    assert_eq!(exemplars(&life).await, expected);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_metric_is_is_written_with_its_series_and_not_with_each_point() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let gauge = |nanos: u64, host: &str| {
        let of_host = attribute("host", host);
        format!(
            r#"{{"name":"g","description":"at {nanos}","gauge":{{"dataPoints":[{{"timeUnixNano":"{nanos}","asInt":"1","attributes":[{of_host}]}}]}}}}"#
        )
    };
    let told = async |life: &Life| {
        life.settle().await;
        life.rows::<Metadata>("metadata").await.into_iter().map(|row| row.help).collect::<Vec<_>>()
    };
    for nanos in 1..10 {
        metrics(&life, "", &gauge(nanos, "a")).await;
    }
    assert_eq!(told(&life).await, ["at 1"], "the first request announced the series");
    metrics(&life, "", &gauge(10, "b")).await;
    assert_eq!(told(&life).await, ["at 10"]);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_are_told_as_prometheus_names_them() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let gauge = |name: &str, unit: &str| {
        format!(r#"{{"name":"{name}","unit":"{unit}","gauge":{{"dataPoints":[{{"timeUnixNano":"1","asInt":"1"}}]}}}}"#)
    };
    metrics(&life, "", &[gauge("a", "By/s"), gauge("b", "ms"), gauge("c", "1"), gauge("d", "{item}")].join(",")).await;
    life.settle().await;
    let told = life.rows::<Metadata>("metadata").await;
    let mut told: Vec<_> = told.iter().map(|row| (row.metric.as_str(), row.unit.as_str())).collect();
    told.sort_unstable();
    let expected =
        [("a_bytes_per_second", "bytes_per_second"), ("b_milliseconds", "milliseconds"), ("c_ratio", ""), ("d", "")];
    assert_eq!(told, expected);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_series_of_a_histogram_are_is_told_of_their_family() {
    const HISTOGRAM: u64 = 3;
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    const SUMMARY: u64 = 5;
    let names = ["", "__name__", "h_bucket", "h_count", "batch_count", "help", "tick_count", "quantile", "0.5"];
    let mut w = Writer::default();
    names.iter().for_each(|name| w.bytes(4, name.as_bytes()));
    for (reference, is_native) in [(2, false), (3, false), (4, true)] {
        w.message(5, |w| {
            w.message(1, |w| [1, reference].into_iter().for_each(|symbol| w.bare_varint(symbol)));
            match is_native {
                // Of no buckets.
                true => w.message(3, |w| {
                    w.varint(1, 0);
                    w.varint(6, 0);
                    w.varint(15, 1);
                }),
                false => w.message(2, |w| {
                    w.double(1, 1.0);
                    w.varint(2, 1);
                }),
            }
            w.message(5, |w| {
                w.varint(1, HISTOGRAM);
                w.varint(3, 5);
            });
        });
    }
    w.message(5, |w| {
        w.message(1, |w| [1, 6, 7, 8].into_iter().for_each(|symbol| w.bare_varint(symbol)));
        w.message(2, |w| (w.double(1, 1.0), w.varint(2, 1)).1);
        w.message(5, |w| (w.varint(1, SUMMARY), w.varint(3, 5)).1);
    });
    let body = w.finish();
    let taken = life.ingest.remote_write_v2(&body, Encoding::Identity, &life.room()).await.unwrap();
    assert_eq!((taken.samples, taken.histograms, taken.refused.count()), (3, 1, 0), "{:?}", taken.refused);
    life.settle().await;
    let told = life.rows::<Metadata>("metadata").await;
    let mut told: Vec<_> = told.iter().map(|row| (row.metric.as_str(), row.kind.as_str(), row.help.as_str())).collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!(
        told,
        [("batch_count", "histogram", "help"), ("h", "histogram", "help"), ("tick_count", "summary", "help")]
    );
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attribute_of_a_point_gives_way_to_what_the_resource_says_and_to_nothing_else() {
    let own = [("instance", "_Total"), ("job", "disk"), ("otel_scope_version", "v")];
    let point = |instance: &str| {
        let own = own.map(|(name, value)| attribute(name, if name == "instance" { instance } else { value }));
        format!(r#"{{"timeUnixNano":"1","asInt":"1","attributes":[{}]}}"#, own.join(","))
    };
    let gauge = format!(r#"{{"name":"g","gauge":{{"dataPoints":[{},{}]}}}}"#, point("_Total"), point("0"));
    let seen = async |resource: &str| {
        let world = World::new();
        let life = world.start(StoreConfig::default()).await;
        assert_eq!(metrics(&life, resource, &gauge).await.refused.count(), 0);
        life.settle().await;
        let mut found: Vec<Labels> = series(&life).await.into_values().map(|(_, labels)| labels).collect();
        found.sort();
        life.end().await;
        found
    };
    let expected = |instance: &str, job: &str| -> Labels {
        let all = [("instance", instance), ("job", job), ("otel_scope_version", "v")];
        all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    assert_eq!(seen("").await, [expected("0", "disk"), expected("_Total", "disk")]);
    assert_eq!(seen(&attribute("service.name", "shop")).await, [expected("0", "shop"), expected("_Total", "shop")]);
    let both = [("service.name", "shop"), ("service.instance.id", "i")].map(|(name, value)| attribute(name, value));
    assert_eq!(seen(&both.join(",")).await, [expected("i", "shop")]);
    let nobody = [("service.name", ""), ("service.instance.id", "")].map(|(name, value)| attribute(name, value));
    assert_eq!(seen(&nobody.join(",")).await, [expected("0", "disk"), expected("_Total", "disk")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_names_a_target_is_no_label_of_its_information_whatever_becomes_of_names() {
    for strategy in ["UnderscoreEscapingWithSuffixes", "NoUTF8EscapingWithSuffixes", "NoTranslation"] {
        let world = World::new();
        let config =
            IngestConfig { translation_strategy: strategy.to_owned().try_into().unwrap(), ..IngestConfig::default() };
        let life = world.start_on(StoreConfig::default(), config, EmbeddedConfig::default()).await;
        let resource = [("service.name", "shop"), ("service.instance.id", "1"), ("zone", "a")];
        let resource = resource.map(|(name, value)| attribute(name, value)).join(",");
        metrics(&life, &resource, r#"{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":"1","asInt":"1"}]}}"#).await;
        life.settle().await;
        let info = series(&life).await.into_values().find(|(metric, _)| metric == "target_info").unwrap().1;
        let names: Vec<&str> = info.keys().map(String::as_str).collect();
        assert_eq!(names, ["instance", "job", "zone"], "{strategy}");
        life.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sends_is_known_from_its_first_point_to_its_last() {
    const SECOND: i64 = 1_000_000_000;
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let points = async |host: &str, seconds: &[i64]| {
        let resource = [("service.name", "shop"), ("host.name", host)].map(|(name, value)| attribute(name, value));
        let points = seconds.iter().map(|at| format!(r#"{{"timeUnixNano":"{}","asInt":"1"}}"#, at * SECOND));
        let gauge = format!(r#"{{"name":"g","gauge":{{"dataPoints":[{}]}}}}"#, points.collect::<Vec<_>>().join(","));
        let taken = metrics(&life, &resource.join(","), &gauge).await;
        assert_eq!(taken.refused.count(), 0);
        taken.samples - seconds.len()
    };
    points("a", &[700, 160]).await;
    points("b", &[160]).await;
    assert_eq!(points("c", &[1, 90_001]).await, 26);
    // The same old point beside one of ten seconds later.
    assert_eq!(points("c", &[1, 90_011]).await, 1, "what is on the log is not made again");
    life.settle().await;
    let series = series(&life).await;
    let samples = life.rows::<Sample>("samples").await;
    let times = |host: &str| {
        let is_its = |row: &&Sample| {
            let (metric, labels) = &series[&row.series_id];
            metric == "target_info" && labels["host_name"] == host
        };
        let mut times: Vec<i64> = samples.iter().filter(is_its).map(|row| row.ts.nanos() / SECOND).collect();
        times.sort_unstable();
        times
    };
    assert_eq!(times("a"), [150, 300, 450, 600, 700]);
    assert_eq!(times("b"), [160]);
    let bounded = times("c");
    assert_eq!((bounded[0], bounded.len()), (86_400, 27), "those of the hour before the latest: {bounded:?}");
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_histogram_since_the_point_before_is_no_reset_of_the_one_before() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let histogram = |name: &str, temporality: u8| {
        let point =
            r#"{"timeUnixNano":"1","count":"1","sum":1,"scale":0,"positive":{"offset":0,"bucketCounts":["1"]}}"#;
        format!(
            r#"{{"name":"{name}","exponentialHistogram":{{"aggregationTemporality":{temporality},"dataPoints":[{point}]}}}}"#
        )
    };
    assert_eq!(metrics(&life, "", &[histogram("d", 1), histogram("c", 2)].join(",")).await.histograms, 2);
    life.settle().await;
    let series = series(&life).await;
    let rows = life.rows::<HistogramPoint>("histograms").await;
    let mut hints: Vec<_> =
        rows.iter().map(|row| (series[&row.series_id].0.as_str(), row.reset_hint.as_str())).collect();
    hints.sort_unstable();
    assert_eq!(hints, [("c", "unknown"), ("d", "gauge")]);
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_counted_in_points_as_they_were_sent() {
    let world = World::new();
    let config = IngestConfig { max_series: 3, ..IngestConfig::default() };
    let life = world.start_on(StoreConfig::default(), config, EmbeddedConfig::default()).await;
    let point = r#"{"timeUnixNano":"9","count":"4","sum":9,"bucketCounts":["2","1","1"],"explicitBounds":[1,10]"#;
    let points = ["a", "b"].map(|host| format!(r#"{point},"attributes":[{}]}}"#, attribute("host", host))).join(",");
    let histogram = format!(r#"{{"name":"h","histogram":{{"aggregationTemporality":2,"dataPoints":[{points}]}}}}"#);
    let resource = ["service.name", "zone"].map(|name| attribute(name, "x")).join(",");
    let taken = metrics(&life, &resource, &histogram).await;
    // Three series of the first point, none of the second, and none of what sends.
    assert_eq!((taken.samples, taken.refused.count()), (3, 2), "{}", taken.refused);
    let told = taken.refused.to_string();
    assert!(told.starts_with("2 refused: h_sum: ") && told.contains("; h_bucket: "), "{told}");
    assert!(told.contains("; target_info: metric `target_info`: the limit ingest.max_series = 3 is reached"), "{told}");
    life.settle().await;
    let again = metrics(&life, &resource, r#"{"name":"h_sum","gauge":{"dataPoints":[]}}"#).await;
    assert_eq!((again.refused.count(), again.refused.to_string().as_str()), (0, ""), "nothing was sent");
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_names_the_host_of_a_document_is_there_whether_or_not_it_is_the_service() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let documents = [
        (r#"{"message":"a","host":{"name":"web-1"}}"#, "web-1", vec![("host.name", "web-1")]),
        (r#"{"message":"b","host":{"name":"web-1"},"service":"shop"}"#, "shop", vec![("host.name", "web-1")]),
        (
            r#"{"message":"c","kubernetes":{"container":{"name":"cart"}}}"#,
            "cart",
            vec![("kubernetes.container.name", "cart")],
        ),
        (r#"{"message":"d","app":"shop"}"#, "shop", vec![]),
    ];
    let body: String = documents.iter().map(|(document, ..)| format!("{{\"index\":{{}}}}\n{document}\n")).collect();
    life.ingest.bulk(body.as_bytes(), Encoding::Identity, "logs", &life.room()).await.unwrap();
    life.settle().await;
    let mut rows = life.rows::<LogLine>("logs").await;
    rows.sort_by(|a, b| a.body.cmp(&b.body));
    assert_eq!(rows.len(), documents.len());
    for (row, (document, service, attributes)) in rows.iter().zip(documents) {
        let found: Vec<(&str, &str)> =
            row.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!((row.service.as_str(), found), (service, attributes), "{document}");
    }
    life.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_a_document_is_used_or_kept() {
    let world = World::new();
    let life = world.start(StoreConfig::default()).await;
    let documents = [
        (r#"{"message":"a","@timestamp":1795600800123}"#, Some(1_795_600_800_123_000_000), None),
        (r#"{"message":"b","time":"half past nine"}"#, None, Some(("time", "half past nine"))),
        (
            r#"{"message":"c","@timestamp":"soon","ts":"1795600800"}"#,
            Some(1_795_600_800_000_000_000),
            Some(("@timestamp", "soon")),
        ),
    ];
    let body: String = documents.iter().map(|(document, ..)| format!("{{\"index\":{{}}}}\n{document}\n")).collect();
    let before = world.clock.now();
    life.ingest.bulk(body.as_bytes(), Encoding::Identity, "logs", &life.room()).await.unwrap();
    life.settle().await;
    let mut rows = life.rows::<LogLine>("logs").await;
    rows.sort_by(|a, b| a.body.cmp(&b.body));
    for (row, (document, ts, attribute)) in rows.iter().zip(documents) {
        assert!(ts.map_or(row.ts >= before, |ts| row.ts.nanos() == ts), "{document}: {}", row.ts.nanos());
        let attributes: Vec<(&str, &str)> =
            row.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(attributes, attribute.into_iter().collect::<Vec<_>>(), "{document}");
    }
    assert_eq!(rows.len(), documents.len());
    life.end().await;
}
