//! What metrics are, and observations behind samples.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State as With;
use axum::response::Response;
use model::Labels;
use query::Selection;
use serde_json::{Value, json};

use super::answer::{Problem, Remarks, success};
use super::ask::Ask;
use super::data;
use crate::rows::{each, literal};
use crate::state::State;

/// Metrics, or exemplars, in one answer.
const LIMIT: usize = 10_000;
/// Targets of one answer.
const TARGETS: usize = 1_000;

/// `metadata`: of each metric its type, unit and help.
pub async fn metadata(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let limit = most(&ask)?;
    let of = ask.get("metric").map(|metric| format!("WHERE metric = {}", literal(metric))).unwrap_or_default();
    let sql =
        format!("SELECT metric, kind, unit, help FROM metadata {of} ORDER BY metric LIMIT {}", limit.min(LIMIT) + 1);
    let rows = state.query(&sql).await.map_err(|error| Problem::internal(error.message()))?;
    let mut metrics: BTreeMap<String, Value> = BTreeMap::new();
    let mut remarks = Remarks::default();
    for (n, row) in each(&rows).enumerate() {
        if n == limit.min(LIMIT) {
            // Who asks for a part gets it; what is left out beyond that is said.
            if limit > LIMIT {
                remarks.truncated();
            }
            break;
        }
        let text = |column: &str| row.text(column).unwrap_or_default();
        let entry = json!([{"type": text("kind"), "help": text("help"), "unit": text("unit")}]);
        metrics.insert(text("metric"), entry);
    }
    Ok(success(metrics, remarks))
}

/// `targets/metadata`: of each metric of a target its type, unit and help. Which metrics are of a target is known by its
/// series, what they are by their names.
pub async fn of_targets(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let (limit, metric) = (most(&ask)?, ask.get("metric"));
    let selector = promql::parser::parse_selectors(ask.get("match_target")).map_err(Problem::bad)?;
    let wanted = |labels: &Labels| {
        let of = |name: &str| labels.get(name).map_or("", String::as_str);
        selector.iter().flatten().all(|matcher| matcher.matches(of(&matcher.name)))
    };
    let targets = state.targets.clone().unwrap_or_default();
    let targets: Vec<Labels> = targets.labels().into_iter().filter(wanted).take(limit.min(TARGETS)).collect();
    let known = known(&state, metric).await?;
    let mut found = Vec::new();
    for target in &targets {
        let names = names(&state, target).await?;
        for (name, about) in known.iter().filter(|(name, _)| is_of(name, &names)) {
            let mut entry = json!({"target": target, "type": about.kind, "help": about.help, "unit": about.unit});
            if metric.is_none()
                && let Some(entry) = entry.as_object_mut()
            {
                entry.insert("metric".to_owned(), Value::from(name.as_str()));
            }
            found.push(entry);
        }
        if found.len() > LIMIT {
            return Err(Problem::bad(format!("more than {LIMIT} metrics: ask for a metric or for fewer targets")));
        }
    }
    if found.is_empty() {
        return Err(Problem::not_found("specified metadata not found"));
    }
    Ok(success(found, Remarks::default()))
}

/// What a metric is.
struct About {
    kind: String,
    unit: String,
    help: String,
}

/// What metrics are, by their names; of one of them, if it is asked for.
async fn known(state: &State, metric: Option<&str>) -> Result<BTreeMap<String, About>, Problem> {
    let of = metric.map(|metric| format!("WHERE metric = {}", literal(metric))).unwrap_or_default();
    let sql = format!("SELECT metric, kind, unit, help FROM metadata {of} ORDER BY metric LIMIT {LIMIT}");
    let rows = state.query(&sql).await.map_err(|error| Problem::internal(error.message()))?;
    let about = |row: crate::rows::Line<'_>| {
        let text = |column: &str| row.text(column).unwrap_or_default();
        (text("metric"), About { kind: text("kind"), unit: text("unit"), help: text("help") })
    };
    Ok(each(&rows).map(about).collect())
}

/// The names of a target's series, which have its job and its instance.
async fn names(state: &State, target: &Labels) -> Result<BTreeSet<std::sync::Arc<str>>, Problem> {
    let matchers = ["job", "instance"].iter().filter_map(|name| Some(format!("{name}={}", json!(target.get(*name)?))));
    let selector = format!("{{{}}}", matchers.collect::<Vec<_>>().join(","));
    let selection = Selection::new([selector.as_str()], (i64::MIN / 2, i64::MAX / 2))?;
    Ok(state.engine.label_values("__name__", &selection).await?.into_iter().collect())
}

/// Whether there are series of a metric: a histogram's have other names than itself.
fn is_of(metric: &str, names: &BTreeSet<std::sync::Arc<str>>) -> bool {
    const OTHERS: [&str; 6] = ["", "_total", "_count", "_bucket", "_info", "_sum"];
    OTHERS.iter().any(|other| names.contains(format!("{metric}{other}").as_str()))
}

/// How many metrics are asked for; 0 is none here.
fn most(ask: &Ask) -> Result<usize, Problem> {
    let Some(text) = ask.get("limit") else { return Ok(usize::MAX) };
    let limit = text.parse::<i64>().map_err(|_| Problem::bad("limit must be a number"))?;
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// `query_exemplars`: those of the series that an expression reads.
pub async fn exemplars(With(state): With<State>, ask: Ask) -> Result<Response, Problem> {
    let (start, end) = ask.times()?;
    if end < start {
        return Err(Problem::bad("end timestamp must not be before start timestamp"));
    }
    let (found, is_cut) = state.engine.exemplars(ask.query(), (start, end), LIMIT).await?;
    let series: Vec<Value> = found
        .into_iter()
        .map(|(labels, exemplars)| {
            let exemplars: Vec<Value> = exemplars.iter().map(exemplar).collect();
            json!({"seriesLabels": object(&labels), "exemplars": exemplars})
        })
        .collect();
    let mut remarks = Remarks::default();
    if is_cut {
        remarks.truncated();
    }
    Ok(success(series, remarks))
}

fn object(labels: &promql::Labels) -> BTreeMap<&str, &str> {
    labels.iter().map(|label| (&*label.name, &*label.value)).collect()
}

fn exemplar(exemplar: &model::rows::Exemplar) -> Value {
    let seconds = data::json_number(exemplar.ts.millis() as f64 / 1_000.0);
    json!({"labels": exemplar.labels, "value": data::number(exemplar.value), "timestamp": seconds})
}
