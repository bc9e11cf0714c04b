//! Evaluation: every expression is evaluated for all steps of a query at once.

mod aggregate;
mod ahead;
mod binary;
mod call;
mod elementwise;
mod fold;
mod histograms;
mod info;
mod matching;
mod options;
mod parts;
mod path;
mod pick;
mod range_call;
mod relabel;
mod selector;
mod series;
mod sets;
mod source;
mod steps;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use hashbrown::HashSet;

pub use options::{Limits, Options};
pub use parts::looks_back;
pub use steps::Steps;

use crate::annotations::{Annotation, Annotations, Note};
use crate::error::QueryError;
use crate::parser::ast::{Duration, Expr, ExprKind, Extension, Modifiers, Span, ValueType};
use crate::storage::Storage;
use crate::value::{Data, Point, Series};

/// The answer to a query.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The data.
    pub data: Data,
    /// What the user should know about them.
    pub annotations: Vec<Annotation>,
}

/// Evaluates an expression at one time, in milliseconds since the epoch. The text that it was parsed
/// from gives annotations their places.
///
/// # Errors
/// See [`QueryError`].
pub fn instant(
    storage: &dyn Storage,
    options: &Options<'_>,
    query: &str,
    expr: &Expr,
    time: i64,
) -> Result<Answer, QueryError> {
    let evaluator = Evaluator::new(storage, options, expr, Steps::instant(time))?;
    let data = match expr.value_type() {
        ValueType::Matrix => Data::Matrix(series::sorted(evaluator.raw_matrix(expr)?)),
        _ => match evaluator.eval(expr, evaluator.query)? {
            Evaluated::Scalar(values) => Data::Scalar(values.first().copied().unwrap_or(f64::NAN)),
            Evaluated::String(text) => Data::String(text),
            Evaluated::Vector(found) => Data::Vector(evaluator.finished(found)?),
        },
    };
    evaluator.answer(query, data)
}

/// Evaluates an expression at each step of a range.
///
/// # Errors
/// See [`QueryError`].
pub fn range(
    storage: &dyn Storage,
    options: &Options<'_>,
    query: &str,
    expr: &Expr,
    steps: Steps,
) -> Result<Answer, QueryError> {
    if steps.count() > options.limits.steps {
        return Err(QueryError::Steps { steps: steps.count(), limit: options.limits.steps });
    }
    if !matches!(expr.value_type(), ValueType::Scalar | ValueType::Vector) {
        return Err(QueryError::RangeType(expr.value_type().as_str()));
    }
    let evaluator = Evaluator::new(storage, options, expr, steps)?;
    let found = match evaluator.eval(expr, steps)? {
        Evaluated::Scalar(values) => vec![series::of_scalar(&values, steps)],
        Evaluated::Vector(found) => evaluator.finished(found)?,
        Evaluated::String(_) => return Err(QueryError::RangeType(ValueType::String.as_str())),
    };
    evaluator.answer(query, Data::Matrix(series::sorted(found)))
}

/// What an expression gives over the steps of a query.
enum Evaluated {
    /// A number for each step.
    Scalar(Vec<f64>),
    String(Arc<str>),
    Vector(Vec<Series>),
}

struct Evaluator<'a> {
    storage: &'a dyn Storage,
    options: &'a Options<'a>,
    /// The steps of the query as a whole.
    query: Steps,
    /// Where selectors begin of whose histograms only count and sum are asked.
    stats_only: HashSet<usize>,
    /// The first time and the last of which samples are read.
    read: (i64, i64),
    notes: RefCell<Annotations>,
    /// Samples held now.
    held: Cell<usize>,
    /// Bytes of labels that were made so far.
    labels: Cell<usize>,
}

impl<'a> Evaluator<'a> {
    fn new(storage: &'a dyn Storage, options: &'a Options<'a>, expr: &Expr, query: Steps) -> Result<Self, QueryError> {
        let mut stats_only = HashSet::new();
        selector::find_stats_only(expr, selector::Wanted::Anything, &mut stats_only);
        let mut evaluator = Self {
            storage,
            options,
            query,
            stats_only,
            read: (i64::MAX, i64::MIN),
            notes: RefCell::new(Annotations::default()),
            held: Cell::new(0),
            labels: Cell::new(0),
        };
        evaluator.check_durations(expr)?;
        let mut read = evaluator.read;
        evaluator.find_read(expr, Reference::default(), 0, &mut read)?;
        evaluator.read = read;
        Ok(evaluator)
    }

    /// Names go that had to, and what has the same labels then is one series.
    fn finished(&self, found: Vec<Series>) -> Result<Vec<Series>, QueryError> {
        let renamed = found.into_iter().map(|series| {
            if series.drops_name {
                Series { labels: series.labels.without_metadata(), drops_name: false, ..series }
            } else {
                series
            }
        });
        let merged = series::merged(renamed.collect())?;
        if merged.len() > self.options.limits.series {
            return Err(QueryError::Series { series: merged.len(), limit: self.options.limits.series });
        }
        Ok(merged)
    }

