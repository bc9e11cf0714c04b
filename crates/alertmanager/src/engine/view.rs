//! What others may see of it.

use std::sync::Arc;

use base::Timestamp;

use super::{Decision, Engine, Held};
use crate::alert::Alert;
use crate::labels::{Fingerprint, Labels};

/// What holds an alert back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Ids of silences.
    pub silenced_by: Vec<String>,
    /// Fingerprints of alerts.
    pub inhibited_by: Vec<Fingerprint>,
    /// Names of time intervals.
    pub muted_by: Vec<String>,
    /// The incident of another kind that it is told of in.
    pub joined: Option<String>,
}

impl Status {
    /// Whether anything does.
    pub const fn is_suppressed(&self) -> bool {
        let muted = !(self.silenced_by.is_empty() && self.inhibited_by.is_empty() && self.muted_by.is_empty());
        muted || self.joined.is_some()
    }
}

/// An alert as it is now.
#[derive(Clone, Debug)]
pub struct AlertView {
    /// What identifies it.
    pub fingerprint: Fingerprint,
    /// The alert.
    pub alert: Arc<Alert>,
    /// The receivers of its groups.
    pub receivers: Vec<String>,
    /// What holds it back.
    pub status: Status,
}

/// A group as it is now.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// The labels that its alerts share.
    pub labels: Labels,
    /// The labels of its route.
    pub route_labels: Labels,
    /// The receiver.
    pub receiver: String,
    /// Its alerts that are not over.
    pub alerts: Vec<AlertView>,
}

impl Engine {
    /// The alerts that are not over and that `wanted` says yes to, by fingerprint.
    pub fn alerts(&self, now: Timestamp, wanted: impl Fn(&Alert) -> bool) -> Vec<AlertView> {
        let all = self.alerts.iter().filter(|(_, held)| !held.alert.is_resolved(now) && wanted(&held.alert));
        all.map(|(fingerprint, held)| self.view(*fingerprint, held, now)).collect()
    }

    /// The groups with alerts that are not over and that `wanted` says yes to; by labels, then receiver.
    pub fn groups(
        &self,
        now: Timestamp,
        receiver: impl Fn(&str) -> bool,
        wanted: impl Fn(&Alert) -> bool,
    ) -> Vec<GroupView> {
        let mut views = Vec::new();
        for group in self.groups.values().filter(|group| receiver(&group.identity.receiver)) {
            let held = group.alerts.keys().filter_map(|alert| Some((*alert, self.alerts.get(alert)?)));
            let held = held.filter(|(_, held)| !held.alert.is_resolved(now) && wanted(&held.alert));
            let alerts: Vec<AlertView> = held.map(|(alert, held)| self.view(alert, held, now)).collect();
            if !alerts.is_empty() {
                let (labels, receiver) = (group.identity.labels.clone(), group.identity.receiver.clone());
                let route = self.setup.route(group.route);
                let route_labels = route.map(|route| route.labels.clone()).unwrap_or_default();
                views.push(GroupView { labels, route_labels, receiver, alerts });
            }
        }
        views.sort_by(|a, b| (&a.labels, &a.receiver).cmp(&(&b.labels, &b.receiver)));
        views
    }

    fn view(&self, fingerprint: Fingerprint, held: &Held, now: Timestamp) -> AlertView {
        let groups = held.groups.iter().filter_map(|id| self.groups.get(id));
        let mut receivers: Vec<String> = groups.clone().map(|group| group.identity.receiver.clone()).collect();
        receivers.dedup();
        let labels = &held.alert.labels;
        let mut inhibited_by = self.inhibitor.inhibited_by(labels, now);
        inhibited_by.retain(|by| *by != fingerprint);
        let blocked = groups.filter_map(|group| self.setup.blocked(group.route, now));
        let names = |decision| match decision {
            Decision::Muted(names) | Decision::Inactive(names) => names,
            _ => Vec::new(),
        };
        let mut muted_by: Vec<String> = blocked.flat_map(names).collect();
        muted_by.sort();
        muted_by.dedup();
        let joined = self.adopted.get(&fingerprint).cloned();
        let status = Status { silenced_by: self.silences.mutes(labels, now), inhibited_by, muted_by, joined };
        AlertView { fingerprint, alert: Arc::clone(&held.alert), receivers, status }
    }
}
