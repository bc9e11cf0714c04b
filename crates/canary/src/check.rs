//! From what is written to what is put on the log, with all mistakes.

use std::collections::BTreeSet;
use std::time::Duration;

use base::Limit;
use model::ResourceId;
use promql::parser::ast::ValueType;
use promql::parser::{parse, parse_selector};

use crate::config::{CanaryConfig, CanaryMetricConfig, Kind, Query, Start};
use crate::counted;
use crate::definition::{Definition, Metric, Pair};
use crate::discover::{self, Discover, DiscoverConfig};
use crate::template::{ARM, INTERVAL, duration, fill};

/// Canaries of a process.
const CANARIES: Limit = Limit::new("canary.canaries", 100);
/// Metrics of a canary.
const METRICS: Limit = Limit::new("canary.metrics", 50);
/// Intervals of a run.
const INTERVALS: Limit = Limit::new("canary.intervals", 2_000);
/// Metrics times intervals, of all canaries.
const POINTS: Limit = Limit::new("canary.points", 200_000);
/// Bytes of a name, a target or a label matcher.
const NAME: usize = 200;
/// Bytes of a query.
const QUERY: usize = 10_000;
/// The longest interval.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What is wrong with a text that is the same for both arms.
const SAME_ARMS: &str = "both arms would be the same: put `$hash`, `$pods` or `$workload` into it";
const SAME_WORKLOAD: &str =
    "both arms of a rollout of these kinds have the same `$workload`: put `$hash` or `$pods` into it";

/// A mistake in a canary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct Mistake {
    /// Where: `checkout.metrics.errors.query`.
    pub key: String,
    /// The text in the file that it is about.
    pub text: String,
    /// Where in that text, in bytes.
    pub at: usize,
    /// What is wrong.
    pub problem: String,
}

