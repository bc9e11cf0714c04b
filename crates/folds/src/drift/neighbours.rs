//! GitOps tools that apply objects of a cluster: what they are at stands beside our verdict, and a
//! change that one of them is applying is a rollout until it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use arrow::array::AsArray;
use base::Timestamp;
use kubernetes::gitops::{GITOPS, MARK};
use model::rows::Live;
use model::{FieldChange, Key, ModelError, Record, Stream, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::changes::Change;
use super::judge::{self, Judgement};
use super::scope::Scope;
use super::table::Entry;

/// The tool's word and the change come by different ways: what came so long before the word may be the tool's.
const BEFORE: Duration = Duration::from_secs(10);

/// What a tool says of one thing that it applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Neighbour {
    /// Its resource.
    key: Key,
    /// For people: `argocd argocd/cart Synced/Healthy @ 1a2b3c4d5e`.
    pub shown: String,
    revision: String,
    /// Since when it has been applying that revision.
    applying: Option<Timestamp>,
}

/// The neighbours of a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Neighbours {
    by_handle: BTreeMap<String, Neighbour>,
    /// Of resources that differ: the handle that they have.
    #[serde(with = "pairs")]
    marked: BTreeMap<Key, String>,
}

/// A map as a list: keys of a JSON object are texts.
mod pairs {
    use std::collections::BTreeMap;

    use model::Key;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<Key, String>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Key, String>, D::Error> {
        Vec::deserialize(deserializer).map(|pairs: Vec<(Key, String)>| pairs.into_iter().collect())
    }
}

impl Neighbours {
    /// The one of that handle.
    pub(super) fn get(&self, handle: &str) -> Option<&Neighbour> {
        self.by_handle.get(handle)
    }

    /// Notes whether a resource differs, and whose it is.
    pub(super) fn note(&mut self, key: Key, handle: Option<String>) {
        match handle {
            Some(handle) => _ = self.marked.insert(key, handle),
            None => _ = self.marked.remove(&key),
        }
    }

    /// Since when the one that applies a resource is at it.
    pub(super) fn since(&self, key: &Key) -> Option<Timestamp> {
        self.by_handle.get(self.marked.get(key)?)?.applying
    }

    /// Takes what rows say of neighbours.
    pub(super) fn take<'a>(&mut self, rows: impl Iterator<Item = &'a Live>, now: Timestamp) {
        for row in rows.filter(|row| row.kind == GITOPS) {
            let before = self.forget(row.key);
            let Some((handle, mut neighbour)) = row.document.as_deref().and_then(|json| read(row.key, json, now))
            else {
                continue;
            };
            let same = before.filter(|before| before.revision == neighbour.revision);
            if let (Some(since), Some(_)) = (same.and_then(|before| before.applying), neighbour.applying) {
                neighbour.applying = Some(since);
            }
            self.by_handle.insert(handle, neighbour);
        }
    }

    /// Forgets the one of that resource.
    pub(super) fn forget(&mut self, key: Key) -> Option<Neighbour> {
        let handle = self.by_handle.iter().find(|(_, known)| known.key == key).map(|(handle, _)| handle.clone())?;
        self.by_handle.remove(&handle)
    }

    /// The resources to look at since the neighbours of these keys, or with these handles, have changed.
    fn touched(&self, keys: &BTreeSet<Key>, mut handles: BTreeSet<String>) -> Vec<Key> {
        let known = self.by_handle.iter().filter(|(_, known)| keys.contains(&known.key));
        handles.extend(known.map(|(handle, _)| handle.clone()));
        self.marked.iter().filter(|(_, handle)| handles.contains(*handle)).map(|(key, _)| *key).collect()
    }

    fn is_empty(&self) -> bool {
        self.by_handle.is_empty() && self.marked.is_empty()
    }
}

/// A neighbour's document.
fn read(key: Key, json: &str, now: Timestamp) -> Option<(String, Neighbour)> {
    let tree: Value = serde_json::from_str(json).ok()?;
    let text = |member: &str| tree.get(member).and_then(Value::as_str).map(str::to_owned);
    let applying = tree.get("applying") == Some(&Value::Bool(true));
    let revision = text("revision").unwrap_or_default();
    let neighbour = Neighbour { key, shown: text("shown")?, revision, applying: applying.then_some(now) };
    Some((text("handle")?, neighbour))
}

/// The handle that a document of a live object is marked with.
pub(super) fn handle(live: Option<&fold::Found>) -> Option<String> {
    // Cheaper than to read every document that has no mark.
    let found = live.filter(|found| found.document.as_ref().is_some_and(|json| json.contains(MARK)))?;
    judge::tree(found)?.get(MARK)?.as_str().map(str::to_owned)
}

/// The handles of the neighbours in a `live` record; none in most.
fn handles(record: &Record) -> Result<BTreeSet<String>, ModelError> {
    let kinds = record.batch.data.column_by_name("kind").and_then(|column| column.as_string_opt::<i32>());
    if !kinds.is_some_and(|kinds| kinds.iter().flatten().any(|kind| kind == GITOPS)) {
        return Ok(BTreeSet::new());
    }
    let rows = record.rows::<Live>()?;
    let of = |row: &Live| read(row.key, row.document.as_deref()?, record.time).map(|(handle, _)| handle);
    Ok(rows.iter().filter(|row| row.kind == GITOPS).filter_map(of).collect())
}

impl Scope {
    /// What is to be looked at besides since a neighbour has changed, or is gone.
    pub(super) fn beside(&self, record: &Record, changes: &[Change]) -> Result<Vec<Change>, ModelError> {
        if self.neighbours.is_empty() {
            return Ok(Vec::new());
        }
        let changed: BTreeSet<Key> = changes.iter().map(|change| change.key).collect();
        let handles = if record.batch.stream == Stream::Live { handles(record)? } else { BTreeSet::new() };
        let touched = self.neighbours.touched(&changed, handles).into_iter();
        Ok(touched.filter(|key| !changed.contains(key)).map(Change::look).collect())
    }
}

/// What is said of a resource that a neighbour applies: while that is at it, what has just come to
/// differ is being rolled out, unless a person's tool wrote it.
pub(super) fn beside(
    neighbour: &Neighbour,
    entry: &Entry,
    judgement: Judgement,
    now: Timestamp,
    deadline: Duration,
) -> Judgement {
    let may = matches!(
        judgement.verdict,
        Some(Verdict::Modified | Verdict::Behind | Verdict::Undeclared | Verdict::Unmanaged)
    );
    let Some(since) = neighbour.applying.filter(|since| may && now < since.plus(deadline)) else { return judgement };
    let by_hand = |field: &FieldChange| field.owner.as_deref().is_some_and(kubernetes::by_hand);
    let before = judge::verdict(entry.meta.verdict);
    // What differed before is not the tool's: its end must be seen.
    let older = before.is_some_and(Verdict::is_drift) && Timestamp::from_nanos(entry.since).plus(BEFORE) < since;
    if older || judgement.fields.iter().any(by_hand) {
        return judgement;
    }
    Judgement { verdict: Some(Verdict::RollingOut), ..judgement }
}
