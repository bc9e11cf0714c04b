//! `Rollout` of Argo Rollouts (argoproj.io/v1alpha1): its status has the hashes of both arms
//! (<https://argo-rollouts.readthedocs.io/en/stable/features/specification/>).

use serde_json::Value;

use super::arm::Arm;
use super::read::{self, Labels};
use super::traffic::{READY_PODS, Share, Side};
use super::view::View;
use super::{Phase, Rollout, RolloutKind};

/// All of the traffic, where the object names no other sum.
const WHOLE: u64 = 100;

/// What is kept of a `Rollout`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argo {
    labels: Labels,
    stable: String,
    current: String,
    aborted: bool,
    /// The Deployment whose template it takes: that has no pods of its own.
    pub workload: Option<String>,
    traffic: Traffic,
}

/// What it says of the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Traffic {
    /// All of it is the stable one's, or the new one's.
    BlueGreen { switched: bool },
    /// Weights of canary and stable, as they are set.
    Set(Option<(u64, u64)>),
    /// The weight of the step that is reached; `routed` says that something splits traffic by it.
    Step { weight: Option<u64>, routed: bool },
}

impl Argo {
    pub fn read(object: &Value) -> Self {
        let (stable, current) = (read::hash(object, "/status/stableRS"), read::hash(object, "/status/currentPodHash"));
        let of = object.pointer("/spec/workloadRef");
        let deployment = of.filter(|of| of.get("kind").is_some_and(|kind| kind == "Deployment"));
        Self {
            labels: read::labels(object, "/metadata/labels"),
            aborted: object.pointer("/status/abort") == Some(&Value::Bool(true)),
            workload: deployment.and_then(|of| read::name(of, "/name")),
            traffic: Traffic::read(object, &current),
            stable,
            current,
        }
    }

    pub fn rollout(&self, view: &View<'_>, name: &str) -> Option<Rollout> {
        if self.stable.is_empty() || self.current.is_empty() || self.stable == self.current {
            return None;
        }
        let namespace = view.namespace;
        let (before, new) = (self.side(view, name, &self.stable), self.side(view, name, &self.current));
        let share = self.share(view, &before, &new);
        Some(Rollout {
            kind: RolloutKind::Argo,
            flagger: String::new(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            object: format!("argoproj.io.Rollout/{namespace}/{name}"),
            labels: self.labels.clone(),
            phase: if self.aborted { Phase::Aborted } else { Phase::Rolling },
            baseline: before.arm,
            canary: new.arm,
            share: share.part,
            traffic: share.by,
            revision: self.current.clone(),
        })
    }

    fn side(&self, view: &View<'_>, name: &str, hash: &str) -> Side {
        let sets = view.sets_of("Rollout", name);
        match sets.iter().find(|(_, set)| set.hash == hash) {
            Some((set, of)) => of.side(name, set),
            // It has no pods (any more): they would be named so.
            None => {
                let arm = Arm::of_set(name, &format!("{name}-{hash}"), hash);
                Side { arm, labels: Labels::new(), ready: 0 }
            }
        }
    }

    fn share(&self, view: &View<'_>, baseline: &Side, canary: &Side) -> Share {
        let step = |weight: Option<u64>| match weight.and_then(|weight| Some((weight, WHOLE.checked_sub(weight)?))) {
            Some((canary, baseline)) => Share::of(canary, baseline, "steps"),
            None => None,
        };
        let unknown = || Share::unknown("neither status nor steps say a weight");
        match &self.traffic {
            Traffic::BlueGreen { switched } => Share::known(f64::from(u8::from(*switched)), "status.blueGreen"),
            Traffic::Set(weights) => {
                let set = weights.and_then(|(canary, stable)| Share::of(canary, stable, "status.canary.weights"));
                set.unwrap_or_else(|| Share::unknown("status.canary.weights: a weight is none"))
            }
            Traffic::Step { weight, routed: true } => {
                let routed = view.routed(baseline, canary);
                routed.or_else(|| step(*weight)).unwrap_or_else(unknown)
            }
            Traffic::Step { weight, routed: false } => {
                let pods = Share::of(canary.ready, baseline.ready, READY_PODS);
                pods.or_else(|| step(*weight)).unwrap_or_else(unknown)
            }
        }
    }
}

impl Traffic {
    fn read(object: &Value, current: &str) -> Self {
        if object.pointer("/spec/strategy/blueGreen").is_some_and(Value::is_object) {
            let active = read::hash(object, "/status/blueGreen/activeSelector");
            return Self::BlueGreen { switched: !active.is_empty() && active == current };
        }
        let routing = object.pointer("/spec/strategy/canary/trafficRouting").filter(|routing| routing.is_object());
        if let Some(set) = object.pointer("/status/canary/weights").filter(|set| set.is_object()) {
            let weight = |of: &str| read::weight(set.get(of).and_then(|of| of.get("weight")), None);
            let whole = routing.map_or(0, |routing| read::count(routing, "/maxTrafficWeight")).max(WHOLE);
            let both = weight("canary").zip(weight("stable"));
            return Self::Set(both.filter(|(canary, stable)| canary + stable <= whole));
        }
        Self::Step { weight: step(object), routed: routing.is_some() }
    }
}

/// The weight that the steps have come to: that of the last `setWeight` that is reached or under way.
fn step(object: &Value) -> Option<u64> {
    let at = object.pointer("/status/currentStepIndex").and_then(Value::as_u64)?;
    let reached = usize::try_from(at).unwrap_or(usize::MAX).saturating_add(1);
    let steps = read::list(object, "/spec/strategy/canary/steps");
    let set = steps.iter().take(reached).filter_map(|step| step.get("setWeight")).next_back();
    // Before the first the canary has nothing.
    read::weight(set, Some(0))
}
