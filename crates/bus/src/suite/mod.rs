//! What every [`Log`] must do, as code: implement [`Fixture`] and call [`run`] in a test.
//!
//! Each case uses a log of its own name. A case that fails says what it saw; none waits for ever.

mod content;
mod limits;
mod order;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Timestamp};
use futures::StreamExt;
use model::{Batch, Offset, Record, Row, rows::Tick};

use crate::{BusError, Log, Records};

/// The longest that a case waits for one thing.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the suite gets the logs that it checks.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// Opens the log `name` with so many shards; a new, empty one if there is none of that name.
    /// Some 100 kB of records must be more than one segment of it, if it has segments.
    ///
    /// # Errors
    /// If it cannot be opened: the case fails.
    async fn open(&self, name: &str, shards: u32) -> Result<Arc<dyn Log>, Failure>;

    /// Ends a log, so that it can be opened again.
    ///
    /// # Errors
    /// If it cannot be ended: the case fails.
    async fn close(&self, log: Arc<dyn Log>) -> Result<(), Failure>;

    /// Sets the clock that the log takes its records' times from, if it is ours to set.
    fn set_clock(&self, to: Timestamp);

    /// The largest batch that the log takes, in bytes.
    fn max_batch_bytes(&self) -> u64;
}

/// What a case saw that must not be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    /// With what was seen.
    pub fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

impl From<BusError> for Failure {
    fn from(error: BusError) -> Self {
        Self(format!("the log refused: {error}"))
    }
}

impl From<model::ModelError> for Failure {
    fn from(error: model::ModelError) -> Self {
        Self::new(error)
    }
}

type Case<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// Runs every case.
///
/// # Errors
/// The first case that failed, by name.
pub async fn run(fixture: &dyn Fixture) -> Result<(), Failure> {
    let cases: Vec<(&str, Case<'_>)> = vec![
        ("an append is read back in order", Box::pin(order::reads_back_in_order(fixture))),
        ("concurrent appends stay whole", Box::pin(order::concurrent_appends_stay_whole(fixture))),
        ("a reader waits at the end", Box::pin(order::a_reader_waits_at_the_end(fixture))),
        ("a reader starts anywhere", Box::pin(order::a_reader_starts_anywhere(fixture))),
        ("shards are independent", Box::pin(order::shards_are_independent(fixture))),
        ("content survives", Box::pin(content::content_survives(fixture))),
        ("times never go back", Box::pin(content::times_never_go_back(fixture))),
        ("a log opened again has everything", Box::pin(content::opened_again_has_everything(fixture))),
        ("truncated records are gone", Box::pin(limits::truncated_records_are_gone(fixture))),
        ("an empty log has bounds", Box::pin(limits::an_empty_log_has_bounds(fixture))),
        ("an offset never given is an error", Box::pin(limits::an_offset_never_given_is_an_error(fixture))),
        ("what cannot be taken is refused by name", Box::pin(limits::refused_by_name(fixture))),
        ("a shard that there is not is an error", Box::pin(limits::no_such_shard(fixture))),
    ];
    for (name, case) in cases {
        case.await.map_err(|failure| Failure(format!("{name}: {failure}")))?;
    }
    Ok(())
}

/// Fails unless `holds`.
fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure(otherwise())) }
}

/// A batch with the number `n`.
fn numbered(key: &str, n: i64) -> Result<Batch, Failure> {
    Ok(Batch::of(key, &[Tick { time: Timestamp::from_nanos(n) }])?)
}

/// The number of a batch made by [`numbered`].
fn number(record: &Record) -> Result<i64, Failure> {
    match record.rows::<Tick>()?.as_slice() {
        [tick] => Ok(tick.time.nanos()),
        other => Err(Failure(format!("a record of {} with {} rows", Tick::STREAM.as_str(), other.len()))),
    }
}

/// `future`, but not for ever.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> Result<T, Failure> {
    Clock::system().timeout(PATIENCE, future).await.map_err(|_| Failure(format!("{what}: nothing for {PATIENCE:?}")))
}

/// The next record.
async fn next(records: &mut Records) -> Result<Record, Failure> {
    match soon("a record", records.next()).await? {
        Some(record) => Ok(record?),
        None => Err(Failure("the records ended".to_owned())),
    }
}

/// The next `count` records from `from` on; their offsets must be the next ones.
async fn take(log: &dyn Log, shard: u32, from: Offset, count: u64) -> Result<Vec<Record>, Failure> {
    let mut records = log.read(shard, from);
    let mut taken = Vec::new();
    for n in 0..count {
        let record = next(&mut records).await?;
        check(record.offset.0 == from.0 + n && record.shard == shard, || {
            format!(
                "shard {} offset {} came where shard {shard} offset {} should",
                record.shard,
                record.offset,
                from.0 + n
            )
        })?;
        taken.push(record);
    }
    Ok(taken)
}
