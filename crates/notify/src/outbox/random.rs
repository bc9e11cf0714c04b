//! Random intents, failures, crashes and restarts against a provider that has PagerDuty's rules.

use std::collections::BTreeMap;

use super::tests::{intent, outbox};
use super::*;

#[derive(Clone, Debug)]
enum Entry {
    Intent(Intent),
    Receipt(Receipt),
}

/// What the provider knows of one incident.
#[derive(Default)]
struct Incident {
    open: bool,
    last: i64,
    /// By opening: how often it paged.
    pages: BTreeMap<i64, u32>,
}

struct World {
    rng: Rng,
    log: Vec<Entry>,
    sequences: BTreeMap<String, (i64, bool, i64)>,
    phases: BTreeMap<(String, i64), i64>,
    provider: BTreeMap<String, Incident>,
    outbox: Outbox,
    read: usize,
    end: usize,
    now: u64,
    flying: Vec<(Job, Result<Sent, SendError>)>,
    pending: Vec<Draft>,
    saved: (usize, String),
    calm: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            rng: Rng::seeded(seed),
            log: Vec::new(),
            sequences: BTreeMap::new(),
            phases: BTreeMap::new(),
            provider: BTreeMap::new(),
            outbox: outbox(&["a"]),
            read: 0,
            end: 0,
            now: 0,
            flying: Vec::new(),
            pending: Vec::new(),
            saved: (0, "[]".to_owned()),
            calm: false,
        }
    }

    fn at(&self) -> Now {
        Now { mono: Duration::from_millis(self.now), wall: Timestamp::ZERO }
    }

    fn decide(&mut self) {
        let incident = format!("i{}", self.rng.below(4));
        let roll = self.rng.below(3);
        let (sequence, open, phase) = self.sequences.entry(incident.clone()).or_default();
        *sequence += 1;
        let action = match (*open, roll) {
            (false, _) => Action::Trigger,
            (true, 0) => Action::Resolve,
            (true, _) => Action::Update,
        };
        *open = action != Action::Resolve;
        *phase += i64::from(action == Action::Trigger);
        self.phases.insert((incident.clone(), *sequence), *phase);
        self.log.push(Entry::Intent(intent("a", &incident, *sequence, action)));
    }

    fn read_one(&mut self) {
        let at = self.at();
        if let Some(entry) = self.log.get(self.read).cloned() {
            self.read += 1;
            let drafts = match entry {
                Entry::Intent(intent) => self.outbox.admit(at, 0, intent),
                Entry::Receipt(receipt) => self.outbox.receipt(at, &receipt),
            };
            self.pending.extend(drafts);
        }
        if self.read >= self.end {
            let drafts = self.outbox.go_live(at, 0);
            self.pending.extend(drafts);
        }
    }

    fn send(&mut self) {
        let Some(job) = self.outbox.next(self.at()) else { return };
        let (taken, answer) = match &job.ask {
            Ask::Proof(_) => (false, self.proof(job.safe)),
            _ => self.fate(job.safe),
        };
        if taken {
            self.take(&job);
        }
        self.flying.push((job, answer));
    }

    /// What is heard of something that was taken for processing. What is taken here is there.
    fn proof(&self, safe: bool) -> Result<Sent, SendError> {
        match if self.calm { 0 } else { self.rng.below(5) } {
            0..=1 => Ok(Sent { proven: true, ..Sent::default() }),
            2 => Err(SendError::Retry { problem: String::new(), status: Some(503), after: None }),
            3 if !safe => Err(SendError::Poison { problem: String::new(), status: None }),
            _ => Ok(Sent { owed: true, reference: Some("r".to_owned()), ..Sent::default() }),
        }
    }

    fn take(&mut self, job: &Job) {
        let incident = self.provider.entry(job.intent.incident.clone()).or_default();
        let sequence = job.intent.sequence;
        assert!(sequence >= incident.last, "{} after {}: {:?}", sequence, incident.last, job.intent.incident);
        incident.last = sequence;
        if job.action == Action::Resolve {
            incident.open = false;
        } else if !incident.open {
            incident.open = true;
            let phase = self.phases[&(job.intent.incident.clone(), sequence)];
            *incident.pages.entry(phase).or_default() += 1;
        }
    }

    /// Whether the provider takes a request, and what is seen of that.
    fn fate(&self, safe: bool) -> (bool, Result<Sent, SendError>) {
        let retry = |status| SendError::Retry { problem: String::new(), status, after: None };
        match if self.calm { 0 } else { self.rng.below(10) } {
            0..=2 => (true, Ok(Sent { proven: true, ..Sent::default() })),
            3..=4 => (true, Ok(Sent { owed: true, reference: Some("r".to_owned()), ..Sent::default() })),
            5 => (true, Err(retry(None))),
            6 => (false, Err(retry(Some(503)))),
            7 => (false, Err(retry(Some(429)))),
            8 if !safe => (false, Err(SendError::Poison { problem: String::new(), status: None })),
            _ => (false, Err(SendError::Refused { problem: String::new(), status: None })),
        }
    }

    fn answer(&mut self) {
        if self.flying.is_empty() {
            return;
        }
        let (job, result) = self.flying.swap_remove(self.rng.below(self.flying.len() as u64) as usize);
        let drafts = self.outbox.done(self.at(), &job, &result, Duration::ZERO);
        self.pending.extend(drafts);
    }

    /// Appends the receipts, perhaps with a checkpoint that holds once they are durable, as the
    /// host does; perhaps the process ends in between.
    fn append(&mut self) {
        let snapshot = (self.read, serde_json::to_string(&self.outbox.save(0)).unwrap());
        let drafts = std::mem::take(&mut self.pending);
        self.log.extend(drafts.iter().map(|draft| Entry::Receipt(draft.receipt.clone())));
        match if self.calm { 9 } else { self.rng.below(10) } {
            0 => return self.crash(),
            1..=3 => self.saved = snapshot,
            _ => {}
        }
        for draft in drafts {
            let more = self.outbox.receipt(self.at(), &draft.receipt);
            self.pending.extend(more);
        }
    }

    fn crash(&mut self) {
        self.flying.clear();
        self.pending.clear();
        self.outbox = outbox(&["a"]);
        self.outbox.restore(0, serde_json::from_str(&self.saved.1).unwrap());
        self.read = self.saved.0;
        self.end = self.log.len();
    }

    fn step(&mut self) {
        match self.rng.below(14) {
            0..=1 => self.decide(),
            2..=4 => self.read_one(),
            5..=7 => self.send(),
            8..=9 => self.answer(),
            10..=11 => self.append(),
            12 => self.now += self.rng.below(20_000),
            _ if self.rng.below(20) == 0 => self.crash(),
            _ => {}
        }
    }

    fn settle(&mut self) {
        self.calm = true;
        for _ in 0..10_000 {
            self.read_one();
            self.send();
            self.answer();
            self.append();
            self.now += 100;
            let quiet = self.flying.is_empty() && self.pending.is_empty() && self.read == self.log.len();
            match self.outbox.wake(self.at()) {
                None if quiet => break,
                Some(at) if quiet => self.now = self.now.max(at.as_millis() as u64 + 1),
                _ => {}
            }
        }
        assert!(self.flying.is_empty() && self.pending.is_empty() && self.read == self.log.len());
    }

    fn check(&self) {
        for (incident, (_, open, phase)) in &self.sequences {
            let seen = self.provider.get(incident);
            assert_eq!(seen.is_some_and(|seen| seen.open), *open, "the provider's state of {incident}");
            let pages = seen.map(|seen| seen.pages.clone()).unwrap_or_default();
            assert!(pages.values().all(|&count| count == 1), "{incident}: {pages:?}");
            assert!(!*open || pages.contains_key(phase), "{incident} is open and nobody was paged");
        }
        let mut lasts: BTreeMap<&str, u32> = BTreeMap::new();
        for entry in &self.log {
            match entry {
                Entry::Intent(intent) => _ = lasts.entry(&intent.intent).or_default(),
                Entry::Receipt(receipt) => *lasts.entry(&receipt.intent).or_default() += u32::from(receipt.last),
            }
        }
        assert!(lasts.values().all(|&count| count == 1), "one last receipt each: {lasts:?}");
    }
}

#[test]
fn any_mix_of_failures_and_restarts_pages_once_and_ends_in_the_right_state() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            (0..600).for_each(|_| world.step());
            world.settle();
            world.check();
        }));
        assert!(result.is_ok(), "seed {seed}");
    }
}
