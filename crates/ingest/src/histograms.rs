//! Native histograms as rows: buckets by index, counts as they are.

use base::{Exceeded, Limit, Timestamp};
use model::SeriesId;
use model::rows::HistogramPoint;
use wire::histogram::{Histogram, HistogramRule, ResetHint, Side};
use wire::otlp::metrics::{Buckets, ExponentialPoint};
use wire::pb::Error;

/// The finest resolution that is kept; finer ones are made coarser.
const FINEST: i32 = 8;
/// The coarsest one.
const COARSEST: i32 = -4;
/// The bits of a stale marker.
pub(crate) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Buckets on one side of zero, and bounds: a byte that was sent may be one, which takes 16 here.
const BUCKETS: Limit = Limit::new("ingest.histogram_buckets", 65_536);

/// Indexes and counts of buckets.
type Kept = (Vec<i64>, Vec<f64>);

/// Why a histogram is not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unkept {
    /// It breaks a rule of Prometheus.
    #[error(transparent)]
    Rule(#[from] HistogramRule),
    /// Its time, in milliseconds, is too far away.
    #[error("{0} ms is no time that can be kept")]
    Time(i64),
    /// Its scale is too coarse.
    #[error("scale {0} is below {COARSEST}")]
    Scale(i32),
    /// It has too many buckets.
    #[error("its buckets: {0}")]
    Buckets(#[from] Exceeded),
    /// Its bytes cannot be read, and with them the request.
    #[error(transparent)]
    Bytes(#[from] Error),
}

/// A histogram as Prometheus sends it.
pub(crate) fn prometheus(id: SeriesId, sent: &Histogram<'_>) -> Result<HistogramPoint, Unkept> {
    sent.check()??;
    let nanos = |ms: i64| ms.checked_mul(1_000_000).map(Timestamp::from_nanos);
    let ts = nanos(sent.time_ms).ok_or(Unkept::Time(sent.time_ms))?;
    let (positive_indexes, positive_counts) = side(&sent.positive, sent.is_float())?;
    let (negative_indexes, negative_counts) = side(&sent.negative, sent.is_float())?;
    Ok(HistogramPoint {
        series_id: id,
        ts,
        start_ts: if sent.start_ms == 0 { None } else { nanos(sent.start_ms) },
        reset_hint: match sent.reset_hint {
            ResetHint::Unknown => "unknown",
            ResetHint::Yes => "yes",
            ResetHint::No => "no",
            ResetHint::Gauge => "gauge",
        }
        .to_owned(),
        is_float: sent.is_float(),
        count: sent.count.value(),
        sum: f64::from_bits(sent.sum),
        schema: i64::from(sent.schema),
        zero_threshold: sent.zero_threshold,
        zero_count: sent.zero_count.value(),
        positive_indexes,
        positive_counts,
        negative_indexes,
        negative_counts,
        bounds: all(sent.custom_values.iter())?,
    })
}

/// Whether it is a marker that its series is gone.
pub(crate) const fn is_stale(point: &HistogramPoint) -> bool {
    point.sum.to_bits() == STALE
}

/// Of the same form, with nothing observed: what it was when counting began. It is a reset by definition.
pub(crate) fn zero(of: &HistogramPoint, start: Timestamp) -> HistogramPoint {
    HistogramPoint {
        series_id: of.series_id,
        ts: start,
        start_ts: None,
        reset_hint: "yes".to_owned(),
        is_float: of.is_float,
        count: 0.0,
        sum: 0.0,
        schema: of.schema,
        zero_threshold: of.zero_threshold,
        zero_count: 0.0,
        positive_indexes: Vec::new(),
        positive_counts: Vec::new(),
        negative_indexes: Vec::new(),
        negative_counts: Vec::new(),
        bounds: of.bounds.clone(),
    }
}

/// Spans of buckets with differences of their counts, or with the counts.
fn side(side: &Side<'_>, is_float: bool) -> Result<Kept, Unkept> {
    let mut count = 0_i64;
    let counted = side.deltas.iter().map(|delta| {
        count = count.wrapping_add(delta?);
        Ok(count as f64)
    });
    let counts = if is_float { all(side.counts.iter())? } else { all(counted)? };
    let mut indexes = Vec::with_capacity(counts.len());
    let mut next = 0_i64;
    for span in side.spans {
        let span = span?;
        next += i64::from(span.offset);
        // As many buckets as there are counts: the check has seen to that.
        let left = counts.len() - indexes.len();
        for _ in 0..(span.length as usize).min(left) {
            indexes.push(next);
            next += 1;
        }
    }
    Ok((indexes, counts))
}

/// Numbers, within the limit of buckets.
fn all(numbers: impl Iterator<Item = Result<f64, Error>>) -> Result<Vec<f64>, Unkept> {
    let mut all = Vec::new();
    for number in numbers {
        BUCKETS.check(all.len() as u64 + 1)?;
        all.push(number?);
    }
    Ok(all)
}

/// An exponential histogram of OpenTelemetry. Its buckets are named by their lower bound, those of
/// Prometheus by their upper one. One that counts since the point before, `delta`, is no less for being smaller: Prometheus marks
/// it as a gauge.
pub(crate) fn exponential(
    id: SeriesId,
    point: &ExponentialPoint<'_>,
    delta: bool,
    is_stale: bool,
) -> Result<HistogramPoint, Unkept> {
    if point.scale < COARSEST {
        return Err(Unkept::Scale(point.scale));
    }
    let coarser = u32::try_from(point.scale - FINEST).unwrap_or(0);
    let (positive_indexes, positive_counts) = buckets(point.positive.as_ref(), coarser)?;
    let (negative_indexes, negative_counts) = buckets(point.negative.as_ref(), coarser)?;
    Ok(HistogramPoint {
        series_id: id,
        ts: time(point.time_unix_nano),
        start_ts: (point.start_time_unix_nano > 0).then(|| time(point.start_time_unix_nano)),
        reset_hint: if delta { "gauge" } else { "unknown" }.to_owned(),
        is_float: false,
        count: point.count as f64,
        sum: if is_stale { f64::from_bits(STALE) } else { point.sum.unwrap_or(0.0) },
        schema: i64::from(point.scale.min(FINEST)),
        zero_threshold: if point.zero_threshold == 0.0 { 1e-128 } else { point.zero_threshold },
        zero_count: point.zero_count as f64,
        positive_indexes,
        positive_counts,
        negative_indexes,
        negative_counts,
        bounds: Vec::new(),
    })
}

/// `coarser` times two buckets become one.
fn buckets(buckets: Option<&Buckets<'_>>, coarser: u32) -> Result<Kept, Unkept> {
    let (mut indexes, mut counts): Kept = (Vec::new(), Vec::new());
    let Some(buckets) = buckets else { return Ok((indexes, counts)) };
    for (n, count) in (0_i64..).zip(buckets.bucket_counts.iter()) {
        let count = count? as f64;
        let index = ((i64::from(buckets.offset) + n) >> coarser.min(62)) + 1;
        match (indexes.last(), counts.last_mut()) {
            (Some(last), Some(sum)) if *last == index => *sum += count,
            _ if count == 0.0 => {}
            _ => {
                BUCKETS.check(indexes.len() as u64 + 1)?;
                indexes.push(index);
                counts.push(count);
            }
        }
    }
    Ok((indexes, counts))
}

/// A time of OpenTelemetry.
pub(crate) fn time(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}
