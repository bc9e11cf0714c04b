//! What a run that goes on knows of each metric, for those who tell of it.

use super::metric::Metric;
use super::plan::{Plan, name};
use super::run::{Look, MetricVerdict, Run};
use super::words::{doubted, percent};
use crate::evidence::{Effect, EndCheck, Verdict};
use crate::num::Num;

/// What is known of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricState {
    /// How it is judged: `counts`, `errors`, `latency`, `saturation`, `value`.
    pub kind: &'static str,
    /// The verdict; what has no data is never a pass.
    pub verdict: Verdict,
    /// The change.
    pub effect: Effect,
    /// A change up to it is none, as a part of the baseline.
    pub margin: f64,
    /// To pass, the change must be shown to be below it.
    pub limit: f64,
    /// The logarithm of the e-value that it is worse,
    pub ln_fail: f64,
    /// with which it fails alone; infinite if it is only shown.
    pub fail_needed: f64,
    /// The logarithm of the e-value that it is below its limit,
    pub ln_pass: f64,
    /// with which it passes.
    pub pass_needed: f64,
    /// Intervals with a point of both arms.
    pub used: usize,
    /// Intervals without.
    pub missing: usize,
    /// Intervals until a decision, if evidence grows as over the last half of the run; nothing if it does not
    /// grow, or there is a decision.
    pub intervals_left: Option<f64>,
    /// Why, in words.
    pub reason: String,
}

impl Run {
    /// What is known of each metric; `look` is that of now.
    pub fn states(&self, look: &Look) -> Vec<MetricState> {
        let metrics = self.metrics().iter().zip(&look.metrics).enumerate();
        metrics.map(|(n, (metric, found))| self.state(n, metric, found, look)).collect()
    }

    fn state(&self, n: usize, metric: &Metric, found: &MetricVerdict, look: &Look) -> MetricState {
        let (plan, settings) = (metric.plan(), self.settings());
        let fail_needed = needed(plan, look.ln_needed);
        let pass_needed = (1.0 / settings.alpha_pass).ln();
        let verdict = verdict(metric, found);
        let open = matches!(verdict, Verdict::Continue | Verdict::Inconclusive);
        let soon = soonest(metric, fail_needed, pass_needed);
        let state = MetricState {
            kind: name(plan.kind),
            verdict,
            effect: metric.effect(settings.alpha),
            margin: plan.bounds.margin,
            limit: plan.bounds.limit,
            ln_fail: found.ln_fail,
            fail_needed,
            ln_pass: found.ln_pass,
            pass_needed,
            used: metric.used,
            missing: metric.missing,
            intervals_left: Some(soon).filter(|soon| open && soon.is_finite()),
            reason: String::new(),
        };
        let end = self.end().best(n).filter(|_| found.at_end).map(|best| best.check);
        let strays = end.is_none() && metric.checks().mostly_spread();
        MetricState { reason: reason(&state, end, strays, found), ..state }
    }
}

/// Why a metric of a run that goes on has its verdict; `end` is the check by which it fails at the end.
fn reason(state: &MetricState, end: Option<EndCheck>, strays: bool, found: &MetricVerdict) -> String {
    if state.used == 0 {
        return "no interval has a point of both arms".to_owned();
    }
    let shown = match (state.verdict, end) {
        (Verdict::Continue | Verdict::Inconclusive, _) if let Some(doubt) = found.doubt => doubted(doubt),
        (Verdict::Pass, _) => format!("shown to be below {}", percent(Num(state.limit))),
        (Verdict::Fail, Some(check)) => format!("{} by the test at the end", check.words()),
        (Verdict::Fail, None) if strays => "strays more than the baseline".to_owned(),
        (Verdict::Fail, None) => format!("worse by more than {}", percent(Num(state.margin))),
        _ if found.healed => "was worse and no longer is".to_owned(),
        _ => "not decided".to_owned(),
    };
    let Effect { estimate, low, high } = state.effect;
    format!(
        "{shown}: {}, from {} to {}; evidence to fail {:.1} of {:.1}, to pass {:.1} of {:.1}",
        percent(estimate),
        percent(low),
        percent(high),
        state.ln_fail,
        state.fail_needed,
        state.ln_pass,
        state.pass_needed
    )
}

/// What evidence a metric fails with alone.
pub(super) fn needed(plan: &Plan, of_run: f64) -> f64 {
    if plan.share > 0.0 { of_run - plan.share.ln() } else { f64::INFINITY }
}

/// What has no data is never a pass.
pub(super) fn verdict(metric: &Metric, found: &MetricVerdict) -> Verdict {
    if metric.used == 0 && found.verdict == Verdict::Pass { Verdict::Inconclusive } else { found.verdict }
}

/// Intervals until evidence is enough, either way; infinite if it does not grow.
pub(super) fn soonest(metric: &Metric, fail: f64, pass: f64) -> f64 {
    let soon = [metric.fail.intervals(fail), metric.pass.intervals(pass)];
    soon.into_iter().flatten().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Direction, Kind, MetricConfig, Settings};
    use crate::sequential::{Measured, plans};

    fn errors() -> MetricConfig {
        MetricConfig { kind: Some(Kind::Errors), direction: Direction::Increase, ..MetricConfig::new("errors") }
    }

    #[test]
    fn what_is_known_of_a_metric_grows_with_the_run() {
        let mut run = Run::new(plans(&[errors()]), Settings { lifetime: Some(60), ..Settings::default() });
        for n in 0..30 {
            run.observe([Some(Measured { baseline: 3.0, canary: 9.0 + f64::from(n % 2), exposure: (1.0, 1.0) })]);
        }
        run.observe([None]);
        let look = run.look();
        let state = run.states(&look).remove(0);
        assert_eq!((look.verdict, state.verdict, state.used, state.missing), (Verdict::Fail, Verdict::Fail, 30, 1));
        assert!(state.effect.low.0 > 0.5 && state.ln_fail >= state.fail_needed, "{state:?}");
        assert!(state.reason.starts_with("worse by more than +10.0 %") && state.intervals_left.is_none(), "{state:?}");
    }

    #[test]
    fn what_has_no_data_is_open_and_foresees_no_end() {
        let mut run = Run::new(plans(&[errors()]), Settings::default());
        (0..10).for_each(|_| run.observe([None]));
        let state = run.states(&run.look()).remove(0);
        assert_eq!(
            (state.verdict, state.used, state.missing, state.intervals_left),
            (Verdict::Inconclusive, 0, 10, None)
        );
        assert_eq!(state.reason, "no interval has a point of both arms");
    }
}
