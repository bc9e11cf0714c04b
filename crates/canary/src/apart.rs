//! Baselines of another time: queries that look further back than those of the canary.

use promql::parse;
use promql::parser::ast::{Duration, Expr, ExprKind, Modifiers};

use crate::definition::{Definition, Pair};

/// What is to be said of baselines that are measured at another time than the canary; nothing if there is none.
pub(crate) fn risk(definition: &Definition) -> Option<String> {
    let counted = definition.metrics.iter().filter(|metric| !metric.muted);
    let apart = counted.filter_map(|metric| millis(&metric.value)).filter(|apart| *apart != 0);
    Some(judge::shifted::risk(apart.max_by_key(|apart| apart.abs())?))
}

/// How long before that of the canary the baseline is measured, in milliseconds.
fn millis(pair: &Pair) -> Option<i64> {
    let of = |query: &str| parse(query).ok().map(|expr| back(&expr));
    Some(((of(&pair.baseline)? - of(&pair.canary)?) * 1_000.0).round() as i64)
}

/// The seconds by which an expression looks back with `offset`, where it does so furthest.
fn back(expr: &Expr) -> f64 {
    let own = |modifiers: &Modifiers| modifiers.offset.as_ref().map_or(0.0, seconds);
    match &expr.kind {
        ExprKind::Vector(vector) => own(&vector.modifiers),
        ExprKind::Matrix(matrix) => own(&matrix.vector.modifiers),
        ExprKind::Subquery(subquery) => own(&subquery.modifiers) + back(&subquery.expr),
        _ => {
            let parts = expr.children().into_iter().map(back);
            parts.fold(0.0, |most: f64, part| if part.abs() > most.abs() { part } else { most })
        }
    }
}

/// A duration as far as it is a number.
fn seconds(duration: &Duration) -> f64 {
    match duration {
        Duration::Seconds(seconds, _) => *seconds,
        Duration::Paren(inner) => seconds(inner),
        Duration::Unary(is_negative, inner) => seconds(inner) * if *is_negative { -1.0 } else { 1.0 },
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_apart_arms_are_is_found_wherever_it_is_said() {
        let apart = |baseline: &str, canary: &str| {
            millis(&Pair { baseline: baseline.to_owned(), canary: canary.to_owned() }).unwrap()
        };
        assert_eq!(
            apart("sum(increase(x_total[1m] offset 1w)) or vector(0)", "sum(increase(x_total[1m]))"),
            604_800_000
        );
        assert_eq!(apart("max_over_time(a[1h:1m] offset 1h) / b", "a / b"), 3_600_000);
        assert_eq!(apart("a offset 5m", "b offset 5m"), 0);
        assert_eq!(apart("a", "a offset 1m"), -60_000);
        assert_eq!(apart("a offset -1m", "b"), -60_000);
        assert_eq!(apart(r#"a{version="v1"}"#, r#"a{version="v2"}"#), 0);
    }
}
