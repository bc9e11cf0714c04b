//! `Canary` of Flagger (flagger.app/v1beta1): the target is the canary, and a copy of it, `<target>-primary`, the baseline
//! (<https://docs.flagger.app/usage/how-it-works>).

use serde_json::Value;

use super::arm::Arm;
use super::read::{self, Labels};
use super::traffic::{Share, Side};
use super::view::View;
use super::{Phase, Rollout, RolloutKind};

/// All of the traffic.
const WHOLE: u64 = 100;
/// Phases in which both arms have pods of their own version. In `Promoting` and later the primary is the new one too.
const ROLLING: &[&str] = &["Progressing", "WaitingPromotion"];
const FAILED: &str = "Failed";

/// What is kept of a `Canary`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flagger {
    labels: Labels,
    /// The Deployment that it rolls out.
    pub target: String,
    phase: Option<Phase>,
    weight: Result<u64, &'static str>,
    revision: String,
}

impl Flagger {
    /// Nothing of one whose target is no Deployment.
    pub fn read(object: &Value) -> Option<Self> {
        let target = object.pointer("/spec/targetRef")?;
        let target = read::name(target, "/name").filter(|_| read::text(target, "/kind") == Some("Deployment"))?;
        let phase = match read::text(object, "/status/phase").unwrap_or_default() {
            FAILED => Some(Phase::Aborted),
            phase => ROLLING.contains(&phase).then_some(Phase::Rolling),
        };
        let revision = read::text(object, "/status/lastAppliedSpec").filter(|spec| read::is_hash(spec));
        Some(Self {
            labels: read::labels(object, "/metadata/labels"),
            target,
            phase,
            weight: weight(object),
            revision: revision.unwrap_or_default().to_owned(),
        })
    }

    /// The Deployment that is its baseline.
    pub fn primary(&self) -> String {
        format!("{}-primary", self.target)
    }

    /// What the `Canary` called `name` rolls out.
    pub fn rollout(&self, view: &View<'_>, name: &str) -> Option<Rollout> {
        let (phase, namespace) = (self.phase?, view.namespace);
        let (before, new) = (side(view, &self.primary()), side(view, &self.target));
        let share = match self.weight {
            Ok(weight) => Share::of(weight, WHOLE - weight, "status.canaryWeight"),
            Err(why) => Some(Share::unknown(why)),
        };
        let share = share.unwrap_or_else(|| Share::unknown("status.canaryWeight is none"));
        let revision = if self.revision.is_empty() { new.arm.hash.clone() } else { self.revision.clone() };
        Some(Rollout {
            kind: RolloutKind::Flagger,
            namespace: namespace.to_owned(),
            name: self.target.clone(),
            flagger: name.to_owned(),
            object: format!("apps.Deployment/{namespace}/{}", self.target),
            labels: self.labels.clone(),
            phase,
            baseline: before.arm,
            canary: new.arm,
            share: share.part,
            traffic: share.by,
            revision,
        })
    }
}

fn side(view: &View<'_>, name: &str) -> Side {
    match view.space.deployments.get(name) {
        Some(deployment) => deployment.side(view, name),
        None => Side { arm: Arm::of_workload(name), labels: Labels::new(), ready: 0 },
    }
}

/// The weight in the status, where it is the canary's part of the traffic.
fn weight(object: &Value) -> Result<u64, &'static str> {
    let analysis = |member: &str| object.pointer(&format!("/spec/analysis/{member}"));
    if analysis("iterations").and_then(Value::as_u64).unwrap_or_default() > 0 {
        return Err("spec.analysis.iterations: traffic is not split by weight");
    }
    if analysis("mirror") == Some(&Value::Bool(true)) {
        return Err("spec.analysis.mirror: traffic is copied, not split");
    }
    let weight = read::weight(object.pointer("/status/canaryWeight"), Some(0));
    weight.filter(|weight| *weight <= WHOLE).ok_or("status.canaryWeight is no number from 0 to 100")
}
