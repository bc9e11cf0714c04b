//! The data of a request as pairs of points, one an interval.

use super::metric::Measured;
use crate::JudgeError;
use crate::request::{Kind, MetricConfig, MetricSetPair, Request, Scope};

/// Milliseconds in which what starts is not judged.
const WARMUP_MILLIS: i64 = 60_000;

/// A larger point is none: its square would be infinite.
const LARGEST: f64 = 1e150;

/// Steps from which on readings can be told to be of a counter.
const COUNTER: usize = 20;

/// Pairs of points.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// By metric, by interval; nothing where an arm has no point.
    pub measured: Vec<Vec<Option<Measured>>>,
    /// Intervals of the longest metric.
    pub intervals: usize,
    /// Intervals at the start that are not judged.
    pub warmup: usize,
    /// Minutes from one interval to the next, where the request says it.
    pub step_minutes: Option<f64>,
    /// What the reader should know.
    pub notes: Vec<String>,
}

pub(super) fn read(request: &Request) -> Result<Input, JudgeError> {
    let mut notes = Vec::new();
    let pairs = request.metrics.iter().enumerate();
    let measured: Vec<_> = pairs
        .map(|(n, (config, pair))| metric(&format!("metricSetPairList[{n}]"), config, pair, &mut notes))
        .collect::<Result<_, _>>()?;
    let intervals = measured.iter().map(Vec::len).max().unwrap_or(0);
    let step = request.metrics.iter().find_map(|(_, pair)| pair.experiment_scope).map(|scope| scope.step_millis);
    let usual = step.map_or(1, |step| usize::try_from((WARMUP_MILLIS + step - 1) / step).unwrap_or(1));
    let warmup = request.settings.warmup.unwrap_or_else(|| usual.min(intervals / 4)).min(intervals);
    notes.sort();
    notes.dedup();
    Ok(Input { measured, intervals, warmup, step_minutes: step.map(|step| step as f64 / 60_000.0), notes })
}

fn metric(
    field: &str,
    config: &MetricConfig,
    pair: &MetricSetPair,
    notes: &mut Vec<String>,
) -> Result<Vec<Option<Measured>>, JudgeError> {
    let (control, experiment) = (&pair.control, &pair.experiment);
    let empty = control.is_empty() || experiment.is_empty();
    if control.len() != experiment.len() && !empty {
        let problem = format!(
            "control has {} points and experiment {}: points are compared interval by interval, so write \"NaN\" where one is missing",
            control.len(),
            experiment.len()
        );
        return Err(JudgeError::field(format!("{field}.values"), problem));
    }
    scopes(field, pair.control_scope, pair.experiment_scope, notes)?;
    let counts = matches!(config.kind, Some(Kind::Counts | Kind::Errors));
    for (arm, values) in [("control", control), ("experiment", experiment)] {
        if let Some(n) = values.iter().position(|value| counts && *value < 0.0) {
            return Err(JudgeError::field(format!("{field}.values.{arm}[{n}]"), "a count is below 0"));
        }
    }
    let exposures = exposures(field, pair)?;
    let length = control.len().max(experiment.len());
    if counts_or_unknown(config) && is_counter(control) && is_counter(experiment) {
        notes.push(format!(
            "{}: both arms only grow, as counters do, and are not judged: give what they grow by in each interval",
            pair.name
        ));
        return Ok(vec![None; length]);
    }
    let at = |n: usize| {
        let (baseline, canary) = (*control.get(n)?, *experiment.get(n)?);
        let exposure = exposures.map_or(Some((1.0, 1.0)), |(a, b)| Some((*a.get(n)?, *b.get(n)?)))?;
        let known = baseline.abs() <= LARGEST && canary.abs() <= LARGEST && exposure.0 > 0.0 && exposure.1 > 0.0;
        (known && exposure.0 <= LARGEST && exposure.1 <= LARGEST).then_some(Measured { baseline, canary, exposure })
    };
    Ok((0..length).map(at).collect())
}

fn counts_or_unknown(config: &MetricConfig) -> bool {
    matches!(config.kind, None | Some(Kind::Counts | Kind::Errors))
}

/// Whether these are readings of a counter: whole numbers that grow, and now and then begin anew.
fn is_counter(values: &[f64]) -> bool {
    let known = || values.iter().copied().filter(|value| value.is_finite());
    let (mut grown, mut begun, mut n) = (0, 0, 0);
    for (before, now) in known().zip(known().skip(1)) {
        n += 1;
        grown += usize::from(now > before);
        begun += usize::from(now < before);
        if now < before && now > 0.5 * before {
            return false;
        }
    }
    n >= COUNTER && known().all(|value| value >= 0.0 && value.fract() == 0.0) && grown * 10 >= n * 8 && begun * 10 <= n
}

/// Both arms must have one step. Another start is a baseline from another time.
fn scopes(
    field: &str,
    control: Option<Scope>,
    experiment: Option<Scope>,
    notes: &mut Vec<String>,
) -> Result<(), JudgeError> {
    let (Some(control), Some(experiment)) = (control, experiment) else { return Ok(()) };
    if control.step_millis != experiment.step_millis {
        let problem = format!("{} in one arm and {} in the other", control.step_millis, experiment.step_millis);
        return Err(JudgeError::field(format!("{field}.scopes.experiment.stepMillis"), problem));
    }
    let apart = experiment.start_millis.saturating_sub(control.start_millis);
    if apart != 0 {
        notes.push(crate::shifted::risk(apart));
    }
    Ok(())
}

type Arms<'a> = (&'a [f64], &'a [f64]);

fn exposures<'a>(field: &str, pair: &'a MetricSetPair) -> Result<Option<Arms<'a>>, JudgeError> {
    let Some((control, experiment)) = &pair.exposures else { return Ok(None) };
    for (arm, points, values) in [("control", &pair.control, control), ("experiment", &pair.experiment, experiment)] {
        if !points.is_empty() && points.len() != values.len() {
            let problem = format!("has {} points, the values have {}", values.len(), points.len());
            return Err(JudgeError::field(format!("{field}.exposures.{arm}"), problem));
        }
        if let Some(n) = values.iter().position(|value| *value < 0.0) {
            return Err(JudgeError::field(format!("{field}.exposures.{arm}[{n}]"), "an exposure is below 0"));
        }
    }
    Ok(Some((control, experiment)))
}
