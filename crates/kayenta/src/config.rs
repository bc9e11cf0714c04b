//! Canary configurations.

use std::collections::{BTreeMap, BTreeSet};

use judge::request::{MAX_METRICS, Thresholds};
use judge::{JudgeError, Node};
use serde_json::Value;

use crate::query::Query;
use crate::scope::{Pair, optional};
use crate::{ExecutionRequest, KayentaError, MAX_NAME, MAX_PARTS};

/// A canary configuration, read as far as a judgement needs it. The judge reads the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct CanaryConfig {
    /// The metrics in order.
    pub metrics: Vec<Metric>,
    /// `judge.name`.
    pub judge: Option<String>,
    templates: BTreeMap<String, String>,
    thresholds: Option<Thresholds>,
}

/// A metric of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Which of the request's scopes it is measured in.
    pub scope: String,
    /// How it is asked for.
    pub query: Query,
}

/// What a metric asks of each arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The metric.
    pub metric: String,
    /// Where and when.
    pub scopes: Pair,
    /// The expression for the baseline.
    pub control: String,
    /// The expression for the canary.
    pub experiment: String,
}

impl CanaryConfig {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Names the field that is missing or wrong.
    pub fn read(value: &Value) -> Result<Self, KayentaError> {
        let root = Node::root(value);
        let metrics = root.need("metrics")?;
        let metrics = metrics.items(MAX_METRICS)?.iter().map(Metric::read).collect::<Result<Vec<_>, _>>()?;
        if metrics.is_empty() {
            return Err(KayentaError::field("metrics", "has no metrics: there is nothing to judge"));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = metrics.iter().find(|metric| !names.insert(&metric.name)) {
            return Err(KayentaError::metric(&twice.name, "is there twice"));
        }
        let thresholds = root.find(&["classifier"])?.map(|node| score_thresholds(&node)).transpose()?;
        let judge = root.find(&["judge"])?.map(|node| optional(&node, "name")).transpose()?;
        Ok(Self { metrics, judge: judge.flatten(), templates: templates(&root)?, thresholds: thresholds.flatten() })
    }

    /// What the score must reach: as the request says, else as the configuration does.
    ///
    /// # Errors
    /// [`KayentaError::Thresholds`] if neither does.
    pub fn thresholds(&self, request: Option<Thresholds>) -> Result<Thresholds, KayentaError> {
        request.or(self.thresholds).ok_or(KayentaError::Thresholds)
    }

    /// What each metric asks of each arm.
    ///
    /// # Errors
    /// Names the scope that is not there, or the metric and what is wrong with its query. A query that does not
    /// tell two different scopes apart is wrong: it would compare the baseline with itself.
    pub fn asks(&self, request: &ExecutionRequest) -> Result<Vec<Asked>, KayentaError> {
        let missing: BTreeSet<&str> = self.metrics.iter().map(|metric| metric.scope.as_str()).collect();
        let missing: Vec<&str> = missing.into_iter().filter(|name| !request.scopes.contains_key(*name)).collect();
        if !missing.is_empty() {
            return Err(KayentaError::Scope(missing.join(", ")));
        }
        let ask = |metric: &Metric| {
            let scopes = request.scopes.get(&metric.scope).ok_or_else(|| KayentaError::Scope(metric.scope.clone()))?;
            let expression = |scope| metric.query.promql(&self.templates, scope);
            let wrong = |problem: String| KayentaError::metric(&metric.name, problem);
            let control = expression(&scopes.control).map_err(wrong)?;
            let experiment = expression(&scopes.experiment).map_err(wrong)?;
            let same_time = scopes.control.start == scopes.experiment.start;
            if control == experiment && same_time && scopes.control != scopes.experiment {
                return Err(wrong(
                    "its query is the same for both scopes: use ${scope} or ${location} in it".to_owned(),
                ));
            }
            Ok(Asked { metric: metric.name.clone(), scopes: scopes.clone(), control, experiment })
        };
        self.metrics.iter().map(ask).collect()
    }
}

impl Metric {
    fn read(node: &Node<'_>) -> Result<Self, KayentaError> {
        Ok(Self {
            name: node.need("name")?.text(MAX_NAME)?.to_owned(),
            scope: optional(node, "scopeName")?.unwrap_or_else(|| "default".to_owned()),
            query: Query::read(&node.need("query")?)?,
        })
    }
}

fn score_thresholds(classifier: &Node<'_>) -> Result<Option<Thresholds>, JudgeError> {
    let Some(node) = classifier.get("scoreThresholds")? else { return Ok(None) };
    let percent = |key: &str| node.get(key)?.map(|node| node.within(0.0, 100.0)).transpose();
    let (Some(pass), Some(marginal)) = (percent("pass")?, percent("marginal")?) else { return Ok(None) };
    if marginal > pass { Err(node.wrong("marginal is above pass")) } else { Ok(Some(Thresholds { pass, marginal })) }
}

fn templates(root: &Node<'_>) -> Result<BTreeMap<String, String>, JudgeError> {
    let Some(node) = root.get("templates")? else { return Ok(BTreeMap::new()) };
    let object = node.value().as_object().ok_or_else(|| node.wrong("an object is wanted"))?;
    if object.len() > MAX_PARTS {
        return Err(node.wrong(format!("has {} entries, at most {MAX_PARTS} are taken", object.len())));
    }
    object.keys().map(|name| Ok((name.clone(), node.need(name)?.text(64 << 10)?.to_owned()))).collect()
}
