use std::fmt::Write;

use wire::exposition::format_float;
use wire::exposition::protobuf::{Exemplar, Families, Family, Metric, RawHistogram, Summary, Timestamp};
use wire::metric::MetricType;
use wire::pb::Error;

use super::{ReadError, Said, Sample, Sent, Taker, Value, Wanted, labels_of};

/// Messages of `io.prometheus.client.MetricFamily`.
pub(super) fn read<'a>(body: &'a [u8], wanted: Wanted, taker: &mut impl Taker<'a>) -> Result<(), ReadError> {
    for family in Families::new(body) {
        let family = family?;
        let kind = family.metric_type();
        taker.said(family.name, Said::Kind(kind.name()));
        if !family.help.is_empty() {
            taker.said(family.name, Said::Help(family.help));
        }
        if !family.unit.is_empty() {
            taker.said(family.name, Said::Unit(family.unit));
        }
        let broken = |error| ReadError::Metric { family: family.name.to_owned(), error };
        for metric in family.metric {
            let metric = metric.map_err(broken)?;
            let mut reader = Reader { family: &family, kind, metric: &metric, wanted, taker: &mut *taker };
            reader.metric().map_err(|fault| match fault {
                Fault::Bytes(error) => broken(error),
                Fault::Refused(problem) => ReadError::Refused(problem),
            })?;
        }
    }
    Ok(())
}

enum Fault {
    Bytes(Error),
    Refused(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Bytes(error)
    }
}

/// A metric and what takes it.
struct Reader<'r, 'a, T> {
    family: &'r Family<'a>,
    kind: MetricType,
    metric: &'r Metric<'a>,
    wanted: Wanted,
    taker: &'r mut T,
}

impl<'a, T: Taker<'a>> Reader<'_, 'a, T> {
    fn metric(&mut self) -> Result<(), Fault> {
        let metric = self.metric;
        match self.kind {
            MetricType::Summary => metric.summary.as_ref().map_or(Ok(()), |summary| self.summary(summary)),
            MetricType::Histogram | MetricType::GaugeHistogram => {
                metric.histogram.as_ref().map_or(Ok(()), |histogram| self.histogram(histogram))
            }
            MetricType::Counter => {
                let Some(counter) = &metric.counter else { return Ok(()) };
                let exemplars = counter.exemplar.as_ref().map(exemplar).transpose()?;
                self.sample("", None, Value::Float(counter.value), exemplars.into_iter().collect())
            }
            _ => {
                let value = metric.gauge.as_ref().or(metric.untyped.as_ref());
                value.map_or(Ok(()), |value| self.float("", None, value.value))
            }
        }
    }

    fn summary(&mut self, summary: &Summary<'a>) -> Result<(), Fault> {
        self.float("_count", None, (summary.sample_count as f64).to_bits())?;
        self.float("_sum", None, summary.sample_sum)?;
        for quantile in summary.quantile {
            let quantile = quantile?;
            self.float("", Some(("quantile", format_float(quantile.quantile))), quantile.value)?;
        }
        Ok(())
    }

    fn histogram(&mut self, histogram: &RawHistogram<'a>) -> Result<(), Fault> {
        let time_ms = self.metric.timestamp_ms.unwrap_or_default();
        let native = histogram.native(self.kind, time_ms).filter(|_| self.wanted.native);
        if let Some(native) = native {
            self.sample("", None, Value::Histogram(Box::new(native)), of_native(histogram)?)?;
            if !self.wanted.classic_too || histogram.bucket.is_empty() {
                return Ok(());
            }
        }
        self.classic(histogram)
    }

    fn classic(&mut self, histogram: &RawHistogram<'a>) -> Result<(), Fault> {
        let float = histogram.sample_count_float;
        let count = if float > 0.0 { float } else { histogram.sample_count as f64 };
        self.float("_count", None, count.to_bits())?;
        self.float("_sum", None, histogram.sample_sum)?;
        let mut infinite = false;
        for bucket in histogram.bucket {
            let bucket = bucket?;
            infinite |= bucket.upper_bound == f64::INFINITY;
            let exemplars = bucket.exemplar.as_ref().map(exemplar).transpose()?;
            let bound = Some(("le", format_float(bucket.upper_bound)));
            self.sample("_bucket", bound, Value::Float(bucket.count().to_bits()), exemplars.into_iter().collect())?;
        }
        if !infinite {
            self.float("_bucket", Some(("le", format_float(f64::INFINITY))), count.to_bits())?;
        }
        Ok(())
    }

    /// When counting began, milliseconds since the epoch; 0 if that is not said.
    fn start_ms(&self) -> i64 {
        let Metric { counter, summary, histogram, .. } = self.metric;
        let created = match self.kind {
            MetricType::Counter => counter.as_ref().and_then(|counter| counter.created_timestamp.as_ref()),
            MetricType::Summary => summary.as_ref().and_then(|summary| summary.created_timestamp.as_ref()),
            MetricType::Histogram => histogram.as_ref().and_then(|histogram| histogram.created_timestamp.as_ref()),
            _ => None,
        };
        created.map_or(0, Timestamp::millis)
    }

    fn float(&mut self, suffix: &str, extra: Option<(&str, String)>, bits: u64) -> Result<(), Fault> {
        self.sample(suffix, extra, Value::Float(bits), Vec::new())
    }

    fn sample(
        &mut self,
        suffix: &str,
        extra: Option<(&str, String)>,
        value: Value<'a>,
        exemplars: Vec<Sent>,
    ) -> Result<(), Fault> {
        let pairs: Vec<(&str, &str)> = self
            .metric
            .label
            .iter()
            .map(|label| label.map(|label| (label.name, label.value)))
            .collect::<Result<_, _>>()?;
        let name = format!("{}{suffix}", self.family.name);
        // Lengths keep what is written differently apart.
        let mut key = name.clone();
        let extra_pair = extra.as_ref().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in pairs.iter().copied().chain(extra_pair) {
            let _ = write!(key, "\u{0}{}:{name}{value}", name.len());
        }
        let all = || pairs.iter().copied().chain(extra_pair).map(|(name, value)| (name, value.to_owned()));
        let labels = || labels_of(&name, all());
        let time_ms = self.metric.timestamp_ms.filter(|time| *time != 0);
        // A quantile does not count.
        let counts = self.wanted.created && extra_pair.is_none_or(|(name, _)| name != "quantile");
        let start_ms = if counts { self.start_ms() } else { 0 };
        let sample = Sample { key: &key, labels: &labels, value, time_ms, start_ms, exemplars };
        self.taker.sample(sample).map_err(Fault::Refused)
    }
}

/// Exemplars of a native histogram: its own, or else those of its classic buckets. Each says when it was.
fn of_native(histogram: &RawHistogram<'_>) -> Result<Vec<Sent>, Error> {
    let mut sent = histogram.exemplars.iter().map(|sent| exemplar(&sent?)).collect::<Result<Vec<_>, Error>>()?;
    if sent.is_empty() {
        for bucket in histogram.bucket {
            sent.extend(bucket?.exemplar.as_ref().map(exemplar).transpose()?);
        }
    }
    sent.retain(|sent| sent.time_ms.is_some());
    Ok(sent)
}

fn exemplar(sent: &Exemplar<'_>) -> Result<Sent, Error> {
    let pairs: Vec<(&str, String)> = sent
        .label
        .iter()
        .map(|label| label.map(|label| (label.name, label.value.to_owned())))
        .collect::<Result<_, _>>()?;
    let labels = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Sent { labels, value: sent.value, time_ms: sent.timestamp.as_ref().map(Timestamp::millis) })
}
