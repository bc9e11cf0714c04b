//! What a record changes, without changing anything: the same answer tells the host which
//! documents are needed, and the fold what to do with them.

use std::collections::{BTreeMap, HashSet};

use arrow::array::{Array, AsArray, FixedSizeBinaryArray};
use base::Timestamp;
use model::rows::{Revision, Scope as ScopeRow, SetChunk, SetSide, Tick};
use model::{Fingerprint, Key, ModelError, Record, ScopeState, Stream};

use super::cover::Cover;
use super::scope::{Party, Scope};
use super::table::{Entry, NOBODY, Table};
use super::{DriftFold, confirm, sweep};

/// A resource to look at, with what the record says of it that is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub key: Key,
    pub live: Option<Fingerprint>,
    /// What counts as declared from now on.
    pub declared: Option<Fingerprint>,
    /// What a source declares otherwise than before, whether that counts or not.
    pub claim: Option<(u8, Fingerprint)>,
    /// Its row in a `live` record.
    pub row: Option<usize>,
    /// It is live by a full set, though no row of it is known.
    pub swept: bool,
}

impl Change {
    pub(super) const fn look(key: Key) -> Self {
        Self { key, live: None, declared: None, claim: None, row: None, swept: false }
    }
}

/// Per scope, in order of its name.
pub(super) type Changes = Vec<(String, Vec<Change>)>;

impl DriftFold {
    /// The resources that `record` changes or that are to be judged anew because of it.
    pub(super) fn changes(&self, record: &Record) -> Result<Changes, ModelError> {
        let one = |scope: &str, changes: Vec<Change>| vec![(scope.to_owned(), changes)];
        let key = record.batch.key.as_str();
        let nothing = Scope::default();
        let scope = self.scopes.get(key).unwrap_or(&nothing);
        Ok(match record.batch.stream {
            Stream::Live => one(key, with_beside(scope, record, live(scope, record)?)?),
            Stream::Sets => {
                let chunk = SetChunk::from_batch(&record.batch.data)?;
                match chunk.side {
                    SetSide::Live => {
                        let party = scope.find(&chunk.source).unwrap_or(NOBODY);
                        one(key, with_beside(scope, record, sweep::differences(&scope.table, party, &chunk)?)?)
                    }
                    SetSide::Declared => Vec::new(),
                }
            }
            Stream::Revisions => {
                let mut all = BTreeMap::<String, Vec<Change>>::new();
                for row in record.rows::<Revision>()? {
                    let changes = revised(self.scopes.get(&row.scope), &row);
                    all.entry(row.scope).or_default().extend(changes);
                }
                all.into_iter().map(|(scope, changes)| (scope, unique(changes))).collect()
            }
            Stream::Scopes => {
                let rows = record.rows::<ScopeRow>()?;
                let said = |row: &ScopeRow| reported(self.scopes.get(&row.scope), row, record.time);
                rows.iter().map(|row| (row.scope.clone(), said(row))).collect()
            }
            Stream::Confirmations => self.answered(record)?,
            Stream::Ticks => {
                record.rows::<Tick>()?;
                self.scopes.iter().map(|(name, scope)| (name.clone(), self.due(scope, record))).collect()
            }
            _ => Vec::new(),
        })
    }

    /// What is to be looked at since time has passed: rollouts past their deadline, suspects of which
    /// no answer has come, and what a party speaks of that has said nothing for too long.
    fn due(&self, scope: &Scope, record: &Record) -> Vec<Change> {
        let now = record.time;
        let mut changes: Vec<Change> = confirm::overdue(scope, now).collect();
        if self.begins(record) {
            return unique(changes);
        }
        let late = |key: &&Key| self.due_at(scope, key).is_some_and(|due| due <= now);
        changes.extend(scope.rolling.iter().filter(late).map(|key| Change::look(*key)));
        for (n, party) in (0..NOBODY).zip(&scope.parties) {
            let is_over = party.deadline <= now || party.is_early(now) || self.is_in_vain(scope, n, now);
            if party.down || !is_over {
                continue;
            }
            let lets_go = || scope.claimed(n, std::iter::empty());
            changes.extend(if party.is_retired() { lets_go() } else { drifted(&scope.table, n) });
            if party.is_looking() {
                changes.extend(absent(&scope.table));
            }
        }
        if scope.parties.iter().any(|party| party.deadline <= now || party.is_given_up(now)) {
            changes.extend(scope.later());
        }
        unique(changes)
    }
}

