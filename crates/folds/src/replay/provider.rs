//! Providers, as they answered then.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Timestamp;
use model::Outcome;
use model::rows::{Intent, Reaction, Receipt};

use super::cause;

/// How far the opening of an incident may move and be that of the same one.
pub(super) const NEAR: Duration = Duration::from_secs(3600);

/// What was sent, and what became of it.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// By receiver and cause.
    lanes: BTreeMap<(String, String), Vec<Lane>>,
}

/// What one receiver was told of one incident.
#[derive(Clone, Debug)]
struct Lane {
    incident: String,
    opened: Timestamp,
    sent: BTreeMap<i64, Sent>,
}

#[derive(Clone, Debug)]
struct Sent {
    time: Timestamp,
    receipts: Vec<Receipt>,
}

impl Recorded {
    /// Intents, whose payloads do not matter, and receipts.
    pub fn new(intents: &[Intent], receipts: Vec<Receipt>) -> Self {
        let mut of = BTreeMap::<String, Vec<Receipt>>::new();
        receipts.into_iter().for_each(|receipt| of.entry(receipt.intent.clone()).or_default().push(receipt));
        let mut lanes = BTreeMap::<(String, String), BTreeMap<String, Lane>>::new();
        for intent in intents {
            let key = (intent.receiver.clone(), cause(&intent.incident).to_owned());
            let lane = lanes.entry(key).or_default().entry(intent.incident.clone()).or_insert_with(|| Lane {
                incident: intent.incident.clone(),
                opened: intent.time,
                sent: BTreeMap::new(),
            });
            lane.opened = lane.opened.min(intent.time);
            let mut receipts = of.remove(&intent.intent).unwrap_or_default();
            receipts.sort_by_key(|receipt| (receipt.time, receipt.attempt));
            lane.sent.insert(intent.sequence, Sent { time: intent.time, receipts });
        }
        Self { lanes: lanes.into_iter().map(|(key, lanes)| (key, lanes.into_values().collect())).collect() }
    }
}

/// Answers for the providers.
pub(super) struct Provider {
    recorded: Recorded,
    /// By receiver and incident of the replay: what the incident was called then, if there was one.
    was: BTreeMap<(String, String), Option<String>>,
    /// The other way round.
    is: BTreeMap<(String, String), String>,
}

impl Provider {
    pub fn new(recorded: Recorded) -> Self {
        Self { recorded, was: BTreeMap::new(), is: BTreeMap::new() }
    }

    /// What becomes of an intent, and after how long: as then, if the receiver was told of the same incident, else it is taken at once.
    pub fn answers(&mut self, intent: &Intent) -> Vec<(Duration, Receipt)> {
        let was = self.was(intent);
        let key = (intent.receiver.clone(), cause(&intent.incident).to_owned());
        let lane = was.and_then(|was| self.recorded.lanes.get(&key)?.iter().find(|lane| lane.incident == was));
        match lane.and_then(|lane| lane.sent.get(&intent.sequence)).filter(|sent| !sent.receipts.is_empty()) {
            Some(sent) => sent
                .receipts
                .iter()
                .map(|receipt| (receipt.time.since(sent.time), told_of(intent, receipt.clone())))
                .collect(),
            None => vec![(Duration::ZERO, taken(intent))],
        }
    }

    /// The name of the incident of then that is nearest to the one that is told of.
    fn was(&mut self, intent: &Intent) -> Option<String> {
        let key = (intent.receiver.clone(), intent.incident.clone());
        if let Some(known) = self.was.get(&key) {
            return known.clone();
        }
        let lanes = self.recorded.lanes.get(&(intent.receiver.clone(), cause(&intent.incident).to_owned()));
        let apart = |lane: &Lane| lane.opened.since(intent.time).max(intent.time.since(lane.opened));
        let of_receiver = |lane: &Lane| (intent.receiver.clone(), lane.incident.clone());
        let free = lanes.into_iter().flatten().filter(|lane| !self.is.contains_key(&of_receiver(lane)));
        let near = free.filter(|lane| apart(lane) <= NEAR).min_by_key(|lane| apart(lane));
        let was = near.map(|lane| lane.incident.clone());
        if let Some(was) = &was {
            self.is.insert((intent.receiver.clone(), was.clone()), intent.incident.clone());
        }
        self.was.insert(key, was.clone());
        was
    }

    /// A reaction to the incident as it is called in the replay.
    pub fn renamed(&self, row: Reaction) -> Reaction {
        let is = row.incident.as_ref().and_then(|was| self.is.get(&(row.receiver.clone(), was.clone())));
        match is {
            Some(is) => Reaction { incident: Some(is.clone()), ..row },
            None => row,
        }
    }
}

fn told_of(intent: &Intent, receipt: Receipt) -> Receipt {
    Receipt { intent: intent.intent.clone(), key: intent.key, incident: intent.incident.clone(), ..receipt }
}

pub(super) fn taken(intent: &Intent) -> Receipt {
    Receipt {
        time: intent.time,
        intent: intent.intent.clone(),
        key: intent.key,
        receiver: intent.receiver.clone(),
        incident: intent.incident.clone(),
        sequence: intent.sequence,
        attempt: 1,
        outcome: Outcome::Delivered,
        last: true,
        status: None,
        message: None,
        reference: None,
        took_ms: 0,
    }
}
