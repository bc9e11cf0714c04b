//! What a receiver could not tell, its fallback tells: once for each incident, with the reason.

use std::collections::BTreeSet;

use base::Timestamp;
use model::Outcome;
use model::rows::Receipt;

use super::packed::Packed;
use super::{OutboxFold, Told};

/// Characters of a reason.
const REASON: usize = 300;

/// Notifications that have to arrive by a time: that time, receiver, incident.
pub(super) type Watched = BTreeSet<(Timestamp, String, String)>;

impl OutboxFold {
    /// An intent is on its way: from a time on its fallback tells it, unless it has arrived.
    pub(super) fn watch(&mut self, receiver: &str, incident: &str, now: Timestamp) {
        self.unwatch(receiver, incident);
        let Some(after) = self.routes.fallback(receiver).map(|fallback| fallback.after) else { return };
        if self.is_acknowledged(incident) {
            return;
        }
        let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) else { return };
        if !lane.escalated && !lane.closing {
            lane.watched = Some(now.plus(after));
            self.watched.insert((now.plus(after), receiver.to_owned(), incident.to_owned()));
        }
    }

    /// It has arrived, or nobody waits for it.
    pub(super) fn unwatch(&mut self, receiver: &str, incident: &str) {
        let lane = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver));
        if let Some(at) = lane.and_then(|lane| lane.watched.take()) {
            self.watched.remove(&(at, receiver.to_owned(), incident.to_owned()));
        }
    }

    /// When something has to have arrived.
    pub(super) fn next_watch(&self) -> Option<Timestamp> {
        self.watched.first().map(|(at, ..)| *at)
    }

    /// Escalates what has not arrived in time.
    pub(super) fn overdue(&mut self, now: Timestamp, told: &mut Told) {
        while let Some((at, receiver, incident)) = self.watched.first().filter(|(at, ..)| *at <= now).cloned() {
            self.unwatch(&receiver, &incident);
            self.watched.remove(&(at, receiver.clone(), incident.clone()));
            let after = self.routes.fallback(&receiver).map(|fallback| fallback.after).unwrap_or_default();
            let why = format!("nothing arrived within {} s", after.as_secs_f64());
            self.escalate(&receiver, &incident, &why, now, told);
        }
    }

    /// What a receipt says of the receiver is a reason to tell its fallback.
    pub(super) fn give_up(&mut self, row: &Receipt, now: Timestamp, told: &mut Told) {
        let what = match row.outcome {
            Outcome::Poison => "its payload was refused",
            Outcome::Refused => "it is refused",
            Outcome::Unproven => "it took it and did not prove it",
            Outcome::Retry => "it could not be reached",
            Outcome::Delivered | Outcome::Accepted | Outcome::Digested | Outcome::Superseded => return,
        };
        let said = row.message.as_deref().map(|said| format!(" ({said})")).unwrap_or_default();
        self.escalate(&row.receiver, &row.incident, &format!("{what}{said}"), now, told);
    }

    /// Tells the fallback of `receiver` what that one was to tell; once.
    pub(super) fn escalate(&mut self, receiver: &str, incident: &str, why: &str, now: Timestamp, told: &mut Told) {
        let Some(to) = self.routes.fallback(receiver).map(|fallback| fallback.to.clone()) else { return };
        let acknowledged = self.is_acknowledged(incident);
        let Some(lane) = self.lanes.get(incident).and_then(|lanes| lanes.get(receiver)) else { return };
        // The end of an incident is no news to who was not told of it.
        if lane.escalated || lane.closing || acknowledged {
            return;
        }
        if self.is_quiet(&to, incident, now) {
            self.put_off_escalation(receiver, incident, why);
            return self.hush(receiver, incident, now);
        }
        let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) else { return };
        let Some(mut notification) = lane.wanted.as_ref().and_then(Packed::open) else { return };
        lane.escalated = true;
        let home = lane.home.clone();
        self.unwatch(receiver, incident);
        let known = self.lanes.get(incident).is_some_and(|lanes| lanes.contains_key(&to));
        if known || self.would_circle(&notification.cause, &to) {
            return;
        }
        metrics::counter!("steadfast_escalations_total", "receiver" => receiver.to_owned(), "fallback" => to.clone())
            .increment(1);
        let why: String = format!("escalated from {receiver}: {why}").chars().take(REASON).collect();
        notification.note = Some(why.clone());
        if let Some(lane) = self.lane(&to, incident) {
            lane.home = home;
            lane.want(&notification, &why);
            self.send(&to, incident, now, told);
        }
    }

    /// Watches again what was on its way when the state was saved.
    pub(super) fn watch_restored(&mut self) {
        let lanes = self.lanes.iter().flat_map(|(incident, lanes)| lanes.iter().map(move |lane| (incident, lane)));
        let watched = lanes.filter_map(|(incident, (receiver, lane))| {
            self.routes.fallback(receiver)?;
            Some((lane.watched?, receiver.clone(), incident.clone()))
        });
        self.watched = watched.collect();
    }
}
