//! How likely is a change of a given shape not to be for the worse, when the series remembers, nobody
//! knows how much, and its spread is not known either?
//!
//! `D_t = delta d_t + a series with memory`. Given the memory, what is new in `D` regressed on what is new in
//! `d` (see [`super::super::levels`]) has Student's distribution: `t = S / sqrt(X R / (n - 1))`,
//! `R = Q - S^2/X`, exact for normal noise. Over memories the tails are averaged with the posterior weights,
//! `delta` under a flat prior and the spread under its invariant one (Zellner 1971), and the memory under what is
//! believed of it before (see [`super::pool`]):
//! `w ~ belief v^(-1/2) X^(-1/2) R^(-(n-1)/2)`. What the data say of the memory is thus used, and
//! what they leave open is paid for.
//!
//! Where both arms stand alone, their sum remembers what their difference does, and says as much again: its
//! likelihood, with a level and the shape left free, is a further factor. Load that both share would make
//! it another series: it then varies more than the difference, and is left out.

use super::shapes::Shape;
use crate::sequential::autoregression::Autoregression;
use crate::special::{Student, ln_sum_exp};

/// Fewer intervals show nothing.
pub(super) const FEWEST: usize = 8;
/// Memories of a lower weight are left out.
const LEAST: f64 = 1e-7;
/// What is left of a series that a shape explains entirely, as a part.
const ROUNDING: f64 = 1e-12;

/// Of levels: coefficients, and how far each is believed, shorter ones more. Below 0 too: what remembers nothing seems to
/// by chance as often one way as the other, and would else be taken for what remembers a little.
const LEVELS: [(f64, f64); 14] = [
    (-0.2, 0.042),
    (-0.1, 0.12),
    (0.0, 0.169),
    (0.1, 0.144),
    (0.2, 0.078),
    (0.3, 0.071),
    (0.4, 0.064),
    (0.5, 0.057),
    (0.6, 0.05),
    (0.7, 0.05),
    (0.8, 0.05),
    (0.87, 0.042),
    (0.92, 0.035),
    (0.96, 0.028),
];
/// Of distances from a middle that follows what is slow, and takes some of what is remembered with it.
const SPREADS: [(f64, f64); 9] = [
    (-0.2, 0.1),
    (-0.1, 0.2),
    (0.0, 0.25),
    (0.15, 0.15),
    (0.3, 0.11),
    (0.45, 0.08),
    (0.6, 0.06),
    (0.75, 0.035),
    (0.88, 0.015),
];
/// Half of the longer memories of levels are of a part of the variance only; shorter memories under noise are
/// like shorter ones without.
const LONG: f64 = 0.75;
/// The part that is noise then.
const NOISE: f64 = 0.45;
/// A sum that varies so much more than the difference is of another series.
const ANOTHER: f64 = 1.6;

/// What a series may remember, and what is known of it from before the run.
#[derive(Clone, Debug)]
pub(super) struct Memories {
    /// With each the logarithm of the likelihood of what was before the run.
    each: Vec<(Autoregression, f64)>,
}

impl Memories {
    fn new(each: impl Iterator<Item = Autoregression>) -> Self {
        Self { each: each.map(|memory| (memory, 0.0)).collect() }
    }

    /// Of levels, before there are data.
    pub(super) fn of_levels() -> Self {
        let of = |(phi, belief): (f64, f64)| {
            let noises: &[f64] = if phi > LONG { &[0.0, NOISE] } else { &[0.0] };
            noises.iter().map(move |noise| Autoregression::noisy(phi, *noise, belief / noises.len() as f64))
        };
        Self::new(LEVELS.into_iter().flat_map(of))
    }

    /// Of spreads.
    pub(super) fn of_spreads() -> Self {
        Self::new(SPREADS.into_iter().map(|(phi, belief)| Autoregression::noisy(phi, 0.0, belief)))
    }

    /// Differences of two halves of the baseline from before the run.
    pub(super) fn learn(&mut self, differences: &[f64]) {
        let n = differences.len() as f64;
        for (memory, known) in &mut self.each {
            let square: f64 = memory.news(differences).iter().map(|new| new * new).sum();
            if square > 0.0 {
                *known += memory.ln_likelihood(square, n);
            }
        }
    }

