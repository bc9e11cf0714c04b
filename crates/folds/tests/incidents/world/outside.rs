//! Providers, as they fail, and what they saw.

use std::sync::Mutex;
use std::time::Duration;

use base::{Clock, Rng, Timestamp};
use fake_provider::{Entry, Kind, Mode};
use notify::{Notification, SendError, Sent};

use super::wire::Wire;
use crate::oracle::{Answer, Seen};

/// A text in a notification that its provider refuses, unless it is cut.
pub const POISON: &str = "poisonous";

/// How a provider is for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Weather {
    /// Which receiver; without, each.
    pub receiver: Option<String>,
    pub from: Duration,
    pub to: Duration,
    /// What happens to one request in so many.
    pub one_in: u64,
    pub what: What,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Status(u16, Option<u64>),
    /// It never arrives, and nobody says so.
    Hang,
    /// The connection is closed.
    Close,
    TakenThenClose,
    /// It is taken, and the answer never comes.
    TakenThenHang,
    /// Half of the answer comes.
    TakenThenCut,
    /// It is taken for processing, and comes to nothing.
    TakenThenFails,
    /// So many milliseconds later.
    Slow(u64),
}

/// Every provider.
pub struct Outside {
    clock: Clock,
    rng: Rng,
    weather: Mutex<Vec<Weather>>,
    seen: Mutex<Vec<Seen>>,
}

/// One request that is on its way.
pub struct Exchange<'a> {
    outside: &'a Outside,
    place: usize,
    answer: Mutex<Answer>,
}

impl Outside {
    pub fn new(clock: Clock, rng: Rng, weather: Vec<Weather>) -> Self {
        Self { clock, rng, weather: Mutex::new(weather), seen: Mutex::default() }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Keys that were told of last as open, with their receivers.
    pub fn open(&self, receiver: &str) -> Vec<String> {
        let mut open = std::collections::BTreeMap::new();
        for seen in self.seen.lock().unwrap().iter().filter(|seen| seen.receiver == receiver && seen.taken) {
            open.insert(seen.key.clone(), !seen.resolve);
        }
        open.into_iter().filter(|(_, open)| *open).map(|(key, _)| key).collect()
    }

    /// What happens to a request that begins now.
    pub fn draw(&self, receiver: &str) -> What {
        let now = self.clock.monotonic();
        let weather = self.weather.lock().unwrap();
        let current = weather.iter().find(|it| {
            let here = it.receiver.as_deref().is_none_or(|name| name == receiver) && it.from <= now && now < it.to;
            here && self.rng.below(it.one_in) == 0
        });
        current.map_or(What::Slow(0), |it| it.what)
    }

    pub fn begin(&self, receiver: &str, notification: &Notification, safe: bool, life: u32) -> Exchange<'_> {
        let mut seen = self.seen.lock().unwrap();
        seen.push(Seen {
            receiver: receiver.to_owned(),
            key: notification.incident.clone(),
            resolve: notification.action == notify::Action::Resolve,
            cause: None,
            decided_ms: None,
            text: String::new(),
            safe,
            started: self.clock.monotonic(),
            ended: None,
            taken: false,
            answer: Answer::Lost,
            life,
            violations: Vec::new(),
        });
        Exchange { outside: self, place: seen.len() - 1, answer: Mutex::new(Answer::Lost) }
    }
}

impl Exchange<'_> {
    /// The request arrives, and is answered. A poisonous one is refused whatever the weather.
    pub fn arrive(&self, kind: &str, what: What, notification: &Notification, safe: bool) -> Result<Sent, SendError> {
        let poisonous = !safe && notification.labels.values().any(|value| value == POISON);
        let mode = match what {
            What::Status(status, after) => Mode::status(status, after, Some(1)),
            What::Close => Mode::of(Kind::Close, Some(1)),
            _ if poisonous => Mode::status(400, None, Some(1)),
            What::TakenThenClose => Mode::of(Kind::TakenThenClose, Some(1)),
            What::TakenThenCut => Mode::of(Kind::TakenThenCut, Some(1)),
            What::Hang | What::TakenThenHang | What::TakenThenFails | What::Slow(_) => Mode::default(),
        };
        let (after, fails) = (mode.retry_after, what == What::TakenThenFails);
        let (result, entry) = Wire::get().ask(kind, mode, fails, notification, safe);
        if let Some(mut entry) = entry {
            entry.taken &= !fails;
            self.note(&entry, after);
        }
        result
    }

    fn note(&self, entry: &Entry, after: Option<u64>) {
        let mut seen = self.outside.seen.lock().unwrap();
        let seen = &mut seen[self.place];
        assert_eq!(entry.key.as_ref(), Some(&seen.key), "the key that was meant is the key that arrives");
        assert_eq!(entry.action.as_deref() == Some("resolve"), seen.resolve);
        seen.taken = entry.taken;
        seen.violations.clone_from(&entry.violations);
        (seen.cause, seen.decided_ms) = about(&entry.body);
        seen.text = entry.body.to_string();
        if entry.status > 0 {
            *self.answer.lock().unwrap() = Answer::Status(entry.status, after);
        }
    }

    /// The answer has reached who asked, if it was not cut before its status.
    pub fn answered(&self, result: &Result<Sent, SendError>) {
        if result.as_ref().map_or_else(SendError::status, |sent| sent.status).is_some() {
            self.outside.seen.lock().unwrap()[self.place].answer = *self.answer.lock().unwrap();
        }
    }
}

impl Drop for Exchange<'_> {
    /// The sender is done with it, or its process has ended.
    fn drop(&mut self) {
        let now = self.outside.clock.monotonic();
        self.outside.seen.lock().unwrap()[self.place].ended = Some(now);
    }
}

/// The cause that a body names, and when it says that it was decided.
fn about(body: &serde_json::Value) -> (Option<String>, Option<i64>) {
    let text = |pointer: &str| body.pointer(pointer).and_then(|value| value.as_str()).map(str::to_owned);
    let time = text("/payload/timestamp").or_else(|| text("/steadfast/time"));
    let decided = time.and_then(|time| Some(time.parse::<Timestamp>().ok()?.millis()));
    let cause = ["/payload/group", "/steadfast/cause", "/details/cause"].into_iter().find_map(text);
    // A group of posted alerts is named by its receiver; what is the same whoever is told is its alert.
    let of_group = cause.as_ref().is_some_and(|cause| cause.starts_with("group/"));
    (if of_group { text("/payload/component").map(|name| format!("alert/{name}")) } else { cause }, decided)
}
