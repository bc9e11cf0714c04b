//! Nobody is told of what is silenced or inhibited, but for its end.

use super::keys::is_digest;
use super::{Breach, History, Model, breach};

pub fn check(history: &History, model: &Model) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for seen in history.seen.iter().filter(|seen| !seen.resolve && !is_digest(&seen.key)) {
        let decided = history.receivers.get(&seen.receiver).is_some_and(|receiver| receiver.decided);
        let (true, Some(cause), Some(ms)) = (decided, &seen.cause, seen.decided_ms) else { continue };
        let spans = model.held_back(history, cause);
        let span = spans.iter().find(|span| ms > span.from_ms && ms < span.to_ms);
        breaches.extend(span.map(|span| {
            let what = format!("{} {} at {:?}, held back from {:?}", seen.receiver, seen.key, seen.started, span.from);
            breach("nobody is told of what is held back", what)
        }));
    }
    breaches
}
