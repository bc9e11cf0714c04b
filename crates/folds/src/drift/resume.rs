//! After a time in which nothing ran: no collector and no source could say meanwhile how it is, and what they said before may
//! be over.

use std::time::Duration;

use base::Timestamp;
use model::{Key, Record, ScopeState, Stream, Verdict};

use super::changes::Change;
use super::scope::{Party, Scope};
use super::table::Entry;
use super::{DriftFold, judge};

/// How long may pass until it looks again, while somebody is expected to speak.
const LOOK: Duration = Duration::from_secs(20);
/// From so long on between two records nothing ran: where it runs, it looks more often. It is shorter than what a collector
/// has left until its silence counts, however shortly before the end it spoke.
const AWAY: Duration = Duration::from_secs(45);
/// Who goes on after that, and does not begin anew, has told within this what came meanwhile.
const CATCHES_UP: Duration = Duration::from_secs(100);
/// Who begins anew, or has told of earlier revisions only, has told all within this; if somebody waits for it then, what it
/// speaks of is unknown.
const BEGINS: Duration = Duration::from_secs(15 * 60);

impl DriftFold {
    /// Whether nothing ran for a while before `now`, the time of a record.
    fn was_away(&self, now: Timestamp) -> bool {
        now.since(self.looked) >= AWAY
    }

    /// Whether who speaks may have been started before this record, or something may have come that nobody saw.
    pub(super) fn begins(&self, record: &Record) -> bool {
        let starts = record.batch.stream == Stream::Ticks && record.batch.key == fold::START;
        starts || self.was_away(record.time)
    }

    /// Is called with each record, before what it brings. After a time in which nothing ran, all get as long to speak as
    /// after a good word.
    pub(super) fn resume(&mut self, record: &Record) {
        if self.begins(record) {
            let away = self.was_away(record.time);
            let parties = self.scopes.values_mut().flat_map(|scope| &mut scope.parties);
            // Who is waited for gets no more time by starts that follow each other.
            parties.filter(|party| away || party.again.is_none()).for_each(|party| party.resume(record.time));
        }
        self.looked = record.time;
    }

    /// When to look again, so that a time without records means that nothing ran; nothing where nobody is expected to speak.
    pub(super) fn look(&self) -> Option<Timestamp> {
        let expected = self.scopes.values().flat_map(|scope| &scope.parties).any(Party::is_expected);
        expected.then(|| self.looked.plus(LOOK))
    }

    /// When something is to be said of a resource that rolls out: at its deadline, or when who speaks of it is no longer
    /// waited for.
    pub(super) fn due_at(&self, scope: &Scope, key: &Key) -> Option<Timestamp> {
        let deadline = self.deadline(scope, key)?;
        let patience = scope.speakers(key).filter_map(Party::patience);
        Some(patience.fold(deadline, Timestamp::max))
    }

    /// When what came to differ since is looked at again, if nobody says more.
    pub(super) fn waits_until(&self) -> Option<Timestamp> {
        let waiting = self.scopes.values().filter(|scope| !scope.later.is_empty());
        // One that only sees may look for longer: no source waits for it.
        let tells = |party: &&Party| !party.down && party.current.is_some();
        waiting.flat_map(|scope| &scope.parties).filter(tells).filter_map(Party::patience).min()
    }

    /// Whether a resource that rolls out, or one that came to differ, waits for one for which nobody waits any longer.
    pub(super) fn is_in_vain(&self, scope: &Scope, party: u8, now: Timestamp) -> bool {
        let speaks = |entry: Entry| entry.meta.watcher == party || entry.meta.declarer == party;
        let late = |key: &Key| self.deadline(scope, key).is_some_and(|deadline| deadline <= now);
        let waits = |key: &Key| scope.table.get(key).is_some_and(speaks) && late(key);
        let puts_off = |party: &Party| party.current.is_some() && !scope.later.is_empty();
        scope
            .parties
            .get(usize::from(party))
            .is_some_and(|party| party.is_slow(now) && (puts_off(party) || scope.rolling.iter().any(waits)))
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, now: Timestamp) {
        let slow =
            |scope: &Scope| (0..=u8::MAX).take(scope.parties.len()).map(|n| self.is_in_vain(scope, n, now)).collect();
        let slow: Vec<Vec<bool>> = self.scopes.values().map(slow).collect();
        for (scope, slow) in self.scopes.values_mut().zip(slow) {
            scope.parties.iter_mut().zip(slow).for_each(|(party, in_vain)| party.pass(now, in_vain));
        }
    }
}