/// All canaries of a configuration.
///
/// # Errors
/// All mistakes.
pub fn check_all(canaries: &[CanaryConfig]) -> Result<Vec<Definition>, Vec<Mistake>> {
    let (mut definitions, mut mistakes, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    for canary in canaries {
        if !names.insert(&canary.name) {
            mistakes.push(mistake(&canary.name, &canary.name, "two canaries have this name"));
        }
        match check(canary) {
            Ok(definition) => definitions.push(definition),
            Err(more) => mistakes.extend(more),
        }
    }
    let points = definitions.iter().map(|it| (it.metrics.len() * it.lifetime) as u64).sum();
    for exceeded in [CANARIES.check(canaries.len() as u64), POINTS.check(points)].into_iter().filter_map(Result::err) {
        mistakes.push(mistake("canaries", "", exceeded.to_string()));
    }
    if mistakes.is_empty() { Ok(definitions) } else { Err(mistakes) }
}

/// A canary, as it is put on the log.
///
/// # Errors
/// All of its mistakes.
pub fn check(canary: &CanaryConfig) -> Result<Definition, Vec<Mistake>> {
    let mut mistakes = names(canary);
    mistakes.extend(times(canary));
    mistakes.extend(arms(canary));
    mistakes.extend(canary.discover.iter().flat_map(|found| discovery(canary, found)));
    for (key, alpha) in [("alpha", canary.alpha), ("alpha_pass", canary.alpha_pass)] {
        if !(1e-9..=0.5).contains(&alpha) {
            mistakes.push(of(canary, key, "it must be from 1e-9 to 0.5"));
        }
    }
    if canary.metrics.is_empty() {
        mistakes.push(of(canary, "metrics", "there is nothing to compare"));
    } else if canary.metrics.iter().all(|metric| metric.muted) {
        mistakes.push(of(canary, "metrics", "every metric is muted: there is nothing to judge"));
    }
    if let Err(exceeded) = METRICS.check(canary.metrics.len() as u64) {
        mistakes.push(of(canary, "metrics", exceeded.to_string()));
    }
    let (mut metrics, mut seen) = (Vec::new(), BTreeSet::new());
    for written in &canary.metrics {
        if !seen.insert(&written.name) {
            mistakes.push(mistake(&key(canary, written, "name"), &written.name, "two metrics have this name"));
        }
        metrics.extend(metric(canary, written, &mut mistakes));
    }
    if mistakes.is_empty() { Ok(definition(canary, metrics)) } else { Err(mistakes) }
}

fn definition(canary: &CanaryConfig, metrics: Vec<Metric>) -> Definition {
    let resource = canary.resource.as_ref().and_then(|id| id.parse::<ResourceId>().ok());
    let place = if canary.namespace.is_empty() { &canary.name } else { &canary.namespace };
    let own = || resource.as_ref().map_or_else(|| format!("canary/{place}"), |id| id.scope().to_owned());
    let discover = canary.discover.as_ref();
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    Definition {
        name: canary.name.clone(),
        namespace: canary.namespace.clone(),
        target: canary.target.clone().unwrap_or_else(|| canary.name.clone()),
        scope: discover.map_or_else(own, |it| format!("{}/{}", kubernetes::PROVIDER, it.cluster)),
        resource: canary.resource.clone(),
        start: canary.start,
        interval: millis(canary.interval),
        lifetime: intervals(canary, canary.lifetime),
        warmup: intervals(canary, canary.warmup),
        delay: millis(canary.delay),
        alpha: canary.alpha,
        alpha_pass: canary.alpha_pass,
        severity: canary.severity,
        rollback: canary.rollback.clone(),
        segment: canary.segment.clone(),
        metrics,
        discover: discover.map(Discover::of),
    }
}

/// So many intervals hold that time.
fn intervals(canary: &CanaryConfig, time: Duration) -> usize {
    usize::try_from(time.as_millis().div_ceil(canary.interval.as_millis().max(1))).unwrap_or(usize::MAX)
}

fn names(canary: &CanaryConfig) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let short = |text: &str| text.len() <= NAME && !text.chars().any(char::is_control);
    if canary.name.is_empty() || !plain(&canary.name) || !short(&canary.name) {
        mistakes.push(of(canary, "name", "letters, digits, `-`, `_` and `.` are wanted, 200 of them at most"));
    }
    if !plain(&canary.namespace) || !short(&canary.namespace) {
        mistakes.push(of(canary, "namespace", "letters, digits, `-`, `_` and `.` are wanted, 200 of them at most"));
    }
    if canary.target.as_ref().is_some_and(|target| target.is_empty() || !short(target)) {
        mistakes.push(of(canary, "target", "a name of 1 to 200 bytes is wanted"));
    }
    if canary.segment.as_ref().is_some_and(|label| label.is_empty() || !short(label)) {
        mistakes.push(of(canary, "segment", "the name of a label is wanted"));
    }
    match (canary.start, &canary.resource) {
        _ if canary.discover.is_some() => {}
        (Start::Rollout, None) => {
            mistakes.push(of(
                canary,
                "resource",
                "`start: rollout` needs the resource that rolls out; `start: always` runs without",
            ));
        }
        (_, Some(id)) if id.parse::<ResourceId>().is_err() => {
            mistakes.push(Mistake {
                text: id.clone(),
                ..of(canary, "resource", "an id such as k8s/prod/apps.Deployment/shop/checkout is wanted")
            });
        }
        _ => {}
    }
    mistakes
}

fn times(canary: &CanaryConfig) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    if canary.interval < Duration::from_secs(1) || canary.interval > LONGEST {
        mistakes.push(of(canary, "interval", "it must be from 1s to 1d"));
    } else if canary.lifetime <= canary.warmup || intervals(canary, canary.lifetime) <= intervals(canary, canary.warmup)
    {
        mistakes.push(of(canary, "lifetime", "it must be longer than warmup, by an interval at least"));
    } else if let Err(exceeded) = INTERVALS.check(intervals(canary, canary.lifetime) as u64) {
        mistakes.push(of(canary, "lifetime", exceeded.to_string()));
    }
    if canary.delay > LONGEST {
        mistakes.push(of(canary, "delay", "it must be 1d at most"));
    }
    mistakes
}

/// The label matchers.
fn arms(canary: &CanaryConfig) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for (name, matchers) in [("baseline", &canary.baseline), ("canary", &canary.canary)] {
        let wrong = matchers.as_ref().and_then(|text| Some((text.clone(), no_matchers(text)?)));
        mistakes.extend(wrong.map(|(text, problem)| Mistake { text, ..of(canary, name, problem) }));
    }
    mistakes
}

/// Why a text is no label matchers.
fn no_matchers(matchers: &str) -> Option<String> {
    match parse_selector(&format!("x{{{matchers}}}")) {
        _ if matchers.len() > QUERY => Some("it is too long".to_owned()),
        Err(error) => Some(format!("label matchers such as version=\"v1\" are wanted: {}", error.message)),
        Ok(found) if found.len() < 2 => Some("label matchers such as version=\"v1\" are wanted".to_owned()),
        Ok(_) => None,
    }
}

