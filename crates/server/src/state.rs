use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::ingest::Ingest;
use axum::http::StatusCode;
use base::{Clock, Rng, Shutdown, Tasks, Timestamp};
use parking_lot::RwLock;
use query::{Engine, Rights, Rows, SqlOptions};
use rules::book::Book;
use scrape::Targets;
use tokio::sync::Semaphore;

use crate::access::Gate;
use crate::alerting::Alerting;
use crate::answers::Answers;
use crate::api::ApiError;
use crate::intake::Open;
use crate::shelf::Canaries;
use crate::{Health, ServerConfig};

/// What is known of rules, by shard; the folds write it.
pub type Books = Vec<Arc<RwLock<Book>>>;

/// What every request may need. Clones share it.
#[derive(Clone)]
pub struct State(pub Arc<Shared>);

/// See [`State`].
pub struct Shared {
    pub engine: Arc<Engine>,
    pub clock: Clock,
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub health: Health,
    pub config: ServerConfig,
    pub gate: Gate,
    pub tasks: Tasks,
    pub shutdown: Shutdown,
    pub watchers: Arc<Semaphore>,
    pub answers: Answers,
    pub rng: Rng,
    pub alerting: Option<Alerting>,
    pub rules: Books,
    pub canaries: Vec<canary::Shared>,
    pub addr: SocketAddr,
    pub started: Timestamp,
    pub intakes: BTreeMap<String, Open>,
    pub ingest: Option<Ingest>,
    pub targets: Option<Targets>,
    pub shelf: Option<Canaries>,
}

impl std::ops::Deref for State {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl State {
    /// The time, and how much of it a query may take.
    pub fn patience(&self) -> (Clock, Duration) {
        (self.clock.clone(), self.engine.config().timeout)
    }

    /// The whole answer to a query of our own.
    pub async fn query(&self, sql: &str) -> Result<Rows, ApiError> {
        Self::answer(&self.engine, sql).await
    }

    /// The same, of what somebody may read.
    pub async fn query_for(&self, rights: &Arc<Rights>, sql: &str) -> Result<Rows, ApiError> {
        Self::answer(&self.engine.limited(rights), sql).await
    }

    async fn answer(engine: &Engine, sql: &str) -> Result<Rows, ApiError> {
        let rows = engine.collect(sql, SqlOptions::default()).await;
        rows.map_err(|error| {
            if ApiError::from(&error).status == StatusCode::BAD_REQUEST {
                tracing::error!(sql, %error, "a query of a page is wrong: this is a bug, please report it");
            }
            ApiError::from(&error)
        })
    }
}
