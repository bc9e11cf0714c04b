//! Silences hold for receivers, too: what one mutes is told to nobody until it does so no longer, and then only if it is still
//! open. The end of what somebody was told of is not held back.
//!
//! What comes while it is silenced is kept by incident. What was decided before (a child, an escalation, what waits behind an intent on its
//! way or for a receiver that is refused) stays in its lane, which is quiet: it goes on from there. Ways out of an Alertmanager
//! configuration are quiet for whatever that one would tell them nothing for: its muted times and inhibitions, too.

use std::sync::Arc;
use std::time::Duration;

use alertmanager::engine::Engine;
use base::Timestamp;
use model::Outcome;
use notify::Notification;
use parking_lot::RwLock;

use super::child::subject;
use super::health::AT_ONCE;
use super::notice::DIRECT;
use super::order::GROUP;
use super::packed::Packed;
use super::{OutboxFold, Told};

/// How often it is looked whether an Alertmanager configuration still holds something back: by the time of day, or by other alerts.
const LOOK: Duration = Duration::from_secs(60);

impl OutboxFold {
    /// Asks `engine` what is silenced, so that what is shown as silenced is not told. The fold that writes it sees each record before
    /// this one.
    #[must_use]
    pub fn silenced_by(self, engine: Arc<RwLock<Engine>>) -> Self {
        Self { engine: Some(engine), ..self }
    }

    /// Keeps what is silenced now; whether it is.
    pub(super) fn keep_quiet(&mut self, notification: &Notification, now: Timestamp) -> bool {
        if !self.is_silenced(&notification.incident, now) {
            self.silenced.remove(&notification.incident);
            return false;
        }
        let mut kept = notification.clone();
        // What is worse is told as such, whatever comes behind it.
        let before = self.silenced.get(&kept.incident).and_then(Packed::open);
        if kept.reason == "updated" && before.is_some_and(|before| before.reason == "widened") {
            "widened".clone_into(&mut kept.reason);
        }
        self.silenced.insert(kept.incident.clone(), Packed::of(&kept));
        self.look_again(now);
        true
    }

    /// Tells what is silenced no longer. Silences change by a record, or as time passes.
    pub(super) fn break_silence(&mut self, changed: bool, now: Timestamp, told: &mut Told) {
        if !changed && self.next_look().is_none_or(|at| at > now) {
            return;
        }
        let over = |incident: &&String| !self.is_silenced(incident, now) && !self.is_over(incident);
        let over: Vec<String> = self.silenced.keys().filter(over).cloned().collect();
        let heard = self.quiet.iter().filter(|(incident, receiver)| self.is_heard(receiver, incident, now));
        let heard: Vec<_> = heard.cloned().collect();
        for incident in over {
            if let Some(notification) = self.silenced.remove(&incident).and_then(|packed| packed.open()) {
                self.tell(&notification, now, told);
            }
        }
        heard.iter().for_each(|(incident, receiver)| self.speak(receiver, incident, now, told));
        self.look = self.silences_change(now);
        if self.quiet.iter().any(|(_, receiver)| receiver.starts_with(DIRECT)) {
            self.look_by(now.plus(LOOK));
        }
    }

