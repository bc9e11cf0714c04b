//! Rates: a provider is never asked faster than it documents, and not before it said.

use std::collections::BTreeMap;

use super::{Answer, At, Breach, History, Receiver, Seen, breach};

pub fn check(history: &History) -> Vec<Breach> {
    let mut lives = BTreeMap::<(&str, u32), Vec<&Seen>>::new();
    for seen in &history.seen {
        lives.entry((&seen.receiver, seen.life)).or_default().push(seen);
    }
    let mut breaches = Vec::new();
    for ((name, life), mut requests) in lives {
        let Some(receiver) = history.receivers.get(name) else { continue };
        requests.sort_by_key(|seen| seen.started);
        let born = history.lives.get(life as usize).copied().unwrap_or_default();
        breaches.extend(too_fast(name, receiver, born, &requests));
        breaches.extend(too_many(name, receiver, &requests));
        breaches.extend(too_soon(name, &requests));
    }
    breaches
}

/// A bucket that is full when a process starts.
fn too_fast(name: &str, receiver: &Receiver, born: At, requests: &[&Seen]) -> Option<Breach> {
    let (mut tokens, mut at) = (f64::from(receiver.burst), born);
    for seen in requests {
        let passed = seen.started.saturating_sub(at).as_secs_f64();
        tokens = (tokens + passed * receiver.per_second).min(f64::from(receiver.burst)) - 1.0;
        at = seen.started;
        if tokens < -1e-6 {
            return Some(breach("rates are kept", format!("{name} at {at:?}")));
        }
    }
    None
}

fn too_many(name: &str, receiver: &Receiver, requests: &[&Seen]) -> Option<Breach> {
    let over = requests.iter().find(|seen| {
        let beside = requests
            .iter()
            .filter(|other| other.started <= seen.started && other.ended.is_none_or(|ended| ended > seen.started));
        beside.count() > receiver.in_flight
    });
    over.map(|seen| breach("so many requests at once and no more", format!("{name} at {:?}", seen.started)))
}

/// What was under way when the provider said so is excused.
fn too_soon(name: &str, requests: &[&Seen]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for asked in requests {
        let (Answer::Status(429, Some(seconds)), Some(said)) = (asked.answer, asked.ended) else { continue };
        let until = said + At::from_secs(seconds);
        let early = requests.iter().find(|seen| seen.started > said && seen.started < until);
        breaches.extend(early.map(|seen| {
            breach("Retry-After is obeyed", format!("{name} at {:?}, said at {said:?}: {seconds} s", seen.started))
        }));
    }
    breaches
}
