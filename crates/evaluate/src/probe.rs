//! The selectors of an expression: which metrics it reads, and whether there is anything.

use std::collections::{BTreeMap, BTreeSet};

use promql::Matcher;
use promql::labels::METRIC_NAME;
use promql::parser::ast::{Expr, ExprKind, Extension};
use rules::Query;

/// So many selectors of an expression are asked for what they find.
const SELECTORS: usize = 20;

/// Selectors by their text, each with a query that counts its series.
pub(crate) fn probes(expr: &Expr) -> BTreeMap<String, String> {
    let mut probes = BTreeMap::new();
    walk(expr, &mut |selector| {
        let text = selector.to_string();
        let probe = match selector.kind {
            ExprKind::Matrix(_) => format!("count(last_over_time({text}))"),
            _ => format!("count({text})"),
        };
        if probes.len() < SELECTORS {
            probes.insert(text, probe);
        }
    });
    probes
}

/// Whether a query may read one of these metrics.
pub(crate) fn reads(query: &Query, names: &BTreeSet<String>) -> bool {
    let Query::Promql { expr, .. } = query else { return !names.is_empty() };
    let mut reads = false;
    walk(expr, &mut |selector| {
        let matchers: &[Matcher] = match &selector.kind {
            ExprKind::Vector(vector) => &vector.matchers,
            ExprKind::Matrix(matrix) => &matrix.vector.matchers,
            _ => &[],
        };
        let fits = |name: &String| matchers.iter().all(|it| *it.name != *METRIC_NAME || it.matches(name));
        reads |= names.iter().any(fits);
    });
    reads
}

/// Every selector, without what its samples are taken by.
fn walk(expr: &Expr, take: &mut impl FnMut(&Expr)) {
    match &expr.kind {
        ExprKind::Vector(vector) => {
            let mut vector = vector.clone();
            vector.extension = Extension::None;
            take(&Expr { kind: ExprKind::Vector(vector), span: expr.span });
        }
        ExprKind::Matrix(matrix) => {
            let mut matrix = matrix.clone();
            matrix.vector.extension = Extension::None;
            take(&Expr { kind: ExprKind::Matrix(matrix), span: expr.span });
        }
        // The second argument of `info` says which labels are added.
        ExprKind::Call(call) if call.function.name == "info" => {
            call.args.iter().take(1).for_each(|arg| walk(arg, take));
        }
        _ => expr.children().into_iter().for_each(|child| walk(child, take)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::promql(text.to_owned()).unwrap()
    }

    #[test]
    fn each_selector_is_counted_once_with_its_range_and_offset() {
        let Query::Promql { expr, .. } = query(
            r#"rate(errors{job="a"}[5m] offset 1m) / on (job) up > 0.5 or rate(errors{job="a"}[5m] offset 1m) + max_over_time(up[1h:1m])"#,
        ) else {
            panic!("no PromQL")
        };
        let found: Vec<(String, String)> = probes(&expr).into_iter().collect();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let errors = r#"errors{job="a"}[5m] offset 1m"#;
        assert_eq!(found, [pair(errors, &format!("count(last_over_time({errors}))")), pair("up", "count(up)")]);
        assert!(found.iter().all(|(_, probe)| promql::parse(probe).is_ok()));
    }

    #[test]
    fn a_query_waits_only_for_metrics_that_it_may_read() {
        let names = BTreeSet::from(["job:up:sum".to_owned()]);
        let cases = [
            ("job:up:sum > 1", true),
            ("up", false),
            (r#"{__name__=~"job:.*"}"#, true),
            (r#"{__name__!="job:up:sum",job="a"}"#, false),
            (r#"{job="a"}"#, true),
            ("rate(job:up:sum[5m])", true),
            ("vector(1)", false),
        ];
        for (text, expected) in cases {
            assert_eq!(reads(&query(text), &names), expected, "{text}");
        }
        assert!(reads(&Query::Sql("SELECT 1".to_owned()), &names));
        assert!(!reads(&query("up"), &BTreeSet::new()));
    }
}
