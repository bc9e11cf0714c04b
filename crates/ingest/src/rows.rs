//! The rows of a request, and how they get onto the log.

use std::sync::Arc;

use arrow::array::{FixedSizeBinaryArray, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow::buffer::Buffer;
use model::rows::{Exemplar, HistogramPoint, Metadata, Sample, Series, Span};
use model::{Batch, Row, SeriesId, Stream};

use crate::catalog::LabelHash;
use crate::logs::LogColumns;
use crate::{Ingest, IngestError};

/// What the batches are about: nothing that a fold would know.
pub(crate) const KEY: &str = "telemetry";

/// The rows of a request for one shard.
#[derive(Default)]
pub(crate) struct ShardRows {
    series: Vec<Series>,
    keys: Vec<[u8; 16]>,
    times: Vec<i64>,
    values: Vec<f64>,
    histograms: Vec<HistogramPoint>,
    exemplars: Vec<Exemplar>,
}

impl ShardRows {
    pub fn sample(&mut self, id: SeriesId, nanos: i64, value: f64) {
        self.keys.push(id.0);
        self.times.push(nanos);
        self.values.push(value);
    }

    fn batches(self) -> Result<Vec<Batch>, IngestError> {
        let mut batches = Vec::new();
        put(&mut batches, &self.series)?;
        if !self.keys.is_empty() {
            let keys = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(self.keys.into_flattened()), None);
            let keys = Arc::new(keys.map_err(internal)?);
            let times = Arc::new(TimestampNanosecondArray::from(self.times));
            let values = Arc::new(Float64Array::from(self.values));
            let data = RecordBatch::try_new(Sample::schema(), vec![keys, times, values]).map_err(internal)?;
            batches.push(Batch { stream: Stream::Samples, key: KEY.to_owned(), id: None, data });
        }
        put(&mut batches, &self.histograms)?;
        put(&mut batches, &self.exemplars)?;
        Ok(batches)
    }
}

fn internal(error: impl std::fmt::Display) -> IngestError {
    IngestError::Internal(error.to_string())
}

fn put<R: Row>(batches: &mut Vec<Batch>, rows: &[R]) -> Result<(), IngestError> {
    if !rows.is_empty() {
        batches.push(Batch::of(KEY, rows).map_err(internal)?);
    }
    Ok(())
}

/// The rows of a request. Rows of a series are always in one shard, so that the newest of its
/// samples with one time is known.
pub(crate) struct Rows {
    shards: Vec<ShardRows>,
    fresh: Vec<(LabelHash, SeriesId)>,
    pub day: i32,
    /// Where rows go that are of no series.
    any: u32,
    pub metadata: Vec<Metadata>,
    pub logs: LogColumns,
    pub spans: Vec<Span>,
}

impl Rows {
    pub fn new(shards: u32, day: i32, any: u64) -> Self {
        let shards = shards.max(1);
        Self {
            shards: (0..shards).map(|_| ShardRows::default()).collect(),
            fresh: Vec::new(),
            day,
            any: u32::try_from(any % u64::from(shards)).unwrap_or(0),
            metadata: Vec::new(),
            logs: LogColumns::default(),
            spans: Vec::new(),
        }
    }

    /// The rows of the shard of a series.
    fn of(&mut self, id: SeriesId) -> Option<&mut ShardRows> {
        let [a, b, c, d, ..] = id.0;
        let shards = self.shards.len();
        self.shards.get_mut(u32::from_be_bytes([a, b, c, d]) as usize % shards)
    }

    pub fn sample(&mut self, id: SeriesId, nanos: i64, value: f64) {
        if let Some(rows) = self.of(id) {
            rows.sample(id, nanos, value);
        }
    }

    pub fn histogram(&mut self, point: HistogramPoint) {
        if let Some(rows) = self.of(point.series_id) {
            rows.histograms.push(point);
        }
    }

    pub fn exemplar(&mut self, exemplar: Exemplar) {
        if let Some(rows) = self.of(exemplar.series_id) {
            rows.exemplars.push(exemplar);
        }
    }

    /// A series that is new today.
    pub fn announce(&mut self, hash: LabelHash, series: Series) {
        self.fresh.push((hash, series.series_id));
        if let Some(rows) = self.of(series.series_id) {
            rows.series.push(series);
        }
    }
}

impl Ingest {
    /// Appends the rows of a request. When it returns they are durable.
    pub(crate) async fn append(&self, rows: Rows) -> Result<(), IngestError> {
        let Rows { shards, fresh, day, any, metadata, logs, spans } = rows;
        let mut logs = logs.finish().map_err(internal)?;
        for (rows, shard) in shards.into_iter().zip(0..) {
            let mut batches = rows.batches()?;
            if shard == any {
                put(&mut batches, &metadata)?;
                put(&mut batches, &spans)?;
                if let Some(data) = logs.take() {
                    batches.push(Batch { stream: Stream::Logs, key: KEY.to_owned(), id: None, data });
                }
            }
            if !batches.is_empty() {
                self.keeps_up(shard)?;
                let last = self.0.log.append(shard, batches).await?;
                self.appended(shard, last);
            }
        }
        if !fresh.is_empty() {
            self.0.catalog.announced(day, fresh);
        }
        Ok(())
    }
}
