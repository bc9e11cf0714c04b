//! Checkpoints, written in steps between records: who waits for a record waits for a segment at most.

use std::time::Duration;

use crate::FoldError;
use crate::chain::{Pass, Saved};
use crate::host::{Host, LOOK_EVERY};

/// What a step took is waited for so many times before the next one.
const PACE: u32 = 9;

/// A checkpoint that is being written.
#[derive(Debug)]
pub(super) struct Saving {
    pass: Pass,
    /// When the last step ended, and how long it took.
    stepped: Duration,
    took: Duration,
}

impl Host {
    /// Time until a checkpoint is due, or its next step.
    pub(super) fn save_in(&self) -> Duration {
        let now = self.clock.monotonic();
        if let Some(saving) = &self.saving {
            (saving.stepped + saving.took * PACE).saturating_sub(now)
        } else if self.unsaved >= self.config.checkpoint_records {
            Duration::ZERO
        } else if self.unsaved > 0 {
            (self.saved_at + self.config.checkpoint_every).saturating_sub(now)
        } else {
            LOOK_EVERY
        }
    }

    /// Writes a part of a checkpoint if that is due. What came of all records that are applied must be on the log.
    pub(super) async fn save_step(&mut self) {
        if !self.save_in().is_zero() {
            return;
        }
        let started = self.clock.monotonic();
        let Some(chain) = &mut self.chain else { return };
        let mut pass = match self.saving.take() {
            Some(saving) => saving.pass,
            None => chain.begin(&mut self.machine),
        };
        let store = &*self.checkpoints;
        let is_more = match chain.is_outrun(&pass) {
            true => Ok(false),
            false => chain.step(&mut self.machine, &mut pass, store).await,
        };
        let saved = match is_more {
            Ok(true) => {
                let stepped = self.clock.monotonic();
                self.saving = Some(Saving { pass, stepped, took: stepped.saturating_sub(started) });
                return;
            }
            Ok(false) => chain.finish(&mut self.machine, pass, store).await,
            Err(error) => Err(error),
        };
        self.saved(saved);
    }

    /// Saves a last checkpoint, so that no record before it is needed.
    pub(super) async fn seal(&mut self) {
        self.saving = None;
        let Some(chain) = &mut self.chain else { return };
        let saved = chain.seal(&mut self.machine, &*self.checkpoints).await;
        self.saved(saved);
    }

    /// If that has failed the old ones stay, and the log keeps its records.
    fn saved(&mut self, saved: Result<Saved, FoldError>) {
        self.saved_at = self.clock.monotonic();
        self.unsaved = 0;
        match saved {
            Ok(saved) => {
                metrics::gauge!("steadfast_fold_checkpoint_bytes", "shard" => self.shard.to_string())
                    .set(saved.bytes as f64);
                self.progress.update(|position| position.saved = saved.safe);
            }
            Err(error) => {
                metrics::counter!("steadfast_fold_checkpoint_errors_total").increment(1);
                tracing::warn!(checkpoint = self.name, %error, "a checkpoint could not be saved; the old one stays");
                // Tried again after the same time, whatever comes.
                self.unsaved = 1;
            }
        }
    }
}
