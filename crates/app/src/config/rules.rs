use std::collections::BTreeMap;
use std::time::Duration;

use rules::book::MissingPolicy;
use serde::Deserialize;

use super::OneOrMany;

/// `rules`: what is evaluated again and again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesConfig {
    /// Rule files of Prometheus, unchanged: paths or patterns such as `rules/*.yml`, relative to this file.
    pub files: OneOrMany<String>,
    /// Between evaluations, where a group does not say.
    #[serde(with = "base::duration")]
    pub evaluation_interval: Duration,
    /// How long before the time of evaluation is looked, where a group does not say.
    #[serde(with = "base::duration")]
    pub query_offset: Duration,
    /// After how long an alert that still fires is told again.
    #[serde(with = "base::duration")]
    pub resend_delay: Duration,
    /// Labels that are added to alerts when they are told.
    pub external_labels: BTreeMap<String, String>,
    /// What becomes of alerts whose data are missing: `keep`, `resolve`, `alert`, or a section.
    pub missing: MissingConfig,
    /// What becomes of alerts that come and go.
    pub flapping: FlappingConfig,
}

impl Default for RulesConfig {
    fn default() -> Self {
        Self {
            files: OneOrMany::default(),
            evaluation_interval: Duration::from_secs(60),
            query_offset: Duration::from_secs(0),
            resend_delay: Duration::from_secs(60),
            external_labels: BTreeMap::new(),
            missing: MissingConfig::default(),
            flapping: FlappingConfig::default(),
        }
    }
}

/// `rules.missing`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(from = "PolicyOrSection")]
pub struct MissingConfig {
    /// `keep`: alerts go on for `keep_for`, then they end and `SteadfastRuleMissingData` fires; `resolve`: what is not
    /// found is resolved, as in Prometheus; `alert`: as `keep`, but `SteadfastRuleMissingData` fires at once.
    pub policy: MissingPolicy,
    /// For how long alerts go on without data.
    #[serde(with = "base::duration")]
    pub keep_for: Duration,
}

impl Default for MissingConfig {
    fn default() -> Self {
        Self { policy: MissingPolicy::Keep, keep_for: Duration::from_secs(1800) }
    }
}

/// The two ways to write it.
#[derive(Deserialize)]
#[serde(untagged, expecting = "`keep`, `resolve`, `alert`, or `policy` and `keep_for`")]
enum PolicyOrSection {
    Policy(MissingPolicy),
    Section(Section),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    #[serde(default)]
    policy: MissingPolicy,
    #[serde(with = "base::duration", default = "keep_for")]
    keep_for: Duration,
}

fn keep_for() -> Duration {
    MissingConfig::default().keep_for
}

impl From<PolicyOrSection> for MissingConfig {
    fn from(written: PolicyOrSection) -> Self {
        match written {
            PolicyOrSection::Policy(policy) => Self { policy, keep_for: keep_for() },
            PolicyOrSection::Section(Section { policy, keep_for }) => Self { policy, keep_for },
        }
    }
}

/// `rules.flapping`: an alert that changes too often is told as firing until it is quiet.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlappingConfig {
    /// So many changes between firing and resolved are fine; 0: any number.
    pub changes: usize,
    /// In this time.
    #[serde(with = "base::duration")]
    pub within: Duration,
    /// How long it must stay as it is until it is told as its rule has it again.
    #[serde(with = "base::duration")]
    pub quiet: Duration,
}

impl Default for FlappingConfig {
    fn default() -> Self {
        Self { changes: 5, within: Duration::from_secs(1800), quiet: Duration::from_secs(600) }
    }
}
