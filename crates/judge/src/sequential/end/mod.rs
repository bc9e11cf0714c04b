//! The one test at the declared end of a run.
//!
//! What may be looked at after every interval must hold at all of them, which costs power. At the end a
//! part of `alpha` that was kept back is spent on tests of a fixed number of intervals: of each metric its
//! shift, spread, tail or counts, and of all metrics together their shift.

mod checks;
mod harmonic;
mod pool;
mod record;
mod regression;
mod shapes;
mod strays;
mod tally;

use checks::{Finding, Share};
use pool::Pool;
use record::Record;
use regression::Memories;

use super::metric::{Measured, Metric};
use super::plan::{JOINT, Plan};
use crate::evidence::{EndCheck, MetricEnd, RunEnd};
use crate::num::Num;
use crate::request::Arms;

/// What is spent at the end, as a part of `alpha`; the rest is for the looks before.
pub(super) const PART: f64 = 0.5;

/// What the test at the end will need.
#[derive(Clone, Debug)]
pub(super) struct End {
    metrics: Vec<(Record, Memories)>,
    found: Option<Found>,
}

/// What the test at the end gave.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// Of each metric what adds most.
    pub(super) metrics: Vec<Option<Best>>,
    /// Of all metrics together.
    pub(super) joint: Option<Best>,
    /// What all add, and what they must reach.
    pub(super) sum: f64,
    pub(super) needed: f64,
}

/// What is most unlike chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Best {
    pub(super) check: EndCheck,
    /// 1 for a rise, -1 for a fall.
    pub(super) sign: f64,
    pub(super) p: f64,
    /// Its part of what is spent at the end.
    pub(super) weight: f64,
    /// What all checks of the metric add.
    pub(super) adds: f64,
}

impl Best {
    /// As it is written; `fails`: whether the metric fails by it, `needed`: what all must add.
    pub(super) fn shown(&self, fails: bool, needed: f64) -> MetricEnd {
        MetricEnd { check: self.check, p: Num(self.p), needed: self.weight / needed, fails }
    }
}

impl Found {
    /// Whether the run fails by what the metric of that number adds: alone, or as the most of what is enough.
    pub(super) fn carries(&self, metric: usize) -> bool {
        let Some(adds) = self.metrics.get(metric).copied().flatten().map(|best| best.adds) else { return false };
        adds >= self.needed || (self.sum >= self.needed && adds == self.most() && adds >= self.joint())
    }

    /// Whether all metrics together carry it.
    pub(super) fn only_together(&self) -> bool {
        self.sum >= self.needed && self.joint() > self.most()
    }

    /// As it is written.
    pub(super) fn shown(&self) -> RunEnd {
        RunEnd { p: Num(1.0 / self.sum.max(1.0)), needed: 1.0 / self.needed, fails: self.sum >= self.needed }
    }

    fn joint(&self) -> f64 {
        self.joint.map_or(0.0, |best| best.adds)
    }

    fn most(&self) -> f64 {
        self.metrics.iter().flatten().map(|best| best.adds).fold(0.0, f64::max)
    }
}

impl End {
    pub(super) fn new<'a>(plans: impl Iterator<Item = &'a Plan>) -> Self {
        Self { metrics: plans.map(|plan| (Record::new(plan.counts()), Memories::of_levels())).collect(), found: None }
    }

    /// Two halves of the baseline from before the run, of the metric of that number.
    pub(super) fn learn(&mut self, metric: usize, (first, second): &Arms) {
        let pairs = first.iter().zip(second).filter(|(a, b)| a.is_finite() && b.is_finite());
        let differences: Vec<f64> = pairs.map(|(a, b)| super::side::relative(*a, *b)).collect();
        if let Some((_, memories)) = self.metrics.get_mut(metric).filter(|_| differences.len() >= regression::FEWEST) {
            memories.learn(&differences);
        }
    }

    /// The next interval of the metric of that number.
    pub(super) fn add(&mut self, metric: usize, measured: Option<Measured>) {
        if let Some((record, _)) = self.metrics.get_mut(metric) {
            record.add(measured);
        }
    }

    pub(super) fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// What adds most of the metric of that number, once it was tested.
    pub(super) fn best(&self, metric: usize) -> Option<Best> {
        self.found.as_ref()?.metrics.get(metric).copied().flatten()
    }

    /// What all must add; infinite before the test.
    pub(super) fn needed(&self) -> f64 {
        self.found.as_ref().map_or(f64::INFINITY, |found| found.needed)
    }

    /// Tests, once, at the level `alpha`. What has healed is no evidence.
    pub(super) fn test(&mut self, metrics: &[Metric], alpha: f64, joint_healed: bool) {
        if self.found.is_some() {
            return;
        }
        let findings = self.findings(metrics, alpha);
        let needed = harmonic::needed(findings.iter().map(|(_, finding)| finding.weight), alpha);
        let stands = |(of, finding): &&(Option<usize>, Finding)| {
            finding.weight > 0.0
                && match of.and_then(|n| metrics.get(n)) {
                    Some(metric) => !metric.healed_of(finding.sign, finding.check),
                    None => !joint_healed,
                }
        };
        let standing: Vec<&(Option<usize>, Finding)> = findings.iter().filter(stands).collect();
        let best = |of: Option<usize>| best(standing.iter().filter(|(at, _)| *at == of).map(|(_, finding)| *finding));
        let each: Vec<Option<Best>> = (0..metrics.len()).map(|n| best(Some(n))).collect();
        let joint = best(None);
        let sum = each.iter().chain([&joint]).flatten().map(|best| best.adds).sum();
        self.found = Some(Found { metrics: each, joint, sum, needed });
    }

    fn findings(&self, metrics: &[Metric], alpha: f64) -> Vec<(Option<usize>, Finding)> {
        let judged: Vec<checks::Judged<'_>> = self
            .metrics
            .iter()
            .zip(metrics)
            .map(|((record, memories), metric)| checks::Judged::new(record.intervals(), memories, metric))
            .collect();
        let shares = checks::shares(&judged, alpha);
        let posteriors = judged.iter().filter_map(checks::Judged::posterior);
        let pool = Pool::new(Memories::of_levels().beliefs(), posteriors);
        let of = |(n, (judged, share)): (usize, (&checks::Judged<'_>, Share))| {
            let found = judged.findings(share, &pool.beliefs(judged.posterior()));
            found.into_iter().map(move |finding| (Some(n), finding))
        };
        let mut out: Vec<_> = judged.iter().zip(shares).enumerate().flat_map(of).collect();
        if judged.iter().filter(|judged| judged.share() > 0.0).count() > 1 {
            let found = checks::together(&judged, JOINT, &pool.beliefs(None));
            out.extend(found.into_iter().map(|finding| (None, finding)));
        }
        out
    }
}

fn best(findings: impl Iterator<Item = Finding>) -> Option<Best> {
    let mut out: Option<Best> = None;
    let mut most = 0.0;
    for Finding { check, sign, weight, p } in findings {
        let term = harmonic::term(weight, p);
        let adds = out.map_or(0.0, |best| best.adds) + term;
        let is_most = term > most;
        most = f64::max(most, term);
        out = match out {
            Some(best) if !is_most => Some(Best { adds, ..best }),
            _ => Some(Best { check, sign, p, weight, adds }),
        };
    }
    out
}
