//! Random series, in order of their labels: counters, gauges, histograms of each kind, what is rare, brief or extreme.

use base::Rng;

use super::native::{self, Native};
use super::wire;

/// A series: labels in order of their names, and points of milliseconds and values.
pub struct Series {
    pub labels: Vec<(String, String)>,
    pub points: Vec<(i64, Sample)>,
    pub exemplars: Vec<Exemplar>,
}

/// A value at one time.
pub enum Sample {
    Float(f64),
    Histogram(Native),
}

/// An example of what a counter has counted.
pub struct Exemplar {
    pub at: i64,
    pub value: f64,
    pub labels: Vec<(String, String)>,
}

/// Points of a series, unless they are left out.
const POINTS: i64 = 240;
/// Milliseconds between two.
const STEP: i64 = 15_000;
/// A marker that the series is gone.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// How long all of them are, in milliseconds.
pub const LENGTH: i64 = POINTS * STEP;

/// Labels by which most series differ.
const JOBS: [&str; 2] = ["api", "web"];
const INSTANCES: u64 = 3;

/// All series from `start` on, milliseconds since the epoch.
pub fn series(rng: &Rng, start: i64) -> Vec<Series> {
    let mut made = Maker { rng, start, made: Vec::new() };
    for (j, job) in JOBS.into_iter().enumerate() {
        for instance in 0..INSTANCES {
            made.of_instance(job, &format!("i{instance}"), j as u64 * INSTANCES + instance);
        }
        made.classic(job);
        made.odd(job);
    }
    made.extremes();
    made.made.sort_by(|a, b| a.labels.cmp(&b.labels));
    made.made
}

/// Series with one point each, at a time.
pub fn at_once(rng: &Rng, at: i64) -> Vec<Series> {
    let one = |n: usize| Series {
        labels: labels("fz_now", &[("job", JOBS[n % 2]), ("n", n.to_string().as_str())]),
        points: vec![(at - 1_000 * n as i64, Sample::Float(rng.below(1 << 30) as f64 / 1e3))],
        exemplars: Vec::new(),
    };
    (0..8).map(one).collect()
}

fn labels(name: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut labels: Vec<_> = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    labels.push(("__name__".to_owned(), name.to_owned()));
    labels.sort();
    labels
}

struct Maker<'a> {
    rng: &'a Rng,
    start: i64,
    made: Vec<Series>,
}

