//! What the sum of both arms says of what their difference remembers.
//!
//! Where both arms stand alone, alike and apart from each other, their sum is a series like their difference, about a level
//! of its own. With a chance of [`SAME`] it is taken to have the same memory, else another: the likelihood of a memory `k` is
//! then times `SAME L_k / L + 1 - SAME`, `L_k` that of the sum under `k`, level and spread integrated out, and `L` the mean of
//! all by belief. A sum that varies much more than the difference has load that both share in it, is another series, and
//! says nothing.

use super::autoregression::{KINDS, MEMORIES, filter};
use crate::special::ln_sum_exp;

/// How far it is believed that the sum remembers what the difference does.
const SAME: f64 = 0.85;
/// A sum that varies so much more than the difference is of another series.
const ANOTHER: f64 = 1.6;
/// Fewer sums say nothing.
const FEWEST: usize = 3;
/// Sums that the middle is taken from.
const WINDOW: usize = 240;
/// A sum further from the middle than so many robust standard deviations counts as so far, from so many sums on.
const CLIP: (f64, usize) = (5.0, 6);
/// The distance of quartiles in standard deviations.
const QUARTILES: f64 = 1.349;
/// What is left of a series that a level explains entirely, as a part.
const ROUNDING: f64 = 1e-12;

/// The sums so far, under each memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    sorted: Vec<f64>,
    origin: f64,
    last: Option<f64>,
    n: usize,
    varies: Variance,
    /// What is new in the sums, and in a level.
    new: [f64; KINDS],
    level: [f64; KINDS],
    squares: [f64; KINDS],
    levels: [f64; KINDS],
    cross: [f64; KINDS],
}

/// The variance of a series about its mean (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Variance {
    n: f64,
    mean: f64,
    square: f64,
}

impl Variance {
    pub(super) fn add(&mut self, value: f64) {
        self.n += 1.0;
        let off = value - self.mean;
        self.mean += off / self.n;
        self.square += off * (value - self.mean);
    }

    fn variance(&self) -> f64 {
        if self.n > 0.0 { self.square / self.n } else { 0.0 }
    }
}

impl Sums {
    /// The logarithm of the next sum.
    pub(super) fn add(&mut self, raw: f64) {
        if self.n == 0 {
            self.origin = raw;
        }
        let sum = self.clipped(raw - self.origin);
        filter(&mut self.new, sum, self.last);
        filter(&mut self.level, 1.0, self.last.map(|_| 1.0));
        let sums = self.squares.iter_mut().zip(self.levels.iter_mut().zip(&mut self.cross));
        for ((new, level), (square, (levels, cross))) in self.new.iter().zip(&self.level).zip(sums) {
            *square += new * new;
            *levels += level * level;
            *cross += level * new;
        }
        self.varies.add(sum);
        self.last = Some(sum);
        self.n += 1;
    }

    fn clipped(&mut self, sum: f64) -> f64 {
        if self.sorted.len() < WINDOW {
            let at = self.sorted.partition_point(|other| *other < sum);
            self.sorted.insert(at, sum);
        }
        let part = |of: usize| self.sorted.get(self.sorted.len() * of / 4).copied().unwrap_or(sum);
        let most = CLIP.0 * (part(3) - part(1)) / QUARTILES;
        if self.sorted.len() < CLIP.1 { sum } else { sum.clamp(part(2) - most, part(2) + most) }
    }

    /// Of each memory the logarithm of the factor of its likelihood; `difference` is how the difference varies.
    pub(super) fn ln_weights(&self, difference: &Variance) -> [f64; KINDS] {
        let mut rests = self.squares;
        rests.iter_mut().zip(self.cross.iter().zip(&self.levels)).for_each(|(rest, (cross, level))| {
            *rest -= cross * cross / level;
        });
        let left = |(rest, square): (&f64, &f64)| *rest > ROUNDING * square;
        let another = self.varies.variance() > ANOTHER * difference.variance();
        if another || self.n < FEWEST || !rests.iter().zip(&self.squares).all(left) {
            return [0.0; KINDS];
        }
        let mut out = [0.0; KINDS];
        for ((out, memory), (rest, level)) in out.iter_mut().zip(&MEMORIES).zip(rests.iter().zip(&self.levels)) {
            *out = memory.ln_likelihood(*rest, self.n as f64 - 1.0) - 0.5 * level.ln();
        }
        let all = ln_sum_exp(out.iter().zip(&MEMORIES).map(|(ln, memory)| ln + memory.belief.ln()));
        out.map(|ln| (SAME * (ln - all).exp() + 1.0 - SAME).ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: u32) -> f64 {
        f64::from(n.wrapping_mul(2_654_435_761) >> 16) / 65_536.0 - 0.5
    }

    fn weights(of: impl Fn(u32) -> f64, wide: f64) -> [f64; KINDS] {
        let (mut sums, mut difference) = (Sums::default(), Variance::default());
        for n in 0..40 {
            sums.add(of(n));
            difference.add(wide * noise(n + 900));
        }
        sums.ln_weights(&difference)
    }

    #[test]
    fn the_memory_of_the_sum_is_believed_and_another_never_ruled_out() {
        let (white, slow) = (weights(noise, 2.0), weights(|n| (f64::from(n) / 9.0).sin(), 9.0));
        assert!(white[0] > 0.5 && slow[0] < white[0] && slow[7] > white[7], "{white:?} {slow:?}");
        assert!(white.iter().chain(&slow).all(|weight| *weight >= (1.0 - SAME).ln() - 1e-9));
        assert_eq!(weights(|n| 9.0 * noise(n), 1.0), [0.0; KINDS], "load that both share is another series");
        assert_eq!(weights(|_| 3.0, 1.0), [0.0; KINDS], "what is constant says nothing");
    }

    #[test]
    fn a_spike_is_no_proof_that_nothing_is_remembered() {
        let slow = |n: u32| (f64::from(n) / 9.0).sin();
        let spiked = weights(|n| if n == 20 { 1e3 } else { slow(n) }, 30.0);
        assert!(spiked[6] > spiked[0], "{spiked:?}");
    }
}
