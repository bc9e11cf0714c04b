use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::Timestamp;
use model::{Fingerprint, Key, ResourceId, ScopeState};
use serde::{Deserialize, Serialize};

use super::claims::Claims;
use super::confirm::Question;
use super::cover::{self, Cover, Looks};
use super::neighbours::Neighbours;
use super::table::{Entry, MANAGED, NOBODY, Table, WENT};

/// A place by kind (`*` for all), namespace and beginning of the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub prefix: String,
}

impl Place {
    pub(super) fn holds(&self, id: &ResourceId) -> bool {
        let there = self.namespace.as_deref().is_none_or(|namespace| namespace == id.namespace());
        there && (self.kind == "*" || self.kind == id.kind()) && id.name().starts_with(&self.prefix)
    }
}

/// A revision as it is shown beside a verdict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RevisionInfo {
    pub revision: String,
    pub author: Option<String>,
    pub message: Option<String>,
}

/// A version of a resource that is no longer the declared one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Past {
    /// [`Fingerprint::ABSENT`] where it was not declared.
    pub fingerprint: Fingerprint,
    /// The last revision that declared it so.
    pub revision: String,
    /// When another took its place: the deadline runs from here.
    pub replaced: Timestamp,
}

/// A collector or source of a scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Party {
    pub name: String,
    pub state: ScopeState,
    pub message: Option<String>,
    /// Without a good word until then, what it says is unknown. Of one that is retired: until then what it declared
    /// counts, unless another source declares it.
    pub deadline: Timestamp,
    /// How long after a good word that is.
    #[serde(default = "default_window")]
    pub window: Duration,
    /// Whether that has happened.
    pub down: bool,
    /// Since when it is to look, or read, anew: nothing ran before, or it was started anew. What it told before may be over,
    /// and nothing is late by it.
    #[serde(default)]
    pub again: Option<Timestamp>,
    /// Collectors: whether all there is was seen once, so that what is not there is missing.
    pub complete: bool,
    pub covers: Vec<Cover>,
    /// Sources: the current revision, and what it manages.
    pub current: Option<RevisionInfo>,
    /// Sources: the current revision is one from before the newest, which has not come yet: nothing is judged by it.
    #[serde(default)]
    pub backfilled: bool,
    /// Since when that is so.
    #[serde(default)]
    pub early: Option<Timestamp>,
    pub managed: Vec<Place>,
    /// Sources: the newest revision that could not be read.
    pub broken: Option<String>,
}

/// Of one that an earlier release knew: `desired.unknown_after` where nothing else is set.
fn default_window() -> Duration {
    Duration::from_secs(600)
}

impl Party {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            state: ScopeState::Scanning,
            message: None,
            deadline: Timestamp::MAX,
            window: default_window(),
            down: false,
            again: None,
            complete: false,
            covers: Vec::new(),
            current: None,
            backfilled: false,
            early: None,
            managed: Vec::new(),
            broken: None,
        }
    }

    pub(super) fn is_retired(&self) -> bool {
        self.state == ScopeState::Retired
    }

    /// Whether its silence will count.
    pub(super) fn is_expected(&self) -> bool {
        !self.is_retired() && !self.down && self.deadline < Timestamp::MAX
    }

    /// Whether it may be a collector that has not looked at everything yet: some learn only then where they look.
    pub(super) fn is_looking(&self) -> bool {
        let is_source = self.current.is_some();
        self.state == ScopeState::Scanning && !self.complete && !self.down && !is_source
    }

    /// Nothing is expected of it any more.
    pub(super) fn retire(&mut self, until: Timestamp) {
        if !self.is_retired() {
            let current = self.current.take();
            *self = Self { current, state: ScopeState::Retired, deadline: until, ..Self::new(&self.name) };
        }
    }
}

/// What is known of a scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub parties: Vec<Party>,
    pub table: Table,
    /// What earlier revisions declared of resources that changed, newest first.
    pub history: BTreeMap<Key, Vec<Past>>,
    /// What sources declare of resources that another source declares.
    pub claims: BTreeMap<Key, Claims>,
    /// The set of a revision that is still being sent, by source.
    pub staged: BTreeMap<String, Staged>,
    /// Resources by verdict code, by (watcher, declarer).
    pub counts: BTreeMap<(u8, u8), [i64; CODES]>,
    /// What was last said of them.
    pub said: [i64; CODES],
    /// Resources that are rolling out, to look at them when the deadline comes.
    pub rolling: BTreeSet<Key>,
    /// Resources that came to differ before their sources told anew what they declare.
    pub later: BTreeSet<Key>,
    /// GitOps tools that apply objects of it.
    pub neighbours: Neighbours,
    /// Resources of which the server was asked whether they differ.
    pub questions: BTreeMap<Key, Question>,
}

/// One more than there are verdicts: code 0 is "no verdict".
pub(super) const CODES: usize = model::Verdict::ALL.len() + 1;

/// A declared set, as far as it has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Staged {
    pub revision: String,
    pub members: Vec<(Key, Fingerprint)>,
}

impl Scope {
    /// The party of that name; a new one if there is none. At most 255 are told apart.
    pub(super) fn party(&mut self, name: &str) -> u8 {
        if let Some(n) = self.find(name) {
            return n;
        }
        let n = self.parties.len().min(usize::from(NOBODY) - 1);
        if n == self.parties.len() {
            self.parties.push(Party::new(name));
        }
        n as u8
    }

    pub(super) fn find(&self, name: &str) -> Option<u8> {
        self.parties.iter().position(|party| party.name == name).map(|n| n as u8)
    }

    /// Notes whether the resource is in a managed place, and for one that is not there, who would see it.
    pub(super) fn place(&self, id: &ResourceId, entry: &mut Entry) {
        let holds = |place: &Place| place.holds(id);
        let managed = self.parties.iter().filter(|party| !party.backfilled).flat_map(|party| &party.managed).any(holds);
        entry.meta.set(MANAGED, managed);
        if entry.live == Fingerprint::ABSENT {
            let looks = |party: &Party| cover::looks(&party.covers, id);
            let watcher = self.parties.iter().position(|party| looks(party) == Looks::Yes).map(|n| n as u8);
            // Of a place that is not seen whole, what was seen to go is known all the same.
            let sees_some = |party: &&Party| cover::looks_beside(&party.covers, id) && looks(party) == Looks::No;
            let last = self.parties.get(usize::from(entry.meta.watcher)).filter(sees_some);
            let last = last.filter(|_| entry.meta.has(WENT)).map(|_| entry.meta.watcher);
            entry.meta.watcher = watcher.or(last).unwrap_or(NOBODY);
        }
    }

    /// Whether somebody may come to see what nobody sees now.
    pub(super) fn is_looked_at(&self) -> bool {
        self.parties.iter().any(Party::is_looking)
    }

    /// Why nobody would see the resource if it were there.
    pub(super) fn unwatched(&self, id: Option<&ResourceId>) -> String {
        let left_out = |id: &&ResourceId, party: &&Party| cover::looks(&party.covers, id) == Looks::LeftOut;
        match id.and_then(|id| self.parties.iter().find(|party| left_out(&id, party))) {
            Some(party) => format!("{} leaves it out", party.name),
            None => "no collector looks there".to_owned(),
        }
    }

    /// Whether only earlier revisions of a source are known.
    pub(super) fn backfilled(&self, party: u8) -> bool {
        self.parties.get(usize::from(party)).is_some_and(|party| party.backfilled)
    }

    pub(super) fn down(&self, party: u8) -> bool {
        self.parties.get(usize::from(party)).is_some_and(|party| party.down)
    }
}