/// The changes, and what they concern besides.
fn with_beside(scope: &Scope, record: &Record, mut changes: Vec<Change>) -> Result<Vec<Change>, ModelError> {
    let more = scope.beside(record, &changes)?;
    changes.extend(more);
    Ok(changes)
}

/// Rows of a `live` record that are not what is known.
fn live(scope: &Scope, record: &Record) -> Result<Vec<Change>, ModelError> {
    let keys = sixteen(record, "key")?;
    let prints = sixteen(record, "fingerprint")?;
    let source = record.batch.data.column_by_name("source").and_then(|column| column.as_string_opt::<i32>());
    let watcher = source.filter(|column| !column.is_empty()).and_then(|column| scope.find(column.value(0)));
    let mut changes = Vec::new();
    let mut changed = HashSet::new();
    for row in 0..keys.len() {
        let (key, live) = (Key(at(keys, row)), Fingerprint(at(prints, row)));
        let known = scope.table.get(&key);
        let news = known.is_none_or(|entry| entry.live != live || Some(entry.meta.watcher) != watcher);
        // What changed in an earlier row may change back in this one.
        if changed.contains(&key) || news {
            changed.insert(key);
            changes.push(Change { live: Some(live), row: Some(row), ..Change::look(key) });
        }
    }
    Ok(changes)
}

/// What a revision declares otherwise than the one before it.
fn revised(scope: Option<&Scope>, row: &Revision) -> Vec<Change> {
    let Some(scope) = scope else { return Vec::new() };
    let party = scope.find(&row.source).unwrap_or(NOBODY);
    let counts = !row.backfill && scope.backfilled(party);
    if !row.complete {
        return if counts { waiting(scope, party) } else { Vec::new() };
    }
    let Some(staged) = scope.staged.get(&row.source).filter(|_| super::takes(scope, row)) else { return Vec::new() };
    let mut changes = scope.claimed(party, staged.members.iter());
    if counts {
        let still = scope.still_claimed(party, &changes);
        changes.extend(still);
        changes.extend(waiting(scope, party));
    }
    if scope.parties.get(usize::from(party)).is_none_or(|party| party.managed != super::managed(row)) {
        changes.extend(undeclared(&scope.table));
    }
    if scope.down(party) {
        changes.extend(drifted(&scope.table, party));
    }
    unique(changes)
}

/// What is to be judged now that the newest revision of a source has come, and was not while only earlier ones were known.
fn waiting(scope: &Scope, party: u8) -> Vec<Change> {
    let mut changes = drifted(&scope.table, party);
    if scope.parties.get(usize::from(party)).is_some_and(|party| !party.managed.is_empty()) {
        changes.extend(undeclared(&scope.table));
    }
    changes
}

/// The first change of each resource, and what each source claims of it, in order of key.
fn unique(mut changes: Vec<Change>) -> Vec<Change> {
    let says_no_more = |later: &mut Change, first: &mut Change| {
        later.key == first.key && (later.claim.is_none() || later.claim == first.claim)
    };
    changes.sort_by_key(|change| change.key);
    changes.dedup_by(says_no_more);
    changes
}

