//! What must survive a restart, in parts: who drives the engine saves those that have changed. The configuration is not
//! among them: who drives the engine has its text.
//!
//! A key is a letter and what it is of; see [`Kind`]. An alert is in two parts, since the times of one that is posted again
//! are new and nothing else.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::group::Group;
use super::held::{Held, Times};
use super::{Engine, Setup};
use crate::labels::Fingerprint;
use crate::pack::Torn;
use crate::silence::Silence;

/// Takes a part, or that one is gone; whether it takes more.
pub type Sink<'a> = dyn FnMut(&[u8], Option<&[u8]>) -> bool + 'a;

/// What a part is of, and what comes after the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Kind {
    /// All of an alert but its times; the fingerprint, eight bytes, the high one first.
    Alert = b'a',
    /// A group; its number in the same way.
    Group = b'g',
    /// The incident of another kind that an alert is told of in; the fingerprint.
    Joined = b'j',
    /// A silence, as JSON; its id.
    Silence = b's',
    /// The times of an alert; the fingerprint.
    Times = b't',
}

const KINDS: [Kind; 5] = [Kind::Alert, Kind::Group, Kind::Joined, Kind::Silence, Kind::Times];

/// What is not in parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineHead {
    next_group: u64,
    sweep: Option<Fingerprint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reroute: Option<Fingerprint>,
    looked: Timestamp,
}

/// A part that cannot be read, or is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the saved part {key}: {problem}")]
pub struct PartError {
    key: String,
    problem: String,
}

/// An engine that is being restored from its parts.
#[derive(Debug)]
pub struct Restoring {
    engine: Engine,
    now: Timestamp,
    alerts: BTreeMap<Fingerprint, HalfAlert>,
    groups: BTreeMap<u64, Group>,
}

/// The two parts of an alert, as far as they are there.
type HalfAlert = (Option<Box<[u8]>>, Option<Times>);

fn key(kind: Kind, rest: &[u8]) -> Vec<u8> {
    [&[kind as u8][..], rest].concat()
}

fn of_number(kind: Kind, number: u64) -> Vec<u8> {
    key(kind, &number.to_be_bytes())
}

fn number(rest: &[u8]) -> Result<u64, Torn> {
    rest.try_into().map(u64::from_be_bytes).map_err(|_| Torn)
}

impl Engine {
    /// What is not in parts.
    pub const fn head(&self) -> EngineHead {
        let Self { next_group, sweep, reroute, looked, .. } = *self;
        EngineHead { next_group, sweep, reroute, looked }
    }

    /// Gives `sink` the parts that have changed since they were last given, until it takes no more; whether there may be others.
    pub fn changed(&mut self, sink: &mut Sink<'_>) -> bool {
        while let Some((kind, rest)) = self.next_change() {
            let part = self.text(kind, &rest);
            if !sink(&key(kind, &rest), part.as_deref()) {
                return true;
            }
        }
        false
    }

    fn next_change(&mut self) -> Option<(Kind, Vec<u8>)> {
        let number = |kind, number: u64| (kind, number.to_be_bytes().to_vec());
        self.marks
            .alerts
            .pop_first()
            .map(|alert| number(Kind::Alert, alert.0))
            .or_else(|| self.marks.times.pop_first().map(|alert| number(Kind::Times, alert.0)))
            .or_else(|| self.groups.next_mark().map(|group| number(Kind::Group, group)))
            .or_else(|| self.adopted.next_mark().map(|alert| number(Kind::Joined, alert.0)))
            .or_else(|| self.marks.silences.pop_first().map(|id| (Kind::Silence, id.into_bytes())))
    }

    fn text(&self, kind: Kind, rest: &[u8]) -> Option<Vec<u8>> {
        let alert = || number(rest).ok().map(Fingerprint);
        match kind {
            Kind::Alert => self.alerts.get(&alert()?).map(Held::pack),
            Kind::Times => self.alerts.get(&alert()?).map(|held| held.times.pack()),
            Kind::Group => self.groups.get(&number(rest).ok()?).map(Group::pack),
            Kind::Joined => self.adopted.get(&alert()?).map(|by| by.clone().into_bytes()),
            // Texts and numbers only: it cannot fail.
            Kind::Silence => serde_json::to_vec(self.silences.get(std::str::from_utf8(rest).ok()?)?).ok(),
        }
    }

    /// Gives `sink` the parts whose keys come after `after`, in the order of the keys, until it takes no more.
    pub fn rest(&self, after: &[u8], sink: &mut Sink<'_>) {
        let (first, rest) = after.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
        for kind in KINDS.into_iter().filter(|kind| *kind as u8 >= first) {
            let from = if kind as u8 == first { rest } else { &[] };
            if !self.rest_of(kind, from, sink) {
                return;
            }
        }
    }

