//! A request that is being read.

use std::collections::HashMap;
use std::time::Duration;

use base::{Limit, Timestamp};
use bus::BusError;
use model::rows::{Exemplar, HistogramPoint, Series, Span};
use model::{Labels, SeriesId};

use crate::catalog::{LabelHash, Look};
use crate::gate::RowsRoom;
use crate::histograms;
use crate::parts::{Attempt, Sent};
use crate::rows::Rows;
use crate::{Ingest, IngestConfig, IngestError, Refusals};

/// The label that holds a metric's name.
pub(crate) const METRIC_NAME: &str = "__name__";

/// What rows of a request take is held to so many times `ingest.max_decoded_bytes`, and to less than a column of Arrow may have: what
/// a resource or a table of symbols says once is in each of its rows.
const GROWTH: u64 = 8;
const MOST: u64 = 1 << 30;

/// What of a request was taken, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Samples.
    pub samples: usize,
    /// Native histograms.
    pub histograms: usize,
    /// Exemplars.
    pub exemplars: usize,
    /// Log records.
    pub logs: usize,
    /// Spans.
    pub spans: usize,
    /// What broke a rule; it must not be sent again.
    pub refused: Refusals,
}

impl Taken {
    /// Adds what was taken beside it.
    pub(crate) fn add(&mut self, other: Self) {
        self.samples += other.samples;
        self.histograms += other.histograms;
        self.exemplars += other.exemplars;
        self.logs += other.logs;
        self.spans += other.spans;
        self.refused.add(other.refused);
    }

    /// Tells it in metrics.
    pub(crate) fn count(&self, protocol: &'static str) {
        let counted = [
            ("samples", self.samples),
            ("histograms", self.histograms),
            ("exemplars", self.exemplars),
            ("logs", self.logs),
            ("spans", self.spans),
            ("refused", self.refused.count()),
        ];
        for (what, count) in counted.into_iter().filter(|(_, count)| *count > 0) {
            metrics::counter!("steadfast_ingest_rows_total", "protocol" => protocol, "what" => what)
                .increment(count as u64);
        }
    }
}

/// See the module.
pub(crate) struct Request<'a> {
    pub ingest: &'a Ingest,
    look: Look<'a>,
    pub rows: Rows,
    pub now: Timestamp,
    /// Series that this request announces.
    fresh: HashMap<LabelHash, SeriesId>,
    /// Of bytes of rows.
    pub limit: Limit,
    /// Bytes of labels that were read of series by references.
    referred: u64,
    /// Whether U+FFFD is in place of something, somewhere, that was no Unicode.
    pub is_lossy: bool,
    pub taken: Taken,
}

impl<'a> Request<'a> {
    /// A request of which nothing was read; its rows are to have `room`.
    pub fn new(ingest: &'a Ingest, room: RowsRoom) -> Self {
        let (now, at) = (ingest.0.clock.now(), ingest.0.clock.monotonic());
        let most = ingest.0.config.max_decoded_bytes.saturating_mul(GROWTH).min(MOST);
        Self {
            ingest,
            look: ingest.0.catalog.look(at),
            rows: Rows::new(ingest.0.log.shards(), at, now.nanos().unsigned_abs() / 1_000, room),
            now,
            fresh: HashMap::new(),
            limit: Limit::new("ingest.rows_bytes", most),
            referred: 0,
            is_lossy: false,
            taken: Taken::default(),
        }
    }

    pub fn hash(&self, bytes: &[u8]) -> LabelHash {
        self.ingest.0.catalog.hash(bytes)
    }

    /// The series with these labels, if it need not be announced.
    #[inline]
    pub fn known(&self, hash: LabelHash) -> Option<SeriesId> {
        self.look.find(hash).or_else(|| self.fresh.get(&hash).copied())
    }

    /// Brings near what will be asked for.
    pub fn touch(&self, hashes: impl Iterator<Item = LabelHash>) {
        self.look.touch(hashes);
    }

    /// Announces the series with these labels, its name among them; or says which limit it exceeds.
    ///
    /// # Errors
    /// See [`Self::fits`].
    pub fn announce(&mut self, hash: LabelHash, mut labels: Labels) -> Result<Result<SeriesId, String>, IngestError> {
        let metric = labels.remove(METRIC_NAME).unwrap_or_default();
        if let Err(problem) = self.allowed(hash, &metric, &labels) {
            return Ok(Err(problem));
        }
        let series_id = Series::id(&metric, &labels);
        self.fresh.insert(hash, series_id);
        self.rows.announce(hash, Series { time: self.now, series_id, metric, labels });
        self.fits(0)?;
        Ok(Ok(series_id))
    }

    /// Takes room for its rows, and for so many bytes beside them.
    ///
    /// # Errors
    /// The rows take more than a request may become, or than there is room for.
    #[inline]
    pub fn fits(&mut self, more: u64) -> Result<(), IngestError> {
        let bytes = self.rows.bytes().saturating_add(more);
        self.limit.check(bytes)?;
        self.rows.room.cover(self.ingest, bytes)
    }

    /// Reads so many bytes of labels: however often it refers to one, the request has each text once.
    ///
    /// # Errors
    /// They are more than a request may become.
    pub fn refers(&mut self, bytes: usize) -> Result<(), IngestError> {
        self.referred = self.referred.saturating_add(bytes as u64);
        Ok(self.limit.check(self.rows.bytes().saturating_add(self.referred))?)
    }

