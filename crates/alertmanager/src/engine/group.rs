//! A group: alerts that are told of together.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::dedup::Entry;
use crate::labels::{Fingerprint, Labels, compare, fingerprint};
use crate::pack::{Packer, Torn, Unpacker};

/// What makes a group the same group, whatever happens to the configuration around it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Identity {
    /// The labels that its alerts share; of an incident, its name only.
    pub labels: Labels,
    /// The receiver.
    pub receiver: String,
    /// Which of the routes to that receiver it is of, in the order of the tree.
    pub nth: u32,
}

impl Ord for Identity {
    /// The order in which groups are listed.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_labels = compare(&self.labels, &other.labels);
        by_labels.then_with(|| (&self.receiver, self.nth).cmp(&(&other.receiver, other.nth)))
    }
}

impl PartialOrd for Identity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Group {
    #[serde(deserialize_with = "shared")]
    pub identity: Arc<Identity>,
    /// Its place in the tree.
    pub route: usize,
    /// Its alerts, each with what was last decided about it.
    pub alerts: BTreeMap<Fingerprint, u32>,
    /// When it is looked at next.
    pub due: Timestamp,
    /// It was looked at once.
    pub flushed: bool,
    /// Since when its incident is open.
    pub opened: Option<Timestamp>,
    /// The name of that incident.
    pub incident: String,
    /// What was told, by the name of the way out.
    pub told: BTreeMap<String, Box<Told>>,
    /// The incident that it is made for; its alerts are then one, and are told of at once.
    pub cause: Option<String>,
    /// Something of that incident is new since it was last told of.
    pub news: bool,
    /// How Alertmanager writes it, and the labels of its route, as of the last look at alerts of it.
    pub key: String,
    pub route_labels: Labels,
}

/// What one way out was last told.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Told {
    pub entry: Entry,
    /// The provider has not said that it has it.
    pub pending: bool,
    /// What it was told to fire, fires on, and is held back now.
    #[serde(default)]
    pub muted: BTreeSet<Fingerprint>,
}

impl Group {
    pub fn new(identity: Arc<Identity>, route: usize, due: Timestamp, cause: Option<String>) -> Self {
        Self {
            identity,
            route,
            alerts: BTreeMap::new(),
            due,
            flushed: false,
            opened: None,
            incident: String::new(),
            told: BTreeMap::new(),
            cause,
            news: false,
            key: String::new(),
            route_labels: Labels::new(),
        }
    }

    /// Opens its incident. The name depends on who is told and on what the alerts share, not on the
    /// rest of the configuration; that of an incident of ours is its own.
    pub fn open(&mut self, now: Timestamp) {
        self.opened = Some(now);
        let Identity { receiver, nth, labels } = &*self.identity;
        let name = || format!("group/{receiver}/{nth}/{}#{}", fingerprint(labels), now.millis());
        self.incident = self.cause.clone().unwrap_or_else(name);
    }

    /// An alert goes by another name from now on.
    pub fn rename(&mut self, old: Fingerprint, new: Fingerprint) {
        if let Some(mark) = self.alerts.remove(&old) {
            self.alerts.insert(new, mark);
        }
        for told in self.told.values_mut() {
            for alerts in [&mut told.entry.firing, &mut told.entry.resolved, &mut told.muted] {
                if alerts.remove(&old) {
                    alerts.insert(new);
                }
            }
        }
    }

    /// Whether an alert fired in what somebody was last told.
    pub fn was_told_of(&self, alert: Fingerprint) -> bool {
        self.told.values().any(|told| told.fires(alert))
    }

    /// Whether somebody was last told that something fires.
    pub fn is_open(&self) -> bool {
        self.told.values().any(|told| !told.entry.firing.is_empty() || !told.muted.is_empty())
    }

    /// All of it, as bytes.
    pub fn pack(&self) -> Vec<u8> {
        let mut packer = Packer::default();
        packer.labels(&self.identity.labels);
        packer.text(&self.identity.receiver);
        packer.number(self.identity.nth.into());
        packer.number(self.route as u64);
        packer.alerts(self.alerts.keys());
        self.alerts.values().for_each(|mark| packer.number((*mark).into()));
        packer.time(self.due);
        packer.flag(self.flushed);
        packer.option(self.opened, Packer::time);
        packer.text(&self.incident);
        packer.number(self.told.len() as u64);
        for (way, told) in &self.told {
            packer.text(way);
            told.pack(&mut packer);
        }
        packer.option(self.cause.as_deref(), Packer::text);
        packer.flag(self.news);
        packer.text(&self.key);
        packer.labels(&self.route_labels);
        packer.0
    }

    pub fn unpack(bytes: &[u8]) -> Result<Self, Torn> {
        let mut it = Unpacker(bytes);
        let (labels, receiver, nth) = (it.labels()?, it.text()?.to_owned(), small(it.number()?)?);
        let route = usize::try_from(it.number()?).map_err(|_| Torn)?;
        let alerts: Vec<Fingerprint> = it.alerts()?;
        let alerts = alerts.into_iter().map(|alert| Ok((alert, small(it.number()?)?))).collect::<Result<_, Torn>>()?;
        let group = Self {
            identity: Arc::new(Identity { labels, receiver, nth }),
            route,
            alerts,
            due: it.time()?,
            flushed: it.flag()?,
            opened: it.option(Unpacker::time)?,
            incident: it.text()?.to_owned(),
            told: (0..it.number()?)
                .map(|_| Ok((it.text()?.to_owned(), Box::new(Told::unpack(&mut it)?))))
                .collect::<Result<_, Torn>>()?,
            cause: it.option(|it| it.text().map(str::to_owned))?,
            news: it.flag()?,
            key: it.text()?.to_owned(),
            route_labels: it.labels()?,
        };
        it.end().map(|()| group)
    }
}

impl Told {
    /// Whether an alert fired in it.
    pub fn fires(&self, alert: Fingerprint) -> bool {
        self.entry.firing.contains(&alert) || self.muted.contains(&alert)
    }

    fn pack(&self, packer: &mut Packer) {
        let Entry { firing, resolved, sent_at } = &self.entry;
        [firing, resolved, &self.muted].into_iter().for_each(|alerts| packer.alerts(alerts.iter()));
        packer.time(*sent_at);
        packer.flag(self.pending);
    }

    fn unpack(it: &mut Unpacker<'_>) -> Result<Self, Torn> {
        let (firing, resolved, muted) = (it.alerts()?, it.alerts()?, it.alerts()?);
        let entry = Entry { firing, resolved, sent_at: it.time()? };
        Ok(Self { entry, pending: it.flag()?, muted })
    }
}

fn small(number: u64) -> Result<u32, Torn> {
    u32::try_from(number).map_err(|_| Torn)
}

fn shared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Identity>, D::Error> {
    Identity::deserialize(deserializer).map(Arc::new)
}
