//! What several sources declare of one resource. The one that declared it first counts until it lets go, so that
//! verdicts do not turn with each publication; then the next one does. That they do not agree is a finding.

use std::cmp::Ordering;
use std::iter::Peekable;

use base::Timestamp;
use model::rows::Finding;
use model::{AlertState, Fingerprint, Key, Labels, ResourceId, Severity};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::changes::Change;
use super::report::Documents;
use super::scope::{Party, Scope};
use super::table::Entry;

/// What other sources declare of a resource than the one that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// In the order in which they first did.
    others: Vec<(u8, Fingerprint)>,
    /// People were told that they differ.
    told: bool,
}

impl Claims {
    /// The versions that are declared.
    pub(super) fn versions(&self) -> impl Iterator<Item = Fingerprint> + '_ {
        self.others.iter().map(|(_, print)| *print)
    }

    fn of(&self, party: u8) -> Option<Fingerprint> {
        self.others.iter().find(|(other, _)| *other == party).map(|(_, print)| *print)
    }
}

impl Scope {
    /// What `party` declares of a resource.
    fn claim(&self, key: &Key, entry: &Entry, party: u8) -> Fingerprint {
        if entry.meta.declarer == party && entry.declared != Fingerprint::ABSENT {
            return entry.declared;
        }
        self.claims.get(key).and_then(|claims| claims.of(party)).unwrap_or(Fingerprint::ABSENT)
    }

    /// What counts once `party` declares `print`, and who declares it.
    pub(super) fn counts_then(&self, key: &Key, party: u8, print: Fingerprint) -> (Fingerprint, u8) {
        let entry = self.table.get(key).unwrap_or_default();
        let of_other = entry.declared != Fingerprint::ABSENT && entry.meta.declarer != party;
        let retired = self.parties.get(usize::from(entry.meta.declarer)).is_some_and(Party::is_retired);
        if of_other && (print == Fingerprint::ABSENT || !retired) {
            return (entry.declared, entry.meta.declarer);
        }
        let next = self.claims.get(key).and_then(|claims| claims.others.iter().find(|(other, _)| *other != party));
        match next {
            Some((other, next)) if print == Fingerprint::ABSENT => (*next, *other),
            _ => (print, party),
        }
    }

