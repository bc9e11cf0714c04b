//! One metric: what Kayenta's Mann-Whitney classifier says of it.

use super::Label;
use super::mann_whitney::{NoAnswer, Samples, Shift, cles};
use super::noise;
use crate::describe::{mean, sorted};
use crate::request::{Direction, EffectMeasure, MetricConfig, NanStrategy};

/// What was found of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Classification {
    /// The label.
    pub label: Label,
    /// Why; empty for what passes without remark.
    pub reason: String,
    /// Mean by mean; NaN where one is zero, 1 where nothing was compared.
    pub deviation: f64,
    /// The effect by the metric's measure.
    pub effect: f64,
    /// Whether it fails the canary alone.
    pub critical: bool,
    /// The interval of the shift, where one was computed.
    pub shift: Option<Shift>,
}

impl Classification {
    /// Nothing had to be compared.
    fn early(label: Label, reason: impl Into<String>) -> Self {
        Self { label, reason: reason.into(), deviation: 1.0, effect: 1.0, critical: false, shift: None }
    }
}

/// Kayenta's two literals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Literals {
    /// Part of the estimate that the interval must exceed.
    pub tolerance: f64,
    /// Confidence of the interval.
    pub confidence: f64,
}

/// Classifies points from which NaN and outliers are gone already.
///
/// # Errors
/// If the test has no answer.
pub fn classify(
    config: &MetricConfig,
    literals: Literals,
    control: &[f64],
    experiment: &[f64],
) -> Result<Classification, NoAnswer> {
    if experiment.is_empty() || control.is_empty() {
        return Ok(without_data(config));
    }
    let (e, c) = (sorted(experiment), sorted(control));
    if e == c {
        return Ok(Classification::early(Label::Pass, "The Canary and Baseline data are identical"));
    }
    let (flat_e, flat_c) = (e.first() == e.last(), c.first() == c.last());
    let samples = if flat_e && flat_c {
        if e.first() == c.first() {
            return Ok(Classification::early(Label::Pass, ""));
        }
        // Two constants have no ranks to speak of: noise far below the difference makes some.
        Samples::new(&noise::add(experiment, 0), &noise::add(control, 1))
    } else {
        Samples::new(experiment, control)
    };
    let shift = samples.shift(literals.confidence)?;
    let effect = effect(config.effect_sizes.measure, experiment, control);
    let found = compare(config, literals.tolerance, shift, effect);
    Ok(Classification { deviation: mean_ratio(experiment, control), ..found })
}

fn without_data(config: &MetricConfig) -> Classification {
    let reason = format!("Missing data for {}", config.name);
    match config.nan_strategy {
        NanStrategy::Replace => Classification::early(Label::Pass, ""),
        NanStrategy::Remove if config.must_have_data && !config.critical => {
            Classification::early(Label::NodataFailMetric, reason)
        }
        NanStrategy::Remove => {
            Classification { critical: config.critical, ..Classification::early(Label::Nodata, reason) }
        }
    }
}

fn compare(config: &MetricConfig, tolerance: f64, shift: Shift, effect: f64) -> Classification {
    let (sizes, bar) = (config.effect_sizes, tolerance * shift.estimate.abs());
    let rises = matches!(config.direction, Direction::Increase | Direction::Either);
    let falls = matches!(config.direction, Direction::Decrease | Direction::Either);
    let above = |bound: f64| effect.is_nan() || effect >= bound;
    let below = |bound: f64| effect.is_nan() || effect <= bound;
    let (label, is_critical) = if rises && shift.low > bar && above(sizes.allowed_increase) {
        (Label::High, above(sizes.critical_increase))
    } else if falls && shift.high < -bar && below(sizes.allowed_decrease) {
        (Label::Low, below(sizes.critical_decrease))
    } else {
        (Label::Pass, false)
    };
    let reason = match label {
        Label::Pass => String::new(),
        label => format!("{} was classified as {label}", config.name),
    };
    let critical = config.critical && is_critical;
    Classification { label, reason, deviation: effect, effect, critical, shift: Some(shift) }
}

/// The size of the effect.
pub fn effect(measure: EffectMeasure, experiment: &[f64], control: &[f64]) -> f64 {
    match measure {
        EffectMeasure::MeanRatio => mean_ratio(experiment, control),
        EffectMeasure::Cles => cles(experiment, control),
    }
}

/// Mean by mean; NaN where one is exactly zero or there is none.
pub fn mean_ratio(experiment: &[f64], control: &[f64]) -> f64 {
    let (e, c) = (mean(experiment), mean(control));
    if e == 0.0 || c == 0.0 { f64::NAN } else { e / c }
}

/// Kayenta's simplest classifier: which mean is larger. It has no say in the verdict of the judge.
pub fn by_mean(control: &[f64], experiment: &[f64]) -> Label {
    if experiment.is_empty() || control.is_empty() {
        return Label::Nodata;
    }
    match mean(experiment).partial_cmp(&mean(control)) {
        Some(std::cmp::Ordering::Greater) => Label::High,
        Some(std::cmp::Ordering::Less) => Label::Low,
        _ => Label::Pass,
    }
}
