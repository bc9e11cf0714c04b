//! Rollouts as the parents of what goes wrong during them.
//!
//! While a resource of a scope rolls out, and for `rollout_window` after the last one has come to agree, what drifts anew in the
//! same namespace (on a host: in the same folder) is a symptom: it belongs to the rollout's incident, not to one of its own. What has an
//! open incident already stays there. A symptom ends by its own evidence only; one that has not when the window is over goes to the
//! incident of its own cause. A later revision of the scope, a rollback too, goes on with the same rollout.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{Limit, Timestamp};
use model::rows::{Finding, Revision, Rollout as Row, VerdictRow};
use model::{Key, Labels, ResourceId, Verdict};
use serde::{Deserialize, Serialize};

use super::symptom::{self, Commit, Detail};
use crate::AGAIN;

/// What rows of rollouts are about: they go where posted alerts are.
const TO: &str = "alertmanager";
/// Symptoms of one rollout; more have incidents of their own.
const SYMPTOMS: Limit = Limit::new("alert.rollout_symptoms", 20_000);
/// Resources of one rollout; more of them are not seen to roll out.
const ROLLING: Limit = Limit::new("alert.rolling", 1_000_000);
/// The shortest time between two rows of a rollout that is on.
const PACE: Duration = Duration::from_secs(1);
/// Workloads that are named; of more, their namespaces are.
const NAMED: usize = 1_000;

/// The rollouts of all scopes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollouts {
    by_scope: BTreeMap<String, Rollout>,
    /// The newest revision of each scope.
    current: BTreeMap<String, Commit>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollout {
    /// The cause of its incident: `rollout/<scope>/<revision>`.
    cause: String,
    commit: Commit,
    since: Timestamp,
    /// Resources that roll out now.
    rolling: BTreeSet<String>,
    /// Names of what has rolled out, by namespace.
    places: BTreeMap<String, BTreeSet<String>>,
    /// When the last one had come to agree.
    ended: Option<Timestamp>,
    /// Its symptoms.
    members: BTreeMap<String, Member>,
    /// Something is not told yet.
    changed: bool,
    /// When something last was.
    told: Option<Timestamp>,
}

/// A finding, with what its own incident would have of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    pub cause: String,
    pub scope: String,
    /// It is a posted alert: whoever posted it here takes it back.
    pub posted: bool,
    pub detail: Detail,
    pub labels: Labels,
    pub commit: Option<Commit>,
}

impl Member {
    pub fn of(row: &Finding) -> Self {
        let (detail, commit) = symptom::read(row);
        let (cause, scope, posted) = (row.cause.clone(), row.scope.clone(), row.kind == "alert");
        Self { cause, scope, posted, detail, labels: symptom::labels(row), commit }
    }
}

/// What the incident of a rollout says of it.
pub(super) struct Parent {
    pub cause: String,
    pub title: String,
    pub commit: Commit,
}

impl Rollouts {
    /// Takes what is new of a scope's desired state.
    pub fn revise(&mut self, row: &Revision) {
        if !row.complete || (row.backfill && self.current.contains_key(&row.scope)) {
            return;
        }
        let commit =
            Commit { revision: Some(row.revision.clone()), author: row.author.clone(), message: row.message.clone() };
        if let Some(rollout) = self.by_scope.get_mut(&row.scope) {
            rollout.changed |= rollout.commit != commit;
            rollout.commit = commit.clone();
        }
        self.current.insert(row.scope.clone(), commit);
    }

    /// Takes a verdict: a resource begins to roll out, or does so no longer.
    pub fn judge(&mut self, row: &VerdictRow, now: Timestamp) {
        let key = row.key.to_string();
        if row.verdict != Verdict::RollingOut {
            if let Some(rollout) = self.by_scope.get_mut(&row.scope)
                && rollout.rolling.remove(&key)
                && rollout.rolling.is_empty()
            {
                rollout.ended = Some(now);
                rollout.changed = true;
            }
            return;
        }
        if is_again(row) {
            return;
        }
        let of_row =
            || Commit { revision: row.revision.clone(), author: row.author.clone(), message: row.message.clone() };
        let current = self.current.get(&row.scope);
        let rollout = self
            .by_scope
            .entry(row.scope.clone())
            .or_insert_with(|| Rollout::new(&row.scope, current.cloned().unwrap_or_else(of_row), now));
        if ROLLING.check(rollout.rolling.len() as u64 + 1).is_ok() {
            rollout.changed |= rollout.ended.take().is_some();
            rollout.rolling.insert(key);
            rollout.place(&row.id);
        }
    }

    /// The rollout that a new finding is a symptom of, if it is one; `placed` says that it has an incident, or its cause has.
    pub fn adopt(&mut self, row: &Finding, placed: bool, now: Timestamp, window: Duration) -> Option<Parent> {
        let rollout = self.by_scope.get_mut(&row.scope).filter(|rollout| rollout.is_on(now, window))?;
        let key = row.key.to_string();
        let known = rollout.members.contains_key(&key);
        let new = || !placed && SYMPTOMS.check(rollout.members.len() as u64 + 1).is_ok() && rollout.reaches(row);
        if !known && !new() {
            return None;
        }
        rollout.members.insert(key, Member::of(row));
        Some(Parent { cause: rollout.cause.clone(), title: rollout.title(), commit: rollout.commit.clone() })
    }

