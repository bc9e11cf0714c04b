use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use model::{Offset, Record};
use tokio::sync::watch;

use super::place;
use super::recover::{Piece, check_offset, read_header};
use super::state::Shared;
use crate::{BusError, Records, codec};

/// How much of a file is read at once; a record that is kept keeps as much in memory.
const CHUNK: usize = 256 << 10;
/// How many records are taken from the tail at once.
const TAKE: usize = 128;
/// When to try again after a file could not be read.
const RETRY: Duration = Duration::from_secs(1);

/// The records of a shard from `from` on.
pub(super) fn read(shared: Arc<Shared>, from: Offset) -> Records {
    let durable = shared.durable.clone();
    let cursor = Cursor { shared, next: from, ready: VecDeque::new(), spot: None, durable, given: false };
    stream::unfold(Some(cursor), |cursor| async move {
        let mut cursor = cursor?;
        match cursor.step().await {
            Ok(record) => Some((Ok(record), Some(cursor))),
            Err(error @ BusError::Unavailable { .. }) => Some((Err(error), Some(cursor))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

struct Cursor {
    shared: Arc<Shared>,
    /// The offset of the next record to be given out that is not in `ready`.
    next: Offset,
    ready: VecDeque<Record>,
    spot: Option<Spot>,
    durable: watch::Receiver<Offset>,
    /// A record was given out.
    given: bool,
}

/// A position in an open file.
#[derive(Clone)]
struct Spot {
    segment: Offset,
    file: Arc<File>,
    salt: u64,
    /// The record that is there.
    offset: Offset,
    position: u64,
}

impl Cursor {
    async fn step(&mut self) -> Result<Record, BusError> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                self.given = true;
                return Ok(record);
            }
            let end = *self.durable.borrow_and_update();
            if self.next < end {
                self.fill().await?;
                continue;
            }
            // What was given out may be told as durable a moment later than it was read.
            if self.next > end && !self.given {
                let (log, shard) = (self.shared.place.log.clone(), self.shared.shard);
                return Err(BusError::Ahead { log, shard, asked: self.next, end });
            }
            let start = self.shared.bounds().0;
            if self.next < start {
                return Err(self.truncated(start));
            }
            if self.durable.changed().await.is_err() && self.next == *self.durable.borrow() {
                return Err(self.shared.closed());
            }
        }
    }

    fn truncated(&self, start: Offset) -> BusError {
        let (log, shard) = (self.shared.place.log.clone(), self.shared.shard);
        BusError::Truncated { log, shard, asked: self.next, start }
    }

    /// Gets some records that are durable, from the tail or from a file.
    async fn fill(&mut self) -> Result<(), BusError> {
        let (start, newest) = {
            let state = self.shared.state.lock();
            (state.start(), state.tail.from(self.next, TAKE))
        };
        if self.next < start {
            return Err(self.truncated(start));
        }
        if let Some(last) = newest.last() {
            self.next = last.offset.next();
            self.spot = None;
            self.ready = newest.into();
            return Ok(());
        }
        let (shared, next, spot) = (Arc::clone(&self.shared), self.next, self.spot.take());
        let read = base::blocking(move || shared.load(next, spot)).await;
        let (records, spot) = read.unwrap_or_else(|| Err(self.unavailable("a read was ended".to_owned())))?;
        self.next = records.last().map_or(self.next, |record| record.offset.next());
        self.spot = Some(spot);
        self.ready = records.into();
        Ok(())
    }

    fn unavailable(&self, problem: String) -> BusError {
        BusError::Unavailable { log: self.shared.place.log.clone(), problem, retry_after: RETRY }
    }
}

impl Shared {
    /// Some records from `next` on, none if only older ones were passed; and where they end.
    fn load(&self, next: Offset, spot: Option<Spot>) -> Result<(Vec<Record>, Spot), BusError> {
        let mut spot = match spot {
            Some(spot) => spot,
            None => self.open(next)?,
        };
        let (end, following) = self.state.lock().extent(spot.segment).ok_or_else(|| self.gone(next))?;
        if spot.position >= end {
            let path = place::segment(&self.dir, spot.segment);
            match following {
                Some(first) if first == spot.offset => spot = self.open(first)?,
                Some(first) => {
                    let problem =
                        format!("the file ends before offset {}, the next one starts with {first}", spot.offset);
                    return Err(self.place.corrupt(&path, end, problem));
                }
                None => return Err(self.place.corrupt(&path, end, format!("offset {} is not here", spot.offset))),
            }
            return Ok((Vec::new(), spot));
        }
        let records = self.take(next, &mut spot, end)?;
        Ok((records, spot))
    }

    fn take(&self, next: Offset, spot: &mut Spot, end: u64) -> Result<Vec<Record>, BusError> {
        let path = place::segment(&self.dir, spot.segment);
        let piece = Piece::read(&spot.file, spot.salt, spot.position, end, CHUNK)
            .map_err(|error| self.unreadable(&error, &path))?;
        let mut records = Vec::with_capacity(piece.frames.len());
        for found in piece.frames {
            check_offset(&self.place, &path, &found, spot.offset)?;
            if spot.offset >= next {
                let batch = codec::decode(&found.body)
                    .map_err(|error| self.place.corrupt(&path, found.position, error.to_string()))?;
                records.push(Record { shard: self.shard, offset: spot.offset, time: found.frame.time, batch });
            }
            spot.offset = spot.offset.next();
            spot.position = found.position + found.frame.size as u64;
        }
        match piece.bad {
            // The good records before it are given out first.
            Some(problem) if records.is_empty() => Err(self.place.corrupt(&path, spot.position, problem)),
            _ => Ok(records),
        }
    }

    fn open(&self, next: Offset) -> Result<Spot, BusError> {
        let start = self.state.lock().locate(next).ok_or_else(|| self.gone(next))?;
        let path = place::segment(&self.dir, start.segment);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.missing(next, &path)),
            Err(error) => return Err(self.unreadable(&error, &path)),
        };
        let header = read_header(&self.place, &file, &path, self.shard, start.segment)?;
        let (segment, offset, position) = (start.segment, start.offset, start.position);
        Ok(Spot { segment, file: Arc::new(file), salt: header.salt, offset, position })
    }

    /// The file is not there: truncated a moment ago, or by someone else.
    fn missing(&self, next: Offset, path: &std::path::Path) -> BusError {
        if next < self.bounds().0 { self.gone(next) } else { self.place.corrupt(path, 0, "the file is not there") }
    }

    fn gone(&self, asked: Offset) -> BusError {
        BusError::Truncated { log: self.place.log.clone(), shard: self.shard, asked, start: self.bounds().0 }
    }

    fn unreadable(&self, error: &io::Error, path: &std::path::Path) -> BusError {
        let problem = format!("cannot read {}: {error}", path.display());
        BusError::Unavailable { log: self.place.log.clone(), problem, retry_after: RETRY }
    }
}

