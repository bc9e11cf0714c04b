//! Canaries of many more kinds, as whole requests without a kind of any metric: latency, errors, processor, of which a
//! rise is worse, an hour of minutes. What each is like where nothing is wrong is drawn anew for each run.

use judge::request::{Direction, MetricConfig, MetricSetPair, Request, Settings, Thresholds};
use judge::{Judge, JudgeResult};

use crate::sim::{Arms, Random};

/// Minutes of a run.
const MINUTES: usize = 60;

/// The metrics of a canary.
pub struct Service {
    /// Latency, errors, processor.
    metrics: Vec<Arms>,
    /// Standard deviations of the levels, as a part.
    sd: [f64; 2],
    /// Errors a minute.
    rate: f64,
    exposures: Option<Arms>,
    direction: Direction,
}

/// What is made of a service in which nothing is wrong.
pub type Change = fn(&mut Random, &mut Service);

const LATENCY: usize = 0;
const ERRORS: usize = 1;
const PROCESSOR: usize = 2;

/// Where nothing is worse at the end.
pub const HEALTHY: [(&str, Change); 30] = [
    ("nothing", |_, _| ()),
    ("either way", |_, it| it.direction = Direction::Either),
    ("shared wave", |random, it| {
        let (period, part) = (8.0 + 40.0 * random.uniform(), 0.1 + 0.5 * random.uniform());
        it.load(|n| 1.0 + part * (n as f64 / period * std::f64::consts::TAU).sin());
    }),
    ("shared wave, clocks apart", |random, it| {
        let (period, part) = (20.0 + 40.0 * random.uniform(), 0.1 + 0.3 * random.uniform());
        let wave = move |n: usize| 1.0 + part * (n as f64 / period * std::f64::consts::TAU).sin();
        it.levels(|arm, n, value| value * wave(n + arm));
    }),
    ("shared ramp", |_, it| it.load(|n| 1.0 + n as f64 / 60.0)),
    ("shared incident", |random, it| {
        let from = (45.0 * random.uniform()) as usize;
        it.load(|n| if n >= from && n < from + 8 { 3.0 } else { 1.0 });
    }),
    ("shared step", |random, it| {
        let from = 10 + (40.0 * random.uniform()) as usize;
        it.load(|n| if n >= from { 1.6 } else { 1.0 });
    }),
    ("one spike of the canary", |random, it| {
        let (at, by) = ((60.0 * random.uniform()) as usize, 3.0 + 20.0 * random.uniform());
        it.metrics[LATENCY].1[at] *= by;
    }),
    ("one spike of all metrics of the canary", |random, it| {
        let (at, by) = ((60.0 * random.uniform()) as usize, 3.0 + 20.0 * random.uniform());
        it.canary(LATENCY, |n, value| if n == at { by * value } else { value });
        it.canary(PROCESSOR, |n, value| if n == at { 1.8 * value } else { value });
    }),
    ("spikes of both", |random, it| {
        let part = 0.02 + 0.08 * random.uniform();
        it.each(
            LATENCY,
            |random, value| if random.uniform() < part { value * (2.0 + 3.0 * random.uniform()) } else { value },
            random,
        );
    }),
    ("heavy tails", |random, it| {
        let freedom = 1.5 + 2.0 * random.uniform();
        it.each(LATENCY, |random, value| value * (0.05 * t(random, freedom)).exp(), random);
    }),
    ("two modes", |random, it| {
        let (part, far) = (0.1 + 0.4 * random.uniform(), 1.5 + 3.0 * random.uniform());
        it.each(LATENCY, |random, value| if random.uniform() < part { far * value } else { value }, random);
    }),
    ("rounded to tens", |_, it| it.both(LATENCY, |_, _, value| (value / 10.0).round() * 10.0)),
    ("rounded to ones", |_, it| it.levels(|_, _, value| value.round())),
    ("constant", |_, it| it.levels(|_, _, _| 50.0)),
    ("no errors", |_, it| it.metrics[ERRORS] = (vec![0.0; MINUTES], vec![0.0; MINUTES])),
    ("errors in bursts", |random, it| {
        let (chance, size) = (0.03 + 0.07 * random.uniform(), 3.0 + 10.0 * random.uniform());
        let arm = |random: &mut Random| -> Vec<f64> {
            let mut left = 0;
            let mut next = || {
                left = if random.uniform() < chance { 3 } else { i32::max(left - 1, 0) };
                random.poisson(0.3 + if left > 0 { size } else { 0.0 })
            };
            (0..MINUTES).map(|_| next()).collect()
        };
        it.metrics[ERRORS] = (arm(random), arm(random));
    }),
    ("bursty errors", |random, it| {
        let (mean, fano) = (1.0 + 4.0 * random.uniform(), 2.0 + 8.0 * random.uniform());
        it.metrics[ERRORS] = counts(random, mean, fano, |_| 1.0);
    }),
    ("few errors", |random, it| {
        let mean = 0.01 + 0.1 * random.uniform();
        it.metrics[ERRORS] = counts(random, mean, 1.0, |_| 1.0);
    }),
    ("errors as a part of requests", |random, it| {
        let (requests, part) = (50.0 + 500.0 * random.uniform(), 0.001 + 0.01 * random.uniform());
        it.metrics[ERRORS] = parts(random, requests, part, |_| 1.0);
    }),
    ("memory", |random, it| {
        let memory = 0.5 + 0.45 * random.uniform();
        it.metrics[LATENCY] = levels(random, 100.0, 0.08, memory);
        it.metrics[PROCESSOR] = levels(random, 40.0, 0.08, memory);
    }),
    ("missing, any", |random, it| {
        let part = 0.1 + 0.4 * random.uniform();
        it.missing(|random, _, _| random.uniform() < part, random);
    }),
    ("missing, a stretch of the canary", |random, it| {
        let from = (50.0 * random.uniform()) as usize;
        it.missing(|_, arm, n| arm == 1 && n >= from && n < from + 25, random);
    }),
    ("warm-up", |random, it| {
        let (until, by) = (3 + (7.0 * random.uniform()) as usize, 1.3 + 1.5 * random.uniform());
        it.canary(LATENCY, |n, value| if n < until { by * value } else { value });
        it.canary(PROCESSOR, |n, value| if n < until { by * value } else { value });
    }),
    ("healed in the middle", |random, it| {
        let (from, by) = (10 + (15.0 * random.uniform()) as usize, 1.3 + 0.7 * random.uniform());
        it.canary(LATENCY, |n, value| if n >= from && n < from + 10 { by * value } else { value });
    }),
    ("errors that healed", |random, it| {
        let from = (25.0 * random.uniform()) as usize;
        it.metrics[ERRORS] = counts(random, 1.5, 1.0, |n| if n >= from && n < from + 6 { 6.0 } else { 1.0 });
    }),
    ("better", |random, it| {
        let by = 0.5 + 0.45 * random.uniform();
        it.canary(LATENCY, |_, value| by * value);
    }),
    ("all better", |random, it| {
        let by = 0.4 + 0.5 * random.uniform();
        it.levels(|arm, _, value| if arm == 1 { by * value } else { value });
        it.metrics[ERRORS] = counts(random, 3.0, 1.0, |_| 0.3);
    }),
    ("the baseline is sick", |random, it| {
        let from = (30.0 * random.uniform()) as usize;
        it.both(LATENCY, |arm, n, value| if arm == 0 && n >= from { 2.0 * value } else { value });
    }),
    ("moving weights", |random, it| it.weigh(random, 1.0)),
];

