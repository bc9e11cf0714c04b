use std::time::Duration;

use base::Timestamp;
use judge::request::{MetricConfig, Settings};
use kubernetes::rollouts::Rollout;
use model::{Labels, Severity};
use serde::{Deserialize, Serialize};

use crate::config::{Direction, Kind, Start};
use crate::discover::{self, Discover, HASH, Names};
use crate::template::fill;

/// A canary as it is put on the log: whoever has it needs no configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// The namespace of what is judged.
    pub namespace: String,
    /// What is judged.
    pub target: String,
    /// `provider/scope` of what is judged, the key of its records; without a resource `canary/<namespace or name>`.
    pub scope: String,
    /// The resource whose rollout is judged.
    pub resource: Option<String>,
    /// When it runs.
    pub start: Start,
    /// Milliseconds of an interval; at least 1,000.
    pub interval: i64,
    /// Intervals of a run.
    pub lifetime: usize,
    /// Intervals at its start that are not judged; fewer than the run has.
    pub warmup: usize,
    /// Milliseconds after its end until an interval is asked for.
    pub delay: i64,
    /// How often a canary that is no worse may fail.
    pub alpha: f64,
    /// How often a metric that is beyond its limit may pass.
    pub alpha_pass: f64,
    /// How bad it is if it fails.
    pub severity: Severity,
    /// The receiver that rolls back.
    pub rollback: Option<String>,
    /// The label that names parts of the traffic.
    pub segment: Option<String>,
    /// What is compared.
    pub metrics: Vec<Metric>,
    /// Which rollouts are judged by it, each as a canary of its own; its queries have names in which an arm is put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discover: Option<Discover>,
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// The queries that give the value.
    pub value: Pair,
    /// The queries that give what is behind it.
    pub exposure: Option<Pair>,
    /// What it measures.
    pub kind: Kind,
    /// What is worse.
    pub direction: Direction,
    /// It has a larger share of `alpha`.
    pub critical: bool,
    /// It is only shown.
    pub muted: bool,
    /// A change up to it is none.
    pub margin: Option<f64>,
    /// To pass, the change must be shown to be below it.
    pub limit: Option<f64>,
}

/// A query for each arm, in PromQL, complete but for what a rollout is to be put into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Of the baseline.
    pub baseline: String,
    /// Of the canary.
    pub canary: String,
}

/// Why a rollout cannot be put into queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfilled {
    /// It comes with a later word.
    #[error("a hash that its queries ask for is not known")]
    Hash,
    /// What the queries name is the same of both arms, as the workload of a Deployment is.
    #[error("both arms would be asked the same")]
    Same,
    /// The definition cannot be written as JSON.
    #[error("its definition cannot be written")]
    Text,
}

impl Definition {
    /// The name of the canary of a rollout that is found by it.
    pub(crate) fn name_of(&self, rollout: &Rollout) -> String {
        format!("{}:{}:{}", self.name, rollout.namespace, rollout.name)
    }

    /// The canary of a rollout that is found by it, with the text that is put on the log.
    pub(crate) fn of_rollout(&self, rollout: &Rollout) -> Result<(Self, String), Unfilled> {
        let (baseline, canary) = (&rollout.baseline, &rollout.canary);
        let (before, new) = (discover::values(rollout, baseline), discover::values(rollout, canary));
        let pair = |pair: &Pair| pair.filled(&before, &new);
        let metrics: Result<Vec<Metric>, Unfilled> = self.metrics.iter().map(|metric| metric.with(pair)).collect();
        let found = Self {
            name: self.name_of(rollout),
            namespace: rollout.namespace.clone(),
            target: rollout.name.clone(),
            resource: Some(format!("{}/{}", self.scope, rollout.object)),
            metrics: metrics?,
            discover: None,
            ..self.clone()
        };
        let text = serde_json::to_string(&found).map_err(|_| Unfilled::Text)?;
        Ok((found, text))
    }

    /// The length of an interval.
    pub fn interval(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.interval).unwrap_or(1).max(1))
    }

    /// The length of a run.
    pub(crate) fn duration(&self) -> Duration {
        self.interval().saturating_mul(u32::try_from(self.lifetime).unwrap_or(u32::MAX))
    }

    /// When an interval of a run ends.
    pub fn end(&self, started: Timestamp, interval: usize) -> Timestamp {
        let intervals = u32::try_from(interval).unwrap_or(u32::MAX).saturating_add(1);
        started.plus(self.interval().saturating_mul(intervals))
    }

    /// Minutes of an interval.
    pub(crate) fn minutes(&self) -> f64 {
        self.interval().as_secs_f64() / 60.0
    }

    /// What the judge is told of the metrics.
    pub(crate) fn configs(&self) -> Vec<MetricConfig> {
        self.metrics.iter().map(Metric::config).collect()
    }

    /// What the judge is told of the run: it counts the intervals that are judged.
    pub(crate) fn settings(&self) -> Settings {
        let lifetime = Some(self.lifetime.saturating_sub(self.warmup));
        Settings { alpha: self.alpha, alpha_pass: self.alpha_pass, lifetime, ..Settings::default() }
    }

    /// What its series and findings can be matched on.
    pub fn labels(&self) -> Labels {
        let labels = [("canary", &self.name), ("namespace", &self.namespace), ("target", &self.target)];
        let said = labels.into_iter().filter(|(_, value)| !value.is_empty());
        said.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }
}

impl Pair {
    fn filled(&self, before: &Names<'_>, new: &Names<'_>) -> Result<Self, Unfilled> {
        let one = |query: &str, names: &Names<'_>| {
            let lacks = query.contains(HASH) && names.contains(&(HASH, ""));
            if lacks { Err(Unfilled::Hash) } else { Ok(fill(query, names).text) }
        };
        let (baseline, canary) = (one(&self.baseline, before)?, one(&self.canary, new)?);
        if baseline == canary { Err(Unfilled::Same) } else { Ok(Self { baseline, canary }) }
    }
}

impl Metric {
    fn with(&self, pair: impl Fn(&Pair) -> Result<Pair, Unfilled>) -> Result<Self, Unfilled> {
        let exposure = match &self.exposure {
            Some(exposure) => Some(pair(exposure)?),
            None => None,
        };
        Ok(Self { value: pair(&self.value)?, exposure, ..self.clone() })
    }

    pub(crate) fn config(&self) -> MetricConfig {
        MetricConfig {
            kind: Some(self.kind.into()),
            direction: self.direction.into(),
            critical: self.critical,
            muted: self.muted,
            margin: self.margin,
            limit: self.limit,
            ..MetricConfig::new(self.name.clone())
        }
    }

    /// Whether values of parts add up to that of the whole.
    pub fn adds_up(&self) -> bool {
        matches!(self.kind, Kind::Counts | Kind::Errors)
    }
}
