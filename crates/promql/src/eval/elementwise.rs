//! What changes each value of a series by itself and leaves the labels as they are: arithmetic with a
//! number, and functions of one value. Who takes in series one after the other need not have them all
//! for it.

use std::cell::RefCell;
use std::sync::Arc;

use super::binary::{combine, renames};
use super::selector::Part;
use super::series::{Lent, Take, merged, samples_in};
use super::{Evaluator, Steps};
use crate::annotations::{Annotations, Note};
use crate::dates::{self, Date};
use crate::error::QueryError;
use crate::functions::instant;
use crate::histogram::Histogram;
use crate::parser::ast::{Binary, Call, Expr, ExprKind, Extension, Span, ValueType, VectorSelector};
use crate::value::{Point, Series, Value};

/// What becomes of each value of a series.
enum Change<'e> {
    /// It stays as it is.
    Kept,
    Negated,
    /// Combined with a number for each step, by an operator.
    Combined {
        binary: &'e Binary,
        span: Span,
        numbers: Vec<f64>,
        swapped: bool,
    },
    /// A number becomes another, or goes; a histogram goes.
    OfNumber(Box<dyn Fn(usize, f64) -> Option<f64>>),
    /// A histogram becomes a number; a number goes.
    OfHistogram(fn(&Histogram) -> f64),
}

impl Change<'_> {
    /// Whether what comes of it is another metric.
    fn renames(&self) -> bool {
        match self {
            Change::Kept => false,
            Change::Combined { binary, .. } => binary.returns_bool || renames(binary.op),
            Change::Negated | Change::OfNumber(_) | Change::OfHistogram(_) => true,
        }
    }

    /// Changes the value at a step; says whether there still is one.
    fn apply(&self, step: usize, value: &mut Value, tell: &mut dyn FnMut(Note)) -> bool {
        match (self, &mut *value) {
            (Change::Kept, _) => true,
            (Change::Negated, Value::Float(number)) => {
                *number = -*number;
                true
            }
            (Change::Negated, Value::Histogram(histogram)) => {
                Arc::make_mut(histogram).mul(-1.0);
                true
            }
            (Change::Combined { binary, span, numbers, swapped }, value) => {
                let number = Value::Float(numbers.get(step).copied().unwrap_or(f64::NAN));
                combined(binary, *span, value, &number, *swapped, tell)
            }
            (Change::OfNumber(function), Value::Float(number)) => match function(step, *number) {
                Some(changed) => {
                    *number = changed;
                    true
                }
                None => false,
            },
            (Change::OfHistogram(function), Value::Histogram(histogram)) => {
                let number = function(histogram);
                *value = Value::Float(number);
                true
            }
            (Change::OfNumber(_), Value::Histogram(_)) | (Change::OfHistogram(_), Value::Float(_)) => false,
        }
    }

    /// Changes the points of a series, which are in order of the steps.
    fn apply_all(&self, points: &mut Vec<Point>, steps: Steps, tell: &mut dyn FnMut(Note)) {
        if matches!(self, Change::Kept) {
            return;
        }
        let mut times = steps.times().enumerate();
        points.retain_mut(|point| {
            let step = times.find(|(_, t)| *t == point.t).map_or(0, |(step, _)| step);
            self.apply(step, &mut point.value, tell)
        });
    }
}

fn combined(
    binary: &Binary,
    span: Span,
    value: &mut Value,
    number: &Value,
    swapped: bool,
    tell: &mut dyn FnMut(Note),
) -> bool {
    let (left, right) = if swapped { (number, &*value) } else { (&*value, number) };
    let Some(combined) = combine(binary.op, left, right, span, tell) else { return false };
    if binary.returns_bool {
        *value = Value::Float(f64::from(u8::from(combined.keep)));
        return true;
    }
    // A comparison keeps the series' value, on whichever side it is.
    if !binary.op.is_comparison() {
        *value = combined.value;
    }
    combined.keep
}

