use super::ranges::RangeContext;
use super::ranges::Window;
use crate::annotations::Note;
use crate::error::QueryError;
use crate::histogram::kahan;
use crate::storage::FloatSample;
use crate::value::Value;

/// The numbers of a range, if there are two at least; that there are histograms too is told.
fn numbers<'a>(context: &RangeContext<'_>, window: &Window<'a>) -> Option<&'a [FloatSample]> {
    if !window.floats.is_empty() && !window.histograms.is_empty() {
        (context.note)(Note::histograms_in_range_ignored(context.first_span, context.name));
    }
    Some(window.floats).filter(|floats| floats.len() >= 2)
}

/// Slope in units a second, and value at a time, of the line that fits best (least squares).
fn regression(samples: &[FloatSample], time: i64) -> (f64, f64) {
    level(samples).unwrap_or_else(|| {
        let mut sums = [(0.0, 0.0); 4];
        for sample in samples {
            let x = (sample.t - time) as f64 / 1000.0;
            let y = sample.value;
            for (sum, part) in sums.iter_mut().zip([x, y, x * y, x * x]) {
                *sum = kahan(part, sum.0, sum.1);
            }
        }
        slanted(samples.len(), sums.map(|(sum, rest)| sum + rest))
    })
}

/// The line through samples of one value.
pub(super) fn level(samples: &[FloatSample]) -> Option<(f64, f64)> {
    let first = samples.first()?;
    if samples.iter().any(|sample| sample.value != first.value) {
        return None;
    }
    Some(if first.value.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first.value) })
}

/// The line through so many others, from the sums of seconds since the time, of values, of their products and of
/// squared seconds.
pub(super) fn slanted(count: usize, [x, y, xy, xx]: [f64; 4]) -> (f64, f64) {
    let n = count as f64;
    let slope = (xy - x * y / n) / (xx - x * x / n);
    (slope, y / n - slope * x / n)
}

pub(super) fn deriv(context: &RangeContext<'_>, window: &Window<'_>) -> Option<Value> {
    let floats = numbers(context, window)?;
    // Any time would do; one near the samples keeps the numbers small.
    let near = floats.first().map_or(0, |sample| sample.t);
    Some(Value::Float(regression(floats, near).0))
}

pub(super) fn predict_linear(context: &RangeContext<'_>, window: &Window<'_>, params: &[f64]) -> Option<Value> {
    let floats = numbers(context, window)?;
    let seconds = params.first().copied().unwrap_or(f64::NAN);
    let (slope, now) = regression(floats, window.time);
    Some(Value::Float(slope * seconds + now))
}

/// Holt's linear method: a level and a trend, each smoothed by a factor between 0 and 1.
pub(super) fn double_exponential_smoothing(
    context: &RangeContext<'_>,
    window: &Window<'_>,
    params: &[f64],
) -> Result<Option<Value>, QueryError> {
    let factor = |at: usize, name: &str, short: &str| {
        let factor = params.get(at).copied().unwrap_or(f64::NAN);
        if factor <= 0.0 || factor >= 1.0 {
            let message = format!("invalid {name} factor. Expected: 0 < {short} < 1, got: {factor:.6}");
            return Err(QueryError::failed(message));
        }
        Ok(factor)
    };
    let (smoothing, trending) = (factor(0, "smoothing", "sf")?, factor(1, "trend", "tf")?);
    let mut state = Smoothing::default();
    numbers(context, window).unwrap_or_default().iter().for_each(|sample| state.add(sample.value, smoothing, trending));
    Ok(state.value().map(Value::Float))
}

/// A level and a trend, as far as numbers have been added.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Smoothing {
    count: usize,
    before: f64,
    level: f64,
    trend: f64,
}

impl Smoothing {
    /// Adds a number; `smoothing` and `trending` say how much it weighs.
    pub(super) fn add(&mut self, value: f64, smoothing: f64, trending: f64) {
        self.count += 1;
        match self.count {
            1 => {
                self.level = value;
                return;
            }
            2 => self.trend = value - self.level,
            _ => self.trend = trending * (self.level - self.before) + (1.0 - trending) * self.trend,
        }
        let next = smoothing * value + (1.0 - smoothing) * (self.level + self.trend);
        (self.before, self.level) = (self.level, next);
    }

    /// The level; none of fewer than two numbers.
    pub(super) fn value(&self) -> Option<f64> {
        (self.count >= 2).then_some(self.level)
    }
}

/// Whether a factor of smoothing is one.
pub(super) fn is_factor(factor: f64) -> bool {
    factor > 0.0 && factor < 1.0
}