    /// Where what `party` declares, `members` in order of key, is not what it declared before.
    pub(super) fn claimed<'a>(&self, party: u8, members: impl Iterator<Item = &'a (Key, Fingerprint)>) -> Vec<Change> {
        let declares = |(key, entry): &(Key, Entry)| {
            let before = self.claim(key, entry, party);
            (before != Fingerprint::ABSENT).then_some((*key, before))
        };
        let before = self.table.iter().filter_map(|known| declares(&known)).peekable();
        let mut changes = Vec::new();
        merge(before, members.peekable(), |key, old, new| {
            if old != new {
                let (counts, _) = self.counts_then(&key, party, new);
                let known = self.table.get(&key).unwrap_or_default().declared;
                changes.push(Change {
                    claim: Some((party, new)),
                    declared: (counts != known).then_some(counts),
                    ..Change::look(key)
                });
            }
        });
        changes
    }

    /// What `party` declares as before, beside `changes` in order of key.
    pub(super) fn still_claimed(&self, party: u8, changes: &[Change]) -> Vec<Change> {
        let still = |(key, entry): (Key, Entry)| {
            let claim = self.claim(&key, &entry, party);
            let stays =
                claim != Fingerprint::ABSENT && changes.binary_search_by_key(&key, |change| change.key).is_err();
            stays.then_some(Change { claim: Some((party, claim)), ..Change::look(key) })
        };
        self.table.iter().filter_map(still).collect()
    }

    /// The versions that are looked at to say who differs, if several sources declare what the change is about.
    pub(super) fn contested(&self, change: &Change, declared: Fingerprint) -> Vec<Fingerprint> {
        let Some((_, claim)) = change.claim else { return Vec::new() };
        let claims = self.claims.get(&change.key);
        if claims.is_none() && claim == declared {
            return Vec::new();
        }
        let others = claims.into_iter().flat_map(Claims::versions).chain([claim, declared]);
        others.filter(|print| *print != Fingerprint::ABSENT).collect()
    }

    /// Takes what `party` declares of a resource now that `counter` counts.
    pub(super) fn keep_claim(&mut self, key: Key, party: u8, print: Fingerprint, counter: u8) {
        let claims = self.claims.entry(key).or_default();
        if counter == party {
            claims.others.retain(|(other, _)| *other != party);
        } else {
            match claims.others.iter_mut().find(|(other, _)| *other == party) {
                Some(known) => known.1 = print,
                None => claims.others.push((party, print)),
            }
            claims.others.retain(|(other, print)| *other != counter && *print != Fingerprint::ABSENT);
        }
        if *claims == Claims::default() {
            self.claims.remove(&key);
        }
    }

    /// A finding if sources have come to differ about a resource, or no longer do.
    pub(super) fn conflict(
        &mut self,
        name: &str,
        key: Key,
        id: &ResourceId,
        documents: &Documents<'_>,
        now: Timestamp,
    ) -> Option<Finding> {
        let entry = self.table.get(&key).unwrap_or_default();
        let counts = |party: u8| self.parties.get(usize::from(party)).is_some_and(|party| !party.backfilled);
        let claims = self.claims.get_mut(&key)?;
        // What only an earlier revision declares says nothing against the others.
        let differs = |(party, print): &&(u8, Fingerprint)| *print != entry.declared && counts(*party);
        let other = claims.others.iter().find(differs).filter(|_| counts(entry.meta.declarer)).copied();
        if other.is_none() && !claims.told {
            return None;
        }
        claims.told = other.is_some();
        if *claims == Claims::default() {
            self.claims.remove(&key);
        }
        let place = |party: u8, print| {
            let source = self.parties.get(usize::from(party)).map(|party| party.name.clone()).unwrap_or_default();
            let found = documents.declared(key, print);
            let file = found.and_then(|found| found.file.clone()).map(|file| format!(" ({file})")).unwrap_or_default();
            format!("{source}{file}")
        };
        let counts = place(entry.meta.declarer, entry.declared);
        let summary = match other {
            Some((party, print)) => {
                format!("{id} is declared twice, and not alike: {counts} counts, {} does not", place(party, print))
            }
            None => format!("{id} is declared in one way again"),
        };
        let finding = format!("conflict/{id}");
        Some(Finding {
            time: now,
            key: Key::of(finding.as_bytes()),
            finding,
            kind: "conflict".to_owned(),
            scope: name.to_owned(),
            resource: Some(id.to_string()),
            cause: format!("conflict/{name}"),
            severity: Severity::Warning,
            state: if other.is_some() { AlertState::Firing } else { AlertState::Resolved },
            summary,
            since: now,
            labels: Labels::from([("kind".to_owned(), "conflict".to_owned())]),
            evidence: json!({"diff": other.map(|(party, print)| format!("{counts}, {}", place(party, print)))})
                .to_string(),
        })
    }
}

/// Goes through both in order of key; what one of them lacks is absent there.
fn merge<'a>(
    mut old: Peekable<impl Iterator<Item = (Key, Fingerprint)>>,
    mut new: Peekable<impl Iterator<Item = &'a (Key, Fingerprint)>>,
    mut found: impl FnMut(Key, Fingerprint, Fingerprint),
) {
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some(a), Some(b)) => a.0.cmp(&b.0),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        let before = if order.is_le() { old.next() } else { None };
        let after = if order.is_ge() { new.next() } else { None };
        let print = |side: Option<(Key, Fingerprint)>| side.map_or(Fingerprint::ABSENT, |(_, print)| print);
        if let Some((key, _)) = before.or(after.copied()) {
            found(key, print(before), print(after.copied()));
        }
    }
}