/// Where the canary is worse, and remains so.
pub const WORSE: [(&str, Change); 34] = [
    ("latency + 1 sd", |_, it| it.shift(LATENCY, 1.0, 0)),
    ("latency + 2 sd", |_, it| it.shift(LATENCY, 2.0, 0)),
    ("processor + 1.5 sd", |_, it| it.shift(PROCESSOR, 1.5, 0)),
    ("latency + 2 sd, either way", |_, it| {
        it.direction = Direction::Either;
        it.shift(LATENCY, 2.0, 0);
    }),
    ("latency - 2 sd where less is worse", |_, it| {
        it.direction = Direction::Decrease;
        it.shift(LATENCY, -2.0, 0);
    }),
    ("shared wave, latency + 15 %", |_, it| {
        it.load(|n| 1.0 + 0.4 * (n as f64 / 5.0).sin());
        it.canary(LATENCY, |_, value| 1.15 * value);
    }),
    ("shared ramp, latency + 15 %", |_, it| {
        it.load(|n| 1.0 + n as f64 / 60.0);
        it.canary(LATENCY, |_, value| 1.15 * value);
    }),
    ("memory 0.6, + 3 sd", |random, it| {
        it.metrics[LATENCY] = levels(random, 100.0, 0.06, 0.6);
        it.canary(LATENCY, |_, value| value * 1.18);
    }),
    ("heavy tails, latency + 30 %", |random, it| {
        it.each(LATENCY, |random, value| value * (0.05 * t(random, 2.0)).exp(), random);
        it.canary(LATENCY, |_, value| value * 1.3);
    }),
    ("rounded to tens, + 2 sd", |_, it| {
        it.shift(LATENCY, 2.0, 0);
        it.both(LATENCY, |_, _, value| (value / 10.0).round() * 10.0);
    }),
    ("rounded to ones, + 2 sd", |_, it| {
        it.shift(LATENCY, 2.0, 0);
        it.levels(|_, _, value| value.round());
    }),
    ("rounded to ones, processor + 2 sd", |_, it| {
        it.shift(PROCESSOR, 2.0, 0);
        it.levels(|_, _, value| value.round());
    }),
    ("one constant to another", |_, it| it.levels(|arm, _, _| 50.0 + 10.0 * arm as f64)),
    ("one fraction to another", |_, it| it.levels(|arm, _, _| 50.5 + 10.0 * arm as f64)),
    ("late by 20 minutes, + 2 sd", |_, it| it.shift(LATENCY, 2.0, 40)),
    ("late by 10 minutes, + 3 sd", |_, it| it.shift(LATENCY, 3.0, 50)),
    ("leak to + 3 sd", |_, it| {
        let sd = it.sd[1];
        it.canary(PROCESSOR, |n, value| value * (1.0 + 3.0 * sd * n as f64 / 60.0));
    }),
    ("spread of two", |_, it| it.spread(LATENCY, 2.0)),
    ("spread of three", |_, it| it.spread(PROCESSOR, 3.0)),
    ("tail of 15 %", |random, it| it.tail(random, 0.15)),
    ("tail of 25 %", |random, it| it.tail(random, 0.25)),
    ("spikes every ten minutes", |_, it| it.canary(LATENCY, |n, value| if n % 10 == 7 { 3.0 * value } else { value })),
    ("spikes of two minutes every fifteen", |_, it| {
        it.canary(LATENCY, |n, value| if n % 15 >= 13 { 2.0 * value } else { value });
    }),
    ("flaps", |_, it| {
        let sd = it.sd[0];
        it.canary(LATENCY, |n, value| if n / 6 % 2 == 1 { value * (1.0 + 3.0 * sd) } else { value });
    }),
    ("two modes, the far one twice as often", |random, it| {
        it.each(LATENCY, |random, value| if random.uniform() < 0.2 { 2.0 * value } else { value }, random);
        let mut random = Random(random.0);
        it.canary(LATENCY, |_, value| if random.uniform() < 0.3 { 2.0 * value } else { value });
    }),
    ("errors x2", |random, it| it.errors(random, 1.0, |_| 2.0)),
    ("errors x3", |random, it| it.errors(random, 1.0, |_| 3.0)),
    ("errors in bursts of the canary", |random, it| it.errors(random, 1.0, |n| if n % 15 >= 12 { 7.0 } else { 1.0 })),
    ("few errors, x8", |random, it| it.metrics[ERRORS] = counts(random, 0.05, 1.0, |_| 8.0)),
    ("late errors x5", |random, it| it.errors(random, 1.0, |n| if n >= 45 { 5.0 } else { 1.0 })),
    ("errors x3, latency better", |random, it| {
        it.errors(random, 1.0, |_| 3.0);
        it.canary(LATENCY, |_, value| 0.8 * value);
    }),
    ("errors as a part of requests, x4", |random, it| it.metrics[ERRORS] = parts(random, 200.0, 0.005, |_| 4.0)),
    ("missing, + 2 sd", |random, it| {
        it.shift(LATENCY, 2.0, 0);
        it.missing(|random, _, _| random.uniform() < 0.3, random);
    }),
    ("moving weights, errors x2", |random, it| it.weigh(random, 2.0)),
];

