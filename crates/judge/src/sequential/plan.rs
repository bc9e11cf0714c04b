//! What is to be judged: each metric's kind, bounds, directions and part of `alpha`.

use super::side::Bounds;
use super::whole::are_counts;
use crate::request::{Direction, Kind, MetricConfig, MetricSetPair};

/// What all metrics together may spend of `alpha`.
pub(super) const JOINT: f64 = 0.15;
/// What critical metrics may spend of the rest, where there are others.
const CRITICAL: f64 = 0.8;

/// How a metric is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What it measures.
    pub kind: Kind,
    /// Its bounds, as parts of the baseline.
    pub bounds: Bounds,
    /// 1 where a rise is worse, -1 where a fall is; both for `either`.
    pub signs: Vec<f64>,
    /// Its part of `alpha`; 0 for one that is only shown.
    pub share: f64,
}

impl Plan {
    /// Of a metric whose data are known. Whole numbers from 0 on are counts unless it says otherwise, or they are not as
    /// events are: see [`super::whole`].
    pub fn new(config: &MetricConfig, pair: &MetricSetPair) -> Self {
        let kind = config.kind.unwrap_or_else(|| if are_counts(pair) { Kind::Counts } else { Kind::Value });
        let signs = match config.direction {
            Direction::Increase => vec![1.0],
            Direction::Decrease => vec![-1.0],
            Direction::Either => vec![1.0, -1.0],
        };
        Self { kind, bounds: bounds(kind, config.margin, config.limit), signs, share: 0.0 }
    }

    /// Whether it is judged as counts.
    pub fn counts(&self) -> bool {
        matches!(self.kind, Kind::Counts | Kind::Errors)
    }
}

/// The defaults of a kind. What is not known to be a latency or a level has no margin: any change is one.
fn bounds(kind: Kind, margin: Option<f64>, limit: Option<f64>) -> Bounds {
    let (usual_margin, usual_limit) = match kind {
        Kind::Counts | Kind::Errors => (0.1, 0.5),
        Kind::Latency => (0.05, 0.1),
        Kind::Saturation => (0.1, 0.25),
        Kind::Value => (0.0, 0.2),
    };
    let margin = margin.unwrap_or(usual_margin);
    let limit = limit.unwrap_or(usual_limit);
    Bounds {
        margin: if margin < limit { margin } else { 0.0 },
        limit: if limit > margin { limit } else { margin * 2.0 },
    }
}

/// What a kind is called.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Counts => "counts",
        Kind::Errors => "errors",
        Kind::Latency => "latency",
        Kind::Saturation => "saturation",
        Kind::Value => "value",
    }
}

/// The plans of metrics whose data are still to come, with their shares of `alpha`. One that does not say its
/// kind is any number.
pub fn plans(metrics: &[MetricConfig]) -> Vec<Plan> {
    let known = |config: &MetricConfig| MetricConfig { kind: config.kind.or(Some(Kind::Value)), ..config.clone() };
    let mut plans: Vec<Plan> =
        metrics.iter().map(|config| Plan::new(&known(config), &MetricSetPair::default())).collect();
    share_out(metrics.iter().zip(&mut plans));
    plans
}

/// Shares `alpha` out: to each metric that counts, more to critical ones; what is left is for all
/// together.
pub(super) fn share_out<'a>(plans: impl Iterator<Item = (&'a MetricConfig, &'a mut Plan)>) {
    let mut loud: Vec<(bool, &mut Plan)> =
        plans.filter(|(config, _)| !config.muted).map(|(config, plan)| (config.critical, plan)).collect();
    let all = loud.len();
    let critical = loud.iter().filter(|(critical, _)| *critical).count();
    let whole = if all > 1 { 1.0 - JOINT } else { 1.0 };
    let even = critical == 0 || critical == all;
    for (is_critical, plan) in &mut loud {
        plan.share = match (even, *is_critical) {
            (true, _) => whole / all as f64,
            (false, true) => whole * CRITICAL / critical as f64,
            (false, false) => whole * (1.0 - CRITICAL) / (all - critical) as f64,
        };
    }
}
