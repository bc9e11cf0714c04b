//! Bets on the sign of a difference whose size is known.
//!
//! If the arms are exchangeable within an interval, a difference that changes its sign when they
//! are swapped is as likely to be positive as negative, whatever its size: that is all that is
//! assumed, so heavy tails, bursts and load that both arms share cost nothing. The bet
//! `f(z) = 2/(1 + exp(-2 theta z))` has mean 1 over both signs of any `z`; it is the likelihood
//! ratio of the sign given the size where a normal difference is shifted by `theta` standard
//! deviations. What sizes say of the shift may be used too, the size at hand included: a shift that is large
//! beside its noise makes them alike. (Conditional two-sample bets: cf. Shekhar and Ramdas, "Nonparametric two-sample
//! testing by betting", 2023.)

use super::memory::Memory;
use super::sizes::Sizes;
use super::starts::Groups;
use super::wealth::{Mixture, Money};

/// How bold the bets are, in standard deviations of the difference, and their shares.
const COURAGE: [(f64, f64); 4] = [(0.12, 0.12), (0.35, 0.25), (1.0, 0.25), (2.5, 0.08)];
/// The share of one who is as bold as sizes say that he should be.
const ADAPTS: f64 = 0.3;
const BETTORS: usize = COURAGE.len() + 1;

/// Bets on a series of differences of which each has either sign alike under the null.
#[derive(Clone, Debug)]
pub(super) struct Signs {
    memory: Option<Memory>,
    last: Option<f64>,
    gap: i32,
    groups: Groups<Group>,
}

/// Bettors who begin together.
#[derive(Clone, Debug)]
struct Group {
    /// What the series is taken to remember; the first group has nothing before it and learns on.
    memory: Option<f64>,
    sizes: Sizes,
    mixture: Mixture<BETTORS>,
}

impl Group {
    fn new(memory: Option<f64>, starts: u32) -> Self {
        let [a, b, c, d] = COURAGE.map(|(_, share)| share);
        Self { memory, sizes: Sizes::default(), mixture: Mixture::new([a, b, c, d, ADAPTS], starts) }
    }
}

impl Signs {
    /// Of levels. What they remember is left to [`super::levels`].
    pub(super) fn of_levels() -> Self {
        Self { memory: None, last: None, gap: 0, groups: Groups::new(Group::new(None, 1)) }
    }

    /// Of spreads, which are followed through what they remember.
    pub(super) fn of_spreads() -> Self {
        Self { memory: Some(Memory::default()), ..Self::of_levels() }
    }

    /// The next difference; nothing for an interval without one. Gives what is new in it, in its usual
    /// size.
    pub(super) fn bet(&mut self, difference: Option<f64>) -> Option<f64> {
        self.gap = self.gap.saturating_add(1);
        let (difference, known) = (difference?, self.memory.as_ref().map_or(0.0, Memory::coefficient));
        self.groups.tick(|starts| Group::new(Some(known), starts));
        let mut first = None;
        for (n, group) in self.groups.each() {
            let kept = group.memory.unwrap_or(known).powi(self.gap.min(1_000));
            let new = self.last.map_or(difference * (1.0 - kept * kept).sqrt(), |last| difference - kept * last);
            let z = group.sizes.scaled(new);
            let [a, b, c, d] = COURAGE.map(|(theta, _)| factor(theta, z));
            group.mixture.bet(&[a, b, c, d, factor(1.0, group.sizes.odds(new))]);
            if n == 0 {
                first = Some(z);
            }
        }
        if let Some(memory) = &mut self.memory {
            memory.add(difference);
        }
        (self.last, self.gap) = (Some(difference), 0);
        first
    }

    /// The e-value.
    pub(super) fn money(&self) -> Money {
        self.groups.money(|group| group.mixture.money())
    }
}

/// `2/(1 + exp(-2 theta z))`.
fn factor(theta: f64, z: f64) -> f64 {
    2.0 / (1.0 + (-2.0 * theta * z).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bet_is_fair_over_both_signs_of_any_size() {
        for (theta, _) in COURAGE {
            for z in [0.0, 0.01, 1.0, 30.0, 1e3] {
                let mean = 0.5 * (factor(theta, z) + factor(theta, -z));
                assert!((mean - 1.0).abs() < 1e-12, "{theta} {z}: {mean}");
            }
        }
    }
}
