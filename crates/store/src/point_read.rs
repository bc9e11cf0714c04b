use std::ops::Range;
use std::sync::Arc;

use base::{Limit, Timestamp};
use futures::TryStreamExt;
use model::{Key, SeriesId};

use crate::file::{self, FileScan};
use crate::filter::{KeySet, Share};
use crate::object::ObjectReader;
use crate::points::Columns;
use crate::points::file::Wanted;
use crate::{FileEntry, StoreError, TableSnapshot, points, scan};

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
    wanted: Wanted,
    points: Vec<Vec<Point>>,
    held: u64,
    limit: &'a Limit,
}

impl Gathered<'_> {
    /// Takes points of one series, all in order of time and within the wanted ones.
    fn take(&mut self, place: usize, times: &[i64], values: &[f64]) -> Result<(), StoreError> {
        self.held += times.len() as u64;
        self.limit.check(self.held)?;
        if let Some(points) = self.points.get_mut(place) {
            points.extend(times.iter().zip(values).map(|(&ts, &value)| Point { ts, value }));
        }
        Ok(())
    }

    /// Takes rows of one key, all in order of time.
    fn take_rows(&mut self, place: usize, columns: &Columns<'_>, rows: Range<usize>) -> Result<(), StoreError> {
        let times = columns.times.get(rows.clone()).unwrap_or_default();
        let values = columns.values.get(rows).unwrap_or_default();
        let from = times.partition_point(|ts| ts < self.wanted.times.start());
        let to = times.partition_point(|ts| ts <= self.wanted.times.end()).max(from);
        self.take(place, times.get(from..to).unwrap_or_default(), values.get(from..to).unwrap_or_default())
    }

    /// Takes the rows of a sorted batch whose keys are wanted.
    fn take_wanted(&mut self, columns: &Columns<'_>) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (columns.keys.first(), columns.keys.last()) else { return Ok(()) };
        let sorted = Arc::clone(&self.wanted.sorted);
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
            let place = same.first().and_then(|key| self.wanted.places.get(&Key(*key))).copied();
            if let Some(place) = place {
                self.take_rows(place, columns, rows)?;
            }
        }
        Ok(())
    }

    /// Takes the rows of a sorted batch whose keys are wanted, looking for each key.
    fn take_few(&mut self, columns: &Columns<'_>, keys: &[Key]) -> Result<(), StoreError> {
        for key in keys {
            let rows = columns.rows_of(key);
            if !rows.is_empty()
                && let Some(&place) = self.wanted.places.get(key)
            {
                self.take_rows(place, columns, rows)?;
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
        let sorted = KeySet::new(series.to_vec()).sorted;
        let mut gathered = Gathered {
            wanted: Wanted {
                sorted: Arc::clone(&sorted),
                places: Arc::new(series.iter().copied().zip(0..).collect()),
                times: first.nanos()..=last.nanos(),
            },
            points: vec![Vec::new(); series.len()],
            held: 0,
            limit,
        };
        let wanted = |file: &&FileEntry| file.overlaps(first, last) && file.may_hold(&sorted);
        let files: Vec<FileEntry> = self.files().iter().filter(wanted).cloned().collect();
        for file in scan::runs(files).into_iter().flatten() {
            if !self.pages_of(&file, &mut gathered).await? {
                self.rows_of(file, &mut gathered).await?;
            }
        }
        for chunk in self.chunks().iter().filter(|chunk| chunk.overlaps(first, last)) {
            let Some(columns) = Columns::of(&chunk.batch) else { continue };
            gathered.take_wanted(&columns)?;
        }
        let mut points = gathered.points;
        points.iter_mut().for_each(settle);
        Ok(points)
    }

    /// Takes points from the pages of a file; false if it is not as files are written here, or cannot be read.
    async fn pages_of(&self, entry: &FileEntry, gathered: &mut Gathered<'_>) -> Result<bool, StoreError> {
        let reader = ObjectReader::of(self.inner(), entry);
        let Ok(metadata) = file::metadata(self.inner(), entry, reader.clone()).await else { return Ok(false) };
        let wanted = gathered.wanted.clone();
        let mut take = |place: usize, times: &[i64], values: &[f64]| gathered.take(place, times, values);
        let read = points::file::read(&reader, &metadata, &wanted, &mut take).await;
        read.transpose().map(|read| read.is_some())
    }

    /// Takes points from the rows of a file.
    async fn rows_of(&self, file: FileEntry, gathered: &mut Gathered<'_>) -> Result<(), StoreError> {
        let layout = self.layout();
        let (start, end) = gathered.wanted.times.clone().into_inner();
        let sorted = &gathered.wanted.sorted;
        let scan = FileScan {
            layout,
            columns: (0..layout.schema.fields().len()).collect(),
            lean: Vec::new(),
            keys: (sorted.len() <= FEW_KEYS).then(|| KeySet::new(sorted.to_vec())),
            time: Some((Timestamp::from_nanos(start), Timestamp::from_nanos(end))),
            texts: Arc::default(),
            share: Share::default(),
            batch_rows: BATCH_ROWS,
        };
        let mut batches = scan.lenient(Arc::clone(self.inner()), file);
        while let Some(batch) = batches.try_next().await? {
            if let Some(columns) = Columns::of(&batch) {
                gathered.take_wanted(&columns)?;
            }
        }
        Ok(())
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
