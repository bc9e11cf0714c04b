//! The run: all metrics, interval by interval.

use super::heal::Healing;
use super::levels::Levels;
use super::metric::{Measured, Metric};
use super::plan::{JOINT, Plan};
use super::signs::Signs;
use crate::evidence::Verdict;
use crate::request::{Arms, Settings};
use crate::special::ln_sum_exp;

/// A canary that is judged while it runs. It may be looked at after every interval; the chance that one
/// which is no worse ever fails is `alpha` at most, over all metrics and looks.
#[derive(Clone, Debug)]
pub struct Run {
    settings: Settings,
    metrics: Vec<Metric>,
    joint: (Signs, Levels, Healing),
    seen: usize,
}

/// What a look at the run gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// The verdict.
    pub verdict: Verdict,
    /// Of each metric.
    pub metrics: Vec<MetricVerdict>,
    /// The logarithm of the e-value that something is worse.
    pub ln_fail: f64,
    /// Of that, what only all metrics together show.
    pub ln_joint: f64,
}

/// What a look at one metric gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it was worse and no longer is.
    pub healed: bool,
    /// The logarithm of the e-value that it is worse.
    pub ln_fail: f64,
    /// The logarithm of the e-value that it is below its limit.
    pub ln_pass: f64,
}

impl Run {
    /// A run over metrics whose shares of `alpha` sum to 1 at most.
    pub fn new(plans: Vec<Plan>, settings: Settings) -> Self {
        let joint = (Signs::of_levels(), Levels::new(), Healing::default());
        Self { settings, metrics: plans.into_iter().map(Metric::new).collect(), joint, seen: 0 }
    }

    /// Two halves of the baseline from before the run, of each metric that has them: how much counts vary and
    /// differences remember is then known from the start.
    pub fn learn<'a>(&mut self, history: impl IntoIterator<Item = Option<&'a Arms>>) {
        for (metric, history) in self.metrics.iter_mut().zip(history) {
            history.into_iter().for_each(|arms| metric.learn(arms));
        }
    }

    /// The next interval: what was measured of each metric, or nothing where an arm has no point.
    pub fn observe(&mut self, measured: impl IntoIterator<Item = Option<Measured>>) {
        let (mut sum, mut n) = (0.0, 0.0);
        for (metric, measured) in self.metrics.iter_mut().zip(measured) {
            let usual = metric.next(measured);
            if let Some(usual) = usual.filter(|_| metric.plan().share > 0.0) {
                sum += usual;
                n += 1.0;
            }
        }
        if n > 1.0 {
            let together = sum / f64::sqrt(n);
            let (signs, levels, healing) = &mut self.joint;
            signs.bet(Some(together));
            levels.bet(Some(together));
            healing.add(together);
        }
        self.seen += 1;
    }

    /// How many intervals were observed.
    pub fn seen(&self) -> usize {
        self.seen
    }

    pub(super) fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    fn ln_joint(&self) -> f64 {
        self.joint.0.ln().min(self.joint.1.ln())
    }

    /// The verdict after the intervals so far.
    pub fn look(&self) -> Look {
        let over = self.settings.lifetime.is_none_or(|lifetime| self.seen >= lifetime);
        let open = if over { Verdict::Inconclusive } else { Verdict::Continue };
        let (needed, ln_joint) = ((1.0 / self.settings.alpha).ln(), self.ln_joint());
        let money = |metric: &Metric| metric.ln_fail() + metric.plan().share.ln();
        let parts: Vec<f64> = self.metrics.iter().map(money).collect();
        let joint = if self.together() { ln_joint + JOINT.ln() } else { f64::NEG_INFINITY };
        let ln_fail = ln_sum_exp(parts.iter().copied().chain([joint]));
        let most = parts.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Where the evidence is enough only together, the metric with most of it is named.
        let carries = |part: f64| part >= needed || (ln_fail >= needed && part == most && most >= joint);
        let metrics: Vec<MetricVerdict> = self
            .metrics
            .iter()
            .zip(&parts)
            .map(|(metric, part)| {
                let (healed, worse) = (metric.healed(), carries(*part));
                let (ln_fail, ln_pass) = (metric.ln_fail(), metric.ln_pass());
                let passes = ln_pass >= (1.0 / self.settings.alpha_pass).ln();
                let verdict = match (worse, healed, passes) {
                    (true, false, _) => Verdict::Fail,
                    (false, _, true) => Verdict::Pass,
                    _ => open,
                };
                MetricVerdict { verdict, healed: worse && healed, ln_fail, ln_pass }
            })
            .collect();
        let verdict = self.verdict(&metrics, ln_fail >= needed && joint > most, open);
        Look { verdict, metrics, ln_fail, ln_joint }
    }

    /// Whether metrics are also judged together.
    fn together(&self) -> bool {
        self.metrics.iter().filter(|metric| metric.plan().share > 0.0).count() > 1
    }

    fn verdict(&self, metrics: &[MetricVerdict], only_together: bool, open: Verdict) -> Verdict {
        let loud = || self.metrics.iter().zip(metrics).filter(|(metric, _)| metric.plan().share > 0.0);
        let failed = loud().any(|(_, look)| look.verdict == Verdict::Fail);
        if failed || (only_together && !self.joint.2.healed(1.0)) {
            return Verdict::Fail;
        }
        let passed = loud().count() > 0 && loud().all(|(_, look)| look.verdict == Verdict::Pass);
        if passed { Verdict::Pass } else { open }
    }
}
