//! Expressions as text over several lines, as Prometheus' `format_query` lays them out.

use super::ast::{Expr, ExprKind};

/// What is longer, in bytes, is broken into lines.
const LINE: usize = 100;
const INDENT: &str = "  ";

impl Expr {
    /// On one line if it fits; else with each part on a line of its own, indented by how deep it is.
    pub fn laid_out(&self) -> String {
        lines(self, 0)
    }
}

fn lines(expr: &Expr, level: usize) -> String {
    let indent = INDENT.repeat(level);
    if let ExprKind::Unary(negative, operand) = &expr.kind {
        let sign = if *negative { '-' } else { '+' };
        return format!("{indent}{sign}{}", lines(operand, level).trim());
    }
    let flat = expr.to_string();
    let is_long = flat.len() > LINE;
    match &expr.kind {
        ExprKind::Aggregate(aggregate) if is_long => {
            let param = aggregate.param.as_ref().map(|param| lines(param, level + 1) + ",\n").unwrap_or_default();
            format!("{indent}{}(\n{param}{}\n{indent})", aggregate.head(), lines(&aggregate.expr, level + 1))
        }
        ExprKind::Binary(binary) if is_long => {
            let (left, right) = (lines(&binary.left, level + 1), lines(&binary.right, level + 1));
            format!("{left}\n{indent}{}\n{right}", binary.middle())
        }
        ExprKind::Call(call) if is_long => {
            let args: Vec<String> = call.args.iter().map(|arg| lines(arg, level + 1)).collect();
            format!("{indent}{}(\n{}\n{indent})", call.function.name, args.join(",\n"))
        }
        ExprKind::Paren(inner) if is_long => format!("{indent}(\n{}\n{indent})", lines(inner, level + 1)),
        ExprKind::Subquery(subquery) if is_long => lines(&subquery.expr, level) + &subquery.suffix(),
        // One that fits is not indented by Prometheus either.
        ExprKind::Subquery(_) => flat,
        _ => indent + &flat,
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::parse;

    #[test]
    fn what_is_long_is_laid_out_over_lines() {
        let name = "a_metric_whose_name_is_so_long_that_two_of_them_do_not_fit_into_one_line";
        let query = format!("topk by (job) (5, -rate({name}[5m]) / on (job) ({name} offset 1m)) > 1");
        let expected = format!(
            "  topk by (job) (\n    5,\n      -rate({name}[5m])\n    / on (job)\n      ({name} offset 1m)\n  )\n>\n  1"
        );
        assert_eq!(parse(&query).unwrap().laid_out(), expected);
        assert_eq!(parse("sum( a )").unwrap().laid_out(), "sum(a)");
    }
}
