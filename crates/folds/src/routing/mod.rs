//! The routing fold: an Alertmanager configuration decides who is told of what.
//!
//! Alerts that others posted are routed, grouped and timed as Alertmanager does it; each group is an
//! incident. Incidents of ours, which are grouped by their cause already, go through the same tree,
//! silences, inhibitions and intervals, each as one alert that is told of at once.
//!
//! A posted alert that began during a rollout, at what rolls out, is a finding of the rollout's incident
//! and told of there only, until the rollout is over. Under a configuration that is so only where it is asked for.
//!
//! Without a configuration, posted alerts are grouped by `alertname` and become incidents that the
//! routes of `receivers` decide about.

mod checkpoint;
mod incident;
mod rollout;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use alertmanager::engine::{Engine, Plan, Setup};
use alertmanager::interval::Zone;
use alertmanager::{Alert, Matcher, Matchers, Silence, WireMatcher};
use base::Timestamp;
use fold::{DocumentRef, Fold, FoldError, Found, Outputs, Parts};
use model::rows::{Alert as Incident, Finding, Posting, Receipt, Rollout, Routing, SilenceRow};
use model::{ModelError, Outcome, Record, Stream};
use parking_lot::RwLock;

use self::checkpoint::Half;
use self::rollout::Rollouts;
use crate::outbox::GROUPS;
use crate::room::{MAX_BATCH_BYTES, Room};

const NAME: &str = "routing";
/// Groups that are looked at in a tick, which comes when no other record waits.
const TICK_GROUPS: usize = 64;
/// Groups that are looked at with another record.
const RECORD_GROUPS: usize = 32;

/// What alerts, silences and configurations of routing are about: they are in one shard.
pub const KEY: &str = "alertmanager";

/// What is known of alerts: the fold writes it, others read it.
pub type Shared = Arc<RwLock<Engine>>;

/// See the module.
#[derive(Debug)]
pub struct RoutingFold {
    engine: Shared,
    /// The plan as JSON; empty if there is none.
    config: String,
    link_base: Option<String>,
    /// Whether a configuration lets alerts join rollouts.
    join_rollouts: bool,
    rollouts: Rollouts,
    /// The time of the last record.
    now: Timestamp,
    /// Batches of the last step that have not come back on the log.
    on_the_way: u64,
    room: Room,
    /// A state that is being restored.
    half: Option<Box<Half>>,
}

impl RoutingFold {
    /// Knows no alert, and has no configuration. It is seen through `engine`.
    pub fn new(engine: Shared, link_base: Option<String>) -> Self {
        *engine.write() = unconfigured();
        let (config, rollouts, now) = (String::new(), Rollouts::default(), Timestamp::ZERO);
        let room = Room::of(MAX_BATCH_BYTES);
        Self { engine, config, link_base, join_rollouts: false, rollouts, now, on_the_way: 0, room, half: None }
    }

    /// The largest batch that the log takes, in bytes: a message that would be larger is cut, and says what it leaves out.
    #[must_use]
    pub fn max_batch_bytes(self, bytes: u64) -> Self {
        Self { room: Room::of(bytes), ..self }
    }

    /// Whether posted alerts join rollouts under a configuration, too; without one they do.
    #[must_use]
    pub fn join_rollouts(self, join_rollouts: bool) -> Self {
        Self { join_rollouts, ..self }
    }

    fn advance(&mut self, record: &Record, outputs: &mut Outputs) -> Result<(), ModelError> {
        let now = record.time;
        self.now = now;
        let engine = Arc::clone(&self.engine);
        let mut engine = engine.write();
        let mut findings = Vec::new();
        // Before what the record brings: an end in it counts.
        if engine.resume(now) {
            self.rollouts.resume(&engine);
        }
        if self.is_configured() && !self.join_rollouts {
            findings.extend(self.rollouts.part_all(&mut engine, now));
        }
        match record.batch.stream {
            Stream::Postings => {
                for alert in record.rows::<Posting>()?.into_iter().map(|row| alert(row, now)) {
                    if self.join_rollouts || !self.is_configured() {
                        findings.extend(self.rollouts.see(&alert, &mut engine, now));
                    }
                    engine.post(alert, now);
                }
            }
            Stream::Rollouts => {
                for row in &record.rows::<Rollout>()? {
                    findings.extend(self.rollouts.take(row, &mut engine, now));
                }
            }
            Stream::Silences => {
                let silences = record.rows::<SilenceRow>()?.into_iter().filter_map(|row| silence(row, now));
                silences.for_each(|it| engine.silence(it));
            }
            Stream::Routings => {
                for row in record.rows::<Routing>()? {
                    self.reroute(row, &mut engine, now);
                }
            }
            Stream::Alerts => {
                for row in record.rows::<Incident>()?.iter().filter(|row| row.scope != GROUPS) {
                    let body = incident::body(row, self.link_base.as_deref());
                    let began_as = engine.incident_label(&row.incident, "alertname");
                    engine.incident(&row.incident, incident::alert(row, began_as), body, now);
                }
            }
            Stream::Receipts => {
                for row in record.rows::<Receipt>()?.iter().filter(|row| row.receiver.starts_with("alertmanager/")) {
                    let taken = matches!(row.outcome, Outcome::Delivered | Outcome::Accepted);
                    if taken || row.last {
                        engine.answered(&row.receiver, &row.incident, taken, now);
                    }
                }
            }
            _ => {}
        }
        findings.extend(self.rollouts.lapse(&mut engine, now));
        let flushes = engine.advance(now, self.step(record));
        drop(engine);
        for finding in &findings {
            outputs.push(&finding.scope, std::slice::from_ref::<Finding>(finding))?;
        }
        self.on_the_way += self.told(&flushes, now).put(self.room.record, outputs)?;
        Ok(())
    }

