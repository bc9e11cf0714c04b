use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{Limit, Rng};
use model::Outcome;
use model::rows::{Intent, Receipt};

use super::lane::{Item, Lane, State};
use super::pacer::Pacer;
use super::{Draft, Gauges, Job, Now, draft, refuse_unknown};
use crate::checkpoint::SavedLane;
use crate::{Action, SendError, Sent};

/// One receiver: its pace, its incidents, and the order in which they are served.
#[derive(Debug)]
pub(super) struct Receiver {
    /// Nothing if no such receiver is configured: its intents are refused.
    pacer: Option<Pacer>,
    lanes: BTreeMap<String, Lane>,
    due: BTreeSet<(Duration, u64, String)>,
    order: u64,
    held: u64,
    waiting: usize,
}

impl Receiver {
    pub fn new(pacer: Option<Pacer>) -> Self {
        Self { pacer, lanes: BTreeMap::new(), due: BTreeSet::new(), order: 0, held: 0, waiting: 0 }
    }

    /// Queues `intent`, stripped if too much is held already.
    pub fn admit(&mut self, shard: u32, limit: Limit, intent: Intent) {
        let incident = intent.incident.clone();
        let mut item = Item::new(intent);
        // One that begins with anything but a trigger began before our time.
        let reached = item.intent.sequence > 1 && item.action != Action::Trigger;
        let lane = self.lanes.entry(incident).or_insert_with(|| Lane::new(shard, reached));
        if limit.check(self.held + item.size()).is_err() {
            item = item.stripped();
        }
        let size = item.size();
        if lane.push(item) {
            self.held += size;
            self.waiting += 1;
        }
    }

    /// Applies a receipt; gives the shard of its incident if that is known.
    pub fn receipt(&mut self, receipt: &Receipt) -> Option<u32> {
        let lane = self.lanes.get_mut(&receipt.incident)?;
        let shard = lane.shard;
        let head = lane.head().is_some_and(|item| item.intent.sequence == receipt.sequence);
        if lane.state == State::Sending && head {
            // Our own request is out; what it gives counts.
            return None;
        }
        if !receipt.last {
            let attempt = u32::try_from(receipt.attempt).unwrap_or(u32::MAX);
            if let Some(item) = lane.find_mut(receipt.sequence) {
                item.attempts = item.attempts.max(attempt);
                item.safe |= receipt.outcome == Outcome::Poison;
            }
            return Some(shard);
        }
        if lane.state == State::Settling && head {
            lane.state = State::Idle;
        }
        if let Some(item) = lane.finish(receipt.sequence, receipt.outcome) {
            self.held -= item.size();
            self.waiting -= 1;
        }
        Some(shard)
    }

    /// Brings an incident's place in the order up to date with its queue.
    pub fn refresh(&mut self, incident: &str, now: Now) -> Vec<Draft> {
        let Some(lane) = self.lanes.get_mut(incident) else { return Vec::new() };
        let (held, waiting) = (lane.size(), lane.waiting());
        let drafts = if self.pacer.is_none() {
            refuse_unknown(now, lane)
        } else {
            let overtaken = lane.overtaken();
            let superseded = |(item, why)| draft(now, lane.shard, &item, Outcome::Superseded, true, Some(why));
            overtaken.into_iter().map(superseded).collect()
        };
        self.held = self.held + lane.size() - held;
        self.waiting = self.waiting + lane.waiting() - waiting;
        match lane.state {
            State::Idle if lane.is_ready() => {
                self.order += 1;
                let at = lane.due.max(now.mono);
                lane.state = State::Waiting(at, self.order);
                self.due.insert((at, self.order, incident.to_owned()));
            }
            State::Waiting(at, order) if !lane.is_ready() => {
                lane.state = State::Idle;
                self.due.remove(&(at, order, incident.to_owned()));
            }
            _ => {}
        }
        self.forget_if_over(incident);
        drafts
    }

    /// Starts on what an earlier process left. It may have sent any of it.
    pub fn go_live(&mut self, shard: u32, now: Now) -> Vec<Draft> {
        let of_shard = |(incident, lane): (&String, &Lane)| (lane.shard == shard).then(|| incident.clone());
        let incidents: Vec<String> = self.lanes.iter().filter_map(of_shard).collect();
        for lane in self.lanes.values_mut().filter(|lane| lane.shard == shard) {
            lane.reached |= !lane.is_empty();
        }
        incidents.iter().flat_map(|incident| self.refresh(incident, now)).collect()
    }

    pub fn forget_if_over(&mut self, incident: &str) {
        if self.lanes.get(incident).is_some_and(Lane::is_over) {
            self.lanes.remove(incident);
        }
    }

