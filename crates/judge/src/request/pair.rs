use std::collections::BTreeMap;

use serde_json::Value;

use super::{MAX_METRICS, MAX_NAME, MAX_POINTS};
use crate::JudgeError;
use crate::node::Node;

/// Points of the baseline and of the canary, or of two halves of the baseline.
pub type Arms = (Vec<f64>, Vec<f64>);

/// An entry of `metricSetPairList`: one metric of both arms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricSetPair {
    /// The metric.
    pub name: String,
    /// What the asker calls the entry.
    pub id: String,
    /// Labels, given back as they came.
    pub tags: BTreeMap<String, Value>,
    /// Points of the baseline; NaN where there is none.
    pub control: Vec<f64>,
    /// Points of the canary; NaN where there is none.
    pub experiment: Vec<f64>,
    /// `exposures`: requests, or time of pods, behind each point of the baseline and the canary.
    pub exposures: Option<Arms>,
    /// `history`: the metric of two halves of the baseline before the canary; from it the spread and
    /// the memory of the difference are measured.
    pub history: Option<Arms>,
    /// When and where the baseline was measured.
    pub control_scope: Option<Scope>,
    /// When and where the canary was measured.
    pub experiment_scope: Option<Scope>,
}

/// When the points of an arm were measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Of the first, milliseconds since 1970.
    pub start_millis: i64,
    /// From one to the next, milliseconds.
    pub step_millis: i64,
}

impl MetricSetPair {
    /// How many points there are.
    pub fn points(&self) -> usize {
        let extra = |arms: &Option<Arms>| arms.as_ref().map_or(0, |(a, b)| a.len() + b.len());
        self.control.len() + self.experiment.len() + extra(&self.exposures) + extra(&self.history)
    }

    pub(super) fn read(node: &Node<'_>) -> Result<Self, JudgeError> {
        let values = node.need("values")?;
        let id = match node.get("id")? {
            Some(id) => match id.value() {
                Value::Number(number) => number.to_string(),
                _ => id.text(MAX_NAME)?.to_owned(),
            },
            None => String::new(),
        };
        let scope = |arm: &str| node.find(&["scopes", arm])?.map_or(Ok(None), |node| scope(&node));
        Ok(Self {
            name: node.need("name")?.text(MAX_NAME)?.to_owned(),
            id,
            tags: tags(node)?,
            control: points(&values.need("control")?)?,
            experiment: points(&values.need("experiment")?)?,
            exposures: arms(node, "exposures")?,
            history: arms(node, "history")?,
            control_scope: scope("control")?,
            experiment_scope: scope("experiment")?,
        })
    }
}

fn points(node: &Node<'_>) -> Result<Vec<f64>, JudgeError> {
    node.items(MAX_POINTS)?.iter().map(Node::point).collect()
}

fn arms(node: &Node<'_>, key: &str) -> Result<Option<Arms>, JudgeError> {
    let Some(node) = node.get(key)? else { return Ok(None) };
    let (control, experiment) = (points(&node.need("control")?)?, points(&node.need("experiment")?)?);
    if control.len() != experiment.len() {
        return Err(node.wrong(format!("control has {} points, experiment {}", control.len(), experiment.len())));
    }
    Ok(Some((control, experiment)))
}

fn tags(node: &Node<'_>) -> Result<BTreeMap<String, Value>, JudgeError> {
    let Some(tags) = node.get("tags")? else { return Ok(BTreeMap::new()) };
    let object = tags.value().as_object().ok_or_else(|| tags.wrong("an object is wanted"))?;
    if object.len() > MAX_METRICS {
        return Err(tags.wrong(format!("has {} entries, at most {MAX_METRICS} are taken", object.len())));
    }
    Ok(object.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// Kayenta leaves out what it does not know; a scope without times is none.
fn scope(node: &Node<'_>) -> Result<Option<Scope>, JudgeError> {
    let whole = |key: &str| -> Result<Option<i64>, JudgeError> {
        node.get(key)?
            .map(|node| node.value().as_i64().ok_or_else(|| node.wrong("a whole number is wanted")))
            .transpose()
    };
    let (Some(start_millis), Some(step_millis)) = (whole("startTimeMillis")?, whole("stepMillis")?) else {
        return Ok(None);
    };
    if step_millis <= 0 {
        return Err(node.wrong("stepMillis is not above 0"));
    }
    Ok(Some(Scope { start_millis, step_millis }))
}
