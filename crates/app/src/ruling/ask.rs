use async_trait::async_trait;
use evaluate::{Evaluate, EvaluateError, Position, Vector};
use query::{Engine, Token};
use rules::Query;
use tokio::sync::Semaphore;

use super::{promql, sql};

/// Queries of rules that run at once, at most: people ask, too, though rules do not wait behind them.
const AT_ONCE: u32 = 4;

/// Asks the store.
pub(super) struct Asker {
    engine: Engine,
    slots: Semaphore,
}

impl Asker {
    pub(super) fn new(engine: &Engine) -> Self {
        Self { engine: engine.aside(AT_ONCE), slots: Semaphore::new(AT_ONCE as usize) }
    }
}

#[async_trait]
impl Evaluate for Asker {
    async fn instant(&self, query: &Query, at: i64, after: &[Position]) -> Result<Vector, EvaluateError> {
        // Who waits for the store takes no slot from who does not.
        self.reached(after).await?;
        let _slot = self.slots.acquire().await.map_err(|error| EvaluateError::Failed(error.to_string()))?;
        match query {
            Query::Promql { text, .. } => promql::instant(&self.engine, text, at).await,
            Query::Sql(text) => sql::instant(&self.engine, text).await,
        }
    }

    async fn reached(&self, after: &[Position]) -> Result<(), EvaluateError> {
        let seen = self.engine.reached(&Token(after.to_vec())).await;
        seen.map_err(|error| EvaluateError::Later(error.to_string()))
    }
}