    /// How far each is believed before there are data.
    pub(super) fn beliefs(&self) -> Vec<f64> {
        self.each.iter().map(|(memory, _)| memory.belief).collect()
    }

    /// Regresses a series on each of the shapes; nothing where it is too short or nothing but zeros.
    pub(super) fn regress(&self, series: &Pair, shapes: &[(Shape, f64)]) -> Option<Regressed> {
        let n = series.difference.len();
        if n < FEWEST || series.difference.iter().all(|value| *value == 0.0) {
            return None;
        }
        let values: Vec<Vec<f64>> = shapes.iter().map(|(shape, _)| shape.values(n)).collect();
        let sum = series.is_one_series().then_some(series.sum.as_slice());
        let mut room = Vec::with_capacity(n);
        let of = |(memory, known): &(Autoregression, f64)| {
            let news = News::new(memory, &series.difference, sum);
            let one = |shape: &Vec<f64>| news.regress(memory, shape, *known, &mut room);
            values.iter().map(one).collect::<Vec<(f64, f64)>>()
        };
        Some(Regressed { each: self.each.iter().map(of).collect(), student: Student::new(n as f64 - 1.0) })
    }
}

/// A series regressed on shapes.
#[derive(Debug)]
pub(super) struct Regressed {
    /// Of each memory, for each shape, the logarithm of its likelihood and Student's t.
    each: Vec<Vec<(f64, f64)>>,
    student: Student,
}

impl Regressed {
    /// How far each memory is believed after the run, a change of the first shape left free.
    pub(super) fn posterior(&self, beliefs: &[f64]) -> Vec<f64> {
        let ln: Vec<f64> = self.of(0, beliefs).map(|(ln, _)| ln).collect();
        let whole = ln_sum_exp(ln.iter().copied());
        ln.into_iter().map(|ln| (ln - whole).exp()).collect()
    }

    /// Of each shape the chance that a change like it is not above 0: uniform where there is none.
    pub(super) fn upper_tails(&self, beliefs: &[f64]) -> Vec<f64> {
        let shapes = self.each.first().map_or(0, Vec::len);
        (0..shapes).map(|shape| mean_tail(self.of(shape, beliefs), self.student)).collect()
    }

    /// Of each memory the logarithm of its weight, and Student's t.
    fn of(&self, shape: usize, beliefs: &[f64]) -> impl Iterator<Item = (f64, f64)> + Clone {
        let one =
            move |(memory, belief): (&Vec<(f64, f64)>, &f64)| memory.get(shape).map(|(ln, t)| (ln + belief.ln(), *t));
        self.each.iter().zip(beliefs).filter_map(one)
    }
}

/// The tails of Student's distribution, averaged by the logarithms of their weights.
fn mean_tail(found: impl Iterator<Item = (f64, f64)> + Clone, student: Student) -> f64 {
    let whole = ln_sum_exp(found.clone().map(|(ln, _)| ln));
    let weighed = found.map(|(ln, t)| ((ln - whole).exp(), t)).filter(|(weight, _)| *weight > LEAST);
    let (sum, tail) =
        weighed.fold((0.0, 0.0), |(sum, tail), (weight, t)| (sum + weight, tail + weight * student.upper(t)));
    if sum > 0.0 { (tail / sum).min(1.0) } else { 1.0 }
}

/// The difference of two arms, and their sum about its level, in one unit.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    pub(super) difference: Vec<f64>,
    pub(super) sum: Vec<f64>,
}

impl Pair {
    /// Whether the sum varies as the difference does.
    fn is_one_series(&self) -> bool {
        let of_sum = variance(&self.sum);
        of_sum > 0.0 && of_sum <= ANOTHER * variance(&self.difference)
    }
}

fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n
}

/// The sum of products, in four parts that a processor adds at once.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (fours_a, fours_b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest = fours_a.remainder().iter().zip(fours_b.remainder()).map(|(a, b)| a * b).sum::<f64>();
    let mut sums = [0.0; 4];
    for (a, b) in fours_a.zip(fours_b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f64>() + rest
}

/// What is new under one memory.
struct News {
    difference: Vec<f64>,
    /// Its square.
    all: f64,
    sum: Option<NewsOfSum>,
}

