//! What must hold, judged by one who knows only what was put in and what the providers saw.
//!
//! The model is plain: a cause is open from its first open finding until its last has ended. It
//! shares no code with the folds. Times are of the clock that never goes back, unless they are the
//! milliseconds of a wall clock.

mod doubles;
mod keys;
mod model;
mod pace;
mod provider;
mod reasons;
mod rollouts;
mod soon;
mod suppressed;
mod telling;
mod tests;
mod windows;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

pub use self::model::{Incarnation, Model};

/// A time.
pub type At = Duration;

/// What was put in, in the order of the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A finding fires.
    Fires { cause: String, finding: String, severity: u8 },
    /// A finding is over.
    Ends { finding: String },
    /// Nobody is to be told of the cause, or again.
    Silence { id: String, cause: String, on: bool },
    /// Something of a scope rolls out, or has come to agree.
    Rolls { scope: String, revision: String, on: bool },
    /// Who is told of what, from now on.
    Routes(Vec<Route>),
    /// Somebody did something about an incident at its provider; told once, however often it was delivered.
    Reaction { receiver: String, key: String, action: String },
}

/// Causes that a receiver is told of.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    pub receiver: String,
    /// What their names begin with.
    pub prefix: String,
    pub min_severity: u8,
}

/// A fact, when it was durable, and the wall clock's milliseconds that the log gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub at: At,
    pub wall_ms: i64,
    pub fact: Fact,
}

/// What an answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// None that reached the sender.
    Lost,
    /// A status, and the seconds of its `Retry-After`.
    Status(u16, Option<u64>),
}

/// A request, as the provider saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub receiver: String,
    pub key: String,
    pub resolve: bool,
    /// The cause that it names, if it does.
    pub cause: Option<String>,
    /// When it was decided, by what it says: wall milliseconds. A resolve may not say it.
    pub decided_ms: Option<i64>,
    /// All of its text.
    pub text: String,
    /// Only the least was sent.
    pub safe: bool,
    pub started: At,
    /// When the sender was done with it; nothing if it ended before.
    pub ended: Option<At>,
    /// The provider acts on it.
    pub taken: bool,
    pub answer: Answer,
    /// Which process sent it, from 0.
    pub life: u32,
    /// What breaks the provider's contract.
    pub violations: Vec<String>,
}

impl Seen {
    pub fn is_confirmed(&self) -> bool {
        self.ended.is_some() && matches!(self.answer, Answer::Status(200..=299, _))
    }
}

/// What the system says of why somebody was told, or not.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// An intent.
    Intent { receiver: String, key: String, wall_ms: i64, reason: String },
    /// A decision of an Alertmanager configuration.
    Decision { cause: String, key: String, decision: String, wall_ms: i64 },
}

/// What is known of a receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Receiver {
    /// Requests at once, and then each second.
    pub burst: u32,
    pub per_second: f64,
    /// Requests in flight at once.
    pub in_flight: usize,
    /// It pages anew, as a child, for what widens.
    pub has_children: bool,
    /// Incidents may be told of in a digest.
    pub digests: bool,
    /// Who is told what it could not be told, and after how long.
    pub fallback: Option<(String, Duration)>,
    /// It is told anew of what was resolved at its provider after this.
    pub again: Option<Duration>,
    /// Notices of an Alertmanager configuration tell it; decisions say why.
    pub decided: bool,
}

/// A run.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub facts: Vec<Told>,
    pub seen: Vec<Seen>,
    pub whys: Vec<Why>,
    pub receivers: BTreeMap<String, Receiver>,
    /// When each process started.
    pub lives: Vec<At>,
    /// When something was wrong: with which receiver, or with everything.
    pub faults: Vec<(Option<String>, At, At)>,
    /// How long causes may be gathered before anybody is told, by what their names begin with.
    pub waits: BTreeMap<String, Duration>,
    /// How long after a rollout what goes wrong is of it.
    pub window: Duration,
    /// Causes that a firing cause holds back.
    pub inhibits: BTreeMap<String, Vec<String>>,
    /// How long the system may take, after a fault, until all is as if it had not been.
    pub recovers: Duration,
    /// Parts that have stopped or panicked.
    pub broken: Vec<String>,
    /// Nothing was wrong, at any time.
    pub is_clean: bool,
    pub end: At,
}

/// A rule that does not hold, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub rule: &'static str,
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

pub fn breach(rule: &'static str, what: impl Into<String>) -> Breach {
    Breach { rule, what: what.into() }
}

/// Every rule that does not hold.
pub fn judge(history: &History) -> Vec<Breach> {
    let model = Model::of(history);
    let broken = history.broken.iter().map(|part| breach("no part stops", part.as_str()));
    let violations = history.seen.iter().flat_map(|seen| {
        seen.violations
            .iter()
            .map(|text| breach("requests keep the provider's contract", format!("{}: {text}", seen.key)))
    });
    let mut breaches: Vec<Breach> = broken.chain(violations).collect();
    breaches.extend(keys::check(history, &model));
    breaches.extend(doubles::check(history, &model));
    breaches.extend(pace::check(history));
    breaches.extend(telling::check(history, &model));
    breaches.extend(soon::check(history, &model));
    breaches.extend(suppressed::check(history, &model));
    breaches.extend(reasons::check(history, &model));
    breaches
}
