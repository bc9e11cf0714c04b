//! Which cause a finding is told under: while something of its scope rolls out, and for a window after, what goes
//! wrong anew is of the rollout; what has not ended then is of its own cause again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{At, Fact, Told};

/// Rewrites facts so that each finding fires under the cause that people are told of.
pub fn told_as(facts: &[Told], window: Duration, end: At) -> Vec<Told> {
    if window.is_zero() {
        return facts.to_vec();
    }
    let mut told = Rollouts { window, ..Rollouts::default() };
    for fact in facts {
        told.until(fact.at, fact.wall_ms);
        told.take(fact);
    }
    let last = facts.last().map_or(0, |told| told.wall_ms);
    told.until(end, last.saturating_add(i64::try_from(end.as_millis()).unwrap_or(i64::MAX)));
    told.facts
}

#[derive(Default)]
struct Rollouts {
    window: Duration,
    by_scope: BTreeMap<String, Rollout>,
    /// Findings that are open: their cause, and the scope of the rollout that they are of.
    open: BTreeMap<String, Open>,
    facts: Vec<Told>,
}

struct Rollout {
    cause: String,
    /// When it had come to agree.
    ended: Option<(At, i64)>,
}

#[derive(Clone)]
struct Open {
    cause: String,
    severity: u8,
    of: Option<String>,
}

impl Rollouts {
    /// Ends windows that are over by then.
    fn until(&mut self, at: At, wall_ms: i64) {
        let window_ms = i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX);
        let over = |it: &Rollout| it.ended.filter(|(_, ended)| ended + window_ms <= wall_ms);
        let over: Vec<_> = self.by_scope.iter().filter_map(|(scope, it)| Some((scope.clone(), over(it)?))).collect();
        for (scope, (ended, ended_ms)) in over {
            self.by_scope.remove(&scope);
            let (at, wall_ms) = ((ended + self.window).min(at), ended_ms + window_ms);
            let left = self.open.iter_mut().filter(|(_, open)| open.of.as_ref() == Some(&scope));
            for (finding, open) in left {
                open.of = None;
                let fires =
                    Fact::Fires { cause: open.cause.clone(), finding: finding.clone(), severity: open.severity };
                let ends = Fact::Ends { finding: finding.clone() };
                self.facts.extend([ends, fires].map(|fact| Told { at, wall_ms, fact }));
            }
        }
    }

    fn take(&mut self, told: &Told) {
        let mut told = told.clone();
        match &mut told.fact {
            Fact::Rolls { scope, revision, on: true } => {
                let cause = format!("rollout/{scope}/{revision}");
                self.by_scope.entry(scope.clone()).or_insert(Rollout { cause, ended: None }).ended = None;
                return;
            }
            Fact::Rolls { scope, on: false, .. } => {
                if let Some(rollout) = self.by_scope.get_mut(scope)
                    && rollout.ended.is_none()
                {
                    rollout.ended = Some((told.at, told.wall_ms));
                }
                return;
            }
            Fact::Fires { cause, finding, severity } => self.fire(cause, finding, *severity),
            Fact::Ends { finding } => _ = self.open.remove(finding),
            Fact::Silence { .. } | Fact::Routes(_) | Fact::Reaction { .. } => {}
        }
        self.facts.push(told);
    }

    fn fire(&mut self, cause: &mut String, finding: &str, severity: u8) {
        let scope: String = cause.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
        let known = self.open.get(finding).map(|open| open.of.clone());
        let has_incident = self.open.values().any(|open| open.cause == *cause && open.of.is_none());
        let of = known.unwrap_or_else(|| self.by_scope.contains_key(&scope).then_some(scope).filter(|_| !has_incident));
        self.open.insert(finding.to_owned(), Open { cause: cause.clone(), severity, of: of.clone() });
        if let Some(rollout) = of.and_then(|scope| self.by_scope.get(&scope)) {
            cause.clone_from(&rollout.cause);
        }
    }
}
