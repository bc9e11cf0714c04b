//! How many samples and log records a second of CPU can be read: `wire_bench [HOSTS] [ROUNDS]`.
//!
//! The body of remote write has what TSBS' devops load has: ten metrics a host, eleven labels a series,
//! one sample each, 5,000 series a request.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use base::Limit;
use wire::body::Encoding;
use wire::exposition::{Entry, Format, Text};
use wire::otlp::logs::LogsRequest;
use wire::otlp::{AnyValue, transcode};
use wire::pb::{View, Writer};
use wire::remote_write::v1::WriteRequest;

const METRICS: [&str; 10] = [
    "cpu_usage_user",
    "cpu_usage_system",
    "cpu_usage_idle",
    "cpu_usage_nice",
    "cpu_usage_iowait",
    "cpu_usage_irq",
    "cpu_usage_softirq",
    "cpu_usage_steal",
    "cpu_usage_guest",
    "cpu_usage_guest_nice",
];
const PER_BODY: usize = 5_000;
const LIMIT: Limit = Limit::new("bench_body_bytes", 64 << 20);

fn labels(host: usize, metric: &str) -> [(&'static str, String); 11] {
    let zone = char::from(b'a' + (host % 3) as u8);
    [
        ("__name__", metric.to_owned()),
        ("arch", "x64".to_owned()),
        ("datacenter", format!("eu-west-1{zone}")),
        ("hostname", format!("host_{host}")),
        ("os", "Ubuntu16.10".to_owned()),
        ("rack", (host % 100).to_string()),
        ("region", "eu-west-1".to_owned()),
        ("service", (host % 20).to_string()),
        ("service_environment", "production".to_owned()),
        ("service_version", "1".to_owned()),
        ("team", "SF".to_owned()),
    ]
}

fn remote_write(hosts: usize) -> Vec<Vec<u8>> {
    let series: Vec<_> = (0..hosts).flat_map(|host| METRICS.map(|metric| labels(host, metric))).collect();
    let body = |series: &[[(&str, String); 11]]| {
        let mut w = Writer::default();
        for (n, labels) in series.iter().enumerate() {
            w.message(1, |w| {
                for (name, value) in labels {
                    w.message(1, |w| (w.bytes(1, name.as_bytes()), w.bytes(2, value.as_bytes())).1);
                }
                w.message(2, |w| (w.double(1, (n % 100) as f64), w.varint(2, 1_700_000_000_000)).1);
            });
        }
        snap::raw::Encoder::new().compress_vec(&w.finish()).unwrap()
    };
    series.chunks(PER_BODY).map(body).collect()
}

/// Reads series by the bytes of their labels, as who knows them already.
fn known(body: &[u8]) -> u64 {
    let mut count = 0;
    for series in WriteRequest::read(body).unwrap().timeseries.iter() {
        let series = series.unwrap();
        black_box(series.labels.raw());
        for sample in series.samples() {
            black_box(sample.unwrap());
            count += 1;
        }
    }
    count
}

/// Reads series of which nothing is known: looks whether the labels follow the rules, and reads each if `read`.
fn new(body: &[u8], read: bool) -> u64 {
    let mut count = 0;
    for series in WriteRequest::read(body).unwrap().timeseries.iter() {
        let series = series.unwrap();
        black_box(series.check_labels().unwrap().unwrap());
        for label in series.pairs().take(if read { usize::MAX } else { 0 }) {
            black_box(label.unwrap());
        }
        for sample in series.samples() {
            black_box(sample.unwrap());
            count += 1;
        }
    }
    count
}

/// The same series as a scrape has them.
fn text(hosts: usize) -> Vec<u8> {
    let mut out = String::new();
    for (host, metric) in (0..hosts).flat_map(|host| METRICS.map(|metric| (host, metric))) {
        let [_, labels @ ..] = labels(host, metric);
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        out.push_str(&format!("{metric}{{{}}} {}\n", labels.join(","), host % 100));
    }
    out.into_bytes()
}

fn scrape(body: &[u8]) -> u64 {
    let entries = Text::new(body, Format::Prometheus).unwrap();
    entries.filter(|entry| matches!(black_box(entry), Ok(Entry::Sample(_)))).count() as u64
}

const RECORDS: usize = 5_000;

fn attribute(w: &mut Writer, number: u32, key: &str, value: &str) {
    w.message(number, |w| {
        w.bytes(1, key.as_bytes());
        w.message(2, |w| w.bytes(1, value.as_bytes()));
    });
}

/// Log records of about 300 bytes: a line of 120, six attributes, trace and span.
fn otlp_logs() -> Vec<u8> {
    let mut w = Writer::default();
    w.message(1, |w| {
        w.message(1, |w| attribute(w, 1, "service.name", "checkout"));
        w.message(2, |w| {
            for n in 0..RECORDS as u64 {
                w.message(2, |w| record(w, n));
            }
        });
    });
    w.finish()
}

fn record(w: &mut Writer, n: u64) {
    w.fixed64(1, 1_700_000_000_000_000_000 + n);
    w.varint(2, 9 + n % 9);
    w.bytes(3, b"INFO");
    let line = format!(
        "{:>16} {}",
        n, "GET /cart/items/42 finished in 12 ms with 200 and 5,120 bytes for a visitor of the shop, cache hit"
    );
    w.message(5, |w| w.bytes(1, line.as_bytes()));
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("url.path", "/cart/items/42"),
        ("k8s.pod.name", "checkout-7f9c6d-abcde"),
        ("thread.name", "worker-3"),
        ("logger", "http.access"),
    ] {
        attribute(w, 6, key, value);
    }
    w.bytes(9, &[7; 16]);
    w.bytes(10, &[9; 8]);
    w.fixed64(11, 1_700_000_000_000_000_000 + n);
}