/// What is wrong with how canaries are to be found.
fn discovery(canary: &CanaryConfig, found: &DiscoverConfig) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let of_rollout = "it is that of each rollout that `discover` finds";
    for (name, set) in [
        ("resource", canary.resource.is_some()),
        ("namespace", !canary.namespace.is_empty()),
        ("target", canary.target.is_some()),
    ] {
        mistakes.extend(set.then(|| of(canary, name, of_rollout)));
    }
    for (name, set) in [("baseline", canary.baseline.is_some()), ("canary", canary.canary.is_some())] {
        let problem = "with `discover`, the label matchers of both arms are `discover.arm`";
        mistakes.extend(set.then(|| of(canary, name, problem)));
    }
    if canary.start == Start::Always {
        mistakes.push(of(canary, "start", "with `discover`, a run begins with each rollout: `rollout`"));
    }
    if found.cluster.is_empty() || found.cluster.contains('/') {
        mistakes.push(of(canary, "discover.cluster", "the name of a cluster is wanted, as in `kubernetes`"));
    }
    if found.namespaces.iter().any(String::is_empty) {
        mistakes.push(of(canary, "discover.namespaces", "the name of a namespace is wanted, without a pattern"));
    }
    for pair in found.pairs.iter().filter(|pair| !pair.is_sound()) {
        let problem = "the names of two Deployments are wanted as `baseline` and `canary`";
        mistakes.push(Mistake { text: pair.canary.clone(), ..of(canary, "discover.pairs", problem) });
    }
    let wrong = match discover::stray(&found.arm) {
        Some((_, name)) => Some(no_name(name)),
        None if !discover::tells_arms(&found.arm) => Some(SAME_ARMS.to_owned()),
        None if found.kinds.iter().any(|kind| !discover::tells_arms_of(&found.arm, *kind)) => {
            Some(SAME_WORKLOAD.to_owned())
        }
        None => no_matchers(&fill(&found.arm, &discover::sample(false)).text),
    };
    mistakes.extend(wrong.map(|problem| Mistake { text: found.arm.clone(), ..of(canary, "discover.arm", problem) }));
    mistakes
}

fn no_name(name: &str) -> String {
    format!(
        "`{name}` stands for nothing: there are `$arm`, `$interval`, `$hash`, `$pods`, `$workload`, `$namespace` and `$target`"
    )
}

fn metric(canary: &CanaryConfig, written: &CanaryMetricConfig, mistakes: &mut Vec<Mistake>) -> Option<Metric> {
    let before = mistakes.len();
    let mut say =
        |name: &str, problem: &str| mistakes.push(mistake(&key(canary, written, name), &written.name, problem));
    if written.name.is_empty() || written.name.len() > NAME || written.name.chars().any(char::is_control) {
        say("name", "a name of 1 to 200 bytes is wanted");
    }
    if written.margin.is_some_and(|margin| !(0.0..=1e6).contains(&margin)) {
        say("margin", "it must be from 0 to 1e6, as a part of the baseline");
    }
    if written.limit.is_some_and(|limit| !(1e-9..=1e6).contains(&limit)) {
        say("limit", "it must be above 0 and 1e6 at most, as a part of the baseline");
    }
    if let (Some(margin), Some(limit)) = (written.margin, written.limit)
        && limit <= margin
    {
        say("limit", "it must be above margin");
    }
    if written.critical && written.muted {
        say("critical", "it is muted, so that it can fail nothing");
    }
    let counted = matches!(written.kind, Kind::Counts | Kind::Errors);
    let mut pair = |name: &str, query: &Query| pair((canary, counted), &key(canary, written, name), query, mistakes);
    let value = pair("query", &written.query);
    let exposure = written.exposure.as_ref().map(|query| pair("exposure", query));
    if mistakes.len() > before {
        return None;
    }
    Some(Metric {
        name: written.name.clone(),
        value: value?,
        exposure: exposure.flatten(),
        kind: written.kind,
        direction: written.direction,
        critical: written.critical,
        muted: written.muted,
        margin: written.margin,
        limit: written.limit,
    })
}