    /// The finding is over.
    pub fn leave(&mut self, scope: &str, key: Key) {
        if let Some(rollout) = self.by_scope.get_mut(scope) {
            rollout.members.remove(&key.to_string());
        }
    }

    /// Ends rollouts whose window is over; gives the symptoms that are left of them, and what is to be told.
    pub fn end(&mut self, now: Timestamp, window: Duration) -> (Vec<(Key, Member)>, Vec<Row>) {
        let over = |rollout: &Rollout| !rollout.is_on(now, window);
        let scopes: Vec<String> =
            self.by_scope.iter().filter(|(_, it)| over(it)).map(|(scope, _)| scope.clone()).collect();
        let (mut left, mut rows) = (Vec::new(), Vec::new());
        for scope in scopes {
            let Some(rollout) = self.by_scope.remove(&scope) else { continue };
            rows.push(rollout.row(&scope, "over", now));
            left.extend(rollout.members.into_iter().filter_map(|(key, member)| Some((read(&key)?, member))));
        }
        (left, rows)
    }

    /// What is to be told of those that are on.
    pub fn news(&mut self, now: Timestamp) -> Vec<Row> {
        let mut rows = Vec::new();
        for (scope, rollout) in &mut self.by_scope {
            if rollout.due().is_none_or(|due| due > now) {
                continue;
            }
            (rollout.changed, rollout.told) = (false, Some(now));
            rows.push(rollout.row(scope, if rollout.ended.is_some() { "converged" } else { "rolling" }, now));
        }
        rows
    }

    /// When a window ends, or something is to be told.
    pub fn next(&self, window: Duration) -> Option<Timestamp> {
        let ends = self.by_scope.values().filter_map(|rollout| rollout.ended).map(|ended| ended.plus(window));
        ends.chain(self.by_scope.values().filter_map(Rollout::due)).min()
    }

    /// What rows of rollouts are about.
    pub const fn to() -> &'static str {
        TO
    }
}

impl Rollout {
    fn new(scope: &str, commit: Commit, since: Timestamp) -> Self {
        let cause = format!("rollout/{scope}/{}", commit.revision.as_deref().unwrap_or_default());
        let (rolling, places, members) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        Self { cause, commit, since, rolling, places, ended: None, members, changed: true, told: None }
    }

    /// When what is new of it is told.
    fn due(&self) -> Option<Timestamp> {
        self.changed.then(|| self.told.map_or(Timestamp::MIN, |told| told.plus(PACE)))
    }

    fn is_on(&self, now: Timestamp, window: Duration) -> bool {
        !window.is_zero() && self.ended.is_none_or(|ended| now < ended.plus(window))
    }

    fn place(&mut self, id: &ResourceId) {
        let named: usize = self.places.values().map(BTreeSet::len).sum();
        let names = match self.places.get_mut(id.namespace()) {
            Some(names) => names,
            None => {
                self.changed = true;
                self.places.entry(id.namespace().to_owned()).or_default()
            }
        };
        if named < NAMED && !names.contains(id.name()) {
            names.insert(id.name().to_owned());
            self.changed = true;
        }
    }

    /// Whether a finding is where it rolls out, and can come of it.
    fn reaches(&self, row: &Finding) -> bool {
        let id = row.resource.as_deref().and_then(|id| id.parse::<ResourceId>().ok());
        match row.kind.as_str() {
            "drift" => id.is_some_and(|id| self.is_beside(&id)),
            "alert" => row.cause == self.cause,
            // Whichever revision it was when the canary began: a scope has one rollout.
            "canary" => row.cause.starts_with("rollout/"),
            _ => false,
        }
    }

    /// In the same namespace; of files, in the same folder: one namespace has all of a host.
    fn is_beside(&self, id: &ResourceId) -> bool {
        let Some(names) = self.places.get(id.namespace()) else { return false };
        let folder = |name: &str| name.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
        !id.namespace().is_empty() || names.iter().any(|name| folder(name) == folder(id.name()))
    }

    fn title(&self) -> String {
        let revision = self.commit.revision.as_deref().unwrap_or("a revision");
        let hash = revision.len() >= 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        format!("rollout of {}", if hash { &revision[..10] } else { revision })
    }

    fn row(&self, scope: &str, state: &str, now: Timestamp) -> Row {
        Row {
            time: now,
            scope: scope.to_owned(),
            cause: self.cause.clone(),
            revision: self.commit.revision.clone(),
            author: self.commit.author.clone(),
            state: state.to_owned(),
            since: self.since,
            resources: i64::try_from(self.rolling.len()).unwrap_or(i64::MAX),
            // Texts only: it cannot fail.
            places: serde_json::to_string(&self.places).unwrap_or_default(),
        }
    }
}

/// Whether a restart rolls out, or what else is no revision's.
fn is_again(row: &VerdictRow) -> bool {
    let evidence = serde_json::from_str::<serde_json::Value>(&row.evidence).unwrap_or_default();
    evidence.get(AGAIN).and_then(serde_json::Value::as_bool) == Some(true)
}

fn read(key: &str) -> Option<Key> {
    hex::decode(key).ok()?.try_into().ok().map(Key)
}
