//! The numbers of a series that are within the range of a step.

use std::collections::VecDeque;

use super::fold::{Fold, Partial, result};
use super::sorted::Sorted;
use crate::ast::RangeOp;

/// A window that moves on. Numbers that go out of it at the same step are one piece, and two stacks of
/// pieces make what a step costs independent of how much is in its range: on the one each piece is put
/// together with all later ones of the stack, on the other new pieces come, put together as they come.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// The oldest last.
    front: Vec<(usize, Partial)>,
    back: Vec<(usize, Partial)>,
    back_whole: Option<Partial>,
}

impl Pieces {
    /// Takes a number that goes out at step `until`; gives whether it makes a piece of its own.
    fn add(&mut self, fold: Fold, until: usize, ts: i64, value: f64) -> bool {
        let one = Fold::one(ts, value);
        self.back_whole = Some(self.back_whole.map_or(one, |whole| fold.join(&whole, &one)));
        match self.back.last_mut() {
            Some((last, piece)) if *last == until => {
                *piece = fold.join(piece, &one);
                false
            }
            _ => {
                self.back.push((until, one));
                true
            }
        }
    }

    /// Lets go of what is no more within the range of a step; gives how many pieces.
    fn leave(&mut self, fold: Fold, step: usize) -> usize {
        let mut gone = 0;
        loop {
            if self.front.is_empty() {
                self.turn(fold);
            }
            match self.front.last() {
                Some((until, _)) if *until <= step => {
                    self.front.pop();
                    gone += 1;
                }
                _ => return gone,
            }
        }
    }

    fn turn(&mut self, fold: Fold) {
        let mut later: Option<Partial> = None;
        for (until, piece) in self.back.drain(..).rev() {
            let whole = later.map_or(piece, |later| fold.join(&piece, &later));
            later = Some(whole);
            self.front.push((until, whole));
        }
        self.back_whole = None;
    }

    fn whole(&self, fold: Fold) -> Option<Partial> {
        match (self.front.last(), &self.back_whole) {
            (Some((_, older)), Some(newer)) => Some(fold.join(older, newer)),
            (Some((_, whole)), None) | (None, Some(whole)) => Some(*whole),
            (None, None) => None,
        }
    }
}

/// The window of a series.
#[derive(Debug)]
pub(super) enum Window {
    Pieces(Fold, Pieces),
    /// All numbers, for a quantile.
    All {
        quantile: f64,
        entries: VecDeque<(usize, f64)>,
        sorted: Sorted,
    },
}

impl Window {
    pub(super) fn new(op: RangeOp, param: Option<f64>) -> Self {
        match Fold::of(op) {
            Some(fold) => Self::Pieces(fold, Pieces::default()),
            None => {
                Self::All { quantile: param.unwrap_or(f64::NAN), entries: VecDeque::new(), sorted: Sorted::default() }
            }
        }
    }

    /// Takes a number that goes out at step `until`; gives how many more numbers are held.
    pub(super) fn add(&mut self, until: usize, ts: i64, value: f64) -> usize {
        match self {
            Self::Pieces(fold, pieces) => usize::from(pieces.add(*fold, until, ts, value)),
            Self::All { entries, sorted, .. } => {
                entries.push_back((until, value));
                sorted.insert(value);
                1
            }
        }
    }

    /// Lets go of what is no more within the range of a step; gives how many numbers.
    pub(super) fn leave(&mut self, step: usize) -> usize {
        match self {
            Self::Pieces(fold, pieces) => pieces.leave(*fold, step),
            Self::All { entries, sorted, .. } => {
                let mut gone = 0;
                while let Some((_, value)) = entries.front().copied().filter(|(until, _)| *until <= step) {
                    entries.pop_front();
                    sorted.remove(value);
                    gone += 1;
                }
                gone
            }
        }
    }

    /// What the numbers give; none without numbers.
    pub(super) fn result(&self, op: RangeOp, seconds: f64) -> Option<f64> {
        match self {
            Self::Pieces(fold, pieces) => pieces.whole(*fold).map(|whole| result(op, &whole, seconds)),
            Self::All { quantile, sorted, .. } => sorted.quantile(*quantile),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moving_window_gives_what_its_numbers_give() {
        let rng = base::Rng::seeded(7);
        for op in [RangeOp::SumOverTime, RangeOp::MinOverTime, RangeOp::LastOverTime, RangeOp::QuantileOverTime] {
            let mut window = Window::new(op, Some(0.5));
            let mut plain: Vec<(usize, f64)> = Vec::new();
            for step in 0..500 {
                window.leave(step);
                plain.retain(|(until, _)| *until > step);
                for _ in 0..rng.below(4) {
                    let value = rng.below(100) as f64;
                    // What comes later goes out no earlier.
                    let until = step + 9;
                    window.add(until, step as i64, value);
                    plain.push((until, value));
                }
                let mut values: Vec<f64> = plain.iter().map(|(_, value)| *value).collect();
                let expected = match op {
                    RangeOp::SumOverTime => (!values.is_empty()).then(|| values.iter().sum()),
                    RangeOp::MinOverTime => values.iter().copied().reduce(f64::min),
                    RangeOp::LastOverTime => values.last().copied(),
                    _ => {
                        values.sort_by(f64::total_cmp);
                        let middle = values.len().saturating_sub(1) as f64 / 2.0;
                        let at = |place: f64| values.get(place as usize).copied();
                        at(middle.floor()).zip(at(middle.ceil())).map(|(a, b)| f64::midpoint(a, b))
                    }
                };
                assert_eq!(window.result(op, 1.0), expected, "{op:?} at {step}");
            }
        }
    }
}
