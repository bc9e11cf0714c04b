//! PromQL over the store.

mod error;
mod exemplars;
mod histograms;
mod labels;
mod storage;

use std::sync::Arc;
use std::time::Duration;

use base::Limit;
use promql::{Answer, Limits, Options, Steps, parse};
use tokio::runtime::Handle;

pub use error::PromqlError;
pub use labels::Selection;

use self::storage::StoreStorage;
use crate::Engine;
use crate::deadline::Deadline;

/// Bytes of stack to evaluate on: expressions nest as deep as the parser lets them.
const STACK: usize = 16 << 20;
/// Bytes of an expression.
const TEXT: Limit = Limit::new("query.promql_bytes", 256 << 10);

/// What a caller may ask for beside the expression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromqlOptions {
    /// How old the value of a series may be; five minutes if not set.
    pub lookback: Option<Duration>,
    /// How long it may take, if that is less than [`crate::QueryConfig::timeout`].
    pub timeout: Option<Duration>,
}

/// When an expression is evaluated. Milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    At(i64),
    Over(Steps),
}

impl Engine {
    /// Evaluates an expression at one time, in milliseconds since the epoch.
    ///
    /// # Errors
    /// See [`PromqlError`].
    pub async fn instant(&self, text: &str, at: i64, options: PromqlOptions) -> Result<Answer, PromqlError> {
        self.evaluated(text, When::At(at), options).await
    }

    /// Evaluates an expression at each step of a range.
    ///
    /// # Errors
    /// See [`PromqlError`].
    pub async fn range(&self, text: &str, steps: Steps, options: PromqlOptions) -> Result<Answer, PromqlError> {
        self.evaluated(text, When::Over(steps), options).await
    }

    async fn evaluated(&self, text: &str, when: When, options: PromqlOptions) -> Result<Answer, PromqlError> {
        let answer = self.evaluate(text, when, options).await;
        let outcome = answer.as_ref().err().map_or("ok", PromqlError::kind);
        metrics::counter!("steadfast_promql_queries_total", "outcome" => outcome).increment(1);
        answer
    }

    async fn evaluate(&self, text: &str, when: When, options: PromqlOptions) -> Result<Answer, PromqlError> {
        TEXT.check(text.len() as u64).map_err(|exceeded| PromqlError::Bad(exceeded.to_string()))?;
        let permit = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| PromqlError::from(self.busy()))?;
        let limit = options.timeout.map_or(self.config.timeout, |asked| asked.min(self.config.timeout));
        let deadline = Deadline::new(self.clock.clone(), self.clock.monotonic(), limit);
        let (engine, text, handle) = (self.clone(), text.to_owned(), Handle::current());
        let ended = deadline.clone();
        let work = move || {
            let answer = engine.answered(&text, when, options, &deadline, handle);
            drop(permit);
            answer
        };
        let work = base::blocking(move || stacker::grow(STACK, work));
        let patience = limit + Duration::from_secs(1);
        match self.clock.timeout(patience, work).await {
            Ok(Some(answer)) => answer,
            Ok(None) => Err(PromqlError::Internal("a panic in an evaluation, please report it".to_owned())),
            Err(_) => Err(PromqlError::Timeout { limit: ended.limit() }),
        }
    }

    fn answered(
        &self,
        text: &str,
        when: When,
        asked: PromqlOptions,
        deadline: &Deadline,
        handle: Handle,
    ) -> Result<Answer, PromqlError> {
        let expr = parse(text).map_err(|error| PromqlError::Bad(error.to_string()))?;
        let may_continue = || !deadline.is_over();
        let samples = usize::try_from(self.config.promql_samples).unwrap_or(usize::MAX);
        let series = usize::try_from(self.config.promql_series).unwrap_or(usize::MAX);
        let options = Options {
            limits: Limits { samples, series, ..Limits::default() },
            may_continue: &may_continue,
            ..Options::default()
        };
        let lookback = asked.lookback.and_then(|asked| i64::try_from(asked.as_millis()).ok());
        let options = Options { lookback: lookback.filter(|ms| *ms > 0).unwrap_or(options.lookback), ..options };
        let storage = StoreStorage::new(self.store.clone(), samples, handle);
        let answer = match when {
            When::At(at) => promql::instant(&storage, &options, text, &expr, at),
            When::Over(steps) => promql::range(&storage, &options, text, &expr, steps),
        };
        answer.map_err(|error| PromqlError::of(error, deadline.limit()))
    }
}
