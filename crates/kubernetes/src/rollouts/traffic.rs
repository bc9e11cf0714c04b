//! How much of the traffic each side of a rollout has.

use super::arm::Arm;
use super::read::Labels;
use super::routes::{Route, Rule, Target};
use super::view::{View, selects};

/// Who says the split where nobody does but the pods of both arms.
pub(super) const READY_PODS: &str = "ready pods";
/// Shares that differ by less are the same.
const SAME: f64 = 1e-9;

/// An arm, with what tells its traffic.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub arm: Arm,
    /// Labels of its pods.
    pub labels: Labels,
    /// Pods that take traffic.
    pub ready: u64,
}

/// The canary's part of the traffic of both, and who says so; nothing, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Share {
    pub part: Option<f64>,
    pub by: String,
}

impl Share {
    pub fn known(part: f64, by: &str) -> Self {
        Self { part: Some(rounded(part)), by: by.to_owned() }
    }

    pub fn unknown(why: impl Into<String>) -> Self {
        Self { part: None, by: why.into() }
    }

    /// By two weights; nothing if both are 0.
    pub fn of(canary: u64, baseline: u64, by: &str) -> Option<Self> {
        let all = canary.checked_add(baseline).filter(|all| *all > 0)?;
        Some(Self::known(canary as f64 / all as f64, by))
    }
}

/// As fine as weights are: what rounding makes different is no change.
pub(super) fn rounded(part: f64) -> f64 {
    (part * 1e6).round() / 1e6
}

/// Which side a target of a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Baseline,
    Canary,
}

impl View<'_> {
    /// By the routes that name both sides; else, if no route names one of them and both are behind the same service, by
    /// pods that are ready. While routes may be there that cannot be seen, nobody knows.
    pub fn share(&self, baseline: &Side, canary: &Side, shared: bool) -> Share {
        if let Some(why) = self.unseen.routes(self.has_routes()) {
            return Share::unknown(why);
        }
        if let Some(share) = self.routed(baseline, canary) {
            return share;
        }
        // It may send that side all of the traffic, or none, whatever the pods are.
        if self.names_one(baseline, canary) {
            return Share::unknown("a route names only one arm");
        }
        if !shared {
            let nobody = || "no route and no service has both arms".to_owned();
            return Share::unknown(self.unseen.services().unwrap_or_else(nobody));
        }
        Share::of(canary.ready, baseline.ready, READY_PODS).unwrap_or_else(|| Share::unknown("no pod is ready"))
    }

    /// What routes say; nothing if none names both sides. What another rule sends to one side alone, as by a header, is beside all
    /// weights.
    pub fn routed(&self, baseline: &Side, canary: &Side) -> Option<Share> {
        let which = |target: &Target| self.which(target, baseline, canary);
        let routes = self.routes_of(baseline, canary);
        let alone = routes.iter().find(|route| has_one_side(route, which));
        let mut found: Option<Share> = None;
        for share in routes.iter().filter_map(|route| part(route, which)) {
            match (found.as_ref().and_then(|found| found.part), share.part) {
                (_, None) => return Some(share),
                (Some(before), Some(part)) if (before - part).abs() > SAME => {
                    return Some(Share::unknown("rules have different weights"));
                }
                _ => found = Some(share),
            }
        }
        let beside = |route: &&Route| Share::unknown(format!("{}: a rule names only one arm", route.by));
        found.map(|share| alone.map_or(share, beside))
    }

    /// The routes of which a target may be one of these sides.
    fn routes_of(&self, baseline: &Side, canary: &Side) -> Vec<&Route> {
        self.routes_to([&baseline.labels, &canary.labels], [&baseline.arm.workload, &canary.arm.workload])
    }

    /// Whether a target of a route is one side alone.
    fn names_one(&self, baseline: &Side, canary: &Side) -> bool {
        let mut targets = self.routes_of(baseline, canary).into_iter().flat_map(Route::targets);
        targets.any(|target| self.which(target, baseline, canary).is_some())
    }

    /// Whether a service has pods of both.
    pub fn is_shared(&self, baseline: &Side, canary: &Side) -> bool {
        self.services_of(&baseline.labels).iter().any(|(_, selector)| selects(selector, &canary.labels))
    }

    fn which(&self, target: &Target, baseline: &Side, canary: &Side) -> Option<Which> {
        if target.namespace != self.namespace {
            return None;
        }
        let named = |side: &Side| target.subset.is_none() && side.arm.workload == target.service;
        let of = |side: &Side| match self.space.services.get(&target.service) {
            Some(selector) => selects(selector, &side.labels) && self.has_subset(target, side),
            // A service that cannot be seen is taken by its name.
            None => named(side),
        };
        match (of(baseline), of(canary)) {
            (true, false) => Some(Which::Baseline),
            (false, true) => Some(Which::Canary),
            _ => None,
        }
    }

    fn has_subset(&self, target: &Target, side: &Side) -> bool {
        let Some(name) = &target.subset else { return true };
        self.subsets_of(&target.service, name).iter().any(|subset| selects(&subset.labels, &side.labels))
    }
}

/// Whether a rule sends traffic to one side and does not name the other.
fn has_one_side(route: &Route, which: impl Fn(&Target) -> Option<Which>) -> bool {
    let Rule::Split(targets) = &route.rule else { return false };
    let names = |side: Which| targets.iter().any(|(target, _)| which(target) == Some(side));
    let sends = targets.iter().any(|(target, weight)| which(target).is_some() && *weight != Some(0));
    sends && names(Which::Baseline) != names(Which::Canary)
}

/// The canary's part by one rule; nothing if it does not name both sides.
fn part(route: &Route, which: impl Fn(&Target) -> Option<Which>) -> Option<Share> {
    let broken = || Share::unknown(format!("{}: a weight is none", route.by));
    match &route.rule {
        Rule::Split(targets) => {
            // Nothing if no target is that side, and as the sum nothing if one of its weights is none.
            let sum = |side: Which| {
                let mut of = targets.iter().filter(|(target, _)| which(target) == Some(side)).peekable();
                of.peek()?;
                Some(of.map(|(_, weight)| *weight).sum::<Option<u64>>())
            };
            let (baseline, canary) = (sum(Which::Baseline)?, sum(Which::Canary)?);
            let (Some(baseline), Some(canary)) = (baseline, canary) else { return Some(broken()) };
            let none = || Share::unknown(format!("{}: all weights are 0", route.by));
            Some(Share::of(canary, baseline, route.by).unwrap_or_else(none))
        }
        Rule::Part { targets, weight, total } => {
            let side = targets.iter().find_map(&which)?;
            let (Some(weight), Some(total)) = (*weight, *total) else { return Some(broken()) };
            let rest = total.checked_sub(weight).filter(|_| total > 0);
            let Some(rest) = rest else { return Some(broken()) };
            let (canary, baseline) = if side == Which::Canary { (weight, rest) } else { (rest, weight) };
            Share::of(canary, baseline, route.by)
        }
    }
}
