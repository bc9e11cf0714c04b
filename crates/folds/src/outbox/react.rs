//! What people do about an incident at its provider.

use base::{Marked, Timestamp};
use model::rows::Reaction;

use super::lane::{Closed, Lane};
use super::packed::Packed;
use super::{OutboxFold, Told};

/// Other names of incidents: by receiver and name.
pub(super) type Names = Marked<(String, String), String>;

/// Reactions of one time that are told apart.
const SAME_TIME: usize = 16;
/// What changes how an incident is told of; the rest is only shown.
const TELLING: [&str; 5] = ["triggered", "acknowledged", "unacknowledged", "resolved", "reopened"];

impl OutboxFold {
    /// Takes in what was done. Deliveries repeat and overtake each other: what happened before what is known changes nothing.
    pub(super) fn react(&mut self, row: &Reaction, now: Timestamp, told: &mut Told) {
        let Some(incident) = self.incident_of(row) else { return count(row, "unknown") };
        let (receiver, again) = (&row.receiver, self.routes.again(&row.receiver));
        let Some(lane) = self.lanes.get_mut(&incident).and_then(|lanes| lanes.get_mut(receiver)) else {
            return count(row, "unknown");
        };
        if !TELLING.contains(&row.action.as_str()) {
            return count(row, "shown");
        }
        if !is_news(lane, row) {
            return count(row, "late");
        }
        if lane.alias.as_ref() != Some(&row.provider_incident) {
            if let Some(before) = lane.alias.replace(row.provider_incident.clone()) {
                self.drop_name(receiver, &before, &incident);
            }
            self.name(receiver, &row.provider_incident, &incident);
        }
        match (row.action.as_str(), again) {
            ("acknowledged", _) => self.acknowledge(receiver, &incident),
            ("resolved", Some(after)) => self.close_there(row, &incident, now.plus(after)),
            (action, _) => self.open_there(receiver, &incident, action, now, told),
        }
        count(row, "taken");
    }

