//! Rules that ask PromQL.

use base::Clock;
use evaluate::{EvaluateError, Vector, vector};
use query::{Engine, ExpressionError, PromqlOptions};

/// How often a query is tried that finds too many others running.
const TRIES: u32 = 5;

/// What an expression finds at a time, in milliseconds.
pub(super) async fn instant(engine: &Engine, clock: &Clock, text: &str, at: i64) -> Result<Vector, EvaluateError> {
    let mut tries = 1;
    loop {
        match engine.instant(text, at, PromqlOptions::default()).await {
            Ok(answer) => return vector(answer.data),
            Err(ExpressionError::Busy { retry_after, .. }) if tries < TRIES => {
                clock.sleep(retry_after).await;
                tries += 1;
            }
            Err(error) => return Err(EvaluateError(error.to_string())),
        }
    }
}
