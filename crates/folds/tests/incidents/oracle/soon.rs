//! Where nothing is wrong and no rate is in the way, people are told within a second.

use super::{At, Breach, History, Model, breach, provider, windows};

const SECOND: At = At::from_secs(1);
/// Rates have room again after this, whatever was sent before.
const REFILLED: At = At::from_secs(60);

pub fn check(history: &History, model: &Model) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if !history.is_clean {
        return breaches;
    }
    for (receiver, about) in &history.receivers {
        for (nth, it) in model.incarnations.iter().enumerate() {
            let since = it.from + windows::wait(history, &it.cause);
            let free = windows::of(history, model, receiver, it)
                .first()
                .is_some_and(|(from, to)| *from == since && *to - *from >= windows::PATIENCE);
            let ours = history.seen.iter().filter(|seen| seen.receiver == *receiver);
            let before = ours.filter(|seen| seen.started + REFILLED > it.from && seen.started < since + SECOND);
            let throttled = before.count() >= (about.burst as usize).min(about.in_flight);
            let first = provider::triggers(history, model, receiver, nth).map(|seen| seen.started);
            let first = first.chain(provider::digested(history, receiver, it)).min();
            if let Some(first) = first.filter(|first| free && !throttled && *first >= since + SECOND) {
                let what = format!("{receiver} {}: {:?}", it.cause, first - since);
                breaches.push(breach("people are told within a second", what));
            }
        }
    }
    breaches
}
