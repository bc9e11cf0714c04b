//! The drift fold: what is live against what is declared, as verdicts, findings and counts.
//!
//! In memory it keeps 76 bytes a resource: its key, three fingerprints, since when, and the
//! verdict. A record is first turned into the resources that it changes (`changes`), which names
//! the documents to fetch; then each is judged (`judge`) and what is new is put out (`report`).

mod changes;
mod checkpoint;
mod claims;
pub mod compare;
mod config;
mod confirm;
mod cover;
mod ignore;
mod judge;
mod kubernetes;
mod neighbours;
mod report;
mod resume;
mod scope;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod update;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use arrow::array::{Array, AsArray};
use base::Timestamp;
use fold::{DocumentRef, Fold, FoldError, Found, Outputs, Side};
use model::rows::{Live, Revision, Scope as ScopeRow, SetChunk, SetSide};
use model::{Fingerprint, Key, ModelError, Offset, Record, ScopeState, Stream, Verdict};

use changes::{Change, Changes};
pub use config::{ConfirmConfig, DriftConfig};
use confirm::Doubt;
use ignore::Ignore;
pub use ignore::{IgnoreError, IgnoreRule};
use report::{Documents, Report};
use scope::{Party, Place, RevisionInfo, Scope};
use table::{AGREED, BASELINE, LEFT_OVER, REPLACE_ONLY};

const NAME: &str = "drift";

/// See the module.
#[derive(Debug, Default)]
pub struct DriftFold {
    config: DriftConfig,
    ignore: Ignore,
    scopes: BTreeMap<String, Scope>,
    /// The time of the last record.
    looked: Timestamp,
    /// What the record at hand changes: asked for by `needs` and again by `apply`.
    at_hand: RefCell<Option<(u32, Offset, Changes)>>,
}

impl DriftFold {
    /// Knows nothing at first.
    ///
    /// # Errors
    /// Names the rule of `ignore` that cannot be used.
    pub fn new(config: DriftConfig) -> Result<Self, IgnoreError> {
        Ok(Self { ignore: Ignore::new(&config.ignore)?, config, ..Self::default() })
    }

    /// How many resources it knows.
    pub fn resources(&self) -> usize {
        self.scopes.values().map(|scope| scope.table.len()).sum()
    }

    fn take_changes(&self, record: &Record) -> Result<Changes, FoldError> {
        match self.at_hand.borrow_mut().take() {
            Some((shard, offset, changes)) if (shard, offset) == (record.shard, record.offset) => Ok(changes),
            _ => self.changes(record).map_err(|source| bad(record, source)),
        }
    }

    /// The documents that judging `change` takes.
    fn refs(&self, scope: &Scope, change: &Change, refs: &mut Vec<DocumentRef>) {
        let key = change.key;
        let entry = scope.table.get(&key).unwrap_or_default();
        let live = change.live.unwrap_or(entry.live);
        let declared = change.declared.unwrap_or(entry.declared);
        let mut need = |side, fingerprint| refs.push(DocumentRef { side, key, fingerprint });
        let past = scope.history.get(&key).map(Vec::as_slice).unwrap_or_default();
        let said = entry.meta.has(report::SAID);
        for print in scope.contested(change, declared) {
            need(Side::Declared, print);
        }
        if declared == live {
            if said {
                need(Side::Declared, declared);
                need(Side::Live, Fingerprint::ABSENT);
            }
            return;
        }
        if declared != Fingerprint::ABSENT {
            need(Side::Declared, declared);
        }
        if change.row.is_none() && (live != Fingerprint::ABSENT || said) {
            need(Side::Live, live);
        }
        if entry.meta.has(BASELINE) && entry.baseline != live {
            need(Side::Live, entry.baseline);
        }
        let left_over = declared == Fingerprint::ABSENT;
        let earlier = past.iter().take(if left_over { 1 } else { usize::MAX }).map(|past| past.fingerprint);
        let changed = change.declared.is_some().then_some(entry.declared);
        for print in earlier.chain(changed).filter(|print| *print != Fingerprint::ABSENT && *print != declared) {
            need(Side::Declared, print);
        }
    }

    /// When a rollout is late: counted from the revision, and from when it was first seen to roll.
    fn deadline(&self, scope: &Scope, key: &Key) -> Option<Timestamp> {
        let replaced = scope.history.get(key).and_then(|past| past.first()).map(|past| past.replaced);
        let rolling = scope.table.get(key).filter(|entry| entry.meta.verdict == judge::code(Some(Verdict::RollingOut)));
        let since = rolling.map(|entry| Timestamp::from_nanos(entry.since));
        let applying = since.and(scope.neighbours.since(key));
        replaced.max(since).max(applying).map(|from| from.plus(self.config.rollout_deadline))
    }

