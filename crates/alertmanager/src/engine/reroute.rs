//! After a configuration that routes in another way, alerts are put into their groups anew, some at each step: a million of
//! them take seconds. Nobody is told anything meanwhile, since a group would be told of in parts.

use base::Timestamp;

use super::Engine;
use crate::labels::Fingerprint;

/// Alerts that are routed anew in one step.
const STEP: usize = 2_000;

impl Engine {
    /// All alerts are to be routed anew.
    pub(super) fn begin_reroute(&mut self) {
        self.reroute = self.alerts.keys().next().copied();
    }

    /// Routes the next alerts anew; whether none is left.
    pub(super) fn reroute(&mut self, now: Timestamp) -> bool {
        let Some(from) = self.reroute else { return true };
        let next: Vec<Fingerprint> = self.alerts.range(from..).take(STEP + 1).map(|(alert, _)| *alert).collect();
        self.reroute = next.get(STEP).copied();
        next.into_iter().take(STEP).for_each(|alert| self.reroute_one(alert, now));
        self.reroute.is_none()
    }

    fn reroute_one(&mut self, alert: Fingerprint, now: Timestamp) {
        let joins = self.fires(alert, now) || self.is_owed(alert, now);
        let Some(held) = self.alerts.get_mut(&alert) else { return };
        self.marks.alerts.insert(alert);
        let before = std::mem::take(&mut held.groups);
        if joins {
            let (version, cause) = (held.alert(), held.cause.clone());
            self.join(alert, &version, cause, now);
        }
        let after = self.groups_of(alert);
        for id in before.iter().filter(|id| !after.contains(id)) {
            if let Some(group) = self.groups.get_mut(id) {
                group.alerts.remove(&alert);
            }
        }
    }
}
