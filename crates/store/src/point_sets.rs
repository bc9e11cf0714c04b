use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::{iter, vec};

use base::queue::{Receiver, bounded};
use base::{Limit, Timestamp};
use model::{Key, SeriesId};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::point_read::Asked;
use crate::{Point, Proceed, StoreError, TableSnapshot};

/// About how many points a set has: so many stay in a processor's cache from their file until they are looked at.
const POINTS_OF_A_SET: u64 = 64 << 10;
/// If more values are made of a set, each is made when it is asked for.
const VALUES_OF_A_SET: usize = 128 << 10;
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

/// What is made of a series, of which something is known, and its points: by the thread that read them, as long as they
/// are in its processor's cache.
pub struct Make<K, T> {
    make: Arc<dyn Fn(K, Vec<Point>) -> T + Send + Sync>,
    /// About how many values are made of each.
    values: usize,
}

impl<K, T> Make<K, T> {
    /// Gives each series to `make`, which makes so many values of one at most, or fewer than it has points.
    pub fn new(values: usize, make: impl Fn(K, Vec<Point>) -> T + Send + Sync + 'static) -> Self {
        Self { make: Arc::new(make), values }
    }
}

/// Series that are read together.
type Set<K> = Vec<(Key, K)>;
/// What they gave, some of which may be made when it is asked for.
type Read<T> = Result<Box<dyn Iterator<Item = T> + Send>, StoreError>;

/// The points of many series, some series after the other, so that those of all are never there at once. If any threads are left,
/// they read the next ones meanwhile.
pub struct PointSets<K, T> {
    source: Source<K, T>,
    /// Those that were not begun, in order of the series.
    sets: vec::IntoIter<Set<K>>,
    /// What threads have read, which take turns, and how many sets they still owe. If there are none, each set is read when it
    /// is asked for.
    readers: Option<(Vec<Receiver<Read<T>>>, usize)>,
    given: usize,
}

/// Where sets are read from, and what is made of them.
struct Source<K, T> {
    table: TableSnapshot,
    asked: Asked,
    make: Arc<dyn Fn(K, Vec<Point>) -> T + Send + Sync>,
    /// Whether what is made of a set may wait for who asks.
    is_made_ahead: bool,
}

impl<K, T> Clone for Source<K, T> {
    fn clone(&self) -> Self {
        let Self { table, asked, make, is_made_ahead } = self;
        Self { table: table.clone(), asked: asked.clone(), make: Arc::clone(make), is_made_ahead: *is_made_ahead }
    }
}

impl<K: Send + 'static, T: Send + 'static> Source<K, T> {
    async fn read(&self, set: Set<K>) -> Read<T> {
        let keys: Arc<[Key]> = set.iter().map(|(key, _)| *key).collect();
        let points = self.table.clone().gathered(keys, self.asked.clone()).await?;
        let make = Arc::clone(&self.make);
        let made = set.into_iter().zip(points).map(move |((_, known), points)| make(known, points));
        if !self.is_made_ahead {
            return Ok(Box::new(made));
        }
        let mut all = Vec::new();
        for one in made {
            if !(self.asked.proceed)() {
                return Err(StoreError::GivenUp);
            }
            all.push(one);
        }
        Ok(Box::new(all.into_iter()))
    }
}

