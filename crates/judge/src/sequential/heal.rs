use std::collections::VecDeque;
use std::f64::consts::TAU;

use super::counts::Tick;
use crate::special::ln_sum_exp;

/// Intervals that are remembered.
const WINDOW: usize = 512;
/// Parts of a run that may be "of late".
const PARTS: [f64; 3] = [0.25, 0.5, 0.75];
/// The shortest stretch that is one, or that is before it, and the longest that is called for.
const LATE: (usize, usize) = (8, 120);
/// How much likelier "no more" must be than "as before", on average over the parts: what goes on is taken for healed with a
/// chance of one in so many at most. What was before is itself known with an error only.
const ODDS: f64 = 3.0;
/// Steps of a sum over what a ratio may be, in standard errors, and how many to either side.
const NODE: f64 = 0.5;
const NODES: i32 = 12;

/// Of each part how many intervals are before it, where both have enough.
fn splits(n: usize) -> impl Iterator<Item = usize> {
    let most = move |part: f64| if part > PARTS[0] { n } else { LATE.1 };
    let late = move |part: f64| ((part * n as f64) as usize).min(most(part)).max(LATE.0);
    PARTS.into_iter().filter_map(move |part| n.checked_sub(late(part)).filter(|early| *early >= LATE.0))
}

/// Whether likelihood ratios of "no more" against "as before" say that it has healed.
fn healed(ln_ratios: impl Iterator<Item = f64>) -> bool {
    ln_ratios.map(f64::exp).sum::<f64>() >= ODDS * PARTS.len() as f64
}

/// Whether what was seen has healed. A canary that was worse while it warmed up and no longer is should
/// not be stopped: of late, "no difference" is then likelier than "the difference from before".
#[derive(Clone, Debug, Default)]
pub(super) struct Healing {
    recent: VecDeque<f64>,
}

impl Healing {
    /// The next difference; above 0 where the canary is worse.
    pub(super) fn add(&mut self, difference: f64) {
        if self.recent.len() == WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(difference);
    }

    /// Whether it has healed; `inflation` is by how much sums of differences vary more than if each stood
    /// alone.
    pub(super) fn healed(&self, inflation: f64) -> bool {
        let mean = |values: &mut dyn Iterator<Item = &f64>, n: usize| values.sum::<f64>() / n as f64;
        let ln_ratio = |early: usize| {
            let late = self.recent.len() - early;
            let before = mean(&mut self.recent.iter().take(early), early);
            let now = mean(&mut self.recent.iter().skip(early), late);
            let square: f64 = self.recent.iter().skip(early).map(|value| (value - now).powi(2)).sum();
            let variance = square / (late as f64 - 1.0) * inflation.max(1.0);
            if before > 0.0 { ln_no_more(before, now, early as f64, late as f64, variance) } else { f64::NEG_INFINITY }
        };
        healed(splits(self.recent.len()).map(ln_ratio))
    }
}

/// The logarithm of how much likelier a mean of `late` values is under "not above 0" than under "as before", of which
/// the mean of `early` values tells with its error: normal, with the variance of one value.
fn ln_no_more(before: f64, now: f64, early: f64, late: f64, variance: f64) -> f64 {
    if variance <= 0.0 {
        return if now <= 0.0 { f64::INFINITY } else { f64::NEG_INFINITY };
    }
    let (own, both) = (1.0 / late, 1.0 / late + 1.0 / early);
    let off = |mean: f64, part: f64| mean * mean / (2.0 * part * variance);
    0.5 * (both / own).ln() - off(now.max(0.0), own) + off(now - before, both)
}

/// The same of counts, of which many an interval has none: given the events of both arms the canary's are binomial. What was
/// before is known with its error here too.
#[derive(Clone, Debug, Default)]
pub(super) struct CountsHealing {
    recent: VecDeque<Tick>,
}

impl CountsHealing {
    pub(super) fn add(&mut self, tick: Tick) {
        if self.recent.len() == WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(tick);
    }

    /// Whether it has healed; `sign` is 1 where more is worse, `dispersion` how much more than by chance counts vary.
    pub(super) fn healed(&self, sign: f64, dispersion: f64) -> bool {
        let ln_ratio = |early: usize| {
            let before = Ratio::of(self.recent.iter().take(early), dispersion.max(1.0));
            let late = Late::of(self.recent.iter().skip(early), dispersion.max(1.0));
            if sign * before.ln > 0.0 { late.ln_likelihood(0.0) - before.ln_mean(&late) } else { f64::NEG_INFINITY }
        };
        healed(splits(self.recent.len()).map(ln_ratio))
    }
}

/// What events tell of the ratio of the rates: its logarithm is normal, about that of the rates with half an event more in each
/// arm.
struct Ratio {
    ln: f64,
    error: f64,
}

