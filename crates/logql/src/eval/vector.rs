//! Aggregations over series.

use hashbrown::HashMap;

use super::{Evaluator, Line};
use crate::ast::{Grouping, MetricExpr, RangeOp, VectorAggregation, VectorOp};
use crate::error::QueryError;
use crate::labels::Labels;

/// What is known of the numbers of a group at a step.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    count: f64,
    /// The sum, mean, greatest or least.
    value: f64,
    spread: f64,
}

impl Group {
    fn add(&mut self, op: VectorOp, value: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.value = value;
            return;
        }
        match op {
            VectorOp::Sum => self.value += value,
            VectorOp::Max if self.value < value || self.value.is_nan() => self.value = value,
            VectorOp::Min if self.value > value || self.value.is_nan() => self.value = value,
            VectorOp::Avg | VectorOp::Stddev | VectorOp::Stdvar => {
                let distance = value - self.value;
                self.value += distance / self.count;
                self.spread += distance * (value - self.value);
            }
            _ => {}
        }
    }

    fn result(&self, op: VectorOp) -> f64 {
        match op {
            VectorOp::Count => self.count,
            VectorOp::Stdvar => self.spread / self.count,
            VectorOp::Stddev => (self.spread / self.count).sqrt(),
            _ => self.value,
        }
    }
}

fn grouped(labels: &Labels, grouping: &Grouping) -> Labels {
    labels.filtered(|name| grouping.labels.iter().any(|known| known == name) != grouping.without)
}

/// For each series the number of its group, and the labels of groups.
fn groups(lines: &[Line], grouping: &Grouping) -> (Vec<usize>, Vec<Labels>) {
    let mut numbers: HashMap<Labels, usize> = HashMap::new();
    let mut labels = Vec::new();
    let number_of = |line: &Line| {
        *numbers.entry(grouped(&line.labels, grouping)).or_insert_with_key(|key| {
            labels.push(key.clone());
            labels.len() - 1
        })
    };
    (lines.iter().map(number_of).collect(), labels)
}

/// Whether series may be put together while lines are read already, since a sum of parts is the sum.
fn sums_up(op: VectorOp, inner: &MetricExpr) -> bool {
    let MetricExpr::Range(range) = inner else { return false };
    let additive = matches!(
        range.op,
        RangeOp::BytesOverTime | RangeOp::BytesRate | RangeOp::SumOverTime | RangeOp::Rate | RangeOp::CountOverTime
    );
    op == VectorOp::Sum && range.grouping.is_none() && additive
}

impl Evaluator<'_> {
    pub(super) fn vector(&self, expr: &VectorAggregation) -> Result<Vec<Line>, QueryError> {
        let lines = match &*expr.source {
            MetricExpr::Range(range) if sums_up(expr.op, &expr.source) => self.range(range, Some(&expr.grouping))?,
            source => self.lines(source)?,
        };
        self.budget.ask()?;
        match expr.op {
            VectorOp::Sort | VectorOp::SortDesc => Ok(ordered(lines, expr.op == VectorOp::SortDesc)),
            VectorOp::TopK | VectorOp::BottomK | VectorOp::ApproxTopK => Ok(self.chosen(expr, lines)),
            op => self.aggregated(op, &expr.grouping, &lines),
        }
    }

    fn aggregated(&self, op: VectorOp, grouping: &Grouping, lines: &[Line]) -> Result<Vec<Line>, QueryError> {
        let (numbers, labels) = groups(lines, grouping);
        let mut values: Vec<Vec<Group>> = vec![Vec::new(); labels.len()];
        self.budget.hold(labels.len().saturating_mul(self.steps.count()))?;
        for (line, number) in lines.iter().zip(numbers) {
            let Some(group) = values.get_mut(number) else { continue };
            group.resize(self.steps.count(), Group::default());
            for (step, value) in &line.points {
                if let Some(group) = group.get_mut(*step) {
                    group.add(op, *value);
                }
            }
        }
        self.budget.release(lines.iter().map(|line| line.points.len()).sum());
        let point = |(step, group): (usize, &Group)| (group.count > 0.0).then(|| (step, group.result(op)));
        let lines = values
            .iter()
            .zip(labels)
            .map(|(group, labels)| Line { labels, points: group.iter().enumerate().filter_map(point).collect() });
        Ok(lines.collect())
    }

    /// Of each group at each step the k greatest or least.
    fn chosen(&self, expr: &VectorAggregation, mut lines: Vec<Line>) -> Vec<Line> {
        let (numbers, _) = groups(&lines, &expr.grouping);
        let mut at: HashMap<(usize, usize), Vec<(f64, usize)>> = HashMap::new();
        for (place, (line, group)) in lines.iter().zip(numbers).enumerate() {
            for (step, value) in &line.points {
                at.entry((group, *step)).or_default().push((*value, place));
            }
        }
        for line in &mut lines {
            line.points.clear();
        }
        let least = expr.op == VectorOp::BottomK;
        for ((_, step), mut found) in at {
            // What is no number comes last, whichever end is wanted.
            found.sort_by(|(a, i), (b, j)| {
                let order = if least { a.total_cmp(b) } else { b.total_cmp(a) };
                a.is_nan().cmp(&b.is_nan()).then(order).then(i.cmp(j))
            });
            for (value, place) in found.into_iter().take(expr.param) {
                if let Some(line) = lines.get_mut(place) {
                    line.points.push((step, value));
                }
            }
        }
        lines.retain_mut(|line| {
            line.points.sort_unstable_by_key(|(step, _)| *step);
            !line.points.is_empty()
        });
        lines
    }
}

/// Series in order of their first numbers, which are the only ones where order is of use.
fn ordered(mut lines: Vec<Line>, descending: bool) -> Vec<Line> {
    let first = |line: &Line| line.points.first().map_or(f64::NAN, |(_, value)| *value);
    lines.sort_by(|a, b| {
        let (a_first, b_first) = (first(a), first(b));
        let order = if descending { b_first.total_cmp(&a_first) } else { a_first.total_cmp(&b_first) };
        a_first.is_nan().cmp(&b_first.is_nan()).then(order).then_with(|| a.labels.cmp(&b.labels))
    });
    lines
}
