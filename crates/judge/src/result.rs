//! What a judge answers: Kayenta's `CanaryJudgeResult`, with our evidence under new names.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::describe::Stats;
use crate::evidence::{MetricEvidence, RunEvidence};
pub use crate::num::Num;

/// The answer of a judge.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgeResult {
    /// Which judge.
    pub judge_name: String,
    /// The metrics in order of the request.
    pub results: Vec<MetricResult>,
    /// The groups.
    pub group_scores: Vec<GroupResult>,
    /// The whole.
    pub score: ScoreResult,
    /// What `sequential` says of the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequential: Option<RunEvidence>,
}

/// What was found of a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricResult {
    /// The metric.
    pub name: String,
    /// The id of the request's entry.
    pub id: String,
    /// Its tags.
    pub tags: BTreeMap<String, Value>,
    /// `Pass`, `High`, `Low`, `Nodata`, `NodataFailMetric` or `Error`.
    pub classification: String,
    /// Why.
    pub classification_reason: String,
    /// Where it counts.
    pub groups: Vec<String>,
    /// The canary's points.
    pub experiment_metadata: Arm,
    /// The baseline's points.
    pub control_metadata: Arm,
    /// `ratio` of the means, `effectSize` by the metric's measure, and the interval of the shift.
    pub result_metadata: BTreeMap<&'static str, Num>,
    /// Whether it fails the canary alone.
    pub critical: bool,
    /// Whether it is only shown.
    pub muted: bool,
    /// What `sequential` has found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<MetricEvidence>,
}

/// The points of an arm that were judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Arm {
    /// Their summary.
    pub stats: Stats,
    /// How many points were left out: missing ones and outliers.
    pub dropped: usize,
}

/// The score of a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupResult {
    /// Which.
    pub name: String,
    /// 0 to 100.
    pub score: f64,
    /// Empty, as in Kayenta.
    pub classification: String,
    /// Empty, as in Kayenta.
    pub classification_reason: String,
}

/// The score of the whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScoreResult {
    /// 0 to 100.
    pub score: f64,
    /// `Pass`, `Marginal` or `Fail`.
    pub classification: String,
    /// Why.
    pub classification_reason: String,
}

impl JudgeResult {
    /// Whether the canary fails.
    pub fn failed(&self) -> bool {
        self.score.classification == "Fail"
    }
}
