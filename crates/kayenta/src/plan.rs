//! When an analysis judges, and what: over the lifetime in equal intervals, from its start or looking back.

use std::collections::BTreeMap;

use judge::request::{MAX_POINTS, Thresholds};
use judge::{JudgeError, Node};
use serde_json::{Value, json};

use crate::scope::{Pair, Scope, optional, params, step, thresholds};
use crate::time::{iso, millis};
use crate::{ExecutionRequest, KayentaError, MAX_PARTS};

/// Milliseconds.
const MINUTE: i64 = 60_000;
/// Minutes of a lifetime, a delay, a look back: thirty days.
const MAX_MINUTES: i64 = 30 * 24 * 60;
/// Judgements of an analysis.
const MAX_JUDGEMENTS: i64 = 1_000;

/// `executionRequest` of an analysis, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What the scores must reach.
    pub thresholds: Option<Thresholds>,
    scopes: Vec<Named>,
    /// The first instant, milliseconds since 1970, after the delay.
    start: i64,
    interval: i64,
    look_back: i64,
    step: i64,
    /// How many judgements there are.
    pub judgements: usize,
    /// Whether it waits for each: not where its end is given.
    waits: bool,
    /// The delay before the first interval.
    pub delay: i64,
}

#[derive(Clone, Debug, PartialEq)]
struct Named {
    name: String,
    /// How much earlier the baseline is.
    offset: i64,
    pair: Pair,
}

/// One judgement of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Not before then, milliseconds since 1970; at once if none.
    pub due: Option<i64>,
    /// The canary's first point.
    pub start: i64,
    /// The canary's last.
    pub end: i64,
}

impl Plan {
    /// Reads `executionRequest`. Times that it does not name count from `built`, milliseconds since 1970.
    ///
    /// # Errors
    /// Names the field that is missing, wrong or too large.
    pub fn read(request: &Value, built: i64) -> Result<Self, KayentaError> {
        let root = Node::root(request);
        let minutes = |key: &str, least: i64| minutes(&root, key, least);
        let list = root.need("scopes")?;
        let nodes = list.items(MAX_PARTS)?;
        let Some(first) = nodes.first() else {
            return Err(list.wrong("Canary configuration must contain at least one scope.").into());
        };
        let given = |key: &str| first.get(key)?.map(|node| millis(&node)).transpose();
        let (start, end) = (given("startTimeIso")?, given("endTimeIso")?);
        let begin = start.unwrap_or(built);
        let lifetime = match (end, minutes("lifetimeDurationMins", 1)?) {
            (Some(end), _) => (end - begin).div_euclid(MINUTE) * MINUTE,
            (None, Some(lifetime)) => lifetime,
            (None, None) => {
                let problem = "Canary configuration must include either `endTime` or `lifetimeDuration`.";
                return Err(KayentaError::field("lifetimeDurationMins", problem));
            }
        };
        if !(MINUTE..=MAX_MINUTES * MINUTE).contains(&lifetime) {
            let problem = format!("the lifetime is not from 1 to {MAX_MINUTES} minutes");
            return Err(KayentaError::field("lifetimeDurationMins", problem));
        }
        let asked = minutes("analysisIntervalMins", 0)?.filter(|interval| (MINUTE..=lifetime).contains(interval));
        let interval = asked.unwrap_or(lifetime);
        let delay = minutes("beginAfterMins", 0)?.unwrap_or(0);
        let judgements = lifetime / interval;
        if judgements > MAX_JUDGEMENTS {
            let problem = format!("gives {judgements} judgements, at most {MAX_JUDGEMENTS} are made");
            return Err(KayentaError::field("analysisIntervalMins", problem));
        }
        let plan = Self {
            thresholds: thresholds(&root)?,
            scopes: nodes.iter().map(Named::read).collect::<Result<_, _>>()?,
            start: if end.is_some() { begin } else { begin + delay },
            interval,
            look_back: minutes("lookbackMins", 0)?.unwrap_or(0),
            step: step(first)?,
            judgements: usize::try_from(judgements).unwrap_or(0),
            waits: end.is_none(),
            delay: if end.is_some() { 0 } else { delay },
        };
        if plan.lifetime() > MAX_POINTS {
            return Err(KayentaError::field("scopes[0].step", format!("gives more than {MAX_POINTS} points")));
        }
        Ok(plan)
    }

