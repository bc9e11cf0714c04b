//! What `sequential` has found, as it is written into the answer under names of our own.

use serde::Serialize;

use crate::num::Num;

/// What is said of a canary, or of one metric, at a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is shown to be below the limit.
    Pass,
    /// It is shown to be worse.
    Fail,
    /// Nothing was shown, and nothing more will come, or nothing can be.
    Inconclusive,
    /// Nothing was shown so far.
    Continue,
}

impl Verdict {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::Continue => "continue",
        }
    }
}

/// A change of the canary against the baseline, as a part of the baseline (0.1: ten percent more), and
/// the bounds between which it is, at all looks at once, but for `alpha`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The estimate.
    pub estimate: Num,
    /// The lower bound.
    pub low: Num,
    /// The upper bound.
    pub high: Num,
}

/// What the whole run shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEvidence {
    /// The verdict at the last look.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// How often a canary that is no worse may fail, over all metrics and looks.
    pub alpha: f64,
    /// How often a metric that is beyond the limit may pass.
    pub alpha_pass: f64,
    /// Evidence that something is worse: the natural logarithm of an e-value; fails at `ln_e_fail_needed`.
    pub ln_e_fail: Num,
    /// What `ln_e_fail` must reach: `ln(1/a)`, `a` the part of `alpha` that is spent on looks.
    pub ln_e_fail_needed: f64,
    /// Of `ln_e_fail`, what only all metrics together show.
    pub ln_e_joint: Num,
    /// The test at the end, once it was made.
    pub end: Option<RunEnd>,
    /// Intervals that were judged.
    pub intervals: usize,
    /// Intervals at the start that were not.
    pub warmup: usize,
    /// The first interval after which the verdict was fail, counted from the first of the data.
    pub first_fail_at: Option<usize>,
    /// Minutes until a decision, if the evidence grows as it has of late.
    pub minutes_to_decision: Option<f64>,
    /// What the reader should know of the data.
    pub notes: Vec<String>,
    /// The looks, thinned out.
    pub path: Vec<RunLook>,
}

/// What the one test at the end of the run gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEnd {
    /// The weighted harmonic mean of the p-values of all checks that have not healed, at most 1.
    pub p: Num,
    /// It fails at or below: less than the part of `alpha` that is spent at the end, for the number of checks.
    pub needed: f64,
    /// Whether it fails.
    pub fails: bool,
}

/// What a check at the end of the run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EndCheck {
    /// The level, over the whole run.
    Shift,
    /// The level, over a last part of the run.
    LateShift,
    /// A slope of the level.
    Drift,
    /// How far the canary strays from its middle.
    Spread,
    /// How often it alone strays far.
    Tail,
    /// Events, over the whole run.
    Counts,
    /// Events, over a last part of the run.
    LateCounts,
    /// The level of all metrics together.
    Together,
}

impl EndCheck {
    /// In words: what the canary does.
    pub fn words(self) -> &'static str {
        match self {
            Self::Shift => "is worse",
            Self::LateShift => "is worse of late",
            Self::Drift => "becomes worse",
            Self::Spread => "strays more than the baseline",
            Self::Tail => "alone strays far too often",
            Self::Counts => "has more events",
            Self::LateCounts => "has more events of late",
            Self::Together => "is worse in all metrics together",
        }
    }
}

/// What the test at the end gave of a metric: the check that adds most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricEnd {
    /// The check.
    pub check: EndCheck,
    /// The chance of this or more where nothing is wrong.
    pub p: Num,
    /// Alone it fails the canary at or below.
    pub needed: f64,
    /// Whether it fails, alone or as the most of what is enough.
    pub fails: bool,
}

/// One look at the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunLook {
    /// After which interval, counted from the first of the data.
    pub interval: usize,
    /// The verdict.
    pub verdict: Verdict,
    /// Evidence that something is worse.
    pub ln_e_fail: Num,
}

/// What one metric shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricEvidence {
    /// The verdict.
    pub verdict: Verdict,
    /// How it was judged: `counts`, `errors`, `latency`, `saturation`, `value`.
    pub kind: &'static str,
    /// The change.
    pub effect: Effect,
    /// A change up to it is none.
    pub margin: f64,
    /// To pass, the change must be shown to be below it.
    pub limit: f64,
    /// Its part of `alpha`.
    pub share: f64,
    /// Evidence that it is worse; alone it fails the canary at `ln_e_fail_needed`.
    pub ln_e_fail: Num,
    /// `ln(1/(share a))`, `a` the part of `alpha` that is spent on looks.
    pub ln_e_fail_needed: f64,
    /// Evidence that the change is below the limit.
    pub ln_e_pass: Num,
    /// `ln(1/alphaPass)`.
    pub ln_e_pass_needed: f64,
    /// The checks behind `ln_e_fail`.
    pub checks: Checks,
    /// The test at the end, once it was made; nothing where no check has enough points, or all healed.
    pub end: Option<MetricEnd>,
    /// The interval after which it first failed or passed, counted from the first of the data.
    pub decided_at: Option<usize>,
    /// Whether it was worse and no longer is.
    pub healed: bool,
    /// Minutes until a decision, if the evidence grows as it has of late.
    pub minutes_to_decision: Option<f64>,
    /// Intervals in which both arms have a point.
    pub used: usize,
    /// Intervals in which one has none.
    pub missing: usize,
    /// How much more counts vary than a Poisson process (Fano factor); of counts.
    pub dispersion: Option<f64>,
    /// How much the difference of the arms remembers from one interval to the next: 0 to 1.
    pub memory: f64,
    /// The looks, thinned out.
    pub path: Vec<MetricLook>,
}

/// Logarithms of e-values of single checks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Checks {
    /// The level is beyond the margin.
    pub shift: Num,
    /// The canary varies more, or strays far more often.
    pub spread: Num,
    /// More events than the exposure explains; of counts.
    pub counts: Option<Num>,
}

impl Checks {
    /// Whether most of the evidence is that it varies more.
    pub(crate) fn mostly_spread(&self) -> bool {
        self.spread.0 > self.shift.0.max(self.counts.map_or(f64::MIN, |ln| ln.0))
    }
}

/// One look at a metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricLook {
    /// After which interval, counted from the first of the data.
    pub interval: usize,
    /// The change.
    pub effect: Effect,
    /// Evidence that it is worse.
    pub ln_e_fail: Num,
    /// Evidence that the change is below the limit.
    pub ln_e_pass: Num,
}
