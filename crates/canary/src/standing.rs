//! How a run stands, in numbers and words.

use judge::evidence::Verdict;
use judge::sequential::{Look, MetricState};

use crate::apart;
use crate::definition::{Definition, Metric};
use crate::run::Run;

/// What scores of runs that are open are between, as Kayenta's thresholds have it.
const OPEN: (f64, f64) = (75.0, 95.0);

/// The score of what nothing is known of.
pub(crate) const UNKNOWN: f64 = 80.0;

/// How a run stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What is said of it. `Continue`: nothing is shown so far; `Inconclusive`: nothing can be, or was.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// Nothing more is looked at.
    pub ended: bool,
    /// 100 for a pass, 0 for a fail, between 75 and 95 for what is open.
    pub score: f64,
    /// The logarithm of the e-value that something is worse, and what it must reach.
    pub fail: (f64, f64),
    /// The least evidence of a metric that it is below its limit, and what it must reach.
    pub pass: (f64, f64),
    /// The p-value of "no worse", which holds at all times.
    pub p: f64,
    /// Minutes until there is a decision, if evidence grows as it has of late.
    pub minutes: Option<f64>,
    /// Each metric, with why its last interval could not be used.
    pub metrics: Vec<(MetricState, Option<String>)>,
}

impl Standing {
    /// Of a run.
    pub(crate) fn of(definition: &Definition, run: &Run) -> Self {
        let (look, judge) = run.look();
        let states = judge.states(&look);
        let (verdict, mut reason) = said(definition, run, &look, &states);
        if let Some(risk) = apart::risk(definition) {
            reason = format!("{reason}; {risk}");
        }
        let counted =
            || definition.metrics.iter().zip(&states).filter(|(metric, _)| !metric.muted).map(|(_, state)| state);
        let least = counted().map(|state| state.ln_pass).fold(f64::INFINITY, f64::min);
        let needed = counted().map(|state| state.pass_needed).fold(0.0, f64::max);
        let open = run.end.is_none();
        let soon: Option<Vec<f64>> = counted()
            .filter(|state| matches!(state.verdict, Verdict::Continue | Verdict::Inconclusive))
            .map(|state| state.intervals_left)
            .collect();
        let soon = soon.filter(|times| open && !times.is_empty());
        Self {
            verdict,
            reason,
            ended: !open,
            score: score(verdict, counted()),
            fail: (look.ln_fail, look.ln_needed),
            pass: (least, needed),
            p: (-run.strongest).exp().min(1.0),
            minutes: soon.map(|times| times.into_iter().fold(0.0, f64::max) * definition.minutes()),
            metrics: states.into_iter().zip(run.troubles.iter().cloned()).collect(),
        }
    }

    /// 1 for a pass, -1 for a fail, else 0.
    pub fn number(&self) -> f64 {
        match self.verdict {
            Verdict::Pass => 1.0,
            Verdict::Fail => -1.0,
            _ => 0.0,
        }
    }
}

fn score<'a>(verdict: Verdict, counted: impl Iterator<Item = &'a MetricState>) -> f64 {
    let counted: Vec<&MetricState> = counted.collect();
    let passed = counted.iter().filter(|state| state.verdict == Verdict::Pass).count();
    let part = passed as f64 / counted.len().max(1) as f64;
    match verdict {
        Verdict::Pass => 100.0,
        Verdict::Fail => 0.0,
        _ => OPEN.0 + (OPEN.1 - OPEN.0) * (0.25 + 0.5 * part),
    }
}

/// The verdict, and why.
fn said(definition: &Definition, run: &Run, look: &Look, states: &[MetricState]) -> (Verdict, String) {
    let metrics = || definition.metrics.iter().zip(states).filter(|(metric, _)| !metric.muted);
    let of = |verdict: fn(Verdict) -> bool| {
        let names = metrics().filter(|(_, state)| verdict(state.verdict)).map(|(metric, _)| metric.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    if let Some(split) = look.split {
        let why = run.end.as_ref().and_then(|end| end.why.as_ref()).map(|why| format!("{why}; ")).unwrap_or_default();
        return (Verdict::Inconclusive, format!("{why}{}", split.words()));
    }
    match look.verdict {
        Verdict::Fail => return (Verdict::Fail, worse(definition, run, look, states)),
        Verdict::Pass if metrics().all(|(_, state)| state.used > 0) => {
            return (Verdict::Pass, "every metric is shown to be below its limit".to_owned());
        }
        _ => {}
    }
    let missing = missing(definition, run, states);
    let open = || of(|verdict| matches!(verdict, Verdict::Continue | Verdict::Inconclusive));
    let undecided = || format!("neither shown to be worse nor to be below the limit: {}", open());
    match &run.end {
        Some(end) => {
            let why = end.why.as_ref().map(|why| format!("{why}; ")).unwrap_or_default();
            (Verdict::Inconclusive, format!("{why}{}", missing.unwrap_or_else(undecided)))
        }
        None if run.next == 0 => (Verdict::Continue, "it has begun, and no interval is over".to_owned()),
        None => match missing {
            Some(missing) => (Verdict::Inconclusive, missing),
            None if run.next <= definition.warmup => {
                (Verdict::Continue, format!("it warms up: interval {} of {}", run.next, definition.warmup))
            }
            None => (Verdict::Continue, undecided()),
        },
    }
}

/// Which metrics are worse, and where.
fn worse(definition: &Definition, run: &Run, look: &Look, states: &[MetricState]) -> String {
    let at_end = look.end.is_some_and(|end| end.fails) && look.ln_fail < look.ln_needed;
    let when = if at_end { ", by the test at the end" } else { "" };
    let name = |((metric, state), top): ((&Metric, &MetricState), &Option<String>)| {
        let worse = !metric.muted && state.verdict == Verdict::Fail;
        let place = top.as_ref().map(|top| format!(" (most in {top})")).unwrap_or_default();
        worse.then(|| format!("{}{place}", metric.name))
    };
    let names: Vec<String> = definition.metrics.iter().zip(states).zip(&run.top).filter_map(name).collect();
    if names.is_empty() {
        return format!("all metrics together show that the canary is worse{when}");
    }
    format!("worse{when}: {}", names.join(", "))
}

/// Which metrics had no data in the last interval, or never.
fn missing(definition: &Definition, run: &Run, states: &[MetricState]) -> Option<String> {
    let judged = run.next > definition.warmup;
    let metrics = definition.metrics.iter().zip(states).zip(&run.troubles).filter(|((metric, _), _)| !metric.muted);
    let lacks = |((metric, state), trouble): ((&Metric, &MetricState), &Option<String>)| match trouble {
        Some(trouble) => Some(format!("{}: {trouble}", metric.name)),
        None if judged && state.used == 0 => Some(format!("{}: no interval has a point of both arms", metric.name)),
        None => None,
    };
    let lacking: Vec<String> = metrics.filter_map(lacks).collect();
    (!lacking.is_empty()).then(|| lacking.join("; "))
}
