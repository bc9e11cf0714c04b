//! Native histograms of series.

use std::collections::HashMap;
use std::sync::Arc;

use base::{Limit, Timestamp};
use futures::TryStreamExt;
use model::rows::HistogramPoint;
use model::{Row, SeriesId};
use promql::histogram::ResetHint;
use promql::{Histogram, HistogramSample, StorageError};
use store::{ScanOptions, Snapshot, StoreError};

/// The table of histograms.
const HISTOGRAMS: &str = "histograms";

/// The histograms of `series` with a time from `first` to `last`, in order of time. Their samples are
/// within `limit`.
pub(super) async fn of(
    snapshot: &Snapshot,
    series: &[SeriesId],
    (first, last): (Timestamp, Timestamp),
    limit: &Limit,
) -> Result<HashMap<SeriesId, Vec<HistogramSample>>, StorageError> {
    let mut found: HashMap<SeriesId, Vec<HistogramSample>> = HashMap::new();
    let Some(table) = snapshot.table(HISTOGRAMS) else { return Ok(found) };
    if table.files().is_empty() && table.memory().is_empty() {
        return Ok(found);
    }
    let options = ScanOptions { keys: Some(series.to_vec()), time: Some((first, last)), ..ScanOptions::default() };
    let mut batches = table.scan(options);
    let mut loaded = 0;
    while let Some(batch) = batches.try_next().await.map_err(|error| StorageError(Box::new(error)))? {
        for row in HistogramPoint::decode(&batch).map_err(|error| StorageError(Box::new(error)))? {
            let samples = found.entry(row.series_id).or_default();
            let sample = sample(row);
            loaded += sample.value.samples() as u64;
            limit.check(loaded).map_err(|exceeded| StorageError(Box::new(StoreError::TooLarge(exceeded))))?;
            match samples.last_mut() {
                Some(before) if before.t == sample.t => *before = sample,
                _ => samples.push(sample),
            }
        }
    }
    Ok(found)
}

fn sample(row: HistogramPoint) -> HistogramSample {
    let ms = |time: Timestamp| time.nanos().div_euclid(1_000_000);
    let buckets = |indexes: &[i64], counts: &[f64]| {
        let index = |index: &i64| i32::try_from(*index).unwrap_or(if *index < 0 { i32::MIN } else { i32::MAX });
        indexes.iter().map(index).zip(counts.iter().copied()).collect()
    };
    let value = Histogram {
        schema: i32::try_from(row.schema).unwrap_or(0),
        count: row.count,
        sum: row.sum,
        zero_threshold: row.zero_threshold,
        zero_count: row.zero_count,
        positive: buckets(&row.positive_indexes, &row.positive_counts),
        negative: buckets(&row.negative_indexes, &row.negative_counts),
        custom_values: row.bounds.into(),
        reset_hint: match row.reset_hint.as_str() {
            "gauge" => ResetHint::Gauge,
            "yes" => ResetHint::Reset,
            // That there was none is true of the sample that was sent before, which may not be the one before.
            _ => ResetHint::Unknown,
        },
    };
    HistogramSample { t: ms(row.ts), start: row.start_ts.map_or(0, ms), value: Arc::new(value) }
}
