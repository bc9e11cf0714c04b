//! Samples as they are stored: remote read and federation.

use std::time::Duration;

use model::rows::{HistogramPoint, Sample, Series};
use model::{Labels, SeriesId};
use reqwest::Response;
use wire::pb::Writer;
use wire::remote_write::v1::WriteRequest;

use super::site::{Site, config};
use super::world::{World, at};

const SAMPLES: u64 = 0;
const CHUNKS: u64 = 1;
/// `{__name__="node_cpu_seconds_total"}`
const CPU: &[(u64, &str, &str)] = &[(0, "__name__", "node_cpu_seconds_total")];

/// What is asked: the first and last time of the day, and conditions.
fn request(matchers: &[(u64, &str, &str)], types: &[u64]) -> Vec<u8> {
    let ms = |clock: &str| (at(clock).nanos() / 1_000_000).cast_unsigned();
    let mut out = Writer::default();
    out.message(1, |out| {
        out.varint(1, ms("09:10:00"));
        out.varint(2, ms("10:30:00"));
        for (kind, name, value) in matchers {
            out.message(3, |out| {
                out.varint(1, *kind);
                out.bytes(2, name.as_bytes());
                out.bytes(3, value.as_bytes());
            });
        }
    });
    types.iter().for_each(|kind| out.varint(2, *kind));
    snap::raw::Encoder::new().compress_vec(&out.finish()).unwrap()
}

async fn read(site: &Site, body: Vec<u8>) -> Response {
    site.client.post(site.url("/api/v1/read")).header("Content-Encoding", "snappy").body(body).send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Labels, and how many numbers and histograms there are, of each series of a message.
async fn message(answer: Response) -> Vec<(String, usize, usize)> {
    assert_eq!((answer.status().as_u16(), header(&answer, "content-type")), (200, "application/x-protobuf"));
    assert_eq!(header(&answer, "content-encoding"), "snappy");
    let bytes = answer.bytes().await.unwrap();
    let bytes = snap::raw::Decoder::new().decompress_vec(&bytes).unwrap();
    // One result: behind its tag and length are series, as in a request to write.
    let start = 1 + bytes[1..].iter().position(|byte| *byte < 0x80).unwrap() + 1;
    let request = WriteRequest::read(&bytes[start..]).unwrap();
    let series = request.timeseries.iter().map(|series| {
        let series = series.unwrap();
        let labels: Vec<String> = series.pairs().map(|pair| pair.unwrap()).map(|(n, v)| format!("{n}={v}")).collect();
        (labels.join(","), series.samples().count(), series.histograms().count())
    });
    series.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_read_in_the_form_that_is_accepted_first() {
    let site = Site::fleet().await;
    let (idle, user) =
        ("__name__=node_cpu_seconds_total,job=web,mode=idle", "__name__=node_cpu_seconds_total,job=web,mode=user");
    let both = vec![(idle.to_owned(), 1, 0), (user.to_owned(), 50, 0)];
    assert_eq!(message(read(&site, request(CPU, &[])).await).await, both);
    assert_eq!(message(read(&site, request(CPU, &[SAMPLES, CHUNKS])).await).await, both);
    let regexp = [CPU[0], (3, "mode", "us.*"), (1, "job", "")];
    assert_eq!(message(read(&site, request(&regexp, &[])).await).await, both[..1]);
    let streamed = read(&site, request(CPU, &[7, CHUNKS, SAMPLES])).await;
    let kind = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    assert_eq!((streamed.status().as_u16(), header(&streamed, "content-type")), (200, kind));
    let frames = streamed.bytes().await.unwrap();
    let mut rest = &frames[..];
    let mut series = 0;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte < 0x80).unwrap();
        let length = rest[..=end].iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
        rest = &rest[end + 5 + length..];
        series += 1;
    }
    assert_eq!(series, 2, "a frame for each series");
    assert_eq!(message(read(&site, request(&[(0, "job", "nobody")], &[])).await).await, []);
    site.end().await;
}

async fn with_histogram() -> World {
    let world = World::empty().await;
    let labels = Labels::from([("job".to_owned(), "web".to_owned())]);
    let series_id = Series::id("took", &labels);
    world.append(&[Series { time: at("10:00:00"), series_id, metric: "took".to_owned(), labels }]).await;
    world.append(&[point(series_id)]).await;
    world
}

