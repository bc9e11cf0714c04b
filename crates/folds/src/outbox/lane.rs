//! What one receiver was told of one incident.

use base::Timestamp;
use model::rows::Intent;
use model::{Key, Outcome, Severity};
use notify::{Action, Notification};
use serde::{Deserialize, Serialize};

use super::packed::Packed;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lane {
    /// The sequence of the last intent.
    pub sequence: i64,
    /// The highest sequence that is done with.
    pub done: i64,
    /// The provider has it, or took it for processing.
    pub reached: bool,
    /// The last intent is a resolve.
    pub closing: bool,
    /// How the last intent failed, if it did.
    pub failed: Option<Outcome>,
    /// What to tell: kept until the provider has it.
    pub wanted: Option<Packed>,
    /// The alert's reason for it.
    pub reason: String,
    /// It is newer than the last intent.
    pub waiting: bool,
    /// The last sequence of which an attempt was refused.
    #[serde(default)]
    pub refused: i64,
    /// Its fallback was told.
    #[serde(default)]
    pub escalated: bool,
    /// When its fallback is told, unless the last intent arrives before.
    #[serde(default)]
    pub watched: Option<Timestamp>,
    /// What the provider called it last.
    #[serde(default)]
    pub reference: Option<String>,
    /// Somebody acknowledged it at the provider.
    #[serde(default)]
    pub acknowledged: bool,
    /// It was resolved at the provider, and is open here.
    #[serde(default)]
    pub closed: Option<Closed>,
    /// The next intent opens it anew at the provider.
    #[serde(default)]
    pub anew: bool,
    /// When the last reaction that counted happened, and those of that time.
    #[serde(default)]
    pub reacted: Option<(Timestamp, Vec<String>)>,
    /// What the provider calls its incident.
    #[serde(default)]
    pub alias: Option<String>,
    /// What people were last paged for, in this incident or a child of it.
    #[serde(default)]
    pub paged: Option<Paged>,
    /// It has widened since, which is still to be paged for.
    #[serde(default)]
    pub wider: Option<Wider>,
    /// How many children it has.
    #[serde(default)]
    pub children: u32,
    /// The key of its intents on the log, if it is not their scope: what comes of them has to come back to this shard.
    #[serde(default)]
    pub home: Option<String>,
    /// What to tell once its end has arrived, and why: it was to end there, and is to be told there after all.
    #[serde(default)]
    pub returns: Option<Box<(Notification, String)>>,
    /// Until when its beginning waits for the end of an earlier incident of its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Timestamp>,
    /// Something was to be told of it while it was silenced, and is told when it is so no longer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
    /// Why its fallback is told then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<String>,
}

/// See [`Lane::paged`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paged {
    pub time: Timestamp,
    pub severity: Severity,
    pub findings: u64,
}

/// See [`Lane::wider`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wider {
    pub due: Timestamp,
    pub notification: Box<Notification>,
}

/// See [`Lane::closed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closed {
    /// `resolved by Ann in PagerDuty`.
    pub how: String,
    /// When it is told anew.
    pub until: Timestamp,
}

impl Lane {
    pub fn new() -> Self {
        Self {
            sequence: 0,
            done: 0,
            reached: false,
            closing: false,
            failed: None,
            wanted: None,
            reason: String::new(),
            waiting: false,
            refused: 0,
            escalated: false,
            watched: None,
            reference: None,
            acknowledged: false,
            closed: None,
            anew: false,
            reacted: None,
            alias: None,
            paged: None,
            wider: None,
            children: 0,
            home: None,
            returns: None,
            held: None,
            quiet: false,
            overdue: None,
        }
    }

    /// Begins anew after its end, if it is to be told of after all.
    pub fn begin_anew(&mut self) -> bool {
        let Some(returns) = self.returns.take() else { return false };
        let (notification, reason) = *returns;
        *self = Self { sequence: self.sequence, done: self.done, home: self.home.take(), ..Self::new() };
        self.want(&notification, &reason);
        true
    }

    /// Notes that an attempt at the intent on its way was refused; whether it is the first one.
    pub const fn refuses(&mut self, sequence: i64) -> bool {
        let first = sequence > self.refused && sequence > self.done && sequence <= self.sequence;
        if first {
            self.refused = sequence;
        }
        first
    }

    pub const fn in_flight(&self) -> bool {
        self.done < self.sequence
    }

    /// There is something newer to tell. The newest wins, but a reason that weighs more stays until
    /// it was told.
    pub fn want(&mut self, notification: &Notification, reason: &str) {
        let weightier = self.waiting && self.reason == "widened" && reason == "updated";
        if !weightier {
            reason.clone_into(&mut self.reason);
        }
        self.wanted = Some(Packed::of(notification));
        self.waiting = true;
    }

    /// Whether what waits may go now: one intent at a time, and nothing to a receiver that is
    /// refused, until it is tried again, nor to one where it was resolved.
    pub fn ready(&self) -> bool {
        self.waiting && !self.in_flight() && self.failed != Some(Outcome::Refused) && self.closed.is_none()
    }

    /// The intent that tells what is wanted in a payload of so many bytes at most, and its key on the log.
    pub fn intent(&mut self, receiver: &str, incident: &str, bytes: usize, now: Timestamp) -> Option<(String, Intent)> {
        let mut notification = self.wanted.as_ref()?.open()?;
        notification.action = match (self.closing, self.reached && !self.anew) {
            (true, _) => Action::Resolve,
            (false, true) => Action::Update,
            (false, false) => Action::Trigger,
        };
        notification.time = now;
        notification.reference.clone_from(&self.reference);
        self.wanted = Some(Packed::of(&notification));
        if notification.action == Action::Trigger {
            self.paged = Some(Paged { time: now, severity: notification.severity, findings: notification.findings });
        }
        self.sequence += 1;
        (self.waiting, self.failed, self.anew) = (false, None, false);
        let name = format!("{receiver}/{incident}/{}", self.sequence);
        let intent = Intent {
            time: now,
            key: Key::of(name.as_bytes()),
            intent: name,
            receiver: receiver.to_owned(),
            incident: incident.to_owned(),
            sequence: self.sequence,
            action: notification.action.as_str().to_owned(),
            reason: self.reason.clone(),
            payload: notification.fitted(bytes),
        };
        Some((self.home.clone().unwrap_or(notification.scope), intent))
    }
}
