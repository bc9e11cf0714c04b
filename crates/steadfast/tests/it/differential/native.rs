//! Random native histograms: counters of whole numbers, gauges of floats, and those with buckets of their own.

use std::collections::BTreeMap;

use base::Rng;

/// The schema of histograms with buckets of their own.
const CUSTOM: i32 = -53;
/// What says that a histogram is a gauge.
const GAUGE: u64 = 3;
/// The widest of the buckets about zero.
const NEAR_ZERO: f64 = 0.001;

/// A histogram at one time.
#[derive(Clone, Default)]
pub struct Native {
    pub is_float: bool,
    pub schema: i32,
    pub zero_threshold: f64,
    pub zero: f64,
    pub count: f64,
    pub sum: f64,
    pub positive: BTreeMap<i32, f64>,
    pub negative: BTreeMap<i32, f64>,
    pub hint: u64,
    pub bounds: Vec<f64>,
}

impl Native {
    /// What says that the series is gone.
    pub fn stale(marker: f64) -> Self {
        Self { sum: marker, ..Self::default() }
    }

    fn observe(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        let size = value.abs();
        if value.is_nan() {
            return;
        }
        if self.schema == CUSTOM {
            let at = self.bounds.iter().take_while(|bound| value > **bound).count();
            *self.positive.entry(at as i32).or_default() += 1.0;
        } else if size <= self.zero_threshold {
            self.zero += 1.0;
        } else {
            let at = (size.log2() * f64::from(self.schema).exp2()).ceil() as i32;
            let side = if value < 0.0 { &mut self.negative } else { &mut self.positive };
            *side.entry(at).or_default() += 1.0;
        }
    }

    /// The same with buckets twice as wide.
    fn coarser(&mut self) {
        self.schema -= 1;
        for side in [&mut self.positive, &mut self.negative] {
            for (at, count) in std::mem::take(side) {
                *side.entry(((at - 1) >> 1) + 1).or_default() += count;
            }
        }
    }

    fn reset(&mut self) {
        *self = Self {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            bounds: std::mem::take(&mut self.bounds),
            ..Self::default()
        };
    }
}

/// A counter with exponential buckets, which now and then starts anew, becomes coarser, or is about zero wider.
pub fn counter(rng: &Rng, nth: u64) -> impl FnMut(i64) -> Native + '_ {
    // Whether there are buckets of one sign only, which says where in the one about zero observations are, depends in a
    // Prometheus on the samples that are stored beside: so no observation is there where both signs are.
    let zero_threshold = if nth % 2 == 1 { NEAR_ZERO / 1e6 } else { NEAR_ZERO };
    let mut now = Native { schema: 3 - (nth % 3) as i32, zero_threshold, ..Native::default() };
    move |_| {
        match rng.below(100) {
            0 => now.reset(),
            1 if now.schema > -1 => now.coarser(),
            2 => {
                now.reset();
                now.zero_threshold *= 4.0;
            }
            // Some of a series only: a sum that is no number stays so.
            3 if nth == 4 => now.observe(f64::NAN),
            _ => {}
        }
        for _ in 0..rng.below(9) {
            let size = (rng.below(1 << 10) as f64 / 64.0 - 11.0).exp2();
            now.observe(if nth % 2 == 1 && rng.below(4) == 0 { -size } else { size });
        }
        now.clone()
    }
}

/// A gauge of floats, different each time.
pub fn gauge(rng: &Rng) -> impl FnMut(i64) -> Native + '_ {
    move |_| {
        let mut now = Native { is_float: true, schema: 1, zero_threshold: NEAR_ZERO, hint: GAUGE, ..Native::default() };
        for _ in 0..rng.below(12) {
            now.observe(rng.below(400) as f64 / 16.0 - 10.03125);
        }
        for count in now.positive.values_mut().chain(now.negative.values_mut()) {
            *count *= 0.5;
        }
        now.count = now.zero + now.positive.values().chain(now.negative.values()).sum::<f64>();
        now
    }
}

/// A counter with buckets of its own, which are not those of the others, or not always.
pub fn custom(rng: &Rng, nth: u64) -> impl FnMut(i64) -> Native + '_ {
    const BOUNDS: [&[f64]; 3] = [&[0.1, 0.5, 1.0, 5.0], &[0.1, 1.0, 5.0, 10.0], &[-1.0, 0.0, 1.0]];
    let of = |nth: u64| BOUNDS[(nth % 3) as usize].to_vec();
    let mut now = Native { schema: CUSTOM, bounds: of(nth), ..Native::default() };
    move |_| {
        match rng.below(120) {
            0 => now.reset(),
            1 => {
                now.reset();
                now.bounds = of(rng.below(3));
            }
            _ => {}
        }
        for _ in 0..rng.below(9) {
            now.observe(rng.below(120) as f64 / 10.0 - if now.bounds[0] < 0.0 { 4.0 } else { 0.0 });
        }
        now.clone()
    }
}
