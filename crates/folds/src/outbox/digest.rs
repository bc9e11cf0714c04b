//! What a receiver cannot be told one by one. While more waits for a receiver than it takes, the
//! host of sends gives up new triggers with the outcome `digested`; here they become one incident
//! of the receiver, which counts them and ends when the last of them has ended.

use std::collections::BTreeMap;

use base::Timestamp;
use model::{AlertState, Labels, Severity};
use notify::{Action, DIGEST, Notification, Symptom};
use serde::{Deserialize, Serialize};

use super::packed::Packed;
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
    /// How many there were.
    count: u64,
    /// How many are open, by severity.
    open: BTreeMap<Severity, u64>,
}

/// As programs of before saved it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedDigest {
    incident: String,
    since: Timestamp,
    members: BTreeMap<String, Member>,
    count: u64,
}

/// An incident of a digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    severity: Severity,
    summary: String,
    since: Timestamp,
}

impl OutboxFold {
    /// The receiver was not told of an incident: its digest tells of it.
    pub(super) fn collect(&mut self, receiver: &str, incident: &str, now: Timestamp, told: &mut Told) {
        let lane = self.lanes.get(incident).and_then(|lanes| lanes.get(receiver));
        let lane = lane.filter(|lane| !lane.closing);
        let Some(wanted) = lane.and_then(|lane| lane.wanted.as_ref()).and_then(Packed::open) else { return };
        // A receiver has one digest, which is told in full.
        if incident.starts_with(DIGEST) {
            return;
        }
        let home = wanted.scope;
        let summary = wanted.summary.chars().take(255).collect();
        let member = Member { severity: wanted.severity, summary, since: wanted.since };
        // Digests of two shards may begin at one time, and one that has just ended then has its name still.
        let first = now.nanos() - now.nanos().rem_euclid(SHARDS) + i64::from(self.shard);
        let mut names = (first..).step_by(SHARDS as usize).map(|nanos| format!("{DIGEST}{receiver}@{nanos}"));
        let name = names.find(|name| !self.lanes.contains_key(name)).unwrap_or_default();
        let begin = || Digest { incident: name, since: now, count: 0, open: BTreeMap::new() };
        let digest = self.digests.or_insert_with(&receiver.to_owned(), begin);
        let severity = member.severity;
        let before = self.members.insert((receiver.to_owned(), incident.to_owned()), member);
        let is_new = before.is_none();
        digest.count += u64::from(is_new);
        digest.exchange(before.map(|member| member.severity), Some(severity));
        let name = digest.incident.clone();
        let notification = self.tell_digest(receiver);
        if let (Some(notification), Some(lane)) = (notification, self.lane(receiver, &name)) {
            lane.home.get_or_insert(home);
            lane.want(&notification, "digested");
        }
        // Nobody has seen what joins a digest that people have resolved.
        if is_new {
            self.reopen(receiver, &name);
        }
        self.send_ready(receiver, &name, now, told);
    }

    /// An incident is over, or was told by itself: its digest ends with the last one.
    pub(super) fn leave(&mut self, receiver: &str, incident: &str, now: Timestamp, told: &mut Told) {
        let Some(member) = self.members.remove(&(receiver.to_owned(), incident.to_owned())) else { return };
        let Some(digest) = self.digests.get_mut(receiver) else { return };
        digest.exchange(Some(member.severity), None);
        if !digest.open.is_empty() {
            return;
        }
        let Some(mut notification) = self.tell_digest(receiver) else { return };
        let Some(digest) = self.digests.remove(receiver) else { return };
        notification.state = AlertState::Resolved;
        // A fallback may have been told of it, too.
        let receivers: Vec<_> =
            self.lanes.get(&digest.incident).into_iter().flatten().map(|(name, _)| name.clone()).collect();
        for receiver in receivers {
            self.close(&receiver, &digest.incident, &notification, "resolved", now, told);
        }
    }
}

impl SavedDigest {
    /// The digest, and its members.
    pub fn split(self) -> (Digest, BTreeMap<String, Member>) {
        let Self { incident, since, members, count } = self;
        let mut digest = Digest { incident, since, count, open: BTreeMap::new() };
        members.values().for_each(|member| digest.exchange(None, Some(member.severity)));
        (digest, members)
    }
}

impl OutboxFold {
    fn tell_digest(&self, receiver: &str) -> Option<Notification> {
        let from = (receiver.to_owned(), String::new());
        let members = self.members.range(from..).take_while(|((name, _), _)| name == receiver).take(NAMED);
        let symptom = |((_, incident), member): (&(String, String), &Member)| Symptom {
            finding: incident.clone(),
            summary: member.summary.clone(),
            since: member.since,
            ..Symptom::default()
        };
        let named = members.map(symptom).collect();
        Some(self.digests.get(receiver)?.tell(receiver, named, self.config.link_base.as_deref()))
    }
}

impl Digest {
    /// One is open, or no longer, or is worse or better than it was.
    fn exchange(&mut self, before: Option<Severity>, now: Option<Severity>) {
        now.into_iter().for_each(|severity| *self.open.entry(severity).or_default() += 1);
        if let Some(severity) = before
            && let Some(open) = self.open.get_mut(&severity)
        {
            *open -= 1;
            if *open == 0 {
                self.open.remove(&severity);
            }
        }
    }

    fn tell(&self, receiver: &str, symptoms: Vec<Symptom>, link_base: Option<&str>) -> Notification {
        let severity = self.open.keys().next_back().copied().unwrap_or(Severity::Error);
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
            symptoms,
            ended: Vec::new(),
            findings: self.count,
            link: link_base.map(|base| base.trim_end_matches('/').to_owned()),
            reason: "digested".to_owned(),
            note: None,
            reference: None,
            group: None,
        }
    }
}
