//! A run as rows.

use base::Timestamp;
use model::rows::{CanaryEvidence, CanaryRun};

use crate::definition::Definition;
use crate::run::Run;
use crate::standing::Standing;

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The row of a run. `share`: the canary's part of the traffic now.
pub(crate) fn run(
    definition: &Definition,
    run: &Run,
    standing: &Standing,
    share: Option<f64>,
    now: Timestamp,
) -> CanaryRun {
    CanaryRun {
        time: now,
        run: run.id.clone(),
        key: CanaryRun::key(&run.id),
        name: definition.name.clone(),
        scope: definition.scope.clone(),
        namespace: definition.namespace.clone(),
        target: definition.target.clone(),
        resource: definition.resource.clone(),
        revision: run.origin.revision.clone(),
        cause: run.origin.cause.clone(),
        verdict: standing.verdict.as_str().to_owned(),
        reason: standing.reason.clone(),
        ended: standing.ended,
        score: standing.score,
        ln_e_fail: finite(standing.fail.0),
        needed: standing.fail.1,
        ln_e_pass: finite(standing.pass.0),
        needed_to_pass: standing.pass.1,
        p: standing.p,
        minutes_to_decision: standing.minutes,
        intervals: count(run.next),
        started: run.started,
        decided: run.end.as_ref().map(|end| end.at),
        share,
    }
}

/// The rows of its metrics.
pub(crate) fn evidence(definition: &Definition, run: &Run, standing: &Standing, now: Timestamp) -> Vec<CanaryEvidence> {
    let metrics = definition.metrics.iter().zip(&standing.metrics).zip(&run.top);
    let row = |((metric, (state, trouble)), top): ((&crate::Metric, &(_, Option<String>)), &Option<String>)| {
        let state: &judge::sequential::MetricState = state;
        CanaryEvidence {
            time: now,
            run: run.id.clone(),
            key: CanaryEvidence::key(&run.id, &metric.name),
            name: definition.name.clone(),
            scope: definition.scope.clone(),
            metric: metric.name.clone(),
            interval: count(run.next.saturating_sub(1)),
            verdict: state.verdict.as_str().to_owned(),
            reason: trouble.clone().unwrap_or_else(|| state.reason.clone()),
            effect: finite(state.effect.estimate.0),
            low: finite(state.effect.low.0),
            high: finite(state.effect.high.0),
            margin: state.margin,
            below: state.limit,
            ln_e_fail: finite(state.ln_fail),
            needed: finite(state.fail_needed),
            ln_e_pass: finite(state.ln_pass),
            needed_to_pass: state.pass_needed,
            n: count(state.used),
            missing: count(state.missing),
            minutes_to_decision: state.intervals_left.map(|left| left * definition.minutes()),
            top_segment: top.clone(),
        }
    };
    metrics.map(row).collect()
}
