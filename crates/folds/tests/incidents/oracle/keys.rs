//! Keys: one for each cause and opening, never of two, never of something that was not.

use std::collections::{BTreeMap, BTreeSet};

use super::{Breach, History, Model, Seen, breach};

/// The parts of `<cause>#<milliseconds>[+<child>]`.
pub struct Name<'a> {
    pub base: &'a str,
    pub cause: &'a str,
    pub opened_ms: i64,
    pub child: bool,
}

/// What a key says; nothing of a digest's.
pub fn name(key: &str) -> Option<Name<'_>> {
    let (cause, rest) = key.rsplit_once('#')?;
    let (opened, child) = rest.split_once('+').map_or((rest, false), |(opened, _)| (opened, true));
    let base = &key[..cause.len() + 1 + opened.len()];
    Some(Name { base, cause, opened_ms: opened.parse().ok()?, child })
}

pub fn is_digest(key: &str) -> bool {
    key.starts_with("digest/")
}

/// The causes that keys were told with.
pub fn causes(history: &History) -> BTreeMap<(&str, &str), BTreeSet<&str>> {
    let mut causes = BTreeMap::<_, BTreeSet<&str>>::new();
    for seen in &history.seen {
        if let Some(cause) = &seen.cause {
            causes.entry((seen.receiver.as_str(), seen.key.as_str())).or_default().insert(cause);
        }
    }
    causes
}

pub fn check(history: &History, model: &Model) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for ((receiver, key), causes) in causes(history) {
        if causes.len() > 1 {
            breaches.push(breach("two causes never share a key", format!("{receiver} {key}: {causes:?}")));
        }
        let told: Vec<&Seen> =
            history.seen.iter().filter(|seen| seen.receiver == receiver && seen.key == key).collect();
        breaches.extend(causes.iter().filter_map(|cause| of_nothing(history, model, &told, cause)));
    }
    breaches.extend(one_per_incarnation(history, model));
    breaches
}

/// A key that no incarnation gives a reason for.
fn of_nothing(history: &History, model: &Model, told: &[&Seen], cause: &str) -> Option<Breach> {
    const RULE: &str = "no page for a thing that never was";
    let first = told.first()?;
    let what = format!("{} {} ({cause})", first.receiver, first.key);
    if is_digest(&first.key) {
        return (!history.receivers.get(&first.receiver)?.digests).then(|| breach(RULE, what));
    }
    if let Some(refused) = cause.strip_prefix("notify/") {
        let failed = |seen: &Seen| seen.receiver == refused && seen.started < first.started && !seen.is_confirmed();
        return (!history.seen.iter().any(failed)).then(|| breach(RULE, what));
    }
    let Some(name) = name(&first.key) else { return Some(breach(RULE, what)) };
    let Some(incarnation) = model.named(cause, name.opened_ms) else { return Some(breach(RULE, what)) };
    if first.started < incarnation.from {
        return Some(breach(RULE, format!("{what}: before it was")));
    }
    let bears = history.receivers.values().any(|receiver| receiver.has_children);
    let widened = bears && (incarnation.peak > 1 || incarnation.severities.len() > 1);
    (name.child && !widened).then(|| breach(RULE, format!("{what}: nothing has widened")))
}

/// However often it is told of, an incarnation has one key at a receiver.
fn one_per_incarnation(history: &History, model: &Model) -> Vec<Breach> {
    let mut keys = BTreeMap::<(&str, &str, std::time::Duration), BTreeSet<&str>>::new();
    for ((receiver, key), causes) in causes(history) {
        let Some(name) = name(key).filter(|name| !name.child) else { continue };
        for cause in causes {
            if let Some(incarnation) = model.named(cause, name.opened_ms) {
                keys.entry((receiver, cause, incarnation.from)).or_default().insert(name.base);
            }
        }
    }
    let doubled = keys.into_iter().filter(|(_, keys)| keys.len() > 1);
    doubled
        .filter(|((receiver, cause, from), _)| !is_held_back_between(history, model, receiver, cause, *from))
        .map(|((receiver, cause, _), keys)| breach("one cause, one page", format!("{receiver} {cause}: {keys:?}")))
        .collect()
}

/// A group of an Alertmanager configuration ends where its route goes to another receiver, and is a
/// new one when it comes back.
fn is_held_back_between(
    history: &History,
    model: &Model,
    receiver: &str,
    cause: &str,
    from: std::time::Duration,
) -> bool {
    let decided = history.receivers.get(receiver).is_some_and(|receiver| receiver.decided);
    decided && model.changes().any(|at| at > from && !model.routed(receiver, cause, u8::MAX, at))
}
