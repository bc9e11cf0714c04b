//! The outbox fold: incidents become intents, one sequence for each receiver and incident.
//!
//! An incident that a route matches is a `trigger`; what is told of it later is an `update`, and its
//! end a `resolve`, for whom it was triggered: the routes may have changed since. While an intent
//! is on its way only the newest update waits behind it. A resolve goes at once, since it says all
//! that waits.
//!
//! A notice is already meant for one receiver, by an Alertmanager configuration; it opens and closes
//! its lane in the same way, but not before the end of the last incident of its group has arrived. A canary that fails is told in a notice, too, to the receiver that rolls back.
//!
//! An intent that a provider refuses for good is a finding, `notify/<receiver>`: it is resolved by
//! the next delivery. What a refused receiver (a wrong key, a closed channel) has not got is kept,
//! tried again in growing intervals, and sent when the receiver works again. A receiver that is
//! refused is not told of refused receivers, so that nothing goes in circles.
//!
//! A receiver may have a fallback. What the receiver refuses, takes and never proves, or has not got
//! after a time is a trigger for the fallback, once an incident, whose reason says why. From then on
//! the fallback is told of that incident like any receiver of it, its end included.
//!
//! A receiver's provider may say what people did there. An incident that is acknowledged is not
//! escalated. One that is resolved there and open here is told anew, as a new incident of the
//! provider under the same key, when it widens, or after a time; until then nothing is told.
//!
//! Some providers wake nobody for what is told of an open incident. There, one that has widened (it is worse, or has become many times
//! as large) is told of in a child, an incident of its own that names the first, and ends with it.
//!
//! Of a storm a receiver is told a part; the rest is one incident more, its digest.
//!
//! What a silence mutes is told to no receiver as long as it does, whenever it was decided: what was to be told before is looked at when
//! it would be put out, and told once the silence is over.

mod checkpoint;
mod child;
mod config;
mod digest;
mod escalate;
mod health;
mod lane;
mod notice;
mod order;
mod packed;
mod quiet;
mod react;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use alertmanager::engine::Engine;
use base::{Limit, Marked, Timestamp};
use fold::{DocumentRef, Fold, FoldError, Found, Outputs, Parts};
use model::rows::{Alert, Finding, Intent, Notice, Reaction, Receipt, Routing};
use model::{AlertState, ModelError, Outcome, Record, Stream};
use notify::{Action, Notification};
use parking_lot::RwLock;

use self::config::Routes;
pub use self::config::{Again, Fallback, OutboxConfig, Route, RouteError};
use self::digest::{Digest, Member};
use self::escalate::Watched;
use self::health::Sick;
use self::lane::Lane;
pub use self::notice::GROUPS;
use self::packed::Packed;
use self::react::Names;
use crate::alert::Evidence;
use crate::room::Room;

/// Its name as a fold.
pub(crate) const NAME: &str = "outbox";

/// What receivers were told of one incident. A lane is large, and there is one in most of these maps.
type Lanes = BTreeMap<String, Box<Lane>>;

/// See the module.
#[derive(Debug)]
pub struct OutboxFold {
    config: OutboxConfig,
    routes: Routes,
    limit: Limit,
    room: Room,
    /// By incident and receiver.
    lanes: Marked<String, Lanes>,
    open: u64,
    /// Receivers whose last answer was a refusal.
    sick: BTreeMap<String, Sick>,
    /// Receivers with an open incident that says so, wherever it was found.
    down: BTreeSet<String>,
    /// Receivers that notices may name.
    direct: BTreeSet<String>,
    /// What refused receivers have not got: receiver and incident.
    owed: BTreeSet<(String, String)>,
    /// What is on its way from receivers that have a fallback.
    watched: Watched,
    /// What was resolved at its provider only: until when, receiver, incident.
    closed: Watched,
    /// What has widened and is still to be paged for: when, receiver, incident.
    wider: Watched,
    /// What waits for the end of an earlier incident of its group: until when, receiver, incident.
    held: Watched,
    /// Other names of incidents, at their receivers.
    names: Names,
    /// By receiver: what it was not told one by one.
    digests: Marked<String, Digest>,
    /// The incidents in digests that are open, by receiver and incident, with what was to be told of each.
    members: Marked<(String, String), Member>,
    /// What knows the silences, if anything does.
    engine: Option<Arc<RwLock<Engine>>>,
    /// What is to be told of incidents that are silenced.
    silenced: Marked<String, Packed>,
    /// What was to be told of them before they were: incident, receiver.
    quiet: BTreeSet<(String, String)>,
    /// When a silence changes next.
    look: Option<Timestamp>,
    /// That of the last record.
    shard: u32,
}

