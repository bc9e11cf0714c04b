//! Requests of which the log has some parts and not the others.
//!
//! A sample is the same row however often it comes. Log records, spans and exemplars are not: who is told to send a request again
//! sends all of it, and what is on the log must not come twice. Of requests that came to no end it is remembered, by their bytes,
//! how many of these rows are there. That is lost with the process: then, and after an append of which nobody knows whether the
//! log has it, rows are there twice rather than not at all.

use std::collections::VecDeque;
use std::time::Duration;

use base::Limit;
use model::{Batch, Stream};
use parking_lot::Mutex;

use crate::Ingest;

/// Requests that are remembered; of more the oldest are forgotten.
const KEPT: Limit = Limit::new("ingest.begun_requests", 1_024);
/// For how long: senders try again within minutes.
const WINDOW: Duration = Duration::from_secs(900);

/// What a request is known by when it comes again.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    /// The way by which it came.
    pub protocol: &'static str,
    /// Where it was sent to, if that is in its rows.
    pub place: &'a str,
    /// Its bytes, as they were sent.
    pub body: &'a [u8],
}

/// Rows that are on the log, by stream and shard: the first ones of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Done(Vec<((Stream, u32), usize)>);

impl Done {
    /// What rows of a batch are counted by, if they would be there twice. Log records and spans are all in one shard, which is
    /// another one each time.
    const fn key(shard: u32, batch: &Batch) -> Option<(Stream, u32)> {
        match batch.stream {
            Stream::Exemplars => Some((Stream::Exemplars, shard)),
            Stream::Logs | Stream::Spans => Some((batch.stream, 0)),
            _ => None,
        }
    }

    fn rows(&self, key: (Stream, u32)) -> usize {
        self.0.iter().find(|(other, _)| *other == key).map_or(0, |(_, rows)| *rows)
    }

    fn add(&mut self, shard: u32, batches: &[Batch]) {
        for batch in batches {
            let Some(key) = Self::key(shard, batch) else { continue };
            match self.0.iter_mut().find(|(other, _)| *other == key) {
                Some((_, rows)) => *rows += batch.data.num_rows(),
                None => self.0.push((key, batch.data.num_rows())),
            }
        }
    }

    /// The batch without rows that are on the log.
    fn left(&self, shard: u32, batch: Batch) -> Option<Batch> {
        let (rows, done) = (batch.data.num_rows(), Self::key(shard, &batch).map_or(0, |key| self.rows(key)));
        match done {
            0 => Some(batch),
            _ if done >= rows => None,
            _ => Some(Batch { data: batch.data.slice(done, rows - done), ..batch }),
        }
    }
}

/// What is remembered.
#[derive(Default)]
pub(crate) struct Parts(Mutex<VecDeque<Begun>>);

struct Begun {
    request: u128,
    /// When it came to no end, on the monotonic clock.
    at: Duration,
    done: Done,
}

impl Parts {
    /// What is known of a request, which is asked for only if anything is known. It is `now` on the monotonic clock.
    fn take(&self, request: impl FnOnce() -> u128, now: Duration) -> Done {
        if !self.any(now) {
            return Done::default();
        }
        let request = request();
        let mut begun = self.0.lock();
        let at = begun.iter().position(|begun| begun.request == request);
        at.and_then(|at| begun.remove(at)).map(|begun| begun.done).unwrap_or_default()
    }

    /// Whether anything is known still.
    fn any(&self, now: Duration) -> bool {
        let mut begun = self.0.lock();
        begun.retain(|begun| now.saturating_sub(begun.at) <= WINDOW);
        !begun.is_empty()
    }

    fn put(&self, request: u128, at: Duration, done: Done) {
        let mut begun = self.0.lock();
        if begun.len() as u64 == KEPT.max() {
            begun.pop_front();
        }
        begun.push_back(Begun { request, at, done });
    }
}

/// An attempt to append a request. If it comes to no end, because the log fails or the sender goes, it is remembered what the
/// log has of it.
pub(crate) struct Attempt<'a> {
    ingest: &'a Ingest,
    sent: Sent<'a>,
    /// How many log records, spans, exemplars and refusals its bytes became: if that is something else the next time, it is
    /// another request.
    became: [usize; 4],
    done: Done,
}

impl<'a> Attempt<'a> {
    pub fn new(ingest: &'a Ingest, sent: Sent<'a>, became: [usize; 4]) -> Self {
        let mut attempt = Self { ingest, sent, became, done: Done::default() };
        attempt.done = ingest.0.parts.take(|| attempt.key(), ingest.0.clock.monotonic());
        attempt
    }

    fn key(&self) -> u128 {
        let (hash, Sent { protocol, place, body }) = (|bytes: &[u8]| self.ingest.0.catalog.hash(bytes), self.sent);
        hash(format!("{protocol}\0{place}\0{:?}\0{}", self.became, hash(body)).as_bytes())
    }

    /// What is to be appended of batches.
    pub fn left(&self, shard: u32, batches: Vec<Batch>) -> Vec<Batch> {
        batches.into_iter().filter_map(|batch| self.done.left(shard, batch)).collect()
    }

    /// Batches are on the log.
    pub fn has(&mut self, shard: u32, batches: &[Batch]) {
        self.done.add(shard, batches);
    }

    /// All of it is on the log.
    pub fn end(mut self) {
        self.done = Done::default();
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let done = std::mem::take(&mut self.done);
        if done != Done::default() {
            self.ingest.0.parts.put(self.key(), self.ingest.0.clock.monotonic(), done);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(rows: usize) -> Done {
        Done(vec![((Stream::Logs, 0), rows)])
    }

    #[test]
    fn what_is_known_of_a_request_is_told_once_and_for_a_while() {
        let parts = Parts::default();
        let take = |request: u128, secs: u64| parts.take(|| request, Duration::from_secs(secs));
        assert_eq!(parts.take(|| panic!("nothing is known"), Duration::ZERO), Done::default());
        parts.put(1, Duration::ZERO, done(5));
        parts.put(2, Duration::from_secs(600), done(6));
        assert_eq!(take(3, 700), Done::default());
        assert_eq!((take(1, 900), take(1, 900)), (done(5), Done::default()));
        assert_eq!(take(2, 1_501), Done::default(), "it is forgotten");
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes() {
        let parts = Parts::default();
        (0..2_000).for_each(|n| parts.put(n, Duration::ZERO, done(1)));
        assert_eq!(parts.0.lock().len() as u64, KEPT.max());
        assert_eq!(parts.take(|| 900, Duration::ZERO), Done::default());
        assert_eq!(parts.take(|| 1_999, Duration::ZERO), done(1));
    }
}