fn t(random: &mut Random, freedom: f64) -> f64 {
    random.normal() / (random.gamma(freedom / 2.0) * 2.0 / freedom).sqrt()
}

fn levels(random: &mut Random, mean: f64, sd: f64, memory: f64) -> Arms {
    let arm = |random: &mut Random| {
        let mut slow = random.normal();
        let mut next = || {
            slow = memory * slow + (1.0 - memory * memory).sqrt() * random.normal();
            mean * (1.0 + sd * slow).max(0.05)
        };
        (0..MINUTES).map(|_| next()).collect()
    };
    (arm(random), arm(random))
}

fn counts(random: &mut Random, mean: f64, fano: f64, times: impl Fn(usize) -> f64) -> Arms {
    let baseline = (0..MINUTES).map(|_| random.counts(mean, fano)).collect();
    (baseline, (0..MINUTES).map(|n| random.counts(mean * times(n), fano)).collect())
}

/// Failed requests as a part of all.
fn parts(random: &mut Random, requests: f64, part: f64, times: impl Fn(usize) -> f64) -> Arms {
    let mut arm = |times: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let at = |n: usize| {
            let all = random.poisson(requests).max(1.0);
            random.poisson(all * part * times(n)).min(all) / all
        };
        (0..MINUTES).map(at).collect()
    };
    (arm(&|_| 1.0), arm(&times))
}

