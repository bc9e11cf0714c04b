use arrow::array::{
    Array, AsArray, FixedSizeBinaryArray, MapArray, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow::datatypes::TimestampNanosecondType;
use base::Timestamp;
use model::SeriesId;

use super::{LabelTest, METRIC_NAME};
use crate::rows;

/// The columns of a batch of the table `series`.
pub(crate) struct Columns<'a> {
    times: &'a TimestampNanosecondArray,
    ids: &'a FixedSizeBinaryArray,
    metrics: &'a StringArray,
    labels: &'a MapArray,
    names: &'a StringArray,
    values: &'a StringArray,
}

impl<'a> Columns<'a> {
    /// None if the batch does not have them all.
    pub fn of(batch: &'a RecordBatch) -> Option<Self> {
        let labels = batch.column_by_name("labels")?.as_map_opt()?;
        Some(Self {
            times: batch.column_by_name("time")?.as_primitive_opt::<TimestampNanosecondType>()?,
            ids: rows::keys(batch.column_by_name("series_id")?)?,
            metrics: batch.column_by_name("metric")?.as_string_opt()?,
            labels,
            names: labels.keys().as_string_opt()?,
            values: labels.values().as_string_opt()?,
        })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.metrics.len()
    }

    /// The series of row `n`.
    pub fn id(&self, n: usize) -> SeriesId {
        rows::key(self.ids, n)
    }

    /// When it was announced.
    pub fn time(&self, n: usize) -> Timestamp {
        Timestamp::from_nanos(self.times.value(n))
    }

    /// Its labels, the name of the metric first.
    pub fn labels(&self, n: usize) -> impl Iterator<Item = (&'a str, &'a str)> {
        let (metric, names, values) = (self.metrics.value(n), self.names, self.values);
        let offset =
            |n: usize| self.labels.value_offsets().get(n).and_then(|at| usize::try_from(*at).ok()).unwrap_or(0);
        let rest = (offset(n)..offset(n + 1)).map(move |at| (names.value(at), values.value(at)));
        (!metric.is_empty()).then_some((METRIC_NAME, metric)).into_iter().chain(rest)
    }

    /// Whether the labels pass all tests.
    pub fn passes(&self, n: usize, tests: &[LabelTest<'_>]) -> bool {
        tests.iter().all(|test| {
            let value = self.labels(n).find(|(name, _)| *name == test.name).map_or("", |(_, value)| value);
            (test.matches)(value)
        })
    }
}
