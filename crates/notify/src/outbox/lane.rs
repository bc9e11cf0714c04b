use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use model::Outcome;
use model::rows::Intent;

use crate::checkpoint::{SavedItem, SavedLane};
use crate::{Action, Notification};

/// The intents of one incident for one receiver, in order.
#[derive(Debug)]
pub(super) struct Lane {
    pub shard: u32,
    pub state: State,
    /// Whether the provider has the incident open, or may have it: then its resolve must be sent.
    pub reached: bool,
    /// The highest sequence that was queued.
    seen: i64,
    /// Retries in a row.
    pub failures: u32,
    /// Not to be sent before.
    pub due: Duration,
    queue: VecDeque<Item>,
    /// Superseded intents whose receipts are not yet durable. Nothing is sent before they are:
    /// after a crash they would come back, and a resolve among them would close what came later.
    owed: BTreeSet<i64>,
    /// Whether the last intent that left was a resolve.
    closed: bool,
}

/// What happens with the head of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    /// In the receiver's order, at this place.
    Waiting(Duration, u64),
    /// A request is in flight.
    Sending,
    /// The provider is done with it; the receipt is not yet durable.
    Settling,
}

/// An intent that is not done with.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub intent: Intent,
    pub action: Action,
    pub attempts: u32,
    /// Only the safe payload is sent: the full one was refused or is not kept.
    pub safe: bool,
}

impl Item {
    pub fn new(intent: Intent) -> Self {
        // A word of a later version still tells people something; nothing is dropped.
        let action = intent.action.parse().unwrap_or(Action::Update);
        Self { intent, action, attempts: 0, safe: false }
    }

    /// The same with the smallest payload that still pages.
    pub fn stripped(mut self) -> Self {
        let stripped = Notification::of(&self.intent, self.action).0.stripped();
        self.intent.payload = serde_json::to_string(&stripped).unwrap_or_default();
        self.safe = true;
        self
    }

    pub fn size(&self) -> u64 {
        self.intent.payload.len() as u64
    }
}

impl Lane {
    /// A lane that nothing else is known of.
    pub fn new(shard: u32, reached: bool) -> Self {
        Self {
            shard,
            state: State::Idle,
            reached,
            seen: 0,
            failures: 0,
            due: Duration::ZERO,
            queue: VecDeque::new(),
            owed: BTreeSet::new(),
            closed: false,
        }
    }

    pub fn restore(shard: u32, saved: SavedLane) -> Self {
        let mut lane = Self::new(shard, saved.reached);
        lane.seen = saved.seen;
        for item in saved.queue {
            let (attempts, safe) = (item.attempts, item.safe);
            let intent = item.into_intent(&saved.receiver, &saved.incident);
            lane.queue.push_back(Item { attempts, safe, ..Item::new(intent) });
        }
        lane
    }

    pub fn save(&self, receiver: &str, incident: &str) -> SavedLane {
        SavedLane {
            receiver: receiver.to_owned(),
            incident: incident.to_owned(),
            reached: self.reached || self.state == State::Sending,
            seen: self.seen,
            queue: self.queue.iter().map(|item| SavedItem::of(&item.intent, item.attempts, item.safe)).collect(),
        }
    }

    /// Queues an item; false if it was queued before.
    pub fn push(&mut self, item: Item) -> bool {
        let new = item.intent.sequence > self.seen;
        if new {
            self.seen = item.intent.sequence;
            self.queue.push_back(item);
        }
        new
    }

    pub fn head(&self) -> Option<&Item> {
        self.queue.front()
    }

    pub fn head_mut(&mut self) -> Option<&mut Item> {
        self.queue.front_mut()
    }

    pub fn find_mut(&mut self, sequence: i64) -> Option<&mut Item> {
        self.queue.iter_mut().find(|item| item.intent.sequence == sequence)
    }

    /// Whether its head may be given a place in the order.
    pub fn is_ready(&self) -> bool {
        self.owed.is_empty() && !self.queue.is_empty()
    }

    pub fn is_busy(&self) -> bool {
        matches!(self.state, State::Sending | State::Settling)
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub fn size(&self) -> u64 {
        self.queue.iter().map(Item::size).sum()
    }

    /// Nothing to send, and nothing that a later intent needs to know.
    pub fn is_over(&self) -> bool {
        self.queue.is_empty() && self.closed && self.owed.is_empty() && self.state == State::Idle
    }

    /// Takes out the intent of that sequence: a provider is done with it.
    pub fn finish(&mut self, sequence: i64, outcome: Outcome) -> Option<Item> {
        self.owed.remove(&sequence);
        let at = self.queue.iter().position(|item| item.intent.sequence == sequence)?;
        let item = self.queue.remove(at)?;
        if matches!(outcome, Outcome::Delivered | Outcome::Accepted) {
            self.reached = item.action != Action::Resolve;
        }
        self.closed = item.action == Action::Resolve;
        Some(item)
    }

    /// Takes out what need not be sent, each with the reason: everything that waits before a
    /// resolve; that resolve too if the provider cannot have the incident; updates before a newer
    /// update.
    pub fn overtaken(&mut self) -> Vec<(Item, String)> {
        let from = usize::from(self.is_busy());
        let mut out = Vec::new();
        let last = (from..self.queue.len()).rev().find(|&n| self.queue[n].action == Action::Resolve);
        if let Some(last) = last {
            let by = self.queue[last].intent.sequence;
            self.take(from, last - from, &format!("superseded by the resolve {by}"), &mut out);
            if !self.reached && !self.is_busy() {
                self.take(from, 1, "superseded: nothing of this incident was sent", &mut out);
            }
        }
        let mut at = from;
        while at + 1 < self.queue.len() {
            if self.queue[at].action == Action::Update && self.queue[at + 1].action == Action::Update {
                let by = self.queue[at + 1].intent.sequence;
                self.take(at, 1, &format!("superseded by the update {by}"), &mut out);
            } else {
                at += 1;
            }
        }
        out
    }

    /// Takes out everything.
    pub fn drain(&mut self) -> Vec<Item> {
        self.closed = true;
        self.queue.drain(..).collect()
    }

    fn take(&mut self, at: usize, count: usize, why: &str, out: &mut Vec<(Item, String)>) {
        for item in self.queue.drain(at..at + count) {
            self.closed = item.action == Action::Resolve;
            self.owed.insert(item.intent.sequence);
            out.push((item, why.to_owned()));
        }
    }
}
