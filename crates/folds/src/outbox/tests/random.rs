use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use base::Rng;
use fold::suite::{self, Case, Input};

use super::*;
use crate::alert::tests::random::history;
use crate::alert::{AlertConfig, AlertFold};

/// Everything to one receiver, what is bad to another, and what that one does not take to a third.
fn told() -> OutboxConfig {
    let routes = vec![route("mail"), Route { min_severity: Severity::Error, ..route("pd") }];
    let fallback = Fallback { receiver: "pd".to_owned(), to: "chat".to_owned(), after: Duration::from_secs(120) };
    let again = Again { receiver: "pd".to_owned(), after: Duration::from_secs(100) };
    OutboxConfig { fallbacks: vec![fallback], again: vec![again], ..config(routes) }
}

/// A history of alerts, and of receipts as a notify host would give them to what the fold puts out.
struct Play {
    world: World,
    rng: Rng,
    history: Vec<Input>,
    intents: Vec<Intent>,
    /// On their way to a provider.
    outstanding: VecDeque<Intent>,
    open: BTreeMap<String, Severity>,
    born: u64,
}

impl Play {
    fn new(seed: u64) -> Self {
        Self::of(seed, told())
    }

    fn of(seed: u64, config: OutboxConfig) -> Self {
        Self {
            world: World { fold: OutboxFold::new(config).unwrap(), ..World::new(Vec::new()) },
            rng: Rng::seeded(seed),
            history: Vec::new(),
            intents: Vec::new(),
            outstanding: VecDeque::new(),
            open: BTreeMap::new(),
            born: 0,
        }
    }

    fn apply(&mut self, batch: Batch) {
        self.history.push(Input { time: self.world.now, batch: batch.clone() });
        let made = self.world.apply(batch);
        self.outstanding.extend(made.intents.iter().cloned());
        self.intents.extend(made.intents);
    }

    fn step(&mut self) {
        self.world.now = self.world.now.plus(self.rng.jitter(Duration::from_secs(60)));
        match self.rng.below(7) {
            6 => self.react(),
            0 => {
                self.born += 1;
                let incident = format!("cause/{}#{}", self.born % 3, self.born);
                self.open.insert(incident.clone(), Severity::Info);
                self.change(&incident, "opened");
            }
            1 | 2 => {
                let nth = self.rng.below(self.open.len() as u64) as usize;
                let Some(incident) = self.open.keys().nth(nth).cloned() else { return };
                let reason = ["updated", "widened", "resolved"][self.rng.below(3) as usize];
                self.change(&incident, reason);
                if reason == "resolved" {
                    self.open.remove(&incident);
                }
            }
            3 => self.apply(Batch::of("tick", &[Tick { time: self.world.now }]).unwrap()),
            _ => {
                let outcomes = [
                    Outcome::Delivered,
                    Outcome::Accepted,
                    Outcome::Refused,
                    Outcome::Poison,
                    Outcome::Unproven,
                    Outcome::Digested,
                ];
                let outcome = outcomes[self.rng.below(6) as usize];
                self.answer(outcome);
            }
        }
    }

    /// Somebody does something, which is told late or twice.
    fn react(&mut self) {
        let nth = self.rng.below(self.open.len() as u64 + 1) as usize;
        let incident = self.open.keys().nth(nth).cloned().unwrap_or_else(|| "cause/0#1".to_owned());
        let action = ["triggered", "acknowledged", "unacknowledged", "resolved", "reopened", "annotated"]
            [self.rng.below(6) as usize];
        let ago = self.rng.jitter(Duration::from_secs(60));
        let time = self.world.now.minus(ago);
        let row = Reaction { time, ..reaction("pd", &incident, action, self.rng.below(100) as i64) };
        for _ in 0..=self.rng.below(2) {
            self.apply(Batch::of("reactions", std::slice::from_ref(&row)).unwrap());
        }
    }

    fn change(&mut self, incident: &str, reason: &str) {
        let severity = self.open[incident].max(Severity::ALL[self.rng.below(4) as usize]);
        self.open.insert(incident.to_owned(), severity);
        let row = Alert { severity, findings: self.rng.below(1000) as i64, ..alert(incident, reason) };
        self.apply(Batch::of("host/web-1", &[row]).unwrap());
    }

