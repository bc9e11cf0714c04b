use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use model::Outcome;
use model::rows::{Intent, Receipt};

use crate::checkpoint::{Owed, SavedItem, SavedLane};
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
    /// What the provider called the incident last.
    pub reference: Option<String>,
    /// What the provider has, if it has to be told of it again and again.
    pub kept: Option<Item>,
    /// When it is told next.
    pub again: Option<Duration>,
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
    /// The provider took it and owes a proof; the receipt that says so is not yet durable.
    Owing,
}

/// An intent that is not done with.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub intent: Intent,
    pub action: Action,
    pub attempts: u32,
    /// Only the safe payload is sent: the full one was refused or is not kept.
    pub safe: bool,
    /// It was taken, and its proof is awaited.
    pub proof: Option<Owed>,
    /// How often it was asked for.
    pub polls: u32,
}

impl Item {
    pub fn new(intent: Intent) -> Self {
        // A word of a later version still tells people something; nothing is dropped.
        let action = intent.action.parse().unwrap_or(Action::Update);
        Self { intent, action, attempts: 0, safe: false, proof: None, polls: 0 }
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

    fn saved(&self) -> SavedItem {
        SavedItem::of(&self.intent, self.attempts, self.safe, self.proof.clone())
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
            reference: None,
            kept: None,
            again: None,
        }
    }

    pub fn restore(shard: u32, saved: SavedLane) -> Self {
        let mut lane = Self::new(shard, saved.reached);
        (lane.seen, lane.reference) = (saved.seen, saved.reference);
        let item = |mut item: SavedItem| {
            let (attempts, safe, proof) = (item.attempts, item.safe, item.owed.take());
            let intent = item.into_intent(&saved.receiver, &saved.incident);
            Item { attempts, safe, proof, ..Item::new(intent) }
        };
        lane.queue = saved.queue.into_iter().map(item).collect();
        lane.kept = saved.kept.map(item);
        lane
    }

    pub fn save(&self, receiver: &str, incident: &str) -> SavedLane {
        SavedLane {
            receiver: receiver.to_owned(),
            incident: incident.to_owned(),
            reached: self.reached || self.state == State::Sending,
            seen: self.seen,
            queue: self.queue.iter().map(Item::saved).collect(),
            reference: self.reference.clone(),
            kept: self.kept.as_ref().map(Item::saved),
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

    /// Whether its head is at the provider, so that nothing overtakes it.
    pub fn is_busy(&self) -> bool {
        let owed = self.head().is_some_and(|item| item.proof.is_some());
        owed || matches!(self.state, State::Settling | State::Owing)
            || (self.state == State::Sending && !self.queue.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub fn size(&self) -> u64 {
        self.queue.iter().chain(&self.kept).map(Item::size).sum()
    }

    /// Nothing to send, and nothing that a later intent needs to know.
    pub fn is_over(&self) -> bool {
        self.queue.is_empty() && self.closed && self.owed.is_empty() && self.state == State::Idle
    }

    /// Takes out the intent of a last receipt: the provider is done with it. What it has now is
    /// kept if it must be told of it again.
    pub fn finish(&mut self, receipt: &Receipt, keep: bool) {
        self.owed.remove(&receipt.sequence);
        let Some(at) = self.queue.iter().position(|item| item.intent.sequence == receipt.sequence) else { return };
        let Some(item) = self.queue.remove(at) else { return };
        self.closed = item.action == Action::Resolve || receipt.outcome == Outcome::Digested;
        if matches!(receipt.outcome, Outcome::Delivered | Outcome::Accepted | Outcome::Unproven) {
            self.reached = !self.closed;
            self.reference = receipt.reference.clone().or(self.reference.take()).filter(|_| !self.closed);
            self.kept = Some(item).filter(|_| keep && !self.closed);
            self.again = None;
        }
    }

    /// Takes out what need not be sent, each with the reason: everything that waits before a
    /// resolve; that resolve too if the provider cannot have the incident, or is told of no ends; updates
    /// before a newer update.
    pub fn overtaken(&mut self, tells_ends: bool) -> Vec<(Item, String)> {
        let from = usize::from(self.is_busy());
        let mut out = Vec::new();
        let last = (from..self.queue.len()).rev().find(|&n| self.queue[n].action == Action::Resolve);
        if let Some(last) = last {
            let by = self.queue[last].intent.sequence;
            self.take(from, last - from, &format!("superseded by the resolve {by}"), &mut out);
            match (self.reached, tells_ends) {
                _ if self.is_busy() => {}
                (false, _) => self.take(from, 1, "superseded: nothing of this incident was sent", &mut out),
                (true, false) => self.take(from, 1, "superseded: this receiver is told of no ends", &mut out),
                (true, true) => {}
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

    /// An intent is given up before anything was sent of it.
    pub fn give_up(&mut self, sequence: i64) {
        self.seen = sequence;
        self.owed.insert(sequence);
        self.closed = true;
    }

    /// Whether nothing of the incident was sent or waits, and that sequence is new.
    pub fn is_new(&self, sequence: i64) -> bool {
        self.queue.is_empty() && !self.reached && self.state == State::Idle && sequence > self.seen
    }

    /// Takes out everything.
    pub fn drain(&mut self) -> Vec<Item> {
        self.closed = true;
        self.kept = None;
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
