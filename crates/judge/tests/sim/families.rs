//! Canaries of three metrics (latency, errors, processor): healthy ones, and such with one kind of
//! regression of a given size. Made before the judge met any others; sizes are in standard deviations of the
//! metric unless a family says otherwise.

use judge::evidence::Verdict;
use judge::request::{Direction, MetricConfig, MetricSetPair, Settings};
use judge::sequential::{Measured, Plan, Run};

use crate::sim::Random;

/// A metric of both arms, and what is behind its points.
pub struct Series {
    pub points: Vec<Option<Measured>>,
}

type Make = fn(&mut Random, f64) -> Vec<Series>;

/// Where nothing is worse; the size is of no use.
pub const HEALTHY: [(&str, Make); 19] = [
    ("null", |random, _| service(random, &Shape::default())),
    ("log-normal", |random, _| levels(random, |random| (0.5 * random.normal()).exp())),
    ("heavy tails, t of 2", |random, _| levels(random, |random| (0.1 * t(random, 2.0)).exp())),
    ("heavy tails, t of 3, six metrics", |random, _| {
        (0..6).map(|_| level(random, &Shape { heavy: Some(3.0), ..Shape::default() })).collect()
    }),
    ("memory 0.3", |random, _| service(random, &Shape { memory: 0.3, ..Shape::default() })),
    ("memory 0.6", |random, _| service(random, &Shape { memory: 0.6, ..Shape::default() })),
    ("memory 0.8", |random, _| service(random, &Shape { memory: 0.8, ..Shape::default() })),
    ("memory 0.9", |random, _| service(random, &Shape { memory: 0.9, ..Shape::default() })),
    ("memory 0.9, half noise", |random, _| service(random, &Shape { memory: 0.9, noise: 0.5, ..Shape::default() })),
    ("Fano 3", |random, _| vec![counts(random, 4.0, 3.0, |_| 1.0), counts(random, 0.5, 3.0, |_| 1.0)]),
    ("Fano 10", |random, _| vec![counts(random, 4.0, 10.0, |_| 1.0), counts(random, 40.0, 10.0, |_| 1.0)]),
    ("low traffic", |random, _| (0..3).map(|n| counts(random, 0.03 * f64::from(n + 1), 1.0, |_| 1.0)).collect()),
    ("retries", |random, _| vec![retried(random, 1.0), retried(random, 10.0)]),
    ("moving weights", |random, _| vec![weighted(random, 0.02), weighted(random, 2.0)]),
    ("missing points", |random, _| {
        let mut all = service(random, &Shape::default());
        all.iter_mut().for_each(|one| one.points.iter_mut().for_each(|at| *at = at.filter(|_| random.uniform() > 0.2)));
        all
    }),
    ("restarts of pods", |random, _| (0..3).map(|_| restarts(random, 4, 0.02, 4.0)).collect()),
    ("healed warm-up", |random, _| {
        let by = 2.0 + 2.0 * random.uniform();
        let until = 5 + (6.0 * random.uniform()) as usize;
        service(random, &Shape { change: Some(Change::Until(until, by)), ..Shape::default() })
    }),
    ("better", |random, _| service(random, &Shape { change: Some(Change::From(0, -0.8)), ..Shape::default() })),
    ("shared load and incident", |random, _| shared(random)),
];

/// One pod an arm, whose memory in use takes twenty intervals to grow again after each start: two such saw
/// teeth differ for most of an hour, which is an effect as far as one can tell from the two of them.
pub const SAW: (&str, Make) =
    ("one pod's saw tooth", |random, _| (0..2).map(|_| restarts(random, 1, 0.05, 20.0)).collect());