/// What is to be looked at since a collector or source has said how it is.
fn reported(scope: Option<&Scope>, row: &ScopeRow, now: Timestamp) -> Vec<Change> {
    let Some(scope) = scope else { return Vec::new() };
    let Some(n) = scope.find(&row.source) else { return absent(&scope.table) };
    let party: &Party = &scope.parties[usize::from(n)];
    if row.state == ScopeState::Retired {
        return retired(scope, n);
    }
    let mut changes = Vec::new();
    let speaks = matches!(row.state, ScopeState::Ok | ScopeState::Scanning);
    let recovers = party.down && speaks && !party.stays_down(row.state, now);
    let fails = !party.down && row.state == ScopeState::Failed && !party.complete && party.current.is_none();
    if recovers || fails {
        changes.extend(drifted(&scope.table, n));
    }
    if party.again.is_some() && !party.looks_again(row.state) {
        changes.extend(scope.later());
    }
    let completes = row.state == ScopeState::Ok && !party.complete;
    if completes && !recovers {
        changes.extend(drifted(&scope.table, n));
    }
    let gives_up = party.is_looking() && row.state != ScopeState::Scanning;
    if completes || gives_up || (row.covers.is_some() && party.covers != super::read::<Cover>(row.covers.as_deref())) {
        changes.extend(absent(&scope.table));
    }
    unique(changes)
}

/// What is to be looked at since nothing is expected of a party any more: what it saw is seen by nobody.
fn retired(scope: &Scope, party: u8) -> Vec<Change> {
    let sees = |(key, entry): (Key, Entry)| {
        let live = (entry.live != Fingerprint::ABSENT).then_some(Fingerprint::ABSENT);
        (entry.meta.watcher == party).then_some(Change { live, ..Change::look(key) })
    };
    let mut changes: Vec<Change> = scope.table.iter().filter_map(sees).collect();
    changes.extend(drifted(&scope.table, party));
    changes.extend(scope.later());
    if scope.parties.get(usize::from(party)).is_some_and(|party| !party.managed.is_empty()) {
        changes.extend(undeclared(&scope.table));
    }
    if scope.parties.get(usize::from(party)).is_some_and(Party::is_looking) {
        changes.extend(absent(&scope.table));
    }
    unique(changes)
}

/// Resources of a party with a verdict that people see.
fn drifted(table: &Table, party: u8) -> Vec<Change> {
    let concerned = |entry: &Entry| entry.meta.watcher == party || entry.meta.declarer == party;
    let seen = |entry: &Entry| super::judge::verdict(entry.meta.verdict).is_some_and(|v| v != model::Verdict::InSync);
    let keys = table.iter().filter(|(_, entry)| concerned(entry) && seen(entry));
    keys.map(|(key, _)| Change::look(key)).collect()
}

/// Resources that are declared and not there.
fn absent(table: &Table) -> Vec<Change> {
    let absent = |entry: &Entry| entry.live == Fingerprint::ABSENT && entry.declared != Fingerprint::ABSENT;
    table.iter().filter(|(_, entry)| absent(entry)).map(|(key, _)| Change::look(key)).collect()
}

/// Resources that are there and not declared.
fn undeclared(table: &Table) -> Vec<Change> {
    let undeclared = |entry: &Entry| entry.live != Fingerprint::ABSENT && entry.declared == Fingerprint::ABSENT;
    table.iter().filter(|(_, entry)| undeclared(entry)).map(|(key, _)| Change::look(key)).collect()
}

fn sixteen<'a>(record: &'a Record, name: &'static str) -> Result<&'a FixedSizeBinaryArray, ModelError> {
    column(&record.batch.data, name)
}

pub(super) fn column<'a>(
    batch: &'a arrow::array::RecordBatch,
    name: &'static str,
) -> Result<&'a FixedSizeBinaryArray, ModelError> {
    let array = batch.column_by_name(name).and_then(|column| column.as_fixed_size_binary_opt());
    array.filter(|array| array.value_length() == 16 && array.null_count() == 0).ok_or_else(|| ModelError::Column {
        stream: "live or sets",
        column: name,
        problem: "it is not a column of 16 bytes".to_owned(),
    })
}

pub(super) fn at(array: &FixedSizeBinaryArray, n: usize) -> [u8; 16] {
    array.value(n).try_into().unwrap_or_default()
}
