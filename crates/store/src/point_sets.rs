use std::iter;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use base::queue::{Receiver, bounded};
use base::{Limit, Timestamp};
use model::{Key, SeriesId};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::point_read::Asked;
use crate::{Point, Proceed, StoreError, TableSnapshot};

/// About how many points a set has: so many stay in a processor's cache from their file until they are looked at.
const POINTS_OF_A_SET: u64 = 64 << 10;
/// Series of a set, whatever they have: what lies on a page with their neighbours is read for each set.
const SERIES_OF_A_SET: Range<u64> = 32..4_096;
/// A byte of a file's footer is about so many rows.
const ROWS_OF_A_FOOTER_BYTE: u64 = 16;
/// Sets that a thread has read before they are asked for.
const SETS_AHEAD: usize = 1;

/// How many cores there are.
static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
/// Threads that read beside those that ask, for all questions of the process: each stands in one of the pool that also does the
/// reading of files, which must not run out.
static READERS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(*CORES)));

type Read = Result<Vec<Vec<Point>>, StoreError>;

/// The points of many series, some series after the other, so that those of all are never there at once. If any threads are left,
/// they read the next ones meanwhile.
pub struct PointSets {
    table: TableSnapshot,
    asked: Asked,
    /// The series, in order, and where each stood in the question.
    series: Vec<(Key, usize)>,
    /// How many of them are a set.
    of_a_set: usize,
    /// How many sets were given.
    given: usize,
    /// What threads have read, which take turns. If there are none, each set is read when it is asked for.
    readers: Option<Vec<Receiver<Read>>>,
}

impl TableSnapshot {
    /// The points of `series` with a time from `first` to `last`, both included: for each series
    /// in order of time, of points with one time the newest. The table is one of samples.
    ///
    /// There may be `limit` points in all; reading ends once `proceed` says no.
    ///
    /// # Errors
    /// [`StoreError::NoKey`] if the table holds something else.
    pub fn points(
        &self,
        series: &[SeriesId],
        first: Timestamp,
        last: Timestamp,
        limit: &Limit,
        proceed: &Proceed,
    ) -> Result<PointSets, StoreError> {
        let layout = self.layout();
        if !layout.points {
            return Err(StoreError::NoKey(layout.def.name));
        }
        let mut series: Vec<(Key, usize)> = series.iter().copied().zip(0..).collect();
        series.sort_unstable();
        let asked = Asked {
            times: first.nanos()..=last.nanos(),
            limit: *limit,
            read: Arc::new(AtomicU64::new(0)),
            proceed: Arc::clone(proceed),
        };
        let of_a_set = self.series_of_a_set(series.len(), first, last);
        Ok(PointSets { table: self.clone(), asked, series, of_a_set, given: 0, readers: None })
    }

    /// How many of so many series are a set: about as many as have the points of one. Files are looked at again for each, so
    /// there are few sets if not all footers would stay in memory.
    fn series_of_a_set(&self, series: usize, first: Timestamp, last: Timestamp) -> usize {
        let files = self.files().iter().filter(|file| file.overlaps(first, last));
        let footers = files.clone().map(|file| file.rows).sum::<u64>() / ROWS_OF_A_FOOTER_BYTE;
        if footers > self.inner().config.metadata_cache_bytes as u64 {
            return series.div_ceil(*CORES).max(1);
        }
        let in_files: f64 =
            files.map(|file| file.rows as f64 * shared((file.min_ts, file.max_ts), (first, last))).sum();
        let known = self.inner().series.len().max(1) as f64;
        let least = SERIES_OF_A_SET.start;
        let count = (POINTS_OF_A_SET as f64 * known / in_files.max(1.0)) as u64;
        usize::try_from(count.clamp(least, SERIES_OF_A_SET.end)).unwrap_or(usize::MAX)
    }
}

impl PointSets {
    /// So many samples were read for the same question before, and count too.
    #[must_use]
    pub fn beside(self, read: u64) -> Self {
        self.asked.read.store(read, Ordering::Relaxed);
        self
    }

    /// Some more of the series: for each where it stood in the question, and its points. Nothing when all were given.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if there are more points than the limit; [`StoreError::Objects`] if
    /// files cannot be read now; [`StoreError::GivenUp`] once who asks does not wait.
    pub async fn next(&mut self) -> Result<Option<Vec<(usize, Vec<Point>)>>, StoreError> {
        let Some(set) = self.series.chunks(self.of_a_set).nth(self.given) else { return Ok(None) };
        let readers =
            self.readers.get_or_insert_with(|| started(&self.table, &self.asked, &self.series, self.of_a_set));
        let reader = self.given.checked_rem(readers.len()).and_then(|n| readers.get_mut(n));
        let points = match reader {
            Some(reader) => reader.recv().await.unwrap_or(Err(StoreError::Ending))?,
            None => self.table.clone().gathered(keys(set), self.asked.clone()).await?,
        };
        self.given += 1;
        Ok(Some(set.iter().map(|(_, place)| *place).zip(points).collect()))
    }
}