    fn answer(self, query: &str, data: Data) -> Result<Answer, QueryError> {
        Ok(Answer { data, annotations: self.notes.into_inner().finish(query) })
    }

    fn note(&self, note: Note) {
        self.notes.borrow_mut().add(note);
    }

    /// Whether the query may go on.
    fn check_time(&self) -> Result<(), QueryError> {
        if (self.options.may_continue)() { Ok(()) } else { Err(QueryError::Stopped) }
    }

    /// Counts samples that are now held: a histogram is as many as its size says.
    fn hold(&self, samples: usize) -> Result<(), QueryError> {
        let held = self.held.get().saturating_add(samples);
        self.held.set(held);
        self.check_room(0)
    }

    /// Counts samples that are no longer held.
    fn release(&self, samples: usize) {
        self.held.set(self.held.get().saturating_sub(samples));
    }

    /// Whether so many more samples could be held for a moment.
    fn check_room(&self, samples: usize) -> Result<(), QueryError> {
        let limit = self.options.limits.samples;
        if self.held.get().saturating_add(samples) > limit { Err(QueryError::Samples { limit }) } else { Ok(()) }
    }

    fn eval(&self, expr: &Expr, steps: Steps) -> Result<Evaluated, QueryError> {
        let constant = matches!(expr.kind, ExprKind::Number(..) | ExprKind::String(_));
        if steps.start() != steps.end() && !constant && self.is_step_invariant(expr) {
            let once = self.eval_node(expr, Steps::instant(steps.start()))?;
            return self.repeated(once, steps);
        }
        self.eval_node(expr, steps)
    }

    fn eval_node(&self, expr: &Expr, steps: Steps) -> Result<Evaluated, QueryError> {
        self.check_time()?;
        match &expr.kind {
            ExprKind::Number(number, _) => Ok(Evaluated::Scalar(vec![*number; steps.count()])),
            ExprKind::String(text) => Ok(Evaluated::String(Arc::clone(text))),
            ExprKind::Paren(inner) => self.eval(inner, steps),
            ExprKind::Unary(negative, operand) => self.eval_unary(*negative, operand, steps),
            ExprKind::Binary(_) => self.eval_chain(expr, steps),
            ExprKind::Aggregate(aggregate) => self.eval_aggregate(aggregate, expr.span, steps).map(Evaluated::Vector),
            ExprKind::Call(call) => self.eval_call(expr, call, steps),
            ExprKind::Vector(selector) => self.eval_selector(selector, expr.span, steps).map(Evaluated::Vector),
            // Where these may stand, the function around them evaluates them.
            ExprKind::Matrix(_) | ExprKind::Subquery(_) => Err(QueryError::RangeType(ValueType::Matrix.as_str())),
        }
    }

    /// What is the same at each step, at each step.
    fn repeated(&self, once: Evaluated, steps: Steps) -> Result<Evaluated, QueryError> {
        Ok(match once {
            Evaluated::Scalar(values) => {
                Evaluated::Scalar(vec![values.first().copied().unwrap_or(f64::NAN); steps.count()])
            }
            Evaluated::String(text) => Evaluated::String(text),
            Evaluated::Vector(found) => {
                self.hold(series::samples_in(&found).saturating_mul(steps.count() - 1))?;
                let repeat = |series: Series| {
                    let value = series.points.first().map(|point| point.value.clone());
                    let points = value.into_iter().flat_map(|value| {
                        steps.times().map(move |t| Point { t, value: value.clone() }).collect::<Vec<_>>()
                    });
                    Series { points: points.collect(), ..series }
                };
                Evaluated::Vector(found.into_iter().map(repeat).collect())
            }
        })
    }

    fn eval_unary(&self, negative: bool, operand: &Expr, steps: Steps) -> Result<Evaluated, QueryError> {
        let operand = self.eval(operand, steps)?;
        if !negative {
            return Ok(operand);
        }
        Ok(match operand {
            Evaluated::Scalar(values) => Evaluated::Scalar(values.into_iter().map(|value| -value).collect()),
            Evaluated::Vector(found) => Evaluated::Vector(self.negated(found, steps)),
            text @ Evaluated::String(_) => text,
        })
    }

    fn eval_vector(&self, expr: &Expr, steps: Steps) -> Result<Vec<Series>, QueryError> {
        match self.eval(expr, steps)? {
            Evaluated::Vector(found) => Ok(found),
            Evaluated::Scalar(_) | Evaluated::String(_) => Ok(Vec::new()),
        }
    }