/// What one record leads to.
#[derive(Default)]
struct Told {
    /// By scope.
    intents: BTreeMap<String, Vec<Intent>>,
    findings: Vec<Finding>,
}

impl OutboxFold {
    /// Has told nobody anything.
    ///
    /// # Errors
    /// If a scope of a route is no glob.
    pub fn new(config: OutboxConfig) -> Result<Self, RouteError> {
        let routes = Routes::new(&config)?;
        Ok(Self::with(config, routes))
    }

    fn with(config: OutboxConfig, routes: Routes) -> Self {
        Self {
            limit: Limit::new("outbox.open", config.max_open),
            room: Room::of(config.max_batch_bytes),
            config,
            routes,
            lanes: Marked::default(),
            open: 0,
            sick: BTreeMap::new(),
            down: BTreeSet::new(),
            direct: BTreeSet::new(),
            owed: BTreeSet::new(),
            watched: Watched::new(),
            closed: Watched::new(),
            wider: Watched::new(),
            held: Watched::new(),
            names: Names::default(),
            digests: Marked::default(),
            members: Marked::default(),
            engine: None,
            silenced: Marked::default(),
            quiet: BTreeSet::new(),
            look: None,
            shard: 0,
        }
    }

    /// How many incidents are open, each counted once for each receiver.
    pub const fn open(&self) -> u64 {
        self.open
    }

    fn alert(&mut self, row: &Alert, now: Timestamp, told: &mut Told) {
        if let Some(receiver) = row.cause.strip_prefix(health::CAUSE) {
            match row.state {
                AlertState::Resolved => self.down.remove(receiver),
                _ => self.down.insert(receiver.to_owned()),
            };
        }
        if row.state == AlertState::Resolved {
            return self.resolve(row, now, told);
        }
        let notification = notification(row, self.config.link_base.as_deref());
        if !self.keep_quiet(&notification, now) {
            self.tell(&notification, now, told);
            self.speak_of(&notification.incident, now, told);
        }
    }

    /// Tells who was told of the incident before, and whom routes lead to.
    fn tell(&mut self, notification: &Notification, now: Timestamp, told: &mut Told) {
        let Notification { incident, cause, reason, .. } = notification;
        let mut receivers = self.routed(incident);
        if !self.has_notices(&notification.scope) {
            let new = self.routes.of(notification).into_iter().filter(|receiver| !self.would_circle(cause, receiver));
            receivers.extend(new);
        }
        for receiver in receivers {
            if let Some(lane) = self.lane(&receiver, incident) {
                lane.want(notification, reason);
                if reason == "widened" {
                    self.reopen(&receiver, incident);
                }
                self.widen(&receiver, incident, notification, now);
                self.send_ready(&receiver, incident, now, told);
            }
        }
    }

    /// Puts out what waits, if it may go.
    fn send_ready(&mut self, receiver: &str, incident: &str, now: Timestamp, told: &mut Told) {
        let lane = self.lanes.get(incident).and_then(|lanes| lanes.get(receiver));
        if lane.is_some_and(|lane| lane.ready()) {
            self.send(receiver, incident, now, told);
        }
    }

    /// The lane, opened if there is room.
    fn lane(&mut self, receiver: &str, incident: &str) -> Option<&mut Lane> {
        let known = self.lanes.get(incident).is_some_and(|lanes| lanes.contains_key(receiver));
        if !known {
            if let Err(error) = self.limit.check(self.open + 1) {
                tracing::error!(receiver, incident, %error, "nobody is told of an incident");
                return None;
            }
            self.open += 1;
        }
        let lanes = self.lanes.or_insert_with(&incident.to_owned(), Lanes::new);
        Some(lanes.entry(receiver.to_owned()).or_insert_with(|| Box::new(Lane::new())))
    }

    fn resolve(&mut self, row: &Alert, now: Timestamp, told: &mut Told) {
        self.silenced.remove(&row.incident);
        let receivers = self.routed(&row.incident);
        let notification = notification(row, self.config.link_base.as_deref());
        for receiver in receivers {
            self.close(&receiver, &row.incident, &notification, &row.reason, now, told);
            self.leave(&receiver, &row.incident, now, told);
        }
        for child in self.children(&row.incident) {
            for receiver in self.routed(&child) {
                self.close(&receiver, &child, &notification, &row.reason, now, told);
                self.leave(&receiver, &child, now, told);
            }
        }
    }

