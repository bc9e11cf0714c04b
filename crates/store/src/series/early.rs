//! Series that have samples ahead of their time, which are asked for when the series are idle.

use std::collections::HashMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use base::{Limit, Timestamp};
use model::SeriesId;

use super::index::Index;
use super::{LabelTest, StoredLabels};
use crate::rows;

/// Series that are remembered; of more it is only known until when there may be samples.
pub(crate) const REMEMBERED: Limit = Limit::new("store.series_ahead", 10_000);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Early(HashMap<SeriesId, Ahead>);

#[derive(Debug)]
struct Ahead {
    /// The time of its last sample.
    until: Timestamp,
    /// Its labels, if the index had not got them when that was looked at last.
    labels: Option<StoredLabels>,
}

impl Early {
    /// A series has samples until then, and these labels if the index does not have it. False if there are too many.
    pub fn add(&mut self, id: SeriesId, until: Timestamp, labels: Option<StoredLabels>) -> bool {
        if let Some(known) = self.0.get_mut(&id) {
            known.until = known.until.max(until);
            return true;
        }
        let has_room = (self.0.len() as u64) < REMEMBERED.max();
        if has_room {
            self.0.insert(id, Ahead { until, labels });
        }
        has_room
    }

    /// Whether it is one of these.
    pub fn has(&self, id: &SeriesId) -> bool {
        self.0.contains_key(id)
    }

    /// Lets go of those whose time has come. Gives when the last of them was.
    pub fn pass(&mut self, now: Timestamp) -> Option<Timestamp> {
        let mut last = None;
        self.0.retain(|_, ahead| {
            let is_past = ahead.until < now;
            if is_past {
                last = last.max(Some(ahead.until));
            }
            !is_past
        });
        last
    }

    /// The index is another now: takes labels from the old one that the new one does not have.
    pub fn moved(&mut self, old: &Index, new: &Index) {
        for (id, ahead) in &mut self.0 {
            if new.number(id).is_some() {
                ahead.labels = None;
            } else if let Some(number) = old.number(id) {
                ahead.labels = old.named(&[number]).pop().map(|(_, labels)| labels);
            }
        }
    }

    /// Those that are not in the index, have samples at `start` or later and pass.
    pub fn matching<'a>(
        &'a self,
        index: &'a Index,
        tests: &'a [LabelTest<'_>],
        start: Timestamp,
    ) -> impl Iterator<Item = (SeriesId, StoredLabels)> + 'a {
        let later = self.0.iter().filter(move |(_, ahead)| ahead.until >= start);
        later.filter(move |(id, _)| index.number(id).is_none()).filter_map(move |(id, ahead)| {
            let labels = ahead.labels.as_ref().filter(|labels| passes(labels, tests))?;
            Some((*id, labels.clone()))
        })
    }
}

fn passes(labels: &StoredLabels, tests: &[LabelTest<'_>]) -> bool {
    tests.iter().all(|test| {
        let value = labels.iter().find(|(name, _)| **name == *test.name).map_or("", |(_, value)| value);
        (test.matches)(value)
    })
}

/// The series of rows that are later than `limit`, with their times; of a batch with these columns.
pub(crate) fn later(batch: &RecordBatch, (key, time): (usize, usize), limit: Timestamp) -> Vec<(SeriesId, Timestamp)> {
    let ids = rows::keys(batch.column(key));
    let Some((ids, times)) = ids.zip(batch.column(time).as_primitive_opt::<TimestampNanosecondType>()) else {
        return Vec::new();
    };
    let mut found: Vec<(SeriesId, Timestamp)> = Vec::new();
    for (n, nanos) in times.values().iter().enumerate().filter(|(_, nanos)| **nanos > limit.nanos()) {
        let (id, time) = (rows::key(ids, n), Timestamp::from_nanos(*nanos));
        match found.last_mut() {
            Some((last, until)) if *last == id => *until = (*until).max(time),
            _ => found.push((id, time)),
        }
    }
    found
}
