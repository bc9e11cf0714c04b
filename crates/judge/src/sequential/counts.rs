//! Counts of events in two arms: given the sum of both, the canary's part is binomial with
//! `p(d) = rho e^d / (1 - rho + rho e^d)`, `rho` its share of the exposure and `e^d` the ratio of the
//! rates. Exact for any number of events and for weights that move. A grid of ratios is bet on at once.

use super::starts::Groups;
use super::wealth::Mixture;
use crate::special::ln_sum_exp;

/// Ratios of a grid.
const POINTS: u8 = 14;

/// What was counted in one interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    /// Requests, or time, of the baseline and the canary. Above 0.
    pub exposure: (f64, f64),
    /// Events of the baseline and the canary.
    pub events: (f64, f64),
}

/// Which side of the bound is the null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Null {
    /// The ratio of the rates is at most the bound; wealth grows where it is above.
    AtMost,
    /// The ratio of the rates is at least the bound; wealth grows where it is below.
    AtLeast,
}

/// The ratios that are bet on, as logarithms, and the bound of the null.
#[derive(Clone, Debug)]
pub struct Grid {
    bound: f64,
    points: Vec<f64>,
}

impl Grid {
    /// Against the null that the ratio is at most, or at least, `ratio`. The grid is 10 % off the bound
    /// and on, in steps of 1.35.
    pub fn new(null: Null, ratio: f64) -> Self {
        let bound = ratio.ln();
        let step = |i: u8| (0.1 * 1.35_f64.powi(i32::from(i))).ln_1p();
        let sign = if null == Null::AtMost { 1.0 } else { -1.0 };
        Self { bound, points: (0..POINTS).map(|i| bound + sign * step(i)).collect() }
    }

    /// How many points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The logarithm of the likelihood ratio of one point against the bound.
    pub fn ln_factor(&self, point: usize, tick: &Tick) -> f64 {
        self.points.get(point).map_or(0.0, |d| ln_likelihood(*d, tick) - ln_likelihood(self.bound, tick))
    }

    /// The next tick of a process.
    pub fn bet(&self, wealth: &mut Wealth, tick: &Tick) {
        for (n, ln) in wealth.logs.iter_mut().enumerate() {
            *ln += self.ln_factor(n, tick);
        }
    }

    /// The logarithm of the e-value of all ticks: even mixture over the grid.
    pub fn ln_e(&self, ticks: &[Tick]) -> f64 {
        let sums = (0..self.len()).map(|n| ticks.iter().map(|tick| self.ln_factor(n, tick)).sum::<f64>());
        ln_sum_exp(sums) - (self.len() as f64).ln()
    }
}

/// The money of one e-process, by the points of a grid.
#[derive(Clone, Debug)]
pub struct Wealth {
    logs: [f64; POINTS as usize],
}

impl Default for Wealth {
    fn default() -> Self {
        Self { logs: [0.0; POINTS as usize] }
    }
}

impl Wealth {
    /// The logarithm of the e-value.
    pub fn ln_e(&self) -> f64 {
        ln_sum_exp(self.logs.iter().copied()) - f64::from(POINTS).ln()
    }
}

/// `xB ln p(d) + xA ln(1 - p(d))`.
pub(super) fn ln_likelihood(d: f64, tick: &Tick) -> f64 {
    let odds = tick.exposure.1.ln() - tick.exposure.0.ln() + d;
    // ln p = -ln(1 + e^-odds), ln(1 - p) = -ln(1 + e^odds)
    let soft = |x: f64| if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() };
    -tick.events.1 * soft(-odds) - tick.events.0 * soft(odds)
}

/// Bets on counts, tempered by their dispersion: a likelihood ratio to the power `1/phi`.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    grid: Grid,
    groups: Groups<Mixture>,
}

impl Counted {
    pub(super) fn new(null: Null, ratio: f64) -> Self {
        let grid = Grid::new(null, ratio);
        Self { groups: Groups::new(even(grid.len(), 1)), grid }
    }

    pub(super) fn bet(&mut self, tick: &Tick, dispersion: f64) {
        let grid = &self.grid;
        let factors: Vec<f64> = (0..grid.len()).map(|n| grid.ln_factor(n, tick) / dispersion.max(1.0)).collect();
        self.groups.tick(|starts| even(grid.len(), starts));
        for (_, group) in self.groups.each() {
            group.bet(|n| factors.get(n).copied().unwrap_or(0.0));
        }
    }