    /// Tells one receiver that an incident is over.
    fn close(
        &mut self,
        receiver: &str,
        incident: &str,
        notification: &Notification,
        reason: &str,
        now: Timestamp,
        told: &mut Told,
    ) {
        let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) else { return };
        if lane.closing {
            lane.returns = None;
            return;
        }
        // A provider that has refused the trigger has nothing to resolve.
        if !lane.reached && !lane.in_flight() {
            return self.forget(receiver, incident);
        }
        lane.closing = true;
        // If the answer to it was lost, nobody but the provider knows whether it has it.
        let ended = lane.wanted.as_ref().and_then(Packed::open).map(|last| last.symptoms).unwrap_or_default();
        lane.want(&Notification { ended, ..notification.clone() }, reason);
        self.unwiden(receiver, incident);
        self.send(receiver, incident, now, told);
    }

    /// Puts out what the lane wants to tell, unless it is silenced; whether it did.
    fn send(&mut self, receiver: &str, incident: &str, now: Timestamp, told: &mut Told) -> bool {
        let ends = self.lanes.get(incident).and_then(|lanes| lanes.get(receiver)).is_some_and(|lane| lane.closing);
        if !ends && self.is_quiet(receiver, incident, now) {
            self.hush(receiver, incident, now);
            return false;
        }
        self.unhush(receiver, incident);
        self.owed.remove(&(receiver.to_owned(), incident.to_owned()));
        let lane = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver));
        if let Some((scope, intent)) = lane.and_then(|lane| lane.intent(receiver, incident, self.room.intent, now)) {
            metrics::counter!("steadfast_intents_total", "receiver" => receiver.to_owned(), "action" => intent.action.clone())
                .increment(1);
            told.intents.entry(scope).or_default().push(intent);
            self.watch(receiver, incident, now);
            return true;
        }
        false
    }

    fn forget(&mut self, receiver: &str, incident: &str) {
        self.unwatch(receiver, incident);
        self.unclose(receiver, incident);
        self.unwiden(receiver, incident);
        self.unhold(receiver, incident);
        self.unhush(receiver, incident);
        self.unname(receiver, incident);
        self.owed.remove(&(receiver.to_owned(), incident.to_owned()));
        let Some(lanes) = self.lanes.get_mut(incident) else { return };
        if lanes.remove(receiver).is_some() {
            self.open -= 1;
        }
        if lanes.is_empty() {
            self.lanes.remove(incident);
        }
    }

    fn receipt(&mut self, row: &Receipt, now: Timestamp, told: &mut Told) {
        // A receiver that is no longer configured is nobody's concern.
        if !self.follows(&row.receiver) {
            return;
        }
        let taken = matches!(row.outcome, Outcome::Delivered | Outcome::Accepted | Outcome::Unproven);
        let mut news = row.last;
        if let Some(lane) = self.lanes.get_mut(&row.incident).and_then(|lanes| lanes.get_mut(&row.receiver)) {
            lane.reached |= taken;
            let called =
                row.reference.as_ref().filter(|reference| lane.reference.as_ref() != Some(*reference)).cloned();
            if called.is_some() {
                lane.reference.clone_from(&called);
            }
            // Who sends it asks again and again: the first refusal of an intent is what is new.
            let refused = row.outcome == Outcome::Refused && lane.refuses(row.sequence);
            news |= refused;
            if let Some(called) = called {
                self.name(&row.receiver, &called, &row.incident);
            }
            if refused {
                self.give_up(row, now, told);
            }
            if row.last {
                self.done(row, now, told);
            }
            let is_over = self.lanes.get(&row.incident).is_none_or(|lanes| !lanes.contains_key(&row.receiver));
            if refused || is_over {
                self.release(&row.receiver, &row.incident, now, told);
            }
        }
        if news && self.knows(&row.receiver) {
            self.examine(row, now, told);
        }
    }

    /// An intent is done with.
    fn done(&mut self, row: &Receipt, now: Timestamp, told: &mut Told) {
        let Some(lane) = self.lanes.get_mut(&row.incident).and_then(|lanes| lanes.get_mut(&row.receiver)) else {
            return;
        };
        if row.sequence <= lane.done || row.sequence > lane.sequence {
            return;
        }
        lane.done = row.sequence;
        if lane.in_flight() {
            return;
        }
        let gone = !self.knows(&row.receiver);
        self.give_up(row, now, told);
        self.unwatch(&row.receiver, &row.incident);
        match row.outcome {
            Outcome::Digested if self.is_quiet(&row.receiver, &row.incident, now) => {
                self.put_off(&row.receiver, &row.incident);
            }
            Outcome::Digested => self.collect(&row.receiver, &row.incident, now, told),
            Outcome::Delivered | Outcome::Accepted => {
                self.arrived(&row.receiver, &row.incident);
                self.leave(&row.receiver, &row.incident, now, told);
            }
            _ => {}
        }
        let Some(lane) = self.lanes.get_mut(&row.incident).and_then(|lanes| lanes.get_mut(&row.receiver)) else {
            return;
        };
        let (receiver, incident) = (&row.receiver, &row.incident);
        let over = lane.closing && lane.wanted.is_none();
        let ended = over || (lane.closing && !matches!(row.outcome, Outcome::Refused | Outcome::Retry));
        if ended && !gone && lane.begin_anew() {
            self.send(receiver, incident, now, told);
            return;
        }
        match row.outcome {
            _ if over => self.forget(receiver, incident),
            Outcome::Refused | Outcome::Retry | Outcome::Poison if gone => self.forget(receiver, incident),
            Outcome::Refused | Outcome::Retry => {
                lane.failed = Some(Outcome::Refused);
                self.owed.insert((receiver.clone(), incident.clone()));
            }
            _ if lane.closing => self.forget(receiver, incident),
            outcome => {
                lane.failed = (outcome == Outcome::Poison).then_some(outcome);
                if lane.ready() {
                    self.send(receiver, incident, now, told);
                } else if !lane.waiting && lane.overdue.is_none() && self.routes.again(receiver).is_none() {
                    lane.wanted = None;
                }
            }
        }
    }

    fn advance(&mut self, record: &Record, outputs: &mut Outputs) -> Result<(), ModelError> {
        let mut told = Told::default();
        self.shard = record.shard;
        self.retire(record.time, &mut told);
        match record.batch.stream {
            Stream::Alerts => {
                record.rows::<Alert>()?.iter().for_each(|row| self.alert(row, record.time, &mut told));
            }
            Stream::Notices => {
                record.rows::<Notice>()?.iter().for_each(|row| self.notice(row, record.time, &mut told));
            }
            Stream::Routings => record.rows::<Routing>()?.iter().for_each(|row| self.reroute(row)),
            Stream::Receipts => {
                record.rows::<Receipt>()?.iter().for_each(|row| self.receipt(row, record.time, &mut told));
            }
            Stream::Reactions => {
                record.rows::<Reaction>()?.iter().for_each(|row| self.react(row, record.time, &mut told));
            }
            _ => {}
        }
        self.break_silence(record.batch.stream == Stream::Silences, record.time, &mut told);
        self.again(record.time, &mut told);
        self.page_wider(record.time, &mut told);
        self.hold_no_longer(record.time, &mut told);
        self.probe(record.time, &mut told);
        self.overdue(record.time, &mut told);
        for (scope, intents) in &told.intents {
            outputs.push_parts(scope, intents, self.room.record, |row| row.payload.len() + 500)?;
        }
        outputs.push(health::SCOPE, &told.findings)
    }
}