impl TableSnapshot {
    /// What `make` makes of each of `series`, with what is known of it, and its points with a time from `first` to `last`, both
    /// included: in order of time, of points with one time the newest. The table is one of samples.
    ///
    /// There may be `limit` points in all; reading ends once `proceed` says no.
    ///
    /// # Errors
    /// [`StoreError::NoKey`] if the table holds something else.
    pub fn points<K, T>(
        &self,
        mut series: Vec<(SeriesId, K)>,
        (first, last): (Timestamp, Timestamp),
        limit: &Limit,
        proceed: &Proceed,
        make: Make<K, T>,
    ) -> Result<PointSets<K, T>, StoreError> {
        let layout = self.layout();
        if !layout.points {
            return Err(StoreError::NoKey(layout.def.name));
        }
        series.sort_unstable_by_key(|(id, _)| *id);
        let asked = Asked {
            times: first.nanos()..=last.nanos(),
            limit: *limit,
            read: Arc::new(AtomicU64::new(0)),
            proceed: Arc::clone(proceed),
        };
        let of_a_set = self.series_of_a_set(series.len(), first, last);
        let mut rest = series.into_iter();
        let next = || Some(rest.by_ref().take(of_a_set).collect()).filter(|set: &Set<K>| !set.is_empty());
        let sets: Vec<Set<K>> = iter::from_fn(next).collect();
        let is_made_ahead = of_a_set.saturating_mul(make.values) <= VALUES_OF_A_SET;
        let source = Source { table: self.clone(), asked, make: make.make, is_made_ahead };
        Ok(PointSets { source, sets: sets.into_iter(), readers: None, given: 0 })
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

impl<K: Send + 'static, T: Send + 'static> PointSets<K, T> {
    /// So many samples were read for the same question before, and count too.
    #[must_use]
    pub fn beside(self, read: u64) -> Self {
        self.source.asked.read.store(read, Ordering::Relaxed);
        self
    }

    /// What some more of the series gave, in order of the series. Nothing when all were given.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if there are more points than the limit; [`StoreError::Objects`] if
    /// files cannot be read now; [`StoreError::GivenUp`] once who asks does not wait.
    pub async fn next(&mut self) -> Result<Option<Box<dyn Iterator<Item = T> + Send>>, StoreError> {
        let permits = if self.readers.is_none() { permits(self.sets.len()) } else { Vec::new() };
        let (readers, owed) = self.readers.get_or_insert_with(|| {
            let sets: Vec<Set<K>> = if permits.is_empty() { Vec::new() } else { self.sets.by_ref().collect() };
            let owed = sets.len();
            (started(&self.source, sets, permits), owed)
        });
        let reader = self.given.checked_rem(readers.len()).and_then(|n| readers.get_mut(n));
        let made = match reader {
            Some(_) if self.given == *owed => return Ok(None),
            Some(reader) => reader.recv().await.unwrap_or(Err(StoreError::Ending))?,
            None => match self.sets.next() {
                Some(set) => self.source.read(set).await?,
                None => return Ok(None),
            },
        };
        self.given += 1;
        Ok(Some(made))
    }
}

/// Threads that take turns to read sets.
fn started<K: Send + 'static, T: Send + 'static>(
    source: &Source<K, T>,
    sets: Vec<Set<K>>,
    permits: Vec<OwnedSemaphorePermit>,
) -> Vec<Receiver<Read<T>>> {
    let mut shares: Vec<Vec<Set<K>>> = permits.iter().map(|_| Vec::new()).collect();
    let count = shares.len().max(1);
    for (n, set) in sets.into_iter().enumerate() {
        if let Some(share) = shares.get_mut(n % count) {
            share.push(set);
        }
    }
    let start = |(sets, permit): (Vec<Set<K>>, OwnedSemaphorePermit)| {
        let (sender, receiver) = bounded("store_points", SETS_AHEAD);
        let (source, runtime) = (source.clone(), Handle::current());
        // Who asks finds out when it is gone.
        drop(base::blocking(move || {
            for set in sets {
                let read = runtime.block_on(source.read(set));
                let failed = read.is_err();
                if sender.blocking_send(read).is_err() || failed {
                    break;
                }
            }
            drop(permit);
        }));
        receiver
    };
    shares.into_iter().zip(permits).map(start).collect()
}

/// What so many sets are read with, as far as there is any left.
fn permits(sets: usize) -> Vec<OwnedSemaphorePermit> {
    let count = if sets > 1 { sets.min(*CORES) } else { 0 };
    iter::repeat_with(|| Arc::clone(&READERS).try_acquire_owned().ok()).take(count).map_while(|permit| permit).collect()
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
        let begun = Arc::new(AtomicU64::new(0));
        let ask = |values| {
            let (series, begun) = (series.iter().copied().zip(0..).collect(), Arc::clone(&begun));
            let make = Make::new(values, move |place: usize, points| {
                begun.fetch_add(1, Ordering::SeqCst);
                (place, points)
            });
            table.points(series, (Timestamp::ZERO, Timestamp::MAX), &limit, &proceed, make).unwrap()
        };
        let (mut sets, mut found, mut count) = (ask(10), Vec::new(), 0);
        while let Some(set) = sets.next().await.unwrap() {
            let made = begun.load(Ordering::SeqCst);
            for (place, points) in set {
                assert!(points.len() == 10 && points[0].value == 199.0 - place as f64);
                found.push(place);
            }
            assert!(made >= found.len() as u64, "made before it was given");
            count += 1;
        }
        assert_eq!(found, (0..200).rev().collect::<Vec<_>>(), "in order of the series");
        assert!(count > 3, "{count} sets");
        let mut sets = ask(1 << 20);
        begun.store(0, Ordering::SeqCst);
        let many = sets.next().await.unwrap().unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 0, "so many values are made when they are asked for");
        assert_eq!(many.count() as u64, begun.load(Ordering::SeqCst));
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
