//! What may be sent when: pure, without I/O or clock. The host feeds it intents, receipts and
//! results, asks for the next job, and appends the receipts that it gives.

mod lane;
mod pacer;
mod receiver;

#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{Limit, Rng, Timestamp};
use model::Outcome;
use model::rows::{Intent, Receipt};

use crate::checkpoint::SavedLane;
use crate::{Action, Limits, ReceiverConfig, SendError, Sent};
use lane::{Item, Lane};
use pacer::Pacer;
use receiver::Receiver;

/// Characters of a receipt's message.
const MESSAGE: usize = 500;

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub mono: Duration,
    pub wall: Timestamp,
}

/// A receipt to be appended to a shard.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft {
    pub shard: u32,
    pub receipt: Receipt,
}

/// One request to make.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub intent: Intent,
    /// What to ask for: an update becomes a trigger if the provider cannot have the incident.
    pub action: Action,
    /// Send the safe payload.
    pub safe: bool,
    /// What the request is for.
    pub ask: Ask,
    /// What the provider called the incident last.
    pub reference: Option<String>,
    /// How long the request may take.
    pub timeout: Duration,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To tell of an intent.
    Send,
    /// To tell again what the provider has already.
    Refresh,
    /// To learn what became of an intent that was taken, by this reference.
    Proof(String),
}

/// How a receiver is, for metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gauges {
    pub waiting: usize,
    pub open: usize,
    pub in_flight: u32,
    pub held: u64,
    pub paused: bool,
}

/// Every receiver's outstanding intents.
#[derive(Debug)]
pub(crate) struct Outbox {
    receivers: BTreeMap<String, Receiver>,
    /// Shards whose log was read to where it ended at the start. Before that a receipt may still
    /// follow, so nothing of the shard is sent.
    live: BTreeSet<u32>,
    held: Limit,
    rng: Rng,
}

impl Outbox {
    pub fn new(held: Limit, rng: Rng) -> Self {
        Self { receivers: BTreeMap::new(), live: BTreeSet::new(), held, rng }
    }

    pub fn configure(&mut self, name: &str, limits: Limits, config: &ReceiverConfig, max_pause: Duration) {
        let pacer = Pacer::new(limits, config, max_pause);
        let receiver = self.receivers.entry(name.to_owned()).or_insert_with(|| Receiver::new(None));
        receiver.set_pacer(pacer);
        receiver.prove_within = config.prove_within;
        (receiver.digest_after, receiver.tells_ends) = (config.digest_after.max(1), true);
    }

    /// What that receiver has is told again so often.
    pub fn refresh_every(&mut self, name: &str, every: Duration) {
        if let Some(receiver) = self.receivers.get_mut(name) {
            receiver.refresh_every = Some(every);
        }
    }

    /// It acts on beginnings and is told of no ends. A digest, which tells of several incidents at once, would say nothing to it.
    pub fn tells_no_ends(&mut self, name: &str) {
        if let Some(receiver) = self.receivers.get_mut(name) {
            (receiver.tells_ends, receiver.digest_after) = (false, usize::MAX);
        }
    }

    /// Takes in an intent that is on the log.
    pub fn admit(&mut self, now: Now, shard: u32, intent: Intent) -> Vec<Draft> {
        let live = self.live.contains(&shard);
        let receiver = self.receivers.entry(intent.receiver.clone()).or_insert_with(|| Receiver::new(None));
        let incident = intent.incident.clone();
        if live && let Some(draft) = receiver.overflow(now, shard, &intent) {
            return vec![draft];
        }
        receiver.admit(shard, self.held, intent);
        if live { receiver.refresh(&incident, now) } else { Vec::new() }
    }

    /// Takes in a receipt that is on the log: ours of before the restart, or one just appended.
    pub fn receipt(&mut self, now: Now, receipt: &Receipt) -> Vec<Draft> {
        let Some(receiver) = self.receivers.get_mut(&receipt.receiver) else { return Vec::new() };
        let Some(shard) = receiver.receipt(receipt, &self.live) else { return Vec::new() };
        if self.live.contains(&shard) {
            receiver.refresh(&receipt.incident, now)
        } else {
            receiver.forget_if_over(&receipt.incident);
            Vec::new()
        }
    }

    /// The log of `shard` was read to where it ended at the start.
    pub fn go_live(&mut self, now: Now, shard: u32) -> Vec<Draft> {
        if !self.live.insert(shard) {
            return Vec::new();
        }
        self.receivers.values_mut().flat_map(|receiver| receiver.go_live(shard, now)).collect()
    }

    /// A request that may be made now; it counts as in flight until [`Self::done`].
    pub fn next(&mut self, now: Now) -> Option<Job> {
        self.receivers.values_mut().find_map(|receiver| receiver.next(now.mono))
    }

    /// When [`Self::next`] may next give something, unless something else happens before.
    pub fn wake(&mut self, now: Now) -> Option<Duration> {
        self.receivers.values_mut().filter_map(|receiver| receiver.wake(now.mono)).min()
    }

    /// What became of a job.
    pub fn done(&mut self, now: Now, job: &Job, result: &Result<Sent, SendError>, took: Duration) -> Vec<Draft> {
        let Some(receiver) = self.receivers.get_mut(&job.intent.receiver) else { return Vec::new() };
        receiver.done(now, job, result, took, &self.rng)
    }

    /// What has to be kept of a shard.
    pub fn save(&self, shard: u32) -> Vec<SavedLane> {
        self.receivers.iter().flat_map(|(name, receiver)| receiver.save(name, shard)).collect()
    }

    /// Takes back what was kept.
    pub fn restore(&mut self, shard: u32, lanes: Vec<SavedLane>) {
        for saved in lanes {
            let receiver = self.receivers.entry(saved.receiver.clone()).or_insert_with(|| Receiver::new(None));
            receiver.restore(shard, saved);
        }
    }

    pub fn gauges(&self, now: Now) -> impl Iterator<Item = (&str, Gauges)> {
        self.receivers.iter().map(move |(name, receiver)| (name.as_str(), receiver.gauges(now.mono)))
    }
}

fn draft(now: Now, lane_shard: u32, item: &Item, outcome: Outcome, last: bool, message: Option<String>) -> Draft {
    let intent = &item.intent;
    Draft {
        shard: lane_shard,
        receipt: Receipt {
            time: now.wall,
            intent: intent.intent.clone(),
            key: intent.key,
            receiver: intent.receiver.clone(),
            incident: intent.incident.clone(),
            sequence: intent.sequence,
            attempt: i64::from(item.attempts),
            outcome,
            last,
            status: None,
            message: message.map(|text| text.chars().take(MESSAGE).collect()),
            reference: None,
            took_ms: 0,
        },
    }
}

fn refuse_unknown(now: Now, lane: &mut Lane) -> Vec<Draft> {
    let shard = lane.shard;
    let refused = |item: Item| {
        let message = format!("no receiver of the name {} is configured", item.intent.receiver);
        draft(now, shard, &item, Outcome::Refused, true, Some(message))
    };
    lane.drain().into_iter().map(refused).collect()
}
