//! What others may see of it.

use std::ops::Bound;
use std::sync::Arc;

use base::Timestamp;

use super::group::Identity;
use super::{Decision, Engine, Held};
use crate::alert::Alert;
use crate::labels::{Fingerprint, Labels};
use crate::matcher::Matcher;

/// What holds an alert back, in whatever group it is; time intervals hold back groups ([`GroupHead::muted_by`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Ids of silences.
    pub silenced_by: Vec<String>,
    /// Fingerprints of alerts.
    pub inhibited_by: Vec<Fingerprint>,
    /// The incident of another kind that it is told of in.
    pub joined: Option<String>,
}

impl Status {
    /// Whether anything does.
    pub const fn is_suppressed(&self) -> bool {
        !(self.silenced_by.is_empty() && self.inhibited_by.is_empty()) || self.joined.is_some()
    }
}

/// An alert as it is now.
#[derive(Clone, Debug)]
pub struct AlertView {
    /// What identifies it.
    pub fingerprint: Fingerprint,
    /// The alert.
    pub alert: Alert,
    /// The receivers of its groups.
    pub receivers: Vec<String>,
    /// What holds it back.
    pub status: Status,
}

/// A group as it is now, without its alerts.
#[derive(Clone, Debug)]
pub struct GroupHead {
    identity: Arc<Identity>,
    /// The labels of its route.
    pub route_labels: Labels,
    /// The time intervals for which its route tells nobody anything now.
    pub muted_by: Vec<String>,
    /// Its alerts, those that are over among them.
    pub alerts: Vec<Fingerprint>,
}

impl GroupHead {
    /// The labels that its alerts share.
    pub fn labels(&self) -> &Labels {
        &self.identity.labels
    }

    /// The receiver.
    pub fn receiver(&self) -> &str {
        &self.identity.receiver
    }
}

/// How far a list of groups has come.
#[derive(Clone, Debug)]
pub struct Place(Arc<Identity>);

/// Lists are looked at in slices, so that nobody has to wait for a whole one: what changes between two slices is
/// seen in the later ones.
impl Engine {
    /// The alerts after `after`, by fingerprint: `most`, or all that are left.
    pub fn alerts_after(&self, after: Option<Fingerprint>, most: usize) -> Vec<Fingerprint> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.alerts.range((from, Bound::Unbounded)).take(most).map(|(alert, _)| *alert).collect()
    }

    /// Those of `alerts` that are not over and that all of `filter` match.
    pub fn views(&self, alerts: &[Fingerprint], filter: &[Matcher], now: Timestamp) -> Vec<AlertView> {
        let matches = |held: &Held| filter.iter().all(|it| it.matches_value(held.value(it.name())));
        let held = alerts.iter().filter_map(|alert| Some((*alert, self.alerts.get(alert)?)));
        let held = held.filter(|(_, held)| !held.is_resolved(now) && matches(held));
        held.map(|(alert, held)| self.view(alert, held, now)).collect()
    }

    /// The labels of those of `alerts` that are held.
    pub fn labels_of(&self, alerts: &[Fingerprint]) -> Vec<(Fingerprint, Labels)> {
        alerts.iter().filter_map(|alert| Some((*alert, self.alerts.get(alert)?.labels()))).collect()
    }

    /// Groups after `after` whose receiver is asked for, by labels, then receiver, as they are at `now`. At most `most`
    /// are looked at; where it goes on, unless that was the last one.
    pub fn groups_after(
        &self,
        after: Option<&Place>,
        most: usize,
        receiver: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> (Vec<GroupHead>, Option<Place>) {
        let from = after.map_or(Bound::Unbounded, |place| Bound::Excluded(&place.0));
        let some: Vec<_> = self.by_identity.range::<Arc<Identity>, _>((from, Bound::Unbounded)).take(most).collect();
        let place = some.last().filter(|_| some.len() == most).map(|(identity, _)| Place(Arc::clone(identity)));
        let asked = some.into_iter().filter(|(identity, _)| receiver(&identity.receiver));
        let heads = asked.filter_map(|(identity, id)| {
            let group = self.groups.get(id)?;
            let route = self.setup.route(group.route);
            Some(GroupHead {
                identity: Arc::clone(identity),
                route_labels: route.map(|route| route.labels.clone()).unwrap_or_default(),
                muted_by: self.setup.blocked(group.route, now).map(intervals).unwrap_or_default(),
                alerts: group.alerts.keys().copied().collect(),
            })
        });
        (heads.collect(), place)
    }

    fn view(&self, fingerprint: Fingerprint, held: &Held, now: Timestamp) -> AlertView {
        let groups = held.groups.iter().filter_map(|id| self.groups.get(id));
        let mut receivers: Vec<String> = groups.map(|group| group.identity.receiver.clone()).collect();
        receivers.dedup();
        let alert = held.alert();
        let mut inhibited_by = self.inhibitor.inhibited_by(&alert.labels, now);
        inhibited_by.retain(|by| *by != fingerprint);
        let joined = self.adopted.get(&fingerprint).cloned();
        let status = Status { silenced_by: self.silences.mutes(&alert.labels, now), inhibited_by, joined };
        AlertView { fingerprint, alert, receivers, status }
    }
}

/// The time intervals that a decision names.
fn intervals(decision: Decision) -> Vec<String> {
    match decision {
        Decision::Muted(names) | Decision::Inactive(names) => names,
        _ => Vec::new(),
    }
}