/// What is worse, and three sizes of it.
pub const REGRESSIONS: [(&str, [f64; 3], Make); 13] = [
    ("subtle shift", [0.5, 0.7, 0.9], |random, by| {
        service(random, &Shape { change: Some(Change::From(0, by)), ..Shape::default() })
    }),
    ("subtle shift, memory 0.4", [0.7, 1.0, 1.5], |random, by| {
        service(random, &Shape { memory: 0.4, change: Some(Change::From(0, by)), ..Shape::default() })
    }),
    ("shift, memory 0.8", [1.5, 3.0, 5.0], |random, by| {
        service(random, &Shape { memory: 0.8, change: Some(Change::From(0, by)), ..Shape::default() })
    }),
    ("spread, times", [1.5, 2.0, 3.0], |random, by| service(random, &Shape { spread: by, ..Shape::default() })),
    ("tail, part of points", [0.1, 0.15, 0.25], |random, by| service(random, &Shape { tail: by, ..Shape::default() })),
    ("late onset", [1.0, 1.5, 3.0], |random, by| {
        let from = 38 + (14.0 * random.uniform()) as usize;
        service(random, &Shape { change: Some(Change::From(from, by)), ..Shape::default() })
    }),
    ("drift", [1.0, 2.0, 4.0], |random, by| {
        service(random, &Shape { change: Some(Change::Ramp(by)), ..Shape::default() })
    }),
    ("leak, memory 0.6", [2.0, 4.0, 6.0], |random, by| {
        service(random, &Shape { memory: 0.6, change: Some(Change::Ramp(by)), ..Shape::default() })
    }),
    ("flaps, five on, five off", [1.0, 2.0, 3.0], |random, by| {
        service(random, &Shape { change: Some(Change::Flaps(by)), ..Shape::default() })
    }),
    ("three metrics a little", [0.3, 0.4, 0.6], |random, by| {
        (0..3).map(|_| level(random, &Shape { change: Some(Change::From(0, by)), ..Shape::default() })).collect()
    }),
    ("errors of 2, times", [1.4, 1.7, 2.0], |random, by| {
        let mut all = service(random, &Shape::default());
        all[1] = counts(random, 2.0, 1.0, |_| by);
        all
    }),
    ("errors of 0.05, events more", [0.1, 0.2, 0.4], |random, by| {
        let mut all = service(random, &Shape::default());
        all[1] = counts(random, 0.05, 1.0, |_| 1.0 + by / 0.05);
        all
    }),
    ("late errors of 1, times", [2.0, 3.0, 5.0], |random, by| {
        let mut all = service(random, &Shape::default());
        all[1] = counts(random, 1.0, 1.0, |n| if n < 45 { 1.0 } else { by });
        all
    }),
];

/// Intervals of a run.
const INTERVALS: usize = 60;

#[derive(Clone, Copy)]
enum Change {
    From(usize, f64),
    Until(usize, f64),
    Ramp(f64),
    Flaps(f64),
}

impl Change {
    fn at(self, n: usize) -> f64 {
        match self {
            Self::From(from, by) if n >= from => by,
            Self::Until(until, by) if n < until => by,
            Self::Ramp(by) => by * n as f64 / INTERVALS as f64,
            Self::Flaps(by) if n / 5 % 2 == 1 => by,
            _ => 0.0,
        }
    }
}

/// A level, and what is wrong with the canary's.
#[derive(Clone, Copy)]
struct Shape {
    memory: f64,
    noise: f64,
    heavy: Option<f64>,
    change: Option<Change>,
    spread: f64,
    tail: f64,
}

impl Default for Shape {
    fn default() -> Self {
        Self { memory: 0.0, noise: 0.0, heavy: None, change: None, spread: 1.0, tail: 0.0 }
    }
}

fn t(random: &mut Random, freedom: f64) -> f64 {
    random.normal() / (random.gamma(freedom / 2.0) * 2.0 / freedom).sqrt()
}

fn pairs(baseline: Vec<f64>, canary: Vec<f64>) -> Series {
    let at = |(baseline, canary)| Some(Measured { baseline, canary, exposure: (1.0, 1.0) });
    Series { points: baseline.into_iter().zip(canary).map(at).collect() }
}

/// A level of 80, its standard deviation 7.3 %.
fn level(random: &mut Random, shape: &Shape) -> Series {
    let arm = |random: &mut Random, canary: bool| {
        let mut slow = random.normal();
        let mut next = |n: usize| {
            slow = shape.memory * slow + (1.0 - shape.memory * shape.memory).sqrt() * random.normal();
            let noise = if let Some(freedom) = shape.heavy { t(random, freedom) } else { random.normal() };
            let mut z = if shape.heavy.is_some() {
                noise
            } else {
                (1.0 - shape.noise).sqrt() * slow + shape.noise.sqrt() * noise
            };
            if canary {
                z = z * shape.spread + shape.change.map_or(0.0, |change| change.at(n));
                if random.uniform() < shape.tail {
                    z += 8.0 + 6.0 * random.uniform();
                }
            }
            80.0 * (1.0 + 0.073 * z)
        };
        (0..INTERVALS).map(&mut next).collect::<Vec<f64>>()
    };
    let baseline = arm(random, false);
    pairs(baseline, arm(random, true))
}

/// The change is in the first metric.
fn service(random: &mut Random, shape: &Shape) -> Vec<Series> {
    let usual = Shape { memory: shape.memory, noise: shape.noise, ..Shape::default() };
    vec![level(random, shape), counts(random, 1.5, 1.3, |_| 1.0), level(random, &usual)]
}

fn levels(random: &mut Random, mut next: impl FnMut(&mut Random) -> f64) -> Vec<Series> {
    let mut arm = |random: &mut Random| (0..INTERVALS).map(|_| 30.0 * next(random)).collect();
    (0..3).map(|_| pairs(arm(random), arm(random))).collect()
}