    fn rest_of(&self, kind: Kind, after: &[u8], sink: &mut Sink<'_>) -> bool {
        let from = number(after).map_or(Bound::Unbounded, Bound::Excluded);
        let alerts = (from.map(Fingerprint), Bound::Unbounded);
        let mut put = |rest: &[u8], part: &[u8]| sink(&key(kind, rest), Some(part));
        match kind {
            Kind::Alert => self.alerts.range(alerts).all(|(alert, held)| put(&alert.0.to_be_bytes(), &held.pack())),
            Kind::Times => self.alerts.range(alerts).all(|(alert, it)| put(&alert.0.to_be_bytes(), &it.times.pack())),
            Kind::Joined => self.adopted.range(alerts).all(|(alert, by)| put(&alert.0.to_be_bytes(), by.as_bytes())),
            Kind::Group => {
                let mut groups = self.groups.range((from, Bound::Unbounded));
                groups.all(|(id, group)| put(&id.to_be_bytes(), &group.pack()))
            }
            Kind::Silence => {
                let mut ids = self.silences.iter().map(|silence| silence.id.as_bytes()).filter(|id| *id > after);
                ids.all(|id| put(id, &self.text(kind, id).unwrap_or_default()))
            }
        }
    }
}

impl Restoring {
    /// An engine under `setup` of which only the head is known.
    pub fn new(setup: Setup, head: EngineHead, now: Timestamp) -> Self {
        let EngineHead { next_group, sweep, reroute, looked } = head;
        let mut engine = Engine { next_group, sweep, looked, ..Engine::new() };
        engine.configure(setup, now);
        engine.reroute = reroute;
        Self { engine, now, alerts: BTreeMap::new(), groups: BTreeMap::new() }
    }

    /// Takes a part.
    ///
    /// # Errors
    /// If it cannot be read, or its key is none.
    pub fn take(&mut self, key: &[u8], part: &[u8]) -> Result<(), PartError> {
        let problem = |problem: &dyn std::fmt::Display| error(key, problem);
        let (kind, rest) = key.split_first().ok_or_else(|| problem(&"it has no key"))?;
        let kind = KINDS.into_iter().find(|it| *it as u8 == *kind).ok_or_else(|| problem(&"its kind is not known"))?;
        self.put(kind, rest, part).map_err(|it| problem(&it))
    }

    fn put(&mut self, kind: Kind, rest: &[u8], part: &[u8]) -> Result<(), String> {
        let alert = || number(rest).map(Fingerprint).map_err(|torn| torn.to_string());
        let text = || std::str::from_utf8(part).map(str::to_owned).map_err(|error| error.to_string());
        match kind {
            Kind::Alert => self.alerts.entry(alert()?).or_default().0 = Some(part.into()),
            Kind::Times => {
                let times = Times::unpack(part).map_err(|torn| torn.to_string())?;
                self.alerts.entry(alert()?).or_default().1 = Some(times);
            }
            Kind::Group => {
                let group = Group::unpack(part).map_err(|torn| torn.to_string())?;
                self.groups.insert(number(rest).map_err(|torn| torn.to_string())?, group);
            }
            Kind::Joined => _ = self.engine.adopted.insert(alert()?, text()?),
            Kind::Silence => {
                let silence: Silence = serde_json::from_slice(part).map_err(|error| error.to_string())?;
                self.engine.silences.restore(silence);
            }
        }
        Ok(())
    }

    /// The engine, once all parts are there.
    ///
    /// # Errors
    /// If an alert has one of its parts only.
    pub fn end(self) -> Result<Engine, PartError> {
        let Self { mut engine, now, alerts, groups } = self;
        for (alert, (part, times)) in alerts {
            let bad = |problem: &dyn std::fmt::Display| error(&of_number(Kind::Alert, alert.0), problem);
            let (Some(part), Some(times)) = (part, times) else { return Err(bad(&"a half of it is missing")) };
            engine.restore_alert(alert, Held::unpack(&part, times).map_err(|torn| bad(&torn))?, now);
        }
        groups.into_iter().for_each(|(id, group)| engine.restore_group(id, group));
        engine.unmark();
        Ok(engine)
    }
}

fn error(key: &[u8], problem: &dyn std::fmt::Display) -> PartError {
    PartError { key: key.escape_ascii().to_string(), problem: problem.to_string() }
}

impl Engine {
    pub(super) fn restore_alert(&mut self, alert: Fingerprint, held: Held, now: Timestamp) {
        let fires_until = (!held.is_resolved(now)).then_some(held.times.ends_at);
        self.inhibitor.update(alert, &held.labels(), fires_until);
        if let Some(cause) = &held.cause {
            self.incidents.insert(cause.incident.clone(), alert);
        }
        self.alerts.insert(alert, held);
    }

    pub(super) fn restore_group(&mut self, id: u64, group: Group) {
        self.by_identity.insert(Arc::clone(&group.identity), id);
        self.due.insert((group.due, id));
        if group.opened.is_some() {
            self.by_incident.insert(group.incident.clone(), id);
        }
        self.groups.insert(id, group);
    }

    /// Nothing has changed since it was saved.
    pub(super) fn unmark(&mut self) {
        self.marks = super::Marks::default();
        self.groups.unmark();
        self.adopted.unmark();
    }
}