    /// Takes what the record says of the scope as a whole, before its resources are judged.
    fn absorb(&mut self, record: &Record) -> Result<(), ModelError> {
        self.resume(record);
        match record.batch.stream {
            Stream::Live => self.meet(record),
            Stream::Sets => self.stage(record)?,
            Stream::Revisions => record.rows::<Revision>()?.iter().for_each(|row| self.revise(row, record.time)),
            Stream::Scopes => record.rows::<ScopeRow>()?.iter().for_each(|row| self.hear(row, record.time)),
            Stream::Confirmations => self.answer(record)?,
            Stream::Ticks => {
                self.give_up(record.time);
                self.pass(record.time);
            }
            _ => {}
        }
        Ok(())
    }

    /// The collector of a `live` record may not have been heard of.
    fn meet(&mut self, record: &Record) {
        let column = record.batch.data.column_by_name("source").and_then(|column| column.as_string_opt::<i32>());
        if let Some(source) = column.filter(|column| !column.is_empty()) {
            self.scopes.entry(record.batch.key.clone()).or_default().party(source.value(0));
        }
    }

    fn stage(&mut self, record: &Record) -> Result<(), ModelError> {
        let chunk = SetChunk::from_batch(&record.batch.data)?;
        let scope = self.scopes.entry(chunk.scope).or_default();
        scope.party(&chunk.source);
        if chunk.side == SetSide::Live {
            return Ok(());
        }
        let (keys, prints) = (changes::column(&chunk.members, "key")?, changes::column(&chunk.members, "fingerprint")?);
        let staged = scope.staged.entry(chunk.source).or_default();
        if staged.revision != chunk.revision || chunk.first == Key([0; 16]) {
            staged.revision = chunk.revision;
            staged.members.clear();
        }
        staged
            .members
            .extend((0..keys.len()).map(|n| (Key(changes::at(keys, n)), Fingerprint(changes::at(prints, n)))));
        Ok(())
    }

    fn revise(&mut self, row: &Revision, now: Timestamp) {
        let scope = self.scopes.entry(row.scope.clone()).or_default();
        let party = scope.party(&row.source);
        let takes = takes(scope, row);
        scope.staged.remove(&row.source);
        let party = &mut scope.parties[usize::from(party)];
        if !row.complete {
            party.broken = Some(report::broken(row));
            // The newest is there, and cannot be read: the one before it stays, and counts.
            (party.backfilled, party.early) = (false, None);
        } else if takes {
            party.broken = None;
            party.backfilled = row.backfill;
            party.early = row.backfill.then(|| party.early.unwrap_or(now));
            party.managed = managed(row);
            party.current = Some(RevisionInfo {
                revision: row.revision.clone(),
                author: row.author.clone(),
                message: row.message.clone(),
            });
        }
    }

    fn hear(&mut self, row: &ScopeRow, now: Timestamp) {
        let scope = self.scopes.entry(row.scope.clone()).or_default();
        let n = scope.party(&row.source);
        let party = &mut scope.parties[usize::from(n)];
        if row.state == ScopeState::Retired {
            party.retire(now.plus(self.config.rollout_deadline));
            party.message = row.message.clone();
            return;
        }
        let (stays_down, again) = (party.stays_down(row.state, now), party.looks_again(row.state));
        party.again = again.then(|| party.again.unwrap_or(now));
        party.state = row.state;
        party.message = row.message.clone();
        if row.covers.is_some() {
            party.covers = read(row.covers.as_deref());
        }
        if row.state == ScopeState::Failed || row.state == ScopeState::Stale {
            party.down |= !party.complete && party.current.is_none();
            return;
        }
        party.deadline = row.stale_after.plus(crate::ahead(now, row.time));
        party.window = row.stale_after.since(row.time);
        party.down = stays_down;
        if row.state == ScopeState::Ok && !party.complete {
            party.complete = true;
            self.rebase(&row.scope, n);
        }
    }
}