    fn eval_scalar(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, QueryError> {
        match self.eval(expr, steps)? {
            Evaluated::Scalar(values) => Ok(values),
            Evaluated::Vector(_) | Evaluated::String(_) => Ok(vec![f64::NAN; steps.count()]),
        }
    }

    /// A duration in milliseconds.
    fn duration(&self, duration: &Duration, span: Span, signed: bool) -> Result<i64, QueryError> {
        let (step, range) = (self.query.queried_interval(), self.query.end() - self.query.start());
        let Span { start, end } = span;
        let told = |error| QueryError::Duration(format!("{start}:{end}: {error}"));
        duration.milliseconds(step, range, signed).map_err(told)
    }

    /// Durations that have no value are a mistake in the query, found before anything is evaluated.
    fn check_durations(&self, expr: &Expr) -> Result<(), QueryError> {
        match &expr.kind {
            ExprKind::Vector(vector) => self.reference(&vector.modifiers).map(drop)?,
            ExprKind::Matrix(matrix) => {
                self.reference(&matrix.vector.modifiers)?;
                self.duration(&matrix.range, matrix.range_span, false)?;
            }
            ExprKind::Subquery(subquery) => {
                self.reference(&subquery.modifiers)?;
                subquery.step.as_ref().map_or(Ok(0), |step| self.duration(step, subquery.step_span, false))?;
                self.duration(&subquery.range, subquery.range_span, false)?;
            }
            _ => {}
        }
        expr.children().into_iter().try_for_each(|child| self.check_durations(child))
    }

    /// Which times the selectors of an expression read, at the steps of the query; `around` and `before` are
    /// the modifiers and the ranges of the subqueries around it.
    fn find_read(&self, expr: &Expr, around: Reference, before: i64, read: &mut (i64, i64)) -> Result<(), QueryError> {
        let lookback = self.options.lookback;
        let (vector, range) = match &expr.kind {
            ExprKind::Vector(vector) => (&**vector, lookback),
            ExprKind::Matrix(matrix) => {
                let range = self.duration(&matrix.range, matrix.range_span, false)?;
                (&matrix.vector, if matrix.vector.extension == Extension::None { range } else { range + lookback })
            }
            ExprKind::Subquery(subquery) => {
                let reference = self.reference(&subquery.modifiers)?;
                let range = self.duration(&subquery.range, subquery.range_span, false)?;
                let before = if reference.at.is_some() { range } else { before.saturating_add(range) };
                return self.find_read(&subquery.expr, around.then(reference), before, read);
            }
            // What follows in a call of `info` are conditions on labels.
            ExprKind::Call(call) if call.function.name == "info" => {
                return call.args.iter().take(1).try_for_each(|arg| self.find_read(arg, around, before, read));
            }
            _ => return expr.children().into_iter().try_for_each(|child| self.find_read(child, around, before, read)),
        };
        let reference = self.reference(&vector.modifiers)?;
        let before = if reference.at.is_some() { 0 } else { before };
        let reference = around.then(reference);
        let after = if vector.extension == Extension::Smoothed { lookback } else { 0 };
        let first = reference.time(self.query.start()).saturating_sub(before).saturating_sub(range).saturating_add(1);
        let last = reference.time(self.query.end()).saturating_add(after);
        *read = (read.0.min(first), read.1.max(last));
        Ok(())
    }

    /// What a selector's or subquery's modifiers make of a time.
    fn reference(&self, modifiers: &Modifiers) -> Result<Reference, QueryError> {
        let offset =
            modifiers.offset.as_ref().map_or(Ok(0), |offset| self.duration(offset, modifiers.offset_span, true))?;
        Ok(Reference { at: modifiers.at.map(|at| self.query.fixed(at)), offset })
    }
}

/// How a time of evaluation becomes the time that is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reference {
    at: Option<i64>,
    offset: i64,
}

impl Reference {
    fn time(self, t: i64) -> i64 {
        self.at.unwrap_or(t).saturating_sub(self.offset)
    }

    /// This one, and then another.
    fn then(self, inner: Self) -> Self {
        match inner.at.or(self.at) {
            Some(_) => Self { at: Some(inner.time(self.time(0))), offset: 0 },
            None => Self { at: None, offset: self.offset.saturating_add(inner.offset) },
        }
    }
}

impl Evaluator<'_> {
    /// Whether an expression gives the same at each time. Not all that are so are found.
    fn is_step_invariant(&self, expr: &Expr) -> bool {
        let all = |args: &[Expr]| args.iter().all(|arg| self.is_step_invariant(arg));
        match &expr.kind {
            ExprKind::Number(..) | ExprKind::String(_) => true,
            ExprKind::Vector(selector) => selector.modifiers.at.is_some(),
            ExprKind::Matrix(matrix) => matrix.vector.modifiers.at.is_some(),
            ExprKind::Subquery(subquery) => subquery.modifiers.at.is_some(),
            // Prometheus does not look at the parameter.
            ExprKind::Aggregate(aggregate) => self.is_step_invariant(&aggregate.expr),
            ExprKind::Call(call) => match call.function.name {
                "time" | "predict_linear" | "days_in_month" | "day_of_month" | "day_of_week" | "day_of_year"
                | "hour" | "minute" | "month" | "year" => false,
                "timestamp" | "start_timestamp" => call.args.iter().all(|arg| match &arg.bare().kind {
                    ExprKind::Vector(selector) => selector.modifiers.at.is_some(),
                    _ => false,
                }),
                "info" => {
                    call.args.first().is_some_and(|arg| self.is_step_invariant(arg) && self.is_looked_up_once(arg))
                }
                _ => all(&call.args),
            },
            _ => expr.children().into_iter().all(|child| self.is_step_invariant(child)),
        }
    }
}
