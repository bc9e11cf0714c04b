//! What a plan may not have: it is executed by recursion, and a thread's stack has an end; and some
//! functions make more of a few rows than the memory pool counts.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion, TreeNodeVisitor};
use datafusion::common::{Result, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

use crate::{QueryError, explain};

/// Operators in a row, as in `a + b + c`: each is one level of the expression.
const MAX_EXPRESSION: usize = 100;
/// Steps of a plan, one within the other: joins in a row, queries in queries.
const MAX_PLAN: usize = 200;

/// Refuses plans and expressions that are too deep.
pub fn check(plan: &LogicalPlan) -> std::result::Result<(), QueryError> {
    let mut steps = Steps::default();
    // The walk itself takes a new piece of stack when it needs one.
    match plan.visit_with_subqueries(&mut steps) {
        Ok(_) => Ok(()),
        Err(DataFusionError::External(error)) => match error.downcast::<QueryError>() {
            Ok(error) => Err(*error),
            Err(error) => Err(QueryError::Internal(error.to_string())),
        },
        Err(error) => Err(QueryError::Invalid { message: error.message().into_owned(), position: None }),
    }
}

/// Counts the nodes that the walk is in.
#[derive(Default)]
struct Steps(usize);

impl<'n> TreeNodeVisitor<'n> for Steps {
    type Node = LogicalPlan;

    fn f_down(&mut self, plan: &'n LogicalPlan) -> Result<TreeNodeRecursion> {
        self.0 += 1;
        within("its plan is", self.0, MAX_PLAN)?;
        plan.apply_expressions(|expr| {
            expr.visit(&mut Operators::default())?;
            Ok(TreeNodeRecursion::Continue)
        })
    }

    fn f_up(&mut self, _: &'n LogicalPlan) -> Result<TreeNodeRecursion> {
        self.0 -= 1;
        Ok(TreeNodeRecursion::Continue)
    }
}

#[derive(Default)]
struct Operators(usize);

impl<'n> TreeNodeVisitor<'n> for Operators {
    type Node = Expr;

    fn f_down(&mut self, expr: &'n Expr) -> Result<TreeNodeRecursion> {
        self.0 += 1;
        refuse_growing_windows(expr)?;
        refuse_patterns_of_rows(expr)?;
        within("an expression (of a list of alternatives, write IN) is", self.0, MAX_EXPRESSION)?;
        Ok(TreeNodeRecursion::Continue)
    }

    fn f_up(&mut self, _: &'n Expr) -> Result<TreeNodeRecursion> {
        self.0 -= 1;
        Ok(TreeNodeRecursion::Continue)
    }
}

/// A list or text of all rows so far, for each row, is as large as their number squared.
fn refuse_growing_windows(expr: &Expr) -> Result<()> {
    match expr {
        Expr::WindowFunction(window) if matches!(window.fun.name(), "array_agg" | "string_agg") => {
            plan_err!("{} is not supported as a window function", window.fun.name())
        }
        _ => Ok(()),
    }
}

/// A regular expression that differs from row to row is compiled for each and kept for a batch, megabytes each, and
/// nothing ends that before the batch is done.
fn refuse_patterns_of_rows(expr: &Expr) -> Result<()> {
    use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
    let pattern = match expr {
        Expr::BinaryExpr(BinaryExpr {
            op: RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch, right, ..
        }) => Some(right.as_ref()),
        Expr::SimilarTo(like) => Some(like.pattern.as_ref()),
        Expr::ScalarFunction(call) if call.name().starts_with("regexp_") => call.args.get(1),
        _ => None,
    };
    match pattern.map(differs_by_row).transpose()? {
        Some(true) => {
            plan_err!("a regular expression has to be the same for all rows: of several, write alternatives (a|b)")
        }
        _ => Ok(()),
    }
}

/// Whether an expression may have another value for each row.
pub fn differs_by_row(expr: &Expr) -> Result<bool> {
    expr.exists(|part| {
        Ok(match part {
            Expr::Column(_) | Expr::OuterReferenceColumn(..) => true,
            Expr::ScalarSubquery(subquery) => !subquery.outer_ref_columns.is_empty(),
            part => part.is_volatile_node(),
        })
    })
}

fn within(what: &str, depth: usize, max: usize) -> Result<()> {
    match depth <= max {
        true => Ok(()),
        false => Err(DataFusionError::External(Box::new(explain::too_deep(what, max)))),
    }
}