/// Threads that take turns to read sets, if there is more than one set.
fn started(table: &TableSnapshot, asked: &Asked, series: &[(Key, usize)], of_a_set: usize) -> Vec<Receiver<Read>> {
    let sets: Vec<Arc<[Key]>> = series.chunks(of_a_set).map(keys).collect();
    let permits = permits(sets.len());
    let count = permits.len();
    let start = |(n, permit): (usize, OwnedSemaphorePermit)| {
        let (sender, receiver) = bounded("store_points", SETS_AHEAD);
        let sets: Vec<Arc<[Key]>> = sets.iter().skip(n).step_by(count).cloned().collect();
        let (table, asked, runtime) = (table.clone(), asked.clone(), Handle::current());
        // Who asks finds out when it is gone.
        drop(base::blocking(move || {
            for set in sets {
                let read = runtime.block_on(table.clone().gathered(set, asked.clone()));
                let failed = read.is_err();
                if sender.blocking_send(read).is_err() || failed {
                    break;
                }
            }
            drop(permit);
        }));
        receiver
    };
    (0..).zip(permits).map(start).collect()
}

/// What so many sets are read with, as far as there is any left.
fn permits(sets: usize) -> Vec<OwnedSemaphorePermit> {
    let count = if sets > 1 { sets.min(*CORES) } else { 0 };
    iter::repeat_with(|| Arc::clone(&READERS).try_acquire_owned().ok()).take(count).map_while(|permit| permit).collect()
}

fn keys(set: &[(Key, usize)]) -> Arc<[Key]> {
    set.iter().map(|(key, _)| *key).collect()
}

/// How much of the time between two lies between two others.
fn shared(of: (Timestamp, Timestamp), with: (Timestamp, Timestamp)) -> f64 {
    let length = |(from, to): (Timestamp, Timestamp)| (to.nanos() as f64 - from.nanos() as f64).max(1.0);
    (length((of.0.max(with.0), of.1.min(with.1))) / length(of)).min(1.0)
}

#[cfg(test)]
mod tests {
    use model::rows::Sample;

    use super::*;
    use crate::StoreConfig;
    use crate::point_pages::tests::properties;
    use crate::point_read::tests::{store, store_with};

    /// Rows of so many series, ten of each.
    fn rows(series: u8) -> Vec<Sample> {
        let of = |n: u8| (0..10).map(move |at| (n, at));
        let row = |(n, at)| Sample { series_id: Key([n; 16]), ts: Timestamp::from_nanos(at), value: f64::from(n) };
        (0..series).flat_map(of).map(row).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sets_come_in_order_and_who_stops_early_stops_those_that_read() {
        let store = store(&rows(200), properties(100)).await;
        let table = store.snapshot().table("samples").unwrap();
        let (limit, proceed): (_, Proceed) = (Limit::new("points", 10_000), Arc::new(|| true));
        let series: Vec<Key> = (0..200).rev().map(|n| Key([n; 16])).collect();
        let ask = || table.points(&series, Timestamp::ZERO, Timestamp::MAX, &limit, &proceed).unwrap();
        let (mut sets, mut found, mut count) = (ask(), Vec::new(), 0);
        while let Some(set) = sets.next().await.unwrap() {
            assert!(set.iter().all(|(place, points)| points.len() == 10 && points[0].value == 199.0 - *place as f64));
            found.extend(set.into_iter().map(|(place, _)| place));
            count += 1;
        }
        assert_eq!(found, (0..200).rev().collect::<Vec<_>>(), "in order of the series");
        assert!(count > 3, "{count} sets");
        let mut sets = ask();
        sets.next().await.unwrap();
        drop(sets);
        let all = u32::try_from(*CORES).unwrap();
        let _back = READERS.acquire_many(all).await.unwrap();
    }

    #[tokio::test]
    async fn there_are_few_sets_where_footers_do_not_stay_in_memory() {
        let config = StoreConfig { metadata_cache_bytes: 100, ..StoreConfig::default() };
        let store = store_with(config, &rows(200), properties(100)).await;
        let table = store.snapshot().table("samples").unwrap();
        assert_eq!(table.series_of_a_set(200, Timestamp::ZERO, Timestamp::MAX), 200_usize.div_ceil(*CORES));
        assert_eq!(table.series_of_a_set(200, Timestamp::from_nanos(50), Timestamp::MAX), 4_096);
    }

    #[test]
    fn all_questions_together_have_a_reader_a_core() {
        let all: Vec<_> = (0..2 * *CORES).flat_map(|_| permits(1 << 20)).collect();
        assert!(all.len() <= *CORES, "{all:?}");
        assert!(permits(1).is_empty());
    }
}
