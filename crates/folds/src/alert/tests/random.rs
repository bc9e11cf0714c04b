use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::Rng;
use fold::suite::{self, Case, Input};

use super::*;

fn config() -> AlertConfig {
    AlertConfig { kept: 4, symptoms: 3, widen_factor: 3, ..AlertConfig::default() }
}

fn row(rng: &Rng) -> Finding {
    let state =
        [AlertState::Firing, AlertState::Firing, AlertState::Resolved, AlertState::Resolved, AlertState::Unknown];
    Finding {
        state: state[rng.below(5) as usize],
        severity: Severity::ALL[rng.below(4) as usize],
        ..finding(&format!("cause/{}", rng.below(4)), &format!("f{}", rng.below(24)))
    }
}

pub(crate) fn history(seed: u64, count: usize) -> Vec<Input> {
    let rng = Rng::seeded(seed);
    let mut time = Timestamp::from_secs(1_000_000);
    let mut history = Vec::new();
    for _ in 0..count {
        time = time.plus(rng.jitter(Duration::from_secs(3)));
        let rows: Vec<_> = (0..=rng.below(4)).map(|_| row(&rng)).collect();
        let batch =
            if rng.below(4) == 0 { Batch::of("tick", &[Tick { time }]) } else { Batch::of("host/web-1", &rows) };
        history.push(Input { time, batch: batch.unwrap() });
    }
    history
}

#[tokio::test]
async fn passes_the_suite() {
    for (seed, group_wait) in [(1, 0), (2, 4)] {
        let config = AlertConfig { group_wait: Duration::from_secs(group_wait), ..config() };
        let make = || vec![Box::new(AlertFold::new(config.clone())) as Box<dyn Fold>];
        suite::all(&Case { make: &make, inputs: history(seed, 30), seed }).await.unwrap();
    }
}

/// What is told, against the plainest account of what is open.
#[test]
fn what_is_open_is_what_fires_and_was_not_resolved() {
    for seed in 0..200 {
        let mut world = World::new(config());
        let mut open = BTreeMap::<String, String>::new();
        let mut told = BTreeMap::<String, Alert>::new();
        let mut names = BTreeSet::new();
        for input in history(seed, 60) {
            world.now = input.time;
            let rows = Record { shard: 0, offset: world.next, time: input.time, batch: input.batch.clone() };
            for row in rows.rows::<Finding>().unwrap() {
                match row.state {
                    AlertState::Firing => _ = open.insert(row.finding, row.cause),
                    AlertState::Resolved => _ = open.remove(&row.finding),
                    _ => {}
                }
            }
            for alert in world.apply(input.batch) {
                let last = told.get(&alert.cause);
                match alert.reason.as_str() {
                    "opened" => assert!(last.is_none() && names.insert(alert.incident.clone()), "{alert:#?}"),
                    _ => assert_eq!(last.map(|last| &last.incident), Some(&alert.incident), "{alert:#?}"),
                }
                assert!(last.is_none_or(|last| last.severity <= alert.severity));
                if alert.reason == "resolved" {
                    told.remove(&alert.cause);
                } else {
                    told.insert(alert.cause.clone(), alert);
                }
            }
            let causes: BTreeSet<_> = open.values().collect();
            assert_eq!(causes, told.keys().collect(), "seed {seed}");
            assert_eq!(world.fold.findings(), open.len());
        }
        while world.fold.next_tick().is_some() {
            for alert in world.tick() {
                told.insert(alert.cause.clone(), alert);
            }
        }
        for (cause, alert) in &told {
            let findings = open.values().filter(|other| *other == cause).count();
            assert_eq!(alert.findings, findings as i64, "seed {seed}, {cause}: all changes are told in the end");
        }
    }
}
