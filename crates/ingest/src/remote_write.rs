//! Prometheus' remote write.

use base::{Limit, Timestamp};
use model::rows::{Exemplar, Metadata};
use model::{Key, Labels, SeriesId};
use wire::body::Encoding;
use wire::histogram::{Histogram, ResetHint};
use wire::labels::LabelRule;
use wire::metric::MetricType;
use wire::pb::Error;
use wire::remote_write::{Rule, Sample, v1, v2};
use wire::utf8;

use crate::catalog::LabelHash;
use crate::gate::RowsRoom;
use crate::histograms::{STALE, Unkept};
use crate::parts::Sent;
use crate::request::{METRIC_NAME, Request};
use crate::rows::Rows;
use crate::scratch::with_scratch;
use crate::weight::LABEL;
use crate::{Ingest, IngestError, Permit, Taken, histograms};

const PROTOCOL: &str = "remote_write";
/// Series that are hashed before the first of them is looked up: far memory is waited for once for all of them.
const AHEAD: usize = 32;

impl Ingest {
    /// Takes a request of version 1, `prometheus.WriteRequest`.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn remote_write_v1(&self, body: &[u8], encoding: Encoding, room: &Permit) -> Result<Taken, IngestError> {
        let (rows, taken) = with_scratch(|[buffer, _]| {
            let body = encoding.decode(body, self.decoded(), buffer)?;
            self.read_v1(body, room.rows())
        })?;
        self.commit(rows, taken, Sent { protocol: PROTOCOL, place: "", body }).await
    }

    /// Takes a request of version 2, `io.prometheus.write.v2.Request`.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn remote_write_v2(&self, body: &[u8], encoding: Encoding, room: &Permit) -> Result<Taken, IngestError> {
        let (rows, taken) = with_scratch(|[buffer, _]| {
            let body = encoding.decode(body, self.decoded(), buffer)?;
            self.read_v2(body, room.rows())
        })?;
        self.commit(rows, taken, Sent { protocol: PROTOCOL, place: "", body }).await
    }

    /// What a request may be when it is decompressed.
    pub(crate) fn decoded(&self) -> Limit {
        Limit::new("ingest.max_decoded_bytes", self.0.config.max_decoded_bytes)
    }

    fn read_v1(&self, body: &[u8], room: RowsRoom) -> Result<(Rows, Taken), IngestError> {
        let sent = v1::WriteRequest::read(body)?;
        let mut request = Request::new(self, room);
        let mut all = sent.timeseries.iter().enumerate();
        let mut some = Vec::with_capacity(AHEAD);
        loop {
            for (n, series) in all.by_ref().take(AHEAD) {
                let series = series?;
                let hash = series.labels.raw().map(|raw| request.hash(raw));
                some.push((n, series, hash));
            }
            if some.is_empty() {
                break;
            }
            request.touch(some.iter().filter_map(|(.., hash)| *hash));
            for (n, series, hash) in some.drain(..) {
                request.series_v1(n, &series, hash)?;
            }
        }
        for (n, metadata) in sent.metadata.cast::<v1::RawMetadata<'_>>().iter().enumerate() {
            let metadata = metadata?;
            let Ok(name) = std::str::from_utf8(metadata.metric_family_name) else {
                request.taken.refused.push(|| format!("metadata {n}: the metric's name is not UTF-8"));
                continue;
            };
            let (unit, help) = (utf8::lossy(metadata.unit), utf8::lossy(metadata.help));
            request.metadata(name, metadata.metric_type().name(), &unit, &help)?;
        }
        Ok((request.rows, request.taken))
    }

    fn read_v2(&self, body: &[u8], room: RowsRoom) -> Result<(Rows, Taken), IngestError> {
        let sent = v2::Request::read(body)?;
        let mut request = Request::new(self, room);
        let mut scratch = Vec::new();
        let mut all = sent.series();
        let mut some = Vec::with_capacity(AHEAD);
        loop {
            for series in all.by_ref().take(AHEAD) {
                let series = series?;
                let hash = request.hash_v2(&series, &mut scratch)?;
                some.push((series, hash));
            }
            if some.is_empty() {
                break;
            }
            request.touch(some.iter().filter_map(|(_, hash)| hash.as_ref().ok().copied()));
            for (series, hash) in some.drain(..) {
                match hash {
                    Ok(hash) => request.series_v2(&series, hash)?,
                    Err(rule) => request.refuse(series.index(), &rule.to_string()),
                }
            }
        }
        Ok((request.rows, request.taken))
    }
}

