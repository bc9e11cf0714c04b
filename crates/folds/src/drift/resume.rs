//! After a time in which nothing ran: no collector and no source could say meanwhile how it is.

use std::time::Duration;

use base::Timestamp;

use super::DriftFold;
use super::scope::Party;

/// How long may pass until it looks again, while somebody is expected to speak.
const LOOK: Duration = Duration::from_secs(20);
/// From so long on between two records nothing ran: where it runs, it looks more often. It is shorter than what a collector
/// has left until its silence counts, however shortly before the end it spoke.
const AWAY: Duration = Duration::from_secs(45);

impl DriftFold {
    /// Whether nothing ran for a while before `now`, the time of a record.
    pub(super) fn was_away(&self, now: Timestamp) -> bool {
        now.since(self.looked) >= AWAY
    }

    /// Is called with the time of each record, before what it brings. After a time in which nothing ran, all get as long to
    /// speak as after a good word.
    pub(super) fn resume(&mut self, now: Timestamp) {
        if self.was_away(now) {
            self.scopes.values_mut().flat_map(|scope| &mut scope.parties).for_each(|party| party.resume(now));
        }
        self.looked = now;
    }

    /// When to look again, so that a time without records means that nothing ran; nothing where nobody is expected to speak.
    pub(super) fn look(&self) -> Option<Timestamp> {
        let expected = self.scopes.values().flat_map(|scope| &scope.parties).any(Party::is_expected);
        expected.then(|| self.looked.plus(LOOK))
    }
}