#[cfg(test)]
mod tests {
    use base::{Clock, Timestamp};
    use futures::FutureExt;
    use model::Batch;
    use model::rows::Tick;

    use super::*;
    use crate::{Embedded, EmbeddedConfig, Log};

    /// The writer shows a record to readers a moment before it tells how far the log is durable.
    #[tokio::test]
    async fn a_record_that_is_read_before_it_is_told_as_durable_is_not_ahead_of_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let (clock, _simulation) = Clock::simulated(Timestamp::from_secs(1_800_000_000));
        let log = Embedded::open(EmbeddedConfig::new(dir.path(), "state"), clock).unwrap();
        for _ in 0..2 {
            log.append(0, vec![Batch::of("tick", &[Tick { time: Timestamp::ZERO }]).unwrap()]).await.unwrap();
        }
        let (told, durable) = watch::channel(Offset(1));
        let (shared, ready) = (Arc::clone(&log.shards[0].shared), VecDeque::new());
        let mut cursor = Cursor { shared, next: Offset(0), ready, spot: None, durable, given: false };
        assert_eq!(cursor.step().await.unwrap().offset, Offset(0));
        assert_eq!(cursor.step().await.unwrap().offset, Offset(1));
        assert!(cursor.step().now_or_never().is_none(), "it waits for the next record");
        told.send_replace(Offset(2));
        assert!(cursor.step().now_or_never().is_none());
        log.close().await;
    }
}
