//! Rules that ask PromQL.

use evaluate::{EvaluateError, Vector, vector};
use query::{Engine, ExpressionError, PromqlOptions};

/// What an expression finds at a time, in milliseconds.
pub(super) async fn instant(engine: &Engine, text: &str, at: i64) -> Result<Vector, EvaluateError> {
    let answer = engine.instant(text, at, PromqlOptions::default()).await;
    vector(answer.map_err(failed)?.data)
}

fn failed(error: ExpressionError) -> EvaluateError {
    let message = error.to_string();
    match error {
        ExpressionError::Busy { .. } | ExpressionError::Timeout { .. } | ExpressionError::Unavailable(_) => {
            EvaluateError::Later(message)
        }
        ExpressionError::Bad(_) | ExpressionError::Execution(_) | ExpressionError::Internal(_) => {
            EvaluateError::Failed(message)
        }
    }
}
