//! Whether a query gives what happened within one interval, as one of counts has to. Told by its form: what is wrong with it
//! shows in no number, but makes evidence of nothing, or none of much.

use std::time::Duration;

use promql::labels::METRIC_NAME;
use promql::parser::ast::{self, AggregateOp, BinaryOp, Call, Expr, ExprKind};
use promql::{MatchOp, Matcher};

/// Ends of the names of counters (<https://prometheus.io/docs/practices/naming/>).
const COUNTERS: [&str; 4] = ["_total", "_count", "_sum", "_bucket"];
/// What gives events a second.
const RATES: [&str; 2] = ["rate", "irate"];
/// What gives the events of its range.
const SUMS: [&str; 6] = ["increase", "delta", "sum_over_time", "count_over_time", "changes", "resets"];
/// What leaves events what they are.
const SAME: [&str; 10] =
    ["abs", "ceil", "clamp", "clamp_max", "clamp_min", "floor", "label_join", "label_replace", "round", "scalar"];

/// Why an expression does not give what happened in an interval, and at which byte. What is multiplied, divided or subtracted is
/// taken as meant so.
pub(crate) fn wrong(expr: &Expr, interval: Duration) -> Option<(usize, String)> {
    let all = |parts: &[&Expr]| parts.iter().find_map(|part| wrong(part, interval));
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => wrong(inner, interval),
        ExprKind::Aggregate(it) => match it.op {
            AggregateOp::Sum | AggregateOp::Avg | AggregateOp::Min | AggregateOp::Max => wrong(&it.expr, interval),
            _ => None,
        },
        ExprKind::Binary(it) => match it.op {
            BinaryOp::Add | BinaryOp::Or => all(&[&it.left, &it.right]),
            BinaryOp::And | BinaryOp::Unless => wrong(&it.left, interval),
            _ => None,
        },
        ExprKind::Call(call) if SAME.contains(&call.function.name) => all(&call.args.iter().collect::<Vec<_>>()),
        ExprKind::Call(call) => Some((expr.span.start, of_call(call, interval)?)),
        ExprKind::Vector(selector) => {
            let counter = |name: &str| COUNTERS.iter().any(|end| name.ends_with(end));
            let named = |matcher: &&Matcher| matcher.op == MatchOp::Equal && *matcher.name == *METRIC_NAME;
            let name = selector.matchers.iter().find(named).map(|matcher| &*matcher.value);
            let name = name.filter(|name| counter(name))?;
            let problem = format!("`{name}` is a counter, and its reading is not what happened in an interval");
            Some((expr.span.start, format!("{problem}: write increase({name}{{..}}[$interval])")))
        }
        _ => None,
    }
}

fn of_call(call: &Call, interval: Duration) -> Option<String> {
    let name = call.function.name;
    if RATES.contains(&name) {
        return Some(format!("{name} gives events a second: increase(..[$interval]) gives those of an interval"));
    }
    let range = SUMS.contains(&name).then(|| call.args.iter().find_map(range)).flatten()?;
    let longer = range > interval.as_secs_f64() * (1.0 + 1e-9);
    let problem =
        || format!("{name} over {range} s counts each event in several intervals of {} s", interval.as_secs_f64());
    longer.then(|| format!("{}: write [$interval], or divide it by how many these are", problem()))
}

/// Seconds of a range.
fn range(expr: &Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Paren(inner) => range(inner),
        ExprKind::Matrix(selector) => seconds(&selector.range),
        ExprKind::Subquery(subquery) => seconds(&subquery.range),
        _ => None,
    }
}

fn seconds(duration: &ast::Duration) -> Option<f64> {
    match duration {
        ast::Duration::Seconds(seconds, _) => Some(*seconds),
        ast::Duration::Paren(inner) => seconds(inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(query: &str) -> Option<(usize, String)> {
        wrong(&promql::parse(query).unwrap(), Duration::from_secs(60))
    }

    #[test]
    fn what_is_no_count_of_an_interval_is_told_with_its_place() {
        for (query, at, said) in [
            ("sum(errors_total)", 4, "`errors_total` is a counter"),
            ("sum by (zone) (took_seconds_count{a=\"b\"}) or vector(0)", 15, "write increase(took_seconds_count{..}"),
            ("round(sum(rate(x[1m])))", 10, "rate gives events a second"),
            ("a + sum(increase(x[5m]))", 8, "increase over 300 s counts each event in several intervals of 60 s"),
            ("sum(sum_over_time(x[90s:30s]))", 4, "sum_over_time over 90 s"),
            ("(x_total unless y) + z", 1, "`x_total` is a counter"),
        ] {
            let found = problem(query).unwrap_or_else(|| panic!("{query}"));
            assert!(found.0 == at && found.1.contains(said), "{query}: {found:?}");
        }
    }

    #[test]
    fn what_is_one_or_was_meant_so_is_taken() {
        for query in [
            "sum(increase(x_total[1m])) or vector(0)",
            "sum(increase(x_total[30s]))",
            "rate(x_total[5m]) * 60",
            "increase(x_total[5m]) / 5",
            "x_total - x_total offset 1m",
            "sum(errors:count1m)",
            "count(up)",
            "vector(3)",
            "sum(increase(x_total[1m] offset 1w))",
            "errors and on () (y_total > 3)",
            "max_over_time(queue[5m])",
        ] {
            assert_eq!(problem(query), None, "{query}");
        }
    }
}
