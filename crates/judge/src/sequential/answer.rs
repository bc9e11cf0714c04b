//! From a request to an answer in Kayenta's shape.

use std::collections::BTreeMap;

use super::metric::Metric;
use super::path::Path;
use super::plan::{Plan, name, share_out};
use super::run::{Look, MetricVerdict, Run};
use super::{NAME, input};
use crate::JudgeError;
use crate::describe::{Stats, mean};
use crate::evidence::{Effect, MetricEvidence, MetricLook, RunEvidence, RunLook, Verdict};
use crate::num::Num;
use crate::request::{MetricConfig, MetricSetPair, Request};
use crate::result::{Arm, JudgeResult, MetricResult};

/// Judges a request: the data are looked at after every interval, and the answer is that of the last.
///
/// # Errors
/// Names the field of data that cannot be paired.
pub fn judge(request: &Request) -> Result<JudgeResult, JudgeError> {
    let input = input::read(request)?;
    let mut plans: Vec<Plan> = request.metrics.iter().map(|(config, pair)| Plan::new(config, pair)).collect();
    share_out(request.metrics.iter().map(|(config, _)| config).zip(&mut plans));
    let mut trail = Trail::new(plans.len());
    let mut run = Run::new(plans, request.settings);
    run.learn(request.metrics.iter().map(|(_, pair)| pair.history.as_ref()));
    for interval in input.warmup..input.intervals {
        run.observe(input.measured.iter().map(|metric| metric.get(interval).copied().flatten()));
        trail.add(interval + 1, &run, request.settings.alpha);
    }
    let look = run.look();
    let shown = Shown { request, input: &input, run: &run, look: &look };
    Ok(shown.answer(trail))
}

/// What the looks so far gave.
struct Trail {
    run: Path<RunLook>,
    metrics: Vec<Path<MetricLook>>,
    decided: Vec<Option<usize>>,
    failed: Option<usize>,
}

impl Trail {
    fn new(metrics: usize) -> Self {
        Self { run: Path::new(), metrics: vec![Path::new(); metrics], decided: vec![None; metrics], failed: None }
    }

    fn add(&mut self, interval: usize, run: &Run, alpha: f64) {
        let look = run.look();
        if look.verdict == Verdict::Fail {
            self.failed.get_or_insert(interval);
        }
        self.run.add(RunLook { interval, verdict: look.verdict, ln_e_fail: Num(look.ln_fail) });
        for (((path, decided), metric), found) in
            self.metrics.iter_mut().zip(&mut self.decided).zip(run.metrics()).zip(&look.metrics)
        {
            if matches!(found.verdict, Verdict::Fail | Verdict::Pass) {
                decided.get_or_insert(interval);
            }
            let (ln_e_fail, ln_e_pass) = (Num(found.ln_fail), Num(found.ln_pass));
            path.add(MetricLook { interval, effect: metric.effect(alpha), ln_e_fail, ln_e_pass });
        }
    }
}

/// All that an answer is made of.
struct Shown<'a> {
    request: &'a Request,
    input: &'a input::Input,
    run: &'a Run,
    look: &'a Look,
}