/// The series in an operator between series and a number, the number, and whether that is the left side.
fn sides(binary: &Binary) -> Option<(&Expr, &Expr, bool)> {
    match (binary.left.value_type(), binary.right.value_type()) {
        (ValueType::Vector, ValueType::Scalar) => Some((&binary.left, &binary.right, false)),
        (ValueType::Scalar, ValueType::Vector) => Some((&binary.right, &binary.left, true)),
        _ => None,
    }
}

/// What an expression that changes values one by one changes.
fn operand(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => Some(inner),
        ExprKind::Binary(binary) => sides(binary).map(|(series, ..)| series),
        ExprKind::Call(call) if is_mapping(call.function.name) => call.args.first(),
        _ => None,
    }
}

fn is_mapping(function: &str) -> bool {
    dates::part(function).is_some()
        || instant::of_number(function).is_some()
        || instant::of_histogram(function).is_some()
        || matches!(function, "round" | "clamp" | "clamp_min" | "clamp_max")
}

/// Whether the series of an expression can be had one after the other: those of a selector or of a
/// function of its ranges, whose values may be changed. They have the labels of stored series, so no
/// two are the same.
pub(super) fn comes_one_by_one(expr: &Expr) -> bool {
    let mut source = expr;
    while let Some(inner) = operand(source) {
        source = inner;
    }
    match &source.kind {
        ExprKind::Vector(selector) => selector.extension != Extension::Smoothed,
        ExprKind::Call(call) => sample_time(call).is_some() || has_selected_range(call),
        _ => false,
    }
}

/// Whether a call is one of a function over the ranges of a selector.
fn has_selected_range(call: &Call) -> bool {
    let selected = call.args.iter().any(|arg| matches!(arg.bare().kind, ExprKind::Matrix(_)));
    selected && super::range_call::is_known(call.function.name)
}

/// The selector whose samples' times a call asks for.
fn sample_time(call: &Call) -> Option<(&VectorSelector, Span, Part)> {
    let part = match call.function.name {
        "timestamp" => Part::Time,
        "start_timestamp" => Part::Start,
        _ => return None,
    };
    let arg = call.args.first()?.bare();
    match &arg.kind {
        ExprKind::Vector(selector) => Some((selector, arg.span, part)),
        _ => None,
    }
}