impl Request<'_> {
    fn series_v1(&mut self, n: usize, series: &v1::Series<'_>, hash: Option<LabelHash>) -> Result<(), IngestError> {
        let id = match hash.and_then(|hash| self.known(hash)) {
            Some(id) => id,
            None => match self.announce_v1(hash, series)? {
                Ok(id) => id,
                Err(problem) => {
                    self.refuse(n, &problem);
                    return Ok(());
                }
            },
        };
        self.samples(n, id, series.samples(), false)?;
        self.histograms(n, id, series.histograms())?;
        for exemplar in series.exemplars {
            let exemplar = exemplar?;
            let labels = exemplar.labels.cast::<v1::RawLabel<'_>>();
            let texts = labels.iter().map(|label| label.map(|l| (utf8::lossy(l.name), utf8::lossy(l.value))));
            self.exemplar(id, exemplar.timestamp, exemplar.value, texts)?;
        }
        Ok(())
    }

    /// Reads the labels of a series that is to be announced.
    fn announce_v1(
        &mut self,
        hash: Option<LabelHash>,
        series: &v1::Series<'_>,
    ) -> Result<Result<SeriesId, String>, IngestError> {
        if let Some(problem) = broken(series.check_labels()?) {
            return Ok(Err(problem));
        }
        let labels = series.labels.iter().map(|label| label.map(|label| (label.name, label.value)));
        let labels = match labels_of(labels)? {
            Ok(labels) => labels,
            Err(problem) => return Ok(Err(problem)),
        };
        let hash = hash.unwrap_or_else(|| self.hash(format!("{labels:?}").as_bytes()));
        match self.known(hash) {
            Some(id) => Ok(Ok(id)),
            None => self.announce(hash, labels),
        }
    }

    /// The hash of a series' labels, or the rule that it breaks.
    fn hash_v2(
        &mut self,
        series: &v2::Series<'_, '_>,
        scratch: &mut Vec<u8>,
    ) -> Result<Result<LabelHash, Rule>, IngestError> {
        if let Err(error) = series.check()? {
            return Ok(Err(error.rule));
        }
        // References mean something in one request only: the texts are hashed.
        scratch.clear();
        for label in series.labels().iter() {
            let (name, value) = label?;
            self.refers(name.len() + value.len())?;
            for text in [name, value] {
                scratch.extend_from_slice(&(text.len() as u64).to_le_bytes());
                scratch.extend_from_slice(text.as_bytes());
            }
        }
        Ok(Ok(self.hash(scratch)))
    }

    fn series_v2(&mut self, series: &v2::Series<'_, '_>, hash: LabelHash) -> Result<(), IngestError> {
        let n = series.index();
        let id = match self.known(hash) {
            Some(id) => id,
            None => match self.announce_v2(hash, series)? {
                Ok(id) => id,
                Err(problem) => {
                    self.refuse(n, &problem);
                    return Ok(());
                }
            },
        };
        let counts = self.ingest.0.config.created_zeros && may_count(series)?;
        self.samples(n, id, series.samples(), counts)?;
        self.histograms(n, id, series.histograms())?;
        for exemplar in series.exemplars() {
            let exemplar = exemplar?;
            self.exemplar(id, exemplar.time_ms, exemplar.value, exemplar.labels.iter())?;
        }
        Ok(())
    }

    fn announce_v2(
        &mut self,
        hash: LabelHash,
        series: &v2::Series<'_, '_>,
    ) -> Result<Result<SeriesId, String>, IngestError> {
        if let Some(problem) = broken(series.check_labels()?) {
            return Ok(Err(problem));
        }
        let labels = match labels_of(series.labels().iter())? {
            Ok(labels) => labels,
            Err(problem) => return Ok(Err(problem)),
        };
        let (name, is_quantile) = (labels.get(METRIC_NAME).cloned(), labels.contains_key("quantile"));
        let announced = self.announce(hash, labels)?;
        if let (Ok(_), Some(metadata), Some(name)) = (&announced, series.metadata(), name) {
            // The name of a native histogram, or of a quantile, is that of its family, however it ends.
            let is_native = series.histograms().next().is_some();
            let is_quantile = is_quantile && matches!(metadata.metric_type, MetricType::Summary);
            let family = if is_native || is_quantile { name.as_str() } else { family(&name, metadata.metric_type) };
            self.metadata(family, metadata.metric_type.name(), metadata.unit, metadata.help)?;
        }
        Ok(announced)
    }

    fn refuse(&mut self, n: usize, problem: &str) {
        self.taken.refused.push(|| format!("series {n}: {problem}"));
    }

    fn samples(
        &mut self,
        n: usize,
        id: SeriesId,
        samples: impl Iterator<Item = Result<Sample, Error>>,
        counts: bool,
    ) -> Result<(), IngestError> {
        for sample in samples {
            let Sample { time_ms, value, start_ms } = sample?;
            let start = (counts && value != STALE).then(|| start_ms.checked_mul(1_000_000).unwrap_or(0));
            match time_ms.checked_mul(1_000_000) {
                Some(nanos) => self.counted(id, start, nanos, f64::from_bits(value))?,
                None => self.refuse(n, &format!("{time_ms} ms is no time that can be kept")),
            }
        }
        Ok(())
    }

    fn histograms<'a>(
        &mut self,
        n: usize,
        id: SeriesId,
        sent: impl Iterator<Item = Result<Histogram<'a>, Error>>,
    ) -> Result<(), IngestError> {
        for histogram in sent {
            let histogram = histogram?;
            match histograms::prometheus(id, &histogram) {
                Ok(point) => self.take_histogram(point, histogram.reset_hint != ResetHint::Gauge)?,
                Err(Unkept::Bytes(error)) => return Err(error.into()),
                Err(why) => self.refuse(n, &why.to_string()),
            }
        }
        Ok(())
    }

    fn exemplar<T: AsRef<str> + Into<String>>(
        &mut self,
        id: SeriesId,
        time_ms: i64,
        value: u64,
        labels: impl Iterator<Item = Result<(T, T), Error>>,
    ) -> Result<(), IngestError> {
        let (mut kept, mut bytes) = (Labels::new(), 0_usize);
        for label in labels {
            let (name, value) = label?;
            // It may refer to one text often.
            bytes = bytes.saturating_add(name.as_ref().len() + value.as_ref().len() + LABEL);
            self.fits(bytes as u64)?;
            kept.insert(name.into(), value.into());
        }
        let ts = Timestamp::from_nanos(time_ms.saturating_mul(1_000_000));
        self.take_exemplar(Exemplar { series_id: id, ts, value: f64::from_bits(value), labels: kept })
    }

    /// What a metric is.
    ///
    /// # Errors
    /// See [`Self::fits`].
    pub fn metadata(&mut self, metric: &str, kind: &str, unit: &str, help: &str) -> Result<(), IngestError> {
        self.rows.metadata(Metadata {
            time: self.now,
            key: Key::of(metric.as_bytes()),
            metric: metric.to_owned(),
            kind: kind.to_owned(),
            unit: unit.chars().take(UNIT).collect(),
            help: help.chars().take(HELP).collect(),
        });
        self.fits(0)
    }
}

