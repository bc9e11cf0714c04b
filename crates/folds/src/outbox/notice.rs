//! Notices: what an Alertmanager configuration wants one receiver to be told.

use std::collections::BTreeSet;

use base::Timestamp;
use model::rows::{Notice, Routing};
use notify::Notification;

use super::{OutboxFold, Told};

/// What names of receivers that notices tell begin with.
pub(super) const DIRECT: &str = "alertmanager/";
/// The scope of incidents that are groups of posted alerts.
pub const GROUPS: &str = "alertmanager";

impl OutboxFold {
    /// Whether notices tell of incidents of this scope, so that the routes of receivers open nothing for them.
    pub(super) fn has_notices(&self, scope: &str) -> bool {
        scope == GROUPS && !self.direct.is_empty()
    }

    /// The receivers that were told of an incident by the routes of receivers: those of notices are
    /// told by notices only.
    pub(super) fn routed(&self, incident: &str) -> BTreeSet<String> {
        let lanes = self.lanes.get(incident).into_iter().flatten();
        lanes.map(|(receiver, _)| receiver.clone()).filter(|receiver| !receiver.starts_with(DIRECT)).collect()
    }

    /// Whether a receiver is configured, here or in the Alertmanager configuration.
    pub(super) fn knows(&self, receiver: &str) -> bool {
        self.routes.knows(receiver) || self.direct.contains(receiver)
    }

    /// Takes the receivers of a new Alertmanager configuration. Those that are gone are told the end of
    /// what they were told, by notices that follow.
    pub(super) fn reroute(&mut self, row: &Routing) {
        self.direct = serde_json::from_str(&row.receivers).unwrap_or_default();
    }

    /// Whether what a receiver was told is still to be followed.
    pub(super) fn follows(&self, receiver: &str) -> bool {
        self.knows(receiver) || receiver.starts_with(DIRECT)
    }

    pub(super) fn notice(&mut self, row: &Notice, now: Timestamp, told: &mut Told) {
        let (receiver, incident) = (&row.receiver, &row.incident);
        if row.action == "forget" {
            return self.take_back(row, now, told);
        }
        let Ok(notification) = serde_json::from_str::<Notification>(&row.payload) else {
            tracing::error!(receiver, incident, "a notice cannot be read, and nobody is told: a bug");
            return;
        };
        if row.action == "resolve" {
            return self.close(receiver, incident, &notification, &row.reason, now, told);
        }
        if let Some(lane) = self.lane(receiver, incident) {
            if lane.closing {
                lane.returns = Some(Box::new((notification, row.reason.clone())));
                return;
            }
            lane.want(&notification, &row.reason);
            self.send_in_order(receiver, incident, now, told);
        }
    }

    /// The incident is over, and the receiver wants no word of that. Where the notice has what to say of it, nobody is to act on
    /// the incident any more: who sends what is on its way would try it again and again, so that its end takes its place; and
    /// who was told that it did not arrive is told the end.
    fn take_back(&mut self, row: &Notice, now: Timestamp, told: &mut Told) {
        let (receiver, incident) = (&row.receiver, &row.incident);
        let on_its_way =
            self.lanes.get(incident).and_then(|lanes| lanes.get(receiver)).is_some_and(|lane| lane.in_flight());
        let Ok(notification) = serde_json::from_str::<Notification>(&row.payload) else {
            return self.drop_lane(receiver, incident);
        };
        let receivers = self.routed(incident);
        if !on_its_way {
            self.forget(receiver, incident);
        }
        for receiver in receivers {
            self.close(&receiver, incident, &notification, &row.reason, now, told);
            self.leave(&receiver, incident, now, told);
        }
    }

    /// What is on its way ends, and nothing follows.
    fn drop_lane(&mut self, receiver: &str, incident: &str) {
        let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) else { return };
        if lane.in_flight() {
            (lane.closing, lane.waiting, lane.wanted, lane.returns) = (true, false, None, None);
        } else {
            self.forget(receiver, incident);
        }
    }
}
