//! Series of both arms become pairs, as Kayenta's mixer pairs them: by their tags.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::KayentaError;
use crate::time::iso;

/// A series of one arm.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSet {
    /// Its labels without the name of the metric.
    pub tags: BTreeMap<String, String>,
    /// One point for each step, NaN where there is none.
    pub values: Vec<f64>,
}

/// What one arm has of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    /// The expression that was asked.
    pub query: String,
    /// The first step, milliseconds since 1970.
    pub start: i64,
    /// From one to the next, milliseconds.
    pub step: i64,
    /// How many steps there are.
    pub points: usize,
    /// The series, in order of their labels.
    pub series: Vec<MetricSet>,
}

/// The entries of `metricSetPairList` of a metric; `id` makes their ids.
///
/// One series on each side is one pair, whatever its labels: they differ by what tells the arms apart. A side
/// without labels stands for what the other side has; else equal labels are a pair, and what has no partner is
/// paired with nothing.
///
/// # Errors
/// [`KayentaError::Metric`] if the arms have other names of labels.
pub fn mix(
    metric: &str,
    control: &Fetched,
    experiment: &Fetched,
    mut id: impl FnMut() -> String,
) -> Result<Vec<Value>, KayentaError> {
    let mut pair = |tags: &BTreeMap<String, String>, values: (Option<&MetricSet>, Option<&MetricSet>)| {
        json!({
            "name": metric,
            "id": id(),
            "tags": tags,
            "values": {"control": points(values.0, control), "experiment": points(values.1, experiment)},
            "scopes": {"control": scope(control), "experiment": scope(experiment)},
            "attributes": {"control": {"query": control.query}, "experiment": {"query": experiment.query}},
        })
    };
    if control.series.len() <= 1 && experiment.series.len() <= 1 {
        let (a, b) = (control.series.first(), experiment.series.first());
        return Ok(vec![pair(&common(a, b), (a, b))]);
    }
    same_keys(metric, control, experiment)?;
    let tags = |side: &Fetched| side.series.iter().map(|set| set.tags.clone()).collect::<BTreeSet<_>>();
    let (of_control, of_experiment) = (tags(control), tags(experiment));
    let bare = BTreeMap::new();
    let all: BTreeSet<_> = match (of_control.contains(&bare), of_experiment.contains(&bare)) {
        (true, false) => of_experiment,
        (false, true) => of_control,
        _ => of_control.union(&of_experiment).cloned().collect(),
    };
    Ok(all.iter().map(|tags| pair(tags, (with(control, tags), with(experiment, tags)))).collect())
}

fn with<'a>(side: &'a Fetched, tags: &BTreeMap<String, String>) -> Option<&'a MetricSet> {
    side.series.iter().find(|set| set.tags == *tags)
}

/// The labels that both have, or those of the one that is there.
fn common(a: Option<&MetricSet>, b: Option<&MetricSet>) -> BTreeMap<String, String> {
    match (a, b) {
        (Some(a), Some(b)) => {
            let shared = a.tags.iter().filter(|(name, value)| b.tags.get(*name) == Some(value));
            shared.map(|(name, value)| (name.clone(), value.clone())).collect()
        }
        (one, other) => one.or(other).map(|set| set.tags.clone()).unwrap_or_default(),
    }
}

fn same_keys(metric: &str, control: &Fetched, experiment: &Fetched) -> Result<(), KayentaError> {
    let keys = |side: &Fetched| side.series.iter().flat_map(|set| set.tags.keys().cloned()).collect::<BTreeSet<_>>();
    let (a, b) = (keys(control), keys(experiment));
    if a.is_empty() || b.is_empty() || a == b {
        return Ok(());
    }
    let list = |keys: BTreeSet<String>| keys.into_iter().collect::<Vec<_>>().join(", ");
    let problem = format!(
        "Control metrics have different tag keys than the experiment tag set ([{}] != [{}]).",
        list(a),
        list(b)
    );
    Err(KayentaError::metric(metric, problem))
}

/// The points of a series; of none, as many that are missing.
fn points(set: Option<&MetricSet>, side: &Fetched) -> Value {
    match set {
        Some(set) => set.values.iter().map(|value| point(*value)).collect(),
        None => std::iter::repeat_n(point(f64::NAN), side.points).collect(),
    }
}

/// A number, or its name in JSON as Jackson writes it.
fn point(value: f64) -> Value {
    match value {
        value if value.is_nan() => "NaN".into(),
        value if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        value => value.into(),
    }
}

fn scope(side: &Fetched) -> Value {
    json!({"startTimeIso": iso(side.start), "startTimeMillis": side.start, "stepMillis": side.step})
}