impl Fold for DriftFold {
    fn name(&self) -> &'static str {
        NAME
    }

    fn needs(&self, record: &Record) -> Result<Vec<DocumentRef>, FoldError> {
        let changes = self.changes(record).map_err(|source| bad(record, source))?;
        let mut refs = Vec::new();
        let nothing = Scope::default();
        for (name, changes) in &changes {
            let scope = self.scopes.get(name).unwrap_or(&nothing);
            changes.iter().for_each(|change| self.refs(scope, change, &mut refs));
        }
        *self.at_hand.borrow_mut() = Some((record.shard, record.offset, changes));
        refs.sort_unstable();
        refs.dedup();
        Ok(refs)
    }

    fn apply(
        &mut self,
        record: &Record,
        found: &HashMap<DocumentRef, Found>,
        outputs: &mut Outputs,
    ) -> Result<(), FoldError> {
        let changes = self.take_changes(record)?;
        let model = |source| bad(record, source);
        let rows = if changes.iter().all(|(_, changes)| changes.is_empty()) {
            Vec::new()
        } else {
            record.rows::<Live>().map_err(model)?
        };
        let revisions = record.rows::<Revision>().map_err(model)?;
        let sweeper = sweeper(record, &changes).map_err(model)?;
        let documents = Documents::new(found);
        // A revision's resources remember the one before it, so they come before the scope as a whole.
        for (name, changes) in &changes {
            let source = revisions.iter().find(|row| row.scope == *name);
            for change in changes.iter().filter(|change| change.claim.is_some()) {
                self.declare(name, change, source, record.time);
            }
        }
        let before = self.parties();
        self.absorb(record).map_err(model)?;
        self.instances(&rows);
        self.neighbours(&changes, &rows, record.time);
        for (name, changes) in &changes {
            let mut report = Report::default();
            for change in changes {
                let row = change.row.and_then(|n| rows.get(n));
                if change.claim.is_none() {
                    let source = row.map(|row| row.source.as_str()).or(sweeper.as_deref().filter(|_| change.swept));
                    self.observe(name, change, row, source);
                }
                self.judge(record, name, change.key, row, &documents, &mut report);
                if change.claim.is_some()
                    && let Some(id) = documents.id(change.key)
                    && let Some(scope) = self.scopes.get_mut(name)
                {
                    report.add(scope.conflict(name, change.key, &id, &documents, record.time));
                }
            }
            report.push(name, outputs).map_err(model)?;
        }
        self.report_parties(&before, record, outputs).map_err(model)?;
        self.summarise(record, outputs).map_err(model)
    }

    fn next_tick(&self) -> Option<Timestamp> {
        let parties = self.scopes.values().flat_map(|scope| &scope.parties);
        let silent = parties.filter(|party| !party.down && party.deadline < Timestamp::MAX).map(|party| party.deadline);
        let rolling =
            self.scopes.values().flat_map(|scope| scope.rolling.iter().filter_map(|key| self.due_at(scope, key)));
        let early = self.scopes.values().flat_map(|scope| &scope.parties).filter(|party| !party.down);
        let parts = silent.chain(rolling).chain(early.filter_map(Party::newest_by));
        parts.chain(self.waits_until()).chain(self.patience()).chain(self.look()).min()
    }

    fn checkpoint(&self) -> Vec<u8> {
        checkpoint::write(&self.scopes, self.looked)
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), FoldError> {
        *self = Self { config: self.config.clone(), ignore: std::mem::take(&mut self.ignore), ..Self::default() };
        (self.scopes, self.looked) =
            checkpoint::read(state).map_err(|problem| FoldError::Checkpoint { fold: NAME, problem })?;
        Ok(())
    }
}

