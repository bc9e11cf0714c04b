//! One incident: the open findings of one cause.

use std::collections::BTreeMap;

use base::Timestamp;
use model::{Key, Labels, Severity};

use super::symptom::{Commit, Detail};

/// What was last told of an incident.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    /// The incident's name.
    pub incident: String,
    /// When it opened.
    pub since: Timestamp,
    /// When that was.
    pub time: Timestamp,
    pub severity: Severity,
    /// How many times its findings had become `widen_factor` times as many.
    pub step: u32,
}

/// A finding without its texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Brief {
    pub severity: Severity,
    pub unknown: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Incident {
    pub cause: String,
    pub scope: String,
    /// The worst of its findings so far.
    pub severity: Severity,
    /// The most findings that were open at once.
    pub peak: u64,
    /// What all findings so far share.
    pub labels: Labels,
    pub commit: Commit,
    /// The rollout that its findings are symptoms of, in a few words.
    pub rollout: Option<String>,
    /// The finding that came first.
    pub root: Key,
    /// One line about the root, kept for when it is resolved.
    pub headline: String,
    /// Findings with their texts,
    pub details: BTreeMap<Key, Detail>,
    /// and those without.
    pub rest: BTreeMap<Key, Brief>,
    /// Nothing as long as findings are gathered.
    pub told: Option<Told>,
    /// Something has changed that was not told.
    pub changed: bool,
    /// When to open it or to tell of the change.
    pub due: Option<Timestamp>,
}

impl Incident {
    pub fn new(cause: String, scope: String, root: Key, labels: Labels) -> Self {
        Self {
            cause,
            scope,
            severity: Severity::Info,
            peak: 0,
            labels,
            commit: Commit::default(),
            rollout: None,
            root,
            headline: String::new(),
            details: BTreeMap::new(),
            rest: BTreeMap::new(),
            told: None,
            changed: false,
            due: None,
        }
    }

    pub fn len(&self) -> u64 {
        (self.details.len() + self.rest.len()) as u64
    }

    pub fn is_empty(&self) -> bool {
        self.details.is_empty() && self.rest.is_empty()
    }

    /// How many findings have lost their evidence.
    pub fn unknown(&self) -> u64 {
        let details = self.details.values().filter(|detail| detail.unknown).count();
        (details + self.rest.values().filter(|brief| brief.unknown).count()) as u64
    }

    /// Takes a firing finding in, new or not; texts are kept of at most `kept`, the worst first.
    pub fn put(&mut self, key: Key, detail: Detail, labels: &Labels, commit: Option<Commit>, kept: usize) {
        self.labels.retain(|name, value| labels.get(name) == Some(value));
        if let Some(commit) = commit {
            self.commit = commit;
        }
        self.severity = self.severity.max(detail.severity);
        if let Some(known) = self.details.get_mut(&key) {
            self.changed |= *known != detail;
            *known = detail;
        } else {
            let brief = Brief { severity: detail.severity, unknown: false };
            self.changed |= self.rest.remove(&key) != Some(brief);
            self.place(key, detail, kept);
        }
        self.peak = self.peak.max(self.len());
    }

    fn place(&mut self, key: Key, detail: Detail, kept: usize) {
        if self.details.len() < kept {
            self.details.insert(key, detail);
            return;
        }
        let others = self.details.iter().filter(|(key, _)| **key != self.root);
        let mildest = others.min_by_key(|(key, other)| (other.severity, std::cmp::Reverse(**key))).map(|(key, _)| *key);
        let evicted = mildest.filter(|mildest| self.details[mildest].severity < detail.severity);
        let (key, detail) = match evicted.and_then(|mildest| self.details.remove_entry(&mildest)) {
            Some(evicted) => {
                self.details.insert(key, detail);
                evicted
            }
            None => (key, detail),
        };
        self.rest.insert(key, Brief { severity: detail.severity, unknown: detail.unknown });
    }

    /// The evidence of a finding is missing; it stays.
    pub fn doubt(&mut self, key: Key) {
        let detail = self.details.get_mut(&key).map(|detail| &mut detail.unknown);
        if let Some(unknown) = detail.or_else(|| self.rest.get_mut(&key).map(|brief| &mut brief.unknown)) {
            self.changed |= !*unknown;
            *unknown = true;
        }
    }

    pub fn remove(&mut self, key: Key) {
        self.changed |= self.details.remove(&key).is_some() || self.rest.remove(&key).is_some();
    }

    /// The findings to show: the root, then the worst, then the oldest.
    pub fn shown(&self, limit: usize) -> Vec<&Detail> {
        let mut shown: Vec<_> = self.details.iter().collect();
        shown.sort_by(|(a_key, a), (b_key, b)| {
            let order = (**b_key == self.root).cmp(&(**a_key == self.root)).then(b.severity.cmp(&a.severity));
            order.then(a.symptom.since.cmp(&b.symptom.since)).then_with(|| a.symptom.finding.cmp(&b.symptom.finding))
        });
        shown.into_iter().take(limit).map(|(_, detail)| detail).collect()
    }

    /// How many times the findings have become `factor` times as many, at their most.
    pub fn step(&self, factor: u64) -> u32 {
        self.peak.max(1).ilog(factor.max(2))
    }
}
