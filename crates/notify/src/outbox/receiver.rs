use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{Backoff, Limit, Rng};
use model::Outcome;
use model::rows::{Intent, Receipt};

use super::lane::{Item, Lane, State};
use super::pacer::Pacer;
use super::{Ask, Draft, Gauges, Job, Now, draft, refuse_unknown};
use crate::checkpoint::{Owed, SavedLane};
use crate::{Action, DIGEST, SendError, Sent};

/// Waits between two questions for a proof: the first, and the longest.
const POLLS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// One receiver: its pace, its incidents, and the order in which they are served.
#[derive(Debug)]
pub(super) struct Receiver {
    /// Nothing if no such receiver is configured: its intents are refused.
    pacer: Option<Pacer>,
    /// How long a proof is waited for.
    pub prove_within: Duration,
    /// How often what it has is told again, if it must be.
    pub refresh_every: Option<Duration>,
    /// How many intents may wait.
    pub digest_after: usize,
    /// Whether it is told of ends.
    pub tells_ends: bool,
    lanes: BTreeMap<String, Lane>,
    due: BTreeSet<(Duration, u64, String)>,
    order: u64,
    held: u64,
    waiting: usize,
}

impl Receiver {
    pub fn new(pacer: Option<Pacer>) -> Self {
        Self {
            pacer,
            prove_within: Duration::ZERO,
            refresh_every: None,
            digest_after: usize::MAX,
            tells_ends: true,
            lanes: BTreeMap::new(),
            due: BTreeSet::new(),
            order: 0,
            held: 0,
            waiting: 0,
        }
    }

    /// Paces it like that from now on; what waits stays, and what was sent counts.
    pub fn set_pacer(&mut self, pacer: Pacer) {
        self.pacer = Some(match &self.pacer {
            Some(before) => pacer.succeed(before),
            None => pacer,
        });
    }

