//! Where and when each arm is measured.

use std::collections::BTreeMap;

use judge::request::{MAX_POINTS, Thresholds};
use judge::{JudgeError, Node};
use serde_json::Value;

use crate::template::Bindings;
use crate::time::{iso, millis};
use crate::{KayentaError, MAX_NAME, MAX_PARTS};

/// Seconds from one point to the next, where nothing is said.
const STEP: u64 = 60;

/// Where and when one arm is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Which servers: `${scope}`.
    pub scope: String,
    /// `location`, or `region` as Argo Rollouts calls it.
    pub location: Option<String>,
    /// The first point, milliseconds since 1970.
    pub start: i64,
    /// The last point may be there, milliseconds since 1970.
    pub end: i64,
    /// Milliseconds from one point to the next.
    pub step: i64,
    /// `extendedScopeParams`: further names for templates.
    pub params: BTreeMap<String, String>,
}

/// Baseline and canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The baseline.
    pub control: Scope,
    /// The canary.
    pub experiment: Scope,
}

/// `executionRequest`: what is to be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionRequest {
    /// The scopes by the name that metrics have.
    pub scopes: BTreeMap<String, Pair>,
    /// What the score must reach, if not as the configuration says.
    pub thresholds: Option<Thresholds>,
}

impl ExecutionRequest {
    /// Reads `{"scopes": {"default": {"controlScope", "experimentScope"}}, "thresholds": {"pass", "marginal"}}`.
    ///
    /// # Errors
    /// Names the field that is missing or wrong.
    pub fn read(root: &Node<'_>) -> Result<Self, KayentaError> {
        let mut scopes = BTreeMap::new();
        if let Some(node) = root.get("scopes")? {
            for name in names(&node)? {
                let pair = node.need(name)?;
                let (control, experiment) = (pair.need("controlScope")?, pair.need("experimentScope")?);
                scopes.insert(
                    name.clone(),
                    Pair { control: Scope::read(&control)?, experiment: Scope::read(&experiment)? },
                );
            }
        }
        Ok(Self { scopes, thresholds: thresholds(root)? })
    }
}

/// `thresholds` of a node, if it has them.
pub fn thresholds(root: &Node<'_>) -> Result<Option<Thresholds>, JudgeError> {
    let Some(node) = root.get("thresholds")? else { return Ok(None) };
    let percent = |key: &str| node.need(key)?.within(0.0, 100.0);
    let thresholds = Thresholds { pass: percent("pass")?, marginal: percent("marginal")? };
    if thresholds.marginal > thresholds.pass {
        return Err(node.wrong("marginal is above pass"));
    }
    Ok(Some(thresholds))
}

/// The keys of an object with few of them.
fn names<'a>(node: &Node<'a>) -> Result<Vec<&'a String>, JudgeError> {
    let object = node.value().as_object().ok_or_else(|| node.wrong("an object is wanted"))?;
    if object.len() > MAX_PARTS {
        return Err(node.wrong(format!("has {} entries, at most {MAX_PARTS} are taken", object.len())));
    }
    Ok(object.keys().collect())
}

/// `extendedScopeParams`, with numbers and flags as texts.
pub fn params(node: &Node<'_>) -> Result<BTreeMap<String, String>, JudgeError> {
    let Some(params) = node.get("extendedScopeParams")? else { return Ok(BTreeMap::new()) };
    let mut out = BTreeMap::new();
    for name in names(&params)? {
        let Some(value) = params.get(name)? else { continue };
        let text = match value.value() {
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => value.text(MAX_NAME)?.to_owned(),
        };
        out.insert(name.clone(), text);
    }
    Ok(out)
}

/// Seconds from one point to the next, as milliseconds.
pub fn step(node: &Node<'_>) -> Result<i64, JudgeError> {
    let Some(step) = node.get("step")? else { return Ok(STEP as i64 * 1_000) };
    let seconds = step.value().as_i64().filter(|seconds| (1..=86_400).contains(seconds));
    seconds.map(|seconds| seconds * 1_000).ok_or_else(|| step.wrong("whole seconds from 1 to 86400 are wanted"))
}

/// A text that may be missing or empty.
pub fn optional(node: &Node<'_>, key: &str) -> Result<Option<String>, JudgeError> {
    let text = node.get(key)?.map(|node| node.text(MAX_NAME).map(str::to_owned)).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}

impl Scope {
    fn read(node: &Node<'_>) -> Result<Self, KayentaError> {
        let location = match optional(node, "location")? {
            Some(location) => Some(location),
            None => optional(node, "region")?,
        };
        let (start, end) = (node.need("start")?, node.need("end")?);
        let scope = Self {
            scope: optional(node, "scope")?.unwrap_or_default(),
            location,
            start: millis(&start)?,
            end: millis(&end)?,
            step: step(node)?,
            params: params(node)?,
        };
        if scope.end < scope.start {
            return Err(end.wrong("is before start").into());
        }
        if scope.points() > MAX_POINTS {
            return Err(node.wrong(format!("has {} points, at most {MAX_POINTS} are taken", scope.points())).into());
        }
        Ok(scope)
    }

    /// How many points there are from `start` to `end`, both included.
    pub fn points(&self) -> usize {
        usize::try_from((self.end - self.start) / self.step.max(1) + 1).unwrap_or(0)
    }

    /// How many of them are not after `now`, milliseconds since 1970.
    pub fn points_until(&self, now: i64) -> usize {
        let past = now.min(self.end);
        if past < self.start { 0 } else { Self { end: past, ..self.clone() }.points() }
    }

    /// What names in templates stand for.
    pub fn bindings(&self) -> Bindings {
        let seconds = self.step / 1_000;
        let mut out = Bindings::from([
            ("interval".to_owned(), format!("{seconds}s")),
            ("step".to_owned(), seconds.to_string()),
            ("start".to_owned(), iso(self.start)),
            ("end".to_owned(), iso(self.end)),
        ]);
        let given = [("scope", Some(&self.scope)), ("location", self.location.as_ref())];
        for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            out.insert(name.to_owned(), value.clone());
        }
        out.extend(self.params.clone());
        out
    }
}