fn counts(random: &mut Random, mean: f64, fano: f64, times: impl Fn(usize) -> f64) -> Series {
    let baseline = (0..INTERVALS).map(|_| random.counts(mean, fano)).collect();
    pairs(baseline, (0..INTERVALS).map(|n| random.counts(mean * times(n), fano)).collect())
}

/// Failed requests, each of which is tried again with the chance of a half, three times at most, and fails again: at once
/// or in the next interval.
fn retried(random: &mut Random, rate: f64) -> Series {
    let arm = |random: &mut Random| {
        let mut events = [0.0; INTERVALS + 1];
        for n in 0..INTERVALS {
            for _ in 0..random.poisson(rate) as usize {
                let tries = 1 + (0..3).take_while(|_| random.uniform() < 0.5).count();
                (0..tries).for_each(|_| events[n + usize::from(random.uniform() < 0.3)] += 1.0);
            }
        }
        events[..INTERVALS].to_vec()
    };
    let baseline = arm(random);
    pairs(baseline, arm(random))
}

/// The canary's share of requests rises from 2 % to a half.
fn weighted(random: &mut Random, rate: f64) -> Series {
    let at = |n: usize| {
        let share = 0.02 + 0.48 * n as f64 / INTERVALS as f64;
        let exposure = (100.0 * (1.0 - share), 100.0 * share);
        let (baseline, canary) = (random.poisson(rate * exposure.0), random.poisson(rate * exposure.1));
        Some(Measured { baseline, canary, exposure })
    };
    Series { points: (0..INTERVALS).map(at).collect() }
}

/// Memory in use, the mean of so many pods. One starts again with this chance in an interval, and grows for so
/// many intervals then.
fn restarts(random: &mut Random, pods: u32, chance: f64, grows: f64) -> Series {
    let arm = |random: &mut Random| {
        let mut ages: Vec<f64> = (0..pods).map(|_| grows * random.uniform()).collect();
        let mut next = || {
            let mut sum = 0.0;
            for age in &mut ages {
                *age = if random.uniform() < chance { 0.0 } else { *age + 1.0 };
                sum += 200.0 + 60.0 * (*age / grows).min(1.0) + 5.0 * random.normal();
            }
            sum / f64::from(pods)
        };
        (0..INTERVALS).map(|_| next()).collect::<Vec<f64>>()
    };
    let baseline = arm(random);
    pairs(baseline, arm(random))
}

/// A wave of load, an incident of six intervals, and what moves all metrics of an arm alike.
fn shared(random: &mut Random) -> Vec<Series> {
    let incident = (40.0 * random.uniform()) as usize;
    let load =
        |n: usize| 1.0 + 0.4 * (n as f64 / 12.0).sin() + if n >= incident && n < incident + 6 { 1.0 } else { 0.0 };
    let alike: Vec<[f64; 2]> = (0..INTERVALS).map(|_| [random.normal(), random.normal()]).collect();
    let mut one = || {
        let mut arm = |which: usize| -> Vec<f64> {
            let at = |(n, alike): (usize, &[f64; 2])| 50.0 * load(n) * (0.06 * (alike[which] + random.normal())).exp();
            alike.iter().enumerate().map(at).collect()
        };
        pairs(arm(0), arm(1))
    };
    (0..4).map(|_| one()).collect()
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// It fails at a look before the end.
    pub early: bool,
    /// It fails by the test at the end.
    pub end: bool,
    /// It passes at its end.
    pub passes: bool,
}

/// Judges a run, looked at after every interval.
pub fn judge(metrics: &[Series], direction: Direction) -> Outcome {
    let mut plans: Vec<Plan> = metrics
        .iter()
        .map(|one| {
            let config = MetricConfig { direction, ..MetricConfig::new("m") };
            let (control, experiment) = one.points.iter().flatten().map(|at| (at.baseline, at.canary)).unzip();
            Plan::new(&config, &MetricSetPair { control, experiment, ..Default::default() })
        })
        .collect();
    let share = if plans.len() > 1 { 0.85 / plans.len() as f64 } else { 1.0 };
    plans.iter_mut().for_each(|plan| plan.share = share);
    let n = metrics[0].points.len();
    let mut run = Run::new(plans, Settings { lifetime: Some(n), ..Settings::default() });
    let (mut early, mut passes) = (false, false);
    for at in 0..n {
        run.observe(metrics.iter().map(|one| one.points[at]));
        let look = run.look();
        early |= look.ln_fail >= look.ln_needed && at + 1 < n && look.verdict == Verdict::Fail;
        passes = look.verdict == Verdict::Pass;
    }
    Outcome { early, end: run.look().end.is_some_and(|end| end.fails), passes }
}
