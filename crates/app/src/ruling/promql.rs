//! Rules that ask PromQL.

use base::Clock;
use evaluate::{EvaluateError, Position, Vector, vector};
use query::{Engine, ExpressionError, PromqlOptions, Token};

/// How often a query is tried that finds too many others running.
const TRIES: u32 = 5;

/// What an expression finds at a time, in milliseconds, once the records at `after` are seen.
pub(super) async fn instant(
    engine: &Engine,
    clock: &Clock,
    text: &str,
    at: i64,
    after: &[Position],
) -> Result<Vector, EvaluateError> {
    let seen = engine.reached(&Token(after.to_vec())).await;
    seen.map_err(|error| EvaluateError(error.to_string()))?;
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
