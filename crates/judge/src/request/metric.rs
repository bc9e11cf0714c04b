use std::collections::BTreeMap;

use super::{MAX_METRICS, MAX_NAME};
use crate::JudgeError;
use crate::node::Node;

/// An entry of `canaryConfig.metrics`, with `analysisConfigurations.canary`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricConfig {
    /// Its name, by which data refer to it.
    pub name: String,
    /// The groups that its result counts in.
    pub groups: Vec<String>,
    /// Which change is for the worse.
    pub direction: Direction,
    /// What becomes of missing points (`classic` only; `sequential` leaves an interval out).
    pub nan_strategy: NanStrategy,
    /// Whether outliers are dropped (`classic` only).
    pub outliers: Outliers,
    /// Whether its failure alone fails the canary.
    pub critical: bool,
    /// Whether it must have data.
    pub must_have_data: bool,
    /// Whether it is only shown.
    pub muted: bool,
    /// How large an effect must be (`classic` only).
    pub effect_sizes: EffectSizes,
    /// `kind`: what is measured; without it, found from the data (`sequential` only).
    pub kind: Option<Kind>,
    /// `margin`: a change up to it is none (`sequential` only); a part of the baseline.
    pub margin: Option<f64>,
    /// `limit`: to pass, the change must be shown to be below it (`sequential` only).
    pub limit: Option<f64>,
}

/// Which change is for the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A rise.
    Increase,
    /// A fall.
    Decrease,
    /// Both.
    Either,
}

/// What becomes of missing points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NanStrategy {
    /// They are left out.
    Remove,
    /// They are zeros.
    Replace,
}

/// What becomes of outliers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outliers {
    /// They stay.
    Keep,
    /// What is so many interquartile ranges away is dropped.
    Remove(f64),
}

/// How the size of an effect is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectMeasure {
    /// Mean of the canary by mean of the baseline.
    MeanRatio,
    /// Chance that a point of the canary is above one of the baseline (common language effect size).
    Cles,
}

/// Bounds on the size of an effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectSizes {
    /// What the bounds are of.
    pub measure: EffectMeasure,
    /// A rise below it is none.
    pub allowed_increase: f64,
    /// A fall above it is none.
    pub allowed_decrease: f64,
    /// A rise from it on is critical, where the metric is.
    pub critical_increase: f64,
    /// A fall down to it is critical, where the metric is.
    pub critical_decrease: f64,
}

impl EffectSizes {
    /// The bounds that any effect exceeds.
    pub fn none(measure: EffectMeasure) -> Self {
        let neutral = match measure {
            EffectMeasure::MeanRatio => 1.0,
            EffectMeasure::Cles => 0.5,
        };
        Self {
            measure,
            allowed_increase: neutral,
            allowed_decrease: neutral,
            critical_increase: neutral,
            critical_decrease: neutral,
        }
    }
}

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Events in an interval: errors, retries, restarts.
    Counts,
    /// Events, of which each request has one or none.
    Errors,
    /// A duration: a quantile or a mean for each interval.
    Latency,
    /// A level: processor, memory, queue.
    Saturation,
    /// Any other number.
    Value,
}

/// The metrics of a configuration by name; of two with one name the first counts, as in Kayenta.
pub(super) fn all(config: &Node<'_>) -> Result<BTreeMap<String, MetricConfig>, JudgeError> {
    let list = config.need("metrics")?;
    let mut out = BTreeMap::new();
    for node in list.items(MAX_METRICS)? {
        let metric = MetricConfig::read(&node)?;
        out.entry(metric.name.clone()).or_insert(metric);
    }
    if out.is_empty() {
        return Err(list.wrong("has no metrics: there is nothing to judge"));
    }
    Ok(out)
}

