//! Rules: their files are read, and what they say is evaluated.

mod ask;
mod files;
mod promql;
mod sql;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use evaluate::{Evaluate, Host, HostParts};
use query::{Engine, QueryConfig};
use rules::book::{Flapping, Missing, Settings};
use tokio::sync::Mutex;

use crate::folding::Folding;
use crate::logs::Logs;
use crate::stage::Stage;
use crate::{AppError, Config};

/// The rules of a process. Clones are of the same.
#[derive(Clone)]
pub(crate) struct Ruling(Arc<Inner>);

struct Inner {
    files: Vec<PathBuf>,
    settings: Settings,
    query: QueryConfig,
    host: Host,
    /// Held while the files are read again.
    reloading: Mutex<()>,
}

/// What rules are evaluated with.
pub(crate) struct Parts<'a> {
    pub evaluate: Arc<dyn Evaluate>,
    pub clock: &'a Clock,
    pub logs: &'a Logs,
    pub folds: &'a Folding,
    pub stage: &'a Stage,
}

impl Ruling {
    /// Nothing is evaluated before [`Self::reload`].
    pub(crate) fn new(config: &Config, parts: &Parts<'_>) -> Self {
        let host = Host::new(HostParts {
            evaluate: Arc::clone(&parts.evaluate),
            state: Arc::clone(&parts.logs.state),
            telemetry: Arc::clone(&parts.logs.telemetry),
            books: parts.folds.books(),
            progress: parts.folds.progress(),
            clock: parts.clock.clone(),
            tasks: parts.stage.tasks.clone(),
            shutdown: parts.stage.shutdown.clone(),
        });
        let (files, settings) = (patterns(config), settings(config));
        let query = config.query.clone();
        Self(Arc::new(Inner { files, settings, query, host, reloading: Mutex::default() }))
    }

    /// Whether there are files to be read.
    pub(crate) fn has_files(&self) -> bool {
        !self.0.files.is_empty()
    }

    /// Reads the files and evaluates what they say from now on. Groups that are as before go on.
    pub(crate) async fn reload(&self) -> Result<(), AppError> {
        let _one_at_a_time = self.0.reloading.lock().await;
        let definitions = files::load(&self.0.files, &self.0.settings)?;
        sql::check(&definitions, &self.0.query).await?;
        let (groups, rules) = (definitions.len(), definitions.iter().map(|it| it.group.rules.len()).sum::<usize>());
        self.0.host.set(definitions).await.map_err(|error| AppError::part("rules", error))?;
        if self.has_files() {
            tracing::info!(groups, rules, "rules are evaluated");
        }
        Ok(())
    }
}

/// What asks the queries of rules and canaries: so many of both at once.
pub(crate) fn asker(engine: &Engine) -> Arc<dyn Evaluate> {
    Arc::new(ask::Asker::new(engine))
}

/// All mistakes of the rule files that are named, and of the SQL in them.
///
/// # Errors
/// Each with file, line, column and key.
pub(crate) async fn check(config: &Config) -> Result<(), AppError> {
    let definitions = files::load(&patterns(config), &settings(config))?;
    sql::check(&definitions, &config.query).await
}

fn patterns(config: &Config) -> Vec<PathBuf> {
    config.rules.files.as_slice().iter().map(PathBuf::from).collect()
}

fn settings(config: &Config) -> Settings {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let rules = &config.rules;
    let flapping = rules.flapping;
    Settings {
        interval: millis(rules.evaluation_interval),
        query_offset: millis(rules.query_offset),
        resend: millis(rules.resend_delay),
        external_labels: rules.external_labels.clone(),
        external_url: config.external_url(),
        missing: Missing { policy: rules.missing.policy, keep_for: millis(rules.missing.keep_for) },
        flapping: Flapping {
            changes: flapping.changes,
            within: millis(flapping.within),
            quiet: millis(flapping.quiet),
        },
    }
}
