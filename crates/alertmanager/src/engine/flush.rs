//! One look at a group: what of it is held back, and who is to be told what.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;

use super::group::{Group, Told};
use super::held::Held;
use super::setup::Way;
use super::{Decision, Engine};
use crate::alert::Alert;
use crate::dedup::{Entry, Reason, decide};
use crate::labels::{Fingerprint, Labels};
use crate::webhook::order;

/// The shortest time between two looks at a group.
const SHORTEST: Duration = Duration::from_millis(1);
/// How long an alert is kept that is over, for a way out that takes nothing: more and more of them would be.
const OWED: Duration = Duration::from_secs(24 * 3600);

/// What a way out is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open the incident, or tell more of it.
    Tell,
    /// Close it.
    Resolve,
    /// It is over, and this way out wants no word of that.
    Forget,
}

/// What one way out is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tell {
    /// Its name in [`super::Way`].
    pub way: String,
    /// What it does.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// Whether alerts that are over are told too.
    pub with_resolved: bool,
    /// What is told instead of the group's alerts, as over: what it was told that fired, where the
    /// alerts went elsewhere or the way out is gone.
    pub ended: Vec<Arc<Alert>>,
}

/// What became of an alert, where that is not what became of it the last time.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The alert.
    pub alert: Arc<Alert>,
    /// What was decided.
    pub decision: Decision,
}

/// What came of a look at a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Flush {
    /// The name of its incident; empty if nobody was told of one.
    pub incident: String,
    /// When that opened.
    pub opened: Timestamp,
    /// Whether it is over.
    pub is_over: bool,
    /// The receiver.
    pub receiver: String,
    /// The place in the tree and the labels, as Alertmanager writes them.
    pub group_key: String,
    /// The labels that its alerts share.
    pub group_labels: Labels,
    /// The labels of its route.
    pub route_labels: Labels,
    /// The alerts that are told of, if anybody is told: by `job`, `instance`, then all labels.
    pub alerts: Vec<Arc<Alert>>,
    /// Its incident was taken as one, and is not made of alerts.
    pub of_incident: bool,
    /// What to tell of an incident that was taken as one, as long as it is known.
    pub body: Option<Arc<str>>,
    /// Who is told what.
    pub tells: Vec<Tell>,
    /// What became of alerts.
    pub decisions: Vec<Decided>,
}

/// The alerts of a group that nothing holds back.
#[derive(Default)]
struct Kept {
    firing: BTreeSet<Fingerprint>,
    resolved: BTreeSet<Fingerprint>,
}

impl Kept {
    fn is_empty(&self) -> bool {
        self.firing.is_empty() && self.resolved.is_empty()
    }
}

impl Engine {
    /// Looks at the group that was due at `at`; nothing if there is nothing to say.
    pub(super) fn flush(&mut self, id: u64, at: Timestamp, now: Timestamp) -> Option<Flush> {
        let mut group = self.groups.remove(&id)?;
        self.shed(&mut group, now);
        if !group.alerts.is_empty() {
            group.key = self.setup.group_key(group.route, &group.identity.labels);
            group.route_labels = self.setup.route(group.route).map(|route| route.labels.clone()).unwrap_or_default();
        }
        let (kept, held_back) = self.sift(&group, now);
        let mut tells = self.part(&mut group, now);
        tells.extend(self.tell(&mut group, &kept, &held_back, now));
        let decisions = self.note(&mut group, &kept, held_back, &tells, now);
        let opens = group.opened.is_none() && tells.iter().any(|tell| tell.action == Action::Tell);
        if opens {
            group.open(now);
            self.by_incident.insert(group.incident.clone(), id);
        }
        let is_over = group.opened.is_some() && !group.is_open();
        let anything = !tells.is_empty() || !decisions.is_empty();
        let flush = anything.then(|| self.report(&group, &kept, tells, decisions, is_over));
        if is_over {
            self.by_incident.remove(&group.incident);
            group.opened = None;
        }
        self.settle(id, group, at, now);
        flush
    }

    /// Takes out alerts that are over, where all who want to know have taken that meanwhile.
    fn shed(&self, group: &mut Group, now: Timestamp) {
        let ended = |alert: &Fingerprint| group.told.values().any(|told| told.entry.resolved.contains(alert));
        let over = group.alerts.keys().filter(|alert| ended(alert) && !self.fires(**alert, now));
        let over: Vec<Fingerprint> = over.filter(|alert| !self.owes(group, **alert, now)).copied().collect();
        over.iter().for_each(|alert| _ = group.alerts.remove(alert));
    }

