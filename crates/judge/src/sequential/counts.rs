//! Counts of events in two arms: given the sum of both, the canary's part is binomial with
//! `p(d) = rho e^d / (1 - rho + rho e^d)`, `rho` its share of the exposure and `e^d` the ratio of the
//! rates. Exact for any number of events and for weights that move. A grid of ratios is bet on at once.

use super::starts::Groups;
use super::wealth::{Money, Pot, powers};
use crate::special::ln_sum_exp;

/// Ratios of a grid.
const POINTS: usize = 14;
/// Up to so many events an interval, which are whole, powers are products.
const FEW: f64 = 64.0;

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

/// The ratios that are bet on, and the bound of the null.
#[derive(Clone, Debug)]
pub struct Grid {
    bound: f64,
    points: [f64; POINTS],
    /// The points over the bound, and their logarithms.
    over: [f64; POINTS],
    ln_over: [f64; POINTS],
}

impl Grid {
    /// Against the null that the ratio is at most, or at least, `ratio`. The grid is 10 % off the bound
    /// and on, in steps of 1.35.
    pub fn new(null: Null, ratio: f64) -> Self {
        let mut step = 0.1 / 1.35;
        let over = [(); POINTS].map(|()| {
            step *= 1.35;
            if null == Null::AtMost { 1.0 + step } else { 1.0 / (1.0 + step) }
        });
        Self { bound: ratio, points: over.map(|over| ratio * over), over, ln_over: over.map(f64::ln) }
    }

    /// By how much all events are likelier at the bound than at the points, where the canary has `weight` times the
    /// exposure of the baseline: `(1 + weight bound)/(1 + weight point)`.
    fn shrunk(&self, weight: f64) -> [f64; POINTS] {
        let bound = 1.0 + weight * self.bound;
        self.points.map(|point| bound / (1.0 + weight * point))
    }

    /// The next tick of a process.
    pub fn bet(&self, wealth: &mut Wealth, tick: &Tick) {
        let (baseline, canary) = tick.events;
        let shrunk = self.shrunk(tick.exposure.1 / tick.exposure.0);
        if baseline + canary <= FEW && baseline.fract() == 0.0 && canary.fract() == 0.0 {
            let mut factors = powers(shrunk, (baseline + canary) as usize);
            let over = powers(self.over, canary as usize);
            factors.iter_mut().zip(over).for_each(|(factor, over)| *factor *= over);
            return wealth.0.bet(&factors);
        }
        wealth.0.bet_ln(&self.ln_factors(&shrunk.map(f64::ln), tick));
    }

    /// Logarithms of the likelihood ratios of the points against the bound.
    fn ln_factors(&self, ln_shrunk: &[f64; POINTS], tick: &Tick) -> [f64; POINTS] {
        let (all, canary) = (tick.events.0 + tick.events.1, tick.events.1);
        let mut out = ln_shrunk.map(|ln| all * ln);
        out.iter_mut().zip(&self.ln_over).for_each(|(out, over)| *out += canary * over);
        out
    }

    /// The logarithm of the e-value of all ticks: even mixture over the grid.
    pub fn ln_e(&self, ticks: &[Tick]) -> f64 {
        let mut sums = [0.0; POINTS];
        for tick in ticks {
            let ln_shrunk = self.shrunk(tick.exposure.1 / tick.exposure.0).map(f64::ln);
            sums.iter_mut().zip(self.ln_factors(&ln_shrunk, tick)).for_each(|(sum, ln)| *sum += ln);
        }
        ln_sum_exp(sums.into_iter()) - (POINTS as f64).ln()
    }
}

/// The money of one e-process, by the points of a grid: 14 numbers and a scale.
#[derive(Clone, Debug)]
pub struct Wealth(Pot<POINTS>);

impl Default for Wealth {
    fn default() -> Self {
        Self(Pot::new([1.0 / POINTS as f64; POINTS]))
    }
}

impl Wealth {
    /// The logarithm of the e-value.
    pub fn ln_e(&self) -> f64 {
        self.0.money().ln()
    }
}