fn point(series_id: SeriesId) -> HistogramPoint {
    HistogramPoint {
        series_id,
        ts: at("10:00:00"),
        start_ts: None,
        reset_hint: "unknown".to_owned(),
        is_float: false,
        count: 3.0,
        sum: 5.0,
        schema: 0,
        zero_threshold: 0.0,
        zero_count: 0.0,
        positive_indexes: vec![1, 2],
        positive_counts: vec![1.0, 2.0],
        negative_indexes: Vec::new(),
        negative_counts: Vec::new(),
        bounds: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn native_histograms_are_sent_as_samples_only() {
    let site = Site::start(with_histogram().await, config(), query::QueryConfig::default()).await;
    let took = &[(0, "__name__", "took")];
    let found = message(read(&site, request(took, &[CHUNKS, SAMPLES])).await).await;
    assert_eq!(found, [("__name__=took,job=web".to_owned(), 0, 1)]);
    let refused = read(&site, request(took, &[CHUNKS])).await;
    assert_eq!(refused.status().as_u16(), 400);
    assert!(refused.text().await.unwrap().contains("native histograms, which are sent as SAMPLES only"));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_with_a_reason() {
    let queries = query::QueryConfig { promql_samples: 20, ..query::QueryConfig::default() };
    let site = Site::start(World::fleet().await, config(), queries).await;
    let many = vec![(0, "a", "b"); 300];
    for (body, status, reason) in [
        (b"no snappy".to_vec(), 400, "snappy"),
        (snap::raw::Encoder::new().compress_vec(b"\x0a\xff").unwrap(), 400, "ReadRequest"),
        (snap::raw::Encoder::new().compress_vec(&vec![0; 2 << 20]).unwrap(), 400, "prometheus.read_request_bytes"),
        (request(&[(0, "job", "web")], &[9]), 400, "none of the accepted response types is known"),
        (request(&[(2, "job", "(")], &[]), 400, "error parsing regexp: missing closing )"),
        (request(&[(5, "job", "x")], &[]), 400, "there is no type 5"),
        (request(&many, &[]), 400, "prometheus.read_matchers"),
        (request(CPU, &[]), 422, "query.promql_samples"),
    ] {
        let answer = read(&site, body).await;
        let told = (answer.status().as_u16(), answer.text().await.unwrap());
        assert!(told.0 == status && told.1.contains(reason), "{reason}: {told:?}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_sample_of_each_series_is_federated() {
    let world = World::fleet().await;
    let id = |mode: &str| {
        let labels = Labels::from([("mode".to_owned(), mode.to_owned()), ("job".to_owned(), "web".to_owned())]);
        Series::id("node_cpu_seconds_total", &labels)
    };
    let sample = |mode: &str, clock: &str, value: f64| Sample { series_id: id(mode), ts: at(clock), value };
    world.append(&[sample("idle", "10:57:00", 3.5), sample("idle", "10:58:00", 4.5)]).await;
    // One that has ended is not shown, nor what is older than five minutes.
    world.append(&[sample("user", "10:58:00", 9.0), sample("user", "10:59:00", promql::stale_marker())]).await;
    let time = at("10:58:00").nanos() / 1_000_000;
    let site = Site::at(world.clock.clone(), world, config()).await;
    let answer = site.get("/federate?match[]=node_cpu_seconds_total&match[]={job=\"web\"}").await;
    assert_eq!(header(&answer, "content-type"), "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
    let expected = format!(
        "# TYPE node_cpu_seconds_total untyped\nnode_cpu_seconds_total{{job=\"web\",mode=\"idle\",instance=\"\"}} 4.5 {time}\n"
    );
    assert_eq!(answer.text().await.unwrap(), expected);
    assert_eq!(site.text("/federate").await, "", "nothing is selected");
    assert_eq!(site.get("/federate?match[]={").await.status().as_u16(), 400);
    site.world.simulation.advance(Duration::from_secs(301));
    assert_eq!(site.text("/federate?match[]=node_cpu_seconds_total").await, "");
    site.end().await;
}