impl Scope {
    /// Who sees and who declares a resource.
    fn speakers(&self, key: &Key) -> impl Iterator<Item = &Party> {
        let entry = self.table.get(key);
        let speakers = entry.into_iter().flat_map(|entry| [entry.meta.watcher, entry.meta.declarer]);
        speakers.filter_map(|n| self.parties.get(usize::from(n)))
    }

    /// What was put off.
    pub(super) fn later(&self) -> impl Iterator<Item = Change> {
        self.later.iter().map(|key| Change::look(*key))
    }

    /// Whether nothing is said of a resource before its sources have told anew what they declare: what came to differ while
    /// nothing ran may be what a commit declares that was made meanwhile.
    pub(super) fn puts_off(&mut self, key: Key, entry: &Entry, verdict: Option<Verdict>) -> bool {
        let tells =
            |party: &Party| party.again.is_some() && !party.down && party.current.is_some() && !party.is_retired();
        let is_drift = |verdict: Option<Verdict>| verdict.is_some_and(Verdict::is_drift);
        let waits = match verdict {
            Some(Verdict::Unmanaged) => self.parties.iter().any(tells),
            _ => self.parties.get(usize::from(entry.meta.declarer)).is_some_and(tells),
        };
        let later = waits && is_drift(verdict) && !is_drift(judge::verdict(entry.meta.verdict));
        if later {
            self.later.insert(key);
        } else {
            self.later.remove(&key);
        }
        later
    }

    /// Whether nothing is known of a resource since a time in which nothing ran.
    pub(super) fn waits(&self, key: &Key) -> bool {
        self.speakers(key).any(|party| party.again.is_some())
    }
}

impl Party {
    /// Until `now` it could not speak: it gets its time to.
    fn resume(&mut self, now: Timestamp) {
        if self.is_retired() {
            let lets_go = Some(self.deadline).filter(|deadline| *deadline < Timestamp::MAX);
            self.deadline = lets_go.map_or(Timestamp::MAX, |deadline| deadline.max(now.plus(BEGINS)));
            return;
        }
        if self.is_expected() {
            self.deadline = self.deadline.max(now.plus(self.window));
        }
        self.again = self.has_told().then_some(now);
        self.early = self.early.map(|_| now);
    }

    /// Whether it has told all that there is, once.
    fn has_told(&self) -> bool {
        self.complete || self.current.is_some()
    }

    /// Whether it is still to look anew when it says that it is in this state.
    pub(super) fn looks_again(&self, state: ScopeState) -> bool {
        match state {
            ScopeState::Ok => self.again.is_some() && self.state == ScopeState::Ok,
            ScopeState::Scanning => self.again.is_some() || (self.has_told() && self.state != ScopeState::Scanning),
            _ => self.again.is_some(),
        }
    }

    /// Whether it stays unknown though it says that it is in this state: it was silent and begins anew, or is only beginning.
    pub(super) fn stays_down(&self, state: ScopeState, now: Timestamp) -> bool {
        let begins = state == ScopeState::Scanning && self.looks_again(state);
        self.down && (begins || self.is_early(now))
    }

    /// How long it is waited for if it is to look anew.
    fn patience(&self) -> Option<Timestamp> {
        let within = if self.state == ScopeState::Ok { CATCHES_UP } else { BEGINS };
        self.again.map(|since| since.plus(within))
    }

    /// Whether it is waited for no longer.
    pub(super) fn is_given_up(&self, now: Timestamp) -> bool {
        self.patience().is_some_and(|patience| patience <= now)
    }

    /// Whether it still looks anew, and nobody waits any longer.
    pub(super) fn is_slow(&self, now: Timestamp) -> bool {
        self.state == ScopeState::Scanning && self.is_given_up(now)
    }

    /// When it should have told of the newest revision.
    pub(super) fn newest_by(&self) -> Option<Timestamp> {
        self.early.map(|since| since.plus(BEGINS))
    }

    /// Whether it has told of earlier revisions only, and for too long.
    pub(super) fn is_early(&self, now: Timestamp) -> bool {
        self.newest_by().is_some_and(|by| by <= now)
    }

    /// Time has passed. `in_vain`: something waits for it, and nobody waits any longer.
    fn pass(&mut self, now: Timestamp, in_vain: bool) {
        if self.is_retired() {
            if self.deadline <= now {
                (self.current, self.deadline) = (None, Timestamp::MAX);
            }
            return;
        }
        if self.backfilled {
            self.early = self.early.or(Some(now));
        }
        self.down |= self.deadline <= now || in_vain || self.is_early(now);
        if self.state != ScopeState::Scanning && self.is_given_up(now) {
            self.again = None;
        }
    }
}
