//! What is made of the numbers of a window, piece by piece.

use crate::ast::RangeOp;

/// What is kept of some numbers, so that pieces can be put together in order of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Partial {
    count: f64,
    /// The sum, mean, least, greatest or increase.
    value: f64,
    /// The sum of squared distances from the mean.
    spread: f64,
    first: (i64, f64),
    last: (i64, f64),
}

/// How pieces are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    Sum,
    Mean,
    Least,
    Greatest,
    Spread,
    /// First, last and how far a counter went up.
    Ends,
}

impl Fold {
    /// Of which kind an aggregation is; none for one that needs all numbers.
    pub(super) fn of(op: RangeOp) -> Option<Self> {
        Some(match op {
            RangeOp::Rate
            | RangeOp::CountOverTime
            | RangeOp::BytesOverTime
            | RangeOp::BytesRate
            | RangeOp::AbsentOverTime
            | RangeOp::SumOverTime => Self::Sum,
            RangeOp::AvgOverTime => Self::Mean,
            RangeOp::MinOverTime => Self::Least,
            RangeOp::MaxOverTime => Self::Greatest,
            RangeOp::StddevOverTime | RangeOp::StdvarOverTime => Self::Spread,
            RangeOp::RateCounter | RangeOp::FirstOverTime | RangeOp::LastOverTime => Self::Ends,
            RangeOp::QuantileOverTime => return None,
        })
    }

    pub(super) fn one(ts: i64, value: f64) -> Partial {
        Partial { count: 1.0, value, spread: 0.0, first: (ts, value), last: (ts, value) }
    }

    /// A later piece behind an earlier one.
    pub(super) fn join(self, a: &Partial, b: &Partial) -> Partial {
        let count = a.count + b.count;
        let (value, spread) = match self {
            Self::Sum => (a.value + b.value, 0.0),
            Self::Mean => (mean(a, b, count), 0.0),
            Self::Spread => {
                let distance = b.value - a.value;
                (mean(a, b, count), a.spread + b.spread + distance * distance * a.count * b.count / count)
            }
            Self::Least => (if b.value < a.value || a.value.is_nan() { b.value } else { a.value }, 0.0),
            Self::Greatest => (if b.value > a.value || a.value.is_nan() { b.value } else { a.value }, 0.0),
            // For a counter the value is what its resets lost.
            Self::Ends => {
                let lost = |piece: &Partial| if piece.count > 1.0 { piece.value } else { 0.0 };
                let reset = if b.first.1 < a.last.1 { a.last.1 } else { 0.0 };
                (lost(a) + lost(b) + reset, 0.0)
            }
        };
        Partial { count, value, spread, first: a.first, last: b.last }
    }
}

/// The mean of both, in a form that does not overflow, and keeps an infinite mean.
fn mean(a: &Partial, b: &Partial, count: f64) -> f64 {
    if a.value.is_infinite() && !b.value.is_nan() && !(b.value.is_infinite() && a.value != b.value) {
        return a.value;
    }
    a.value + (b.value / count - a.value / count) * b.count
}

/// The number that an aggregation gives, of a range of so many seconds.
pub(super) fn result(op: RangeOp, whole: &Partial, seconds: f64) -> f64 {
    match op {
        RangeOp::Rate | RangeOp::BytesRate => whole.value / seconds,
        RangeOp::StdvarOverTime => whole.spread / whole.count,
        RangeOp::StddevOverTime => (whole.spread / whole.count).sqrt(),
        RangeOp::FirstOverTime => whole.first.1,
        RangeOp::LastOverTime => whole.last.1,
        RangeOp::RateCounter => counter_rate(whole, seconds),
        _ => whole.value,
    }
}

/// The increase by second of a counter, as Loki extrapolates it: the range is taken to begin its own
/// length before the first number and to end with the last, and a counter not to have been below zero.
fn counter_rate(whole: &Partial, seconds: f64) -> f64 {
    if whole.count < 2.0 {
        return 0.0;
    }
    let increase = whole.last.1 - whole.first.1 + whole.value;
    let sampled = (whole.last.0.saturating_sub(whole.first.0) / 1_000_000) as f64 / 1000.0;
    let between = sampled / (whole.count - 1.0);
    let mut before = seconds;
    if increase > 0.0 && whole.first.1 >= 0.0 {
        before = before.min(sampled * (whole.first.1 / increase));
    }
    let extended = sampled + if before < between * 1.1 { before } else { between / 2.0 };
    increase * (extended / sampled) / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(fold: Fold, values: &[f64], cut: usize) -> Partial {
        let pieces: Vec<Partial> =
            values.iter().enumerate().map(|(at, value)| Fold::one(at as i64 * 1_000_000_000, *value)).collect();
        let join = |pieces: &[Partial]| pieces.iter().copied().reduce(|a, b| fold.join(&a, &b)).unwrap();
        if cut == 0 { join(&pieces) } else { fold.join(&join(&pieces[..cut]), &join(&pieces[cut..])) }
    }

    #[test]
    fn pieces_make_the_same_wherever_they_are_cut() {
        let values = [3.0, 5.0, 1.0, 4.0, 9.0, 2.0];
        for (op, expected) in [
            (RangeOp::SumOverTime, 24.0),
            (RangeOp::AvgOverTime, 4.0),
            (RangeOp::MinOverTime, 1.0),
            (RangeOp::MaxOverTime, 9.0),
            (RangeOp::StdvarOverTime, 40.0 / 6.0),
            (RangeOp::FirstOverTime, 3.0),
            (RangeOp::LastOverTime, 2.0),
        ] {
            let fold = Fold::of(op).unwrap();
            for cut in 0..values.len() {
                let found = result(op, &whole(fold, &values, cut), 10.0);
                assert!((found - expected).abs() < 1e-9, "{op:?} cut at {cut}: {found}");
            }
        }
        for cut in 0..values.len() {
            // It went up by 2, was lost twice (5 and 9), and ends at 2: 13 in all.
            let piece = whole(Fold::Ends, &values, cut);
            assert_eq!((piece.last.1 - piece.first.1 + piece.value, piece.value), (13.0, 14.0), "{cut}");
        }
    }

    #[test]
    fn an_infinite_mean_stays() {
        let found = whole(Fold::Mean, &[1.0, f64::INFINITY, 2.0, f64::INFINITY], 0);
        assert_eq!(result(RangeOp::AvgOverTime, &found, 1.0), f64::INFINITY);
    }
}