/// What to tell of an incident; its action is set when it is told.
pub(crate) fn notification(row: &Alert, link_base: Option<&str>) -> Notification {
    let evidence: Evidence = serde_json::from_str(&row.evidence).unwrap_or_default();
    Notification {
        incident: row.incident.clone(),
        action: Action::Trigger,
        state: row.state,
        severity: row.severity,
        summary: row.summary.clone(),
        cause: row.cause.clone(),
        scope: row.scope.clone(),
        since: row.since,
        time: row.time,
        labels: row.labels.clone(),
        revision: evidence.revision,
        author: evidence.author,
        message: evidence.message,
        symptoms: evidence.symptoms,
        ended: Vec::new(),
        findings: u64::try_from(row.findings).unwrap_or(0),
        link: link_base.map(|base| format!("{}/incidents/{}", base.trim_end_matches('/'), row.key)),
        reason: row.reason.clone(),
        note: None,
        reference: None,
        group: None,
    }
}

impl Fold for OutboxFold {
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
        let times = [self.next_probe(), self.next_watch(), self.next_again(), self.next_wider(), self.next_held()];
        times.into_iter().flatten().chain(self.next_look()).min()
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
            *self = self.anew();
        }
        restored.map_err(|problem| FoldError::Checkpoint { fold: NAME, problem })
    }
}