/// Both queries, complete; `counted` says that they are to give what happened in an interval.
fn pair(
    (canary, counted): (&CanaryConfig, bool),
    key: &str,
    query: &Query,
    mistakes: &mut Vec<Mistake>,
) -> Option<Pair> {
    let (baseline, of_canary) = match query {
        Query::One(text) => {
            let told = canary.discover.is_some() && discover::tells_arms(text);
            if !told && !text.contains(ARM) {
                mistakes.push(mistake(
                    key,
                    text,
                    "both arms would be asked the same: put `$arm` among its label matchers",
                ));
                return None;
            }
            (text, text)
        }
        Query::Two { baseline, canary } => (baseline, canary),
    };
    let of = |text: &str, arm: &str| complete((canary, counted), text, arm);
    let [first, second] = [of(baseline, "baseline"), of(of_canary, "canary")];
    let same = matches!((&first, &second), (Ok(first), Ok(second)) if first.asked == second.asked);
    let mut take = |key: &str, complete: Result<Complete, Mistake>| {
        let wrong = |wrong: Mistake| mistakes.push(Mistake { key: key.to_owned(), ..wrong });
        complete.map(|complete| complete.text).map_err(wrong).ok()
    };
    let two = matches!(query, Query::Two { .. });
    let named = |arm: &str| if two { format!("{key}.{arm}") } else { key.to_owned() };
    let first = take(&named("baseline"), first);
    // One query has one mistake.
    let second = if first.is_none() && !two { None } else { take(&named("canary"), second) };
    if same {
        mistakes.push(mistake(key, baseline, "both arms are asked the same"));
        return None;
    }
    Some(Pair { baseline: first?, canary: second? })
}

/// A query, complete but for what a rollout is to be put into, and as it may be asked.
struct Complete {
    text: String,
    asked: String,
}

fn complete((canary, counted): (&CanaryConfig, bool), text: &str, arm: &str) -> Result<Complete, Mistake> {
    let wrong = |at: usize, problem: String| Mistake { key: String::new(), text: text.to_owned(), at, problem };
    if text.len() > QUERY {
        return Err(wrong(0, format!("it has {} bytes, at most {QUERY} are taken", text.len())));
    }
    let found = canary.discover.as_ref();
    let own = if arm == "canary" { &canary.canary } else { &canary.baseline };
    let matchers = found.map(|found| &found.arm).or(own.as_ref());
    let matchers = match (text.find(ARM), matchers) {
        (Some(at), None) => return Err(wrong(at, format!("`$arm` needs the canary's `{arm}`: its label matchers"))),
        (_, matchers) => matchers.map(String::as_str).unwrap_or_default(),
    };
    let interval = duration(canary.interval);
    let own = [(ARM, matchers), (INTERVAL, interval.as_str())];
    let kept = fill(text, &own);
    let filled = match found {
        Some(_) => {
            if let Some((at, name)) = discover::stray(text) {
                return Err(wrong(at, no_name(name)));
            }
            let sample = discover::sample(arm == "canary");
            let matchers = fill(matchers, &sample).text;
            let names: Vec<(&str, &str)> =
                [(ARM, matchers.as_str()), (INTERVAL, interval.as_str())].into_iter().chain(sample).collect();
            fill(text, &names)
        }
        None => fill(text, &own),
    };
    let expr = parse(&filled.text)
        .map_err(|error| wrong(filled.origin(error.span.start), format!("parse error: {}", error.message)))?;
    if let Some((at, problem)) = counted::wrong(&expr, canary.interval).filter(|_| counted) {
        return Err(wrong(filled.origin(at), problem));
    }
    match expr.value_type() {
        ValueType::Vector | ValueType::Scalar => Ok(Complete { text: kept.text, asked: filled.text }),
        other => Err(wrong(0, format!("it gives a {}: one number is wanted", other.as_str()))),
    }
}

fn key(canary: &CanaryConfig, metric: &CanaryMetricConfig, name: &str) -> String {
    format!("{}.metrics.{}.{name}", canary.name, metric.name)
}

fn of(canary: &CanaryConfig, name: &str, problem: impl Into<String>) -> Mistake {
    mistake(&format!("{}.{name}", canary.name), &canary.name, problem)
}

fn mistake(key: &str, text: &str, problem: impl Into<String>) -> Mistake {
    Mistake { key: key.to_owned(), text: text.to_owned(), at: 0, problem: problem.into() }
}
