//! `replay`: which pages another configuration would have sent, against those that were.
//!
//! History is what the tables keep: findings, posted alerts, silences, reactions, and intents with their receipts. Verdicts are not reached
//! anew: what a comparison reads (sets, ticks, whether a collector was heard) is kept nowhere, so that findings are as they were.

mod history;

use std::time::Duration;

use async_trait::async_trait;
use base::Timestamp;
use folds::replay::{Comparison, Input, Page, Recorded, Replay, compare};
use folds::routing::Shared;
use model::Batch;

use crate::{AppError, Config, folding};

/// Findings that were open long before the window are read as they were so long before it; the rest of history from there on.
pub const WARM_UP: Duration = Duration::from_secs(7 * 86_400);

/// What is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Pages from this time on are compared,
    pub from: Timestamp,
    /// up to this one.
    pub to: Timestamp,
    /// How long before that is looked for what was open.
    pub warm_up: Duration,
}

/// Where history is.
#[async_trait]
pub trait History: Send + Sync {
    /// The answer to a query as a stream of Arrow's IPC format.
    ///
    /// # Errors
    /// What whoever was asked said.
    async fn arrow(&self, sql: &str) -> Result<Vec<u8>, String>;
}

/// Runs the folds over history with that configuration. It writes nothing and sends nothing; secrets of receivers are not read.
///
/// # Errors
/// If the window is none or has no history, history cannot be read or is too much, or the configuration is wrong.
pub async fn replay(config: &Config, window: Window, history: &dyn History) -> Result<Comparison, AppError> {
    let Window { from, to, warm_up } = window;
    if from >= to {
        return Err(AppError::part("--from", format!("{from} is not before --to {to}")));
    }
    let start = from.minus(warm_up);
    let routing = crate::alerting::routing(config, start)?;
    let shards = config.log.kafka.as_ref().map_or(config.log.files.shards, |kafka| kafka.shards).max(1);
    let folds = (0..shards).map(|_| folding::telling(config, Shared::default())).collect::<Result<Vec<_>, _>>()?;
    let kept = history::read(history, start, &window).await?;

    let within = |page: &Page| page.time >= from && page.time < to;
    let were: Vec<Page> = kept.intents.iter().filter_map(Page::of).filter(within).collect();
    let mut replay = Replay::new(folds, Recorded::new(&kept.intents, kept.receipts));
    let wrong = |error| AppError::part("history", error);
    let batch = Batch::of(folds::routing::KEY, &[routing]).map_err(|error| AppError::part("alertmanager", error))?;
    replay.feed(Input { time: start, batch, everywhere: true }).map_err(wrong)?;
    for input in kept.inputs {
        replay.feed(input).map_err(wrong)?;
    }
    let would_be: Vec<Page> = replay.finish(to).map_err(wrong)?.into_iter().filter(within).collect();
    Ok(compare(&were, &would_be))
}
