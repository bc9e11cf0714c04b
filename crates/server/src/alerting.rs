use std::sync::Arc;
use std::time::Duration;

use alertmanager::Engine;
use base::Clock;
use bus::{BusError, Log};
use fold::Progress;
use futures::future::BoxFuture;
use model::Batch;
use parking_lot::RwLock;
use tokio::sync::Mutex;

/// How long an answer waits until what was posted is taken in.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the configuration again; says what is wrong with it.
pub type Reload = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What the API stands on.
#[derive(Clone)]
pub struct Alerting {
    /// What is known of alerts; the fold of that shard writes it.
    pub engine: Arc<RwLock<Engine>>,
    /// The configuration's text without secrets.
    pub original: Arc<RwLock<String>>,
    /// The state log.
    pub log: Arc<dyn Log>,
    /// The shard that has alerts and silences.
    pub shard: u32,
    /// How far its folds are.
    pub progress: Progress,
    /// Reads the configuration again.
    pub reload: Reload,
    /// Held while a silence is changed, so that two changes do not miss each other.
    pub silencing: Arc<Mutex<()>>,
    /// Alerts that may be held (limit `alertmanager.alerts`); what is held may always be told more of.
    pub max_alerts: u64,
}

impl Alerting {
    /// Appends `batches` and waits until they are taken in.
    pub async fn append(&self, batches: Vec<Batch>, clock: &Clock) -> Result<(), BusError> {
        if batches.is_empty() {
            return Ok(());
        }
        let offset = self.log.append(self.shard, batches).await?;
        // It is durable; what is not seen in time is seen later.
        if clock.timeout(PATIENCE, self.progress.reached(offset)).await.is_err() {
            tracing::warn!(%offset, "alerts are answered before they are taken in: the folds are behind");
        }
        Ok(())
    }
}