impl Ratio {
    fn of<'a>(ticks: impl Iterator<Item = &'a Tick>, dispersion: f64) -> Self {
        let sum = |(a, b, c, d): (f64, f64, f64, f64), tick: &Tick| {
            (a + tick.events.0, b + tick.events.1, c + tick.exposure.0, d + tick.exposure.1)
        };
        let (baseline, canary, exposure, of_canary) = ticks.fold((0.5, 0.5, 0.0, 0.0), sum);
        let ln = ((canary / of_canary) / (baseline / exposure)).ln();
        Self { ln, error: (dispersion * (1.0 / baseline + 1.0 / canary)).sqrt() }
    }

    /// The logarithm of the mean likelihood of later events, by a sum over where both agree.
    fn ln_mean(&self, late: &Late) -> f64 {
        let (own, other) = (self.error.powi(-2), late.ratio.error.powi(-2));
        let middle = (own * self.ln + other * late.ratio.ln) / (own + other);
        let step = NODE / (own + other).sqrt();
        let density = |ln: f64| -0.5 * ((ln - self.ln) / self.error).powi(2) - (self.error * TAU.sqrt()).ln();
        let at = |n: i32| middle + f64::from(n) * step;
        let node = |n: i32| density(at(n)) + late.ln_likelihood(at(n));
        ln_sum_exp((-NODES..=NODES).map(node)) + step.ln()
    }
}

/// Events later on. Neighbours with one weight are one.
struct Late {
    /// Of each the canary's weight, its events, and those of both.
    each: Vec<(f64, f64, f64)>,
    ratio: Ratio,
    dispersion: f64,
}

impl Late {
    fn of<'a>(ticks: impl Iterator<Item = &'a Tick> + Clone, dispersion: f64) -> Self {
        let ratio = Ratio::of(ticks.clone(), dispersion);
        let mut each: Vec<(f64, f64, f64)> = Vec::new();
        for Tick { exposure, events } in ticks {
            let weight = exposure.1 / exposure.0;
            match each.last_mut() {
                Some((of, canary, all)) if *of == weight => {
                    (*canary, *all) = (*canary + events.1, *all + events.0 + events.1);
                }
                _ => each.push((weight, events.1, events.0 + events.1)),
            }
        }
        Self { each, ratio, dispersion }
    }

    /// The logarithm of their likelihood where the logarithm of the ratio of the rates is `ln`.
    fn ln_likelihood(&self, ln: f64) -> f64 {
        let ratio = ln.exp();
        // Where there are no events a ratio may be beyond all numbers.
        let of_all = |weight: f64, all: f64| if all > 0.0 { all * (weight * ratio).ln_1p() } else { 0.0 };
        let one = |(weight, canary, all): &(f64, f64, f64)| canary * ln - of_all(*weight, *all);
        self.each.iter().map(one).sum::<f64>() / self.dispersion
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healed(values: impl Iterator<Item = f64>) -> bool {
        let mut healing = Healing::default();
        values.enumerate().for_each(|(n, value)| healing.add(value + if n % 2 == 0 { 0.1 } else { -0.1 }));
        healing.healed(1.0)
    }

    #[test]
    fn only_what_is_over_has_healed() {
        let bump = |from: usize, to: usize| (0..60).map(move |n| if n >= from && n < to { 0.8 } else { 0.0 });
        assert!(healed(bump(0, 8)) && healed(bump(0, 30)));
        assert!(!healed(bump(0, 60)) && !healed(bump(40, 60)) && !healed(bump(0, 0)));
        assert!(!healed(bump(0, 8).take(12)), "too soon to say");
    }

    #[test]
    fn counts_have_healed_where_they_are_alike_again() {
        let healed = |canary: fn(usize) -> f64, sign: f64| {
            let mut healing = CountsHealing::default();
            let tick =
                |n: usize| Tick { exposure: (1.0, 1.0), events: (f64::from(u8::from(n.is_multiple_of(2))), canary(n)) };
            (0..60).for_each(|n| healing.add(tick(n)));
            healing.healed(sign, 1.2)
        };
        let some = |n: usize| f64::from(u8::from(n % 2 == 1));
        assert!(healed(|n| if n < 12 { 6.0 } else { f64::from(u8::from(n % 2 == 1)) }, 1.0));
        assert!(!healed(|_| 2.0, 1.0) && !healed(some, 1.0) && !healed(|n| if n < 45 { 0.0 } else { 3.0 }, 1.0));
        assert!(!healed(|n| if n < 12 { 6.0 } else { 0.0 }, -1.0), "fewer than before is another change");
    }

    #[test]
    fn counts_that_go_on_at_less_than_what_few_events_said_have_not_healed() {
        let healed = |late: f64| {
            let mut healing = CountsHealing::default();
            let early = |n: usize| (f64::from(u8::from(n == 7)), f64::from(u8::from(n.is_multiple_of(2) && n < 14)));
            let tick = |n: usize| Tick { exposure: (1.0, 1.0), events: if n < 15 { early(n) } else { (1.0, late) } };
            (0..60).for_each(|n| healing.add(tick(n)));
            healing.healed(1.0, 1.0)
        };
        assert!(!healed(2.0), "seven events of the canary to one are no proof of five times as many");
        assert!(healed(1.0));
    }
}