    /// Nobody else has to be told.
    fn acknowledge(&mut self, receiver: &str, incident: &str) {
        if let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) {
            lane.acknowledged = true;
        }
        let receivers: Vec<String> =
            self.lanes.get(incident).into_iter().flatten().map(|(name, _)| name.clone()).collect();
        receivers.iter().for_each(|receiver| self.unwatch(receiver, incident));
    }

    /// Whether somebody has acknowledged it, wherever.
    pub(super) fn is_acknowledged(&self, incident: &str) -> bool {
        self.lanes.get(incident).is_some_and(|lanes| lanes.values().any(|lane| lane.acknowledged))
    }

    fn close_there(&mut self, row: &Reaction, incident: &str, until: Timestamp) {
        let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(&row.receiver)) else { return };
        lane.acknowledged = false;
        // Our own resolve comes back like this.
        if lane.closing {
            return;
        }
        let last = lane.closed.as_ref().map(|closed| closed.until);
        let by = row.actor.as_deref().map(|actor| format!(" by {actor}")).unwrap_or_default();
        lane.closed = Some(Closed { how: format!("resolved{by} in {}", row.provider), until });
        self.unwatch(&row.receiver, incident);
        let named = |at| (at, row.receiver.clone(), incident.to_owned());
        last.map(|last| self.closed.remove(&named(last)));
        self.closed.insert(named(until));
    }

    fn open_there(&mut self, receiver: &str, incident: &str, action: &str, now: Timestamp, told: &mut Told) {
        let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) else { return };
        lane.acknowledged = false;
        let in_flight = lane.in_flight();
        if action != "unacknowledged" {
            self.unclose(receiver, incident);
        }
        if in_flight {
            self.watch(receiver, incident, now);
        }
        self.send_ready(receiver, incident, now, told);
    }

    /// What is told next of it opens it anew, if it was resolved at the provider.
    pub(super) fn reopen(&mut self, receiver: &str, incident: &str) {
        let lane = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver));
        let Some(lane) = lane.filter(|lane| lane.closed.is_some()) else { return };
        lane.anew = true;
        if let (Some(mut notification), Some(closed)) = (lane.wanted.as_ref().and_then(Packed::open), &lane.closed) {
            notification.note = Some(format!("{}, and not over", closed.how));
            lane.wanted = Some(Packed::of(&notification));
        }
        self.unclose(receiver, incident);
    }

    /// Tells anew what was resolved at the provider some time ago and is still open.
    pub(super) fn again(&mut self, now: Timestamp, told: &mut Told) {
        while let Some((at, receiver, incident)) = self.closed.first().filter(|(at, ..)| *at <= now).cloned() {
            self.closed.remove(&(at, receiver.clone(), incident.clone()));
            if self.is_quiet(&receiver, &incident, now) {
                self.hush(&receiver, &incident, now);
                continue;
            }
            let Some(lane) = self.lanes.get_mut(&incident).and_then(|lanes| lanes.get_mut(&receiver)) else { continue };
            let wanted = lane.wanted.as_ref().and_then(Packed::open);
            if let (Some(wanted), Some(closed)) = (wanted, lane.closed.clone()) {
                lane.waiting = false;
                lane.want(&wanted, &format!("{}, and not over", closed.how));
            }
            metrics::counter!("steadfast_told_anew_total", "receiver" => receiver.clone()).increment(1);
            self.reopen(&receiver, &incident);
            self.send_ready(&receiver, &incident, now, told);
        }
    }

    /// When something is told anew.
    pub(super) fn next_again(&self) -> Option<Timestamp> {
        self.closed.first().map(|(at, ..)| *at)
    }

    pub(super) fn unclose(&mut self, receiver: &str, incident: &str) {
        let lane = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver));
        if let Some(closed) = lane.and_then(|lane| lane.closed.take()) {
            self.closed.remove(&(closed.until, receiver.to_owned(), incident.to_owned()));
        }
    }

    /// Our incident that a reaction is about.
    fn incident_of(&self, row: &Reaction) -> Option<String> {
        let told = |incident: &String| self.lanes.get(incident).is_some_and(|lanes| lanes.contains_key(&row.receiver));
        let named = |name: &String| self.names.get(&(row.receiver.clone(), name.clone())).cloned();
        let key = row.incident.as_ref();
        key.filter(|key| told(key)).cloned().or_else(|| named(key?)).or_else(|| named(&row.provider_incident))
    }

    /// Remembers another name of an incident.
    pub(super) fn name(&mut self, receiver: &str, name: &str, incident: &str) {
        if name != incident && self.routes.again(receiver).is_some() {
            self.names.insert((receiver.to_owned(), name.to_owned()), incident.to_owned());
        }
    }

    /// Forgets the other names of an incident.
    pub(super) fn unname(&mut self, receiver: &str, incident: &str) {
        let Some(lane) = self.lanes.get(incident).and_then(|lanes| lanes.get(receiver)) else { return };
        for name in lane.reference.clone().into_iter().chain(lane.alias.clone()) {
            self.drop_name(receiver, &name, incident);
        }
    }

    /// A name may have become that of another incident.
    fn drop_name(&mut self, receiver: &str, name: &str, incident: &str) {
        let key = (receiver.to_owned(), name.to_owned());
        if self.names.get(&key).is_some_and(|of| of == incident) {
            self.names.remove(&key);
        }
    }

    /// Finds again what the lanes say.
    pub(super) fn react_restored(&mut self) {
        let lanes = self.lanes.iter().flat_map(|(incident, lanes)| lanes.iter().map(move |lane| (incident, lane)));
        let closed = lanes.filter(|(_, (_, lane))| !lane.quiet).filter_map(|(incident, (receiver, lane))| {
            Some((lane.closed.as_ref()?.until, receiver.clone(), incident.clone()))
        });
        self.closed = closed.collect();
        let lanes = &self.lanes;
        self.names.retain(|(receiver, _), of| lanes.get(of).is_some_and(|lanes| lanes.contains_key(receiver)));
    }
}

/// Whether it happened after, or beside, what is known; notes it.
fn is_news(lane: &mut Lane, row: &Reaction) -> bool {
    match &mut lane.reacted {
        Some((time, _)) if row.time < *time => return false,
        Some((time, events)) if row.time == *time => {
            if events.contains(&row.event) || events.len() >= SAME_TIME {
                return false;
            }
            events.push(row.event.clone());
        }
        reacted => *reacted = Some((row.time, vec![row.event.clone()])),
    }
    true
}

fn count(row: &Reaction, outcome: &'static str) {
    let action = TELLING.iter().find(|action| **action == row.action).copied().unwrap_or("other");
    metrics::counter!("steadfast_reactions_total", "receiver" => row.receiver.clone(), "action" => action, "outcome" => outcome)
        .increment(1);
}
