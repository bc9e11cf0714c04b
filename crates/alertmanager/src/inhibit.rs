//! Inhibition: alerts that need no notification while another one fires.
//!
//! A rule inhibits an alert that its target matches if for each of its sources an alert fires that
//! matches it and has the same values for the labels in `equal`, missing ones being empty. If the
//! alert matches a source as well, alerts that match source and target do not count for that source,
//! so that nothing inhibits itself. An inhibited alert still inhibits others.

use std::collections::{BTreeMap, HashMap};

use base::Timestamp;

use crate::index::Index;
use crate::labels::{Fingerprint, Fnv, Labels, value};
use crate::matcher::Matchers;

/// One thing that must fire for a rule to inhibit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Which alerts count; all if empty.
    pub matchers: Matchers,
    /// Labels that must be equal in it and in the alert that is inhibited.
    pub equal: Vec<String>,
}

/// An inhibition rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its name; may be empty.
    pub name: String,
    /// What must fire, all of it.
    pub sources: Vec<Source>,
    /// Which alerts it inhibits; all if empty.
    pub targets: Matchers,
}

/// Why an alert is inhibited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inhibition<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// An alert for each of its sources.
    pub by: Vec<Fingerprint>,
}

/// The rules, and the firing alerts that match their sources.
#[derive(Clone, Debug, Default)]
pub struct Inhibitor {
    rules: Vec<Rule>,
    /// The sources of all rules, one after the other.
    slots: Vec<Slot>,
    /// The first slot of each rule.
    first: Vec<usize>,
    by_source: Index,
    /// Rules all of whose sources have an alert, by target.
    live: Index,
    /// The slots in which an alert is.
    held: HashMap<Fingerprint, Vec<usize>>,
}

/// A source and the alerts that match it.
#[derive(Clone, Debug, Default)]
struct Slot {
    rule: usize,
    alerts: usize,
    /// By a hash of the values of the equal labels.
    buckets: HashMap<u64, Vec<Bucket>>,
}

/// Alerts with the same values of the equal labels, and until when they fire.
#[derive(Clone, Debug, Default)]
struct Bucket {
    values: Vec<String>,
    source_only: BTreeMap<Fingerprint, Timestamp>,
    target_too: BTreeMap<Fingerprint, Timestamp>,
}

impl Inhibitor {
    /// No alert fires yet.
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut inhibitor = Self::default();
        for (number, rule) in rules.iter().enumerate() {
            inhibitor.first.push(inhibitor.slots.len());
            for source in &rule.sources {
                let slot = u32::try_from(inhibitor.slots.len()).unwrap_or(u32::MAX);
                inhibitor.by_source.insert(slot, source.matchers.as_slice());
                inhibitor.slots.push(Slot { rule: number, ..Slot::default() });
            }
        }
        inhibitor.rules = rules;
        inhibitor
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Says what is known of an alert: until when it fires (its `ends_at`), or that it does not. It
    /// stops counting at that time by itself; it should still be taken away then.
    pub fn update(&mut self, alert: Fingerprint, labels: &Labels, fires_until: Option<Timestamp>) {
        self.forget(alert, labels);
        let Some(until) = fires_until else { return };
        let matching: Vec<usize> = self.by_source.candidates(labels).map(|slot| slot as usize).collect();
        for slot in matching {
            self.hold(slot, alert, labels, until);
        }
    }

    /// Whether nothing that is known of inhibits anything.
    pub fn is_idle(&self) -> bool {
        self.live.is_empty()
    }

    /// What inhibits an alert with these labels: the first rule that is found.
    pub fn inhibition<'a>(&'a self, labels: &'a Labels, now: Timestamp) -> Option<Inhibition<'a>> {
        self.inhibitions(labels, now).next()
    }

    /// The alerts that inhibit one with these labels: for each rule that does, one for each source.
    pub fn inhibited_by(&self, labels: &Labels, now: Timestamp) -> Vec<Fingerprint> {
        let mut all: Vec<_> = self.inhibitions(labels, now).flat_map(|inhibition| inhibition.by).collect();
        all.sort();
        all.dedup();
        all
    }

