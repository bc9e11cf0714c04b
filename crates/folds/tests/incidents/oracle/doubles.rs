//! Order: at most one request in flight for a key, none after its end, none twice.

use std::collections::BTreeMap;

use super::keys::{is_digest, name};
use super::{At, Breach, Fact, History, Model, Seen, Told, Why, breach};

/// How long a process must have lived after an answer to have put the receipt on the log.
const KEPT: At = At::from_secs(5);

type Lane<'a> = Vec<&'a Seen>;

pub fn check(history: &History, model: &Model) -> Vec<Breach> {
    let mut lanes = BTreeMap::<(&str, &str), Lane<'_>>::new();
    for seen in &history.seen {
        lanes.entry((&seen.receiver, &seen.key)).or_default().push(seen);
    }
    let mut breaches = Vec::new();
    for mut lane in lanes.into_values() {
        lane.sort_by_key(|seen| seen.started);
        breaches.extend(overlap(&lane));
        breaches.extend(out_of_order(&lane));
        breaches.extend(after_the_end(history, model, &lane));
        breaches.extend(paged_anew(history, model, &lane));
        breaches.extend(sent_twice(history, &lane));
    }
    breaches
}

fn shown(seen: &Seen) -> String {
    let action = if seen.resolve { "resolve" } else { "trigger" };
    format!("{} {} {action} at {:?}", seen.receiver, seen.key, seen.started)
}

fn overlap(lane: &Lane<'_>) -> Vec<Breach> {
    let both = lane.windows(2).filter(|pair| {
        let end = pair[0].ended.unwrap_or(if pair[0].life == pair[1].life { At::MAX } else { At::ZERO });
        end > pair[1].started
    });
    both.map(|pair| breach("at most one request in flight for a key", shown(pair[1]))).collect()
}

fn out_of_order(lane: &Lane<'_>) -> Vec<Breach> {
    let timed: Vec<&&Seen> = lane.iter().filter(|seen| seen.decided_ms.is_some()).collect();
    let back = timed.windows(2).filter(|pair| pair[1].decided_ms < pair[0].decided_ms);
    back.map(|pair| breach("what is told of a key comes in order", shown(pair[1]))).collect()
}

/// Only a configuration that leads back to a receiver that it had led away from opens it anew.
fn after_the_end(history: &History, model: &Model, lane: &Lane<'_>) -> Vec<Breach> {
    let mut end: Option<&Seen> = None;
    let mut breaches = Vec::new();
    for seen in lane {
        match (seen.resolve, end) {
            (true, _) if seen.taken => end = Some(seen),
            (false, Some(by)) if led_away(history, model, by, seen) => end = None,
            (false, Some(_)) => breaches.push(breach("no trigger after the resolve", shown(seen))),
            _ => {}
        }
    }
    breaches
}

fn led_away(history: &History, model: &Model, end: &Seen, again: &Seen) -> bool {
    let decided = history.receivers.get(&end.receiver).is_some_and(|receiver| receiver.decided);
    let Some(cause) = again.cause.as_ref().filter(|_| decided) else { return false };
    let routed = |at: At| model.routed(&end.receiver, cause, u8::MAX, at);
    model.changes().any(|at| at <= end.started && !routed(at))
        && model.changes().any(|at| at <= again.started && routed(at))
}

/// What people have resolved at the provider is told anew after a time, or when it widens.
fn paged_anew(history: &History, model: &Model, lane: &Lane<'_>) -> Vec<Breach> {
    // What joins a digest has been seen by nobody.
    let Some(first) = lane.first().filter(|first| !is_digest(&first.key)) else { return Vec::new() };
    let again = history.receivers.get(&first.receiver).and_then(|receiver| receiver.again);
    let Some(again) = again.and_then(|again| i64::try_from(again.as_millis()).ok()) else { return Vec::new() };
    let reactions: Vec<_> = reactions(history, first).collect();
    let mut breaches = Vec::new();
    for (n, (told, _)) in reactions.iter().enumerate().filter(|(_, (_, action))| *action == "resolved") {
        let until = reactions.get(n + 1).map_or(i64::MAX, |(next, _)| next.wall_ms).min(told.wall_ms + again);
        let early =
            lane.iter().find(|seen| !seen.resolve && seen.decided_ms.is_some_and(|ms| ms > told.wall_ms && ms < until));
        let widened = lane.iter().find_map(|seen| model.named(seen.cause.as_ref()?, name(&seen.key)?.opened_ms));
        let widened = widened.is_some_and(|it| it.peak > 1 || it.severities.len() > 1);
        breaches
            .extend(early.filter(|_| !widened).map(|seen| breach("what people resolved is left alone", shown(seen))));
    }
    breaches
}

/// What people did about the incident of a request.
fn reactions<'a>(history: &'a History, of: &'a Seen) -> impl Iterator<Item = (&'a Told, &'a str)> {
    history.facts.iter().filter_map(|told| match &told.fact {
        Fact::Reaction { receiver, key, action } if *receiver == of.receiver && *key == of.key => {
            Some((told, action.as_str()))
        }
        _ => None,
    })
}

fn sent_twice(history: &History, lane: &Lane<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (n, first) in lane.iter().enumerate().filter(|(_, seen)| seen.is_confirmed()) {
        let again = lane[n + 1..].iter().find(|later| {
            later.resolve == first.resolve && later.decided_ms == first.decided_ms && later.text == first.text
        });
        let Some(again) = again.copied() else { continue };
        // Another opening has another end, which looks the same.
        let between = |other: &&&Seen| other.started > first.started && other.started < again.started;
        if first.resolve && lane.iter().filter(between).any(|other| !other.resolve) {
            continue;
        }
        if was_kept(history, first, again) && !are_two(history, first) {
            breaches.push(breach("nothing is sent twice", format!("{} and at {:?}", shown(first), again.started)));
        }
    }
    breaches
}

/// Whether the answer was surely on the log before the other request.
fn was_kept(history: &History, first: &Seen, again: &Seen) -> bool {
    if first.life == again.life {
        return true;
    }
    let Some(ended) = first.ended else { return false };
    let death = history.lives.get(first.life as usize + 1).copied().unwrap_or(At::MAX);
    let calm =
        |from: At, to: At| history.faults.iter().all(|(receiver, a, b)| receiver.is_some() || *b < from || *a > to);
    ended + KEPT < death && calm(ended, ended + KEPT)
}

/// Where the wall clock stood still, two intents may say the same.
fn are_two(history: &History, seen: &Seen) -> bool {
    let same = history.whys.iter().filter(|why| {
        matches!(why, Why::Intent { receiver, key, wall_ms, .. }
            if *receiver == seen.receiver && *key == seen.key && Some(*wall_ms) == seen.decided_ms)
    });
    same.count() > 1
}
