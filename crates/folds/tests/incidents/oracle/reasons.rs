//! Every page, and every silence, has a reason that can be looked up.

use std::collections::BTreeSet;

use super::keys::{is_digest, name};
use super::windows::PATIENCE;
use super::{Breach, History, Model, Why, breach};

pub fn check(history: &History, model: &Model) -> Vec<Breach> {
    let mut breaches = unexplained(history);
    breaches.extend(unsaid(history, model));
    breaches
}

fn unexplained(history: &History) -> Vec<Breach> {
    let (mut intents, mut told) = (BTreeSet::new(), BTreeSet::new());
    for why in &history.whys {
        match why {
            Why::Intent { receiver, key, wall_ms, reason } if !reason.is_empty() => {
                _ = intents.insert((receiver.as_str(), key.as_str(), *wall_ms));
            }
            Why::Decision { key, decision, wall_ms, .. } if decision == "told" => {
                _ = told.insert((key.as_str(), *wall_ms));
            }
            _ => {}
        }
    }
    let mut breaches = Vec::new();
    for seen in history.seen.iter().filter(|seen| !seen.resolve) {
        let Some(ms) = seen.decided_ms else { continue };
        let what = || format!("{} {} at {:?}", seen.receiver, seen.key, seen.started);
        if !intents.contains(&(seen.receiver.as_str(), seen.key.as_str(), ms)) {
            breaches.push(breach("every page has a reason", what()));
        }
        let decided = history.receivers.get(&seen.receiver).is_some_and(|receiver| receiver.decided);
        let Some(name) = name(&seen.key).filter(|_| decided && !is_digest(&seen.key)) else { continue };
        if !told.range((name.base, i64::MIN)..=(name.base, ms)).any(|_| true) {
            breaches.push(breach("every page has a decision", what()));
        }
    }
    breaches
}

/// What was held back for a while says so.
fn unsaid(history: &History, model: &Model) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for it in &model.incarnations {
        for span in model.held_back(history, &it.cause) {
            let (from, to) = (span.from.max(it.from), span.to.min(it.end()).min(history.end));
            let by_decision = history.receivers.iter().filter(|(_, receiver)| receiver.decided);
            let routed =
                by_decision.into_iter().any(|(name, _)| model.routed(name, &it.cause, it.severity_at(from), from));
            if !routed || from >= to || to - from < PATIENCE + history.recovers {
                continue;
            }
            let said = |why: &Why| matches!(why, Why::Decision { cause, decision, .. } if *cause == it.cause && (decision == "silenced" || decision == "inhibited"));
            if !history.whys.iter().any(said) {
                breaches.push(breach("what is held back says why", format!("{} from {from:?} to {to:?}", it.cause)));
            }
        }
    }
    breaches
}
