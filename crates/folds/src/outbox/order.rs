//! Incidents of one group of alerts come one after the other: who is told of them by the group, as webhooks are, must not
//! get the end of one after the beginning of the next.

use std::ops::Bound;
use std::time::Duration;

use base::Timestamp;

use super::notice::DIRECT;
use super::{OutboxFold, Told};

/// What names of incidents begin with that are groups; then come what the group is known by, `#` and a time.
pub(super) const GROUP: &str = "group/";
/// How long a beginning waits for an end that does not arrive: who cannot take ends is to be paged.
const HOLD: Duration = Duration::from_secs(15 * 60);

impl OutboxFold {
    /// Sends what waits if it may go, unless the end of an earlier incident of the same group is still on its way.
    pub(super) fn send_in_order(&mut self, receiver: &str, incident: &str, now: Timestamp, told: &mut Told) {
        let follows = self.follows_an_end(receiver, incident);
        let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) else { return };
        if follows && lane.sequence == 0 {
            let until = *lane.held.get_or_insert(now.plus(HOLD));
            if until > now {
                self.held.insert((until, receiver.to_owned(), incident.to_owned()));
                return;
            }
        }
        self.unhold(receiver, incident);
        self.send_ready(receiver, incident, now, told);
    }

    /// Whether an earlier incident of the group ends at the receiver. One whose end is refused is not waited for.
    fn follows_an_end(&self, receiver: &str, incident: &str) -> bool {
        self.siblings(receiver, incident).any(|name| {
            let lane = self.lanes.get(name).and_then(|lanes| lanes.get(receiver));
            name < incident && lane.is_some_and(|lane| lane.closing && lane.refused < lane.sequence)
        })
    }

    /// The other incidents of the same group of which a receiver was told.
    fn siblings(&self, receiver: &str, incident: &str) -> impl Iterator<Item = &str> {
        let group = incident.rsplit_once('#').map(|(group, _)| group);
        let group = group.filter(|group| group.starts_with(GROUP) && receiver.starts_with(DIRECT));
        let prefix = group.map(|group| format!("{group}#"));
        let from = prefix.clone().map_or(Bound::Unbounded, Bound::Included);
        let names = self.lanes.range((from, Bound::Unbounded)).map(|(name, _)| name.as_str());
        let names =
            names.take_while(move |name| prefix.as_ref().is_some_and(|prefix| name.starts_with(prefix.as_str())));
        names.filter(move |name| *name != incident)
    }

    /// An incident has ended at a receiver: what waited for that goes.
    pub(super) fn release(&mut self, receiver: &str, incident: &str, now: Timestamp, told: &mut Told) {
        let next: Vec<String> = self.siblings(receiver, incident).map(str::to_owned).collect();
        for next in next {
            let lane = self.lanes.get(&next).and_then(|lanes| lanes.get(receiver));
            if lane.is_some_and(|lane| lane.held.is_some()) {
                self.send_in_order(receiver, &next, now, told);
            }
        }
    }

    /// Sends what has waited for long enough.
    pub(super) fn hold_no_longer(&mut self, now: Timestamp, told: &mut Told) {
        while let Some((at, receiver, incident)) = self.held.first().filter(|(at, ..)| *at <= now).cloned() {
            self.held.remove(&(at, receiver.clone(), incident.clone()));
            self.send_in_order(&receiver, &incident, now, told);
        }
    }

    /// When something has waited for long enough.
    pub(super) fn next_held(&self) -> Option<Timestamp> {
        self.held.first().map(|(at, ..)| *at)
    }

    pub(super) fn unhold(&mut self, receiver: &str, incident: &str) {
        let lane = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver));
        if let Some(at) = lane.and_then(|lane| lane.held.take()) {
            self.held.remove(&(at, receiver.to_owned(), incident.to_owned()));
        }
    }

    /// Finds again what the lanes say.
    pub(super) fn held_restored(&mut self) {
        let lanes = self.lanes.iter().flat_map(|(incident, lanes)| lanes.iter().map(move |lane| (incident, lane)));
        let held =
            lanes.filter_map(|(incident, (receiver, lane))| Some((lane.held?, receiver.clone(), incident.clone())));
        self.held = held.collect();
    }
}
