//! Rules that ask PromQL.

use evaluate::{EvaluateError, Vector, vector};
use query::{Engine, PromqlOptions};

/// What an expression finds at a time, in milliseconds.
pub(super) async fn instant(engine: &Engine, text: &str, at: i64) -> Result<Vector, EvaluateError> {
    let answer = engine.instant(text, at, PromqlOptions::default()).await;
    vector(answer.map_err(|error| EvaluateError(error.to_string()))?.data)
}
