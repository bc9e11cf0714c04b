//! What aggregations gather at one time.

use super::over_time::{HintsSeen, HistogramMean, Mean, Sum};
use crate::histogram::{CompensatedSum, Histogram, Incompatible};
use crate::parser::ast::AggregateOp;
use crate::value::Value;

/// What was found wrong with the values of an aggregation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The aggregation knows numbers only.
    HistogramIgnored,
    /// Numbers and histograms cannot be added.
    Mixed,
    /// Exponential and custom buckets cannot be added.
    MixedSchemas,
    /// One counter was reset, the other was not.
    ResetCollision,
    /// Custom bounds differed.
    BoundsReconciled,
}

/// Gathers values.
pub(crate) struct Accumulator {
    op: AggregateOp,
    count: f64,
    floats: Floats,
    histograms: Histograms,
}

#[derive(Default)]
struct Floats {
    count: f64,
    sum: Sum,
    mean: Mean,
    extreme: f64,
    /// Running mean and sum of squared distances from it (Welford).
    spread: (f64, f64),
}

#[derive(Default)]
struct Histograms {
    seen: bool,
    sum: Option<CompensatedSum>,
    mean: Option<HistogramMean>,
    hints: HintsSeen,
    reconciled: bool,
    incompatible: bool,
}

impl Accumulator {
    pub(crate) fn new(op: AggregateOp) -> Self {
        Self { op, count: 0.0, floats: Floats::default(), histograms: Histograms::default() }
    }

    pub(crate) fn add(&mut self, value: &Value) {
        self.count += 1.0;
        match value {
            Value::Float(value) => self.floats.add(self.op, *value),
            Value::Histogram(histogram) => self.histograms.add(self.op, histogram),
        }
    }

    /// The result, if there is one; problems are told.
    pub(crate) fn finish(self, mut tell: impl FnMut(Problem)) -> Option<Value> {
        let Self { op, count, floats, histograms } = self;
        match op {
            AggregateOp::Count => return Some(Value::Float(count)),
            AggregateOp::Group => return Some(Value::Float(1.0)),
            AggregateOp::Sum | AggregateOp::Avg => return total(op, &floats, histograms, tell),
            _ => {}
        }
        if histograms.seen {
            tell(Problem::HistogramIgnored);
        }
        if floats.count == 0.0 {
            return None;
        }
        let variance = || floats.spread.1 / floats.count;
        Some(Value::Float(match op {
            AggregateOp::Stddev => variance().sqrt(),
            AggregateOp::Stdvar => variance(),
            _ => floats.extreme,
        }))
    }
}

fn total(op: AggregateOp, floats: &Floats, histograms: Histograms, mut tell: impl FnMut(Problem)) -> Option<Value> {
    if !histograms.seen {
        return Some(Value::Float(if op == AggregateOp::Sum { floats.sum.value() } else { floats.mean.value() }));
    }
    if floats.count > 0.0 {
        tell(Problem::Mixed);
        return None;
    }
    if histograms.incompatible {
        tell(Problem::MixedSchemas);
        return None;
    }
    if histograms.hints.collide() {
        tell(Problem::ResetCollision);
    }
    if histograms.reconciled {
        tell(Problem::BoundsReconciled);
    }
    let sum = histograms.sum.map(CompensatedSum::finish);
    let mut total = sum.or_else(|| histograms.mean.map(HistogramMean::finish))?;
    total.compact();
    Some(total.into())
}

impl Floats {
    fn add(&mut self, op: AggregateOp, value: f64) {
        let first = self.count == 0.0;
        self.count += 1.0;
        match op {
            AggregateOp::Sum => self.sum.add(value),
            AggregateOp::Avg => self.mean.add(value),
            AggregateOp::Min if first || value < self.extreme || self.extreme.is_nan() => self.extreme = value,
            AggregateOp::Max if first || value > self.extreme || self.extreme.is_nan() => self.extreme = value,
            AggregateOp::Stddev | AggregateOp::Stdvar => {
                let (mean, squares) = self.spread;
                let delta = value - mean;
                let moved = mean + delta / self.count;
                self.spread = (moved, squares + delta * (value - moved));
                if first {
                    // Nothing spreads yet, unless it is no finite number.
                    self.spread = (value, if value.is_finite() { 0.0 } else { f64::NAN });
                }
            }
            _ => {}
        }
    }
}

impl Histograms {
    fn add(&mut self, op: AggregateOp, histogram: &Histogram) {
        self.seen = true;
        if self.incompatible || !matches!(op, AggregateOp::Sum | AggregateOp::Avg) {
            return;
        }
        self.hints.add(histogram);
        let added = match (op, &mut self.sum, &mut self.mean) {
            (AggregateOp::Sum, Some(sum), _) => sum.add(histogram).map(|combined| combined.bounds_reconciled),
            (AggregateOp::Sum, None, _) => {
                self.sum = Some(CompensatedSum::new(histogram));
                Ok(false)
            }
            (_, _, Some(mean)) => mean.add(histogram),
            (_, _, None) => {
                self.mean = Some(HistogramMean::new(histogram));
                Ok(false)
            }
        };
        match added {
            Ok(reconciled) => self.reconciled |= reconciled,
            Err(Incompatible) => self.incompatible = true,
        }
    }
}
