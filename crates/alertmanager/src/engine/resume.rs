//! After a time in which nobody looked: whoever posts alerts could not say meanwhile that they go on.

use std::time::Duration;

use base::Timestamp;

use super::Engine;
use crate::labels::Fingerprint;

/// How long may pass until it looks again, while alerts are held.
pub(super) const LOOK: Duration = Duration::from_secs(30);
/// From so long on between two looks nothing ran that takes alerts. An alert of Prometheus ends at the earliest three minutes
/// after it was posted last, and is posted again a minute or so after we are back.
const AWAY: Duration = Duration::from_secs(90);
/// How long who posts alerts has then at least: `resolve_timeout` may be short where all of them say when their alerts end.
const GRACE: Duration = Duration::from_secs(5 * 60);

impl Engine {
    /// Is called with the time of each record, before what it brings. If it was away, alerts that were posted, fired when it
    /// looked last and would be over by now or soon go on, as if they had been posted now without an end. Whether it was away.
    pub fn resume(&mut self, now: Timestamp) -> bool {
        if self.alerts.is_empty() || now.since(self.looked) < AWAY {
            return false;
        }
        let (from, until) = (self.looked, now.plus(self.setup.resolve_timeout.max(GRACE)));
        let posted = self.alerts.iter().filter(|(_, held)| held.cause.is_none());
        let ending = posted.filter(|(_, held)| held.times.ends_at > from && held.times.ends_at < until);
        for alert in ending.map(|(alert, _)| *alert).collect::<Vec<_>>() {
            self.prolong(alert, until);
        }
        true
    }

    fn prolong(&mut self, alert: Fingerprint, until: Timestamp) {
        let Some(held) = self.alerts.get_mut(&alert) else { return };
        (held.times.ends_at, held.times.timeout) = (until, true);
        let labels = held.labels();
        self.inhibitor.update(alert, &labels, Some(until));
        self.marks.times.insert(alert);
    }
}
