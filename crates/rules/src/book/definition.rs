use std::collections::BTreeMap;

use promql::labels::Builder;
use serde::{Deserialize, Serialize};

use crate::rule::{Group, Rule};
use crate::template::{Answers, Expander};

/// A group with what holds for it: all that is needed to evaluate it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The rule file.
    pub file: String,
    /// The group as it was read.
    pub group: Group,
    /// What the configuration says for all groups.
    pub settings: Settings,
}

/// What holds for all groups. Durations in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Between evaluations, where a group does not say.
    pub interval: i64,
    /// How long before the time of evaluation is looked, where a group does not say.
    pub query_offset: i64,
    /// After how long an alert that still fires is told again.
    pub resend: i64,
    /// Labels that are added to what is told.
    pub external_labels: BTreeMap<String, String>,
    /// Where this process is reached.
    pub external_url: String,
    /// What becomes of alerts when there is nothing to know them by.
    pub missing: Missing,
    /// What becomes of alerts that come and go.
    pub flapping: Flapping,
}

/// What becomes of alerts whose data are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// What.
    pub policy: MissingPolicy,
    /// For how long alerts are kept as they are.
    pub keep_for: i64,
}

/// What becomes of alerts whose data are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingPolicy {
    /// They are kept for a while; after it they end, and an alert says that the data are missing.
    #[default]
    Keep,
    /// What is not found is resolved, as in Prometheus.
    Resolve,
    /// They are kept, and an alert says at once that the data are missing.
    Alert,
}

/// An alert that changed between firing and resolved more than `changes` times `within` that time
/// fires until nothing changed for `quiet`. 0 changes: never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flapping {
    /// So many changes are fine.
    pub changes: usize,
    /// In this time.
    pub within: i64,
    /// How long it must stay as it is.
    pub quiet: i64,
}

impl Definition {
    pub(crate) fn key(&self) -> (String, String) {
        (self.file.clone(), self.group.name.clone())
    }

    /// Milliseconds between evaluations.
    pub fn interval(&self) -> i64 {
        self.group.interval.unwrap_or(self.settings.interval).max(1)
    }

    /// How many milliseconds before the time of evaluation is looked.
    pub fn offset(&self) -> i64 {
        self.group.query_offset.unwrap_or(self.settings.query_offset)
    }

    /// What expands the templates of its rules, by the answers to what these ask.
    pub fn expander(&self, answers: &Answers) -> Expander {
        Expander {
            external_labels: self.settings.external_labels.clone(),
            external_url: self.settings.external_url.clone(),
            query: answers.function(),
        }
    }

    /// With external labels; what is there counts before them.
    pub(crate) fn outward(&self, labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut all = self.settings.external_labels.clone();
        all.extend(labels.iter().map(|(name, value)| (name.clone(), value.clone())));
        all.retain(|_, value| !value.is_empty());
        all
    }

    /// Where a rule is shown.
    pub(crate) fn link(&self, rule: &Rule) -> String {
        let base = self.settings.external_url.trim_end_matches('/');
        let (name, group) = (go_template::escape_query(rule.name()), go_template::escape_query(&self.group.name));
        format!("{base}/api/v1/rules?rule_name%5B%5D={name}&rule_group%5B%5D={group}")
    }

    /// The time at or before a time, both in nanoseconds since the epoch, at which it is evaluated: as in
    /// Prometheus, multiples of the interval moved by a hash of file and name.
    pub fn at_or_before(&self, nanos: i64) -> i64 {
        let interval = self.interval().saturating_mul(1_000_000);
        let mut identity = Builder::default();
        identity.set("name", self.group.name.as_str());
        identity.set("file", self.file.as_str());
        let offset = (identity.build().digest() % interval.unsigned_abs()) as i64;
        nanos.saturating_sub(offset).div_euclid(interval).saturating_mul(interval).saturating_add(offset)
    }
}
