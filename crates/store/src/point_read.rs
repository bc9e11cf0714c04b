use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Limit, Timestamp};
use futures::{StreamExt, TryStreamExt, stream};
use model::Key;

use crate::file::FileScan;
use crate::filter::{KeySet, Share};
use crate::point_pages::{Piece, Room, Wanted};
use crate::points::Columns;
use crate::{FileEntry, StoreError, TableSnapshot, scan};

/// With more keys than this, all pages are read.
const FEW_KEYS: usize = 4_096;
/// With fewer rows for each key that is wanted, rows are gone through one after the other; with more, keys are searched for.
const ROWS_OF_A_KEY: usize = 16;
/// Row groups that are fetched before they are decoded.
const LOAD_AHEAD: usize = 3;
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

/// Asked now and then whether who asked still waits.
pub type Proceed = Arc<dyn Fn() -> bool + Send + Sync>;

/// What is asked of each of the series.
#[derive(Clone)]
pub(crate) struct Asked {
    /// From the first time to the last.
    pub times: RangeInclusive<i64>,
    /// How many points there may be in all.
    pub limit: Limit,
    /// How many there were.
    pub read: Arc<AtomicU64>,
    pub proceed: Proceed,
}

/// What is being gathered.
struct Gathered {
    wanted: Wanted,
    /// Of each key that is wanted.
    points: Vec<Vec<Point>>,
    asked: Asked,
}

/// The file whose pieces are being read, one after the other.
#[derive(Default)]
struct OfFile {
    path: String,
    /// What its pieces gave: the places of series, and how many points of each.
    taken: Vec<(usize, usize)>,
    /// Whether its rows are taken instead: it has pieces that cannot be read alone.
    by_rows: bool,
}

impl Gathered {
    fn proceeds(&self) -> Result<(), StoreError> {
        if (self.asked.proceed)() { Ok(()) } else { Err(StoreError::GivenUp) }
    }

    /// Takes points of one series, all in order of time and within the wanted ones.
    fn take(&mut self, place: usize, times: &[i64], values: &[f64]) -> Result<(), StoreError> {
        let more = times.len() as u64;
        self.asked.limit.check(self.asked.read.fetch_add(more, Ordering::Relaxed) + more)?;
        if let Some(points) = self.points.get_mut(place) {
            points.extend(times.iter().zip(values).map(|(&ts, &value)| Point { ts, value }));
        }
        Ok(())
    }

    /// Gives back what was taken last, the places and how many points of each.
    fn give_back(&mut self, taken: &[(usize, usize)]) {
        for (place, count) in taken {
            if let Some(points) = self.points.get_mut(*place) {
                points.truncate(points.len().saturating_sub(*count));
            }
            self.asked.read.fetch_sub(*count as u64, Ordering::Relaxed);
        }
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
        let within = (from..to).zip(sorted.get(from..to).unwrap_or_default());
        if to - from < columns.len() / ROWS_OF_A_KEY {
            self.take_few(columns, within)
        } else {
            self.take_all(columns, within)
        }
    }

    /// Takes the rows of these keys, going through all.
    fn take_all<'k>(
        &mut self,
        columns: &Columns<'_>,
        keys: impl Iterator<Item = (usize, &'k Key)>,
    ) -> Result<(), StoreError> {
        let (mut keys, mut from) = (keys.peekable(), 0);
        for same in columns.keys.chunk_by(|a, b| a == b) {
            let rows = from..from + same.len();
            from = rows.end;
            let Some(of) = same.first() else { continue };
            while keys.next_if(|(_, key)| key.0 < *of).is_some() {}
            if let Some((place, _)) = keys.next_if(|(_, key)| key.0 == *of) {
                self.take_rows(place, columns, rows)?;
            }
        }
        Ok(())
    }

    /// Takes the rows of these keys, looking for each.
    fn take_few<'k>(
        &mut self,
        columns: &Columns<'_>,
        keys: impl Iterator<Item = (usize, &'k Key)>,
    ) -> Result<(), StoreError> {
        for (place, key) in keys {
            let rows = columns.rows_of(key);
            if !rows.is_empty() {
                self.take_rows(place, columns, rows)?;
            }
        }
        Ok(())
    }
}

impl TableSnapshot {
    /// The points of the keys, which are in order: of each in order of time, of those with one time the newest.
    pub(crate) async fn gathered(self, keys: Arc<[Key]>, asked: Asked) -> Result<Vec<Vec<Point>>, StoreError> {
        let points = vec![Vec::new(); keys.len()];
        let mut gathered = Gathered { wanted: Wanted { sorted: keys, times: asked.times.clone() }, points, asked };
        let (first, last) = gathered.wanted.times.clone().into_inner();
        let (first, last) = (Timestamp::from_nanos(first), Timestamp::from_nanos(last));
        let wanted = |file: &&FileEntry| file.overlaps(first, last) && file.may_hold(&gathered.wanted.sorted);
        let files: Vec<FileEntry> = self.files().iter().filter(wanted).cloned().collect();
        let wanted = gathered.wanted.clone();
        let pieces = stream::iter(scan::runs(files).into_iter().flatten());
        let pieces = pieces.then(|file| Piece::of(self.inner(), file, &wanted)).flat_map(stream::iter);
        let mut loaded = pieces.map(Piece::load).buffered(LOAD_AHEAD).boxed();
        let (mut of_file, mut room) = (OfFile::default(), Room::taken());
        while let Some(piece) = loaded.next().await {
            gathered.proceeds()?;
            let file = piece.file.clone();
            if of_file.path != file.path {
                of_file = OfFile { path: file.path.clone(), ..OfFile::default() };
            }
            if of_file.by_rows {
                continue;
            }
            let mut take = |place: usize, times: &[i64], values: &[f64]| {
                of_file.taken.push((place, times.len()));
                gathered.take(place, times, values)
            };
            match piece.read(&wanted, &mut room, &mut take) {
                Some(read) => read?,
                None => {
                    metrics::counter!("steadfast_store_points_by_rows_total").increment(1);
                    of_file.by_rows = true;
                    gathered.give_back(&of_file.taken);
                    self.rows_of(file, &mut gathered).await?;
                }
            }
        }
        drop(loaded);
        room.keep();
        for chunk in self.chunks().iter().filter(|chunk| chunk.overlaps(first, last)) {
            let Some(columns) = Columns::of(&chunk.batch) else { continue };
            gathered.take_wanted(&columns)?;
        }
        gathered.points.iter_mut().for_each(settle);
        Ok(gathered.points)
    }

    /// Takes points from the rows of a file.
    async fn rows_of(&self, file: FileEntry, gathered: &mut Gathered) -> Result<(), StoreError> {
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
            gathered.proceeds()?;
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

#[cfg(test)]
pub(crate) mod tests;