/// Bets on counts, tempered by their dispersion: likelihood ratios to the power `1/phi`, all of them by what is known of `phi`
/// now. With `phi` from 1 on no Poisson process exceeds `1/alpha` more often than alpha, however `phi` moves: the mean of powers
/// is at most the power of the mean (Jensen), which is an e-process to a power of 1 at most.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    grid: Grid,
    /// Logarithms of likelihood ratios since a start.
    groups: Groups<[f64; POINTS]>,
    dispersion: f64,
    /// The weight of the canary at the last tick, and logarithms that rest on it.
    known: (f64, [f64; POINTS]),
}

impl Counted {
    pub(super) fn new(null: Null, ratio: f64) -> Self {
        let known = (f64::NAN, [0.0; POINTS]);
        Self { grid: Grid::new(null, ratio), groups: Groups::single([0.0; POINTS]), dispersion: 1.0, known }
    }

    /// The next tick, and the Fano factor of all so far.
    pub(super) fn bet(&mut self, tick: &Tick, dispersion: f64) {
        let weight = tick.exposure.1 / tick.exposure.0;
        if weight != self.known.0 {
            self.known = (weight, self.grid.shrunk(weight).map(f64::ln));
        }
        let ln_factors = self.grid.ln_factors(&self.known.1, tick);
        self.dispersion = dispersion.max(1.0);
        self.groups.tick(|_| [0.0; POINTS]);
        for (_, sums) in self.groups.each() {
            sums.iter_mut().zip(&ln_factors).for_each(|(sum, ln)| *sum += ln);
        }
    }

    pub(super) fn money(&self) -> Money {
        self.groups.money(|sums| {
            let most = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let powers = sums.iter().map(|sum| ((sum - most) / self.dispersion).exp());
            Money::exp(most / self.dispersion).times(powers.sum::<f64>() / POINTS as f64)
        })
    }
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
const BELIEF: f64 = 1.3;
/// And that rates differ from one interval to the next by so much, squared, as a part: what is much beside chance
/// where there are many events.
const UNEVEN: f64 = 0.05;
/// How many pairs of points the belief weighs.
const WEIGHT: f64 = 4.0;
/// Standard errors that are added to the excess.
const ERRORS: f64 = 1.0;

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
    fn a_process_has_the_e_value_of_its_ticks() {
        let grid = Grid::new(Null::AtMost, 1.1);
        for (exposure, events, n) in [
            ((700.0, 300.0), (3.0, 4.0), 50),
            ((700.0, 300.0), (3.5, 0.25), 50),
            ((1.0, 1.0), (40.0, 400.0), 30),
            ((1.0, 1.0), (4e5, 1e5), 10),
        ] {
            let (ticks, mut wealth) = (ticks(n, exposure, events), Wealth::default());
            ticks.iter().for_each(|tick| grid.bet(&mut wealth, tick));
            let (found, known) = (wealth.ln_e(), grid.ln_e(&ticks));
            assert!((found - known).abs() <= 1e-9 * known.abs().max(1.0), "{events:?}: {found} is not {known}");
        }
    }

    #[test]
    fn equal_rates_prove_that_the_ratio_is_below_the_limit() {
        let grid = Grid::new(Null::AtLeast, 1.5);
        assert!(grid.ln_e(&ticks(60, (1.0, 1.0), (30.0, 30.0))) > 20.0);
        assert!(grid.ln_e(&ticks(60, (1.0, 1.0), (20.0, 30.0))) < 1.0);
    }

    #[test]
    fn all_ticks_are_tempered_by_what_is_known_of_bursts_now() {
        let ln = |before: f64, now: f64| {
            let mut counted = Counted::new(Null::AtMost, 1.1);
            let tick = Tick { exposure: (1.0, 1.0), events: (3.0, 9.0) };
            (0..11).for_each(|_| counted.bet(&tick, before));
            counted.bet(&tick, now);
            counted.money().ln()
        };
        let (sure, calm, wild) = (ln(1.0, 1.0), ln(4.0, 1.0), ln(1.0, 4.0));
        assert_eq!(calm, sure);
        assert!(wild > 0.0 && wild < 0.5 * sure, "{wild} {sure}");
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
