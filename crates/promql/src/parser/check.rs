//! Types of expressions, and what else a parser for one token after the other cannot see.

use super::ast::{Aggregate, Binary, Call, Cardinality, Expr, ExprKind, Extension, ValueType, VectorSelector};
use super::error::ParseError;
use crate::text::quote;

/// Checks an expression and all within it.
pub(super) fn check(query: &str, expr: &Expr) -> Result<(), ParseError> {
    let fail = |expr: &Expr, message: String| Err(ParseError::new(query, expr.span, message));
    for child in expr.children() {
        if !is_label_selector(expr, child) {
            check(query, child)?;
        }
    }
    let checked = match &expr.kind {
        ExprKind::Number(..) | ExprKind::String(_) | ExprKind::Paren(_) | ExprKind::Subquery(_) => Ok(()),
        ExprKind::Unary(_, operand) => match operand.value_type() {
            ValueType::Scalar | ValueType::Vector => Ok(()),
            other => {
                let message = "unary expression only allowed on expressions of type scalar or instant vector";
                Err(format!("{message}, got {}", quote(other.as_str())))
            }
        },
        ExprKind::Binary(binary) => check_binary(binary),
        ExprKind::Aggregate(aggregate) => check_aggregate(aggregate),
        ExprKind::Call(call) => check_call(call),
        ExprKind::Vector(vector) => check_selector(vector),
        ExprKind::Matrix(matrix) => check_selector(&matrix.vector),
    };
    checked.or_else(|message| fail(expr, message))
}

/// The second argument of `info` is no selector, but conditions on labels.
fn is_label_selector(parent: &Expr, child: &Expr) -> bool {
    match &parent.kind {
        ExprKind::Call(call) if call.function.name == "info" => {
            call.args.get(1).is_some_and(|second| std::ptr::eq(second, child))
        }
        _ => false,
    }
}

fn check_selector(vector: &VectorSelector) -> Result<(), String> {
    if vector.matchers.iter().all(|matcher| matcher.matches("")) {
        return Err("vector selector must contain at least one non-empty matcher".into());
    }
    Ok(())
}

fn expect_type(expr: &Expr, wanted: ValueType, context: &str) -> Result<(), String> {
    let found = expr.value_type();
    if found == wanted {
        return Ok(());
    }
    Err(format!("expected type {} in {context}, got {}", wanted.as_str(), found.as_str()))
}

fn check_aggregate(aggregate: &Aggregate) -> Result<(), String> {
    expect_type(&aggregate.expr, ValueType::Vector, "aggregation expression")?;
    match (aggregate.op.parameter(), &aggregate.param) {
        (Some(wanted), Some(param)) => expect_type(param, wanted, "aggregation parameter"),
        _ => Ok(()),
    }
}

fn check_call(call: &Call) -> Result<(), String> {
    let (least, most) = call.function.arity();
    let name = quote(call.function.name);
    let given = call.args.len();
    match most {
        Some(most) if least == most && given != most => {
            return Err(format!("expected {most} argument(s) in call to {name}, got {given}"));
        }
        _ if given < least => {
            return Err(format!("expected at least {least} argument(s) in call to {name}, got {given}"));
        }
        Some(most) if given > most => {
            return Err(format!("expected at most {most} argument(s) in call to {name}, got {given}"));
        }
        _ => {}
    }
    for (at, arg) in call.args.iter().enumerate() {
        if call.function.name == "info" && at == 1 {
            match &arg.kind {
                ExprKind::Vector(selector) if selector.name.is_none() && selector.extension == Extension::None => {
                    continue;
                }
                ExprKind::Vector(_) => return Err("expected label selectors only, got vector selector instead".into()),
                _ => return Err(format!("expected label selectors only, got {} instead", arg.value_type().as_str())),
            }
        }
        if let Some(wanted) = call.function.argument(at) {
            expect_type(arg, wanted, &format!("call to function {name}"))?;
        }
    }
    Ok(())
}

fn check_binary(binary: &Binary) -> Result<(), String> {
    let (left, right) = (binary.left.value_type(), binary.right.value_type());
    let op = binary.op;
    if binary.returns_bool && !op.is_comparison() {
        return Err("bool modifier can only be used on comparison operators".into());
    }
    if op.is_comparison() && !binary.returns_bool && left == ValueType::Scalar && right == ValueType::Scalar {
        return Err("comparisons between scalars must use BOOL modifier".into());
    }
    let operand = |value_type| matches!(value_type, ValueType::Scalar | ValueType::Vector);
    if !operand(left) || !operand(right) {
        return Err("binary expression must contain only scalar and instant vector types".into());
    }
    let matching = &binary.matching;
    if matching.on
        && let Some(label) = matching.include.iter().find(|label| matching.labels.contains(label))
    {
        return Err(format!("label {} must not occur in ON and GROUP clause at once", quote(label)));
    }
    let grouped = matches!(matching.cardinality, Cardinality::ManyToOne | Cardinality::OneToMany);
    let filled = matching.fill_left.is_some() || matching.fill_right.is_some();
    if left != ValueType::Vector || right != ValueType::Vector {
        if op.is_set() {
            return Err(format!("set operator {} not allowed in binary scalar expression", quote(op.as_str())));
        }
        if !matching.labels.is_empty() || matching.on || grouped {
            return Err("vector matching only allowed between instant vectors".into());
        }
        if filled {
            return Err("filling in missing series only allowed between instant vectors".into());
        }
    } else if op.is_set() {
        if grouped {
            return Err(format!("no grouping allowed for {} operation", quote(op.as_str())));
        }
        if filled {
            return Err(format!("filling in missing series not allowed for set operator {}", quote(op.as_str())));
        }
    }
    Ok(())
}
