//! Keys of joins that are computed from members of maps.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr_rewriter::normalize_col;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// The optimized `plan`, in which each computed key of a join names its columns with their tables.
///
/// What DataFusion 55.2 takes out of a key to read it below the join (`labels['x']`) is a column without a table in the key, and
/// one of the table's alias in the input. Its physical planner then makes the key by one name and looks for it by the other.
pub fn qualified(plan: LogicalPlan) -> Result<LogicalPlan> {
    let named = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(mut join) => {
            let (left, right) = (Arc::clone(&join.left), Arc::clone(&join.right));
            for (of_left, of_right) in &mut join.on {
                *of_left = key(of_left.clone(), &left)?;
                *of_right = key(of_right.clone(), &right)?;
            }
            Ok(Transformed::yes(LogicalPlan::Join(join)))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(named.data)
}

fn key(key: Expr, input: &LogicalPlan) -> Result<Expr> {
    match key {
        Expr::Column(_) => Ok(key),
        computed => normalize_col(computed, input),
    }
}
