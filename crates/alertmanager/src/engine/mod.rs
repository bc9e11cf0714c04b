//! What Alertmanager does with alerts, as a state machine: it routes them, groups them, looks at each
//! group when its time has come, and says who is to be told what.
//!
//! It differs from Alertmanager where that loses pages: it keeps its state (whoever drives it saves
//! it), a reload keeps groups and their timers, a silence or a muted route does not hold back the end
//! of what somebody was told of, and what a provider has not taken yet is not repeated to it.
//!
//! Beside posted alerts it takes incidents: each is an alert that makes a group of its own, which is
//! looked at whenever the incident changes.

mod carry;
mod checkpoint;
mod decision;
mod flush;
mod group;
mod held;
mod parts;
mod quiet;
mod reroute;
mod resume;
mod setup;
mod sweep;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use base::{Marked, Timestamp};

use crate::alert::{Alert, succeed};
use crate::inhibit::Inhibitor;
use crate::labels::{Fingerprint, Labels};
use crate::silence::{Silence, Silences};

pub use self::decision::Decision;
pub use self::flush::{Action, Decided, Flush, Tell};
use self::group::Group;
use self::group::Identity;
use self::held::{Cause, Held};
pub use self::parts::{EngineHead, PartError, Restoring, Sink};
pub use self::setup::{Plan, Setup, Way};
pub use self::view::{AlertView, GroupHead, Place, Status};

/// Alerts of the groups that are looked at in one step, about; the others wait for the next step, so that none takes long.
const STEP: usize = 2_000;

/// See the module.
#[derive(Debug, Default)]
pub struct Engine {
    setup: Setup,
    alerts: BTreeMap<Fingerprint, Held>,
    marks: Marks,
    groups: Marked<u64, Group>,
    next_group: u64,
    by_identity: BTreeMap<Arc<Identity>, u64>,
    by_incident: HashMap<String, u64>,
    /// The alerts that stand for incidents.
    incidents: HashMap<String, Fingerprint>,
    due: BTreeSet<(Timestamp, u64)>,
    silences: Silences,
    /// Alerts that are told of in an incident of another kind, which is named: here they are held back.
    adopted: Marked<Fingerprint, String>,
    inhibitor: Inhibitor,
    /// Where the search for alerts that are over goes on.
    sweep: Option<Fingerprint>,
    /// From where on alerts are still to be routed anew, by the configuration.
    reroute: Option<Fingerprint>,
    /// Alerts that came since the last step.
    came: usize,
    /// When it last did anything.
    looked: Timestamp,
}

/// What has changed since it was saved: alerts but for their times, those, and silences.
#[derive(Debug, Default)]
struct Marks {
    alerts: BTreeSet<Fingerprint>,
    times: BTreeSet<Fingerprint>,
    silences: BTreeSet<String>,
}

impl Engine {
    /// Knows no alert, and tells nobody anything before [`Self::configure`].
    pub fn new() -> Self {
        Self::default()
    }

