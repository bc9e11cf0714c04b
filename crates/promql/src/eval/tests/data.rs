use super::Random;
use crate::histogram::{CUSTOM_SCHEMA, Histogram, ResetHint};
use crate::labels::Labels;
use crate::memory::{Memory, Sample};
use crate::value::{Value, stale_marker};

/// What a series is like.
#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Decimals,
    Gauge,
    Strange,
    Histogram,
    Custom,
    Mixed,
}

/// Series over the first hour, with gaps, markers of ends, resets and what is no number.
pub(super) fn memory(random: &mut Random) -> Memory {
    let mut memory = Memory::default();
    let kinds = [
        ("requests_total", [Kind::Counter, Kind::Decimals, Kind::Counter, Kind::Decimals]),
        ("temperature", [Kind::Gauge, Kind::Gauge, Kind::Strange, Kind::Decimals]),
        ("latency", [Kind::Histogram, Kind::Histogram, Kind::Custom, Kind::Custom]),
        ("mixed", [Kind::Mixed, Kind::Gauge, Kind::Histogram, Kind::Mixed]),
    ];
    for (name, kinds) in kinds {
        for (at, kind) in kinds.into_iter().enumerate() {
            let job = if at % 2 == 0 { "a" } else { "b" };
            let labels =
                Labels::new([("__name__", name.to_owned()), ("job", job.into()), ("instance", at.to_string())]);
            memory.append(&labels, samples(random, kind));
        }
    }
    memory
}

fn samples(random: &mut Random, kind: Kind) -> Vec<Sample> {
    let interval = [5_000, 15_000, 60_000][random.below(3) as usize];
    let knows_start = random.one_in(3);
    let (mut t, mut number, mut start) = (random.below(60_000) as i64, 0.0, 0);
    let mut buckets = [0.0; 4];
    let mut out = Vec::new();
    while t < 3_600_000 {
        t += if random.one_in(40) { interval * 30 } else { interval + random.below(3) as i64 };
        if random.one_in(50) {
            (number, buckets) = (0.0, [0.0; 4]);
            start = if knows_start { t - 2_000 } else { 0 };
        }
        number = next(random, kind, number);
        let bucket = random.below(4) as usize;
        buckets[bucket] += random.below(9) as f64;
        let is_histogram = match kind {
            Kind::Histogram | Kind::Custom => true,
            Kind::Mixed => (t / 400_000) % 2 == 0,
            _ => false,
        };
        let value = match (random.one_in(40), is_histogram) {
            (true, true) => Histogram { sum: stale_marker(), ..Histogram::default() }.into(),
            (true, false) => Value::Float(stale_marker()),
            (false, true) => histogram(random, kind, &buckets).into(),
            (false, false) => Value::Float(number),
        };
        let start = if random.one_in(60) { t - interval * 3 } else { start };
        out.push(Sample { t, start, value });
    }
    out
}

fn next(random: &mut Random, kind: Kind, before: f64) -> f64 {
    match kind {
        Kind::Counter => before + random.below(100) as f64,
        Kind::Decimals => ((before + random.below(100) as f64 / 10.0) * 10.0).round() / 10.0,
        Kind::Strange => {
            let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308, -1e308, 1e-300, 0.0, -0.0];
            values[random.below(8) as usize]
        }
        _ => random.below(1 << 50) as f64 / 1e13 - 40.0,
    }
}

fn histogram(random: &mut Random, kind: Kind, buckets: &[f64; 4]) -> Histogram {
    let custom = matches!(kind, Kind::Custom);
    let schema = if custom { CUSTOM_SCHEMA } else { random.below(2) as i32 };
    let bounds: &[f64] = match (custom, random.one_in(6)) {
        (false, _) => &[],
        (true, true) => &[1.0, 5.0],
        (true, false) => &[1.0, 2.0, 5.0],
    };
    let count: f64 = buckets.iter().sum();
    Histogram {
        schema,
        count,
        sum: count * 1.7,
        zero_threshold: if custom { 0.0 } else { 0.001 },
        zero_count: 0.0,
        positive: (0..).zip(buckets.iter().copied()).take(bounds.len().max(2) + 1).collect(),
        custom_values: bounds.into(),
        reset_hint: if random.one_in(30) { ResetHint::Gauge } else { ResetHint::Unknown },
        ..Histogram::default()
    }
}