    pub fn next(&mut self, now: Duration) -> Option<Job> {
        if self.wake(now)? > now {
            return None;
        }
        let (_, _, incident) = self.due.pop_first()?;
        let (pacer, lane) = (self.pacer.as_mut()?, self.lanes.get_mut(&incident)?);
        lane.state = State::Sending;
        let reached = lane.reached;
        let item = lane.head_mut()?;
        item.attempts += 1;
        pacer.start(now);
        Some(Job {
            intent: item.intent.clone(),
            action: if item.action == Action::Update && !reached { Action::Trigger } else { item.action },
            safe: item.safe,
            timeout: pacer.timeout(),
        })
    }

    pub fn wake(&mut self, now: Duration) -> Option<Duration> {
        let (due, _, _) = self.due.first()?;
        Some((*due).max(self.pacer.as_mut()?.ready_at(now)?))
    }

    pub fn done(
        &mut self,
        now: Now,
        job: &Job,
        result: &Result<Sent, SendError>,
        took: Duration,
        rng: &Rng,
    ) -> Vec<Draft> {
        let Some(pacer) = self.pacer.as_mut() else { return Vec::new() };
        let Some(lane) = self.lanes.get_mut(&job.intent.incident) else { return Vec::new() };
        lane.due = pace(pacer, lane, now.mono, result, rng);
        lane.reached |= result.as_ref().err().is_none_or(SendError::may_be_taken) && job.action != Action::Resolve;
        let (shard, safe) = (lane.shard, job.safe);
        let Some(item) = lane.head_mut() else { return Vec::new() };
        let (outcome, last) = verdict(result, safe);
        let message = result.as_ref().err().map(ToString::to_string);
        let mut answer = draft(now, shard, item, outcome, last, message);
        item.safe |= outcome == Outcome::Poison;
        answer.receipt.took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        answer.receipt.status = result.as_ref().map_or_else(SendError::status, |sent| sent.status).map(i64::from);
        answer.receipt.reference = result.as_ref().ok().and_then(|sent| sent.reference.clone());
        lane.state = if last { State::Settling } else { State::Idle };
        let mut drafts = vec![answer];
        drafts.extend(self.refresh(&job.intent.incident, now));
        drafts
    }

    pub fn save(&self, name: &str, shard: u32) -> Vec<SavedLane> {
        let of_shard = |(_, lane): &(&String, &Lane)| lane.shard == shard;
        self.lanes.iter().filter(of_shard).map(|(incident, lane)| lane.save(name, incident)).collect()
    }

    pub fn restore(&mut self, shard: u32, saved: SavedLane) {
        let incident = saved.incident.clone();
        let lane = Lane::restore(shard, saved);
        self.held += lane.size();
        self.waiting += lane.waiting();
        self.lanes.insert(incident, lane);
    }

    pub fn gauges(&self, now: Duration) -> Gauges {
        Gauges {
            waiting: self.waiting,
            open: self.lanes.len(),
            in_flight: self.pacer.as_ref().map_or(0, Pacer::in_flight),
            held: self.held,
            paused: self.pacer.as_ref().is_some_and(|pacer| pacer.paused(now)),
        }
    }
}

/// What an answer is called, and whether the intent is done with.
fn verdict(result: &Result<Sent, SendError>, safe: bool) -> (Outcome, bool) {
    match result {
        Ok(sent) if sent.proven => (Outcome::Delivered, true),
        Ok(_) => (Outcome::Accepted, true),
        Err(SendError::Retry { .. }) => (Outcome::Retry, false),
        Err(SendError::Poison { .. }) => (Outcome::Poison, safe),
        Err(SendError::Refused { .. }) => (Outcome::Refused, false),
    }
}

/// Tells the pacer of an answer; gives the earliest time of the incident's next request.
fn pace(pacer: &mut Pacer, lane: &mut Lane, now: Duration, result: &Result<Sent, SendError>, rng: &Rng) -> Duration {
    match result {
        Err(SendError::Retry { after, status, .. }) if after.is_some() || *status == Some(429) => {
            pacer.pause(now, *after, rng)
        }
        Err(SendError::Retry { .. }) => {
            pacer.failed();
            let wait = pacer.backoff_at(lane.failures, rng);
            lane.failures = lane.failures.saturating_add(1);
            now + wait
        }
        Err(SendError::Refused { .. }) => pacer.pause(now, None, rng),
        Ok(_) | Err(SendError::Poison { .. }) => {
            pacer.answered();
            lane.failures = 0;
            now
        }
    }
}