impl Shown<'_> {
    fn answer(&self, trail: Trail) -> JudgeResult {
        let Trail { run: looks, metrics: paths, decided, failed } = trail;
        let mut paths = paths.into_iter();
        let results: Vec<MetricResult> = self
            .request
            .metrics
            .iter()
            .zip(self.run.metrics())
            .zip(&self.look.metrics)
            .zip(decided)
            .map(|((((config, pair), metric), found), decided)| {
                let path = paths.next().map(Path::into_looks).unwrap_or_default();
                self.metric((config, pair), metric, found, (decided, path))
            })
            .collect();
        let reason = self.reason(&results);
        let (group_scores, score) = super::scoring::score(self.request, self.look.verdict, &results, reason.clone());
        let evidence = RunEvidence {
            verdict: self.look.verdict,
            reason,
            alpha: self.request.settings.alpha,
            alpha_pass: self.request.settings.alpha_pass,
            ln_e_fail: Num(self.look.ln_fail),
            ln_e_joint: Num(self.look.ln_joint),
            intervals: self.run.seen(),
            warmup: self.input.warmup,
            first_fail_at: failed,
            minutes_to_decision: self.soonest(&results),
            notes: self.input.notes.clone(),
            path: looks.into_looks(),
        };
        JudgeResult { judge_name: NAME.to_owned(), results, group_scores, score, sequential: Some(evidence) }
    }

    /// When the run can be decided: nothing if it is, or if no end is foreseen.
    fn soonest(&self, results: &[MetricResult]) -> Option<f64> {
        let open = matches!(self.look.verdict, Verdict::Continue | Verdict::Inconclusive);
        let times =
            results.iter().filter(|result| !result.muted).map(|result| result.evidence.as_ref()?.minutes_to_decision);
        let all: Option<Vec<f64>> = times.collect();
        all.filter(|_| open).map(|times| times.into_iter().fold(0.0, f64::max))
    }

    fn reason(&self, results: &[MetricResult]) -> String {
        let of = |label: fn(&str) -> bool| {
            results.iter().filter(move |result| !result.muted && label(&result.classification))
        };
        let worse: Vec<&str> = of(|label| matches!(label, "High" | "Low")).map(|result| result.name.as_str()).collect();
        let missing: Vec<&str> = of(|label| label == "Nodata").map(|result| result.name.as_str()).collect();
        let open: Vec<&str> = of(|label| label == "Inconclusive").map(|result| result.name.as_str()).collect();
        match self.look.verdict {
            Verdict::Fail if worse.is_empty() => "all metrics together show that the canary is worse".to_owned(),
            Verdict::Fail => format!("worse: {}", worse.join(", ")),
            Verdict::Pass => "every metric is shown to be below its limit".to_owned(),
            _ if !missing.is_empty() => format!("no data: {}", missing.join(", ")),
            _ if results.iter().all(|result| result.muted) => {
                "every metric is muted: there is nothing to judge".to_owned()
            }
            _ => format!("neither shown to be worse nor to be below the limit: {}", open.join(", ")),
        }
    }

    fn metric(
        &self,
        (config, pair): (&MetricConfig, &MetricSetPair),
        metric: &Metric,
        found: &MetricVerdict,
        (decided_at, path): (Option<usize>, Vec<MetricLook>),
    ) -> MetricResult {
        let settings = self.request.settings;
        let (plan, effect) = (metric.plan(), metric.effect(settings.alpha));
        let needed = if plan.share > 0.0 { (1.0 / (plan.share * settings.alpha)).ln() } else { f64::MAX };
        let pass_needed = (1.0 / settings.alpha_pass).ln();
        let no_data = metric.used == 0;
        let verdict = if no_data && found.verdict == Verdict::Pass { Verdict::Inconclusive } else { found.verdict };
        let soon = [metric.fail.intervals(needed), metric.pass.intervals(pass_needed)];
        let soon = soon.into_iter().flatten().fold(f64::INFINITY, f64::min);
        let open = matches!(verdict, Verdict::Continue | Verdict::Inconclusive);
        let minutes = self.input.step_minutes.map(|step| soon * step).filter(|time| open && time.is_finite());
        let evidence = MetricEvidence {
            verdict,
            kind: name(plan.kind),
            effect,
            margin: plan.bounds.margin,
            limit: plan.bounds.limit,
            share: plan.share,
            ln_e_fail: Num(found.ln_fail),
            ln_e_fail_needed: needed,
            ln_e_pass: Num(found.ln_pass),
            ln_e_pass_needed: pass_needed,
            checks: metric.checks(),
            decided_at,
            healed: found.healed,
            minutes_to_decision: minutes,
            used: metric.used,
            missing: metric.missing,
            dispersion: metric.dispersion(),
            memory: metric.memory(),
            path,
        };
        let label = match verdict {
            Verdict::Fail if metric.rises() => "High",
            Verdict::Fail => "Low",
            Verdict::Pass => "Pass",
            _ if no_data => "Nodata",
            _ => "Inconclusive",
        };
        let numbers = |values: &[f64]| -> Vec<f64> {
            values.iter().skip(self.input.warmup).copied().filter(|value| value.is_finite()).collect()
        };
        let (control, experiment) = (numbers(&pair.control), numbers(&pair.experiment));
        let arm = |all: &[f64], kept: &[f64]| Arm { stats: Stats::of(kept), dropped: all.len() - kept.len() };
        let metadata: BTreeMap<_, _> = [("ratio", Num(mean(&experiment) / mean(&control)))].into();
        MetricResult {
            name: pair.name.clone(),
            id: pair.id.clone(),
            tags: pair.tags.clone(),
            classification: label.to_owned(),
            classification_reason: why(&evidence, label),
            groups: config.groups.clone(),
            control_metadata: arm(&pair.control, &control),
            experiment_metadata: arm(&pair.experiment, &experiment),
            result_metadata: metadata,
            critical: config.critical && verdict == Verdict::Fail,
            muted: config.muted,
            evidence: Some(evidence),
        }
    }
}

/// A part as percent, with its sign.
fn percent(part: Num) -> String {
    if part.0.is_finite() { format!("{:+.1} %", part.0 * 100.0) } else { "no bound".to_owned() }
}

fn why(evidence: &MetricEvidence, label: &str) -> String {
    if label == "Nodata" {
        return "no interval has a point of both arms".to_owned();
    }
    let Effect { estimate, low, high } = evidence.effect;
    let effect = format!("{}, from {} to {}", percent(estimate), percent(low), percent(high));
    let (fail, pass) = (evidence.ln_e_fail.0, evidence.ln_e_pass.0);
    let shown = match label {
        "Pass" => format!("shown to be below {}", percent(Num(evidence.limit))),
        "High" | "Low"
            if evidence.checks.spread.0
                > evidence.checks.shift.0.max(evidence.checks.counts.map_or(f64::MIN, |ln| ln.0)) =>
        {
            "strays more than the baseline".to_owned()
        }
        "High" | "Low" => format!("worse by more than {}", percent(Num(evidence.margin))),
        _ if evidence.healed => "was worse and no longer is".to_owned(),
        _ => "not decided".to_owned(),
    };
    format!(
        "{shown}: {effect}; evidence to fail {fail:.1} of {:.1}, to pass {pass:.1} of {:.1}",
        evidence.ln_e_fail_needed, evidence.ln_e_pass_needed
    )
}
