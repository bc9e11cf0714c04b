//! Times in which a receiver had to be told: what it is about is open, and nothing is in the way.

use super::{At, History, Incarnation, Model};

/// How long everything takes at the most when nothing is in the way.
pub const PATIENCE: At = At::from_secs(60);

/// From when on a cause may be told of.
pub fn wait(history: &History, cause: &str) -> At {
    history
        .waits
        .iter()
        .filter(|(prefix, _)| cause.starts_with(prefix.as_str()))
        .map(|(_, wait)| *wait)
        .max()
        .unwrap_or_default()
}

/// Times of an incarnation during which a receiver was to be told of it and could be.
pub fn of(history: &History, model: &Model, receiver: &str, it: &Incarnation) -> Vec<(At, At)> {
    let held_back = if history.receivers.get(receiver).is_some_and(|receiver| receiver.decided) {
        model.held_back(history, &it.cause)
    } else {
        Vec::new()
    };
    let free = |at: At| held_back.iter().all(|span| at < span.from || at >= span.to);
    let due = |at: At| model.routed(receiver, &it.cause, it.severity_at(at), at);
    let cuts = held_back.iter().flat_map(|span| [span.from, span.to]);
    let cuts = cuts.chain(model.changes()).chain(it.severities.iter().map(|(at, _)| *at));
    let from = it.from + wait(history, &it.cause);
    pieces(from, it.end().min(history.end), cuts.chain(edges(history, receiver)), |at| {
        free(at) && due(at) && works(history, receiver, at)
    })
}

/// Times between `from` and `to` in which a receiver works.
pub fn working(history: &History, receiver: &str, from: At, to: At) -> Vec<(At, At)> {
    pieces(from, to, edges(history, receiver), |at| works(history, receiver, at))
}

fn faults<'a>(history: &'a History, receiver: &'a str) -> impl Iterator<Item = (At, At)> + 'a {
    let of = history.faults.iter().filter(move |(whose, ..)| whose.as_deref().is_none_or(|whose| whose == receiver));
    of.map(|(_, from, to)| (*from, *to + history.recovers))
}

fn edges<'a>(history: &'a History, receiver: &'a str) -> impl Iterator<Item = At> + 'a {
    faults(history, receiver).flat_map(|(from, to)| [from, to])
}

fn works(history: &History, receiver: &str, at: At) -> bool {
    faults(history, receiver).all(|(from, to)| at < from || at >= to)
}

/// The parts of a time in which something holds, which changes at `cuts` only.
fn pieces(from: At, to: At, cuts: impl Iterator<Item = At>, holds: impl Fn(At) -> bool) -> Vec<(At, At)> {
    if from >= to {
        return Vec::new();
    }
    let mut cuts: Vec<At> = cuts.filter(|at| *at > from && *at < to).chain([from, to]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut pieces: Vec<(At, At)> = Vec::new();
    for pair in cuts.windows(2).filter(|pair| holds(pair[0])) {
        match pieces.last_mut() {
            Some(last) if last.1 == pair[0] => last.1 = pair[1],
            _ => pieces.push((pair[0], pair[1])),
        }
    }
    pieces
}
