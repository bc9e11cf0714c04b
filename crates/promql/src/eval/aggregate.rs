use std::sync::Arc;

use hashbrown::HashMap;

use super::relabel::{is_label_name, with};
use super::series::samples_in;
use super::{Evaluated, Evaluator, Steps};
use crate::annotations::Note;
use crate::error::QueryError;
use crate::functions::instant;
use crate::functions::quantiles::quantile_of;
use crate::labels::{Labels, METRIC_NAME};
use crate::parser::ast::{Aggregate, AggregateOp, Span};
use crate::parser::quoted_bytes;
use crate::text::plain_float;
use crate::value::{Point, Series, Value};

/// Series that are aggregated together.
pub(super) struct Group {
    pub labels: Labels,
    pub drops_name: bool,
    /// The places of its series.
    pub members: Vec<usize>,
}

impl Evaluator<'_> {
    pub(super) fn eval_aggregate(
        &self,
        aggregate: &Aggregate,
        all: Span,
        steps: Steps,
    ) -> Result<Vec<Series>, QueryError> {
        if aggregate.op == AggregateOp::CountValues {
            return self.eval_count_values(aggregate, steps);
        }
        let params = match &aggregate.param {
            Some(param) => Some((self.eval_scalar(param, steps)?, param.bare().span)),
            None => None,
        };
        if !aggregate.op.picks() && aggregate.op != AggregateOp::Quantile {
            return self.eval_fold(aggregate, steps);
        }
        let input = self.eval_vector(&aggregate.expr, steps)?;
        if let Some((values, span)) = &params {
            self.check_parameter(aggregate.op, values, *span)?;
        }
        let groups = groups(&input, &aggregate.grouping, aggregate.without);
        let values = params.map(|(values, _)| values).unwrap_or_default();
        if aggregate.op.picks() {
            // Which of its series are left out is told of the aggregation as a whole.
            return self.pick(aggregate.op, input, &groups, &values, all, steps);
        }
        let found = self.quantiles(&input, groups, &values, aggregate.expr.bare().span, steps);
        self.release(samples_in(&input));
        self.hold(samples_in(&found))?;
        Ok(found)
    }

    fn quantiles(&self, input: &[Series], groups: Vec<Group>, qs: &[f64], span: Span, steps: Steps) -> Vec<Series> {
        let finish = |group: Group| {
            let mut slots: Vec<Vec<f64>> = vec![Vec::new(); steps.count()];
            for point in group.members.iter().filter_map(|place| input.get(*place)).flat_map(|series| &series.points) {
                match (&point.value, slots.get_mut(steps.index(point.t))) {
                    (Value::Float(value), Some(slot)) => slot.push(*value),
                    (Value::Histogram(_), _) => {
                        self.note(Note::histogram_ignored(span, AggregateOp::Quantile.as_str()));
                    }
                    _ => {}
                }
            }
            let filled = slots.into_iter().zip(steps.times()).zip(qs).filter(|((slot, _), _)| !slot.is_empty());
            let points = filled.map(|((mut slot, t), q)| Point { t, value: Value::Float(quantile_of(*q, &mut slot)) });
            Series { labels: group.labels, points: points.collect(), drops_name: group.drops_name }
        };
        groups.into_iter().map(finish).filter(|series| !series.points.is_empty()).collect()
    }

    fn eval_count_values(&self, aggregate: &Aggregate, steps: Steps) -> Result<Vec<Series>, QueryError> {
        let label = match aggregate.param.as_ref().map(|param| self.eval(param, steps)).transpose()? {
            Some(Evaluated::String(label)) => label,
            _ => return Err(QueryError::failed("count_values needs the name of a label")),
        };
        if !is_label_name(&label) {
            return Err(QueryError::failed(format!("invalid label name {}", quoted_bytes(&label))));
        }
        self.check_label(&label, 0)?;
        let mut grouping = aggregate.grouping.clone();
        if !aggregate.without {
            grouping.push(Arc::clone(&label));
        }
        let input = self.eval_vector(&aggregate.expr, steps)?;
        let mut counts: HashMap<Labels, usize> = HashMap::new();
        let mut found: Vec<(Labels, Vec<f64>)> = Vec::new();
        for series in &input {
            self.check_time()?;
            for point in &series.points {
                let text = match &point.value {
                    Value::Float(value) => plain_float(*value),
                    Value::Histogram(histogram) => histogram.to_string(),
                };
                let labels = group_labels(&with(&series.labels, &label, &text), &grouping, aggregate.without);
                let place = *counts.entry(labels.clone()).or_insert(found.len());
                if place == found.len() {
                    self.check_room(found.len().saturating_mul(steps.count()))?;
                    self.hold_labels(label.len() + text.len())?;
                    found.push((labels, vec![0.0; steps.count()]));
                }
                let counts = found.get_mut(place).map(|(_, counts)| counts);
                if let Some(count) = counts.and_then(|counts| counts.get_mut(steps.index(point.t))) {
                    *count += 1.0;
                }
            }
        }
        self.release(samples_in(&input));
        let series = found.into_iter().map(|(labels, counts)| {
            let counted = counts.into_iter().zip(steps.times()).filter(|(count, _)| *count > 0.0);
            let points = counted.map(|(count, t)| Point { t, value: Value::Float(count) }).collect();
            Series::new(labels, points)
        });
        let series: Vec<Series> = series.collect();
        self.hold(samples_in(&series))?;
        Ok(series)
    }

    fn check_parameter(&self, op: AggregateOp, values: &[f64], span: Span) -> Result<(), QueryError> {
        let has_nan = values.iter().any(|value| value.is_nan());
        // Once there is what is no number, only an infinite one is still found.
        let least = values.iter().copied().fold(f64::MAX, instant::lesser);
        let most = values.iter().copied().fold(-f64::MAX, instant::greater);
        match op {
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => {
                if has_nan {
                    return Err(QueryError::failed("Parameter value is NaN"));
                }
                if least <= i64::MIN as f64 {
                    return Err(QueryError::failed(format!(
                        "Scalar value {} underflows int64",
                        crate::text::float(least)
                    )));
                }
                if most >= i64::MAX as f64 {
                    return Err(QueryError::failed(format!(
                        "Scalar value {} overflows int64",
                        crate::text::float(most)
                    )));
                }
            }
            AggregateOp::LimitRatio => {
                if has_nan {
                    return Err(QueryError::failed("Ratio value is NaN"));
                }
                if most > 1.0 {
                    self.note(Note::ratio(span, most, 1.0));
                }
                if least < -1.0 {
                    self.note(Note::ratio(span, least, -1.0));
                }
            }
            AggregateOp::Quantile => {
                if has_nan {
                    self.note(Note::quantile(span, f64::NAN));
                }
                if most > 1.0 {
                    self.note(Note::quantile(span, most));
                }
                if least < 0.0 {
                    self.note(Note::quantile(span, least));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The labels of the group that a series belongs to.
pub(super) fn group_labels(labels: &Labels, grouping: &[Arc<str>], without: bool) -> Labels {
    if without { labels.without(grouping).without_one(METRIC_NAME) } else { labels.only(grouping) }
}

/// Series by the labels that make groups, in the order in which the groups appear.
pub(super) fn groups(input: &[Series], grouping: &[Arc<str>], without: bool) -> Vec<Group> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (at, series) in input.iter().enumerate() {
        let labels = group_labels(&series.labels, grouping, without);
        let place = *places.entry(labels.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Group { labels, drops_name: false, members: Vec::new() });
        }
        if let Some(group) = groups.get_mut(place) {
            group.drops_name |= series.drops_name;
            group.members.push(at);
        }
    }
    groups
}
