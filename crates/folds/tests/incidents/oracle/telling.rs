//! Nothing is lost: what is open long enough is told, what is over is resolved, at each receiver.

use std::collections::BTreeSet;

use super::keys::{causes, is_digest, name};
use super::windows::{self, PATIENCE};
use super::{Answer, At, Breach, Fact, History, Incarnation, Model, Seen, breach, provider};

pub fn check(history: &History, model: &Model) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for receiver in history.receivers.keys() {
        for nth in 0..model.incarnations.len() {
            breaches.extend(untold(history, model, receiver, nth));
            breaches.extend(unescalated(history, model, receiver, nth));
        }
        breaches.extend(left_open(history, model, receiver));
        breaches.extend(silenced_by_refusal(history, model, receiver));
    }
    breaches.extend(escalated_although(history));
    breaches
}

fn shown(receiver: &str, it: &Incarnation) -> String {
    format!("{receiver} {} from {:?} to {:?}", it.cause, it.from, it.to.map(|(at, _)| at))
}

fn untold(history: &History, model: &Model, receiver: &str, nth: usize) -> Option<Breach> {
    let it = &model.incarnations[nth];
    let windows = windows::of(history, model, receiver, it);
    let due = windows.iter().any(|(from, to)| *to - *from >= PATIENCE);
    let digested = provider::digested(history, receiver, it);
    if due && digested.is_none() && provider::triggers(history, model, receiver, nth).next().is_none() {
        return Some(breach("what is open is told", shown(receiver, it)));
    }
    let due_at_the_end = windows.last().is_some_and(|(from, to)| *to >= history.end && *to - *from >= PATIENCE);
    let keys: BTreeSet<&str> =
        provider::triggers(history, model, receiver, nth).map(|seen| seen.key.as_str()).collect();
    let digests = history.seen.iter().filter(|seen| seen.receiver == receiver && is_digest(&seen.key));
    let digests: BTreeSet<&str> = digests.map(|seen| seen.key.as_str()).collect();
    let open = keys.iter().chain(digests.iter().filter(|_| digested.is_some()));
    let missing = due_at_the_end && !open.into_iter().any(|key| provider::is_open(history, receiver, key));
    missing.then(|| breach("what is open at the end is open at the provider", shown(receiver, it)))
}

fn left_open(history: &History, model: &Model, receiver: &str) -> Vec<Breach> {
    const RULE: &str = "what is over is resolved at the provider";
    let mut breaches = Vec::new();
    for ((by, key), causes) in causes(history) {
        if by != receiver || !provider::is_open(history, receiver, key) {
            continue;
        }
        let over = |cause: &&str| {
            // At the end every receiver works.
            if cause.starts_with("notify/") {
                return true;
            }
            let known = name(key).and_then(|name| model.named(cause, name.opened_ms));
            known.is_some_and(|it| !it.is_open_at_the_end() || has_moved(history, model, receiver, it))
        };
        let over = if is_digest(key) {
            model.incarnations.iter().all(|it| !it.is_open_at_the_end())
        } else {
            causes.iter().any(over)
        };
        breaches.extend(over.then(|| breach(RULE, format!("{receiver} {key}"))));
    }
    breaches
}

/// An Alertmanager configuration tells somebody else of it since the last change.
fn has_moved(history: &History, model: &Model, receiver: &str, it: &Incarnation) -> bool {
    let decided = history.receivers.get(receiver).is_some_and(|receiver| receiver.decided);
    decided && !model.routed(receiver, &it.cause, u8::MAX, history.end)
}

/// A payload that is refused is sent again as the least that can be.
fn silenced_by_refusal(history: &History, model: &Model, receiver: &str) -> Vec<Breach> {
    let refused = |seen: &Seen| {
        let refused = matches!(seen.answer, Answer::Status(400 | 413 | 422, _));
        seen.receiver == receiver && refused && !seen.safe && !seen.resolve
    };
    let mut breaches = Vec::new();
    for (seen, about) in history.seen.iter().zip(&model.about).filter(|(seen, _)| refused(seen)) {
        let Some(it) = about.map(|nth| &model.incarnations[nth]) else { continue };
        let after = seen.ended.unwrap_or(history.end);
        let due = windows::of(history, model, receiver, it)
            .iter()
            .any(|(from, to)| *to > after && *to - after.max(*from) >= PATIENCE);
        let safe = |later: &Seen| {
            later.receiver == receiver && later.key == seen.key && later.started >= after && later.taken && later.safe
        };
        if due && !history.seen.iter().any(safe) {
            breaches.push(breach("a refused payload is never silence", shown(receiver, it)));
        }
    }
    breaches
}

/// What a receiver has not got in time, its fallback tells.
fn unescalated(history: &History, model: &Model, receiver: &str, nth: usize) -> Option<Breach> {
    let it = &model.incarnations[nth];
    let (to, after) = history.receivers.get(receiver)?.fallback.as_ref()?;
    let since = it.from + windows::wait(history, &it.cause);
    if !model.routed(receiver, &it.cause, it.severity_at(it.from), it.from)
        || provider::digested(history, receiver, it).is_some()
    {
        return None;
    }
    let first = provider::triggers(history, model, receiver, nth).map(|seen| seen.started).min().unwrap_or(At::MAX);
    let (from, end) = (since + *after + At::from_secs(5), first.min(it.end()).min(history.end));
    let told = |seen: &Seen| seen.receiver == *to && seen.taken;
    let acknowledged = history.facts.iter().any(
        |told| matches!(&told.fact, Fact::Reaction { key, .. } if name(key).is_some_and(|name| name.cause == it.cause)),
    );
    let due = from < end && windows::working(history, to, from, end).iter().any(|(from, to)| *to - *from >= PATIENCE);
    let missing = due && !acknowledged && !provider::of(history, model, nth).any(told);
    missing.then(|| breach("what does not arrive goes to the fallback", shown(receiver, it)))
}

/// What somebody has acknowledged is not escalated.
fn escalated_although(history: &History) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (receiver, about) in &history.receivers {
        let Some((to, _)) = &about.fallback else { continue };
        let mut acknowledged: Vec<(&str, i64, i64)> = Vec::new();
        for told in &history.facts {
            let Fact::Reaction { receiver: by, key, action } = &told.fact else { continue };
            if by != receiver {
                continue;
            }
            if let Some(last) = acknowledged.iter_mut().rfind(|(of, _, until)| of == key && *until == i64::MAX) {
                last.2 = if action == "acknowledged" { i64::MAX } else { told.wall_ms };
            } else if action == "acknowledged" {
                acknowledged.push((key, told.wall_ms, i64::MAX));
            }
        }
        let told =
            |key: &str| history.seen.iter().find(|seen| seen.receiver == *to && seen.key == *key && !seen.resolve);
        for (key, from, until) in acknowledged {
            let late = told(key).filter(|seen| seen.decided_ms.is_some_and(|ms| ms > from && ms < until));
            breaches
                .extend(late.map(|seen| breach("what is acknowledged is not escalated", format!("{to} {}", seen.key))));
        }
    }
    breaches
}
