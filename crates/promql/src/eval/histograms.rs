use std::sync::Arc;

use hashbrown::HashMap;

use super::call::each_step;
use super::relabel::with;
use super::series::{Gatherer, samples_in};
use super::{Evaluator, Steps};
use crate::annotations::Monotonicity;
use crate::annotations::Note;
use crate::error::QueryError;
use crate::functions::classic::{self, ClassicBucket};
use crate::histogram::Histogram;
use crate::labels::{BUCKET, Labels};
use crate::parser::ast::{Expr, Span};
use crate::text::{open_metrics_float, parse_float};
use crate::value::{Series, Value};

/// A histogram at a time, native or of classic buckets.
enum Found<'a> {
    Native(&'a Histogram),
    Classic(Vec<ClassicBucket>),
}

impl Evaluator<'_> {
    pub(super) fn eval_histogram_call(
        &self,
        name: &str,
        args: &[Expr],
        steps: Steps,
    ) -> Result<Vec<Series>, QueryError> {
        match (name, args) {
            ("histogram_quantile", [q, vector]) => self.eval_quantiles(&[q], None, vector, steps),
            ("histogram_quantiles", [vector, label, qs @ ..]) => {
                let label = match self.eval(label, steps)? {
                    super::Evaluated::String(label) => label,
                    _ => return Ok(Vec::new()),
                };
                self.eval_quantiles(&qs.iter().collect::<Vec<_>>(), Some(&label), vector, steps)
            }
            ("histogram_fraction", [lower, upper, vector]) => self.eval_fraction(lower, upper, vector, steps),
            _ => Err(QueryError::failed(format!("function {name} is not one of histograms"))),
        }
    }

    fn eval_quantiles(
        &self,
        qs: &[&Expr],
        label: Option<&Arc<str>>,
        vector: &Expr,
        steps: Steps,
    ) -> Result<Vec<Series>, QueryError> {
        label.map_or(Ok(()), |label| self.check_label(label, 0))?;
        let quantiles = qs.iter().map(|q| self.eval_scalar(q, steps)).collect::<Result<Vec<_>, _>>()?;
        let input = self.eval_vector(vector, steps)?;
        // What is told of the arguments comes first: of two places of one text the last counts.
        for (q, values) in qs.iter().zip(&quantiles) {
            for value in values.iter().filter(|value| !(0.0..=1.0).contains(*value)) {
                self.note(Note::quantile(q.bare().span, *value));
            }
        }
        let span = vector.bare().span;
        let found = self.each_found(&input, span, steps, |step, t, labels, found, out| {
            for values in &quantiles {
                let q = values.get(step).copied().unwrap_or(f64::NAN);
                let value = match found {
                    Found::Native(histogram) => self.native_quantile(q, histogram, labels, span),
                    Found::Classic(buckets) => self.classic_quantile(q, buckets, labels, span, t),
                };
                let labels = label.map_or_else(|| labels.clone(), |label| with(labels, label, &open_metrics_float(q)));
                out.add(&labels, true, t, Value::Float(value))?;
            }
            Ok(())
        })?;
        self.hold_labels(label.map_or(0, |label| label.len().saturating_mul(found.len())))?;
        Ok(found)
    }

    fn native_quantile(&self, q: f64, histogram: &Histogram, labels: &Labels, span: Span) -> f64 {
        let quantile = histogram.quantile(q);
        if quantile.has_nan {
            self.note(Note::nan_in_quantile(span, labels.metric_name(), quantile.value.is_nan()));
        }
        quantile.value
    }

    fn classic_quantile(&self, q: f64, buckets: &[ClassicBucket], labels: &Labels, span: Span, t: i64) -> f64 {
        let quantile = classic::quantile(q, buckets.to_vec());
        if let Some(forced) = quantile.forced {
            let found = Monotonicity {
                from: forced.from,
                to: forced.to,
                difference: forced.difference,
                first: t,
                last: t,
                count: 1,
            };
            self.note(Note::forced_monotonicity(span, labels.metric_name(), found));
        }
        quantile.value
    }

    fn eval_fraction(
        &self,
        lower: &Expr,
        upper: &Expr,
        vector: &Expr,
        steps: Steps,
    ) -> Result<Vec<Series>, QueryError> {
        let (lower, upper) = (self.eval_scalar(lower, steps)?, self.eval_scalar(upper, steps)?);
        let at = |values: &[f64], step: usize| values.get(step).copied().unwrap_or(f64::NAN);
        let input = self.eval_vector(vector, steps)?;
        self.each_found(&input, vector.bare().span, steps, |step, t, labels, found, out| {
            let (lower, upper) = (at(&lower, step), at(&upper, step));
            let value = match found {
                Found::Native(histogram) => {
                    if histogram.has_unplaced() && lower < upper {
                        self.note(Note::nan_in_fraction(vector.bare().span, labels.metric_name()));
                    }
                    histogram.fraction(lower, upper)
                }
                Found::Classic(buckets) => classic::fraction(lower, upper, buckets.clone()),
            };
            out.add(labels, true, t, Value::Float(value))
        })
    }

    /// Goes through the histograms at each step. Where native and classic ones have the same labels,
    /// neither is taken.
    fn each_found(
        &self,
        input: &[Series],
        span: Span,
        steps: Steps,
        mut take: impl FnMut(usize, i64, &Labels, &Found<'_>, &mut Gatherer) -> Result<(), QueryError>,
    ) -> Result<Vec<Series>, QueryError> {
        let bound = |series: &Series| parse_float(series.labels.get(BUCKET)).filter(|bound| !bound.is_nan());
        let bounds: Vec<Option<f64>> = input.iter().map(bound).collect();
        let unbounded: Vec<Labels> = input.iter().map(|series| series.labels.without_one(BUCKET)).collect();
        let mut out = Gatherer::default();
        each_step(input, steps, |step, t, values| {
            self.check_time()?;
            let mut places: HashMap<&Labels, usize> = HashMap::new();
            let mut found: Vec<(&Labels, Option<Found<'_>>)> = Vec::new();
            for (place, value) in values {
                let (Some(series), Some(bound), Some(labels)) =
                    (input.get(*place), bounds.get(*place), unbounded.get(*place))
                else {
                    continue;
                };
                let Value::Float(count) = value else { continue };
                let Some(bound) = *bound else {
                    self.note(Note::bad_bucket(span, series.labels.metric_name(), series.labels.get(BUCKET)));
                    continue;
                };
                let bucket = ClassicBucket { bound, count: *count };
                match places.get(labels).and_then(|place| found.get_mut(*place)) {
                    Some((_, Some(Found::Classic(buckets)))) => buckets.push(bucket),
                    _ => {
                        places.insert(labels, found.len());
                        found.push((labels, Some(Found::Classic(vec![bucket]))));
                    }
                }
            }
            for (place, value) in values {
                let (Some(series), Value::Histogram(histogram)) = (input.get(*place), value) else { continue };
                match places.get(&series.labels).and_then(|place| found.get_mut(*place)) {
                    Some((_, classic)) => {
                        self.note(Note::mixed_classic_native(span, series.labels.metric_name()));
                        *classic = None;
                    }
                    None => found.push((&series.labels, Some(Found::Native(histogram)))),
                }
            }
            for (labels, histogram) in &found {
                if let Some(histogram) = histogram {
                    take(step, t, labels, histogram, &mut out)?;
                }
            }
            Ok(())
        })?;
        let out = out.finish();
        self.release(samples_in(input));
        self.hold(samples_in(&out))?;
        Ok(out)
    }
}