    /// Gives up a trigger while too much waits, if nothing of its incident can have been sent. The
    /// fold tells of it in the receiver's digest.
    pub fn overflow(&mut self, now: Now, shard: u32, intent: &Intent) -> Option<Draft> {
        let item = Item::new(intent.clone());
        let full = self.pacer.is_some() && self.waiting >= self.digest_after;
        if !full || item.action != Action::Trigger || intent.incident.starts_with(DIGEST) {
            return None;
        }
        let lane = self.lanes.entry(intent.incident.clone()).or_insert_with(|| Lane::new(shard, false));
        if !lane.is_new(intent.sequence) {
            return None;
        }
        lane.give_up(intent.sequence);
        let why = format!("{} notifications wait for this receiver; its digest tells of this incident", self.waiting);
        Some(draft(now, shard, &item, Outcome::Digested, true, Some(why)))
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
    pub fn receipt(&mut self, receipt: &Receipt, live: &BTreeSet<u32>) -> Option<u32> {
        let lane = self.lanes.get_mut(&receipt.incident)?;
        let shard = lane.shard;
        let head = lane.head().is_some_and(|item| item.intent.sequence == receipt.sequence);
        if lane.state == State::Sending && head {
            // Our own request is out; what it gives counts.
            return None;
        }
        if !receipt.last {
            attempted(lane, receipt, live.contains(&shard));
            return Some(shard);
        }
        if lane.state == State::Settling && head {
            lane.state = State::Idle;
        }
        let (held, waiting) = (lane.size(), lane.waiting());
        lane.finish(receipt, self.refresh_every.is_some());
        self.held = self.held + lane.size() - held;
        self.waiting = self.waiting + lane.waiting() - waiting;
        Some(shard)
    }

    /// Brings an incident's place in the order up to date with its queue.
    pub fn refresh(&mut self, incident: &str, now: Now) -> Vec<Draft> {
        let Some(lane) = self.lanes.get_mut(incident) else { return Vec::new() };
        let (held, waiting) = (lane.size(), lane.waiting());
        let drafts = if self.pacer.is_none() {
            refuse_unknown(now, lane)
        } else {
            let overtaken = lane.overtaken(self.tells_ends);
            let superseded = |(item, why)| draft(now, lane.shard, &item, Outcome::Superseded, true, Some(why));
            overtaken.into_iter().map(superseded).collect()
        };
        self.held = self.held + lane.size() - held;
        self.waiting = self.waiting + lane.waiting() - waiting;
        self.place(incident, now.mono);
        self.forget_if_over(incident);
        drafts
    }

    /// Puts an incident where it belongs in the order, or takes it out.
    fn place(&mut self, incident: &str, now: Duration) {
        let Some(lane) = self.lanes.get_mut(incident) else { return };
        let wanted = if lane.is_ready() {
            Some(lane.due.max(now))
        } else if lane.is_empty() && lane.kept.is_some() {
            // What is told again is not urgent.
            self.refresh_every.map(|every| *lane.again.get_or_insert(now + every))
        } else {
            None
        };
        match lane.state {
            State::Waiting(at, _) if wanted.is_some_and(|wanted| at <= wanted) => return,
            State::Waiting(at, order) => _ = self.due.remove(&(at, order, incident.to_owned())),
            State::Idle => {}
            State::Sending | State::Settling | State::Owing => return,
        }
        lane.state = State::Idle;
        if let Some(at) = wanted {
            self.order += 1;
            lane.state = State::Waiting(at, self.order);
            self.due.insert((at, self.order, incident.to_owned()));
        }
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
        pacer.start(now);
        lane.state = State::Sending;
        let (reached, reference) = (lane.reached, lane.reference.clone());
        let (item, ask) = match lane.kept.clone().filter(|_| lane.is_empty()) {
            Some(kept) => (kept, Ask::Refresh),
            None => {
                let item = lane.head_mut()?;
                let ask = item.proof.as_ref().map_or(Ask::Send, |owed| Ask::Proof(owed.reference.clone()));
                item.attempts += u32::from(ask == Ask::Send);
                (item.clone(), ask)
            }
        };
        let action = if item.action == Action::Update && !reached { Action::Trigger } else { item.action };
        Some(Job { intent: item.intent, action, safe: item.safe, ask, reference, timeout: pacer.timeout() })
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
        let incident = &job.intent.incident;
        if job.ask == Ask::Refresh {
            lane.state = State::Idle;
            let soon = matches!(result, Err(SendError::Retry { .. } | SendError::Refused { .. }));
            lane.again = soon.then(|| lane.due.max(now.mono + POLLS.0));
            return self.refresh(incident, now);
        }
        lane.reached |= result.as_ref().err().is_none_or(SendError::may_be_taken) && job.action != Action::Resolve;
        let (shard, safe) = (lane.shard, job.safe);
        let Some(item) = lane.head_mut() else { return Vec::new() };
        let (outcome, last) = match &item.proof {
            Some(owed) if !matches!(result, Err(SendError::Poison { .. })) => {
                let proven = result.as_ref().is_ok_and(|sent| sent.proven);
                let left = self.prove_within.saturating_sub(now.wall.since(owed.since));
                if !proven && !left.is_zero() {
                    // Nothing is known that was not known before: it is asked again.
                    let wait = Backoff::new(POLLS.0, POLLS.1).at(item.polls, rng).min(left);
                    item.polls = item.polls.saturating_add(1);
                    lane.due = lane.due.max(now.mono + wait);
                    lane.state = State::Idle;
                    return self.refresh(incident, now);
                }
                (if proven { Outcome::Delivered } else { Outcome::Unproven }, true)
            }
            _ => verdict(result, safe),
        };
        let unproven = (outcome == Outcome::Unproven).then(|| unproven(self.prove_within, result));
        let message = unproven.or_else(|| result.as_ref().err().map(ToString::to_string));
        let mut answer = draft(now, shard, item, outcome, last, message);
        item.safe |= outcome == Outcome::Poison;
        item.proof = None;
        answer.receipt.took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        answer.receipt.status = result.as_ref().map_or_else(SendError::status, |sent| sent.status).map(i64::from);
        answer.receipt.reference = result.as_ref().ok().and_then(|sent| sent.reference.clone());
        let owed = outcome == Outcome::Accepted && !last;
        if owed {
            lane.due = now.mono + Backoff::new(POLLS.0, POLLS.1).at(0, rng);
        }
        // A proof is asked for only once the log knows what it is for.
        lane.state = match (last, owed) {
            (true, _) => State::Settling,
            (false, true) => State::Owing,
            (false, false) => State::Idle,
        };
        let mut drafts = vec![answer];
        drafts.extend(self.refresh(incident, now));
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

/// Applies the receipt of an attempt that was not the last. It comes twice, once appended and once
/// read, and the second time late: an acceptance counts while it is waited for.
fn attempted(lane: &mut Lane, receipt: &Receipt, live: bool) {
    let (accepted, owing) = (receipt.outcome == Outcome::Accepted, lane.state == State::Owing);
    let attempt = u32::try_from(receipt.attempt).unwrap_or(u32::MAX);
    let Some(item) = lane.find_mut(receipt.sequence) else { return };
    let awaited = if live { owing && attempt == item.attempts } else { true };
    item.attempts = item.attempts.max(attempt);
    item.safe |= receipt.outcome == Outcome::Poison;
    if !awaited {
        return;
    }
    let owed = || Some(Owed { reference: receipt.reference.clone()?, since: receipt.time });
    item.proof = if accepted { owed() } else { None };
    if accepted {
        lane.reached = true;
        lane.reference = receipt.reference.clone().or(lane.reference.take());
        lane.state = if owing { State::Idle } else { lane.state };
    }
}

/// What an answer is called, and whether the intent is done with.
fn verdict(result: &Result<Sent, SendError>, safe: bool) -> (Outcome, bool) {
    match result {
        Ok(sent) if sent.proven => (Outcome::Delivered, true),
        Ok(sent) => (Outcome::Accepted, !sent.owed || sent.reference.is_none()),
        Err(SendError::Retry { .. }) => (Outcome::Retry, false),
        Err(SendError::Poison { .. }) => (Outcome::Poison, safe),
        Err(SendError::Refused { .. }) => (Outcome::Refused, false),
    }
}

/// What the receipt of an intent says that was never proved.
fn unproven(within: Duration, result: &Result<Sent, SendError>) -> String {
    let why = result.as_ref().err().map(|error| format!("; asked for it, {error}")).unwrap_or_default();
    format!("it was taken for processing and not proved within {} s{why}", within.as_secs_f64())
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
        Err(SendError::Refused { .. }) => pacer.refuse(now, rng),
        Ok(_) | Err(SendError::Poison { .. }) => {
            pacer.answered();
            lane.failures = 0;
            now
        }
    }
}
