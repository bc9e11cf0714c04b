//! The decisions: each fold is a folder, pure and without I/O.

pub mod alert;
pub mod canary;
pub mod drift;
pub mod outbox;
pub mod replay;
mod room;
pub mod routing;
pub mod rules;

use std::time::Duration;

use base::Timestamp;

/// In a verdict's evidence: the resource rolls out though nothing new is declared.
const AGAIN: &str = "again";

/// Bytes of one record of outputs, about: logs take 4 MiB and more, unless they are told to take less.
const RECORD: usize = 1 << 20;

/// By less than this a record may be later than what it says is now: it waited for the log.
const LATE: Duration = Duration::from_secs(60);

/// By how much the log is ahead of the clock of who wrote a row at `time`, which is on the log since `now`. Times to come that the
/// row names are then later by as much: on the log they are as far off as they were where they were named.
fn ahead(now: Timestamp, time: Timestamp) -> Duration {
    let by = now.since(time);
    if by > LATE { by } else { Duration::ZERO }
}
