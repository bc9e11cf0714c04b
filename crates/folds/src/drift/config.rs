use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use super::ignore::IgnoreRule;

/// How verdicts are reached.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DriftConfig {
    /// How long live may agree with an earlier revision before it is `behind`.
    #[serde(with = "base::duration")]
    pub rollout_deadline: Duration,
    /// Kinds of which an instance must not change: it is to be replaced. What is declared may.
    pub replace_only: Vec<String>,
    /// Kinds that may come and go, and must not change while they are there.
    pub immutable: Vec<String>,
    /// Sources of which a resource that is no longer declared is no drift though it is still there.
    pub may_leave_behind: Vec<String>,
    /// Fields that are no drift.
    pub ignore: Vec<IgnoreRule>,
    /// Earlier versions of a resource that are kept to compare with.
    pub earlier_versions: usize,
    /// What is asked of a cluster before people are told, where `kubernetes.confirm` is set.
    pub confirm: ConfirmConfig,
}

/// Dry runs before a page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfirmConfig {
    /// So long a page waits for the answer.
    #[serde(with = "base::duration")]
    pub timeout: Duration,
    /// After so long it is asked again about what was refuted; `0s` for never.
    #[serde(with = "base::duration")]
    pub again: Duration,
    /// The scopes in which somebody answers. Who runs the fold knows.
    #[serde(skip)]
    pub scopes: BTreeSet<String>,
}

impl ConfirmConfig {
    pub(super) fn asks(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }
}

impl Default for ConfirmConfig {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), again: Duration::from_secs(6 * 3600), scopes: BTreeSet::new() }
    }
}

impl DriftConfig {
    /// Whether a resource of that kind must stay as it is for as long as it is there.
    pub(super) fn must_not_change(&self, kind: &str) -> bool {
        self.replace_only.iter().chain(&self.immutable).any(|other| other == kind)
    }
}

impl Default for DriftConfig {
    fn default() -> Self {
        Self {
            rollout_deadline: Duration::from_secs(15 * 60),
            replace_only: vec!["package".to_owned()],
            immutable: vec![kubernetes::IMAGE.to_owned()],
            may_leave_behind: vec!["packages".to_owned()],
            ignore: Vec::new(),
            earlier_versions: 8,
            confirm: ConfirmConfig::default(),
        }
    }
}
