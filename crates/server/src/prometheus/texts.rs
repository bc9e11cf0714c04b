//! Expressions as texts.

use axum::response::Response;
use promql::parser::parse;

use super::answer::{Problem, Remarks, success};
use super::ask::Ask;
use super::tree;

/// `format_query`: the expression, laid out.
pub async fn format(ask: Ask) -> Result<Response, Problem> {
    let expr = parse(ask.query()).map_err(|error| Problem::parameter("query", error))?;
    Ok(success(expr.laid_out(), Remarks::default()))
}

/// `parse_query`: the expression as a tree.
pub async fn parsed(ask: Ask) -> Result<Response, Problem> {
    let expr = parse(ask.query()).map_err(|error| Problem::parameter("query", error))?;
    Ok(success(tree::of(&expr), Remarks::default()))
}
