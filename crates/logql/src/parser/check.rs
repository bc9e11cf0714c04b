//! What a query that reads well may still do wrong.

use re2::Room;

use super::{Parse, ParseError};
use crate::ast::{
    Binary, BinaryOp, Expr, Grouping, LogExpr, Matching, MetricExpr, RangeAggregation, RangeOp, Stage,
    VectorAggregation, VectorOp,
};
use crate::matcher::{Matcher, RegexpError};
use crate::stages::Pipeline;
use crate::text::parse_float;

const EMPTY_SELECTOR: &str = "queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";

fn fail<T>(message: impl Into<String>) -> Parse<T> {
    Err(ParseError::whole(message))
}

/// A query as a whole.
pub(super) fn expr(expr: &Expr, room: &mut Room) -> Parse<()> {
    match expr {
        Expr::Logs(logs) => log_expr(logs, room),
        Expr::Metric(metric) => metric_expr(metric, room),
    }
}

fn log_expr(logs: &LogExpr, room: &mut Room) -> Parse<()> {
    if !logs.matchers.iter().any(|matcher| !matches_empty(matcher)) {
        return fail(EMPTY_SELECTOR);
    }
    logs.stages.iter().try_for_each(|one| stage(one, room))
}

fn matches_empty(matcher: &Matcher) -> bool {
    matcher.matches("")
}

/// Texts that a stage reads when it is made.
fn stage(stage: &Stage, room: &mut Room) -> Parse<()> {
    match (stage, Pipeline::check(stage, room)) {
        (_, Ok(())) => Ok(()),
        (Stage::Regexp(_), Err(problem)) => fail(format!("invalid regexp parser: {problem}")),
        (Stage::Pattern(_), Err(problem)) => fail(format!("invalid pattern parser: {problem}")),
        (stage, Err(problem)) => fail(format!("stage '{stage}' : {problem}")),
    }
}

fn metric_expr(expr: &MetricExpr, room: &mut Room) -> Parse<()> {
    match expr {
        MetricExpr::Range(aggregation) => log_expr(&aggregation.source.logs, room),
        MetricExpr::Vector(aggregation) => {
            let sorts = matches!(aggregation.op, VectorOp::Sort | VectorOp::SortDesc);
            if sorts && !aggregation.grouping.labels.is_empty() {
                return fail("sort and sort_desc doesn't allow grouping by ");
            }
            metric_expr(&aggregation.source, room)
        }
        MetricExpr::Binary(binary) => {
            metric_expr(&binary.left, room)?;
            metric_expr(&binary.right, room)
        }
        MetricExpr::LabelReplace(replace) => metric_expr(&replace.source, room),
        MetricExpr::Literal(_) | MetricExpr::Constant(_) => Ok(()),
    }
}

pub(super) fn replacement_regex(regex: &str) -> Parse<()> {
    re2::whole(regex)
        .map(|_| ())
        .or_else(|error| fail(format!("invalid regex in label_replace: {}", RegexpError(error))))
}

pub(super) fn range_aggregation(mut aggregation: RangeAggregation, param: Option<String>) -> Parse<RangeAggregation> {
    use RangeOp::*;
    let op = aggregation.op;
    let name = op.as_str();
    aggregation.param = match param {
        Some(text) if op != QuantileOverTime => {
            return fail(format!("parameter {text} not supported for operation {name}"));
        }
        Some(text) => match parse_float(&text) {
            Ok(param) => Some(param),
            Err(error) => return fail(format!("invalid parameter for operation {name}: {error}")),
        },
        None if op == QuantileOverTime => return fail(format!("parameter required for operation {name}")),
        None => None,
    };
    let groups = matches!(
        op,
        AvgOverTime
            | StddevOverTime
            | StdvarOverTime
            | QuantileOverTime
            | MaxOverTime
            | MinOverTime
            | FirstOverTime
            | LastOverTime
    );
    if aggregation.grouping.is_some() && !groups {
        return fail(format!("grouping not allowed for {name} aggregation"));
    }
    let unwraps = aggregation.source.unwrap.is_some();
    let of_lines = matches!(op, BytesOverTime | BytesRate | CountOverTime);
    let of_both = matches!(op, Rate | AbsentOverTime);
    match (unwraps, of_lines || of_both) {
        (true, _) if of_lines => fail(format!("invalid aggregation {name} with unwrap")),
        (false, false) => fail(format!("invalid aggregation {name} without unwrap")),
        _ => Ok(aggregation),
    }
}

pub(super) fn vector_aggregation(
    op: VectorOp,
    param: Option<String>,
    source: Box<MetricExpr>,
    grouping: Option<Grouping>,
) -> Parse<VectorAggregation> {
    let name = op.as_str();
    let param = match param {
        None if op.has_param() => return fail(format!("parameter required for operation {name}")),
        None => 0,
        Some(text) if !op.has_param() => return fail(format!("unsupported parameter for operation {name}({text},")),
        Some(text) => match text.parse::<usize>() {
            Ok(0) => return fail(format!("invalid parameter (must be greater than 0) {name}({text}")),
            Ok(param) => param,
            Err(_) => return fail(format!("invalid parameter {name}({text},")),
        },
    };
    if op == VectorOp::ApproxTopK && grouping.is_some() {
        return fail(format!("grouping not allowed for {name} aggregation"));
    }
    Ok(VectorAggregation { op, param, source, grouping: grouping.unwrap_or_default() })
}

/// A binary operation. Two numbers are one, so that an operation has at least one vector.
pub(super) fn binary(
    op: BinaryOp,
    left: Expr,
    right: Expr,
    returns_bool: bool,
    matching: Matching,
) -> Parse<MetricExpr> {
    let name = op.as_str();
    let metric = |expr, side| match expr {
        Expr::Metric(metric) => Ok(metric),
        Expr::Logs(logs) => {
            let kind = if logs.stages.is_empty() { "*syntax.MatchersExpr" } else { "*syntax.PipelineExpr" };
            fail(format!("unexpected type for {side} leg of binary operation ({name}): {kind}"))
        }
    };
    let (left, right) = (metric(left, "left")?, metric(right, "right")?);
    if op.is_set() {
        for (side, expr) in [("left", &left), ("right", &right)] {
            if let MetricExpr::Literal(value) = expr {
                return fail(format!(
                    "unexpected literal for {side} leg of logical/set binary operation ({name}): {value:.6}"
                ));
            }
        }
    }
    if let (MetricExpr::Literal(left), MetricExpr::Literal(right)) = (&left, &right) {
        return Ok(MetricExpr::Literal(op.compute(*left, *right)));
    }
    Ok(MetricExpr::Binary(Box::new(Binary { op, left, right, returns_bool, matching })))
}
