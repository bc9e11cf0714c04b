//! From a request to an answer in Kayenta's shape.

use std::collections::BTreeMap;

use super::metric::Metric;
use super::path::Path;
use super::plan::{Plan, name, share_out};
use super::run::{Look, MetricVerdict, Run};
use super::{NAME, input, state, words};
use crate::JudgeError;
use crate::describe::{Stats, mean};
use crate::evidence::{MetricEvidence, MetricLook, RunEvidence, RunLook, Verdict};
use crate::num::Num;
use crate::request::{MetricConfig, MetricSetPair, Request, Settings};
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
    // The lifetime is of all intervals, the run counts those that are judged.
    let lifetime = request.settings.lifetime.map(|lifetime| lifetime.saturating_sub(input.warmup));
    let mut run = Run::new(plans, Settings { lifetime, ..request.settings });
    run.learn(request.metrics.iter().map(|(_, pair)| pair.history.as_ref()));
    for interval in input.warmup..input.intervals {
        run.observe(input.measured.iter().map(|metric| metric.get(interval).copied().flatten()));
        if lifetime.is_none() && interval + 1 == input.intervals {
            run.close();
        }
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
            .enumerate()
            .map(|(number, ((((config, pair), metric), found), decided))| {
                let path = paths.next().map(Path::into_looks).unwrap_or_default();
                self.metric((number, config, pair), metric, found, (decided, path))
            })
            .collect();
        let reason = words::of_run(self.look, &results);
        let (group_scores, score) = super::scoring::score(self.request, self.look.verdict, &results, reason.clone());
        let evidence = RunEvidence {
            verdict: self.look.verdict,
            reason,
            alpha: self.request.settings.alpha,
            alpha_pass: self.request.settings.alpha_pass,
            ln_e_fail: Num(self.look.ln_fail),
            ln_e_fail_needed: self.look.ln_needed,
            ln_e_joint: Num(self.look.ln_joint),
            end: self.look.end,
            intervals: self.run.seen(),
            warmup: self.input.warmup,
            first_fail_at: failed,
            minutes_to_decision: self.soonest(&results),
            notes: self.notes(),
            path: looks.into_looks(),
        };
        JudgeResult { judge_name: NAME.to_owned(), results, group_scores, score, sequential: Some(evidence) }
    }

    /// What the reader should know.
    fn notes(&self) -> Vec<String> {
        let mut notes = self.input.notes.clone();
        let weighed = self.request.metrics.iter().any(|(_, pair)| pair.exposures.is_some());
        if self.request.settings.canary_share.is_some() && !weighed {
            notes.push(
                "canaryShare is not checked: no metric has exposures, so that nobody knows the weights".to_owned(),
            );
        }
        notes
    }

    /// When the run can be decided: nothing if it is, or if no end is foreseen.
    fn soonest(&self, results: &[MetricResult]) -> Option<f64> {
        let open = matches!(self.look.verdict, Verdict::Continue | Verdict::Inconclusive);
        let times =
            results.iter().filter(|result| !result.muted).map(|result| result.evidence.as_ref()?.minutes_to_decision);
        let all: Option<Vec<f64>> = times.collect();
        all.filter(|_| open).map(|times| times.into_iter().fold(0.0, f64::max))
    }

    fn metric(
        &self,
        (number, config, pair): (usize, &MetricConfig, &MetricSetPair),
        metric: &Metric,
        found: &MetricVerdict,
        (decided_at, path): (Option<usize>, Vec<MetricLook>),
    ) -> MetricResult {
        let settings = self.request.settings;
        let (plan, effect) = (metric.plan(), metric.effect(settings.alpha));
        let needed = state::needed(plan, self.look.ln_needed).min(f64::MAX);
        let pass_needed = (1.0 / settings.alpha_pass).ln();
        let no_data = metric.used == 0;
        let verdict = state::verdict(metric, found);
        let best = self.run.end().best(number);
        let soon = state::soonest(metric, needed, pass_needed);
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
            end: best.map(|best| best.shown(found.at_end, self.run.end().needed())),
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
            Verdict::Fail if best.filter(|_| found.at_end).map_or(metric.rises(), |best| best.sign > 0.0) => "High",
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
            classification_reason: words::of_metric(&evidence, label, found.doubt),
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
