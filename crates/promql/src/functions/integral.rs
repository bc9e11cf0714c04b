use super::over_time::numbers;
use super::ranges::{RangeContext, Window};
use crate::annotations::Note;
use crate::histogram::kahan;
use crate::value::Value;

/// Which value holds between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// That of the first.
    Left,
    /// That of the second.
    Right,
    /// What lies in the middle.
    Trapezoidal,
}

impl Rule {
    fn of(number: f64) -> Option<Self> {
        match number {
            0.0 => Some(Self::Left),
            1.0 => Some(Self::Right),
            2.0 => Some(Self::Trapezoidal),
            _ => None,
        }
    }

    /// What holds between two values, and what of it is lost to rounding.
    fn between(self, before: f64, value: f64) -> (f64, f64) {
        match self {
            Self::Left => (before, 0.0),
            Self::Right => (value, 0.0),
            Self::Trapezoidal => {
                let (sum, rest) = kahan(value, before, 0.0);
                if sum.is_infinite() && value.is_finite() && before.is_finite() {
                    return kahan(value / 2.0, before / 2.0, 0.0);
                }
                (sum / 2.0, rest / 2.0)
            }
        }
    }
}

/// The area under numbers from the first to the last, over seconds; what is no number counts as zero.
pub(super) fn integral(context: &RangeContext<'_>, window: &Window<'_>, params: &[f64]) -> Option<Value> {
    let floats = numbers(context, window)?;
    let rule = params.first().map_or(Some(Rule::Trapezoidal), |number| Rule::of(*number));
    if let (None, Some(number)) = (rule, params.first()) {
        (context.note)(Note::integral_rule(context.second_span, *number));
    }
    let rule = rule.unwrap_or(Rule::Trapezoidal);
    let or_zero = |value: f64| if value.is_nan() { 0.0 } else { value };
    let (mut sum, mut rest) = (0.0, 0.0);
    for (before, sample) in floats.iter().zip(floats.iter().skip(1)) {
        let (value, lost) = rule.between(or_zero(before.value), or_zero(sample.value));
        if value != 0.0 || lost != 0.0 {
            let seconds = (sample.t - before.t) as f64 / 1000.0;
            (sum, rest) = kahan(value * seconds, sum, rest + lost * seconds);
        }
    }
    Some(Value::Float(if sum.is_infinite() { sum } else { sum + rest }))
}
