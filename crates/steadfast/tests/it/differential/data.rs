//! Random series, as a request of remote write 1.

use base::Rng;

/// A series: labels, and points of milliseconds and values.
pub struct Series {
    labels: Vec<(&'static str, String)>,
    points: Vec<(i64, f64)>,
}

/// Points of a series, unless they are left out.
const POINTS: i64 = 240;
/// Milliseconds between two.
const STEP: i64 = 15_000;
/// A marker that the series is gone.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// How long all of them are, in milliseconds.
pub const LENGTH: i64 = POINTS * STEP;

/// Counters, gauges, a histogram and an info metric, from `start` on, milliseconds since the epoch.
pub fn series(rng: &Rng, start: i64) -> Vec<Series> {
    let mut all = Vec::new();
    for job in ["api", "web"] {
        for instance in 0..3 {
            let at = |name: &str| {
                vec![("__name__", name.to_owned()), ("instance", format!("i{instance}")), ("job", job.to_owned())]
            };
            for code in ["200", "404", "500"] {
                let labels = with(at("fz_requests_total"), "code", code);
                all.push(Series { labels, points: points(rng, start, &mut counter(rng)) });
            }
            all.push(Series { labels: at("fz_temperature"), points: points(rng, start, &mut gauge(rng)) });
            let labels = at("fz_level");
            all.push(Series { labels, points: points(rng, start, &mut |_| rng.below(1 << 40) as f64 / 1e6) });
            all.push(Series { labels: at("fz_whole"), points: points(rng, start, &mut |_| rng.below(4) as f64) });
            let version = format!("1.{}", rng.below(2));
            let labels = with(at("target_info"), "version", &version);
            all.push(Series { labels, points: points(rng, start, &mut |_| 1.0) });
        }
        all.extend(histogram(rng, start, job));
    }
    all
}

fn with(mut labels: Vec<(&'static str, String)>, name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    labels.push((name, value.to_owned()));
    labels.sort();
    labels
}

fn counter(rng: &Rng) -> impl FnMut(i64) -> f64 + '_ {
    let mut value = rng.below(1000) as f64;
    move |_| {
        value = if rng.below(60) == 0 { 0.0 } else { value + rng.below(40) as f64 * 0.5 };
        value
    }
}

fn gauge(rng: &Rng) -> impl FnMut(i64) -> f64 + '_ {
    let mut value = rng.below(100) as f64 - 50.0;
    move |_| {
        value += (rng.below(2001) as f64 - 1000.0) / 300.0;
        match rng.below(150) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => 0.0,
            _ => value,
        }
    }
}

/// Times with a little jitter; some points are missing, some runs of them begin with a stale marker.
fn points(rng: &Rng, start: i64, value: &mut dyn FnMut(i64) -> f64) -> Vec<(i64, f64)> {
    let mut points = Vec::new();
    let mut gap = 0;
    for n in 0..POINTS {
        let (at, value) = (start + n * STEP + rng.below(200) as i64, value(n));
        if gap > 0 {
            gap -= 1;
        } else if rng.below(50) == 0 {
            gap = rng.below(40);
            points.extend((rng.below(2) == 0).then_some((at, f64::from_bits(STALE))));
        } else {
            points.push((at, value));
        }
    }
    points
}

fn histogram(rng: &Rng, start: i64, job: &str) -> Vec<Series> {
    const BOUNDS: [&str; 5] = ["0.1", "0.5", "1", "5", "+Inf"];
    let (mut counts, mut sum) = ([0.0; BOUNDS.len()], 0.0);
    let mut rows: Vec<Vec<(i64, f64)>> = vec![Vec::new(); BOUNDS.len() + 2];
    for n in 0..POINTS {
        let at = start + n * STEP;
        for _ in 0..rng.below(20) {
            let bucket = rng.below(BOUNDS.len() as u64) as usize;
            sum += bucket as f64 * 0.3;
            counts[bucket..].iter_mut().for_each(|count| *count += 1.0);
        }
        let values = counts.into_iter().chain([sum, counts[BOUNDS.len() - 1]]);
        rows.iter_mut().zip(values).for_each(|(row, value)| row.push((at, value)));
    }
    let name = |name: &str| vec![("__name__", name.to_owned()), ("job", job.to_owned())];
    let labels = BOUNDS.iter().map(|bound| with(name("fz_seconds_bucket"), "le", bound));
    let labels = labels.chain([name("fz_seconds_sum"), name("fz_seconds_count")]);
    labels.zip(rows).map(|(labels, points)| Series { labels, points }).collect()
}

/// Requests in order of time, of an eighth of the points each: a server may refuse what is much
/// older than what it has (<https://prometheus.io/docs/specs/prw/remote_write_spec/>).
pub fn requests(series: &[Series], start: i64) -> Vec<Vec<u8>> {
    let part = LENGTH / 8;
    (0..8)
        .map(|n| {
            let times = start + n * part..start + (n + 1) * part;
            let mut body = Vec::new();
            for of in series {
                let inside: Vec<_> = of.points.iter().filter(|point| times.contains(&point.0)).collect();
                if inside.is_empty() {
                    continue;
                }
                let mut message = Vec::new();
                for (name, value) in &of.labels {
                    let mut label = Vec::new();
                    bytes(&mut label, 1, name.as_bytes());
                    bytes(&mut label, 2, value.as_bytes());
                    bytes(&mut message, 1, &label);
                }
                for (at, value) in inside {
                    let mut sample = vec![0x09];
                    sample.extend(value.to_le_bytes());
                    sample.push(0x10);
                    varint(&mut sample, *at as u64);
                    bytes(&mut message, 2, &sample);
                }
                bytes(&mut body, 1, &message);
            }
            snap::raw::Encoder::new().compress_vec(&body).unwrap()
        })
        .collect()
}

fn bytes(to: &mut Vec<u8>, field: u8, value: &[u8]) {
    to.push(field << 3 | 2);
    varint(to, value.len() as u64);
    to.extend(value);
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}
