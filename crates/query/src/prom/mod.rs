//! PromQL over the store, by itself and in SQL.

mod exemplars;
mod histograms;
mod labels;
mod read;
mod rows;
mod storage;
mod table;

use std::time::Duration;

use promql::parser::ast::Expr;
use promql::{Answer, Data, Limits, Options, QueryError, Steps, parse};

pub use labels::Selection;
pub use read::Read;
pub use table::register;

use self::storage::{LOADED, StoreStorage};
use crate::expression::Evaluation;
use crate::ranges::Question;
use crate::{Engine, ExpressionError};

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
    /// The same, and what is known of it from before need not be of the very moment that is asked about.
    Again(Steps),
}

impl Engine {
    /// Evaluates an expression at one time, in milliseconds since the epoch.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn instant(&self, text: &str, at: i64, options: PromqlOptions) -> Result<Answer, ExpressionError> {
        self.expression(text, When::At(at), options).await
    }

    /// Evaluates an expression at each step of a range.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn range(&self, text: &str, steps: Steps, options: PromqlOptions) -> Result<Answer, ExpressionError> {
        self.expression(text, When::Again(steps), options).await
    }

    async fn expression(&self, text: &str, when: When, options: PromqlOptions) -> Result<Answer, ExpressionError> {
        let answer = self.evaluated(text, options.timeout, move |evaluation| answered(evaluation, when, options)).await;
        let outcome = answer.as_ref().err().map_or("ok", ExpressionError::kind);
        metrics::counter!("steadfast_promql_queries_total", "outcome" => outcome).increment(1);
        answer
    }
}

fn answered(evaluation: &Evaluation, when: When, asked: PromqlOptions) -> Result<Answer, ExpressionError> {
    let expr = parse(&evaluation.text).map_err(|error| ExpressionError::Bad(error.to_string()))?;
    let snapshot = evaluation.engine.store.snapshot();
    let answer = evaluate(evaluation, snapshot, &expr, when, asked);
    answer.map_err(|error| failed(error, evaluation.deadline.limit()))
}

/// The value of an expression over the samples of a snapshot.
fn evaluate(
    evaluation: &Evaluation,
    snapshot: store::Snapshot,
    expr: &Expr,
    when: When,
    asked: PromqlOptions,
) -> Result<Answer, promql::QueryError> {
    let Evaluation { engine, text, deadline, .. } = evaluation;
    let may_continue = || !deadline.is_over();
    let samples = usize::try_from(engine.config.promql_samples).unwrap_or(usize::MAX);
    let series = usize::try_from(engine.config.promql_series).unwrap_or(usize::MAX);
    let options = Options {
        limits: Limits { samples, series, ..Limits::default() },
        may_continue: &may_continue,
        ..Options::default()
    };
    let lookback = asked.lookback.and_then(|asked| i64::try_from(asked.as_millis()).ok());
    let options = Options { lookback: lookback.filter(|ms| *ms > 0).unwrap_or(options.lookback), ..options };
    let storage = StoreStorage::new(evaluation, snapshot, engine.config.promql_samples);
    let evaluated = Asked { engine, text, expr, storage: &storage, options: &options };
    match when {
        When::At(at) => promql::instant(&storage, &options, text, expr, at),
        When::Again(steps) if promql::looks_back(expr) => evaluated.over_again(steps, lookback),
        When::Over(steps) | When::Again(steps) => evaluated.over(steps),
    }
}

/// An expression and what it is evaluated with.
struct Asked<'a> {
    engine: &'a Engine,
    text: &'a str,
    expr: &'a Expr,
    storage: &'a StoreStorage,
    options: &'a Options<'a>,
}

impl Asked<'_> {
    fn over(&self, steps: Steps) -> Result<Answer, QueryError> {
        promql::range(self.storage, self.options, self.text, self.expr, steps)
    }

    /// Only what is not known of an earlier answer is evaluated.
    fn over_again(&self, steps: Steps, lookback: Option<i64>) -> Result<Answer, QueryError> {
        let (cache, store) = (&self.engine.ranges, &self.engine.store);
        let question = Question::new(self.text, steps, lookback);
        let known = cache.find(&question, steps, |mark| store.samples_since(mark));
        let rest = known.as_ref().map_or(steps.start(), |known| known.until.saturating_add(steps.interval()));
        let outcome = match &known {
            None => "none",
            Some(_) if rest > steps.end() => "whole",
            Some(_) => "part",
        };
        metrics::counter!("steadfast_promql_cached_total", "known" => outcome).increment(1);
        let answer = match known {
            Some(known) if rest > steps.end() => known.answer,
            Some(known) => known.answer.followed_by(self.over(Steps::range(rest, steps.end(), steps.interval()))?),
            None => self.over(steps)?,
        };
        let limit = self.options.limits.series;
        if let Data::Matrix(series) = &answer.data
            && series.len() > limit
        {
            return Err(QueryError::Series { series: series.len(), limit });
        }
        cache.keep(question, steps, self.storage.mark(), &answer, self.engine.config.cache_bytes);
        Ok(answer)
    }
}

fn failed(error: promql::QueryError, limit: Duration) -> ExpressionError {
    use ExpressionError::{Bad, Execution, Timeout, Unavailable};
    match error {
        promql::QueryError::Stopped => Timeout { limit },
        promql::QueryError::RangeType(_) | promql::QueryError::Duration(_) => Bad(error.to_string()),
        promql::QueryError::Storage(error) => match error.0.downcast::<store::StoreError>() {
            Ok(error) => match *error {
                store::StoreError::TooLarge(exceeded) if exceeded.name == LOADED => {
                    Execution(format!("query would load too many samples: {exceeded}"))
                }
                store::StoreError::GivenUp => Timeout { limit },
                store::StoreError::TooLarge(exceeded) => Execution(format!("the query is too large: {exceeded}")),
                other => Unavailable(other.to_string()),
            },
            Err(other) => Unavailable(other.to_string()),
        },
        other => Execution(other.to_string()),
    }
}
