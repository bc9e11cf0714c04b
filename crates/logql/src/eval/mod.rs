//! Evaluation: every expression is evaluated for all steps of a query at once.

mod binary;
mod budget;
mod fold;
mod keys;
mod logs;
mod options;
mod range;
mod sorted;
mod steps;
mod vector;
mod window;

pub use logs::logs;
pub use options::{Limits, LogQuery, Options};
pub use steps::Steps;

use crate::answer::{Answer, Data, Point, Sample, Series};
use crate::ast::{Expr, LabelReplace, MetricExpr, VectorOp};
use crate::error::QueryError;
use crate::labels::Labels;
use crate::matcher::RegexpError;
use crate::storage::Storage;

use budget::Budget;

/// Evaluates a query for numbers at one time, in nanoseconds since the epoch.
///
/// # Errors
/// See [`QueryError`]; a query for lines is none for one time.
pub fn instant(storage: &dyn Storage, options: &Options<'_>, expr: &Expr, time: i64) -> Result<Answer, QueryError> {
    let Expr::Metric(metric) = expr else { return Err(QueryError::LogsNotNumbers) };
    let evaluator = Evaluator::new(storage, options, Steps::instant(time))?;
    let point = |value| Point { ts: time, value };
    let data = match evaluator.eval(metric)? {
        Found::Scalar(value) => Data::Scalar(point(value)),
        Found::Lines(lines) => {
            let lines = if keeps_order(metric) { lines } else { sorted(lines) };
            let samples = lines.into_iter().filter_map(|line| {
                let (_, value) = line.points.first().copied()?;
                Some(Sample { labels: line.labels, point: point(value) })
            });
            Data::Vector(samples.collect())
        }
    };
    let returned = if let Data::Vector(samples) = &data { samples.len() } else { 1 };
    Ok(Answer { data, stats: evaluator.budget.stats(returned) })
}

/// Evaluates a query for numbers at each step of a range. Series are in order of their labels.
///
/// # Errors
/// See [`QueryError`].
pub fn range(storage: &dyn Storage, options: &Options<'_>, expr: &Expr, steps: Steps) -> Result<Answer, QueryError> {
    let Expr::Metric(metric) = expr else { return Err(QueryError::LogsNotNumbers) };
    let evaluator = Evaluator::new(storage, options, steps)?;
    let lines = match evaluator.eval(metric)? {
        Found::Scalar(value) => vec![evaluator.constant(value)?],
        Found::Lines(lines) => sorted(lines),
    };
    let mut returned = 0;
    let series = lines.into_iter().filter(|line| !line.points.is_empty()).map(|line| {
        returned += line.points.len();
        let points = line.points.into_iter().map(|(step, value)| Point { ts: steps.at(step), value });
        Series { labels: line.labels, points: points.collect() }
    });
    let data = Data::Matrix(series.collect());
    Ok(Answer { data, stats: evaluator.budget.stats(returned) })
}

/// Whether an expression says the order of its series.
fn keeps_order(expr: &MetricExpr) -> bool {
    matches!(expr, MetricExpr::Vector(vector) if matches!(vector.op, VectorOp::Sort | VectorOp::SortDesc))
}

fn sorted(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by(|a, b| a.labels.cmp(&b.labels));
    lines
}

/// A series: numbers at steps, in order.
#[derive(Clone, Debug)]
struct Line {
    labels: Labels,
    points: Vec<(usize, f64)>,
}

impl Line {
    /// Whether it has a number at a step. Steps mostly come in order.
    fn has(&self, step: usize) -> bool {
        let behind = self.points.last().is_none_or(|(last, _)| *last < step);
        !behind && self.points.iter().any(|(at, _)| *at == step)
    }
}

/// What an expression gives over the steps of a query.
enum Found {
    /// The same number at each step.
    Scalar(f64),
    Lines(Vec<Line>),
}

struct Evaluator<'a> {
    storage: &'a dyn Storage,
    options: &'a Options<'a>,
    steps: Steps,
    budget: Budget<'a>,
}

impl<'a> Evaluator<'a> {
    fn new(storage: &'a dyn Storage, options: &'a Options<'a>, steps: Steps) -> Result<Self, QueryError> {
        let budget = Budget::new(options);
        budget.steps(steps.count())?;
        Ok(Self { storage, options, steps, budget })
    }

    fn eval(&self, expr: &MetricExpr) -> Result<Found, QueryError> {
        Ok(match expr {
            MetricExpr::Literal(value) => Found::Scalar(*value),
            MetricExpr::Constant(value) => Found::Lines(vec![self.constant(*value)?]),
            MetricExpr::Range(range) => Found::Lines(self.range(range, None)?),
            MetricExpr::Vector(vector) => Found::Lines(self.vector(vector)?),
            MetricExpr::Binary(binary) => self.binary(binary)?,
            MetricExpr::LabelReplace(replace) => Found::Lines(self.label_replace(replace)?),
        })
    }

    /// A number as a series without labels.
    fn lines(&self, expr: &MetricExpr) -> Result<Vec<Line>, QueryError> {
        match self.eval(expr)? {
            Found::Lines(lines) => Ok(lines),
            Found::Scalar(value) => Ok(vec![self.constant(value)?]),
        }
    }

    fn constant(&self, value: f64) -> Result<Line, QueryError> {
        self.budget.hold(self.steps.count())?;
        Ok(Line { labels: Labels::empty(), points: (0..self.steps.count()).map(|step| (step, value)).collect() })
    }

    fn label_replace(&self, replace: &LabelReplace) -> Result<Vec<Line>, QueryError> {
        let regex = re2::whole(&replace.regex).map_err(|error| QueryError::Failed(RegexpError(error).to_string()))?;
        let mut lines = self.lines(&replace.source)?;
        for line in &mut lines {
            let value = line.labels.get(&replace.label);
            if let Some(captures) = regex.captures(value) {
                // No group is longer than the whole value.
                let most = replace.replacement.len() + replace.replacement.matches('$').count() * value.len();
                self.budget.labels(most as u64)?;
                self.budget.spend(most as u64)?;
                let mut text = String::new();
                captures.expand(&replace.replacement, &mut text);
                line.labels = line.labels.with(&replace.target, &text);
            }
        }
        binary::merged(lines)
    }
}
