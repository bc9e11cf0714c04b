//! Types of expressions, and what else a parser for one token after the other cannot see.

use super::ast::{Aggregate, Binary, Call, Cardinality, Expr, ExprKind, Extension, Span, ValueType, VectorSelector};
use super::error::ParseError;
use crate::text::quote;

/// Checks an expression and all within it.
pub(super) fn check(query: &str, expr: &Expr) -> Result<(), ParseError> {
    let told = |Mistake { span, message }| ParseError::new(query, span.unwrap_or(expr.span), message);
    if let ExprKind::Call(call) = &expr.kind {
        check_count(call).map_err(told)?;
    }
    for child in expr.children() {
        if !is_label_selector(expr, child) {
            check(query, child)?;
        }
    }
    let checked = match &expr.kind {
        ExprKind::Number(..) | ExprKind::String(_) | ExprKind::Paren(_) => Ok(()),
        ExprKind::Subquery(subquery) => match subquery.expr.value_type() {
            ValueType::Vector => Ok(()),
            ValueType::Matrix => Err("subquery is only allowed on instant vector, got matrix instead".into()),
            other => Err(format!("subquery is only allowed on instant vector, got {} instead", other.as_str()).into()),
        },
        ExprKind::Unary(_, operand) => match operand.value_type() {
            ValueType::Scalar | ValueType::Vector => Ok(()),
            other => {
                let message = "unary expression only allowed on expressions of type scalar or instant vector";
                Err(format!("{message}, got {}", quote(other.as_str())).into())
            }
        },
        ExprKind::Binary(binary) => check_binary(query, binary),
        ExprKind::Aggregate(aggregate) => check_aggregate(aggregate),
        ExprKind::Call(call) => check_call(call),
        ExprKind::Vector(vector) => check_selector(vector, expr.span),
        ExprKind::Matrix(matrix) => check_selector(&matrix.vector, matrix.vector_span),
    };
    checked.map_err(told)
}

/// What is wrong with an expression, and with which part of it (none: with all of it).
struct Mistake {
    span: Option<Span>,
    message: String,
}

impl Mistake {
    fn at(span: Span, message: impl Into<String>) -> Self {
        Self { span: Some(span), message: message.into() }
    }
}

impl<T: Into<String>> From<T> for Mistake {
    fn from(message: T) -> Self {
        Self { span: None, message: message.into() }
    }
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

fn check_selector(vector: &VectorSelector, span: Span) -> Result<(), Mistake> {
    let [conditions @ .., _] = vector.matchers.as_slice() else {
        return Err("vector selector must contain at least one non-empty matcher".into());
    };
    // The condition on a name before the braces is the last.
    if let (Some(name), Some(other)) = (&vector.name, conditions.iter().find(|matcher| matcher.is_name())) {
        let message = format!("metric name must not be set twice: {} or {}", quote(name), quote(&other.value));
        return Err(Mistake::at(span, message));
    }
    if vector.matchers.iter().all(|matcher| matcher.matches("")) {
        return Err("vector selector must contain at least one non-empty matcher".into());
    }
    Ok(())
}

fn expect_type(expr: &Expr, wanted: ValueType, context: &str) -> Result<(), Mistake> {
    let found = expr.value_type();
    if found == wanted {
        return Ok(());
    }
    Err(Mistake::at(expr.span, format!("expected type {} in {context}, got {}", wanted.as_str(), found.as_str())))
}

fn check_aggregate(aggregate: &Aggregate) -> Result<(), Mistake> {
    expect_type(&aggregate.expr, ValueType::Vector, "aggregation expression")?;
    match (aggregate.op.parameter(), &aggregate.param) {
        (Some(wanted), Some(param)) => expect_type(param, wanted, "aggregation parameter"),
        _ => Ok(()),
    }
}

fn check_count(call: &Call) -> Result<(), Mistake> {
    let (least, most) = call.function.arity();
    let name = quote(call.function.name);
    let given = call.args.len();
    match most {
        Some(most) if least == most && given != most => {
            Err(format!("expected {most} argument(s) in call to {name}, got {given}").into())
        }
        _ if given < least => {
            Err(format!("expected at least {least} argument(s) in call to {name}, got {given}").into())
        }
        Some(most) if given > most => {
            Err(format!("expected at most {most} argument(s) in call to {name}, got {given}").into())
        }
        _ => Ok(()),
    }
}

fn check_call(call: &Call) -> Result<(), Mistake> {
    let name = quote(call.function.name);
    for (at, arg) in call.args.iter().enumerate() {
        if call.function.name == "info" && at == 1 {
            match &arg.kind {
                ExprKind::Vector(selector) if selector.name.is_none() && selector.extension == Extension::None => {
                    continue;
                }
                ExprKind::Vector(_) => {
                    let message = "expected label selectors only, got vector selector instead";
                    return Err(Mistake::at(arg.span, message));
                }
                _ => {
                    let found = arg.value_type().as_str();
                    return Err(Mistake::at(arg.span, format!("expected label selectors only, got {found} instead")));
                }
            }
        }
        if let Some(wanted) = call.function.argument(at) {
            expect_type(arg, wanted, &format!("call to function {name}"))?;
        }
    }
    Ok(())
}

/// Where the operator of two operands is, with its modifiers.
fn between(query: &str, binary: &Binary) -> Span {
    let (start, end) = (binary.left.span.end, binary.right.span.start);
    let text = query.get(start..end).unwrap_or_default();
    Span { start: end - text.trim_start().len().min(end), end }
}

fn check_binary(query: &str, binary: &Binary) -> Result<(), Mistake> {
    let (left, right) = (binary.left.value_type(), binary.right.value_type());
    let op = binary.op;
    if binary.returns_bool && !op.is_comparison() {
        return Err(Mistake::at(between(query, binary), "bool modifier can only be used on comparison operators"));
    }
    if op.is_comparison() && !binary.returns_bool && left == ValueType::Scalar && right == ValueType::Scalar {
        return Err(Mistake::at(between(query, binary), "comparisons between scalars must use BOOL modifier"));
    }
    for side in [&binary.left, &binary.right] {
        if !matches!(side.value_type(), ValueType::Scalar | ValueType::Vector) {
            let message = "binary expression must contain only scalar and instant vector types";
            return Err(Mistake::at(side.span, message));
        }
    }
    let matching = &binary.matching;
    if matching.on
        && let Some(label) = matching.labels.iter().find(|label| matching.include.contains(label))
    {
        let message = format!("label {} must not occur in ON and GROUP clause at once", quote(label));
        return Err(Mistake::at(between(query, binary), message));
    }
    let grouped = matches!(matching.cardinality, Cardinality::ManyToOne | Cardinality::OneToMany);
    let filled = matching.fill_left.is_some() || matching.fill_right.is_some();
    if left != ValueType::Vector || right != ValueType::Vector {
        if !matching.labels.is_empty() {
            return Err("vector matching only allowed between instant vectors".into());
        }
        if filled {
            return Err("filling in missing series only allowed between instant vectors".into());
        }
        if op.is_set() {
            return Err(format!("set operator {} not allowed in binary scalar expression", quote(op.as_str())).into());
        }
    } else if op.is_set() {
        if grouped {
            return Err(format!("no grouping allowed for {} operation", quote(op.as_str())).into());
        }
        if filled {
            return Err("filling in missing series not allowed for set operators".into());
        }
    }
    Ok(())
}
