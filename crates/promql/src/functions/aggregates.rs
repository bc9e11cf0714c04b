//! What aggregations gather of a group, at each step.

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

/// Gathers the values of one group, as little as its aggregation needs.
pub(crate) struct Gathered {
    op: AggregateOp,
    /// How many numbers there were at each step.
    counts: Vec<u32>,
    floats: Floats,
    /// Of all steps, from the first histogram on.
    histograms: Vec<Option<Box<Histograms>>>,
}

/// What numbers give, for all steps.
enum Floats {
    /// Nothing but their count.
    Counted,
    Sum(Vec<Sum>),
    Mean(Vec<Mean>),
    Extreme(Vec<f64>),
    /// Running mean and sum of squared distances from it (Welford).
    Spread(Vec<(f64, f64)>),
}

#[derive(Default)]
struct Histograms {
    count: u32,
    sum: Option<CompensatedSum>,
    mean: Option<HistogramMean>,
    hints: HintsSeen,
    reconciled: bool,
    incompatible: bool,
    /// A number came before: there is no result, and nothing is told but that.
    is_late: bool,
}

impl Gathered {
    pub(crate) fn new(op: AggregateOp, steps: usize) -> Self {
        let floats = match op {
            AggregateOp::Sum => Floats::Sum(vec![Sum::default(); steps]),
            AggregateOp::Avg => Floats::Mean(vec![Mean::default(); steps]),
            AggregateOp::Min | AggregateOp::Max => Floats::Extreme(vec![0.0; steps]),
            AggregateOp::Stddev | AggregateOp::Stdvar => Floats::Spread(vec![(0.0, 0.0); steps]),
            _ => Floats::Counted,
        };
        Self { op, counts: vec![0; steps], floats, histograms: Vec::new() }
    }

    /// Adds a value at a step; gives what it takes beside the room of a number, in samples.
    pub(crate) fn add(&mut self, step: usize, value: &Value) -> usize {
        match value {
            Value::Float(value) => {
                if let Some(count) = self.counts.get_mut(step) {
                    self.floats.add(self.op, step, *value, *count == 0, f64::from(*count) + 1.0);
                    *count += 1;
                }
                0
            }
            Value::Histogram(histogram) => {
                self.histograms.resize_with(self.counts.len(), || None);
                let is_late = self.counts.get(step).is_some_and(|count| *count > 0);
                let Some(slot) = self.histograms.get_mut(step) else { return 0 };
                let taken = if slot.is_none() { size_of::<Histograms>() / 16 + histogram.samples() } else { 0 };
                let gathered = slot.get_or_insert_with(|| Box::new(Histograms { is_late, ..Histograms::default() }));
                gathered.add(self.op, histogram);
                taken
            }
        }
    }

    /// The result at a step, if there is one; problems are told.
    pub(crate) fn finish(&mut self, step: usize, mut tell: impl FnMut(Problem)) -> Option<Value> {
        let count = self.counts.get(step).copied().unwrap_or(0);
        let histograms = self.histograms.get_mut(step).and_then(Option::take);
        let seen = histograms.as_ref().map_or(0, |histograms| histograms.count);
        if count == 0 && seen == 0 {
            return None;
        }
        match (self.op, histograms) {
            (AggregateOp::Count, _) => return Some(Value::Float(f64::from(count) + f64::from(seen))),
            (AggregateOp::Group, _) => return Some(Value::Float(1.0)),
            (AggregateOp::Sum | AggregateOp::Avg, Some(histograms)) => return histograms.total(count > 0, tell),
            (_, Some(_)) => tell(Problem::HistogramIgnored),
            (_, None) => {}
        }
        if count == 0 { None } else { self.floats.value(self.op, step, f64::from(count)).map(Value::Float) }
    }
}

impl Floats {
    fn add(&mut self, op: AggregateOp, step: usize, value: f64, first: bool, count: f64) {
        match self {
            Floats::Counted => {}
            Floats::Sum(sums) => {
                if let Some(sum) = sums.get_mut(step) {
                    sum.add(value);
                }
            }
            Floats::Mean(means) => {
                if let Some(mean) = means.get_mut(step) {
                    mean.add(value);
                }
            }
            Floats::Extreme(extremes) => {
                let Some(extreme) = extremes.get_mut(step) else { return };
                let beats = if op == AggregateOp::Min { value < *extreme } else { value > *extreme };
                if first || beats || extreme.is_nan() {
                    *extreme = value;
                }
            }
            Floats::Spread(spreads) => {
                let Some(spread) = spreads.get_mut(step) else { return };
                let (mean, squares) = *spread;
                let delta = value - mean;
                let moved = mean + delta / count;
                *spread = (moved, squares + delta * (value - moved));
                if first {
                    // Nothing spreads yet, unless it is no finite number.
                    *spread = (value, if value.is_finite() { 0.0 } else { f64::NAN });
                }
            }
        }
    }

    fn value(&self, op: AggregateOp, step: usize, count: f64) -> Option<f64> {
        match self {
            Floats::Counted => None,
            Floats::Sum(sums) => sums.get(step).map(Sum::value),
            Floats::Mean(means) => means.get(step).map(Mean::value),
            Floats::Extreme(extremes) => extremes.get(step).copied(),
            Floats::Spread(spreads) => {
                let variance = spreads.get(step)?.1 / count;
                Some(if op == AggregateOp::Stddev { variance.sqrt() } else { variance })
            }
        }
    }
}

impl Histograms {
    fn add(&mut self, op: AggregateOp, histogram: &Histogram) {
        self.count += 1;
        if self.is_late || self.incompatible || !matches!(op, AggregateOp::Sum | AggregateOp::Avg) {
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

    /// Their sum or mean; nothing if there were numbers too.
    fn total(self, mixed: bool, mut tell: impl FnMut(Problem)) -> Option<Value> {
        // Of those that were added before a number or an incompatible one came, too.
        if self.reconciled {
            tell(Problem::BoundsReconciled);
        }
        if self.incompatible {
            tell(Problem::MixedSchemas);
        }
        if mixed {
            tell(Problem::Mixed);
        }
        if mixed || self.incompatible {
            return None;
        }
        if self.hints.collide() {
            tell(Problem::ResetCollision);
        }
        let sum = self.sum.map(CompensatedSum::finish);
        let mut total = sum.or_else(|| self.mean.map(HistogramMean::finish))?;
        total.compact();
        Some(total.into())
    }
}
