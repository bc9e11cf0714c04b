//! Columns of samples, and what is told of series.

use std::sync::Arc;

use arrow::array::{FixedSizeBinaryArray, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow::buffer::Buffer;
use model::rows::{Sample, Series};
use model::{Batch, Row, SeriesId, Stream};

use crate::catalog::LabelHash;
use crate::{Ingest, IngestError};

/// What the batches are about: nothing that a fold would know.
const KEY: &str = "telemetry";

/// The rows of a request for one shard.
#[derive(Default)]
pub(crate) struct Points {
    keys: Vec<[u8; 16]>,
    times: Vec<i64>,
    values: Vec<f64>,
    announced: Vec<Series>,
}

impl Points {
    pub fn push(&mut self, id: SeriesId, nanos: i64, value: u64) {
        self.keys.push(id.0);
        self.times.push(nanos);
        self.values.push(f64::from_bits(value));
    }

    fn batches(self) -> Result<Vec<Batch>, IngestError> {
        let internal = |error: &dyn std::fmt::Display| IngestError::Internal(error.to_string());
        let mut batches = Vec::with_capacity(2);
        if !self.announced.is_empty() {
            batches.push(Batch::of(KEY, &self.announced).map_err(|error| internal(&error))?);
        }
        if !self.keys.is_empty() {
            let keys = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(self.keys.into_flattened()), None);
            let keys = Arc::new(keys.map_err(|error| internal(&error))?);
            let times = Arc::new(TimestampNanosecondArray::from(self.times));
            let values = Arc::new(Float64Array::from(self.values));
            let data = RecordBatch::try_new(Sample::schema(), vec![keys, times, values]);
            let data = data.map_err(|error| internal(&error))?;
            batches.push(Batch { stream: Stream::Samples, key: KEY.to_owned(), id: None, data });
        }
        Ok(batches)
    }
}

/// The rows of a request. Rows of a series are always in one shard, so that the newest of its
/// samples with one time is known.
pub(crate) struct Rows {
    shards: Vec<Points>,
    fresh: Vec<(LabelHash, SeriesId)>,
    pub day: i32,
}

impl Rows {
    pub fn new(shards: u32, day: i32) -> Self {
        Self { shards: (0..shards.max(1)).map(|_| Points::default()).collect(), fresh: Vec::new(), day }
    }

    /// The rows of the shard of a series.
    pub fn of(&mut self, id: SeriesId) -> Option<&mut Points> {
        let [a, b, c, d, ..] = id.0;
        let shards = self.shards.len();
        self.shards.get_mut(u32::from_be_bytes([a, b, c, d]) as usize % shards)
    }

    /// A series that is new today.
    pub fn announce(&mut self, hash: LabelHash, series: Series) {
        let id = series.series_id;
        self.fresh.push((hash, id));
        if let Some(points) = self.of(id) {
            points.announced.push(series);
        }
    }
}

impl Ingest {
    /// Appends the rows of a request. When it returns they are durable.
    pub(crate) async fn append(&self, rows: Rows) -> Result<(), IngestError> {
        let Rows { shards, fresh, day } = rows;
        for (points, shard) in shards.into_iter().zip(0..) {
            let batches = points.batches()?;
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
