use std::collections::VecDeque;

use super::counts::Tick;

/// Intervals that are remembered.
const WINDOW: usize = 512;
/// Parts of a run that may be "of late".
const PARTS: [f64; 3] = [0.25, 0.5, 0.75];
/// The shortest stretch that is one, or that is before it, and the longest that is called for.
const LATE: (usize, usize) = (8, 120);
/// How much likelier "no more" must be than "as before", on average over the parts: what goes on is taken for healed with a
/// chance of one in so many at most. What was before is itself known with an error only.
const ODDS: f64 = 3.0;

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

/// The same of counts, of which many an interval has none: given the events of both arms the canary's are binomial.
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
            let before = ratio(self.recent.iter().take(early));
            let late = || self.recent.iter().skip(early);
            let gain = ln_likelihood(late(), 1.0) - ln_likelihood(late(), before);
            if sign * before.ln() > 0.0 { gain / dispersion.max(1.0) } else { f64::NEG_INFINITY }
        };
        healed(splits(self.recent.len()).map(ln_ratio))
    }
}

/// The ratio of the rates, with half an event more in each arm.
fn ratio<'a>(ticks: impl Iterator<Item = &'a Tick>) -> f64 {
    let sum = |(a, b, c, d): (f64, f64, f64, f64), tick: &Tick| {
        (a + tick.events.0, b + tick.events.1, c + tick.exposure.0, d + tick.exposure.1)
    };
    let (baseline, canary, exposure, of_canary) = ticks.fold((0.5, 0.5, 0.0, 0.0), sum);
    (canary / of_canary) / (baseline / exposure)
}

fn ln_likelihood<'a>(ticks: impl Iterator<Item = &'a Tick>, ratio: f64) -> f64 {
    let one = |tick: &Tick| {
        let (weight, all) = (ratio * tick.exposure.1 / tick.exposure.0, tick.events.0 + tick.events.1);
        tick.events.1 * ratio.ln() - all * weight.ln_1p()
    };
    ticks.map(one).sum()
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
}
