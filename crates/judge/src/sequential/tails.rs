//! Which arm strays far, when one of them does?
//!
//! Only intervals in which exactly one arm is further from its middle than is usual count: by chance
//! each arm is that one as often as the other. Nearly all is bet on the canary.

use super::starts::Groups;
use super::wealth::{Mixture, Money};

/// How many usual strays (robust standard deviations) are far.
const FAR: f64 = 5.0;
/// Parts of the money that are bet, and their shares.
const STAKES: [(f64, f64); 2] = [(0.95, 0.7), (0.6, 0.3)];
const BETTORS: usize = STAKES.len();

/// Bets on which arm strays.
#[derive(Clone, Debug)]
pub(super) struct Tails {
    usual: super::sizes::Sizes,
    groups: Groups<Mixture<BETTORS>>,
}

fn mixture(starts: u32) -> Mixture<BETTORS> {
    Mixture::new(STAKES.map(|(_, share)| share), starts)
}

impl Tails {
    pub(super) fn new() -> Self {
        Self { usual: super::sizes::Sizes::default(), groups: Groups::new(mixture(1)) }
    }

    /// How far the points of an interval stray to the bad side.
    pub(super) fn bet(&mut self, baseline: f64, canary: f64) {
        let (a, b) = (self.usual.scaled(baseline), self.usual.scaled(canary));
        self.groups.tick(mixture);
        let sign = match (a.abs() > FAR, b.abs() > FAR) {
            (true, false) => -1.0,
            (false, true) => 1.0,
            _ => return,
        };
        for (_, group) in self.groups.each() {
            group.bet(&STAKES.map(|(stake, _)| 1.0 + sign * stake));
        }
    }

    /// The e-value.
    pub(super) fn money(&self) -> Money {
        self.groups.money(Mixture::money)
    }
}