    /// How many points an arm has when all is over.
    pub fn lifetime(&self) -> usize {
        usize::try_from(self.interval * self.judgements as i64 / self.step + 1).unwrap_or(usize::MAX)
    }

    /// Whether a judgement sees all that the ones before have seen.
    pub const fn grows(&self) -> bool {
        self.look_back == 0
    }

    /// What judgement `n` (from 0) looks at, and when.
    pub fn window(&self, n: usize) -> Window {
        let end = self.start + self.interval * (n as i64 + 1);
        let start = if self.grows() { self.start } else { end - self.look_back };
        Window { due: self.waits.then_some(end), start: start.max(0), end }
    }

    /// `executionRequest` of judgement `n`, as `POST /canary` has it.
    pub fn request(&self, n: usize) -> Value {
        let Window { start, end, .. } = self.window(n);
        let scope = |scope: &Scope, earlier: i64| {
            let (start, end) = ((start - earlier).max(0), (end - earlier).max(0));
            json!({
                "scope": scope.scope, "location": scope.location, "start": iso(start), "end": iso(end),
                "step": self.step / 1_000, "extendedScopeParams": scope.params,
            })
        };
        let pair = |named: &Named| {
            let (control, experiment) = (&named.pair.control, &named.pair.experiment);
            let pair = json!({
                "controlScope": scope(control, named.offset),
                "experimentScope": scope(experiment, 0),
            });
            (named.name.clone(), pair)
        };
        let mut out = json!({ "scopes": self.scopes.iter().map(pair).collect::<BTreeMap<_, _>>() });
        if let Some(Thresholds { pass, marginal }) = self.thresholds {
            out["thresholds"] = json!({"pass": pass, "marginal": marginal});
        }
        out
    }

    /// The last request, read back: what it needs can be checked before anything waits.
    ///
    /// # Errors
    /// As of [`ExecutionRequest::read`].
    pub fn last(&self) -> Result<ExecutionRequest, KayentaError> {
        ExecutionRequest::read(&Node::root(&self.request(self.judgements.saturating_sub(1))))
    }
}

impl Named {
    fn read(node: &Node<'_>) -> Result<Self, KayentaError> {
        let (params, step) = (params(node)?, step(node)?);
        let scope = |arm: &str| -> Result<Scope, JudgeError> {
            let scope = optional(node, &format!("{arm}Scope"))?.unwrap_or_default();
            let location = optional(node, &format!("{arm}Location"))?;
            Ok(Scope { scope, location, start: 0, end: 0, step, params: params.clone() })
        };
        Ok(Self {
            name: optional(node, "scopeName")?.unwrap_or_else(|| "default".to_owned()),
            offset: minutes(node, "controlOffsetInMinutes", 0)?.unwrap_or(0),
            pair: Pair { control: scope("control")?, experiment: scope("experiment")? },
        })
    }
}

/// Whole minutes as milliseconds; numbers may be texts, as orca sends them.
fn minutes(node: &Node<'_>, key: &str, least: i64) -> Result<Option<i64>, JudgeError> {
    let Some(minutes) = node.get(key)? else { return Ok(None) };
    let value = match minutes.value() {
        Value::String(text) => text.parse().ok(),
        value => value.as_i64(),
    };
    let whole = value.filter(|count| (least..=MAX_MINUTES).contains(count));
    let wrong = || minutes.wrong(format!("whole minutes from {least} to {MAX_MINUTES} are wanted"));
    Ok(Some(whole.ok_or_else(wrong)? * MINUTE))
}
