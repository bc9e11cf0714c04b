//! Prometheus' remote write.

use std::collections::HashMap;

use base::Limit;
use model::rows::Series;
use model::{Labels, SeriesId};
use wire::body::Encoding;
use wire::remote_write::{RequestError, Rule, Sample, v1};

use crate::catalog::{LabelHash, Look};
use crate::points::Rows;
use crate::{Ingest, IngestError, Refusals};

/// The label that holds a metric's name.
const METRIC_NAME: &str = "__name__";
/// Nanoseconds of a day.
const DAY: i64 = 86_400 * 1_000_000_000;

/// What of a request was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Samples.
    pub samples: u64,
    /// Native histograms.
    pub histograms: u64,
    /// Exemplars.
    pub exemplars: u64,
}

impl Ingest {
    /// Takes a request of version 1.
    ///
    /// # Errors
    /// See [`IngestError`]; after [`IngestError::Refused`] the rest is durable.
    pub async fn remote_write_v1(&self, body: &[u8], encoding: Encoding) -> Result<Taken, IngestError> {
        let mut buffer = Vec::new();
        let limit = Limit::new("ingest.max_decoded_bytes", self.0.config.max_decoded_bytes);
        let body = encoding.decode(body, limit, &mut buffer)?;
        let (rows, taken, refusals) = self.read_v1(body)?;
        self.append(rows).await?;
        metrics::counter!("steadfast_ingest_samples_total", "protocol" => "remote_write").increment(taken.samples);
        if refusals.count() > 0 {
            metrics::counter!("steadfast_ingest_refused_total", "protocol" => "remote_write")
                .increment(refusals.count() as u64);
            return Err(IngestError::Refused(refusals));
        }
        Ok(taken)
    }

    fn read_v1(&self, body: &[u8]) -> Result<(Rows, Taken, Refusals), IngestError> {
        let bytes = |error: wire::pb::Error| IngestError::Request(RequestError::Bytes(error));
        let request = v1::WriteRequest::read(body).map_err(bytes)?;
        let now = self.0.clock.now();
        let day = i32::try_from(now.nanos().div_euclid(DAY)).unwrap_or(i32::MAX);
        let look = self.0.catalog.look(day);
        let mut reading = Reading {
            ingest: self,
            look,
            rows: Rows::new(self.0.log.shards(), day),
            now,
            fresh: HashMap::new(),
            taken: Taken::default(),
            refusals: Refusals::default(),
        };
        for (n, series) in request.timeseries.iter().enumerate() {
            reading.series(n, &series.map_err(bytes)?).map_err(bytes)?;
        }
        Ok((reading.rows, reading.taken, reading.refusals))
    }
}

/// A request that is being read.
struct Reading<'a> {
    ingest: &'a Ingest,
    look: Look<'a>,
    rows: Rows,
    now: base::Timestamp,
    /// Series that this request announces.
    fresh: HashMap<LabelHash, SeriesId>,
    taken: Taken,
    refusals: Refusals,
}

impl Reading<'_> {
    fn series(&mut self, n: usize, series: &v1::Series<'_>) -> Result<(), wire::pb::Error> {
        let hash = series.labels.raw().map(|raw| self.ingest.0.catalog.hash(raw));
        let known = hash.and_then(|hash| self.look.find(hash).or_else(|| self.fresh.get(&hash).copied()));
        let id = match known {
            Some(id) => id,
            None => match self.announce(hash, series)? {
                Ok(id) => id,
                Err(problem) => {
                    self.refusals.push(|| format!("series {n}: {problem}"));
                    return Ok(());
                }
            },
        };
        let Some(points) = self.rows.of(id) else { return Ok(()) };
        for sample in series.samples() {
            let Sample { time_ms, value, .. } = sample?;
            match time_ms.checked_mul(1_000_000) {
                Some(nanos) => {
                    points.push(id, nanos, value);
                    self.taken.samples += 1;
                }
                None => self.refusals.push(|| format!("series {n}: {time_ms} ms is no time that can be kept")),
            }
        }
        if !series.histograms.is_empty() {
            self.refusals.push(|| format!("series {n}: native histograms are not kept"));
        }
        Ok(())
    }

    /// Reads the labels of a series that is not known today.
    fn announce(
        &mut self,
        hash: Option<LabelHash>,
        series: &v1::Series<'_>,
    ) -> Result<Result<SeriesId, String>, wire::pb::Error> {
        match series.check_labels()? {
            // Order is restored here; everything else is the sender's mistake.
            Ok(_) | Err(Rule::Labels(wire::labels::LabelRule::Unsorted(_))) => {}
            Err(rule) => return Ok(Err(rule.to_string())),
        }
        let mut labels = Labels::new();
        for label in series.labels {
            let label = label?;
            if label.value.is_empty() {
                continue;
            }
            if labels.insert(label.name.to_owned(), label.value.to_owned()).is_some() {
                return Ok(Err(format!("label `{}` is there twice", label.name)));
            }
        }
        let hash = hash.unwrap_or_else(|| self.ingest.0.catalog.hash(format!("{labels:?}").as_bytes()));
        if let Some(id) = self.look.find(hash).or_else(|| self.fresh.get(&hash).copied()) {
            return Ok(Ok(id));
        }
        let metric = labels.remove(METRIC_NAME).unwrap_or_default();
        if let Err(problem) = self.ingest.allowed(&self.look, self.fresh.len(), hash, &metric, &labels) {
            return Ok(Err(problem));
        }
        let series_id = Series::id(&metric, &labels);
        self.fresh.insert(hash, series_id);
        self.rows.announce(hash, Series { time: self.now, series_id, metric, labels });
        Ok(Ok(series_id))
    }
}

impl Ingest {
    /// Holds a new series to the limits.
    fn allowed(
        &self,
        look: &Look<'_>,
        fresh: usize,
        hash: LabelHash,
        metric: &str,
        labels: &Labels,
    ) -> Result<(), String> {
        let config = &self.0.config;
        if metric.is_empty() && labels.is_empty() {
            return Err("it has no labels".to_owned());
        }
        let count = labels.len() + usize::from(!metric.is_empty());
        if count > config.max_labels {
            return Err(format!("metric `{metric}`: {count} labels exceed the limit ingest.max_labels = {}", config.max_labels));
        }
        let long = |(name, value): &(&String, &String)| value.len().max(name.len()) > config.max_label_bytes;
        if let Some((name, value)) = labels.iter().find(long) {
            let (name, bytes): (String, _) = (name.chars().take(64).collect(), value.len().max(name.len()));
            return Err(format!(
                "metric `{metric}`: label `{name}` has {bytes} bytes, the limit ingest.max_label_bytes is {}",
                config.max_label_bytes
            ));
        }
        if look.len() + fresh >= self.0.catalog.max() && !look.is_old(hash) {
            let grows = self.grows(metric);
            return Err(format!("metric `{metric}`: the limit ingest.max_series = {} is reached{grows}", config.max_series));
        }
        Ok(())
    }

    /// Which label of a metric has the most values.
    fn grows(&self, metric: &str) -> String {
        let index = self.0.store.series();
        let is_it = |value: &str| value == metric;
        let test = [store::LabelTest { name: METRIC_NAME, equal: Some(metric), matches: &is_it }];
        let names = index.names(&test, base::Timestamp::ZERO);
        let values = |name: &str| index.values(name, &test, base::Timestamp::ZERO).len();
        let most = names.iter().map(|name| (values(name), name)).max();
        most.map(|(count, name)| format!("; its label `{name}` has {count} values")).unwrap_or_default()
    }
}
