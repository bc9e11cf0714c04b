//! Canaries of the configuration: told to the folds, and asked for.

use std::sync::Arc;

use base::Clock;
use canary::Definition;
use evaluate::{CanaryHost, CanaryParts, Evaluate};
use kubernetes::Clusters;

use crate::folding::Folding;
use crate::logs::Logs;
use crate::stage::Stage;
use crate::{AppError, Config};

/// What canaries are asked with.
pub(crate) struct Parts<'a> {
    pub evaluate: Arc<dyn Evaluate>,
    pub clock: &'a Clock,
    pub logs: &'a Logs,
    pub folds: &'a Folding,
    pub stage: &'a Stage,
}

/// Says in which clusters rollouts are looked for.
pub(crate) fn seek(config: &Config, clusters: &Clusters) {
    for discover in config.canaries.iter().filter_map(|canary| canary.discover.as_ref()) {
        clusters.get(&discover.cluster).seek_rollouts(discover.pairs.iter().cloned());
    }
}

/// The canaries of a process.
pub(crate) struct Canaries {
    definitions: Vec<Definition>,
    host: CanaryHost,
}

impl Canaries {
    /// Nothing is asked before [`Self::start`].
    pub(crate) fn new(config: &Config, parts: Parts<'_>) -> Result<Self, AppError> {
        let definitions = canary::check_all(&config.canaries).map_err(|mistakes| {
            let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            AppError::part("canaries", lines.join("\n"))
        })?;
        let host = CanaryHost::new(CanaryParts {
            evaluate: parts.evaluate,
            state: Arc::clone(&parts.logs.state),
            telemetry: Arc::clone(&parts.logs.telemetry),
            books: parts.folds.canaries(),
            progress: parts.folds.progress(),
            clock: parts.clock.clone(),
            tasks: parts.stage.tasks.clone(),
            shutdown: parts.stage.shutdown.clone(),
        });
        Ok(Self { definitions, host })
    }

    /// Tells the folds which canaries there are, and asks their queries from now on.
    pub(crate) async fn start(self) -> Result<(), AppError> {
        let count = self.definitions.len();
        self.host.start(self.definitions).await.map_err(|error| AppError::part("canaries", error))?;
        if count > 0 {
            tracing::info!(canaries = count, "canaries are judged");
        }
        Ok(())
    }
}
