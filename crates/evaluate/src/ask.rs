use async_trait::async_trait;
use model::{LogKind, Offset};
use promql::{Data, Labels, Value};
use rules::Query;

/// A record of a log: which log, its shard, its offset.
pub type Position = (LogKind, u32, Offset);

/// What a query found: at most one value for each label set.
pub type Vector = Vec<(Labels, Value)>;

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// The same the next time.
    #[error("{0}")]
    Failed(String),
    /// Too many queries run, it took too long, or the store could not be read: it may have one if it is asked again.
    #[error("{0}")]
    Later(String),
}

/// Asks the queries of rules.
#[async_trait]
pub trait Evaluate: Send + Sync {
    /// What `query` finds at a time, in milliseconds since the epoch; a number is a series without
    /// labels. The records at `after` are seen.
    ///
    /// # Errors
    /// There is no answer: never an empty one in its place.
    async fn instant(&self, query: &Query, at: i64, after: &[Position]) -> Result<Vector, EvaluateError>;

    /// Waits until queries see the records at `after`.
    ///
    /// # Errors
    /// They will not.
    async fn reached(&self, after: &[Position]) -> Result<(), EvaluateError>;
}

/// What a rule takes of an answer in PromQL: the values of a vector, or a number as a series without labels.
///
/// # Errors
/// It is a text or a range.
pub fn vector(data: Data) -> Result<Vector, EvaluateError> {
    match data {
        Data::Vector(series) => {
            let value = |series: promql::Series| Some((series.labels, series.points.into_iter().next()?.value));
            Ok(series.into_iter().filter_map(value).collect())
        }
        Data::Scalar(value) => Ok(vec![(Labels::empty(), Value::Float(value))]),
        Data::String(_) | Data::Matrix(_) => {
            Err(EvaluateError::Failed("rule result is not a vector or scalar".to_owned()))
        }
    }
}
