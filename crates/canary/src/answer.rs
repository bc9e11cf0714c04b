//! A canary as others are told of it over HTTP.

use judge::evidence::Verdict;
use judge::sequential::MetricState;
use kubernetes::rollouts::{Arm, Phase, Rollout, RolloutKind};
use serde::Serialize;

use crate::definition::Metric;
use crate::life::Canary;
use crate::standing::UNKNOWN;

/// Larger e-values are written as this: JSON has no infinity.
const LARGEST: f64 = 1e300;

/// Characters of a revision that are shown.
const REVISION: usize = 64;

/// The shape that the `web` provider of Argo Rollouts reads, with what a person wants to know beside it. No
/// number is ever NaN or infinite.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The canary.
    pub name: String,
    /// The namespace of what is judged.
    pub namespace: String,
    /// What is judged.
    pub target: String,
    /// `pass`, `fail`, `inconclusive`, `continue`.
    pub verdict: &'static str,
    /// 100 for a pass, 0 for a fail, between 75 and 95 for what is open.
    pub score: f64,
    /// The e-value that something is worse: it fails at `e_fail_needed`.
    pub e_fail: f64,
    /// See `e_fail`.
    pub e_fail_needed: f64,
    /// The least e-value of a metric that it is below its limit: it passes at `e_pass_needed`.
    pub e_pass: f64,
    /// See `e_pass`.
    pub e_pass_needed: f64,
    /// The p-value of "no worse", which holds at all times.
    pub p: f64,
    /// Minutes until a decision; null if none is foreseen.
    pub eta_minutes: Option<f64>,
    /// Why: of the run, then of each metric.
    pub reasons: Vec<String>,
    /// The run; null before the first.
    pub run: Option<String>,
    /// What rolls out.
    pub revision: Option<String>,
    /// When the run began, in RFC 3339.
    pub started: Option<String>,
    /// When it was decided or ended.
    pub decided: Option<String>,
    /// Intervals so far, and of how many.
    pub intervals: (usize, usize),
    /// Of one that was found, its rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutAnswer>,
    /// Each metric.
    pub metrics: Vec<MetricAnswer>,
}

/// A rollout, as the objects of its cluster have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RolloutAnswer {
    /// By whom.
    pub kind: RolloutKind,
    /// `rolling`, `aborted`.
    pub phase: Phase,
    /// The pods that are the baseline.
    pub baseline: Arm,
    /// The pods that are the canary.
    pub canary: Arm,
    /// The canary's part of the traffic, from 0 to 1; null if it is not known.
    pub share: Option<f64>,
    /// Who says so, or why it is not known.
    pub traffic: String,
}

impl RolloutAnswer {
    fn of(rollout: &Rollout) -> Self {
        let Rollout { kind, phase, baseline, canary, share, traffic, .. } = rollout.clone();
        Self { kind, phase, baseline, canary, share, traffic }
    }
}

/// A metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricAnswer {
    /// Its name.
    pub name: String,
    /// `pass`, `fail`, `inconclusive`, `continue`.
    pub verdict: &'static str,
    /// Why.
    pub reason: String,
    /// It is only shown.
    pub muted: bool,
    /// The change as a part of the baseline, and its bounds; null where there is none.
    pub effect: [Option<f64>; 3],
    /// A change up to it is none.
    pub margin: f64,
    /// To pass, the change must be shown to be below it.
    pub limit: f64,
    /// Intervals with a point of both arms.
    pub n: usize,
    /// Intervals without.
    pub missing: usize,
    /// The part of the traffic that carries the evidence.
    pub top_segment: Option<String>,
}

