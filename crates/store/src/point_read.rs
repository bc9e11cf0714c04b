use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use base::{Limit, Timestamp};
use futures::TryStreamExt;
use model::{Key, SeriesId};

use crate::file::FileScan;
use crate::filter::{KeySet, Share};
use crate::points::Columns;
use crate::{FileEntry, StoreError, TableSnapshot, scan};

/// With more keys than this, all pages are read.
const FEW_KEYS: usize = 4_096;
/// With fewer rows for each key that is wanted, rows are gone through one after the other; with more, keys are searched for.
const ROWS_OF_A_KEY: usize = 16;
/// Rows that are decoded at once.
const BATCH_ROWS: usize = 16_384;

/// The value of a series at a time, in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When.
    pub ts: i64,
    /// The value, bit for bit.
    pub value: f64,
}

/// What is being gathered.
struct Gathered<'a> {
    places: HashMap<Key, usize>,
    points: Vec<Vec<Point>>,
    times: RangeInclusive<i64>,
    held: u64,
    limit: &'a Limit,
}

impl Gathered<'_> {
    /// Takes rows of one key, all in order of time.
    fn take(&mut self, place: usize, columns: &Columns<'_>, rows: std::ops::Range<usize>) -> Result<(), StoreError> {
        let times = columns.times.get(rows.clone()).unwrap_or_default();
        let values = columns.values.get(rows).unwrap_or_default();
        let from = times.partition_point(|ts| ts < self.times.start());
        let to = times.partition_point(|ts| ts <= self.times.end());
        if from >= to {
            return Ok(());
        }
        self.held += (to - from) as u64;
        self.limit.check(self.held)?;
        let rows = times.iter().zip(values).skip(from).take(to - from);
        if let Some(points) = self.points.get_mut(place) {
            points.extend(rows.map(|(&ts, &value)| Point { ts, value }));
        }
        Ok(())
    }

    /// Takes the rows of a sorted batch whose keys, of which `sorted` are all, are wanted.
    fn take_wanted(&mut self, columns: &Columns<'_>, sorted: &[Key]) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (columns.keys.first(), columns.keys.last()) else { return Ok(()) };
        let from = sorted.partition_point(|key| key.0 < *first);
        let to = sorted.partition_point(|key| key.0 <= *last);
        let within = sorted.get(from..to).unwrap_or_default();
        if within.len() < columns.len() / ROWS_OF_A_KEY {
            self.take_few(columns, within)
        } else {
            self.take_all(columns)
        }
    }

    /// Takes the rows of a sorted batch whose keys are wanted, looking at each row.
    fn take_all(&mut self, columns: &Columns<'_>) -> Result<(), StoreError> {
        let mut from = 0;
        for same in columns.keys.chunk_by(|a, b| a == b) {
            let rows = from..from + same.len();
            from = rows.end;
            let place = same.first().and_then(|key| self.places.get(&Key(*key))).copied();
            if let Some(place) = place {
                self.take(place, columns, rows)?;
            }
        }
        Ok(())
    }

    /// Takes the rows of a sorted batch whose keys are wanted, looking for each key.
    fn take_few(&mut self, columns: &Columns<'_>, keys: &[Key]) -> Result<(), StoreError> {
        for key in keys {
            let rows = columns.rows_of(key);
            if !rows.is_empty()
                && let Some(&place) = self.places.get(key)
            {
                self.take(place, columns, rows)?;
            }
        }
        Ok(())
    }
}

impl TableSnapshot {
    /// The points of `series` with a time from `first` to `last`, both included: for each series
    /// in order of time, of points with one time the newest. The table is one of samples.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if there are more points than `limit`; [`StoreError::Objects`] if
    /// files cannot be read now; [`StoreError::NoKey`] if the table holds something else.
    pub async fn points(
        &self,
        series: &[SeriesId],
        first: Timestamp,
        last: Timestamp,
        limit: &Limit,
    ) -> Result<Vec<Vec<Point>>, StoreError> {
        let layout = self.layout();
        if !layout.points {
            return Err(StoreError::NoKey(layout.def.name));
        }
        let keys = KeySet::new(series.to_vec());
        let mut gathered = Gathered {
            places: series.iter().copied().zip(0..).collect(),
            points: vec![Vec::new(); series.len()],
            times: first.nanos()..=last.nanos(),
            held: 0,
            limit,
        };
        let wanted = |file: &&FileEntry| file.overlaps(first, last) && file.may_hold(&keys.sorted);
        let files: Vec<FileEntry> = self.files().iter().filter(wanted).cloned().collect();
        let columns = (0..layout.schema.fields().len()).collect();
        let few = (keys.sorted.len() <= FEW_KEYS).then(|| keys.clone());
        let time = Some((first, last));
        let scan = FileScan {
            layout,
            columns,
            lean: Vec::new(),
            keys: few,
            time,
            texts: Arc::default(),
            share: Share::default(),
            batch_rows: BATCH_ROWS,
        };
        for file in scan::runs(files).into_iter().flatten() {
            let mut batches = scan.clone().lenient(Arc::clone(self.inner()), file);
            while let Some(batch) = batches.try_next().await? {
                if let Some(columns) = Columns::of(&batch) {
                    gathered.take_wanted(&columns, &keys.sorted)?;
                }
            }
        }
        for chunk in self.chunks().iter().filter(|chunk| chunk.overlaps(first, last)) {
            let Some(columns) = Columns::of(&chunk.batch) else { continue };
            gathered.take_wanted(&columns, &keys.sorted)?;
        }
        let mut points = gathered.points;
        points.iter_mut().for_each(settle);
        Ok(points)
    }
}

/// Points, in order of age, in order of time; of those with one time the newest.
fn settle(points: &mut Vec<Point>) {
    if points.is_sorted_by(|a, b| a.ts < b.ts) {
        return;
    }
    points.sort_by_key(|point| point.ts);
    points.reverse();
    points.dedup_by_key(|point| point.ts);
    points.reverse();
}
