//! Long texts in an optimized plan: an operator writes one into each row of a batch, which no pool of memory counts
//! before it is done.

use base::Limit;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::QueryConfig;
use crate::bounded::{self, BATCH, Bounded};
use crate::growth::Growth;
use crate::sizes;

/// The plan, if its texts fit into the rows that they are written into; functions that are given long ones work on
/// fewer rows at once.
pub fn bounded(plan: LogicalPlan, config: &QueryConfig) -> Result<LogicalPlan> {
    let mut together = 0u64;
    plan.apply_with_subqueries(|node| {
        let rows = rows(node);
        node.apply_expressions(|expr| {
            let bytes = width(expr)?.saturating_mul(rows);
            sizes::check(bytes, config.value_bytes)?;
            together = together.saturating_add(bytes);
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    let limit = Limit::new("memory_bytes", config.memory_bytes);
    limit.check(together).map_err(|exceeded| DataFusionError::External(Box::new(exceeded)))?;
    let max = config.value_bytes;
    bounded::rewritten(plan, |expr| match expr {
        Expr::ScalarFunction(call) if !Bounded::is(&call.func) && constants(&call.args).saturating_mul(BATCH) > max => {
            Ok(bounded::called(Bounded::function(call.func, Growth::Kept, max), call.args))
        }
        other => Ok(Transformed::no(other)),
    })
}

/// How many rows an expression of a step is worked out for at once.
fn rows(node: &LogicalPlan) -> u64 {
    let most = match (node, node.inputs().as_slice()) {
        // Each of its rows is written by who asks.
        (LogicalPlan::Values(_), _) => Some(1),
        (_, [input]) => input.max_rows(),
        _ => None,
    };
    most.map_or(BATCH, |most| BATCH.min(most as u64))
}

fn constants(args: &[Expr]) -> u64 {
    args.iter().map(literal).fold(0, u64::saturating_add)
}

/// Bytes of a text or list that is written down; numbers are as wide as any column.
fn literal(expr: &Expr) -> u64 {
    match expr {
        Expr::Literal(value, _) if value.data_type().primitive_width().is_none() => sizes::of_scalar(value),
        _ => 0,
    }
}

/// Bytes of literals that are in each row of a column.
fn width(expr: &Expr) -> Result<u64> {
    // These compare a literal with each row, or are functions, which look after themselves.
    let looked_at = matches!(
        expr,
        Expr::BinaryExpr(_)
            | Expr::Like(_)
            | Expr::SimilarTo(_)
            | Expr::Between(_)
            | Expr::InList(_)
            | Expr::ScalarFunction(_)
    );
    let mut widths = match expr {
        Expr::InList(list) => vec![literal(&list.expr)],
        other => vec![literal(other)],
    };
    expr.apply_children(|child| {
        if !(looked_at && matches!(child, Expr::Literal(..))) {
            widths.push(width(child)?);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let widths = widths.into_iter();
    Ok(match expr {
        Expr::Case(_) => widths.max().unwrap_or(0),
        _ => widths.fold(0, u64::saturating_add),
    })
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit, when};

    use super::*;

    #[test]
    fn only_what_is_in_the_rows_counts() {
        let long = || lit("x".repeat(1_000));
        for (expr, expected) in [
            (long(), 1_000),
            (long().alias("a"), 1_000),
            (col("a").eq(long()), 0),
            (col("a").like(long()), 0),
            (col("a").in_list(vec![long(), long()], false), 0),
            (long().in_list(vec![col("a")], false), 1_000),
            (when(col("a").eq(long()), long()).otherwise(lit("short")).unwrap(), 1_000),
            (when(col("a").is_null(), long()).otherwise(long()).unwrap().eq(long()), 1_000),
            (lit(7), 0),
        ] {
            assert_eq!(width(&expr).unwrap(), expected, "{expr}");
        }
    }
}
