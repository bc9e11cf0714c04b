//! What records say of single resources, taken into the table.

use base::Timestamp;
use model::Fingerprint;
use model::Key;
use model::rows::{Live, Revision};

use super::DriftFold;
use super::changes::Change;
use super::judge;
use super::scope::{Party, Past};
use super::table::{AGREED, BASELINE, Entry, GAP, LEFT_OVER, REPLACE_ONLY, WENT};

/// The kind of the resource that changes when a host is replaced or started anew; everything of
/// its scope is then a new instance.
const INSTANCE: &str = "instance";

impl DriftFold {
    /// What a collector sees when it has first seen all of an instance is what later changes of
    /// that instance are measured by.
    pub(super) fn rebase(&mut self, scope: &str, watcher: u8) {
        let Some(scope) = self.scopes.get_mut(scope) else { return };
        let of = |entry: &Entry| entry.meta.watcher == watcher && entry.meta.has(REPLACE_ONLY);
        let entries: Vec<(Key, Entry)> = scope.table.iter().filter(|(_, entry)| of(entry)).collect();
        for (key, entry) in entries {
            scope.table.put(key, Entry { baseline: entry.live, ..entry });
        }
    }

    /// Takes what `source` sees of one resource, if it is a collector that speaks.
    pub(super) fn observe(&mut self, name: &str, change: &Change, row: Option<&Live>, source: Option<&str>) {
        let scope = self.scopes.entry(name.to_owned()).or_default();
        let known = scope.table.get(&change.key);
        let mut entry = known.unwrap_or_default();
        scope.count(entry.meta, -1);
        // A first look that did not see all is no measure of what comes later, and nobody saw
        // something come that is known by a full set only.
        let first = (entry.meta.has(GAP) && entry.baseline == entry.live) || (change.swept && known.is_none());
        if let Some(live) = change.live {
            // A set without it says as much of a collector that looks there no longer.
            let went = row.is_some() && (entry.live != Fingerprint::ABSENT || entry.meta.has(WENT));
            entry.meta.set(WENT, live == Fingerprint::ABSENT && went);
            entry.live = live;
        }
        if let Some(row) = row {
            entry.meta.set(REPLACE_ONLY, self.config.must_not_change(&row.kind));
            entry.meta.set(GAP, entry.meta.has(REPLACE_ONLY) && judge::has_gap(row));
        }
        let new = known.is_none_or(|known| known.live == Fingerprint::ABSENT);
        let may_come = row.is_some_and(|row| self.config.immutable.contains(&row.kind));
        let first = first || (new && may_come);
        if let Some(source) = source {
            entry.meta.watcher = scope.party(source);
            let scanning = scope.parties.get(usize::from(entry.meta.watcher)).is_some_and(|party| !party.complete);
            if (first || scanning) && !entry.meta.has(BASELINE) {
                entry.baseline = entry.live;
            }
        }
        scope.count(entry.meta, 1);
        scope.table.put(change.key, entry);
    }

    /// Takes what a revision declares of one resource; without one its source has let go of it.
    pub(super) fn declare(&mut self, name: &str, change: &Change, source: Option<&Revision>, now: Timestamp) {
        let Some((party, claim)) = change.claim else { return };
        let earlier_versions = self.config.earlier_versions;
        let scope = self.scopes.entry(name.to_owned()).or_default();
        let (declared, declarer) = scope.counts_then(&change.key, party, claim);
        scope.keep_claim(change.key, party, claim, declarer);
        let mut entry = scope.table.get(&change.key).unwrap_or_default();
        scope.count(entry.meta, -1);
        if declared != entry.declared {
            let before = if entry.declared == Fingerprint::ABSENT { party } else { entry.meta.declarer };
            let current = scope.parties.get(usize::from(before)).and_then(|party| party.current.clone());
            // The same revision read anew, with another schema, is no other version of it.
            if let Some(had) =
                current.filter(|had| before != party || source.is_none_or(|row| row.revision != had.revision))
            {
                let past = Past { fingerprint: entry.declared, revision: had.revision, replaced: now };
                let history = scope.history.entry(change.key).or_default();
                history.retain(|past| past.fingerprint != declared);
                history.insert(0, past);
                history.truncate(earlier_versions);
            }
            entry.declared = declared;
            entry.meta.set(AGREED, false);
        }
        entry.meta.declarer = declarer;
        let stays = |party: &Party| party.is_retired() || self.config.may_leave_behind.contains(&party.name);
        entry.meta.set(LEFT_OVER, !scope.parties.get(usize::from(declarer)).is_some_and(stays));
        scope.count(entry.meta, 1);
        scope.table.put(change.key, entry);
    }

    /// A host that was replaced or started anew is another instance.
    pub(super) fn instances(&mut self, rows: &[Live]) {
        for row in rows.iter().filter(|row| row.kind == INSTANCE && row.present) {
            let Some(scope) = self.scopes.get_mut(&row.scope) else { continue };
            let known = scope.table.get(&row.key).map(|entry| entry.live);
            if known.is_some_and(|live| live != Fingerprint::ABSENT && live != row.fingerprint) {
                scope.parties.iter_mut().for_each(|party| party.complete = false);
            }
        }
    }
}
