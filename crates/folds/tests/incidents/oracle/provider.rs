//! What a provider has, as far as what it took says.

use super::keys::is_digest;
use super::{At, Fact, History, Incarnation, Model, Seen};

/// The triggers of the `nth` incarnation that a receiver took, children aside.
pub fn triggers<'a>(
    history: &'a History,
    model: &'a Model,
    receiver: &'a str,
    nth: usize,
) -> impl Iterator<Item = &'a Seen> {
    of(history, model, nth).filter(move |seen| seen.receiver == receiver && !seen.resolve && seen.taken)
}

/// The requests about the `nth` incarnation.
pub fn of<'a>(history: &'a History, model: &'a Model, nth: usize) -> impl Iterator<Item = &'a Seen> {
    let all = history.seen.iter().zip(&model.about);
    all.filter(move |(_, about)| **about == Some(nth)).map(|(seen, _)| seen)
}

/// Whether a digest tells of it while it is open; when it was told first.
pub fn digested(history: &History, receiver: &str, it: &Incarnation) -> Option<At> {
    let names = |seen: &&Seen| {
        let ours = seen.receiver == receiver && is_digest(&seen.key) && !seen.resolve && seen.taken;
        ours && seen.started >= it.from && seen.text.contains(&it.cause)
    };
    history.seen.iter().filter(names).map(|seen| seen.started).min()
}

/// Whether an incident of that key is open at the provider at the end.
pub fn is_open(history: &History, receiver: &str, key: &str) -> bool {
    let ours = history.seen.iter().filter(|seen| seen.receiver == receiver && seen.key == key && seen.taken);
    // A request that is made when people do something arrives after that.
    let mut events: Vec<(At, bool, bool)> = ours.map(|seen| (seen.started, true, !seen.resolve)).collect();
    events.extend(history.facts.iter().filter_map(|told| match &told.fact {
        Fact::Reaction { receiver: by, key: of, action } if by == receiver && of == key => match action.as_str() {
            "resolved" => Some((told.at, false, false)),
            "reopened" => Some((told.at, false, true)),
            _ => None,
        },
        _ => None,
    }));
    events.sort_by_key(|(at, late, _)| (*at, *late));
    events.last().is_some_and(|(_, _, open)| *open)
}