    /// The oldest outstanding intent is answered, or superseded if a resolve is behind it.
    fn answer(&mut self, outcome: Outcome) {
        let Some(intent) = self.outstanding.pop_front() else { return };
        let behind = self
            .outstanding
            .iter()
            .any(|other| (&other.receiver, &other.incident) == (&intent.receiver, &intent.incident));
        let row = receipt(&intent, if behind { Outcome::Superseded } else { outcome });
        // A refusal may be one of several, and is not the last word.
        if row.outcome == Outcome::Refused && self.rng.below(2) == 0 {
            self.outstanding.push_front(intent);
            return self.apply(Batch::of("host/web-1", &[Receipt { last: false, ..row }]).unwrap());
        }
        self.apply(Batch::of("host/web-1", &[row]).unwrap());
    }

    /// Every provider works from now on.
    fn calm(&mut self) {
        for _ in 0..10_000 {
            if !self.outstanding.is_empty() {
                self.answer(Outcome::Delivered);
            } else if let Some(at) = self.world.fold.next_tick() {
                self.world.now = self.world.now.max(at);
                self.apply(Batch::of("tick", &[Tick { time: self.world.now }]).unwrap());
            } else {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}

#[tokio::test]
async fn passes_the_suite() {
    for seed in 1..3 {
        let widens = || OutboxConfig { wakes_once: BTreeSet::from(["pd".to_owned()]), ..told() };
        let mut play = Play::of(seed, widens());
        (0..45).for_each(|_| play.step());
        let make = || vec![Box::new(OutboxFold::new(widens()).unwrap()) as Box<dyn Fold>];
        suite::all(&Case { make: &make, inputs: play.history, seed }).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_saved_in_parts_is_the_state() {
    for seed in 0..8 {
        let widens = || OutboxConfig { wakes_once: BTreeSet::from(["pd".to_owned()]), ..told() };
        let mut play = Play::of(seed, widens());
        (0..120).for_each(|_| play.step());
        let make = || vec![Box::new(OutboxFold::new(widens()).unwrap()) as Box<dyn Fold>];
        suite::chains(&Case { make: &make, inputs: play.history, seed }).await.unwrap();
    }
}

/// The outbox reads what the alert fold puts out, over the log: a host of both that is ended
/// anywhere leaves the log that an undisturbed one leaves.
#[tokio::test]
async fn a_chain_of_folds_passes_the_suite() {
    let make = || {
        let alert = Box::new(AlertFold::new(AlertConfig::default())) as Box<dyn Fold>;
        vec![alert, Box::new(OutboxFold::new(config(vec![route("pd")])).unwrap())]
    };
    suite::all(&Case { make: &make, inputs: history(1, 30), seed: 1 }).await.unwrap();
}

/// Of each receiver and incident: sequences without a gap, at most one intent on its way but for a
/// resolve, and nothing after a resolve but the resolve again.
#[test]
fn intents_are_in_order_and_in_the_end_everyone_knows_what_is_open() {
    for seed in 0..80 {
        let mut play = Play::new(seed);
        (0..150).for_each(|_| play.step());
        play.calm();
        // What is open is told once more, so that nobody misses it for a poisoned intent.
        for incident in play.open.keys().cloned().collect::<Vec<_>>() {
            play.change(&incident, "updated");
        }
        play.calm();
        let mut lanes = BTreeMap::<(&str, &str), Vec<&Intent>>::new();
        for intent in &play.intents {
            lanes.entry((&intent.receiver, &intent.incident)).or_default().push(intent);
        }
        let names: BTreeSet<_> = play.intents.iter().map(|intent| &intent.intent).collect();
        assert_eq!(names.len(), play.intents.len(), "seed {seed}");
        for ((receiver, incident), intents) in &lanes {
            let sequences: Vec<_> = intents.iter().map(|intent| intent.sequence).collect();
            assert_eq!(sequences, (1..=intents.len() as i64).collect::<Vec<_>>());
            assert_eq!(intents[0].action, "trigger");
            let closed = intents.iter().position(|intent| intent.action == "resolve").unwrap_or(intents.len());
            assert!(
                intents[closed..].iter().all(|intent| intent.action == "resolve"),
                "seed {seed}: {receiver} {incident}"
            );
            let told = play.open.contains_key(*incident);
            assert!(!told || closed == intents.len(), "seed {seed}: {incident} is open");
        }
        for (incident, severity) in &play.open {
            let receivers = if *severity >= Severity::Error { &["mail", "pd"][..] } else { &["mail"] };
            for receiver in receivers {
                assert!(
                    lanes.contains_key(&(*receiver, incident.as_str())),
                    "seed {seed}: {receiver} knows nothing of {incident}"
                );
            }
        }
        let open: usize = lanes.keys().filter(|(_, incident)| play.open.contains_key(*incident)).count();
        assert_eq!(play.world.fold.open(), open as u64, "seed {seed}: nothing of a closed incident is kept");
    }
}
