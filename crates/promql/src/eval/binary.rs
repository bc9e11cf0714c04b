use std::sync::Arc;

use super::{Evaluated, Evaluator, Steps};
use crate::annotations::Combining;
use crate::annotations::Note;
use crate::error::QueryError;
use crate::histogram::{Histogram, Incompatible, Keep, ResetHint};
use crate::parser::ast::{Binary, BinaryOp, Expr, ExprKind, Span};
use crate::text::quote;
use crate::value::Value;

/// What an operator makes of two values.
pub(super) struct Combined {
    pub value: Value,
    /// Whether a comparison holds; other operators always do.
    pub keep: bool,
}

impl Evaluator<'_> {
    /// A chain of operators, `a + b + c + ..`, whose left side may be long: not by recursion.
    pub(super) fn eval_chain(&self, expr: &Expr, steps: Steps) -> Result<Evaluated, QueryError> {
        let mut chain: Vec<(&Binary, Span)> = Vec::new();
        let mut innermost = expr;
        while let ExprKind::Binary(binary) = &innermost.kind {
            chain.push((binary, innermost.span));
            innermost = &binary.left;
        }
        let mut left = self.eval(innermost, steps)?;
        for (binary, span) in chain.into_iter().rev() {
            let right = self.eval(&binary.right, steps)?;
            left = self.eval_binary(binary, span, left, right, steps)?;
        }
        Ok(left)
    }

    fn eval_binary(
        &self,
        binary: &Binary,
        span: Span,
        left: Evaluated,
        right: Evaluated,
        steps: Steps,
    ) -> Result<Evaluated, QueryError> {
        let found = match (left, right) {
            (Evaluated::Scalar(_), Evaluated::Scalar(_)) if binary.op.is_trim() => {
                let op = quote(binary.op.as_str());
                return Err(QueryError::failed(format!("operator {op} not allowed for Scalar operations")));
            }
            (Evaluated::Scalar(left), Evaluated::Scalar(right)) => {
                let values = left.into_iter().zip(right).map(|(a, b)| scalars(binary.op, a, b));
                return Ok(Evaluated::Scalar(values.collect()));
            }
            (Evaluated::Vector(left), Evaluated::Vector(right)) if binary.op.is_set() => {
                self.eval_set(binary, left, right, steps)?
            }
            (Evaluated::Vector(left), Evaluated::Vector(right)) => {
                self.eval_matched(binary, span, left, right, steps)?
            }
            (Evaluated::Vector(left), Evaluated::Scalar(right)) => {
                self.with_scalar((binary, span), left, right, false, steps)?
            }
            (Evaluated::Scalar(left), Evaluated::Vector(right)) => {
                self.with_scalar((binary, span), right, left, true, steps)?
            }
            _ => return Err(QueryError::failed("operators take no strings")),
        };
        Ok(Evaluated::Vector(found))
    }
}

/// Who is told of what was found.
type Tell<'a> = &'a mut dyn FnMut(Note);

/// What an operator makes of two values; nothing, and a note, if it cannot.
pub(super) fn combine(op: BinaryOp, left: &Value, right: &Value, span: Span, tell: Tell<'_>) -> Option<Combined> {
    let kept = |value: Value| Some(Combined { value, keep: true });
    match (left, right) {
        (Value::Float(a), Value::Float(b)) if !op.is_trim() => {
            let keep = !op.is_comparison() || compares(op, *a, *b);
            let value = if op.is_comparison() { *a } else { arithmetic(op, *a, *b) };
            Some(Combined { value: Value::Float(value), keep })
        }
        (Value::Histogram(histogram), Value::Float(number)) => match op {
            BinaryOp::Mul => kept(scaled(histogram, |histogram| histogram.mul(*number))),
            BinaryOp::Div => kept(scaled(histogram, |histogram| histogram.div(*number))),
            BinaryOp::TrimUpper => kept(scaled(histogram, |histogram| histogram.trim(*number, Keep::Below))),
            BinaryOp::TrimLower => kept(scaled(histogram, |histogram| histogram.trim(*number, Keep::Above))),
            _ => incompatible(op, left, right, span, tell),
        },
        (Value::Float(number), Value::Histogram(histogram)) if op == BinaryOp::Mul => {
            kept(scaled(histogram, |histogram| histogram.mul(*number)))
        }
        (Value::Histogram(a), Value::Histogram(b)) => match op {
            BinaryOp::Add => combine_histograms(a, b, Combining::Addition, span, tell).and_then(kept),
            BinaryOp::Sub => combine_histograms(a, b, Combining::Subtraction, span, tell).and_then(kept),
            BinaryOp::Eq => Some(Combined { value: left.clone(), keep: a == b }),
            BinaryOp::Ne => Some(Combined { value: left.clone(), keep: a != b }),
            _ => incompatible(op, left, right, span, tell),
        },
        _ => incompatible(op, left, right, span, tell),
    }
}

fn incompatible(op: BinaryOp, left: &Value, right: &Value, span: Span, tell: Tell<'_>) -> Option<Combined> {
    let kind = |value: &Value| match value {
        Value::Float(_) => "float",
        Value::Histogram(_) => "histogram",
    };
    tell(Note::incompatible_types(span, kind(left), op.as_str(), kind(right)));
    None
}

fn combine_histograms(a: &Histogram, b: &Histogram, combining: Combining, span: Span, tell: Tell<'_>) -> Option<Value> {
    let mut result = a.clone();
    let subtracts = combining == Combining::Subtraction;
    let combined = if subtracts { result.sub(b) } else { result.add(b) };
    match combined {
        Ok(combined) => {
            if combined.reset_collision {
                tell(Note::reset_collision(span, combining));
            }
            if combined.bounds_reconciled {
                tell(Note::bounds_reconciled(span, combining));
            }
        }
        Err(Incompatible) => {
            tell(Note::incompatible_buckets(span, if subtracts { "-" } else { "+" }));
            return None;
        }
    }
    if subtracts {
        result.reset_hint = ResetHint::Gauge;
    }
    result.compact();
    Some(result.into())
}

fn scaled(histogram: &Arc<Histogram>, scale: impl FnOnce(&mut Histogram)) -> Value {
    let mut result = (**histogram).clone();
    scale(&mut result);
    result.compact();
    result.into()
}

/// Whether what an operator gives is another metric.
pub(super) fn renames(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Pow | BinaryOp::Atan2
    )
}

fn scalars(op: BinaryOp, a: f64, b: f64) -> f64 {
    if op.is_comparison() { f64::from(u8::from(compares(op, a, b))) } else { arithmetic(op, a, b) }
}

fn arithmetic(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        _ => f64::NAN,
    }
}

fn compares(op: BinaryOp, a: f64, b: f64) -> bool {
    match op {
        BinaryOp::Eq => a == b,
        BinaryOp::Ne => a != b,
        BinaryOp::Gt => a > b,
        BinaryOp::Lt => a < b,
        BinaryOp::Ge => a >= b,
        BinaryOp::Le => a <= b,
        _ => false,
    }
}
