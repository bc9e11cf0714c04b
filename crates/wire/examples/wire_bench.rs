//! How many samples and log records a second of CPU can be read: `wire_bench [HOSTS] [ROUNDS]`.
//!
//! The body of remote write has what TSBS' devops load has: ten metrics a host, eleven labels a series,
//! one sample each, 5,000 series a request.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use base::{Clock, Limit};
use wire::body::Encoding;
use wire::pb::Writer;
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

/// Reads every label, and looks whether they follow the rules.
fn every_label(body: &[u8]) -> u64 {
    let mut count = 0;
    for series in WriteRequest::read(body).unwrap().timeseries.iter() {
        let series = series.unwrap();
        black_box(series.check_labels().unwrap().unwrap());
        for label in series.labels.iter() {
            black_box(label.unwrap());
        }
        for sample in series.samples() {
            black_box(sample.unwrap());
            count += 1;
        }
    }
    count
}

/// Prints what `read` counts a second, over decompressed bodies or with their decompression.
fn measure(name: &str, rounds: usize, bodies: &[(Encoding, Vec<u8>)], read: impl Fn(&[u8]) -> u64) {
    let (clock, mut buffer, mut count, mut bytes) = (Clock::system(), Vec::new(), 0, 0);
    let start = clock.monotonic();
    for _ in 0..rounds {
        for (encoding, body) in bodies {
            let body = encoding.decode(body, LIMIT, &mut buffer).unwrap();
            bytes += body.len();
            count += read(body);
        }
    }
    let took = (clock.monotonic() - start).as_secs_f64();
    println!("{name}: {:.2} million a second, {:.0} MB/s", count as f64 / took / 1e6, bytes as f64 / took / 1e6);
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
    measure("remote write 1, every label read and checked", rounds, &plain, every_label);
    measure("remote write 1, with snappy, samples of known series", rounds, &packed, known);
}