impl Evaluator<'_> {
    /// The series of an expression of which [`comes_one_by_one`] holds.
    pub(super) fn each_series(&self, expr: &Expr, steps: Steps, take: Take<'_>) -> Result<(), QueryError> {
        self.check_time()?;
        let (mut source, mut changes) = (expr, Vec::new());
        while let Some(inner) = operand(source) {
            // What is told of a change comes after what is told of all that it changes.
            changes.push((self.change(source, steps)?, RefCell::new(Annotations::default())));
            source = inner;
        }
        changes.reverse();
        let mut changed = |mut series: Lent<'_>| {
            for (change, told) in &changes {
                change.apply_all(series.points, steps, &mut |note| told.borrow_mut().add(note));
                series.drops_name |= change.renames();
            }
            if series.points.is_empty() { Ok(()) } else { take(series) }
        };
        self.each_source(source, steps, &mut changed)?;
        changes.into_iter().for_each(|(_, told)| self.notes.borrow_mut().append(told.into_inner()));
        Ok(())
    }

    fn each_source(&self, source: &Expr, steps: Steps, take: Take<'_>) -> Result<(), QueryError> {
        match &source.kind {
            ExprKind::Vector(selector) => self.each_part(selector, source.span, steps, Part::Value, take),
            ExprKind::Call(call) => {
                if let Some((selector, span, part)) = sample_time(call) {
                    let mut take = |series: Lent<'_>| take(Lent { drops_name: true, ..series });
                    return self.each_part(selector, span, steps, part, &mut take);
                }
                match self.range_call(call, steps)? {
                    Some(over) => self.each_range(over, steps, take),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// What an expression makes of each value of its operand.
    fn change<'e>(&self, expr: &'e Expr, steps: Steps) -> Result<Change<'e>, QueryError> {
        Ok(match &expr.kind {
            ExprKind::Unary(true, _) => Change::Negated,
            ExprKind::Binary(binary) => match sides(binary) {
                Some((_, number, swapped)) => {
                    Change::Combined { binary, span: expr.span, numbers: self.eval_scalar(number, steps)?, swapped }
                }
                None => Change::Kept,
            },
            ExprKind::Call(call) => self.mapping(call, steps)?,
            _ => Change::Kept,
        })
    }

    /// What a function of one value, and of numbers that come after it, makes of the value.
    fn mapping(&self, call: &Call, steps: Steps) -> Result<Change<'static>, QueryError> {
        let name = call.function.name;
        if let Some(part) = dates::part(name) {
            let of = move |seconds: f64| part(Date::of(dates::whole_seconds(seconds))) as f64;
            return Ok(Change::OfNumber(Box::new(move |_, value| Some(of(value)))));
        }
        if let Some(function) = instant::of_number(name) {
            return Ok(Change::OfNumber(Box::new(move |_, value| Some(function(value)))));
        }
        if let Some(function) = instant::of_histogram(name) {
            return Ok(Change::OfHistogram(function));
        }
        let numbers = call.args.iter().skip(1).map(|number| self.eval_scalar(number, steps));
        let numbers: Vec<Vec<f64>> = numbers.collect::<Result<_, _>>()?;
        let number = move |at: usize, step: usize| numbers.get(at).and_then(|values| values.get(step)).copied();
        Ok(Change::OfNumber(Box::new(move |step, value| match name {
            "round" => Some(instant::round(value, number(0, step).unwrap_or(1.0))),
            "clamp" => instant::clamp(value, number(0, step)?, number(1, step)?),
            "clamp_min" => instant::clamp(value, number(0, step)?, f64::INFINITY),
            "clamp_max" => instant::clamp(value, f64::NEG_INFINITY, number(0, step)?),
            _ => None,
        })))
    }

    /// Functions of one value, for all series at once.
    pub(super) fn eval_mapped(&self, call: &Call, steps: Steps) -> Result<Vec<Series>, QueryError> {
        let name = call.function.name;
        let Some(arg) = call.args.first() else {
            let Some(part) = dates::part(name) else {
                return Err(QueryError::failed(format!("function {name} has no argument")));
            };
            let of = |t: i64| part(Date::of(t.div_euclid(1000).into())) as f64;
            return Ok(vec![super::series::of_scalar(&steps.times().map(of).collect::<Vec<_>>(), steps)]);
        };
        let change = self.mapping(call, steps)?;
        let input = self.eval_vector(arg, steps)?;
        merged(self.changed(&change, input, steps))
    }

    /// The other side of zero.
    pub(super) fn negated(&self, input: Vec<Series>, steps: Steps) -> Vec<Series> {
        self.changed(&Change::Negated, input, steps)
    }

    /// An operator between series and a number for each step, which is on the left side if `swapped`.
    pub(super) fn with_scalar(
        &self,
        (binary, span): (&Binary, Span),
        input: Vec<Series>,
        numbers: Vec<f64>,
        swapped: bool,
        steps: Steps,
    ) -> Result<Vec<Series>, QueryError> {
        let change = Change::Combined { binary, span, numbers, swapped };
        let found = self.changed(&change, input, steps);
        if change.renames() { merged(found) } else { Ok(found) }
    }

    fn changed(&self, change: &Change<'_>, mut input: Vec<Series>, steps: Steps) -> Vec<Series> {
        let before = samples_in(&input);
        for series in &mut input {
            change.apply_all(&mut series.points, steps, &mut |note| self.note(note));
            series.drops_name |= change.renames();
        }
        self.release(before.saturating_sub(samples_in(&input)));
        input.retain(|series| !series.points.is_empty());
        input
    }
}