    fn inhibitions<'a>(&'a self, labels: &'a Labels, now: Timestamp) -> impl Iterator<Item = Inhibition<'a>> + 'a {
        self.live.candidates(labels).filter_map(move |rule| self.try_rule(rule as usize, labels, now))
    }

    fn try_rule(&self, number: usize, labels: &Labels, now: Timestamp) -> Option<Inhibition<'_>> {
        let rule = self.rules.get(number)?;
        let first = *self.first.get(number)?;
        if !rule.targets.matches(labels) {
            return None;
        }
        let by = rule.sources.iter().zip(self.slots.get(first..)?);
        let by: Option<Vec<_>> = by.map(|(source, slot)| slot.firing(source, labels, now)).collect();
        by.map(|by| Inhibition { rule, by })
    }

    fn hold(&mut self, number: usize, alert: Fingerprint, labels: &Labels, until: Timestamp) {
        let Some((rule, source, slot)) = self.at(number) else { return };
        if !source.matchers.matches(labels) {
            return;
        }
        let target_too = rule.targets.matches(labels);
        slot.bucket(&source.equal, labels).alerts(target_too).insert(alert, until);
        slot.alerts += 1;
        let became_live = slot.alerts == 1;
        let rule = slot.rule;
        self.held.entry(alert).or_default().push(number);
        if became_live && self.is_live(rule) {
            self.set_live(rule, true);
        }
    }

    fn forget(&mut self, alert: Fingerprint, labels: &Labels) {
        for number in self.held.remove(&alert).unwrap_or_default() {
            let Some((rule, source, slot)) = self.at(number) else { continue };
            let target_too = rule.targets.matches(labels);
            slot.bucket(&source.equal, labels).alerts(target_too).remove(&alert);
            slot.drop_empty(&source.equal, labels);
            slot.alerts = slot.alerts.saturating_sub(1);
            let was_live = slot.alerts == 0;
            let rule = slot.rule;
            if was_live {
                self.set_live(rule, false);
            }
        }
    }

    /// A slot with its rule and source.
    fn at(&mut self, number: usize) -> Option<(&Rule, &Source, &mut Slot)> {
        let slot = self.slots.get_mut(number)?;
        let rule = self.rules.get(slot.rule)?;
        let first = *self.first.get(slot.rule)?;
        Some((rule, rule.sources.get(number - first)?, slot))
    }

    fn is_live(&self, rule: usize) -> bool {
        let sources = self.rules.get(rule).map_or(0, |rule| rule.sources.len());
        let slots = self.first.get(rule).and_then(|first| self.slots.get(*first..first + sources));
        slots.is_some_and(|slots| slots.iter().all(|slot| slot.alerts > 0))
    }

    fn set_live(&mut self, number: usize, live: bool) {
        let Some(rule) = self.rules.get(number) else { return };
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if live {
            self.live.insert(number, rule.targets.as_slice());
        } else {
            self.live.remove(number, rule.targets.as_slice());
        }
    }
}

impl Slot {
    /// An alert that fires and has the same values.
    fn firing(&self, source: &Source, labels: &Labels, now: Timestamp) -> Option<Fingerprint> {
        let bucket = self.buckets.get(&hash(&source.equal, labels))?;
        let bucket = bucket.iter().find(|bucket| bucket.is_of(&source.equal, labels))?;
        let fires = |alerts: &BTreeMap<Fingerprint, Timestamp>| {
            alerts.iter().find(|(_, until)| **until > now).map(|(alert, _)| *alert)
        };
        fires(&bucket.source_only)
            .or_else(|| if source.matchers.matches(labels) { None } else { fires(&bucket.target_too) })
    }

    /// The alerts with the values of these labels.
    fn bucket(&mut self, equal: &[String], labels: &Labels) -> &mut Bucket {
        let buckets = self.buckets.entry(hash(equal, labels)).or_default();
        let place = buckets.iter().position(|bucket| bucket.is_of(equal, labels)).unwrap_or(buckets.len());
        if place == buckets.len() {
            let values = equal.iter().map(|name| value(labels, name).to_owned()).collect();
            buckets.push(Bucket { values, ..Bucket::default() });
        }
        // It is there: found, or pushed just now.
        &mut buckets[place]
    }

    fn drop_empty(&mut self, equal: &[String], labels: &Labels) {
        let hash = hash(equal, labels);
        let Some(buckets) = self.buckets.get_mut(&hash) else { return };
        buckets.retain(|bucket| !(bucket.source_only.is_empty() && bucket.target_too.is_empty()));
        if buckets.is_empty() {
            self.buckets.remove(&hash);
        }
    }
}

impl Bucket {
    fn is_of(&self, equal: &[String], labels: &Labels) -> bool {
        equal.iter().zip(&self.values).all(|(name, held)| value(labels, name) == held)
    }

    fn alerts(&mut self, target_too: bool) -> &mut BTreeMap<Fingerprint, Timestamp> {
        if target_too { &mut self.target_too } else { &mut self.source_only }
    }
}

fn hash(equal: &[String], labels: &Labels) -> u64 {
    let mut hash = Fnv::default();
    equal.iter().for_each(|name| hash.text(value(labels, name)));
    hash.0
}
