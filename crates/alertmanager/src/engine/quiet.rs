//! Whether an incident that somebody was told of would be told of now.

use base::Timestamp;

use super::Engine;
use super::group::Group;
use super::held::Held;
use crate::labels::Fingerprint;

impl Engine {
    /// Whether silences mute an incident: the alert that stands for it, or all that fire of its group.
    pub fn is_silenced(&self, incident: &str, now: Timestamp) -> bool {
        if self.silences.is_idle() {
            return false;
        }
        let is_muted = |held: &Held| !self.silences.mutes(&held.labels(), now).is_empty();
        if let Some(alert) = self.incidents.get(incident) {
            return self.alerts.get(alert).is_some_and(is_muted);
        }
        self.group(incident).is_some_and(|group| self.all_that_fires(group, now, |_, held| is_muted(held)))
    }

    /// Whether a way out that was told of an incident would be told nothing of it now: its route is muted, or silences and other
    /// alerts hold back all that fires.
    pub fn is_held_back(&self, incident: &str, way: &str, now: Timestamp) -> bool {
        let ours = self.incidents.get(incident).map(|alert| self.groups_of(*alert)).unwrap_or_default();
        let groups = ours.iter().filter_map(|id| self.groups.get(id)).chain(self.group(incident));
        // Ours keeps the groups that it was in with other labels: one of them that speaks is enough.
        let mut told = groups.filter(|group| group.told.contains_key(way)).peekable();
        told.peek().is_some()
            && told.all(|group| {
                self.setup.blocked(group.route, now).is_some()
                    || self.all_that_fires(group, now, |alert, held| self.suppressed(alert, held, now).is_some())
            })
    }

    /// Whether an incident is open, as far as is known here.
    pub fn knows(&self, incident: &str) -> bool {
        self.incidents.contains_key(incident) || self.by_incident.contains_key(incident)
    }

    fn group(&self, incident: &str) -> Option<&Group> {
        self.groups.get(self.by_incident.get(incident)?)
    }

    /// Whether something fires that somebody was told of, and all of that is so. What joined since is told by itself.
    fn all_that_fires(&self, group: &Group, now: Timestamp, is: impl Fn(Fingerprint, &Held) -> bool) -> bool {
        let told = group.alerts.keys().filter(|alert| group.was_told_of(**alert));
        let held = told.filter_map(|alert| Some((*alert, self.alerts.get(alert)?)));
        let mut firing = held.filter(|(_, held)| !held.is_resolved(now)).peekable();
        firing.peek().is_some() && firing.all(|(alert, held)| is(alert, held))
    }
}