impl News {
    fn new(memory: &Autoregression, difference: &[f64], sum: Option<&[f64]>) -> Self {
        let difference = memory.news(difference);
        let all = dot(&difference, &difference);
        Self { sum: sum.map(|sum| NewsOfSum::new(memory, sum)), difference, all }
    }

    /// The logarithm of the likelihood of the memory, and Student's t of the shape under it; `known` is the likelihood of
    /// what was before. `x` is room to work in.
    fn regress(&self, memory: &Autoregression, shape: &[f64], known: f64, x: &mut Vec<f64>) -> (f64, f64) {
        memory.news_into(shape, x);
        let (y, n) = (&self.difference, shape.len() as f64);
        let (cross, size) = (dot(x, y), dot(x, x));
        let rest = (self.all - cross * cross / size).max(self.all * ROUNDING);
        let t = cross / (size * rest / (n - 1.0)).sqrt();
        let more = self.sum.as_ref().map_or(0.0, |sum| sum.ln_likelihood(memory, x, size));
        (known + memory.ln_likelihood(rest, n - 1.0) - 0.5 * size.ln() + more, t)
    }
}

/// What is new of a sum, and of a level.
struct NewsOfSum {
    sum: Vec<f64>,
    level: Vec<f64>,
    /// Squares and products of both.
    all: f64,
    levels: f64,
    cross: f64,
}

impl NewsOfSum {
    fn new(memory: &Autoregression, sum: &[f64]) -> Self {
        let (sum, level) = (memory.news(sum), memory.news(&vec![1.0; sum.len()]));
        let (all, levels, cross) = (dot(&sum, &sum), dot(&level, &level), dot(&level, &sum));
        Self { sum, level, all, levels, cross }
    }

    /// The logarithm of its likelihood, its level and a change of the shape left free; `size` is the square of the shape.
    fn ln_likelihood(&self, memory: &Autoregression, shape: &[f64], size: f64) -> f64 {
        let (n, along) = (shape.len() as f64, dot(&self.level, shape) / self.levels);
        let rest = self.all - self.cross * self.cross / self.levels;
        // What of the shape is no level.
        let (mut os, mut oo) = (0.0, 0.0);
        for ((shape, level), sum) in shape.iter().zip(&self.level).zip(&self.sum) {
            let other = shape - along * level;
            os += other * sum;
            oo += other * other;
        }
        let floor = self.all * ROUNDING;
        if oo <= ROUNDING * size {
            return memory.ln_likelihood(rest.max(floor), n - 1.0) - 0.5 * self.levels.ln();
        }
        memory.ln_likelihood((rest - os * os / oo).max(floor), n - 2.0) - 0.5 * (self.levels.ln() + oo.ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: u32) -> f64 {
        f64::from(n.wrapping_mul(2_654_435_761) >> 16) / 65_536.0 - 0.5
    }

    fn tail(difference: impl Fn(u32) -> f64, sum: impl Fn(u32) -> f64) -> f64 {
        let pair = Pair { difference: (0..60).map(difference).collect(), sum: (0..60).map(sum).collect() };
        let memories = Memories::of_levels();
        memories.regress(&pair, &[(Shape::Whole, 1.0)]).map_or(1.0, |found| found.upper_tails(&memories.beliefs())[0])
    }

    #[test]
    fn a_shift_of_noise_is_seen_the_better_the_more_is_known_of_its_memory() {
        let shifted = |n: u32| noise(n) + 0.13;
        let (alone, with_sum) = (tail(shifted, |_| f64::NAN), tail(shifted, |n| noise(n + 999)));
        assert!(alone < 0.02 && with_sum < alone, "{alone} {with_sum}");
        assert!(tail(|n| -shifted(n), |n| noise(n + 999)) > 0.95);
        let load = |n: u32| 9.0 * (f64::from(n) / 9.0).sin();
        assert!((tail(shifted, load) - alone).abs() < 1e-12, "load that both share is another series");
    }

    #[test]
    fn a_slow_wander_and_nothing_are_no_shift() {
        assert!(tail(|n| (f64::from(n) / 12.0).sin() + 0.1 * noise(n), |n| (f64::from(n) / 9.0).cos()) > 0.05);
        assert_eq!(tail(|_| 0.0, |_| 0.0), 1.0);
    }
}