    /// Whether a way out was told that an alert fires, and was not told of its end or has not taken it.
    pub(super) fn owes(&self, group: &Group, alert: Fingerprint, now: Timestamp) -> bool {
        let is_recent = || self.alerts.get(&alert).is_some_and(|held| held.times.ends_at.plus(OWED) > now);
        let ways = self.setup.ways(&group.identity.receiver).iter().filter(|way| way.send_resolved);
        ways.filter_map(|way| Some((way, group.told.get(&way.name)?))).any(|(way, told)| {
            let is_on_its_way = told.pending && way.answers() && told.entry.resolved.contains(&alert);
            told.fires(alert) || (is_on_its_way && is_recent())
        })
    }

    /// Splits a group's alerts into those that are told of and those that are not, with the reason.
    fn sift(&self, group: &Group, now: Timestamp) -> (Kept, Vec<(Fingerprint, Decision)>) {
        let (mut kept, mut held_back) = (Kept::default(), Vec::new());
        let blocked = self.setup.blocked(group.route, now);
        for fingerprint in group.alerts.keys() {
            let Some(held) = self.alerts.get(fingerprint) else { continue };
            let resolved = held.is_resolved(now);
            let suppressed = if resolved && (group.was_told_of(*fingerprint) || self.owes(group, *fingerprint, now)) {
                // Its end is not held back: the incident would stay open where it was told.
                None
            } else {
                self.suppressed(*fingerprint, held, now).or_else(|| blocked.clone())
            };
            match suppressed {
                Some(decision) => held_back.push((*fingerprint, decision)),
                None => _ = if resolved { &mut kept.resolved } else { &mut kept.firing }.insert(*fingerprint),
            }
        }
        (kept, held_back)
    }

