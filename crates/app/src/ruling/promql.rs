//! Rules that ask PromQL.

use evaluate::{EvaluateError, Position, Vector};
use query::Engine;
use rules::{Problem, Rule};

/// Why a rule cannot be evaluated here.
pub(super) fn refused(rule: &Rule) -> Option<Problem> {
    let rules::Query::Promql { .. } = rule.query else { return None };
    let message = "a running process evaluates rules that have `sql:`; PromQL rules need an engine over stored series";
    Some(Problem { place: rule.place, key: "expr".to_owned(), message: message.to_owned() })
}

/// What an expression finds at a time, in milliseconds, once the records at `after` are seen.
pub(super) async fn instant(
    _engine: &Engine,
    text: &str,
    _at: i64,
    _after: &[Position],
) -> Result<Vector, EvaluateError> {
    Err(EvaluateError(format!("PromQL rules need an engine over stored series: {text}")))
}
