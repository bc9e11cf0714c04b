//! The rows of a request, and how they get onto the log.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{FixedSizeBinaryArray, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow::buffer::Buffer;
use bus::BusError;
use model::rows::{Exemplar, HistogramPoint, Metadata, Sample, Series, Span};
use model::{Batch, RecordId, Row, SeriesId, Stream};

use crate::catalog::LabelHash;
use crate::gate::RowsRoom;
use crate::logs::LogColumns;
use crate::parts::Attempt;
use crate::targets::Told;
use crate::weight::{SAMPLE, Weight};
use crate::zeros::Counting;
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

    fn absorb(&mut self, other: Self) {
        self.series.extend(other.series);
        self.keys.extend(other.keys);
        self.times.extend(other.times);
        self.values.extend(other.values);
        self.histograms.extend(other.histograms);
        self.exemplars.extend(other.exemplars);
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

pub(crate) fn internal(error: impl std::fmt::Display) -> IngestError {
    IngestError::Internal(error.to_string())
}

fn put<R: Row>(batches: &mut Vec<Batch>, rows: &[R]) -> Result<(), IngestError> {
    if !rows.is_empty() {
        batches.push(Batch::of(KEY, rows).map_err(internal)?);
    }
    Ok(())
}

/// Batches in two parts, in order; nothing if they are a single row, or one by their id.
fn halves(mut batches: Vec<Batch>) -> Option<[Vec<Batch>; 2]> {
    if batches.len() > 1 {
        let second = batches.split_off(batches.len() / 2);
        return Some([batches, second]);
    }
    let batch = batches.pop().filter(|batch| batch.id.is_none() && batch.data.num_rows() > 1)?;
    let (rows, middle) = (batch.data.num_rows(), batch.data.num_rows() / 2);
    let part = |from: usize, to: usize| vec![Batch { data: batch.data.slice(from, to - from), ..batch.clone() }];
    Some([part(0, middle), part(middle, rows)])
}

/// Rows that the log never takes.
#[derive(Default)]
struct LeftOut {
    /// Why not the last of them.
    error: Option<BusError>,
    /// Whether any of them names a series.
    has_series: bool,
}

impl LeftOut {
    fn told(self) -> Result<(), IngestError> {
        self.error.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// The rows of a request. Rows of a series are always in one shard, so that the newest of its
/// samples with one time is known.
pub(crate) struct Rows {
    shards: Vec<ShardRows>,
    fresh: Vec<(LabelHash, SeriesId)>,
    /// The newest samples of series that count, if they get zeros where that began.
    pub counting: Counting,
    /// Samples of what sends, between points.
    pub told: Told,
    /// When the request came, on the monotonic clock.
    pub at: Duration,
    /// Where rows go that are of no series.
    pub any: u32,
    metadata: Vec<Metadata>,
    pub logs: LogColumns,
    spans: Vec<Span>,
    /// About how many bytes those take that are not in `logs`.
    bytes: u64,
    /// Is held until they are on the log.
    pub room: RowsRoom,
}

impl Rows {
    pub fn new(shards: u32, at: Duration, any: u64, room: RowsRoom) -> Self {
        let shards = shards.max(1);
        Self {
            shards: (0..shards).map(|_| ShardRows::default()).collect(),
            fresh: Vec::new(),
            counting: Counting::default(),
            told: Told::default(),
            at,
            any: u32::try_from(any % u64::from(shards)).unwrap_or(0),
            metadata: Vec::new(),
            logs: LogColumns::default(),
            spans: Vec::new(),
            bytes: 0,
            room,
        }
    }

    /// About how many bytes they take.
    pub const fn bytes(&self) -> u64 {
        self.bytes.saturating_add(self.logs.bytes())
    }

    fn weighs(&mut self, row: &impl Weight) {
        self.bytes = self.bytes.saturating_add(row.weight() as u64);
    }

    /// Takes room for them.
    pub fn cover(&mut self, ingest: &Ingest) -> Result<(), IngestError> {
        self.room.cover(ingest, self.bytes())
    }

    /// The rows of the shard of a series.
    fn of(&mut self, id: SeriesId) -> Option<&mut ShardRows> {
        // Its first bytes are those of its metric.
        let [.., a, b, c, d] = id.0;
        let shards = self.shards.len();
        self.shards.get_mut(u32::from_be_bytes([a, b, c, d]) as usize % shards)
    }

    pub fn sample(&mut self, id: SeriesId, nanos: i64, value: f64) {
        self.bytes = self.bytes.saturating_add(SAMPLE);
        if let Some(rows) = self.of(id) {
            rows.sample(id, nanos, value);
        }
    }

    pub fn histogram(&mut self, point: HistogramPoint) {
        self.weighs(&point);
        if let Some(rows) = self.of(point.series_id) {
            rows.histograms.push(point);
        }
    }

    pub fn metadata(&mut self, metadata: Metadata) {
        self.weighs(&metadata);
        self.metadata.push(metadata);
    }

    pub fn span(&mut self, span: Span) {
        self.weighs(&span);
        self.spans.push(span);
    }

    pub fn exemplar(&mut self, exemplar: Exemplar) {
        self.weighs(&exemplar);
        if let Some(rows) = self.of(exemplar.series_id) {
            rows.exemplars.push(exemplar);
        }
    }

    /// Adds the rows of a request that was read apart, without their room; its log records are given as columns.
    pub fn absorb(&mut self, other: Self) -> Result<Option<RecordBatch>, IngestError> {
        self.bytes = self.bytes.saturating_add(other.bytes());
        for (rows, more) in self.shards.iter_mut().zip(other.shards) {
            rows.absorb(more);
        }
        self.fresh.extend(other.fresh);
        self.counting.absorb(other.counting);
        self.told.absorb(other.told);
        self.metadata.extend(other.metadata);
        self.spans.extend(other.spans);
        other.logs.finish().map_err(internal)
    }

    /// A series that is new, or was not announced for a while.
    pub fn announce(&mut self, hash: LabelHash, series: Series) {
        self.weighs(&series);
        self.fresh.push((hash, series.series_id));
        if let Some(rows) = self.of(series.series_id) {
            rows.series.push(series);
        }
    }
}

impl Ingest {
    /// Appends the rows of a request. When it returns they are durable; if one can never be taken, which is an error, the others are.
    pub(crate) async fn append(&self, rows: Rows, attempt: &mut Attempt<'_>) -> Result<(), IngestError> {
        let Rows { shards, fresh, counting, told, at, any, metadata, logs, spans, .. } = rows;
        let mut logs = logs.finish().map_err(internal)?;
        let mut all = Vec::new();
        for (rows, shard) in shards.into_iter().zip(0..) {
            let mut batches = rows.batches()?;
            if shard == any {
                put(&mut batches, &metadata)?;
                put(&mut batches, &spans)?;
                if let Some(data) = logs.take() {
                    batches.push(Batch { stream: Stream::Logs, key: KEY.to_owned(), id: None, data });
                }
            }
            let batches = attempt.left(shard, batches);
            if !batches.is_empty() {
                // Before anything is appended: what is refused because of it is refused whole.
                self.keeps_up(shard)?;
                all.push((shard, batches));
            }
        }
        let mut left_out = LeftOut::default();
        for (shard, batches) in all {
            self.append_to(shard, batches, &mut left_out, |appended| attempt.has(shard, appended)).await?;
        }
        if !left_out.has_series {
            self.announced(at, fresh);
        }
        self.0.zeros.appended(at, counting);
        self.0.targets.appended(at, told);
        left_out.told()
    }

    /// Appends rows that somebody will give again if the process ends before this returns, such that
    /// they are there once; `logs` are beside those in `rows`.
    ///
    /// Series, samples, histograms and metadata are one row however often they are appended. Rows that
    /// are not, exemplars, spans and log records, are one batch: the last that is appended, in the
    /// shard `rows.any`, under `id`. Whether it is on the log says whether everything is.
    pub(crate) async fn append_once(
        &self,
        rows: Rows,
        logs: Option<RecordBatch>,
        id: RecordId,
    ) -> Result<(), IngestError> {
        let Rows { mut shards, fresh, counting, told, at, any, metadata, spans, .. } = rows;
        let exemplars: Vec<Exemplar> = shards.iter_mut().flat_map(|rows| std::mem::take(&mut rows.exemplars)).collect();
        let mut at_last = Vec::new();
        for (rows, shard) in shards.into_iter().zip(0..) {
            let batches = rows.batches()?;
            if shard == any {
                at_last = batches;
            } else if !batches.is_empty() {
                self.keeps_up(shard)?;
                self.append_all(shard, batches).await?;
            }
        }
        put(&mut at_last, &metadata)?;
        let mut last = match logs {
            Some(data) => Batch { stream: Stream::Logs, key: KEY.to_owned(), id: None, data },
            None if !spans.is_empty() => Batch::of(KEY, &spans).map_err(internal)?,
            None => Batch::of(KEY, &exemplars).map_err(internal)?,
        };
        last.id = Some(id);
        at_last.push(last);
        self.keeps_up(any)?;
        self.append_all(any, at_last).await?;
        self.announced(at, fresh);
        self.0.zeros.appended(at, counting);
        self.0.targets.appended(at, told);
        Ok(())
    }

    /// Appends batches, and fails if a row of them can never be taken.
    async fn append_all(&self, shard: u32, batches: Vec<Batch>) -> Result<(), IngestError> {
        let mut left_out = LeftOut::default();
        self.append_to(shard, batches, &mut left_out, |_| ()).await?;
        left_out.told()
    }

    /// Appends batches in their order, in several steps if the log does not take them in one. A row that it never takes is
    /// `left_out`. `has` is told what is on the log, step by step.
    async fn append_to(
        &self,
        shard: u32,
        batches: Vec<Batch>,
        left_out: &mut LeftOut,
        mut has: impl FnMut(&[Batch]) + Send,
    ) -> Result<(), IngestError> {
        let mut waiting = vec![batches];
        while let Some(next) = waiting.pop() {
            match self.0.log.append(shard, next.clone()).await {
                Ok(last) => {
                    self.appended(shard, last);
                    has(&next);
                }
                Err(error @ BusError::TooLarge { .. }) => {
                    let has_series = next.iter().any(|batch| batch.stream == Stream::Series);
                    match halves(next) {
                        Some([first, second]) => waiting.extend([second, first]),
                        None => {
                            left_out.error = Some(error);
                            left_out.has_series |= has_series;
                        }
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn announced(&self, at: Duration, fresh: Vec<(LabelHash, SeriesId)>) {
        if !fresh.is_empty() {
            self.0.catalog.announced(at, fresh);
        }
    }
}
