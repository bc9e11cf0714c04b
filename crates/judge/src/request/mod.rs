//! What the remote judge of Spinnaker is asked (`POST /judge`): `canaryConfig`, `scoreThresholds`,
//! `metricSetPairList`.

mod metric;
mod pair;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::JudgeError;
use crate::node::Node;

pub use metric::{Direction, EffectMeasure, EffectSizes, Kind, MetricConfig, NanStrategy, Outliers};
pub use pair::{Arms, MetricSetPair, Scope};

/// Bytes of a request.
pub const MAX_BYTES: usize = 64 << 20;
/// Metrics of a request, and groups that have a weight.
pub const MAX_METRICS: usize = 1_000;
/// Points of an arm.
pub const MAX_POINTS: usize = 100_000;
/// Points of all arms of a request.
pub const MAX_ALL_POINTS: usize = 2_000_000;
/// Bytes of a name.
const MAX_NAME: usize = 1_024;

/// A request that was read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `canaryConfig.judge.name`: who is to judge.
    pub judge: Option<String>,
    /// `canaryConfig.judge.judgeConfigurations`.
    pub settings: Settings,
    /// `canaryConfig.classifier.groupWeights`: percent of the score.
    pub group_weights: BTreeMap<String, f64>,
    /// `scoreThresholds`.
    pub thresholds: Thresholds,
    /// The metrics with their data, in order of `metricSetPairList`.
    pub metrics: Vec<(MetricConfig, MetricSetPair)>,
}

/// `scoreThresholds`: what the score must reach, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// To pass.
    pub pass: f64,
    /// To be marginal.
    pub marginal: f64,
}

/// `judge.judgeConfigurations`. The first two are the literals of Kayenta's judge, the others are
/// of `sequential`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// `tolerance`: part of the estimated shift that the interval must exceed. 0.25.
    pub tolerance: f64,
    /// `confLevel`: of the interval. 0.98.
    pub confidence: f64,
    /// `alpha`: how often a canary that is no worse may fail, over the whole run. 0.05.
    pub alpha: f64,
    /// `alphaPass`: how often one that is worse than the limit may pass. 0.05.
    pub alpha_pass: f64,
    /// `warmupIntervals`: intervals at the start that are not judged; without it, one minute of them.
    pub warmup: Option<usize>,
    /// `lifetimeIntervals`: how long the canary runs; without it, the data are all there will be.
    pub lifetime: Option<usize>,
    /// `canaryShare`: the part of all exposures that the canary should have, above 0 and below 1.
    pub canary_share: Option<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tolerance: 0.25,
            confidence: 0.98,
            alpha: 0.05,
            alpha_pass: 0.05,
            warmup: None,
            lifetime: None,
            canary_share: None,
        }
    }
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// Names the field that is missing, wrong or too large.
    pub fn parse(text: &[u8]) -> Result<Self, JudgeError> {
        if text.len() > MAX_BYTES {
            return Err(JudgeError::TooLarge { bytes: text.len(), max: MAX_BYTES });
        }
        let value: Value = serde_json::from_slice(text).map_err(|error| JudgeError::Json(error.to_string()))?;
        Self::of(&value)
    }

    /// Reads a request that is parsed already.
    ///
    /// # Errors
    /// Names the field that is missing or wrong.
    pub fn of(value: &Value) -> Result<Self, JudgeError> {
        let root = Node::root(value);
        let config = root.need("canaryConfig")?;
        let judge = config.find(&["judge", "name"])?.map(|name| name.text(MAX_NAME)).transpose()?;
        let configs = metric::all(&config)?;
        Ok(Self {
            judge: judge.map(str::to_owned),
            settings: settings(config.find(&["judge", "judgeConfigurations"])?)?,
            group_weights: group_weights(&config)?,
            thresholds: thresholds(&root.need("scoreThresholds")?)?,
            metrics: metrics(&root.need("metricSetPairList")?, &configs)?,
        })
    }
}

fn settings(node: Option<Node<'_>>) -> Result<Settings, JudgeError> {
    let mut out = Settings::default();
    let Some(node) = node else { return Ok(out) };
    let set = |key: &str, low: f64, high: f64, to: &mut f64| -> Result<(), JudgeError> {
        if let Some(node) = node.get(key)? {
            *to = node.within(low, high)?;
        }
        Ok(())
    };
    set("tolerance", 0.0, 1e6, &mut out.tolerance)?;
    set("confLevel", 1e-6, 1.0 - 1e-12, &mut out.confidence)?;
    set("alpha", 1e-9, 0.5, &mut out.alpha)?;
    set("alphaPass", 1e-9, 0.5, &mut out.alpha_pass)?;
    if let Some(node) = node.get("warmupIntervals")? {
        out.warmup = Some(count(&node)?);
    }
    if let Some(node) = node.get("lifetimeIntervals")? {
        out.lifetime = Some(count(&node)?);
    }
    if let Some(node) = node.get("canaryShare")? {
        out.canary_share = Some(node.within(1e-6, 1.0 - 1e-6)?);
    }
    Ok(out)
}

fn count(node: &Node<'_>) -> Result<usize, JudgeError> {
    let count = node.value().as_u64().and_then(|count| usize::try_from(count).ok());
    count
        .filter(|count| *count <= MAX_POINTS)
        .ok_or_else(|| node.wrong(format!("a whole number from 0 to {MAX_POINTS} is wanted")))
}

fn group_weights(config: &Node<'_>) -> Result<BTreeMap<String, f64>, JudgeError> {
    let Some(node) = config.find(&["classifier", "groupWeights"])? else { return Ok(BTreeMap::new()) };
    let object = node.value().as_object().ok_or_else(|| node.wrong("an object is wanted"))?;
    if object.len() > MAX_METRICS {
        return Err(node.wrong(format!("has {} groups, at most {MAX_METRICS} are taken", object.len())));
    }
    let weight = |name: &String| Ok((name.clone(), node.need(name)?.within(0.0, 100.0)?));
    object.keys().map(weight).collect()
}

fn thresholds(node: &Node<'_>) -> Result<Thresholds, JudgeError> {
    let percent = |key: &str| node.need(key)?.within(0.0, 100.0);
    let thresholds = Thresholds { pass: percent("pass")?, marginal: percent("marginal")? };
    if thresholds.marginal > thresholds.pass {
        return Err(node.wrong("marginal is above pass"));
    }
    Ok(thresholds)
}

fn metrics(
    list: &Node<'_>,
    configs: &BTreeMap<String, MetricConfig>,
) -> Result<Vec<(MetricConfig, MetricSetPair)>, JudgeError> {
    let nodes = list.items(MAX_METRICS)?;
    if nodes.is_empty() {
        return Err(list.wrong("has no metrics: there is nothing to judge"));
    }
    let (mut out, mut points) = (Vec::with_capacity(nodes.len()), 0);
    for node in &nodes {
        let pair = MetricSetPair::read(node)?;
        points += pair.points();
        if points > MAX_ALL_POINTS {
            return Err(list.wrong(format!("has more than {MAX_ALL_POINTS} points")));
        }
        let config = configs.get(&pair.name).ok_or_else(|| {
            JudgeError::field(
                format!("{}.name", node.path()),
                format!("canaryConfig.metrics has no metric `{}`", pair.name),
            )
        })?;
        out.push((config.clone(), pair));
    }
    Ok(out)
}
