//! The run: all metrics, interval by interval.

use super::doubts::{BadSplit, Doubt};
use super::end::{End, Found, PART};
use super::heal::Healing;
use super::levels::Levels;
use super::metric::{Measured, Metric};
use super::plan::{JOINT, Plan};
use super::signs::Signs;
use crate::evidence::{RunEnd, Verdict};
use crate::request::{Arms, Settings};
use crate::special::ln_sum_exp;

/// A canary that is judged while it runs. It may be looked at after every interval; the chance that one
/// which is no worse ever fails is `alpha` at most, over all metrics and looks. A part of `alpha` is kept
/// back for one test at the end: when the lifetime of the settings is over, or at [`Run::close`].
#[derive(Clone, Debug)]
pub struct Run {
    settings: Settings,
    metrics: Vec<Metric>,
    joint: (Signs, Levels, Healing),
    end: End,
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
    /// What `ln_fail` must reach.
    pub ln_needed: f64,
    /// What the test at the end gave, once it was made.
    pub end: Option<RunEnd>,
    /// Set where traffic is not split as it was meant to be: whatever is shown is no verdict then.
    pub split: Option<BadSplit>,
}

/// What a look at one metric gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it was worse and no longer is.
    pub healed: bool,
    /// Whether it fails by the test at the end.
    pub at_end: bool,
    /// Why it does not pass, where it is shown to be below its limit.
    pub doubt: Option<Doubt>,
    /// The logarithm of the e-value that it is worse.
    pub ln_fail: f64,
    /// The logarithm of the e-value that it is below its limit.
    pub ln_pass: f64,
}

impl Run {
    /// A run over metrics whose shares of `alpha` sum to 1 at most.
    pub fn new(plans: Vec<Plan>, settings: Settings) -> Self {
        let joint = (Signs::of_levels(), Levels::new(), Healing::default());
        let end = End::new(plans.iter());
        Self { settings, metrics: plans.into_iter().map(Metric::new).collect(), joint, end, seen: 0 }
    }

    /// Two halves of the baseline from before the run, of each metric that has them: how much counts vary and
    /// differences remember is then known from the start.
    pub fn learn<'a>(&mut self, history: impl IntoIterator<Item = Option<&'a Arms>>) {
        for (n, (metric, history)) in self.metrics.iter_mut().zip(history).enumerate() {
            if let Some(arms) = history {
                metric.learn(arms);
                self.end.learn(n, arms);
            }
        }
    }

    /// Which part of the exposures of each metric the canary should have in the intervals that follow, where somebody says it:
    /// for a split that moves, in place of the one `canary_share` of the settings.
    pub fn expect(&mut self, shares: impl IntoIterator<Item = Option<f64>>) {
        self.metrics.iter_mut().zip(shares).for_each(|(metric, share)| metric.expect(share));
    }

    /// The next interval: what was measured of each metric, or nothing where an arm has no point.
    pub fn observe(&mut self, measured: impl IntoIterator<Item = Option<Measured>>) {
        let (mut sum, mut n) = (0.0, 0.0);
        for (n_metric, (metric, measured)) in self.metrics.iter_mut().zip(measured).enumerate() {
            self.end.add(n_metric, measured);
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
            levels.bet(Some(together), None);
            healing.add(together);
        }
        self.seen += 1;
        if self.settings.lifetime == Some(self.seen) {
            self.close();
        }
    }

    /// Tells that no more intervals will come: tests what a fixed number of intervals shows, once. Further
    /// intervals are observed, and are not tested so.
    pub fn close(&mut self) {
        let healed = self.joint.2.healed(1.0);
        self.end.test(&self.metrics, self.settings.alpha * PART, healed);
    }

    /// How many intervals were observed.
    pub fn seen(&self) -> usize {
        self.seen
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings
    }

    pub(super) fn end(&self) -> &End {
        &self.end
    }

    pub(super) fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    fn ln_joint(&self) -> f64 {
        self.joint.0.money().ln().min(self.joint.1.ln())
    }

    /// The verdict after the intervals so far.
    pub fn look(&self) -> Look {
        let over = self.settings.lifetime.is_none_or(|lifetime| self.seen >= lifetime);
        let open = if over { Verdict::Inconclusive } else { Verdict::Continue };
        let (needed, ln_joint) = ((1.0 / (self.settings.alpha * (1.0 - PART))).ln(), self.ln_joint());
        // Of what has no share there is none, however much its evidence is.
        let money = |metric: &Metric| match metric.plan().share {
            share if share > 0.0 => metric.ln_fail() + share.ln(),
            _ => f64::NEG_INFINITY,
        };
        let parts = self.metrics.iter().map(money);
        let joint = if self.together() { ln_joint + JOINT.ln() } else { f64::NEG_INFINITY };
        let ln_fail = ln_sum_exp(parts.clone().chain([joint]));
        let most = parts.clone().fold(f64::NEG_INFINITY, f64::max);
        // Where the evidence is enough only together, the metric with most of it is named.
        let carries = |part: f64| part >= needed || (ln_fail >= needed && part == most && most >= joint);
        let (end, pass_needed) = (self.end.found(), (1.0 / self.settings.alpha_pass).ln());
        let metrics: Vec<MetricVerdict> = self
            .metrics
            .iter()
            .zip(parts)
            .enumerate()
            .map(|(n, (metric, part))| {
                let worse = carries(part);
                let healed = worse && metric.healed();
                let at_end = end.is_some_and(|found| found.carries(n));
                let (ln_fail, ln_pass) = (metric.ln_fail(), metric.ln_pass());
                let below = ln_pass >= pass_needed;
                let doubt = if below { metric.doubt(self.settings.alpha) } else { None };
                let passes = below && doubt.is_none();
                let verdict = match (worse, healed, passes) {
                    _ if at_end => Verdict::Fail,
                    (true, false, _) => Verdict::Fail,
                    (false, _, true) => Verdict::Pass,
                    _ => open,
                };
                // What the looks have shown already is not put down to the end.
                let at_end = at_end && (healed || !worse);
                MetricVerdict { verdict, healed: healed && !at_end, at_end, doubt, ln_fail, ln_pass }
            })
            .collect();
        let together = (ln_fail >= needed && joint > most, end.is_some_and(Found::only_together));
        let split = self.split();
        let verdict = if split.is_some() { open } else { self.verdict(&metrics, together, open) };
        Look { verdict, metrics, ln_fail, ln_joint, ln_needed: needed, end: end.map(Found::shown), split }
    }

    fn split(&self) -> Option<BadSplit> {
        let meant = self.settings.canary_share;
        self.metrics.iter().find_map(|metric| metric.expected().bad().or_else(|| metric.split().bad(meant?)))
    }

    /// Whether metrics are also judged together.
    fn together(&self) -> bool {
        self.metrics.iter().filter(|metric| metric.plan().share > 0.0).count() > 1
    }

    fn verdict(&self, metrics: &[MetricVerdict], (looks, end): (bool, bool), open: Verdict) -> Verdict {
        let loud = || self.metrics.iter().zip(metrics).filter(|(metric, _)| metric.plan().share > 0.0);
        let failed = loud().any(|(_, look)| look.verdict == Verdict::Fail);
        if failed || end || (looks && !self.joint.2.healed(1.0)) {
            return Verdict::Fail;
        }
        let passed = loud().count() > 0 && loud().all(|(_, look)| look.verdict == Verdict::Pass);
        if passed { Verdict::Pass } else { open }
    }
}
