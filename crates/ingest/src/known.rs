//! Samples of who keeps the series: scrapes.

use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use base::Timestamp;
use model::rows::{Exemplar, HistogramPoint};
use model::{Labels, SeriesId};
use wire::histogram::{Histogram, ResetHint};

use crate::catalog::LabelHash;
use crate::gate::RowsRoom;
use crate::histograms::{self, STALE, Unkept};
use crate::parts::Sent;
use crate::request::{METRIC_NAME, Request};
use crate::rows::Rows;
use crate::{Ingest, IngestError, Permit, Taken};

/// Nanoseconds of a millisecond.
const MILLI: i64 = 1_000_000;

/// A series, by labels that were read and hashed once. Clones are cheap; two are equal if their labels are.
#[derive(Clone, Debug)]
pub struct KnownSeries(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hash: LabelHash,
    labels: Labels,
}

impl KnownSeries {
    /// Its labels, the metric's name as `__name__` among them.
    pub fn labels(&self) -> &Labels {
        &self.0.labels
    }
}

impl PartialEq for KnownSeries {
    fn eq(&self, other: &Self) -> bool {
        self.0.hash == other.0.hash
    }
}

impl Eq for KnownSeries {}

impl Hash for KnownSeries {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash.hash(state);
    }
}

/// What a series is at a time.
#[derive(Clone, Debug)]
pub enum KnownValue<'a> {
    /// Bits of a number.
    Float(u64),
    /// A native histogram; its own time is not looked at.
    Histogram(Box<Histogram<'a>>),
    /// A marker that a series of histograms is gone.
    StaleHistogram,
}

/// A sample.
#[derive(Clone, Debug)]
pub struct KnownPoint<'a> {
    /// The series.
    pub series: KnownSeries,
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    /// When counting began, in the same unit; 0 if it does not count, or that is not known. A histogram says it itself.
    pub start_ms: i64,
    /// The value.
    pub value: KnownValue<'a>,
}

/// An exemplar.
#[derive(Clone, Debug)]
pub struct KnownExemplar {
    /// The series.
    pub series: KnownSeries,
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    /// Bits of the value.
    pub value: u64,
    /// Its labels.
    pub labels: Labels,
}

/// What a metric is.
#[derive(Clone, Debug)]
pub struct KnownMetadata {
    /// Its name.
    pub metric: String,
    /// Its type, as Prometheus' API names it.
    pub kind: String,
    /// Its unit.
    pub unit: String,
    /// What it says.
    pub help: String,
}

/// What is handed over at once.
#[derive(Clone, Debug, Default)]
pub struct KnownBatch<'a> {
    /// Samples.
    pub points: Vec<KnownPoint<'a>>,
    /// Exemplars.
    pub exemplars: Vec<KnownExemplar>,
    /// What metrics are.
    pub metadata: Vec<KnownMetadata>,
}

impl Ingest {
    /// A series with these labels, the metric's name as `__name__` among them.
    pub fn series(&self, labels: Labels) -> KnownSeries {
        let mut text = String::new();
        for (name, value) in &labels {
            // Lengths keep texts apart that are the same one after the other.
            let _ = write!(text, "{}:{name}{}:{value}", name.len(), value.len());
        }
        KnownSeries(Arc::new(Inner { hash: self.0.catalog.hash(text.as_bytes()), labels }))
    }

    /// Takes samples; `protocol` names the way by which they came, in metrics.
    ///
    /// # Errors
    /// See [`IngestError`]; what breaks a rule is told in [`Taken`].
    pub async fn take_known(
        &self,
        batch: &KnownBatch<'_>,
        protocol: &'static str,
        room: &Permit,
    ) -> Result<Taken, IngestError> {
        let (rows, taken) = self.read_known(batch, room.rows())?;
        let exemplars =
            batch.exemplars.iter().map(|exemplar| (exemplar.series.0.hash, exemplar.time_ms, exemplar.value));
        // Samples are the same rows however often they are taken.
        let body: Vec<u8> = exemplars.flat_map(|exemplar| format!("{exemplar:?}").into_bytes()).collect();
        self.commit(rows, taken, Sent { protocol, place: "", body: &body }).await
    }

    fn read_known(&self, batch: &KnownBatch<'_>, room: RowsRoom) -> Result<(Rows, Taken), IngestError> {
        let mut request = Request::new(self, room);
        for point in &batch.points {
            request.known_point(point)?;
        }
        for KnownExemplar { series, time_ms, value, labels } in &batch.exemplars {
            // Its series was refused if it is not known.
            let Some(id) = request.known(series.0.hash) else { continue };
            let (ts, value) = (Timestamp::from_nanos(time_ms.saturating_mul(MILLI)), f64::from_bits(*value));
            request.take_exemplar(Exemplar { series_id: id, ts, value, labels: labels.clone() })?;
        }
        for KnownMetadata { metric, kind, unit, help } in &batch.metadata {
            request.metadata(metric, kind, unit, help)?;
        }
        Ok((request.rows, request.taken))
    }
}

impl Request<'_> {
    fn known_point(&mut self, point: &KnownPoint<'_>) -> Result<(), IngestError> {
        let Inner { hash, labels } = &*point.series.0;
        let name = || labels.get(METRIC_NAME).map_or_else(String::new, |name| name.chars().take(128).collect());
        let announced = match self.known(*hash) {
            Some(id) => Ok(id),
            None => self.announce(*hash, labels.clone())?,
        };
        let id = match announced {
            Ok(id) => id,
            Err(problem) => {
                self.taken.refused.push(|| problem);
                return Ok(());
            }
        };
        let Some(nanos) = point.time_ms.checked_mul(MILLI) else {
            let problem = || format!("metric `{}`: {} ms is no time that can be kept", name(), point.time_ms);
            self.taken.refused.push(problem);
            return Ok(());
        };
        match &point.value {
            KnownValue::Float(bits) => {
                let start = point.start_ms.checked_mul(MILLI).filter(|start| *start > 0);
                self.counted(id, start, nanos, f64::from_bits(*bits))?;
            }
            KnownValue::StaleHistogram => self.take_histogram(gone(id, nanos), false)?,
            KnownValue::Histogram(histogram) => {
                let histogram = Histogram { time_ms: point.time_ms, ..**histogram };
                match histograms::prometheus(id, &histogram) {
                    Ok(kept) => self.take_histogram(kept, histogram.reset_hint != ResetHint::Gauge)?,
                    Err(Unkept::Bytes(error)) => return Err(error.into()),
                    Err(why) => self.taken.refused.push(|| format!("metric `{}`: {why}", name())),
                }
            }
        }
        Ok(())
    }
}

/// A marker that a series of histograms is gone: its sum says so.
fn gone(id: SeriesId, nanos: i64) -> HistogramPoint {
    HistogramPoint {
        series_id: id,
        ts: Timestamp::from_nanos(nanos),
        start_ts: None,
        reset_hint: "unknown".to_owned(),
        is_float: true,
        count: 0.0,
        sum: f64::from_bits(STALE),
        schema: 0,
        zero_threshold: 0.0,
        zero_count: 0.0,
        positive_indexes: Vec::new(),
        positive_counts: Vec::new(),
        negative_indexes: Vec::new(),
        negative_counts: Vec::new(),
        bounds: Vec::new(),
    }
}