/// Reads every field and attribute of every record.
fn log_records(body: &[u8]) -> u64 {
    let mut count = 0;
    for resource in LogsRequest::decode(body).unwrap().resource_logs.iter() {
        for scope in resource.unwrap().scope_logs.iter() {
            for record in scope.unwrap().log_records.iter() {
                let record = record.unwrap();
                if let Some(AnyValue::String(line)) = record.body {
                    black_box(line);
                }
                for attribute in record.attributes.iter() {
                    black_box(attribute.unwrap());
                }
                black_box(record);
                count += 1;
            }
        }
    }
    count
}

/// The same records in OTLP's JSON, without their ids.
fn otlp_json() -> Vec<u8> {
    let attribute = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#);
    let attributes = [("http.request.method", "GET"), ("url.path", "/cart/items/42"), ("thread.name", "worker-3")]
        .map(|(key, value)| attribute(key, value))
        .join(",");
    let record = |n: usize| {
        format!(
            r#"{{"timeUnixNano":"17000000000000{n:05}","severityNumber":9,"body":{{"stringValue":"GET /cart/items/42 finished in 12 ms"}},"attributes":[{attributes}]}}"#
        )
    };
    let records: Vec<_> = (0..RECORDS).map(record).collect();
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#, records.join(",")).into_bytes()
}

/// Nanoseconds that this process was on a CPU: others on the machine do not change what is measured.
fn on_cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    stat.split_whitespace().next().unwrap().parse().unwrap()
}

/// Prints what `read` counts a second, over decompressed bodies or with their decompression.
fn measure(name: &str, rounds: usize, bodies: &[(Encoding, Vec<u8>)], read: impl Fn(&[u8]) -> u64) {
    let (mut buffer, mut count, mut bytes) = (Vec::new(), 0, 0);
    let start = on_cpu();
    for _ in 0..rounds {
        for (encoding, body) in bodies {
            let body = encoding.decode(body, LIMIT, &mut buffer).unwrap();
            bytes += body.len();
            count += read(body);
        }
    }
    let took = (on_cpu() - start) as f64 / 1e9;
    println!("{name}: {:.2} million a CPU second, {:.0} MB/s", count as f64 / took / 1e6, bytes as f64 / took / 1e6);
}

fn main() {
    let number = |n: usize, or: usize| std::env::args().nth(n).and_then(|arg| arg.parse().ok()).unwrap_or(or);
    let (hosts, rounds) = (number(1, 2_000), number(2, 100));
    let packed: Vec<_> = remote_write(hosts).into_iter().map(|body| (Encoding::Snappy, body)).collect();
    let plain: Vec<_> = packed
        .iter()
        .map(|(encoding, body)| (Encoding::Identity, encoding.decode(body, LIMIT, &mut Vec::new()).unwrap().to_vec()))
        .collect();
    measure("remote write 1, samples of known series", rounds, &plain, known);
    measure("remote write 1, labels checked", rounds, &plain, |body| new(body, false));
    measure("remote write 1, labels checked and each read", rounds, &plain, |body| new(body, true));
    measure("remote write 1, with snappy, samples of known series", rounds, &packed, known);
    measure("samples of a scrape, Prometheus text", rounds, &[(Encoding::Identity, text(hosts))], scrape);
    let logs = [(Encoding::Identity, otlp_logs())];
    measure("OTLP log records, every field and attribute read", rounds * 4, &logs, log_records);
    let json = [(Encoding::Identity, otlp_json())];
    let (limit, bytes) = (LIMIT, std::cell::RefCell::new(Vec::new()));
    measure("OTLP log records in JSON", rounds, &json, |body| {
        let mut bytes = bytes.borrow_mut();
        transcode::<LogsRequest<'_>>(body, limit, &mut bytes).unwrap();
        log_records(&bytes)
    });
}
