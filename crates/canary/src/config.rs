use std::time::Duration;

use model::{ResourceId, Severity};
use serde::{Deserialize, Serialize};

use crate::discover::DiscoverConfig;

/// One of `canaries`: what is judged against what, by which queries, and when.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryConfig {
    /// Its name in tables, paths and metrics: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The namespace of what is judged, a label of `canary_verdict`.
    #[serde(default)]
    pub namespace: String,
    /// What is judged, a label of `canary_verdict`; the canary's name if not set.
    #[serde(default)]
    pub target: Option<String>,
    /// When it runs: `rollout` if not set, while the resource rolls out; `always`, one run after the other.
    #[serde(default)]
    pub start: Start,
    /// The resource whose rollout is judged: `k8s/prod/apps.Deployment/shop/checkout`. Of `start: rollout`.
    #[serde(default)]
    pub resource: Option<String>,
    /// Judges each rollout of a cluster that it finds, instead of that of one `resource`.
    #[serde(default)]
    pub discover: Option<DiscoverConfig>,
    /// The label matchers of the baseline, put in place of `$arm`: `version="v1"`.
    #[serde(default)]
    pub baseline: Option<String>,
    /// The label matchers of the canary: `version="v2"`.
    #[serde(default)]
    pub canary: Option<String>,
    /// What is asked and judged at once; put in place of `$interval`.
    #[serde(with = "base::duration", default = "interval")]
    pub interval: Duration,
    /// How long a run lasts at most. A run that is decided ends before.
    #[serde(with = "base::duration", default = "lifetime")]
    pub lifetime: Duration,
    /// What is not judged at the start of a run.
    #[serde(with = "base::duration", default = "warmup")]
    pub warmup: Duration,
    /// How long after its end an interval is asked for, so that its data have come.
    #[serde(with = "base::duration", default = "delay")]
    pub delay: Duration,
    /// How often a canary that is no worse may fail, over the whole run.
    #[serde(default = "alpha")]
    pub alpha: f64,
    /// How often a metric that is beyond its limit may pass.
    #[serde(default = "alpha")]
    pub alpha_pass: f64,
    /// How bad it is if it fails; `error` if not set.
    #[serde(default = "severity")]
    pub severity: Severity,
    /// The receiver that rolls back, told once of a run that fails.
    #[serde(default)]
    pub rollback: Option<String>,
    /// A label that queries of counts and errors may leave in place, so that the part of the traffic that carries the evidence is named.
    #[serde(default)]
    pub segment: Option<String>,
    /// What is compared.
    pub metrics: Vec<CanaryMetricConfig>,
}

impl CanaryConfig {
    /// The cluster whose rollouts it waits for, and the key that names it; nothing if it waits for none.
    pub fn cluster(&self) -> Option<(&'static str, String)> {
        if let Some(discover) = &self.discover {
            return Some(("discover.cluster", discover.cluster.clone()));
        }
        let id: ResourceId = self.resource.as_ref().filter(|_| self.start == Start::Rollout)?.parse().ok()?;
        (id.provider() == kubernetes::PROVIDER).then(|| ("resource", id.scope_name().to_owned()))
    }
}

/// One of `metrics`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryMetricConfig {
    /// Its name.
    pub name: String,
    /// PromQL that gives one number for an interval: with `$arm` among its label matchers, or `baseline` and `canary`, a query each.
    pub query: Query,
    /// The same of the requests, or the time of pods, behind each number; needed if the arms have not equal traffic.
    #[serde(default)]
    pub exposure: Option<Query>,
    /// What is measured: `counts`, `errors`, `latency`, `saturation`, `value`.
    pub kind: Kind,
    /// What is worse: `increase` if not set, `decrease`, `either`.
    #[serde(default = "direction")]
    pub direction: Direction,
    /// It has a larger share of `alpha`: critical metrics have four fifths of it.
    #[serde(default)]
    pub critical: bool,
    /// It is shown and does not count.
    #[serde(default)]
    pub muted: bool,
    /// A change up to it is none, as a part of the baseline; the kind's if not set.
    #[serde(default)]
    pub margin: Option<f64>,
    /// To pass, the change must be shown to be below it; the kind's if not set.
    #[serde(default)]
    pub limit: Option<f64>,
}

/// A query for both arms.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a query with `$arm` among its label matchers, or `baseline` and `canary`, a query each")]
pub enum Query {
    /// With `$arm` where the arm's label matchers go.
    One(String),
    /// One each.
    Two {
        /// Of the baseline.
        baseline: String,
        /// Of the canary.
        canary: String,
    },
}

/// When a canary runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// While its resource rolls out.
    #[default]
    Rollout,
    /// One run after the other.
    Always,
}

/// Words of the configuration that are words of the judge.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$of])* $variant,)+ }

        impl From<$name> for judge::request::$name {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => Self::$variant,)+ }
            }
        }
    };
}

words! {
    /// What a metric measures.
    Kind {
        /// Events in an interval.
        Counts,
        /// Events, of which each request has one or none.
        Errors,
        /// A duration.
        Latency,
        /// A level.
        Saturation,
        /// Any other number.
        Value,
    }
}

words! {
    /// Which change is for the worse.
    Direction {
        /// A rise.
        Increase,
        /// A fall.
        Decrease,
        /// Both.
        Either,
    }
}

const fn direction() -> Direction {
    Direction::Increase
}

const fn interval() -> Duration {
    Duration::from_secs(60)
}

const fn lifetime() -> Duration {
    Duration::from_secs(3600)
}

const fn warmup() -> Duration {
    Duration::from_secs(60)
}

const fn delay() -> Duration {
    Duration::from_secs(15)
}

const fn alpha() -> f64 {
    0.05
}

const fn severity() -> Severity {
    Severity::Error
}
