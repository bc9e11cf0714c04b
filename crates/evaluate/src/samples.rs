use std::collections::BTreeSet;
use std::time::Duration;

use base::Timestamp;
use model::rows::{Sample, Series};
use model::{Batch, Labels, ModelError, Row, SeriesId};
use promql::labels::METRIC_NAME;
use promql::{Value, stale_marker};
use rules::Output;

use crate::memory::Memory;

/// Bytes of one record, about: logs take 4 MiB and more.
const RECORD: usize = 1 << 20;

/// Series and samples that wait to be written.
#[derive(Default)]
pub(crate) struct Samples {
    pub series: Vec<Series>,
    pub samples: Vec<Sample>,
}

impl Samples {
    /// Adds what a rule gives at a time, in milliseconds, and ends the series that it gave last and not now.
    ///
    /// # Errors
    /// A value is no number, or there are too many series: no sample is added.
    pub(crate) fn add(
        &mut self,
        memory: &mut Memory,
        place: usize,
        outputs: &[Output],
        (at, now): (i64, Duration),
    ) -> Result<(), String> {
        let ts = time(at);
        let (mut written, mut samples) = (BTreeSet::new(), Vec::with_capacity(outputs.len()));
        for output in outputs {
            let Value::Float(value) = output.value else {
                return Err(format!(
                    "the result {} is a native histogram, which recording rules do not write: use histogram_quantile, histogram_count or the like",
                    output.labels
                ));
            };
            let series = series(&output.labels, ts);
            samples.push(Sample { series_id: series.series_id, ts, value });
            written.insert(series.series_id);
            if memory.announce(series.series_id, now).map_err(|exceeded| exceeded.to_string())? {
                self.series.push(series);
            }
        }
        self.samples.extend(samples);
        if let Some(rule) = memory.rule(place) {
            self.end(rule.written.difference(&written).copied(), at);
            rule.written = written;
        }
        Ok(())
    }

    /// Ends series.
    pub(crate) fn end(&mut self, series: impl IntoIterator<Item = SeriesId>, at: i64) {
        let stale = |series_id| Sample { series_id, ts: time(at), value: stale_marker() };
        self.samples.extend(series.into_iter().map(stale));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty() && self.samples.is_empty()
    }

    /// As batches: series before their samples.
    pub(crate) fn batches(&self, key: &str) -> Result<Vec<Batch>, ModelError> {
        let labels = |labels: &Labels| labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let mut batches = batches(key, &self.series, |row| row.metric.len() + labels(&row.labels) + 50)?;
        batches.extend(self::batches(key, &self.samples, |_| 32)?);
        Ok(batches)
    }
}

/// Rows in as few batches as their sizes allow.
pub(crate) fn batches<R: Row>(key: &str, rows: &[R], size: impl Fn(&R) -> usize) -> Result<Vec<Batch>, ModelError> {
    let mut bytes = 0;
    let fits = |row: &R, _: &R| {
        bytes += size(row);
        let fits = bytes < RECORD;
        bytes = if fits { bytes } else { 0 };
        fits
    };
    rows.chunk_by(fits).map(|rows| Batch::of(key, rows)).collect()
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_nanos(millis.saturating_mul(1_000_000))
}

fn series(labels: &promql::Labels, time: Timestamp) -> Series {
    let metric = labels.metric_name().to_owned();
    let rest = labels.iter().filter(|label| *label.name != *METRIC_NAME);
    let labels: Labels = rest.map(|label| (label.name.to_string(), label.value.to_string())).collect();
    Series { time, series_id: Series::id(&metric, &labels), metric, labels }
}
