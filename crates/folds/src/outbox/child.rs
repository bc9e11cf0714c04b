//! Incidents that have widened, where the provider wakes nobody for that: a child tells of it.

use std::ops::Bound;

use base::Timestamp;
use notify::Notification;

use super::lane::{Paged, Wider};
use super::{OutboxFold, Told};

/// Children of one incident and receiver.
const CHILDREN: u32 = 8;
/// Between the name of an incident and the number of its child.
const MARK: char = '+';

impl OutboxFold {
    /// Notes that an incident is worse or larger than people were paged for.
    pub(super) fn widen(&mut self, receiver: &str, incident: &str, notification: &Notification, now: Timestamp) {
        if !self.config.wakes_once.contains(receiver) {
            return;
        }
        let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) else { return };
        let Some(paged) = lane.paged.filter(|_| !lane.closing && !lane.anew && lane.closed.is_none()) else { return };
        let before = lane.wider.as_ref().map(|wider| wider.due);
        let grown = is_larger(&paged, notification, self.config.widen_factor);
        let due = match (notification.severity > paged.severity, before) {
            (true, _) => now,
            (false, Some(due)) => due,
            (false, None) if grown => paged.time.plus(self.config.widen_quiet).max(now),
            (false, None) => return,
        };
        self.unwiden(receiver, incident);
        if let Some(lane) = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver)) {
            lane.wider = Some(Wider { due, notification: Box::new(notification.clone()) });
            self.wider.insert((due, receiver.to_owned(), incident.to_owned()));
        }
    }

    /// Pages for what has widened and whose time has come.
    pub(super) fn page_wider(&mut self, now: Timestamp, told: &mut Told) {
        while let Some((at, receiver, incident)) = self.wider.first().filter(|(at, ..)| *at <= now).cloned() {
            self.wider.remove(&(at, receiver.clone(), incident.clone()));
            if self.is_quiet(&receiver, &incident, now) {
                self.hush(&receiver, &incident, now);
                continue;
            }
            if let Some((child, notification)) = self.bear(&receiver, &incident, now) {
                metrics::counter!("steadfast_children_total", "receiver" => receiver.clone()).increment(1);
                if let Some(lane) = self.lane(&receiver, &child) {
                    lane.want(&notification, "widened");
                    self.send_ready(&receiver, &child, now, told);
                }
            }
        }
    }

    /// The child of an incident, if it is still wider than people know.
    fn bear(&mut self, receiver: &str, incident: &str, now: Timestamp) -> Option<(String, Notification)> {
        let lane = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver))?;
        let (wider, paged) = (lane.wider.take()?, lane.paged?);
        let mut notification = *wider.notification;
        let is_wider =
            notification.severity > paged.severity || is_larger(&paged, &notification, self.config.widen_factor);
        // What the provider has not got yet says all that is known when it goes.
        let told = lane.reached && !lane.closing && lane.closed.is_none();
        if !is_wider || !told || lane.children >= CHILDREN {
            return None;
        }
        lane.children += 1;
        lane.paged = Some(Paged { time: now, severity: notification.severity, findings: notification.findings });
        let was = if paged.findings == 1 { "1 finding".to_owned() } else { format!("{} findings", paged.findings) };
        notification.note =
            Some(format!("{incident} has widened: {} with {was} when people were paged", paged.severity));
        notification.incident = format!("{incident}{MARK}{}", lane.children);
        Some((notification.incident.clone(), notification))
    }

    /// The children of an incident.
    pub(super) fn children(&self, incident: &str) -> Vec<String> {
        let prefix = format!("{incident}{MARK}");
        let after = self.lanes.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        let number =
            |name: &str| name.strip_prefix(&prefix).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        after
            .map(|(name, _)| name)
            .take_while(|name| name.starts_with(&prefix))
            .filter(|name| number(name))
            .cloned()
            .collect()
    }

    /// When something that has widened is paged for.
    pub(super) fn next_wider(&self) -> Option<Timestamp> {
        self.wider.first().map(|(at, ..)| *at)
    }

    pub(super) fn unwiden(&mut self, receiver: &str, incident: &str) {
        let lane = self.lanes.get_mut(incident).and_then(|lanes| lanes.get_mut(receiver));
        if let Some(wider) = lane.and_then(|lane| lane.wider.take()) {
            self.wider.remove(&(wider.due, receiver.to_owned(), incident.to_owned()));
        }
    }

    /// Finds again what the lanes say.
    pub(super) fn wider_restored(&mut self) {
        let lanes = self.lanes.iter().flat_map(|(incident, lanes)| lanes.iter().map(move |lane| (incident, lane)));
        let wider = lanes.filter(|(_, (_, lane))| !lane.quiet).filter_map(|(incident, (receiver, lane))| {
            Some((lane.wider.as_ref()?.due, receiver.clone(), incident.clone()))
        });
        self.wider = wider.collect();
    }
}

/// The incident that one is a child of, or itself.
pub(super) fn subject(incident: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parent = incident.rsplit_once(MARK).filter(|(_, child)| is_number(child)).map(|(parent, _)| parent);
    parent.filter(|parent| parent.contains('#')).unwrap_or(incident)
}

fn is_larger(paged: &Paged, notification: &Notification, factor: u64) -> bool {
    notification.findings >= paged.findings.max(1).saturating_mul(factor.max(2))
}
