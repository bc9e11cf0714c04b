//! Answers that are asked for again, a little later each time, as dashboards do.
//!
//! What an expression gives at a time depends on samples up to that time only, unless it looks
//! forward. So a part of an answer is good for as long as no sample came of a time within it or
//! before, which the store knows. No time to live, and no guess about how late samples are.

use std::collections::HashMap;
use std::sync::Arc;

use base::Timestamp;
use parking_lot::Mutex;
use promql::{Answer, Steps};

/// An answer may take so much of the room: 1/8.
const SHARE: u64 = 8;

/// What is asked again. Milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    text: String,
    interval: i64,
    /// Where steps lie.
    phase: i64,
    lookback: Option<i64>,
}

impl Question {
    pub fn new(text: &str, steps: Steps, lookback: Option<i64>) -> Self {
        let (interval, phase) = (steps.interval(), steps.start().rem_euclid(steps.interval()));
        Self { text: text.to_owned(), interval, phase, lookback }
    }
}

/// What is known of the steps of a question.
pub(crate) struct Known {
    pub answer: Answer,
    /// The last step that it is good for, milliseconds.
    pub until: i64,
}

struct Kept {
    steps: Steps,
    /// The moment of the store that it is of.
    mark: u64,
    answer: Arc<Answer>,
    bytes: u64,
    /// When it was asked for last, in questions.
    used: u64,
}

/// Answers to ranges of expressions. The least recently asked for goes where there is no room.
#[derive(Default)]
pub(crate) struct RangeCache(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    kept: HashMap<Question, Kept>,
    bytes: u64,
    questions: u64,
}

impl RangeCache {
    /// What is known of the first of `steps`, and of those behind it without a gap. `changed` says
    /// since when samples have changed after a mark.
    pub fn find(
        &self,
        question: &Question,
        steps: Steps,
        changed: impl FnOnce(u64) -> Option<Timestamp>,
    ) -> Option<Known> {
        let (answer, kept, mark) = {
            let mut inner = self.0.lock();
            inner.questions += 1;
            let now = inner.questions;
            let kept = inner.kept.get_mut(question).filter(|kept| kept.steps.start() <= steps.start())?;
            kept.used = now;
            (Arc::clone(&kept.answer), kept.steps, kept.mark)
        };
        let good = changed(mark).map_or(i64::MAX, |time| time.millis().saturating_sub(1));
        let last = good.min(kept.end()).min(steps.end());
        let behind = last.checked_sub(steps.start()).filter(|behind| *behind >= 0)?;
        let until = steps.start() + behind / steps.interval() * steps.interval();
        Some(Known { answer: answer.within(steps.start(), until), until })
    }

    /// What it holds.
    pub fn bytes(&self) -> u64 {
        self.0.lock().bytes
    }

    /// Keeps an answer of the moment `mark`, within `room` bytes.
    pub fn keep(&self, question: Question, steps: Steps, mark: u64, answer: &Answer, room: u64) {
        let bytes = (answer.bytes() + question.text.len() + size_of::<Kept>()) as u64;
        // A remark may be about steps that another range does not have.
        if bytes > room / SHARE || !answer.annotations.is_empty() {
            return;
        }
        let answer = Arc::new(answer.clone());
        let mut inner = self.0.lock();
        let used = inner.questions;
        let before = inner.kept.insert(question, Kept { steps, mark, answer, bytes, used });
        inner.bytes = inner.bytes + bytes - before.map_or(0, |before| before.bytes);
        while inner.bytes > room && inner.forget_one() {}
        metrics::gauge!("steadfast_promql_cache_bytes").set(inner.bytes as f64);
    }
}

impl Inner {
    fn forget_one(&mut self) -> bool {
        let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(question, _)| question.clone());
        let gone = oldest.and_then(|question| self.kept.remove(&question));
        self.bytes -= gone.as_ref().map_or(0, |gone| gone.bytes);
        gone.is_some()
    }
}
