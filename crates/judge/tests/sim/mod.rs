//! Simulated canaries. The same seed gives the same run.

use std::f64::consts::PI;

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (2.0 * PI * self.uniform()).cos()
    }

    /// Marsaglia and Tsang (2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma(shape + 1.0) * self.uniform().powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        loop {
            let x = self.normal();
            let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    pub fn poisson(&mut self, mean: f64) -> f64 {
        let (floor, mut product, mut count) = ((-mean.min(500.0)).exp(), self.uniform(), 0.0);
        while product > floor {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }

    /// Counts that vary `fano` times as much as a Poisson process: negative binomial.
    pub fn counts(&mut self, mean: f64, fano: f64) -> f64 {
        if fano <= 1.0 {
            return self.poisson(mean);
        }
        let shape = mean / (fano - 1.0);
        let rate = self.gamma(shape) / shape * mean;
        self.poisson(rate)
    }
}

/// What a metric is like where nothing is wrong.
#[derive(Clone, Copy, Debug)]
pub enum Regime {
    /// Normal about 100, the standard deviation 10, with memory; `noise` is the part of the variance that
    /// has none.
    Level { memory: f64, noise: f64 },
    /// Log-normal with a Student's t of so many degrees of freedom.
    HeavyTails { freedom: f64 },
    /// Four times as high in so many of all intervals.
    Spikes { part: f64 },
    /// A wave of half of the level, which both arms share.
    Diurnal,
    /// Events in an interval.
    Counts { mean: f64, fano: f64 },
    /// Events whose rate wanders in each arm by itself: its logarithm has memory 0.9.
    Wander { mean: f64, spread: f64 },
    /// Three metrics: latency, errors, processor.
    Service,
}

/// A metric of both arms.
pub type Arms = (Vec<f64>, Vec<f64>);

impl Regime {
    /// A run in which the canary's values, or rates of events, are `effect` times the baseline's.
    pub fn run(self, random: &mut Random, intervals: usize, effect: f64) -> Vec<Arms> {
        let arms = |random: &mut Random, make: &dyn Fn(&mut Random, f64) -> Vec<f64>| {
            (make(random, 1.0), make(random, effect))
        };
        match self {
            Self::Level { memory, noise } => vec![arms(random, &|random, by| {
                let mut slow = random.normal();
                let mut next = |random: &mut Random| {
                    slow = memory * slow + (1.0 - memory * memory).sqrt() * random.normal();
                    (1.0 - noise).sqrt() * slow + noise.sqrt() * random.normal()
                };
                (0..intervals).map(|_| by * 100.0 * (1.0 + 0.1 * next(random))).collect()
            })],
            Self::HeavyTails { freedom } => vec![arms(random, &|random, by| {
                let t = |random: &mut Random| random.normal() / (random.gamma(freedom / 2.0) * 2.0 / freedom).sqrt();
                (0..intervals).map(|_| by * 100.0 * (0.1 * t(random)).exp()).collect()
            })],
            Self::Spikes { part } => vec![arms(random, &|random, by| {
                let spike = |random: &mut Random| if random.uniform() < part { 4.0 } else { 1.0 };
                (0..intervals).map(|_| by * spike(random) * 100.0 * (0.1 * random.normal()).exp()).collect()
            })],
            Self::Diurnal => vec![arms(random, &|random, by| {
                let wave = |n: usize| 100.0 * (1.0 + 0.5 * (n as f64 / 10.0).sin());
                (0..intervals).map(|n| by * wave(n) * (0.1 * random.normal()).exp()).collect()
            })],
            Self::Counts { mean, fano } => {
                vec![arms(random, &|random, by| (0..intervals).map(|_| random.counts(mean * by, fano)).collect())]
            }
            Self::Wander { mean, spread } => vec![arms(random, &|random, by| {
                let mut slow = random.normal();
                let mut next = |random: &mut Random| {
                    slow = 0.9 * slow + 0.19_f64.sqrt() * random.normal();
                    random.poisson(mean * by * (spread * slow).exp())
                };
                (0..intervals).map(|_| next(random)).collect()
            })],
            Self::Service => [
                Self::Level { memory: 0.3, noise: 0.0 },
                Self::Counts { mean: 2.0, fano: 1.5 },
                Self::Level { memory: 0.7, noise: 0.0 },
            ]
            .into_iter()
            .flat_map(|regime| regime.run(random, intervals, effect))
            .collect(),
        }
    }
}
