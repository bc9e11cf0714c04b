//! Silences hold for receivers, too: what one mutes is told to nobody until it does so no longer, and then only if it is still
//! open. The end of what somebody was told of is not held back. Groups of posted alerts were looked at before they came here.

use std::sync::Arc;

use alertmanager::engine::Engine;
use base::Timestamp;
use notify::Notification;
use parking_lot::RwLock;

use super::packed::Packed;
use super::{GROUPS, OutboxFold, Told};

impl OutboxFold {
    /// Asks `engine` what is silenced, so that what is shown as silenced is not told. The fold that writes it sees each record before
    /// this one.
    #[must_use]
    pub fn silenced_by(self, engine: Arc<RwLock<Engine>>) -> Self {
        Self { engine: Some(engine), ..self }
    }

    /// Keeps what is silenced now; whether it is.
    pub(super) fn keep_quiet(&mut self, notification: &Notification, now: Timestamp) -> bool {
        if !self.is_silenced(&notification.incident, now) || notification.scope == GROUPS {
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
        let over: Vec<String> =
            self.silenced.keys().filter(|incident| !self.is_silenced(incident, now)).cloned().collect();
        self.look_again(now);
        for incident in over {
            if let Some(notification) = self.silenced.remove(&incident).and_then(|packed| packed.open()) {
                self.tell(&notification, now, told);
            }
        }
    }

    /// When a silence may be over that holds something back.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        self.look.filter(|_| !self.silenced.is_empty())
    }

    /// Whether somebody muted it.
    pub(super) fn is_silenced(&self, incident: &str, now: Timestamp) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.read().is_silenced(incident, now))
    }

    fn look_again(&mut self, now: Timestamp) {
        self.look = self.engine.as_ref().and_then(|engine| engine.read().silences().next_change(now));
    }
}
