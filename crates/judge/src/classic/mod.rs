//! `classic`: what Kayenta's `NetflixACAJudge-v1.0` says, point for point. Users of Spinnaker, Argo
//! Rollouts and Flagger know its answers, its blind spots included; `sequential` is the judge
//! without them.

mod classify;
mod mann_whitney;
mod noise;
mod outliers;
mod root;
mod score;

use std::collections::BTreeMap;
use std::fmt;

use crate::describe::Stats;
use crate::request::{MetricConfig, MetricSetPair, NanStrategy, Outliers, Request};
use crate::result::{Arm, GroupResult, JudgeResult, MetricResult, Num, ScoreResult};

pub use classify::{Classification, Literals, by_mean, classify, effect, mean_ratio};
pub use mann_whitney::{NoAnswer, Samples, Shift, cles};
pub use outliers::{iqr, k_sigma, without};
pub use score::{GroupScore, Score, Scored, against, passes, score};

/// What the judge is called in its answers.
pub const NAME: &str = "NetflixACAJudge-v1.0";

/// What a metric is found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// No worse.
    Pass,
    /// Higher than it should be.
    High,
    /// Lower than it should be.
    Low,
    /// There are no data.
    Nodata,
    /// There are no data where some must be.
    NodataFailMetric,
    /// The test has no answer; it neither counts nor fails.
    Error,
}

impl Label {
    /// As Kayenta writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::High => "High",
            Self::Low => "Low",
            Self::Nodata => "Nodata",
            Self::NodataFailMetric => "NodataFailMetric",
            Self::Error => "Error",
        }
    }

    /// Whether it counts in the score of a group.
    fn counts(self) -> bool {
        !matches!(self, Self::Nodata | Self::Error)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Judges a request.
pub fn judge(request: &Request) -> JudgeResult {
    let literals = Literals { tolerance: request.settings.tolerance, confidence: request.settings.confidence };
    let results: Vec<(Label, MetricResult)> =
        request.metrics.iter().map(|(config, pair)| metric(config, pair, literals)).collect();
    let loud = results.iter().filter(|(_, result)| !result.muted);
    let scored: Vec<Scored<'_>> = loud
        .map(|(label, result)| Scored {
            label: *label,
            reason: &result.classification_reason,
            critical: result.critical,
            groups: &result.groups,
        })
        .collect();
    let Score { score, reason, groups } = score(&scored, &request.group_weights);
    let group = |group: GroupScore| GroupResult {
        name: group.name,
        score: group.score,
        classification: String::new(),
        classification_reason: String::new(),
    };
    JudgeResult {
        judge_name: NAME.to_owned(),
        group_scores: groups.into_iter().map(group).collect(),
        score: ScoreResult {
            score,
            classification: against(score, request.thresholds).to_owned(),
            classification_reason: reason.unwrap_or_default(),
        },
        results: results.into_iter().map(|(_, result)| result).collect(),
        sequential: None,
    }
}

/// Both arms after the steps for NaN and outliers.
pub fn prepare(config: &MetricConfig, values: &[f64]) -> Vec<f64> {
    let whole: Vec<f64> = match config.nan_strategy {
        NanStrategy::Remove => values.iter().copied().filter(|value| !value.is_nan()).collect(),
        NanStrategy::Replace => values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect(),
    };
    match config.outliers {
        Outliers::Keep => whole,
        Outliers::Remove(factor) => without(&whole, &iqr(&whole, factor, true)),
    }
}

fn metric(config: &MetricConfig, pair: &MetricSetPair, literals: Literals) -> (Label, MetricResult) {
    let (control, experiment) = (prepare(config, &pair.control), prepare(config, &pair.experiment));
    let found = classify(config, literals, &control, &experiment).unwrap_or_else(|_| Classification {
        label: Label::Error,
        reason: "Metric Classification Failed: all points are tied or one is not finite; the metric neither counts \
                 nor fails the canary"
            .to_owned(),
        deviation: f64::NAN,
        effect: f64::NAN,
        critical: false,
        shift: None,
    });
    let mut metadata: BTreeMap<_, _> = [("ratio", Num(found.deviation)), ("effectSize", Num(found.effect))].into();
    if let Some(shift) = found.shift {
        metadata.extend([("shiftLow", Num(shift.low)), ("shiftHigh", Num(shift.high)), ("shift", Num(shift.estimate))]);
    }
    let result = MetricResult {
        name: pair.name.clone(),
        id: pair.id.clone(),
        tags: pair.tags.clone(),
        classification: found.label.to_string(),
        classification_reason: found.reason,
        groups: config.groups.clone(),
        experiment_metadata: Arm { stats: Stats::of(&experiment), dropped: pair.experiment.len() - experiment.len() },
        control_metadata: Arm { stats: Stats::of(&control), dropped: pair.control.len() - control.len() },
        result_metadata: metadata,
        critical: found.critical,
        muted: config.muted,
        evidence: None,
    };
    (found.label, result)
}