    /// When a silence may be over that holds something back.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        self.look.filter(|_| !self.silenced.is_empty() || !self.quiet.is_empty())
    }

    /// Whether somebody muted it.
    fn is_silenced(&self, incident: &str, now: Timestamp) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.read().is_silenced(incident, now))
    }

    /// Whether a receiver is told nothing of an incident now, or of one whose child it is.
    pub(super) fn is_quiet(&self, receiver: &str, incident: &str, now: Timestamp) -> bool {
        let incident = subject(incident);
        self.engine.as_ref().is_some_and(|engine| match receiver.starts_with(DIRECT) {
            true => engine.read().is_held_back(incident, receiver, now),
            false => engine.read().is_silenced(incident, now),
        })
    }

    fn is_heard(&self, receiver: &str, incident: &str, now: Timestamp) -> bool {
        !self.is_quiet(receiver, incident, now) && !self.is_over(subject(incident))
    }

    /// Whether the end of a group is on its way here.
    fn is_over(&self, incident: &str) -> bool {
        incident.starts_with(GROUP) && self.engine.as_ref().is_some_and(|engine| !engine.read().knows(incident))
    }

    /// Holds back what was to be told of a lane.
    pub(super) fn hush(&mut self, receiver: &str, incident: &str, now: Timestamp) {
        self.owed.remove(&(receiver.to_owned(), incident.to_owned()));
        let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) else { return };
        lane.quiet = true;
        self.quiet.insert((incident.to_owned(), receiver.to_owned()));
        self.look_again(now);
        if receiver.starts_with(DIRECT) {
            self.look_by(now.plus(LOOK));
        }
    }

    /// It is told, or over: what waits for a time does so again.
    pub(super) fn unhush(&mut self, receiver: &str, incident: &str) {
        if !self.quiet.remove(&(incident.to_owned(), receiver.to_owned())) {
            return;
        }
        let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) else { return };
        lane.quiet = false;
        if lane.closing {
            return;
        }
        let named = |at| (at, receiver.to_owned(), incident.to_owned());
        self.wider.extend(lane.wider.as_ref().map(|wider| named(wider.due)));
        self.closed.extend(lane.closed.as_ref().map(|closed| named(closed.until)));
    }

    /// What was to be told one of many waits, and is told by itself.
    pub(super) fn put_off(&mut self, receiver: &str, incident: &str) {
        if let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) {
            lane.waiting = lane.wanted.is_some();
        }
    }

    pub(super) fn put_off_escalation(&mut self, receiver: &str, incident: &str, why: &str) {
        if let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) {
            lane.overdue = Some(why.to_owned());
        }
    }

    /// Its fallback need not be told any more.
    pub(super) fn arrived(&mut self, receiver: &str, incident: &str) {
        if let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) {
            lane.overdue = None;
        }
    }

    /// Goes on with an incident that may be silenced no longer, since it is another one by its labels.
    pub(super) fn speak_of(&mut self, incident: &str, now: Timestamp, told: &mut Told) {
        if self.quiet.is_empty() {
            return;
        }
        let lanes = self.quiet.range((incident.to_owned(), String::new())..);
        let lanes =
            lanes.take_while(|(name, _)| name.starts_with(incident)).filter(|(name, _)| subject(name) == incident);
        let heard: Vec<_> = lanes.filter(|(name, receiver)| self.is_heard(receiver, name, now)).cloned().collect();
        heard.iter().for_each(|(incident, receiver)| self.speak(receiver, incident, now, told));
    }

    /// Goes on with what was held back.
    fn speak(&mut self, receiver: &str, incident: &str, now: Timestamp, told: &mut Told) {
        self.unhush(receiver, incident);
        let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) else { return };
        let overdue = lane.overdue.take();
        let is_owed = lane.failed == Some(Outcome::Refused) && !lane.in_flight();
        if is_owed {
            self.owed.insert((receiver.to_owned(), incident.to_owned()));
            // It works again: its fallback need not be told.
            if !self.sick.contains_key(receiver) {
                return self.repay(receiver, AT_ONCE, now, told);
            }
        }
        if let Some(why) = overdue {
            self.escalate(receiver, incident, &why, now, told);
        }
        self.send_ready(receiver, incident, now, told);
    }

    /// Finds again what the lanes say.
    pub(super) fn quiet_restored(&mut self) {
        let lanes = self.lanes.iter().flat_map(|(incident, lanes)| lanes.iter().map(move |lane| (incident, lane)));
        let quiet = lanes.filter(|(_, (_, lane))| lane.quiet);
        self.quiet = quiet.map(|(incident, (receiver, _))| (incident.clone(), receiver.clone())).collect();
    }

    fn silences_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.engine.as_ref().and_then(|engine| engine.read().silences().next_change(now))
    }

    /// Looks when a silence changes next. What was known of that holds until a silence changes; a look that is due now is still to come.
    fn look_again(&mut self, now: Timestamp) {
        if self.look.is_none() {
            self.look = self.silences_change(now);
        }
    }

    fn look_by(&mut self, at: Timestamp) {
        self.look = Some(self.look.map_or(at, |look| look.min(at)));
    }
}
