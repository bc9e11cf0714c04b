//! Alerts that have been over for long are dropped, some at each step.

use std::ops::Bound;
use std::time::Duration;

use base::Timestamp;

use super::Engine;
use crate::labels::Fingerprint;

/// How long an alert that is over is kept, so that one that comes back is the same alert.
const KEEP: Duration = Duration::from_secs(30 * 60);
/// Alerts that are looked at in a step, at least.
const LEAST: usize = 64;
/// At most, unless more came.
const MOST: usize = 20_000;

impl Engine {
    /// Looks at the next alerts, in a circle: at twice as many as came, so that there are never many more than one has to keep,
    /// and at all of them in the time for which one is kept. `passed` is the time since the last step.
    pub(super) fn sweep(&mut self, passed: Duration, now: Timestamp) {
        let share = self.alerts.len() as u128 * passed.as_nanos() / KEEP.as_nanos();
        let share = usize::try_from(share).unwrap_or(MOST).clamp(LEAST, MOST);
        let many = share.max(2 * std::mem::take(&mut self.came));
        let from = self.sweep.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.alerts.range((from, Bound::Unbounded)).take(many);
        let next: Vec<Fingerprint> = next.map(|(alert, _)| *alert).collect();
        self.sweep = next.last().copied().filter(|_| next.len() == many);
        for alert in next {
            if self.is_past(alert, now) {
                self.drop_alert(alert);
            }
        }
    }

    /// Whether it was over for long, and no group has it.
    fn is_past(&self, alert: Fingerprint, now: Timestamp) -> bool {
        let Some(held) = self.alerts.get(&alert) else { return false };
        let is_in = |id: &u64| self.groups.get(id).is_some_and(|group| group.alerts.contains_key(&alert));
        held.times.ends_at.plus(KEEP) <= now && !held.groups.iter().any(is_in)
    }

    fn drop_alert(&mut self, alert: Fingerprint) {
        let Some(held) = self.alerts.remove(&alert) else { return };
        self.inhibitor.update(alert, &held.labels(), None);
        self.mark(alert);
        if let Some(cause) = held.cause {
            self.incidents.remove(&cause.incident);
        }
    }
}