impl Service {
    /// One in which nothing is wrong.
    fn draw(random: &mut Random) -> Self {
        let sd = [0.04 + 0.08 * random.uniform(), 0.03 + 0.07 * random.uniform()];
        let memory = [0.5 * random.uniform(), 0.6 * random.uniform()];
        let rate = 0.5 + 3.5 * random.uniform();
        let metrics = vec![
            levels(random, 120.0, sd[0], memory[0]),
            counts(random, rate, 1.2, |_| 1.0),
            levels(random, 45.0, sd[1], memory[1]),
        ];
        Self { metrics, sd, rate, exposures: None, direction: Direction::Increase }
    }

    fn canary(&mut self, metric: usize, mut to: impl FnMut(usize, f64) -> f64) {
        let canary = &mut self.metrics[metric].1;
        canary.iter_mut().enumerate().for_each(|(n, value)| *value = to(n, *value));
    }

    fn both(&mut self, metric: usize, to: impl Fn(usize, usize, f64) -> f64) {
        let (baseline, canary) = &mut self.metrics[metric];
        for (arm, values) in [baseline, canary].into_iter().enumerate() {
            values.iter_mut().enumerate().for_each(|(n, value)| *value = to(arm, n, *value));
        }
    }

    fn levels(&mut self, to: impl Fn(usize, usize, f64) -> f64) {
        self.both(LATENCY, &to);
        self.both(PROCESSOR, &to);
    }