impl Maker<'_> {
    fn of_instance(&mut self, job: &str, instance: &str, nth: u64) {
        let rng = self.rng;
        let of = |name: &str, more: &[(&str, &str)]| {
            labels(name, &[&[("instance", instance), ("job", job)][..], more].concat())
        };
        for code in ["200", "404", "500"] {
            self.floats(of("fz_requests_total", &[("code", code)]), &mut counter(rng));
            self.exemplars();
        }
        self.floats(of("fz_temperature", &[]), &mut gauge(rng));
        self.floats(of("fz_level", &[]), &mut |_| rng.below(1 << 40) as f64 / 1e6);
        self.floats(of("fz_whole", &[]), &mut |_| rng.below(4) as f64);
        self.floats(of("fz.dots", &[("a.b", "ü✓")]), &mut |n| n as f64 * 0.1);
        let changed = POINTS / 4 + rng.below(POINTS as u64 / 2) as i64;
        self.part(of("target_info", &[("version", "1.0")]), 0..changed, &mut |_| Sample::Float(1.0));
        self.part(of("target_info", &[("version", "1.1")]), changed..POINTS, &mut |_| Sample::Float(1.0));
        let branch = ["main", "next"][rng.below(2) as usize];
        self.floats(of("fz_build_info", &[("branch", branch), ("code", "built")]), &mut |_| 1.0);
        self.histograms(of("fz_native_seconds", &[]), &mut native::counter(rng, nth));
        self.histograms(of("fz_native_gauge", &[]), &mut native::gauge(rng));
        self.histograms(of("fz_custom_seconds", &[]), &mut native::custom(rng, nth));
        let (mut value, mut native) = (counter(rng), native::counter(rng, nth));
        self.part(of("fz_mixed", &[]), 0..POINTS, &mut |n| match n / 30 % 2 {
            0 => Sample::Histogram(native(n)),
            _ => Sample::Float(value(n)),
        });
        let first = rng.below(POINTS as u64 - 30) as i64;
        self.part(of("fz_brief", &[("note", "a\nb")]), first..first + 30, &mut |n| Sample::Float(n as f64));
        self.sparse(of("fz_sparse", &[]));
    }

    fn add(&mut self, labels: Vec<(String, String)>, points: Vec<(i64, Sample)>) {
        self.made.push(Series { labels, points, exemplars: Vec::new() });
    }

    fn floats(&mut self, labels: Vec<(String, String)>, value: &mut dyn FnMut(i64) -> f64) {
        self.part(labels, 0..POINTS, &mut |n| Sample::Float(value(n)));
    }

    fn histograms(&mut self, labels: Vec<(String, String)>, value: &mut dyn FnMut(i64) -> Native) {
        self.part(labels, 0..POINTS, &mut |n| Sample::Histogram(value(n)));
    }

    /// Times with a little jitter; some points are missing, some runs of them begin with a stale marker.
    fn part(
        &mut self,
        labels: Vec<(String, String)>,
        among: std::ops::Range<i64>,
        value: &mut dyn FnMut(i64) -> Sample,
    ) {
        let (rng, mut points, mut gap) = (self.rng, Vec::new(), 0);
        let ends = among.end < POINTS;
        for n in among {
            let (at, value) = (self.start + n * STEP + rng.below(200) as i64, value(n));
            if gap > 0 {
                gap -= 1;
            } else if n > 0 && rng.below(50) == 0 {
                gap = rng.below(40);
                points.extend((rng.below(2) == 0).then(|| (at, stale(&value))));
            } else {
                points.push((at, value));
            }
        }
        let last = points.last().filter(|_| ends && rng.below(2) == 0);
        let last = last.map(|(at, value)| (at + STEP, stale(value)));
        points.extend(last);
        self.add(labels, points);
    }

    /// Every three or four minutes.
    fn sparse(&mut self, labels: Vec<(String, String)>) {
        let (mut at, mut points, mut value) = (self.start, Vec::new(), counter(self.rng));
        while at < self.start + LENGTH {
            points.push((at, Sample::Float(value(0))));
            at += 180_000 + self.rng.below(60_000) as i64;
        }
        self.add(labels, points);
    }

    /// Examples at some points of the last series.
    fn exemplars(&mut self) {
        let Some(series) = self.made.last_mut() else { return };
        let rng = self.rng;
        series.exemplars = series
            .points
            .iter()
            .filter(|_| rng.below(12) == 0)
            .map(|(at, _)| Exemplar {
                at: *at,
                value: rng.below(1000) as f64 / 8.0,
                labels: vec![("trace_id".to_owned(), format!("{:08x}", rng.below(1 << 32)))],
            })
            .collect();
    }

    fn classic(&mut self, job: &str) {
        const BOUNDS: [&str; 5] = ["0.1", "0.5", "1", "5", "+Inf"];
        let (mut counts, mut sum) = ([0.0; BOUNDS.len()], 0.0);
        let mut rows: Vec<Vec<(i64, Sample)>> = (0..BOUNDS.len() + 2).map(|_| Vec::new()).collect();
        for n in 0..POINTS {
            let at = self.start + n * STEP;
            for _ in 0..self.rng.below(20) {
                let bucket = self.rng.below(BOUNDS.len() as u64) as usize;
                sum += bucket as f64 * 0.3;
                counts[bucket..].iter_mut().for_each(|count| *count += 1.0);
            }
            let values = counts.into_iter().chain([sum, counts[BOUNDS.len() - 1]]);
            rows.iter_mut().zip(values).for_each(|(row, value)| row.push((at, Sample::Float(value))));
        }
        let named = BOUNDS.iter().map(|bound| labels("fz_seconds_bucket", &[("job", job), ("le", *bound)]));
        let named = named.chain(["fz_seconds_sum", "fz_seconds_count"].map(|name| labels(name, &[("job", job)])));
        named.zip(rows).for_each(|(labels, points)| self.add(labels, points));
    }

    /// Buckets that are not as they should be: not rising, without the last, with bounds that are no numbers.
    fn odd(&mut self, job: &str) {
        let rng = self.rng;
        let bounds: &[&str] =
            if job == "api" { &["0.10", "1", "2.5e0", "+Inf", "many"] } else { &["-1", "0", "1", "NaN"] };
        for (n, bound) in bounds.iter().enumerate() {
            let labels = labels("fz_odd_bucket", &[("job", job), ("le", *bound)]);
            self.floats(labels, &mut |at| (at as f64 * 2.0 * n as f64 - rng.below(9) as f64).max(0.0));
        }
    }

    /// The largest and the smallest numbers, and what is none.
    fn extremes(&mut self) {
        const VALUES: [f64; 14] = [
            f64::MAX,
            f64::MIN,
            1e308,
            1e-300,
            -0.0,
            0.0,
            1e16,
            1.0,
            -1e16,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e21,
            1e-7,
        ];
        let rng = self.rng;
        for n in 0..4 {
            let labels = labels("fz_extreme", &[("job", JOBS[n % 2]), ("n", n.to_string().as_str())]);
            // The first two only of what can be added up.
            let of = if n < 2 { 4..9 } else { 0..VALUES.len() };
            self.floats(labels, &mut |_| VALUES[of.start + rng.below(of.len() as u64) as usize]);
        }
    }
}

fn stale(of: &Sample) -> Sample {
    match of {
        Sample::Float(_) => Sample::Float(f64::from_bits(STALE)),
        Sample::Histogram(_) => Sample::Histogram(Native::stale(f64::from_bits(STALE))),
    }
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

/// Requests in order of time, of an eighth of the points each: a server may refuse what is much
/// older than what it has (<https://prometheus.io/docs/specs/prw/remote_write_spec/>).
pub fn requests(series: &[Series], start: i64) -> Vec<Vec<u8>> {
    let part = LENGTH / 8;
    (0..8).map(|n| wire::request(series, &(start + n * part..start + (n + 1) * part))).collect()
}
