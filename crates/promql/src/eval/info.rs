use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use super::call::each_step;
use super::selector::Part;
use super::series::{Cursors, Gatherer, samples_in};
use super::{Evaluator, Reference, Steps};
use crate::error::QueryError;
use crate::labels::{Builder, Labels, METRIC_NAME};
use crate::matcher::{MatchOp, Matcher};
use crate::parser::ast::{Expr, ExprKind, Modifiers, ValueType};
use crate::storage::{SelectHints, StoredSeries};
use crate::value::{Series, Value};

/// By these labels a series and what is known about it belong together.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// What `info` is asked for: conditions on the names of metrics of information, and on their labels.
struct Asked {
    names: Vec<Matcher>,
    data: Vec<Matcher>,
}

impl Asked {
    fn new(args: &[Expr]) -> Result<Self, QueryError> {
        let matchers = match args.get(1).map(|arg| &arg.kind) {
            Some(ExprKind::Vector(selector)) => selector.matchers.clone(),
            _ => Vec::new(),
        };
        let (mut names, data): (Vec<_>, Vec<_>) = matchers.into_iter().partition(Matcher::is_name);
        if names.is_empty() {
            names.push(Matcher::equal(METRIC_NAME, "target_info"));
        } else if !names.iter().any(Matcher::is_positive) {
            let any = Matcher::new(METRIC_NAME, MatchOp::Regexp, ".+_info");
            names.push(any.map_err(|error| QueryError::failed(error.to_string()))?);
        }
        Ok(Self { names, data })
    }

    fn is_information(&self, labels: &Labels) -> bool {
        self.names.iter().all(|matcher| matcher.matches_labels(labels))
    }

    fn wants(&self, label: &str) -> bool {
        self.data.is_empty() || self.data.iter().any(|matcher| *matcher.name == *label)
    }

    /// Whether a series without information satisfies the conditions.
    fn allows_none(&self) -> bool {
        self.data.iter().all(|matcher| matcher.matches(""))
    }
}

impl Evaluator<'_> {
    /// Adds labels of series that carry information about others, such as `target_info`.
    pub(super) fn eval_info(&self, args: &[Expr], steps: Steps) -> Result<Vec<Series>, QueryError> {
        let Some(arg) = args.first() else { return Ok(Vec::new()) };
        let asked = Asked::new(args)?;
        let base = self.eval_vector(arg, steps)?;
        let information = self.information(&asked, &base, arg, steps)?;
        let mut out = Gatherer::default();
        let mut cursors = Cursors::new(&information);
        let mut added: HashMap<(usize, Vec<usize>), Labels> = HashMap::new();
        each_step(&base, steps, |_, t, values| {
            self.check_time()?;
            let current: Vec<_> = cursors.values(t).collect();
            let newest = newest(&information, &current)?;
            for (place, value) in values {
                let Some(series) = base.get(*place) else { continue };
                if asked.is_information(&series.labels) {
                    out.add(&series.labels, series.drops_name, t, (*value).clone())?;
                    continue;
                }
                let matching = newest.get(&identity(&series.labels)).cloned().unwrap_or_default();
                if matching.is_empty() && !asked.allows_none() {
                    continue;
                }
                let key = (*place, matching);
                let labels = match added.get(&key) {
                    Some(labels) => labels.clone(),
                    None => {
                        let labels = enriched(series, &key.1, &information, &asked)?;
                        added.insert(key, labels.clone());
                        labels
                    }
                };
                out.add(&labels, series.drops_name, t, (*value).clone())?;
            }
            Ok(())
        })?;
        self.release(samples_in(&information) + samples_in(&base));
        let out = out.finish();
        self.hold(samples_in(&out))?;
        Ok(out)
    }

    /// Series of information for the series found; their values are the times of their samples.
    fn information(&self, asked: &Asked, base: &[Series], arg: &Expr, steps: Steps) -> Result<Vec<Series>, QueryError> {
        let mut matchers = asked.names.clone();
        let mut identified = false;
        for label in IDENTIFYING {
            let values: HashSet<&str> = base
                .iter()
                .filter(|series| !asked.is_information(&series.labels))
                .map(|series| series.labels.get(label))
                .collect();
            if values.iter().all(|value| value.is_empty()) {
                continue;
            }
            identified = true;
            let mut values: Vec<String> = values.into_iter().map(regex::escape).collect();
            values.sort_unstable();
            // Too many for an expression are looked at one by one below.
            if let Ok(matcher) = Matcher::new(label, MatchOp::Regexp, values.join("|")) {
                matchers.push(matcher);
            }
        }
        if !identified {
            return Ok(Vec::new());
        }
        matchers.extend(asked.data.iter().cloned());
        let shared = self.shared_reference(arg)?.unwrap_or_default();
        let time = |t: i64| shared.time(t);
        let hints = SelectHints {
            start: time(steps.start()).saturating_sub(self.options.lookback).saturating_add(1),
            end: time(steps.last()),
            step: steps.interval(),
            steps: steps.count(),
            range: 0,
            function: Some("info"),
        };
        let stored: Vec<StoredSeries> = self.storage.select(&matchers, &hints)?.collect::<Result<_, _>>()?;
        let identities: HashSet<Labels> = base.iter().map(|series| identity(&series.labels)).collect();
        let mut matching = stored.iter().filter(|series| identities.contains(&identity(&series.labels)));
        if matching.any(|series| !series.histograms.is_empty()) {
            return Err(QueryError::failed("info sample should be float"));
        }
        self.latest(stored.into_iter().map(Ok), steps, Part::Time, time)
    }

    /// What the modifiers on the way to all selectors make of a time, if that is the same for all of them.
    fn shared_reference(&self, expr: &Expr) -> Result<Option<Reference>, QueryError> {
        let mut found = Vec::new();
        self.references(expr, Reference::default(), &mut found)?;
        let first = found.first().copied().flatten();
        Ok(first.filter(|first| found.iter().all(|other| *other == Some(*first))))
    }

    /// Whether what is known about series is looked up at one time, whatever the step.
    pub(super) fn is_looked_up_once(&self, expr: &Expr) -> bool {
        self.shared_reference(expr).is_ok_and(|shared| shared.is_some_and(|reference| reference.at.is_some()))
    }

    /// What the modifiers on the way to each selector make of a time that modifiers around it have made something of;
    /// nothing stands for series that come from no selector. Where there are only numbers, none is looked for.
    fn references(&self, expr: &Expr, around: Reference, found: &mut Vec<Option<Reference>>) -> Result<(), QueryError> {
        let within = |modifiers: &Modifiers| Ok::<_, QueryError>(around.then(self.reference(modifiers)?));
        match &expr.kind {
            ExprKind::Vector(selector) => found.push(Some(within(&selector.modifiers)?)),
            ExprKind::Matrix(matrix) => found.push(Some(within(&matrix.vector.modifiers)?)),
            ExprKind::Subquery(subquery) => {
                return self.references(&subquery.expr, within(&subquery.modifiers)?, found);
            }
            _ => {
                let children = expr.children().into_iter().filter(|child| has_series(child));
                // What follows in a call of `info` are conditions on labels.
                let children: Vec<&Expr> = match &expr.kind {
                    ExprKind::Call(call) if call.function.name == "info" => children.take(1).collect(),
                    _ => children.collect(),
                };
                if children.is_empty() {
                    found.push(None);
                }
                children.into_iter().try_for_each(|child| self.references(child, around, found))?;
            }
        }
        Ok(())
    }
}

