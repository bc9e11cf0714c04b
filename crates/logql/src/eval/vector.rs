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
            VectorOp::TopK | VectorOp::BottomK | VectorOp::ApproxTopK => self.chosen(expr, lines),
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
    fn chosen(&self, expr: &VectorAggregation, lines: Vec<Line>) -> Result<Vec<Line>, QueryError> {
        let (numbers, labels) = groups(&lines, &expr.grouping);
        let mut of_groups: Vec<Vec<Line>> = vec![Vec::new(); labels.len()];
        for (line, group) in lines.into_iter().zip(numbers) {
            if let Some(members) = of_groups.get_mut(group) {
                members.push(line);
            }
        }
        let mut chosen = Vec::new();
        for mut lines in of_groups {
            self.choose(expr, &mut lines)?;
            chosen.extend(lines.into_iter().filter(|line| !line.points.is_empty()));
        }
        Ok(chosen)
    }

    /// Leaves to the series of one group the numbers that are among the k greatest or least at their steps.
    fn choose(&self, expr: &VectorAggregation, lines: &mut [Line]) -> Result<(), QueryError> {
        let count = lines.iter().map(|line| line.points.len()).sum();
        // They are there twice until they are let go series by series.
        self.budget.hold(count)?;
        self.budget.spend(count as u64)?;
        let mut found: Vec<(usize, f64, usize)> = Vec::with_capacity(count);
        for (place, line) in lines.iter_mut().enumerate() {
            let points = std::mem::take(&mut line.points);
            found.extend(points.into_iter().map(|(step, value)| (step, value, place)));
        }
        let least = expr.op == VectorOp::BottomK;
        found.sort_unstable_by(|(s, a, i), (t, b, j)| {
            let order = if least { a.total_cmp(b) } else { b.total_cmp(a) };
            // What is no number comes last, whichever end is wanted.
            s.cmp(t).then(a.is_nan().cmp(&b.is_nan())).then(order).then(i.cmp(j))
        });
        let mut left = 0;
        for of_step in found.chunk_by(|(one, ..), (other, ..)| one == other) {
            for (step, value, place) in of_step.iter().take(expr.param) {
                if let Some(line) = lines.get_mut(*place) {
                    line.points.push((*step, *value));
                    left += 1;
                }
            }
        }
        self.budget.release(count.saturating_mul(2).saturating_sub(left));
        Ok(())
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
