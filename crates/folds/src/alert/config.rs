use std::time::Duration;

use serde::Deserialize;

/// How findings become incidents.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertConfig {
    /// How long findings of a new cause are gathered before its incident opens. With zero, the
    /// first one opens it at once, and what comes after is told by `updated` and `widened`.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub group_wait: Duration,
    /// The shortest time between what is told of an incident and an `updated` of it.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub update_interval: Duration,
    /// An incident is `widened` each time its findings have become so many times as many (at
    /// least 2).
    pub widen_factor: u64,
    /// How long after a rollout what begins to go wrong where it was is a symptom of it, and what has not ended is told of by itself.
    /// With zero, rollouts have no symptoms.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub rollout_window: Duration,
    /// Findings that an alert describes; it counts the rest.
    pub symptoms: usize,
    /// Findings of one incident whose texts are kept, so that there is something to describe when
    /// others are resolved (limit `alert.kept`). Of the rest 17 bytes are kept.
    pub kept: usize,
    /// Open incidents of a shard (limit `alert.incidents`).
    pub max_incidents: u64,
    /// Open findings of a shard (limit `alert.findings`).
    pub max_findings: u64,
}

impl Default for AlertConfig {
    fn default() -> Self {
        Self {
            group_wait: Duration::ZERO,
            update_interval: Duration::from_secs(5),
            widen_factor: 10,
            rollout_window: Duration::from_secs(600),
            symptoms: 20,
            kept: 100,
            max_incidents: 100_000,
            max_findings: 1_000_000,
        }
    }
}