impl MetricConfig {
    /// A metric with Kayenta's defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            groups: Vec::new(),
            direction: Direction::Either,
            nan_strategy: NanStrategy::Remove,
            outliers: Outliers::Keep,
            critical: false,
            must_have_data: false,
            muted: false,
            effect_sizes: EffectSizes::none(EffectMeasure::MeanRatio),
            kind: None,
            margin: None,
            limit: None,
        }
    }

    fn read(node: &Node<'_>) -> Result<Self, JudgeError> {
        let mut out = Self::new(node.need("name")?.text(MAX_NAME)?);
        if let Some(groups) = node.get("groups")? {
            for group in groups.items(MAX_METRICS)? {
                out.groups.push(group.text(MAX_NAME)?.to_owned());
            }
        }
        if let Some(canary) = node.find(&["analysisConfigurations", "canary"])? {
            out.analysis(&canary)?;
        }
        Ok(out)
    }

    fn analysis(&mut self, node: &Node<'_>) -> Result<(), JudgeError> {
        let word = |key: &str| -> Result<Option<String>, JudgeError> {
            node.get(key)?.map(|node| Ok(node.text(MAX_NAME)?.to_ascii_lowercase())).transpose()
        };
        let flag = |key: &str| node.get(key)?.map_or(Ok(false), |node| node.flag());
        // What Kayenta does not know it takes as the default.
        self.direction = match word("direction")?.as_deref() {
            Some("increase") => Direction::Increase,
            Some("decrease") => Direction::Decrease,
            _ => Direction::Either,
        };
        self.nan_strategy = match word("nanStrategy")?.as_deref() {
            Some("replace") => NanStrategy::Replace,
            _ => NanStrategy::Remove,
        };
        self.critical = flag("critical")?;
        self.must_have_data = flag("mustHaveData")?;
        self.muted = flag("muted")?;
        if let Some(outliers) = node.get("outliers")? {
            self.outliers = read_outliers(&outliers)?;
        }
        if let Some(sizes) = node.get("effectSize")? {
            self.effect_sizes = read_effect_sizes(&sizes)?;
        }
        self.kind = node.get("kind")?.map(|node| kind(&node)).transpose()?;
        self.margin = node.get("margin")?.map(|node| node.within(0.0, 1e6)).transpose()?;
        self.limit = node.get("limit")?.map(|node| node.within(1e-9, 1e6)).transpose()?;
        match (self.margin, self.limit) {
            (Some(margin), Some(limit)) if limit <= margin => Err(node.wrong("limit is not above margin")),
            _ => Ok(()),
        }
    }
}

fn read_outliers(node: &Node<'_>) -> Result<Outliers, JudgeError> {
    let strategy = node.get("strategy")?.map(|node| node.text(MAX_NAME)).transpose()?;
    let factor = node.get("outlierFactor")?.map_or(Ok(3.0), |node| node.within(0.0, 1e9))?;
    let remove = strategy.is_some_and(|strategy| strategy.eq_ignore_ascii_case("remove"));
    Ok(if remove { Outliers::Remove(factor) } else { Outliers::Keep })
}

fn read_effect_sizes(node: &Node<'_>) -> Result<EffectSizes, JudgeError> {
    let measure = node.get("measure")?.map(|node| node.text(MAX_NAME)).transpose()?;
    let cles = measure.is_some_and(|measure| measure.eq_ignore_ascii_case("cles"));
    let mut out = EffectSizes::none(if cles { EffectMeasure::Cles } else { EffectMeasure::MeanRatio });
    for (key, to) in [
        ("allowedIncrease", &mut out.allowed_increase),
        ("allowedDecrease", &mut out.allowed_decrease),
        ("criticalIncrease", &mut out.critical_increase),
        ("criticalDecrease", &mut out.critical_decrease),
    ] {
        if let Some(node) = node.get(key)? {
            *to = node.number()?;
        }
    }
    Ok(out)
}

fn kind(node: &Node<'_>) -> Result<Kind, JudgeError> {
    match node.text(MAX_NAME)? {
        "counts" => Ok(Kind::Counts),
        "errors" => Ok(Kind::Errors),
        "latency" => Ok(Kind::Latency),
        "saturation" => Ok(Kind::Saturation),
        "value" => Ok(Kind::Value),
        _ => Err(node.wrong("there are counts, errors, latency, saturation and value")),
    }
}