    fn load(&mut self, to: impl Fn(usize) -> f64) {
        self.levels(|_, n, value| value * to(n));
    }

    fn each(&mut self, metric: usize, to: impl Fn(&mut Random, f64) -> f64, random: &mut Random) {
        let (baseline, canary) = &mut self.metrics[metric];
        baseline.iter_mut().chain(canary).for_each(|value| *value = to(random, *value));
    }

    fn missing(&mut self, is: impl Fn(&mut Random, usize, usize) -> bool, random: &mut Random) {
        for (baseline, canary) in &mut self.metrics {
            for (arm, values) in [baseline, canary].into_iter().enumerate() {
                for (n, value) in values.iter_mut().enumerate() {
                    if is(random, arm, n) {
                        *value = f64::NAN;
                    }
                }
            }
        }
    }

    fn shift(&mut self, metric: usize, by: f64, from: usize) {
        let (sd, middle) = if metric == LATENCY { (self.sd[0], 120.0) } else { (self.sd[1], 45.0) };
        self.canary(metric, |n, value| if n >= from { value + by * sd * middle } else { value });
    }

    fn spread(&mut self, metric: usize, by: f64) {
        let middle = if metric == LATENCY { 120.0 } else { 45.0 };
        self.canary(metric, |_, value| f64::max(middle + by * (value - middle), 1.0));
    }

    fn tail(&mut self, random: &mut Random, part: f64) {
        let sd = self.sd[0];
        let mut random = Random(random.0);
        self.canary(LATENCY, |_, value| {
            let far = 8.0 + 6.0 * random.uniform();
            if random.uniform() < part { value * (1.0 + far * sd) } else { value }
        });
    }

    fn errors(&mut self, random: &mut Random, fano: f64, times: impl Fn(usize) -> f64) {
        self.metrics[ERRORS] = counts(random, self.rate, fano, times);
    }

    fn weigh(&mut self, random: &mut Random, times: f64) {
        let share = |n: usize| 0.05 + 0.45 * n as f64 / 60.0;
        let exposures: Arms = (0..MINUTES).map(|n| (1_000.0 * (1.0 - share(n)), 1_000.0 * share(n))).unzip();
        let arm = |random: &mut Random, of: &[f64], times: f64| -> Vec<f64> {
            of.iter().map(|of| random.poisson(0.005 * of * times)).collect()
        };
        let baseline = arm(random, &exposures.0, 1.0);
        self.metrics[ERRORS] = (baseline, arm(random, &exposures.1, times));
        self.exposures = Some(exposures);
    }

    /// As it is asked.
    fn request(&self) -> Request {
        let one = |(n, (control, experiment)): (usize, &Arms)| {
            let name = ["latency_ms", "error_count", "cpu_percent"].get(n).copied().unwrap_or("m");
            let groups = vec!["g".to_owned()];
            let config = MetricConfig { direction: self.direction, groups, ..MetricConfig::new(name) };
            let exposures = self.exposures.clone().filter(|_| n == ERRORS);
            let (control, experiment) = (control.clone(), experiment.clone());
            (config, MetricSetPair { name: name.to_owned(), control, experiment, exposures, ..Default::default() })
        };
        Request {
            judge: None,
            settings: Settings::default(),
            group_weights: [("g".to_owned(), 100.0)].into(),
            thresholds: Thresholds { pass: 95.0, marginal: 75.0 },
            metrics: self.metrics.iter().enumerate().map(one).collect(),
        }
    }
}

/// The answer to the run of that number.
pub fn judged(change: Change, seed: u64, judge: Judge) -> JudgeResult {
    let mut random = Random(seed * 7_919 + 13);
    let mut service = Service::draw(&mut random);
    change(&mut random, &mut service);
    judge.judge(&service.request()).unwrap_or_else(|error| unreachable!("{error}"))
}