/// Whether a series counts from a time on, as far as its sender says what it is; a quantile of a summary does not.
fn may_count(series: &v2::Series<'_, '_>) -> Result<bool, Error> {
    match series.metadata().map(|metadata| metadata.metric_type) {
        Some(MetricType::Gauge | MetricType::GaugeHistogram | MetricType::Info | MetricType::StateSet) => Ok(false),
        Some(MetricType::Summary) => {
            for label in series.labels().iter() {
                if label?.0 == "quantile" {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(true),
    }
}

/// The name of what a series is a part of, as Prometheus' API has it of histograms and summaries: without what the name of the part
/// has behind it.
fn family(name: &str, of: MetricType) -> &str {
    let parts: &[&str] = match of {
        MetricType::Histogram => &["_bucket", "_count", "_sum"],
        MetricType::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
        MetricType::Summary => &["_count", "_sum"],
        _ => &[],
    };
    parts.iter().find_map(|part| name.strip_suffix(part)).filter(|family| !family.is_empty()).unwrap_or(name)
}

/// Characters of a metric's help and of its unit that are kept.
const HELP: usize = 1_024;
const UNIT: usize = 128;

/// The rule that labels break; that of their order is no reason to refuse them.
fn broken<T>(checked: Result<T, Rule>) -> Option<String> {
    match checked {
        Ok(_) | Err(Rule::Labels(LabelRule::Unsorted(_))) => None,
        Err(rule) => Some(rule.to_string()),
    }
}

/// Labels in order, without those that are empty.
fn labels_of<'a>(
    sent: impl Iterator<Item = Result<(&'a str, &'a str), Error>>,
) -> Result<Result<Labels, String>, Error> {
    let mut labels = Labels::new();
    for label in sent {
        let (name, value) = label?;
        if !value.is_empty() && labels.insert(name.to_owned(), value.to_owned()).is_some() {
            return Ok(Err(format!("label `{name}` is there twice")));
        }
    }
    Ok(Ok(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_histogram_and_of_a_summary_are_of_one_family() {
        for (name, of, expected) in [
            ("h_bucket", MetricType::Histogram, "h"),
            ("h_count", MetricType::Histogram, "h"),
            ("h_sum", MetricType::Histogram, "h"),
            ("g_gcount", MetricType::GaugeHistogram, "g"),
            ("s_sum", MetricType::Summary, "s"),
            ("s", MetricType::Summary, "s"),
            ("s_bucket", MetricType::Summary, "s_bucket"),
            ("a_count", MetricType::Gauge, "a_count"),
            ("a_total", MetricType::Counter, "a_total"),
            ("_sum", MetricType::Histogram, "_sum"),
        ] {
            assert_eq!(family(name, of), expected, "{name} {of:?}");
        }
    }
}