    /// How many alerts are held, with those that are over.
    pub fn len(&self) -> usize {
        self.alerts.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// The silences.
    pub const fn silences(&self) -> &Silences {
        &self.silences
    }

    /// The configuration.
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Routes by another configuration from `now` on. Groups that both have go on as they were; no alert is touched where
    /// both route and inhibit in the same way.
    pub fn configure(&mut self, setup: Setup, now: Timestamp) {
        let (routes, rules) = (!self.setup.routes_as(&setup), self.setup.rules != setup.rules);
        if routes {
            self.carry(&setup);
        }
        if rules {
            self.inhibitor = Inhibitor::new(setup.rules.clone());
        }
        self.setup = setup;
        if rules {
            self.inhibit(now);
        }
        if routes {
            self.begin_reroute();
        }
        // Ways out that are gone are told the end at once.
        let parted: Vec<u64> = self.groups.iter().filter(|(_, group)| self.parts(group)).map(|(id, _)| *id).collect();
        parted.into_iter().for_each(|id| self.schedule(id, now));
    }

    /// Tells the inhibitor of all alerts.
    fn inhibit(&mut self, now: Timestamp) {
        for (alert, held) in &self.alerts {
            let fires_until = (!held.is_resolved(now)).then_some(held.times.ends_at);
            self.inhibitor.update(*alert, &held.labels(), fires_until);
        }
    }

    /// Whether somebody was told of the group who is no longer configured.
    fn parts(&self, group: &Group) -> bool {
        let ways = self.setup.ways(&group.identity.receiver);
        group.told.keys().any(|name| !ways.iter().any(|way| way.name == *name))
    }

    /// Takes a posted alert. One with the labels of an incident is not that incident's.
    pub fn post(&mut self, alert: Alert, now: Timestamp) {
        let fingerprint = alert.fingerprint();
        if self.alerts.get(&fingerprint).is_none_or(|held| held.cause.is_none()) {
            self.put(fingerprint, alert, None, now);
        }
    }

    /// Whether an alert with these labels is held.
    pub fn holds(&self, alert: Fingerprint) -> bool {
        self.alerts.contains_key(&alert)
    }

    /// Whether an alert is held that is not over.
    pub fn fires(&self, alert: Fingerprint, now: Timestamp) -> bool {
        self.alerts.get(&alert).is_some_and(|held| !held.is_resolved(now))
    }

    /// From when an alert that is held is over.
    pub fn ends_at(&self, alert: Fingerprint) -> Option<Timestamp> {
        self.alerts.get(&alert).map(|held| held.times.ends_at)
    }

    /// Whether a silence or another alert holds back what has these labels.
    pub fn is_suppressed(&self, labels: &Labels, now: Timestamp) -> bool {
        !self.silences.mutes(labels, now).is_empty() || !self.inhibitor.inhibited_by(labels, now).is_empty()
    }

    /// Holds an alert back from now on: it is told of in `by`.
    pub fn adopt(&mut self, alert: Fingerprint, by: &str) {
        self.adopted.insert(alert, by.to_owned());
    }

    /// Ends that; its groups are looked at once more.
    pub fn release(&mut self, alert: Fingerprint, now: Timestamp) {
        if self.adopted.remove(&alert).is_some() {
            self.groups_of(alert).into_iter().for_each(|id| self.schedule(id, now));
        }
    }

    /// Takes what is new of an incident: its alert, with labels that no other incident has, and what
    /// to tell of it. The labels may differ from those of before; who was told of it stays so.
    pub fn incident(&mut self, incident: &str, alert: Alert, body: Arc<str>, now: Timestamp) {
        let fingerprint = alert.fingerprint();
        match self.incidents.insert(incident.to_owned(), fingerprint) {
            Some(old) if old != fingerprint => self.rename(old, fingerprint),
            _ => {}
        }
        self.put(fingerprint, alert, Some(Box::new(Cause { incident: incident.to_owned(), body })), now);
        for id in self.groups_of(fingerprint) {
            if let Some(group) = self.groups.get_mut(&id) {
                group.news = true;
            }
            self.schedule(id, now);
        }
    }

    /// A label of the alert that stands for an incident; nothing if there is none.
    pub fn incident_label(&self, incident: &str, name: &str) -> Option<String> {
        let held = self.alerts.get(self.incidents.get(incident)?)?;
        Some(held.value(name).to_owned()).filter(|value| !value.is_empty())
    }

    /// Takes a silence, new or changed.
    pub fn silence(&mut self, silence: Silence) {
        self.marks.silences.insert(silence.id.clone());
        self.silences.restore(silence);
    }

    /// The provider behind a way out has what it was told of an incident, or will never have it;
    /// then it may be told again.
    pub fn answered(&mut self, way: &str, incident: &str, taken: bool, now: Timestamp) {
        let group = self.by_incident.get(incident).and_then(|id| self.groups.get_mut(id));
        if let Some(told) = group.and_then(|group| group.told.get_mut(way)) {
            told.pending = false;
            if taken {
                told.entry.sent_at = now;
            }
        }
    }

    /// When it next wants to be told that time has passed.
    pub fn next(&self) -> Option<Timestamp> {
        // By how long it did not look it knows that it was away; alerts that are over are to be dropped, too.
        let look = (!self.alerts.is_empty()).then(|| self.looked.plus(resume::LOOK));
        let reroute = self.reroute.map(|_| self.looked);
        self.due.first().map(|(at, _)| *at).into_iter().chain(look).chain(reroute).min()
    }

    /// Looks at groups whose time has come, `groups` of them at most, once all alerts are routed by the configuration: see
    /// [`Self::is_behind`].
    pub fn advance(&mut self, now: Timestamp, groups: usize) -> Vec<Flush> {
        let (mut flushes, mut alerts) = (Vec::new(), 0);
        let groups = if self.reroute(now) { groups } else { 0 };
        for _ in 0..groups {
            let Some((at, id)) = self.due.first().copied().filter(|(at, _)| *at <= now && alerts < STEP) else {
                break;
            };
            self.due.remove(&(at, id));
            alerts += self.groups.get(&id).map_or(0, |group| group.alerts.len());
            flushes.extend(self.flush(id, at, now));
        }
        let passed = now.since(std::mem::replace(&mut self.looked, now));
        self.sweep(passed, now);
        self.marks.silences.extend(self.silences.collect(now));
        flushes
    }

    /// Whether there are groups whose time had come at the last step, and that wait for the next one, or alerts that are
    /// still to be routed anew.
    pub fn is_behind(&self) -> bool {
        self.reroute.is_some() || self.due.first().is_some_and(|(at, _)| *at <= self.looked)
    }

    fn groups_of(&self, alert: Fingerprint) -> Vec<u64> {
        self.alerts.get(&alert).map(|held| held.groups.to_vec()).unwrap_or_default()
    }

    fn put(&mut self, fingerprint: Fingerprint, alert: Alert, cause: Option<Box<Cause>>, now: Timestamp) {
        let alert = match self.alerts.get(&fingerprint) {
            Some(held) if cause.is_none() => succeed(&held.before(&alert), alert, now),
            _ => alert,
        };
        self.inhibitor.update(fingerprint, &alert.labels, fires_until(&alert, now));
        self.came += 1;
        self.join(fingerprint, &alert, cause, now);
    }

    /// What was known of an alert is known of another one from now on.
    fn rename(&mut self, old: Fingerprint, new: Fingerprint) {
        let Some(held) = self.alerts.remove(&old) else { return };
        [old, new].into_iter().for_each(|alert| self.mark(alert));
        // It may not have been routed anew yet.
        self.reroute = self.reroute.map(|from| from.min(new));
        self.inhibitor.update(old, &held.labels(), None);
        for id in &held.groups {
            if let Some(group) = self.groups.get_mut(id) {
                group.rename(old, new);
            }
        }
        self.alerts.insert(new, held);
    }

    fn mark(&mut self, alert: Fingerprint) {
        self.marks.alerts.insert(alert);
        self.marks.times.insert(alert);
    }

    /// Puts an alert into its groups.
    fn join(&mut self, fingerprint: Fingerprint, alert: &Alert, cause: Option<Box<Cause>>, now: Timestamp) {
        let incident = cause.as_ref().map(|cause| cause.incident.clone());
        let known = self.groups_of(fingerprint);
        let mut groups: Vec<u64> = known.iter().copied().filter(|id| self.groups.contains_key(id)).collect();
        if groups.is_empty() || groups.len() < known.len() || incident.is_some() {
            let routed = self.route(&alert.labels, incident.as_ref(), now);
            groups.extend(routed.into_iter().filter(|id| !groups.contains(id)).collect::<Vec<_>>());
        }
        for id in &groups {
            self.enter(*id, fingerprint, alert, now);
        }
        self.hold(fingerprint, Held::of(alert, groups, cause));
    }

    /// Puts an alert into a group, if it is not in it.
    fn enter(&mut self, id: u64, fingerprint: Fingerprint, alert: &Alert, now: Timestamp) {
        let Some(group) = self.groups.get(&id) else { return };
        let wait = self.setup.route(group.route).map(|route| route.group_wait).unwrap_or_default();
        let is_late = !group.flushed && alert.starts_at.plus(wait) < now;
        if !group.alerts.contains_key(&fingerprint)
            && let Some(group) = self.groups.get_mut(&id)
        {
            group.alerts.insert(fingerprint, 0);
        }
        if is_late {
            self.schedule(id, now);
        }
    }

    fn hold(&mut self, fingerprint: Fingerprint, held: Held) {
        match self.alerts.get_mut(&fingerprint) {
            Some(old) if old.differs_in_times_only(&held) => {
                old.times = held.times;
                self.marks.times.insert(fingerprint);
            }
            _ => {
                self.alerts.insert(fingerprint, held);
                self.mark(fingerprint);
            }
        }
    }

    /// The groups of an alert with these labels, made where they are missing.
    fn route(&mut self, labels: &Labels, incident: Option<&String>, now: Timestamp) -> Vec<u64> {
        let mut ids = Vec::new();
        for (route, identity) in self.setup.identities(labels, incident) {
            let id = match self.by_identity.get(&identity) {
                Some(id) => *id,
                None => self.open_group(route, Arc::new(identity), incident, now),
            };
            if self.groups.get(&id).is_some_and(|group| group.route != route)
                && let Some(group) = self.groups.get_mut(&id)
            {
                group.route = route;
            }
            ids.push(id);
        }
        ids
    }

    fn open_group(&mut self, route: usize, identity: Arc<Identity>, incident: Option<&String>, now: Timestamp) -> u64 {
        let id = self.next_group;
        self.next_group += 1;
        let wait = self.setup.route(route).map(|route| route.group_wait).unwrap_or_default();
        let due = if incident.is_some() { now } else { now.plus(wait) };
        self.by_identity.insert(Arc::clone(&identity), id);
        self.groups.insert(id, Group::new(identity, route, due, incident.cloned()));
        self.due.insert((due, id));
        id
    }

    fn schedule(&mut self, id: u64, due: Timestamp) {
        if self.groups.get(&id).is_none_or(|group| group.due == due) {
            return;
        }
        let Some(group) = self.groups.get_mut(&id) else { return };
        self.due.remove(&(group.due, id));
        group.due = due;
        self.due.insert((due, id));
    }

    fn drop_group(&mut self, id: u64) {
        if let Some(group) = self.groups.remove(&id) {
            self.due.remove(&(group.due, id));
            self.by_identity.remove(&group.identity);
            self.by_incident.remove(&group.incident);
        }
    }

    /// Whether somebody was told that it fires, and not yet that it does not, or has not taken that.
    fn is_owed(&self, alert: Fingerprint, now: Timestamp) -> bool {
        let held = self.alerts.get(&alert);
        let mut groups = held.into_iter().flat_map(|held| &held.groups).filter_map(|id| self.groups.get(id));
        groups.any(|group| group.was_told_of(alert) || self.owes(group, alert, now))
    }
}

fn fires_until(alert: &Alert, now: Timestamp) -> Option<Timestamp> {
    (!alert.is_resolved(now)).then_some(alert.ends_at)
}