impl DriftFold {
    fn judge(
        &mut self,
        record: &Record,
        name: &str,
        key: Key,
        row: Option<&Live>,
        documents: &Documents<'_>,
        report: &mut Report,
    ) {
        let Some(scope) = self.scopes.get_mut(name) else { return };
        let Some(mut entry) = scope.table.get(&key) else { return };
        let id = row.map(|row| row.id.clone()).or_else(|| documents.id(key));
        if let Some(id) = &id {
            entry.meta.set(REPLACE_ONLY, self.config.must_not_change(id.kind()));
            scope.place(id, &mut entry);
        }
        let seen = row.map(report::found);
        let live = seen.as_ref().or_else(|| documents.live(key, entry.live));
        let tree = || live.and_then(kubernetes::print).unwrap_or(Fingerprint::ABSENT);
        let pair = scope.questions.contains_key(&key).then(|| (entry.declared, tree()));
        let rolls = entry.meta.verdict == judge::code(Some(Verdict::RollingOut));
        // It may have ended, or begun anew, while nobody looked.
        let rollout_deadline = if rolls && scope.waits(&key) { Duration::MAX } else { self.config.rollout_deadline };
        let case = judge::Case {
            key,
            entry,
            scope,
            past: scope.history.get(&key).map(Vec::as_slice).unwrap_or_default(),
            documents,
            ignore: &self.ignore,
            live,
            now: record.time,
            rollout_deadline,
            left_over: entry.meta.has(LEFT_OVER),
            refuted: pair.map(|pair| scope.refuted(&key, pair)).unwrap_or_default(),
        };
        let judgement = case.judge();
        if judgement.keeps && entry.meta.verdict != 0 {
            return;
        }
        let handle = judgement.differs().then(|| neighbours::handle(live)).flatten();
        let neighbour = handle.as_deref().and_then(|handle| scope.neighbours.get(handle));
        let gitops = neighbour.map(|at| at.shown.clone());
        let judgement = match neighbour {
            Some(at) => neighbours::beside(at, &entry, judgement, record.time, rollout_deadline),
            None => judgement,
        };
        if scope.puts_off(key, &entry, judgement.verdict) {
            return;
        }
        if judgement.converged {
            entry.baseline = entry.live;
            entry.meta.set(BASELINE, true);
        }
        if judgement.converged || judgement.verdict == Some(Verdict::InSync) {
            entry.meta.set(AGREED, true);
        }
        let old = scope.table.get(&key).unwrap_or_default().meta;
        let verdict = judgement.verdict;
        if judge::code(verdict) != old.verdict {
            entry.since = record.time.nanos();
            entry.meta.verdict = judge::code(verdict);
        }
        let asks = pair.is_none() && self.config.confirm.asks(name) && verdict == Some(Verdict::Modified);
        let word = scope.doubt(&Doubt {
            config: &self.config.confirm,
            scope: name,
            id: id.as_ref(),
            key,
            pair: pair.or_else(|| asks.then(|| (entry.declared, tree()))).unwrap_or_default(),
            judgement: &judgement,
            before: old.verdict,
            declared: documents.declared(key, entry.declared).and_then(|found| found.document.as_deref()),
            live,
            now: record.time,
        });
        let case = report::Case { key, entry: &mut entry, old, judgement, live, gitops, word };
        report.resource(record, scope, id, documents, case);
        scope.neighbours.note(key, handle);
        if verdict == Some(Verdict::RollingOut) {
            scope.rolling.insert(key);
        } else {
            scope.rolling.remove(&key);
        }
        scope.count(old, -1);
        if entry.live == Fingerprint::ABSENT && entry.declared == Fingerprint::ABSENT && !entry.meta.has(report::SAID) {
            scope.table.remove(&key);
            scope.history.remove(&key);
        } else {
            scope.count(entry.meta, 1);
            scope.table.put(key, entry);
        }
    }
}

impl DriftFold {
    /// Takes what GitOps tools say, before what they apply is judged.
    fn neighbours(&mut self, changes: &Changes, rows: &[Live], now: Timestamp) {
        for (name, changes) in changes {
            let Some(scope) = self.scopes.get_mut(name) else { continue };
            for change in changes.iter().filter(|change| change.live == Some(Fingerprint::ABSENT)) {
                scope.neighbours.forget(change.key);
            }
            let of_scope = rows.iter().filter(|row| row.scope == *name);
            scope.neighbours.take(of_scope, now);
        }
    }
}

/// The collector of a set that says something new.
fn sweeper(record: &Record, changes: &Changes) -> Result<Option<String>, ModelError> {
    let swept = changes.iter().flat_map(|(_, changes)| changes).any(|change| change.swept);
    let chunk = swept.then(|| SetChunk::from_batch(&record.batch.data)).transpose()?;
    Ok(chunk.map(|chunk| chunk.source))
}

/// Whether a revision becomes the current one of its source.
fn takes(scope: &Scope, row: &Revision) -> bool {
    let party = scope.find(&row.source).and_then(|n| scope.parties.get(usize::from(n)));
    let known = party.is_some_and(|party| party.current.is_some() && !party.backfilled);
    let sent = scope.staged.get(&row.source).is_some_and(|staged| staged.revision == row.revision);
    row.complete && sent && !(row.backfill && known)
}

fn managed(row: &Revision) -> Vec<Place> {
    read(row.managed.as_deref())
}

/// Places as a row has them; what cannot be read is none.
fn read<T: serde::de::DeserializeOwned>(json: Option<&str>) -> Vec<T> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

fn bad(record: &Record, source: ModelError) -> FoldError {
    FoldError::Record { fold: NAME, offset: record.offset, source }
}
