//! When a change may begin. One mixture of bets begins at once, others later, each with its share of
//! the money; what they have to know of the series they learn from what was before them.

use super::wealth::Money;

/// The share of the money that is bet from the first interval on.
const FIRST: f64 = 0.7;
/// Half of the rest begins within so many intervals.
const REACH: f64 = 30.0;
/// Groups of starts: the last begins after about 100,000 intervals.
const MOST: usize = 28;
/// Single starts, each after so many intervals, or after so many of what was before: the last begins after about 20,000.
const SINGLE: (usize, usize, usize) = (64, 4, 8);

/// Part of the money that is not at work before interval `n` (from 1).
fn held(n: usize) -> f64 {
    (1.0 - FIRST) * REACH / (REACH + n as f64)
}

/// Groups of starts, two in each doubling; or single ones, closer together.
#[derive(Clone, Debug)]
pub(super) struct Groups<T> {
    single: bool,
    seen: usize,
    next: usize,
    active: Vec<(f64, T)>,
}

impl<T> Groups<T> {
    pub(super) fn new(first: T) -> Self {
        Self { single: false, seen: 0, next: 4, active: vec![(FIRST, first)] }
    }

    /// Of bets that begin at once each.
    pub(super) fn single(first: T) -> Self {
        Self { single: true, ..Self::new(first) }
    }

    /// Tells that an interval comes; `make` is asked for the group that begins with it, if one does, by
    /// the number of intervals over which its money goes to work.
    pub(super) fn tick(&mut self, make: impl FnOnce(u32) -> T) {
        let most = if self.single { SINGLE.0 } else { MOST };
        if self.seen == self.next && self.active.len() < most {
            let after = self.after();
            let share = held(self.next) - held(after);
            self.active.push((share, make(u32::try_from(after - self.next).unwrap_or(u32::MAX))));
            self.next = after;
        }
        self.seen += 1;
    }

    /// When the group after the next one begins.
    fn after(&self) -> usize {
        let (_, least, part) = SINGLE;
        match self.next {
            next if self.single => next + least.max(next / part),
            // 4, 8, 16, 24, 32, 48, 64, 96, 128, ...
            next if next < 8 => 8,
            next if next.is_power_of_two() && next > 8 => next + next / 2,
            next => (next + 1).next_power_of_two(),
        }
    }

    pub(super) fn each(&mut self) -> impl Iterator<Item = (usize, &mut T)> {
        self.active.iter_mut().map(|(_, group)| group).enumerate()
    }

    /// The money of all, what is held back included.
    pub(super) fn money(&self, of: impl Fn(&T) -> Money) -> Money {
        let waits = if self.active.len() == 1 { 1.0 - FIRST } else { held(self.next) };
        let active = self.active.iter().map(|(share, group)| of(group).times(*share));
        active.fold(Money::new(waits), Money::plus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_money_is_at_work_than_there_is_and_starts_are_bounded() {
        for mut groups in [Groups::new(()), Groups::single(())] {
            for _ in 0..200_000 {
                groups.tick(|_| ());
            }
            let all = groups.money(|()| Money::ONE).ln();
            assert!(all <= 1e-12 && all > -0.05, "{all}");
            assert!(groups.active.len() <= SINGLE.0);
        }
    }

    #[test]
    fn single_starts_lie_close_together() {
        let (mut groups, mut starts) = (Groups::single(()), Vec::new());
        (0..60).for_each(|n| groups.tick(|_| starts.push(n)));
        assert_eq!(starts, [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 45, 50, 56]);
    }
}