    /// Whether something of a text was probably replaced.
    #[inline]
    pub fn is_replaced(&self, text: &str) -> bool {
        self.is_lossy && text.contains(char::REPLACEMENT_CHARACTER)
    }

    /// How many series this request announces so far.
    pub fn announced(&self) -> usize {
        self.fresh.len()
    }

    #[inline]
    pub fn sample(&mut self, id: SeriesId, nanos: i64, value: f64) -> Result<(), IngestError> {
        self.rows.sample(id, nanos, value);
        self.taken.samples += 1;
        self.fits(0)
    }

    /// Takes a sample of what counts since `start`, nanoseconds since the epoch: 0 if that is not known, nothing if it counts nothing.
    pub fn counted(&mut self, id: SeriesId, start: Option<i64>, nanos: i64, value: f64) -> Result<(), IngestError> {
        if let Some(start) = start
            && self.began(id, start, nanos)
        {
            self.rows.sample(id, start, 0.0);
        }
        self.sample(id, nanos, value)
    }

    /// Whether a zero belongs at `start`, before a sample. A start may be said later than with the first.
    fn began(&mut self, id: SeriesId, start: i64, nanos: i64) -> bool {
        let inner = &self.ingest.0;
        inner.config.created_zeros && inner.zeros.belongs(&mut self.rows.counting, id, start, nanos)
    }

    /// Takes a native histogram; `counts` says whether it is all that was observed since it began.
    pub fn take_histogram(&mut self, point: HistogramPoint, counts: bool) -> Result<(), IngestError> {
        let start = point.start_ts.filter(|_| !histograms::is_stale(&point)).unwrap_or_default();
        if counts && self.began(point.series_id, start.nanos(), point.ts.nanos()) {
            self.rows.histogram(histograms::zero(&point, start));
        }
        self.rows.histogram(point);
        self.taken.histograms += 1;
        self.fits(0)
    }

    pub fn take_exemplar(&mut self, exemplar: Exemplar) -> Result<(), IngestError> {
        self.rows.exemplar(exemplar);
        self.taken.exemplars += 1;
        self.fits(0)
    }

    pub fn take_span(&mut self, span: Span) -> Result<(), IngestError> {
        self.rows.span(span);
        self.taken.spans += 1;
        self.fits(0)
    }

    /// Holds a new series to the limits.
    fn allowed(&self, hash: LabelHash, metric: &str, labels: &Labels) -> Result<(), String> {
        let config = &self.ingest.0.config;
        if metric.is_empty() && labels.is_empty() {
            return Err("it has no labels".to_owned());
        }
        let shown: String = metric.chars().take(128).collect();
        let count = labels.len() + usize::from(!metric.is_empty());
        let all = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([(METRIC_NAME, metric)]);
        if let Some(problem) = too_many(count, config).or_else(|| too_long(all, config)) {
            return Err(format!("metric `{shown}`: {problem}"));
        }
        if let Some(problem) = self.full(hash, metric) {
            return Err(problem);
        }
        Ok(())
    }

    /// The limit of series, if it is reached and the series with this hash and metric is none of them.
    pub fn full(&self, hash: LabelHash, metric: &str) -> Option<String> {
        let is_full = self.look.len() + self.fresh.len() >= self.ingest.0.catalog.max();
        if !is_full || self.look.is_active(hash) {
            return None;
        }
        let (limit, grows) = (self.ingest.0.config.max_series, self.ingest.grows(metric, self.rows.at));
        let shown: String = metric.chars().take(128).collect();
        Some(format!("metric `{shown}`: the limit ingest.max_series = {limit} is reached{grows}"))
    }
}

/// That so many labels exceed the limit.
pub(crate) fn too_many(labels: usize, config: &IngestConfig) -> Option<String> {
    let limit = config.max_labels;
    (labels > limit).then(|| format!("{labels} labels exceed the limit ingest.max_labels = {limit}"))
}

/// The first of `labels` that exceeds the limit.
pub(crate) fn too_long<'l>(
    mut labels: impl Iterator<Item = (&'l str, &'l str)>,
    config: &IngestConfig,
) -> Option<String> {
    let limit = config.max_label_bytes;
    let size = |(name, value): &(&str, &str)| value.len().max(name.len());
    let (name, value) = labels.find(|label| size(label) > limit)?;
    let (short, bytes): (String, _) = (name.chars().take(64).collect(), size(&(name, value)));
    Some(format!("label `{short}` has {bytes} bytes, the limit ingest.max_label_bytes is {limit}"))
}

impl Ingest {
    /// Makes what was read of a request durable.
    pub(crate) async fn commit(&self, rows: Rows, taken: Taken, sent: Sent<'_>) -> Result<Taken, IngestError> {
        let became = [taken.logs, taken.spans, taken.exemplars, taken.refused.count()];
        let mut attempt = Attempt::new(self, sent, became);
        let appended = self.append(rows, &mut attempt).await;
        // What has a row that is never taken is refused whenever it comes, whatever of it is there.
        if matches!(appended, Ok(()) | Err(IngestError::Log(BusError::TooLarge { .. }))) {
            attempt.end();
        }
        appended?;
        taken.count(sent.protocol);
        Ok(taken)
    }

    /// Which label of a metric has the most values, as far as that is known; it is `now` on the monotonic clock.
    fn grows(&self, metric: &str, now: Duration) -> String {
        self.0.grows.of(metric, now, || {
            let most = self.0.store.series().widest(metric);
            most.map(|(name, count)| format!("; its label `{name}` has {count} values")).unwrap_or_default()
        })
    }
}
