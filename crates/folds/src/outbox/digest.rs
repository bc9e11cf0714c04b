//! What a receiver cannot be told one by one. While more waits for a receiver than it takes, the
//! host of sends gives up new triggers with the outcome `digested`; here they become one incident
//! of the receiver, which counts them and ends when the last of them has ended.

use std::collections::BTreeMap;

use base::Timestamp;
use model::{AlertState, Labels, Severity};
use notify::{Action, DIGEST, Notification, Symptom};
use serde::{Deserialize, Serialize};

use super::{OutboxFold, Told, health};

/// Incidents that a digest names; it counts all.
const NAMED: usize = 20;
/// The most shards that a log has.
const SHARDS: i64 = 4096;

/// The digest of a receiver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Digest {
    incident: String,
    since: Timestamp,
    /// The incidents in it that are open, with what was to be told of each.
    members: BTreeMap<String, Member>,
    /// How many there were.
    count: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    severity: Severity,
    summary: String,
    since: Timestamp,
}

impl OutboxFold {
    /// The receiver was not told of an incident: its digest tells of it.
    pub(super) fn collect(&mut self, receiver: &str, incident: &str, now: Timestamp, told: &mut Told) {
        let lane = self.lanes.get(incident).and_then(|lanes| lanes.get(receiver));
        let Some(wanted) = lane.filter(|lane| !lane.closing).and_then(|lane| lane.wanted.as_ref()) else { return };
        // A receiver has one digest, which is told in full.
        if incident.starts_with(DIGEST) {
            return;
        }
        let home = wanted.scope.clone();
        let summary = wanted.summary.chars().take(255).collect();
        let member = Member { severity: wanted.severity, summary, since: wanted.since };
        // Digests of two shards may begin at one time, and one that has just ended then has its name still.
        let first = now.nanos() - now.nanos().rem_euclid(SHARDS) + i64::from(self.shard);
        let mut names = (first..).step_by(SHARDS as usize).map(|nanos| format!("{DIGEST}{receiver}@{nanos}"));
        let name = names.find(|name| !self.lanes.contains_key(name)).unwrap_or_default();
        let digest = self.digests.entry(receiver.to_owned()).or_insert_with(|| Digest {
            incident: name,
            since: now,
            members: BTreeMap::new(),
            count: 0,
        });
        let is_new = digest.members.insert(incident.to_owned(), member).is_none();
        digest.count += u64::from(is_new);
        let (name, notification) = (digest.incident.clone(), digest.tell(receiver, self.config.link_base.as_deref()));
        if let Some(lane) = self.lane(receiver, &name) {
            lane.home.get_or_insert(home);
            lane.want(notification, "digested");
        }
        // Nobody has seen what joins a digest that people have resolved.
        if is_new {
            self.reopen(receiver, &name);
        }
        self.send_ready(receiver, &name, now, told);
    }

    /// An incident is over, or was told by itself: its digest ends with the last one.
    pub(super) fn leave(&mut self, receiver: &str, incident: &str, now: Timestamp, told: &mut Told) {
        let Some(digest) = self.digests.get_mut(receiver) else { return };
        if digest.members.remove(incident).is_none() || !digest.members.is_empty() {
            return;
        }
        let Some(digest) = self.digests.remove(receiver) else { return };
        let mut notification = digest.tell(receiver, self.config.link_base.as_deref());
        notification.state = AlertState::Resolved;
        // A fallback may have been told of it, too.
        let receivers: Vec<_> =
            self.lanes.get(&digest.incident).into_iter().flatten().map(|(name, _)| name.clone()).collect();
        for receiver in receivers {
            self.close(&receiver, &digest.incident, &notification, "resolved", now, told);
        }
    }
}

impl Digest {
    fn tell(&self, receiver: &str, link_base: Option<&str>) -> Notification {
        let symptom = |(incident, member): (&String, &Member)| Symptom {
            finding: incident.clone(),
            summary: member.summary.clone(),
            since: member.since,
            ..Symptom::default()
        };
        let severity = self.members.values().map(|member| member.severity).max().unwrap_or(Severity::Error);
        Notification {
            incident: self.incident.clone(),
            action: Action::Trigger,
            state: AlertState::Firing,
            severity,
            summary: format!("{} incidents more than {receiver} can be told of one by one", self.count),
            cause: format!("{DIGEST}{receiver}"),
            scope: health::SCOPE.to_owned(),
            since: self.since,
            time: self.since,
            labels: Labels::from([
                ("kind".to_owned(), "digest".to_owned()),
                ("receiver".to_owned(), receiver.to_owned()),
            ]),
            revision: None,
            author: None,
            message: None,
            symptoms: self.members.iter().take(NAMED).map(symptom).collect(),
            findings: self.count,
            link: link_base.map(|base| base.trim_end_matches('/').to_owned()),
            reason: "digested".to_owned(),
            note: None,
            reference: None,
            group: None,
        }
    }
}
