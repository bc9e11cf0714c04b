//! An answer over a range, put together from answers over parts of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Answer;
use crate::labels::Labels;
use crate::parser::ast::{Duration, Expr, ExprKind, Extension, Modifiers, VectorSelector};
use crate::value::{Data, Point, Series, Value};

/// Functions of the range that is asked for; one of a single time has no step.
const OF_THE_RANGE: [&str; 4] = ["start", "end", "step", "range"];

/// Whether what an expression gives at a time is the same in any range, and depends on no sample after that time.
pub fn looks_back(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(..) | ExprKind::String(_) => true,
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => looks_back(inner),
        ExprKind::Binary(binary) => looks_back(&binary.left) && looks_back(&binary.right),
        ExprKind::Aggregate(of) => looks_back(&of.expr) && of.param.as_ref().is_none_or(looks_back),
        ExprKind::Call(call) => !OF_THE_RANGE.contains(&call.function.name) && call.args.iter().all(looks_back),
        ExprKind::Vector(selector) => of_selector(selector),
        ExprKind::Matrix(matrix) => of_selector(&matrix.vector) && is_fixed(&matrix.range),
        ExprKind::Subquery(subquery) => {
            let durations = std::iter::once(&subquery.range).chain(&subquery.step);
            looks_back(&subquery.expr) && of_modifiers(&subquery.modifiers) && durations.into_iter().all(is_fixed)
        }
    }
}

fn of_selector(selector: &VectorSelector) -> bool {
    selector.extension != Extension::Smoothed && of_modifiers(&selector.modifiers)
}

fn of_modifiers(modifiers: &Modifiers) -> bool {
    modifiers.at.is_none() && modifiers.offset.as_ref().is_none_or(is_fixed)
}

/// A duration that is written as such and not below 0.
fn is_fixed(duration: &Duration) -> bool {
    matches!(duration, Duration::Seconds(seconds, _) if *seconds >= 0.0)
}

impl Answer {
    /// The same over a shorter range, `from` and `to` in milliseconds and both included, of a matrix.
    pub fn within(&self, from: i64, to: i64) -> Self {
        let Data::Matrix(all) = &self.data else { return self.clone() };
        let cut = |series: &Series| {
            let start = series.points.partition_point(|point| point.t < from);
            let end = series.points.partition_point(|point| point.t <= to);
            let points = series.points.get(start..end).filter(|points| !points.is_empty())?;
            Some(Series { labels: series.labels.clone(), points: points.to_vec(), drops_name: series.drops_name })
        };
        Self { data: Data::Matrix(all.iter().filter_map(cut).collect()), annotations: self.annotations.clone() }
    }

    /// This answer and that over a later range, of matrices.
    pub fn followed_by(self, later: Self) -> Self {
        let (Data::Matrix(mut all), Data::Matrix(more)) = (self.data, later.data) else {
            return Self { data: Data::Matrix(Vec::new()), annotations: self.annotations };
        };
        let mut places: HashMap<Labels, usize> =
            all.iter().enumerate().map(|(at, series)| (series.labels.clone(), at)).collect();
        for series in more {
            match places.entry(series.labels.clone()) {
                Entry::Occupied(place) => {
                    if let Some(known) = all.get_mut(*place.get()) {
                        known.points.extend(series.points);
                    }
                }
                Entry::Vacant(place) => {
                    place.insert(all.len());
                    all.push(series);
                }
            }
        }
        let mut annotations = self.annotations;
        for annotation in later.annotations {
            if !annotations.contains(&annotation) {
                annotations.push(annotation);
            }
        }
        Self { data: Data::Matrix(super::series::sorted(all)), annotations }
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        let of_point = |point: &Point| match &point.value {
            Value::Float(_) => size_of::<Point>(),
            Value::Histogram(histogram) => {
                let buckets = histogram.positive.iter().count() + histogram.negative.iter().count();
                size_of::<Point>() + size_of_val(&**histogram) + 16 * buckets
            }
        };
        let of_labels = |labels: &Labels| labels.iter().map(|label| 64 + label.name.len() + label.value.len()).sum();
        let of_series = |series: &Series| {
            let labels: usize = of_labels(&series.labels);
            size_of::<Series>() + labels + series.points.iter().map(of_point).sum::<usize>()
        };
        let (Data::Matrix(all) | Data::Vector(all)) = &self.data else { return size_of::<Self>() };
        all.iter().map(of_series).sum::<usize>() + size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn what_looks_forward_or_at_the_range_is_known() {
        let back = ["x", "rate(x[5m] offset 1m)", "sum(x) / scalar(y) + time()", "max_over_time(x[1h:1m] offset 5s)"];
        let not = [
            "x offset -1s",
            "x @ 10",
            "x @ end()",
            "sum(x) + y @ start()",
            "rate(x[5m:1m] offset -5m)",
            "x[5m] @ 3",
            "x * step()",
        ];
        let looks = |text: &&str| looks_back(&parse(text).unwrap());
        assert_eq!(back.iter().filter(|text| !looks(text)).count(), 0);
        assert_eq!(not.iter().find(|text| looks(text)), None);
    }
}