fn has_series(expr: &Expr) -> bool {
    matches!(expr.value_type(), ValueType::Vector | ValueType::Matrix)
}

fn identity(labels: &Labels) -> Labels {
    let names: Vec<Arc<str>> = IDENTIFYING.iter().map(|name| Arc::from(*name)).collect();
    labels.only(&names)
}

/// The newest series of information of each metric for each identity.
fn newest(information: &[Series], current: &[(usize, &Value)]) -> Result<HashMap<Labels, Vec<usize>>, QueryError> {
    let mut best: HashMap<(Labels, &str), (usize, f64)> = HashMap::new();
    for (place, value) in current {
        let (Some(series), Some(time)) = (information.get(*place), value.as_float()) else { continue };
        let key = (identity(&series.labels), series.labels.metric_name());
        match best.get(&key).copied() {
            Some((_, known)) if known > time => {}
            Some((other, known)) if known == time => {
                let labels =
                    |place: usize| information.get(place).map_or_else(Labels::empty, |series| series.labels.clone());
                let ms = |seconds: f64| (seconds * 1000.0).round() as i64;
                return Err(QueryError::failed(format!(
                    "found duplicate series for info metric: existing {} @ {}, new {} @ {}",
                    labels(other),
                    ms(known),
                    series.labels,
                    ms(time)
                )));
            }
            _ => {
                best.insert(key, (*place, time));
            }
        }
    }
    let mut by_identity: HashMap<Labels, Vec<usize>> = HashMap::new();
    for ((identity, _), (place, _)) in best {
        by_identity.entry(identity).or_default().push(place);
    }
    for places in by_identity.values_mut() {
        places.sort_unstable();
    }
    Ok(by_identity)
}

/// The labels of a series with those of its information; its own are not replaced.
fn enriched(series: &Series, matching: &[usize], information: &[Series], asked: &Asked) -> Result<Labels, QueryError> {
    let mut found = Builder::default();
    for known in matching.iter().filter_map(|place| information.get(*place)) {
        for label in known.labels.iter().filter(|label| *label.name != *METRIC_NAME && asked.wants(&label.name)) {
            let other = found.get(&label.name);
            if !other.is_empty() && *other != *label.value {
                return Err(QueryError::failed(format!("conflicting label: {}", label.name)));
            }
            if series.labels.get(&label.name).is_empty() {
                found.set(Arc::clone(&label.name), Arc::clone(&label.value));
            }
        }
    }
    let mut labels = Builder::from(&series.labels);
    for label in found.build().iter() {
        labels.set(Arc::clone(&label.name), Arc::clone(&label.value));
    }
    Ok(labels.build())
}