    /// These alerts in the order in which they are told of.
    fn in_order<'a>(&self, alerts: impl Iterator<Item = &'a Fingerprint>) -> Vec<Arc<Alert>> {
        let held = alerts.filter_map(|alert| self.alerts.get(alert));
        let mut alerts: Vec<Arc<Alert>> = held.map(|held| Arc::new(held.alert())).collect();
        alerts.sort_by(|a, b| order(&a.labels, &b.labels));
        alerts
    }

    /// What holds an alert back, whatever its route.
    pub(super) fn suppressed(&self, alert: Fingerprint, held: &Held, now: Timestamp) -> Option<Decision> {
        if let Some(by) = self.adopted.get(&alert) {
            return Some(Decision::Joined(by.clone()));
        }
        if self.inhibitor.is_idle() && self.silences.is_idle() {
            return None;
        }
        let labels = held.labels();
        let mut inhibited_by = self.inhibitor.inhibited_by(&labels, now);
        inhibited_by.retain(|by| *by != alert);
        if !inhibited_by.is_empty() {
            return Some(Decision::Inhibited(inhibited_by));
        }
        let silences = self.silences.mutes(&labels, now);
        (!silences.is_empty()).then_some(Decision::Silenced(silences))
    }

    /// Closes what ways out were told that are no longer configured.
    fn part(&self, group: &mut Group, now: Timestamp) -> Vec<Tell> {
        let ways = self.setup.ways(&group.identity.receiver);
        let gone = |name: &&String| !ways.iter().any(|way| way.name == **name);
        let gone: Vec<String> = group.told.keys().filter(gone).cloned().collect();
        let told = gone.into_iter().filter_map(|name| Some((group.told.remove(&name)?, name)));
        let open = told.filter(|(told, _)| !told.entry.firing.is_empty() || !told.muted.is_empty());
        let end = |(told, way): (Box<Told>, String)| Tell {
            way,
            action: Action::Resolve,
            reason: Reason::AllResolved,
            with_resolved: true,
            ended: self.ended(&told, now),
        };
        open.map(end).collect()
    }

    /// What was told to fire, as over.
    fn ended(&self, told: &Told, now: Timestamp) -> Vec<Arc<Alert>> {
        let mut ended = self.in_order(told.entry.firing.union(&told.muted));
        for alert in &mut ended {
            let ends_at = alert.ends_at.min(now);
            Arc::make_mut(alert).ends_at = ends_at;
        }
        ended
    }

    /// Decides for each way out, and takes it as told.
    fn tell(&self, group: &mut Group, kept: &Kept, held_back: &[(Fingerprint, Decision)], now: Timestamp) -> Vec<Tell> {
        // Nothing is left of a group whose alerts went elsewhere: what was told of it is over.
        let deserted = group.alerts.is_empty() && group.is_open();
        if kept.is_empty() && !deserted {
            return Vec::new();
        }
        let fires = |alert: &Fingerprint| self.fires(*alert, now);
        let muted: BTreeSet<Fingerprint> = held_back
            .iter()
            .map(|(alert, _)| *alert)
            .filter(|alert| group.was_told_of(*alert) && fires(alert))
            .collect();
        // It is not over while something fires of which somebody was told.
        if kept.firing.is_empty() && !muted.is_empty() {
            return Vec::new();
        }
        let repeat = self.setup.route(group.route).map(|route| route.repeat_interval).unwrap_or_default();
        let news = std::mem::take(&mut group.news);
        let mut tells = Vec::new();
        for way in self.setup.ways(&group.identity.receiver) {
            let told = group.told.get(&way.name);
            let entry = told.map(|told| &told.entry);
            let mut reason = decide(entry, &kept.firing, &kept.resolved, way.send_resolved, repeat, now);
            if news && reason.is_none_or(|reason| reason == Reason::Repeat) && !kept.firing.is_empty() {
                reason = Some(Reason::NewAlerts);
            }
            let repeated = reason == Some(Reason::Repeat) && told.is_some_and(|told| told.pending);
            let Some(reason) = reason.filter(|_| !repeated) else { continue };
            let action = action(way, kept);
            let ended = told.filter(|_| deserted).map(|told| self.ended(told, now)).unwrap_or_default();
            let entry = Entry { firing: kept.firing.clone(), resolved: kept.resolved.clone(), sent_at: now };
            let told = Told { entry, pending: action != Action::Forget, muted: muted.clone() };
            group.told.insert(way.name.clone(), Box::new(told));
            tells.push(Tell { way: way.name.clone(), action, reason, with_resolved: way.send_resolved, ended });
        }
        tells
    }

    /// Notes what became of each alert; gives what is new.
    fn note(
        &self,
        group: &mut Group,
        kept: &Kept,
        held_back: Vec<(Fingerprint, Decision)>,
        tells: &[Tell],
        now: Timestamp,
    ) -> Vec<Decided> {
        let nowhere = self.setup.ways(&group.identity.receiver).is_empty();
        let of_kept = if nowhere { Decision::Nowhere } else { Decision::Told };
        let told = kept.firing.iter().chain(&kept.resolved).filter(|_| nowhere || !tells.is_empty());
        let told = told.map(|alert| (*alert, of_kept.clone()));
        let mut decided = Vec::new();
        for (fingerprint, decision) in held_back.into_iter().chain(told) {
            let Some(held) = self.alerts.get(&fingerprint) else { continue };
            let mark = decision.mark(held.is_resolved(now));
            if group.alerts.insert(fingerprint, mark) != Some(mark) {
                decided.push(Decided { alert: Arc::new(held.alert()), decision });
            }
        }
        decided
    }

    fn report(&self, group: &Group, kept: &Kept, tells: Vec<Tell>, decisions: Vec<Decided>, is_over: bool) -> Flush {
        let told = kept.firing.iter().chain(&kept.resolved).filter(|_| !tells.is_empty());
        Flush {
            alerts: self.in_order(told),
            incident: group.incident.clone(),
            opened: group.opened.unwrap_or_default(),
            is_over,
            receiver: group.identity.receiver.clone(),
            group_key: group.key.clone(),
            group_labels: group.identity.labels.clone(),
            route_labels: group.route_labels.clone(),
            of_incident: group.cause.is_some(),
            body: self.body(group),
            tells,
            decisions,
        }
    }

    /// What to tell of the incident that a group is made for, wherever its alert is routed now.
    fn body(&self, group: &Group) -> Option<Arc<str>> {
        let alert = self.incidents.get(group.cause.as_ref()?)?;
        self.alerts.get(alert)?.cause.as_ref().map(|cause| Arc::clone(&cause.body))
    }

    /// Takes out what is over, and says when to look again.
    fn settle(&mut self, id: u64, mut group: Group, at: Timestamp, now: Timestamp) {
        let was_empty = group.alerts.is_empty();
        // What waits to be told is replaced by what is told next, which has to say of ends again. The end of all of it is not replaced.
        let (told, is_open) = (&group, group.is_open());
        let stays = |alert: &Fingerprint| self.fires(*alert, now) || (is_open && self.owes(told, *alert, now));
        let gone: Vec<Fingerprint> = group.alerts.keys().filter(|alert| !stays(alert)).copied().collect();
        gone.iter().for_each(|alert| _ = group.alerts.remove(alert));
        group.flushed = true;
        let interval = self.setup.route(group.route).map(|route| route.group_interval).unwrap_or_default();
        // Later than now, whatever the route says, or that there is none.
        let interval = interval.max(SHORTEST);
        let next = at.plus(interval);
        group.due = if next > now { next } else { now.plus(interval) };
        let gone = group.alerts.is_empty() && (group.cause.is_some() || was_empty) && !group.is_open();
        self.due.insert((group.due, id));
        self.groups.insert(id, group);
        if gone {
            self.drop_group(id);
        }
    }
}

/// What a way out does with what is kept.
fn action(way: &Way, kept: &Kept) -> Action {
    match (kept.firing.is_empty(), way.send_resolved) {
        (false, _) => Action::Tell,
        (true, true) => Action::Resolve,
        (true, false) => Action::Forget,
    }
}