    pub(super) fn ln(&self) -> f64 {
        self.groups.ln(Mixture::ln)
    }
}

fn even(n: usize, starts: u32) -> Mixture {
    Mixture::new(std::iter::repeat_n(1.0 / n.max(1) as f64, n), starts)
}

/// The Fano factor: how much more counts vary than a Poisson process. From neighbours in time, so that
/// a level that moves slowly, or once, says little. Begins with a belief.
#[derive(Clone, Debug)]
pub(super) struct Dispersion {
    square: f64,
    mean: f64,
    pairs: f64,
    last: [Option<f64>; 2],
}

/// What is believed of a process that has not been seen: that it is somewhat bursty.
const BELIEF: f64 = 1.5;
/// And that rates differ from one interval to the next by so much, squared, as a part: what is much beside chance
/// where there are many events.
const UNEVEN: f64 = 0.05;
/// How many pairs of points the belief weighs.
const WEIGHT: f64 = 4.0;
/// Standard errors that are added to the excess.
const ERRORS: f64 = 1.5;

impl Default for Dispersion {
    fn default() -> Self {
        Self { square: 0.0, mean: 0.0, pairs: 0.0, last: [None; 2] }
    }
}

impl Dispersion {
    /// The next point of each arm.
    pub(super) fn add(&mut self, arms: [f64; 2]) {
        for (now, last) in arms.into_iter().zip(&mut self.last) {
            if let Some(before) = last.replace(now) {
                self.square += (now - before).powi(2) / 2.0;
                self.mean += f64::midpoint(now, before);
                self.pairs += 1.0;
            }
        }
    }

    /// The factor, at least 1; what is above 1 is taken as the larger the less is known of it.
    pub(super) fn factor(&self) -> f64 {
        let usual = if self.pairs > 0.0 {
            self.mean / self.pairs
        } else {
            self.last.iter().flatten().sum::<f64>() / self.last.len() as f64
        };
        // The belief weighs as many events as so many pairs have, and one at least.
        let events = (usual * WEIGHT).max(1.0);
        let belief = BELIEF + UNEVEN * usual;
        let excess = ((self.square + belief * events) / (self.mean + events) - 1.0).max(0.0);
        1.0 + excess * (1.0 + ERRORS * (2.0 / (self.pairs + WEIGHT)).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(n: usize, exposure: (f64, f64), events: (f64, f64)) -> Vec<Tick> {
        vec![Tick { exposure, events }; n]
    }

    /// Values computed apart from this code.
    #[test]
    fn the_fail_process_has_its_known_values() {
        let grid = Grid::new(Null::AtMost, 1.1);
        let moving = [((950.0, 50.0), (20.0, 3.0)), ((800.0, 200.0), (18.0, 9.0)), ((500.0, 500.0), (10.0, 21.0))]
            .map(|(exposure, events)| Tick { exposure, events });
        for (found, known) in [
            (grid.ln_e(&ticks(5, (1e3, 1e3), (3.0, 6.0))), 1.145_333),
            (grid.ln_e(&ticks(10, (1e3, 1e3), (3.0, 6.0))), 2.668_195),
            (grid.ln_e(&moving), 2.293_745),
        ] {
            assert!((found - known).abs() < 1e-6, "{found} is not {known}");
        }
    }

    #[test]
    fn equal_rates_prove_that_the_ratio_is_below_the_limit() {
        let grid = Grid::new(Null::AtLeast, 1.5);
        assert!(grid.ln_e(&ticks(60, (1.0, 1.0), (30.0, 30.0))) > 20.0);
        assert!(grid.ln_e(&ticks(60, (1.0, 1.0), (20.0, 30.0))) < 1.0);
    }

    #[test]
    fn bursts_are_told_from_chance_and_from_a_step() {
        let factor = |arm: &dyn Fn(usize) -> f64| {
            let mut dispersion = Dispersion::default();
            (0..200).for_each(|n| dispersion.add([arm(n), arm(n + 7)]));
            dispersion.factor()
        };
        assert!(factor(&|n| if n % 10 == 0 { 50.0 } else { 0.0 }) > 20.0);
        assert!(factor(&|n| if n < 100 { 5.0 } else { 50.0 }) < 1.5);
        assert!(Dispersion::default().factor() > BELIEF);
    }
}