    /// Groups that are looked at when `record` comes. Who posts alerts waits for what comes before them in the log, so a hundred thousand groups
    /// that are due at once go in steps, and the next one comes when all that came of the last one has come by: never more than one
    /// step is before a record. A tick comes when no other record waits.
    fn step(&mut self, record: &Record) -> usize {
        if record.batch.stream == Stream::Ticks {
            self.on_the_way = 0;
            return TICK_GROUPS;
        }
        let is_ours = |id: &model::RecordId| id.producer == NAME;
        if record.batch.key == GROUPS && record.batch.id.as_ref().is_some_and(is_ours) {
            self.on_the_way = self.on_the_way.saturating_sub(1);
        }
        if self.on_the_way == 0 { RECORD_GROUPS } else { 0 }
    }

    /// Whether there is a configuration, so that it decides who is told.
    const fn is_configured(&self) -> bool {
        !self.config.is_empty()
    }

    fn reroute(&mut self, row: Routing, engine: &mut Engine, now: Timestamp) {
        if row.config == self.config {
            return;
        }
        match setup(&row.config) {
            Ok(setup) => {
                engine.configure(setup, now);
                self.config = row.config;
            }
            // It was read before it was put on the log: an older program may have done that.
            Err(error) => tracing::error!(error, "the Alertmanager configuration cannot be read: the last one stays"),
        }
    }
}

/// What the engine needs of a plan as JSON; of an empty text, what holds without a configuration.
fn setup(config: &str) -> Result<Setup, String> {
    if config.is_empty() {
        return Ok(Setup::unconfigured());
    }
    let plan: Plan = serde_json::from_str(config).map_err(|error| error.to_string())?;
    Setup::of(&plan, Zone::default()).map_err(|error| error.to_string())
}

fn unconfigured() -> Engine {
    let mut engine = Engine::new();
    engine.configure(Setup::unconfigured(), Timestamp::ZERO);
    engine
}

/// The time of the record never goes back, whatever the clock of who posted it did.
fn alert(row: Posting, now: Timestamp) -> Alert {
    let Posting { labels, annotations, starts_at, ends_at, timeout, generator_url, .. } = row;
    let ends_at = ends_at.plus(crate::ahead(now, row.time));
    Alert { labels, annotations, starts_at, ends_at, updated_at: now, generator_url, timeout }
}

/// The silence of a row; nothing if its matchers cannot be read, which would be a bug.
fn silence(row: SilenceRow, now: Timestamp) -> Option<Silence> {
    let bug = |error: &dyn std::fmt::Display| tracing::error!(id = row.id, %error, "a silence cannot be read: a bug");
    let wire: Vec<WireMatcher> = serde_json::from_str(&row.matchers).inspect_err(|error| bug(error)).ok()?;
    let matchers: Result<Vec<_>, _> = wire.into_iter().map(Matcher::try_from).collect();
    Some(Silence {
        matchers: Matchers::as_written(matchers.inspect_err(|error| bug(error)).ok()?),
        id: row.id,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        updated_at: now,
        created_by: row.created_by,
        comment: row.comment,
        annotations: row.annotations,
    })
}

impl Fold for RoutingFold {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(
        &mut self,
        record: &Record,
        _found: &HashMap<DocumentRef, Found>,
        outputs: &mut Outputs,
    ) -> Result<(), FoldError> {
        self.advance(record, outputs).map_err(|source| FoldError::Record { fold: NAME, offset: record.offset, source })
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.engine.read().next().into_iter().chain(self.rollouts.next()).min()
    }

    fn is_behind(&self) -> bool {
        self.engine.read().is_behind()
    }

    fn checkpoint(&self) -> Vec<u8> {
        fold::whole(self)
    }

    fn parts(&mut self) -> Option<&mut dyn Parts> {
        Some(self)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), FoldError> {
        let restored = match fold::take_whole(self, state) {
            Ok(false) => self.load_old(state),
            taken => taken.map(drop),
        };
        if restored.is_err() {
            let new = Self::new(Arc::clone(&self.engine), self.link_base.clone()).join_rollouts(self.join_rollouts);
            *self = Self { room: self.room, ..new };
        }
        restored.map_err(|problem| FoldError::Checkpoint { fold: NAME, problem })
    }
}
