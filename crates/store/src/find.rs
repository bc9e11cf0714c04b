//! Series by their labels: in memory, and in files where memory has let them go.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use base::{Limit, Timestamp};
use futures::{StreamExt, TryStreamExt, stream};
use model::SeriesId;

use crate::days::day;
use crate::file::FileScan;
use crate::filter::{Share, Text, TextTest};
use crate::layout::number;
use crate::merge::Batches;
use crate::received::{ANNOUNCED, BEFORE};
use crate::series::{Columns, METRIC_NAME, OF_SERIES, SERIES};
use crate::{Days, FileEntry, LabelTest, Store, StoreError, StoredLabels};

/// Series that one question may find in files.
const FOUND: Limit = Limit::new("store.series_found", 2_000_000);
/// Rows of a batch: one may have labels of many kilobytes.
const ROWS: usize = 1_024;

impl Store {
    /// The series that pass all tests and may have samples from the first of the times to the last, in no order. Those
    /// that have been idle are found in files, which are read only if the first lies that far back, and only those of the
    /// days on which the series were announced of what is there from those times.
    ///
    /// # Errors
    /// [`StoreError::Objects`] if files cannot be read now; [`StoreError::TooLarge`] if there are too many.
    pub async fn find_series(
        &self,
        tests: &[LabelTest<'_>],
        within: (Timestamp, Timestamp),
    ) -> Result<Vec<(SeriesId, StoredLabels)>, StoreError> {
        let (mut found, whole) = self.0.series.select_from(tests, self.announced_for(within), within.0);
        if whole {
            return Ok(found);
        }
        let mut known: HashSet<SeriesId> = found.iter().map(|(id, _)| *id).collect();
        let mut texts = Texts::default();
        let in_memory = known.len() as u64;
        self.each_in_files(tests, within, |columns, n| {
            if known.insert(columns.id(n)) {
                FOUND.check(known.len() as u64 - in_memory)?;
                let labels = columns.labels(n).map(|(name, value)| (texts.one(name), texts.one(value))).collect();
                found.push((columns.id(n), labels));
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// The names of the labels of those series, in order.
    ///
    /// # Errors
    /// See [`Self::find_series`].
    pub async fn label_names(
        &self,
        tests: &[LabelTest<'_>],
        within: (Timestamp, Timestamp),
    ) -> Result<Vec<Arc<str>>, StoreError> {
        let mut names = Texts(self.0.series.names(tests, self.announced_for(within)).into_iter().collect());
        for (_, labels) in self.0.series.early(tests, within.0) {
            labels.iter().for_each(|(name, _)| _ = names.one(name));
        }
        // Asked afterwards: what was forgotten before is not among those, and in files.
        if !self.0.series.is_whole(within.0) {
            let add = |columns: &Columns<'_>, n| {
                columns.labels(n).for_each(|(name, _)| _ = names.one(name));
                Ok(())
            };
            self.each_in_files(tests, within, add).await?;
        }
        Ok(names.0.into_iter().collect())
    }

    /// The values that the label `name` has in those series, in order.
    ///
    /// # Errors
    /// See [`Self::find_series`].
    pub async fn label_values(
        &self,
        name: &str,
        tests: &[LabelTest<'_>],
        within: (Timestamp, Timestamp),
    ) -> Result<Vec<Arc<str>>, StoreError> {
        let mut values = Texts(self.0.series.values(name, tests, self.announced_for(within)).into_iter().collect());
        for (_, labels) in self.0.series.early(tests, within.0) {
            labels.iter().filter(|(other, _)| **other == *name).for_each(|(_, value)| _ = values.one(value));
        }
        let in_memory = values.0.len() as u64;
        if !self.0.series.is_whole(within.0) {
            let add = |columns: &Columns<'_>, n| {
                let value = columns.labels(n).find(|(other, _)| *other == name);
                value.into_iter().for_each(|(_, value)| _ = values.one(value));
                FOUND.check(values.0.len() as u64 - in_memory)?;
                Ok(())
            };
            self.each_in_files(tests, within, add).await?;
        }
        Ok(values.0.into_iter().collect())
    }

    /// Whether there is a sample, a histogram or an exemplar of any series from `start` to `end`.
    pub fn has_points(&self, (start, end): (Timestamp, Timestamp)) -> bool {
        let tables: Vec<usize> = OF_SERIES.iter().filter_map(|name| number(name)).collect();
        let version = {
            let state = self.0.state.read();
            if state.memories().any(|memory| tables.iter().any(|table| memory.overlaps(*table, start, end))) {
                return true;
            }
            Arc::clone(&state.version)
        };
        let mut files = tables.iter().filter_map(|table| version.tables.get(*table)).flat_map(|files| files.iter());
        files.any(|file| file.overlaps(start, end))
    }

    /// Fills the index of series from files with those that may be active; what is not in files yet comes from the log.
    pub(crate) async fn index_series(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        let (now, wall) = (inner.clock.monotonic(), inner.clock.now());
        let since = wall.minus(inner.config.series_idle);
        let mut rows = self.announced(&[], &Days::of(since, Timestamp::MAX));
        while let Some(batch) = rows.try_next().await? {
            inner.series.add(&batch, since, now);
        }
        let version = Arc::clone(&inner.state.read().version);
        if version.files().any(|file| file.table == SERIES && file.min_ts < since) {
            inner.series.misses(wall);
        }
        if let Some(last) = version.newest(&[SERIES]) {
            // Who announced them may have had another clock than the records that follow.
            inner.state.write().announced.note(last, last, now);
        }
        // All series may be here now, and be idle before the time of their samples.
        self.index_early().await
    }

    /// Hands each row of a file that passes to `then`; a series may be in several.
    async fn each_in_files(
        &self,
        tests: &[LabelTest<'_>],
        within: (Timestamp, Timestamp),
        mut then: impl FnMut(&Columns<'_>, usize) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        metrics::counter!("steadfast_store_series_searches_total").increment(1);
        let days = self.days_of_series(within);
        let mut rows = self.announced(tests, &days);
        while let Some(batch) = rows.try_next().await? {
            let Some(columns) = Columns::of(&batch) else { continue };
            for n in (0..columns.len()).filter(|n| days.contains(columns.time(*n)) && columns.passes(*n, tests)) {
                then(&columns, n)?;
            }
        }
        Ok(())
    }

    /// From when to when the active series were announced that may have rows from `start` to `end`. What was announced on later days
    /// only than the rows were of, or came on, has none.
    fn announced_for(&self, (start, end): (Timestamp, Timestamp)) -> (Timestamp, Timestamp) {
        let is_past = day(end) < day(self.0.clock.now());
        let last = |days: Days| days.bounds().map_or(end, |(_, last)| last);
        let until = if is_past { last(self.days_of_series((start, end))) } else { Timestamp::MAX };
        (start.minus(ANNOUNCED), until)
    }

    /// The days on which the series may have been announced that have rows from `start` to `end`.
    fn days_of_series(&self, (start, end): (Timestamp, Timestamp)) -> Days {
        let mut days = Days::of(start.minus(BEFORE), end);
        let tables: Vec<usize> = OF_SERIES.iter().filter_map(|name| number(name)).collect();
        let version = {
            let state = self.0.state.read();
            for memory in state.memories() {
                if tables.iter().any(|table| memory.overlaps(*table, start, end)) {
                    days.extend(&memory.announced);
                }
            }
            Arc::clone(&state.version)
        };
        let files = tables.iter().filter_map(|table| version.tables.get(*table)).flat_map(|files| files.iter());
        files.filter(|file| file.overlaps(start, end)).for_each(|file| days.extend(&file.announced_from(start)));
        days
    }

    /// The rows of the files of series among which are those announced on `days` that pass.
    pub(crate) fn announced(&self, tests: &[LabelTest<'_>], days: &Days) -> Batches {
        let Some(table) = self.snapshot().table(SERIES) else { return stream::empty().boxed() };
        let layout = table.layout();
        let metrics = tests.iter().find(|test| test.name == METRIC_NAME).map(|test| test.values.as_slice());
        let metrics = metrics.filter(|metrics| !metrics.is_empty() && !metrics.contains(&""));
        let test = |(metrics, column): (&[&str], usize)| TextTest {
            column,
            key: None,
            text: Text::one_of(metrics.iter().map(ToString::to_string).collect()),
        };
        let scan = FileScan {
            layout,
            columns: (0..layout.schema.fields().len()).collect(),
            lean: Vec::new(),
            keys: None,
            time: days.bounds(),
            share: Share::default(),
            texts: metrics.zip(layout.schema.index_of("metric").ok()).map(test).into_iter().collect(),
            batch_rows: ROWS,
        };
        let is_of_days = |file: &&FileEntry| days.overlaps(file.min_ts, file.max_ts);
        let files: Vec<FileEntry> = table.files().iter().filter(is_of_days).cloned().collect();
        let inner = Arc::clone(&self.0);
        let of_file = move |file| {
            let _pinned = &table;
            scan.clone().lenient(Arc::clone(&inner), file)
        };
        stream::iter(files).flat_map(of_file).boxed()
    }
}

/// Texts, each once.
#[derive(Default)]
struct Texts(BTreeSet<Arc<str>>);

impl Texts {
    fn one(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let text = Arc::<str>::from(text);
        self.0.insert(Arc::clone(&text));
        text
    }
}
