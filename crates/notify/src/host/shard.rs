use std::collections::VecDeque;
use std::time::Duration;

use model::rows::{Intent, Receipt};
use model::{Batch, Dedup, ModelError, Offset, Record, RecordId, Row, Stream};

use super::receipts::{Checkpoint, Place, report};
use crate::NotifyError;
use crate::checkpoint::{Places, Saved};
use crate::outbox::{Draft, Now, Outbox};

/// Rows of one record of receipts.
const ROWS: usize = 256;

/// A save that takes long is made less often: so many times as long passes until the next.
const SAVE_SHARE: u32 = 10;

/// What the host knows of one shard of the log.
#[derive(Debug, Default)]
pub(super) struct Shard {
    pub number: u32,
    /// The next record to read.
    pub next: Offset,
    /// Where the log ended at the start.
    end: Offset,
    live: bool,
    dedup: Dedup,
    /// Receipts that are not yet given to the log.
    pub pending: VecDeque<Receipt>,
    /// An append or a save is under way.
    pub busy: bool,
    pub save_due: bool,
    /// On the clock's own time.
    save_began: Duration,
    /// Not before, though one is due.
    pub may_save: Duration,
    /// Records since the last checkpoint.
    pub unsaved: u64,
    /// Where its checkpoints are.
    pub places: Places,
    next_id: Offset,
}

impl Shard {
    /// A shard read from `next` on, of a log that ends at `end`.
    pub fn new(number: u32, next: Offset, end: Offset, dedup: Dedup) -> Self {
        // Each record has an offset of its own and at most one id of ours, so no id that was ever
        // used is at or past the log's end.
        Self { number, next, end, dedup, next_id: end, ..Self::default() }
    }

    /// Goes live if everything is read that was there at the start.
    pub fn catch_up(&mut self, outbox: &mut Outbox, now: Now) -> Vec<Draft> {
        if self.live || self.next < self.end {
            return Vec::new();
        }
        self.live = true;
        tracing::debug!(shard = self.number, offset = %self.next, "the state log is read; intents can be sent");
        outbox.go_live(now, self.number)
    }

    /// Applies one record, unless it was seen.
    pub fn apply(&mut self, outbox: &mut Outbox, now: Now, record: &Record) -> Result<Vec<Draft>, NotifyError> {
        if !self.dedup.admit(record) {
            return Ok(Vec::new());
        }
        let problem = |source| NotifyError::Record { shard: self.number, offset: record.offset, source };
        if record.batch.stream == Stream::Intents {
            let intents = record.rows::<Intent>().map_err(problem)?;
            Ok(intents.into_iter().flat_map(|intent| outbox.admit(now, self.number, intent)).collect())
        } else {
            let receipts = record.rows::<Receipt>().map_err(problem)?;
            Ok(receipts.iter().flat_map(|receipt| outbox.receipt(now, receipt)).collect())
        }
    }

    /// The shard is read up to `next`.
    pub fn advance_to(&mut self, next: Offset, save_records: u64) {
        self.unsaved += next.0.saturating_sub(self.next.0).max(1);
        self.next = next;
        self.save_due |= self.unsaved >= save_records;
    }

    /// A checkpoint of this moment; it is true once the pending receipts are durable.
    pub fn saved(&mut self, now: Duration, outbox: &Outbox) -> Option<Checkpoint> {
        (self.save_due, self.unsaved, self.save_began) = (false, 0, now);
        let saved = Saved::new(self.next, self.dedup.clone(), outbox.save(self.number));
        let place = Place { turn: self.places.turn(), offset: self.next };
        let bytes = saved.encode(&Saved::names(self.number)[place.turn]).map_err(|error| report(&error)).ok()?;
        Some(Checkpoint { bytes, place })
    }

    /// The save that began last has ended; it is durable if there is a place. Gives the offset before which nothing is needed.
    pub fn saved_after(&mut self, now: Duration, place: Option<Place>) -> Option<Offset> {
        self.busy = false;
        self.may_save = now + now.saturating_sub(self.save_began) * SAVE_SHARE;
        if let Some(Place { turn, offset }) = place {
            self.places.0[turn] = Some(offset);
        }
        // The other one follows, also if nothing more comes.
        self.unsaved += u64::from(place.is_none() || !self.places.are_even());
        self.places.safe()
    }

    /// There is no later time for it.
    pub fn save_at_once(&mut self) {
        (self.save_due, self.may_save) = (true, Duration::ZERO);
    }

    /// `receipts` as records with ids, so that an append that is made twice adds nothing.
    pub fn batches(&mut self, receipts: &[Receipt]) -> Vec<Batch> {
        let batch = |rows| self.batch(rows).map_err(|error| tracing::error!(%error, "receipts are not kept: a bug"));
        receipts.chunks(ROWS).map(batch).filter_map(Result::ok).collect()
    }

    fn batch(&mut self, rows: &[Receipt]) -> Result<Batch, ModelError> {
        let id = RecordId { producer: "notify".to_owned(), shard: self.number, offset: self.next_id, index: 0 };
        self.next_id = self.next_id.next();
        let key = rows.first().map(|receipt| receipt.incident.clone()).unwrap_or_default();
        Ok(Batch { stream: Receipt::STREAM, key, id: Some(id), data: Receipt::encode(rows)? })
    }
}

#[cfg(test)]
mod tests {
    use base::{Limit, Rng};

    use super::*;

    #[test]
    fn a_save_that_takes_long_is_made_less_often_but_at_the_end() {
        let seconds = Duration::from_secs;
        let outbox = Outbox::new(Limit::new("test", 1), Rng::seeded(1));
        let mut shard = Shard::new(0, Offset(0), Offset(0), Dedup::default());
        shard.save_due = true;
        assert!(shard.saved(seconds(100), &outbox).is_some() && !shard.save_due);
        let place = Place { turn: 1, offset: Offset(7) };
        assert_eq!(shard.saved_after(seconds(103), Some(place)), None, "there is one only");
        assert_eq!(shard.unsaved, 1);
        assert_eq!(shard.may_save, seconds(133));
        shard.save_at_once();
        assert_eq!((shard.save_due, shard.may_save), (true, Duration::ZERO));
    }
}