impl Answer {
    /// Of a canary. One that never ran is inconclusive.
    pub fn of(canary: &Canary) -> Self {
        let definition = canary.definition();
        let mut answer = Self::none(&definition.name, "it has not run");
        answer.namespace.clone_from(&definition.namespace);
        answer.target.clone_from(&definition.target);
        answer.intervals.1 = definition.lifetime;
        answer.rollout = canary.of_rollout().map(RolloutAnswer::of);
        let (Some(run), Some(standing)) = (&canary.run, canary.standing()) else { return answer };
        answer.verdict = standing.verdict.as_str();
        answer.score = standing.score;
        (answer.e_fail, answer.e_fail_needed) = (e(standing.fail.0), e(standing.fail.1));
        (answer.e_pass, answer.e_pass_needed) = (e(standing.pass.0), e(standing.pass.1));
        answer.p = finite(standing.p).unwrap_or(1.0);
        answer.eta_minutes = standing.minutes.and_then(finite);
        answer.run = Some(run.id.clone());
        answer.revision.clone_from(&run.origin.revision);
        answer.started = Some(run.started.to_string());
        answer.decided = run.end.as_ref().map(|end| end.at.to_string());
        answer.intervals.0 = run.next;
        let metrics = definition.metrics.iter().zip(&standing.metrics).zip(&run.top);
        answer.metrics = metrics.map(|((metric, (state, trouble)), top)| of(metric, state, trouble, top)).collect();
        let metrics = answer.metrics.iter().map(|metric| format!("{}: {}", metric.name, metric.reason));
        answer.reasons = [standing.reason.clone()].into_iter().chain(metrics).collect();
        answer
    }

    /// Of a canary, for who has a rollout wait for it: inconclusive where its last run is of another rollout than the one that is
    /// asked about, see [`Canary::past`], or of another than `revision`, if that is asked for.
    pub fn asked(canary: &Canary, revision: Option<&str>) -> Self {
        let answer = Self::of(canary);
        let Some(why) = canary.past().or_else(|| other(canary, revision?)) else { return answer };
        let was = answer.reasons.first().map_or_else(String::new, |reason| format!(": {reason}"));
        let said = format!("{why}; its last run was {}{was}", answer.verdict);
        let Self { verdict, score, e_fail, e_pass, p, .. } = Self::none(&answer.name, "");
        let reasons = [said].into_iter().chain(answer.reasons.into_iter().skip(1)).collect();
        Self { verdict, score, e_fail, e_pass, p, eta_minutes: None, reasons, ..answer }
    }

    /// Of a canary of which nothing is known.
    pub fn none(name: &str, reason: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: String::new(),
            target: String::new(),
            verdict: Verdict::Inconclusive.as_str(),
            score: UNKNOWN,
            e_fail: 1.0,
            e_fail_needed: 40.0,
            e_pass: 1.0,
            e_pass_needed: 20.0,
            p: 1.0,
            eta_minutes: None,
            reasons: vec![reason.to_owned()],
            run: None,
            revision: None,
            started: None,
            decided: None,
            intervals: (0, 0),
            rollout: None,
            metrics: Vec::new(),
        }
    }
}

fn of(metric: &Metric, state: &MetricState, trouble: &Option<String>, top: &Option<String>) -> MetricAnswer {
    let effect = state.effect;
    MetricAnswer {
        name: metric.name.clone(),
        verdict: state.verdict.as_str(),
        reason: trouble.clone().unwrap_or_else(|| state.reason.clone()),
        muted: metric.muted,
        effect: [effect.estimate.0, effect.low.0, effect.high.0].map(finite),
        margin: state.margin,
        limit: state.limit,
        n: state.used,
        missing: state.missing,
        top_segment: top.clone(),
    }
}

/// Why its last run is of another revision.
fn other(canary: &Canary, asked: &str) -> Option<String> {
    let run = canary.run.as_ref().and_then(|run| run.origin.revision.as_deref());
    let rollout = canary.of_rollout().into_iter().flat_map(|rollout| [&rollout.revision, &rollout.canary.hash]);
    let mut judged = rollout.map(String::as_str).chain(run);
    let short: String = asked.chars().take(REVISION).collect();
    let why = || format!("revision `{}` is asked for, and it was not judged", short.escape_debug());
    (!judged.any(|revision| revision == asked)).then(why)
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// An e-value from its logarithm.
fn e(ln: f64) -> f64 {
    if ln.is_nan() { 1.0 } else { ln.exp().clamp(0.0, LARGEST) }
}
