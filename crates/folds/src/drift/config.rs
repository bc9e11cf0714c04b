use std::time::Duration;

use serde::Deserialize;

/// How verdicts are reached.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DriftConfig {
    /// How long live may agree with an earlier revision before it is `behind`.
    #[serde(with = "base::duration")]
    pub rollout_deadline: Duration,
    /// Kinds of which an instance must not change: it is to be replaced. What is declared may.
    pub replace_only: Vec<String>,
    /// Sources of which a resource that is no longer declared is no drift though it is still there.
    pub may_leave_behind: Vec<String>,
    /// Earlier versions of a resource that are kept to compare with.
    pub earlier_versions: usize,
}

impl Default for DriftConfig {
    fn default() -> Self {
        Self {
            rollout_deadline: Duration::from_secs(15 * 60),
            replace_only: vec!["package".to_owned()],
            may_leave_behind: vec!["packages".to_owned()],
            earlier_versions: 8,
        }
    }
}
