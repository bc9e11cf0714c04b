//! When a change may begin. One mixture of bets begins at once, others later, each with its share of
//! the money; what they have to know of the series they learn from what was before them.

use super::wealth::Money;

/// The share of the money that is bet from the first interval on.
const FIRST: f64 = 0.7;
/// Half of the rest begins within so many intervals.
const REACH: f64 = 30.0;
/// Groups of starts: the last begins after about 100,000 intervals.
const MOST: usize = 28;

/// Part of the money that is not at work before interval `n` (from 1).
fn held(n: usize) -> f64 {
    (1.0 - FIRST) * REACH / (REACH + n as f64)
}

/// Groups of starts, two in each doubling.
#[derive(Clone, Debug)]
pub(super) struct Groups<T> {
    seen: usize,
    next: usize,
    active: Vec<(f64, T)>,
}

impl<T> Groups<T> {
    pub(super) fn new(first: T) -> Self {
        Self { seen: 0, next: 4, active: vec![(FIRST, first)] }
    }

    /// Tells that an interval comes; `make` is asked for the group that begins with it, if one does, by
    /// the number of intervals over which its money goes to work.
    pub(super) fn tick(&mut self, make: impl FnOnce(u32) -> T) {
        if self.seen == self.next && self.active.len() < MOST {
            // 4, 8, 16, 24, 32, 48, 64, 96, 128, ...
            let after = if self.next < 8 {
                8
            } else if self.next.is_power_of_two() && self.next > 8 {
                self.next + self.next / 2
            } else {
                (self.next + 1).next_power_of_two()
            };
            let share = held(self.next) - held(after);
            self.active.push((share, make(u32::try_from(after - self.next).unwrap_or(u32::MAX))));
            self.next = after;
        }
        self.seen += 1;
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
