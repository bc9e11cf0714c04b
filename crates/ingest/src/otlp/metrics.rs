use model::{Labels, SeriesId};
use wire::body::Encoding;
use wire::names::{Identity, Kind, TARGET_INFO, has_target_info, label_name, metric_name, unit_name};
use wire::otlp::metrics::{
    Data, ExponentialPoint, HistogramPoint, Metric, MetricsRequest, NO_RECORDED_VALUE, NumberPoint, ResourceMetrics,
    SummaryPoint, Temporality, Value,
};
use wire::otlp::{Format, KeyValue};
use wire::pb::{Repeated, View};

use super::labels::{self, Common, promoted};
use crate::catalog::LabelHash;
use crate::gate::RowsRoom;
use crate::histograms::{Unkept, exponential, time};
use crate::parts::Sent;
use crate::request::{METRIC_NAME, Request, too_long};
use crate::rows::Rows;
use crate::{Ingest, IngestError, Permit, Taken};

/// A stale marker.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);
/// The label of series whose points count since the point before.
const DELTA: (&str, &str) = ("__temporality__", "delta");

/// Characters of a name that errors tell.
const SHOWN: usize = 128;

/// The earliest and the latest time of points, nanoseconds since the epoch.
#[derive(Clone, Copy)]
struct Times {
    earliest: u64,
    latest: u64,
}

impl Times {
    const NONE: Self = Self { earliest: u64::MAX, latest: 0 };

    /// A point has this time; 0 if it has none.
    fn see(&mut self, nanos: u64) {
        if nanos > 0 {
            self.earliest = self.earliest.min(nanos);
            self.latest = self.latest.max(nanos);
        }
    }

    fn add(&mut self, other: Self) {
        self.earliest = self.earliest.min(other.earliest);
        self.latest = self.latest.max(other.latest);
    }
}

/// A metric with what its series have in common.
struct Named<'a> {
    common: Common<'a>,
    name: String,
    /// A hash of all that is in the labels of each of its series.
    hash: LabelHash,
    delta: bool,
    /// Whether its points are all that was counted since they began.
    counts: bool,
}

impl Named<'_> {
    /// When the counting of a point began, nanoseconds since the epoch; 0 if that is not known, nothing if it counts nothing.
    fn start(&self, nanos: u64, is_stale: bool) -> Option<i64> {
        (self.counts && !is_stale).then(|| i64::try_from(nanos).unwrap_or(0))
    }
}

/// A point whose series are looked for.
struct Point<'a, 'w> {
    attributes: &'a Repeated<'w, KeyValue<'w>>,
    /// Of what its series have in common.
    hash: LabelHash,
    /// Why its attributes are no labels, once that was found out.
    problem: Option<String>,
    /// Whether one of its series was refused, and so the point.
    is_refused: bool,
}

impl Ingest {
    /// Takes metrics: `ExportMetricsServiceRequest`.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn otlp_metrics(
        &self,
        body: &[u8],
        encoding: Encoding,
        format: Format,
        room: &Permit,
    ) -> Result<Taken, IngestError> {
        let (rows, taken) =
            self.otlp::<MetricsRequest<'_>, _>(body, encoding, format, |body, _| self.read_metrics(body, room.rows()))?;
        self.commit(rows, taken, Sent { protocol: "otlp", place: "metrics", body }).await
    }

    pub(crate) fn read_metrics(&self, body: &[u8], room: RowsRoom) -> Result<(Rows, Taken), IngestError> {
        let sent = MetricsRequest::decode(body)?;
        let mut request = Request::new(self, room);
        for resource in sent.resource_metrics {
            request.resource_metrics(&resource?)?;
        }
        Ok((request.rows, request.taken))
    }
}

impl Request<'_> {
    fn resource_metrics(&mut self, sent: &ResourceMetrics<'_>) -> Result<(), IngestError> {
        let attributes = sent.resource.map(|resource| resource.attributes);
        let identity = attributes.as_ref().map(Identity::of).transpose()?.unwrap_or_default();
        let ingest = self.ingest;
        let config = &ingest.0.config;
        let strategy = config.strategy();
        let promoted = match &attributes {
            Some(attributes) => promoted(attributes, &config.promote_resource_attributes, strategy)?,
            None => Labels::new(),
        };
        let sender = labels::sender(&identity);
        let problem = labels::problem(config, &sender).or_else(|| labels::problem(config, &promoted));
        let of_resource = self.hash(format!("{promoted:?}{sender:?}").as_bytes());
        let mut times = Times::NONE;
        for scope in sent.scope_metrics {
            let scope = scope?;
            let of_scope = labels::scope(scope.scope, scope.schema_url, strategy)?;
            let problem = problem.clone().or_else(|| labels::problem(config, &of_scope));
            let common = Common { config, promoted: &promoted, scope: &of_scope, sender: &sender };
            let own = self.hash(format!("{of_resource}{of_scope:?}").as_bytes());
            for metric in scope.metrics {
                let metric = metric?;
                match &problem {
                    Some(problem) => self.refuse_points(&metric, problem),
                    None => times.add(self.metric(&metric, common, own)?),
                }
            }
        }
        if let Some(attributes) = &attributes
            && times.latest > 0
            && has_target_info(&identity, attributes.len())
        {
            self.target_info(&sender, attributes, times)?;
        }
        Ok(())
    }

    /// What sends, as a series: it is there wherever its points are, in the eyes of a query that looks back.
    fn target_info<'w>(
        &mut self,
        sender: &Labels,
        attributes: &Repeated<'w, KeyValue<'w>>,
        times: Times,
    ) -> Result<(), IngestError> {
        let (ingest, none) = (self.ingest, Labels::new());
        let config = &ingest.0.config;
        let strategy = config.strategy();
        let scope = labels::scope(None, "", strategy)?;
        let common = Common { config, promoted: &none, scope: &scope, sender };
        let hash = self.hash(format!("{TARGET_INFO}{sender:?}{:?}", attributes.raw()).as_bytes());
        let gone = |labels: Labels| {
            let identifying = wire::names::IDENTIFYING.map(|key| label_name(key, strategy).unwrap_or(key.into()));
            labels.into_iter().filter(|(name, _)| identifying.iter().all(|other| other != name)).collect()
        };
        let id = match self.known(hash) {
            Some(id) => Ok(id),
            None => match common.labels(TARGET_INFO, attributes, &[])? {
                Ok(labels) => self.announce(hash, gone(labels))?,
                Err(problem) => Err(problem),
            },
        };
        match id {
            Ok(id) => {
                let span = (times.earliest, times.latest);
                for at in ingest.0.targets.missing(&mut self.rows.told, id, span, self.now) {
                    self.sample(id, time(at).nanos(), 1.0)?;
                }
                self.sample(id, time(times.latest).nanos(), 1.0)
            }
            Err(problem) => {
                self.taken.refused.note(|| format!("{TARGET_INFO}: {problem}"));
                Ok(())
            }
        }
    }

    /// Takes the points of a metric; gives their times.
    fn metric(&mut self, metric: &Metric<'_>, common: Common<'_>, own: LabelHash) -> Result<Times, IngestError> {
        let mut times = Times::NONE;
        let Some(data) = metric.data() else { return Ok(times) };
        let temporality = |number: i32| Temporality::from(number) == Temporality::Delta;
        let (kind, word, delta) = match &data {
            Data::Gauge(_) => (Kind::Gauge, "gauge", false),
            Data::Sum(sum) if sum.is_monotonic => (Kind::Counter, "counter", temporality(sum.aggregation_temporality)),
            Data::Sum(sum) => (Kind::Other, "gauge", temporality(sum.aggregation_temporality)),
            Data::Histogram(found) => (Kind::Other, "histogram", temporality(found.aggregation_temporality)),
            Data::ExponentialHistogram(found) => (Kind::Other, "histogram", temporality(found.aggregation_temporality)),
            Data::Summary(_) => (Kind::Other, "summary", false),
        };
        let name = match metric_name(metric.name, metric.unit, kind, common.config.strategy()) {
            Ok(name) => name,
            Err(error) => {
                self.refuse_points(metric, &error.to_string());
                return Ok(times);
            }
        };
        if let Some(problem) = too_long(std::iter::once((METRIC_NAME, name.as_str())), common.config) {
            self.refuse_points(metric, &problem);
            return Ok(times);
        }
        let hash = self.hash(format!("{own}\0{name}\0{delta}").as_bytes());
        let announced = self.announced();
        let counts = !delta && (kind == Kind::Counter || matches!(word, "histogram" | "summary"));
        let named = Named { common, name, hash, delta, counts };
        match data {
            Data::Gauge(gauge) => {
                for point in gauge.data_points {
                    times.see(self.number(&named, &point?)?);
                }
            }
            Data::Sum(sum) => {
                for point in sum.data_points {
                    times.see(self.number(&named, &point?)?);
                }
            }
            Data::Histogram(histogram) => {
                for point in histogram.data_points {
                    times.see(self.classic(&named, &point?)?);
                }
            }
            Data::ExponentialHistogram(histogram) => {
                for point in histogram.data_points {
                    times.see(self.native(&named, &point?)?);
                }
            }
            Data::Summary(summary) => {
                for point in summary.data_points {
                    times.see(self.summary(&named, &point?)?);
                }
            }
        }
        // What a metric is is told as often as its series are.
        if self.announced() > announced {
            self.metadata(&named.name, word, &unit_name(metric.unit, false), metric.description)?;
        }
        Ok(times)
    }

    /// Refuses all points of a metric.
    fn refuse_points(&mut self, metric: &Metric<'_>, problem: &str) {
        for _ in 0..metric.points() {
            self.taken.refused.push(|| format!("{}: {problem}", shown(metric.name)));
        }
    }

    /// A point with these attributes, known by a hash of them as they came.
    fn point<'a, 'w>(
        &self,
        named: &Named<'_>,
        attributes: &'a Repeated<'w, KeyValue<'w>>,
    ) -> Result<Point<'a, 'w>, IngestError> {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&named.hash.to_le_bytes());
        match attributes.raw() {
            Some(raw) => bytes.extend_from_slice(raw),
            None => bytes.extend_from_slice(format!("{:?}", named.common.labels("", attributes, &[])?).as_bytes()),
        }
        Ok(Point { attributes, hash: self.hash(&bytes), problem: None, is_refused: false })
    }

    /// A series of a point.
    fn series_of(
        &mut self,
        named: &Named<'_>,
        point: &mut Point<'_, '_>,
        suffix: &str,
        more: Option<(&str, &str)>,
    ) -> Result<Option<SeriesId>, IngestError> {
        let hash = if suffix.is_empty() && more.is_none() {
            point.hash
        } else {
            let value = more.map_or("", |(_, value)| value);
            self.hash(format!("{}\0{suffix}\0{value}", point.hash).as_bytes())
        };
        if let Some(id) = self.known(hash) {
            return Ok(Some(id));
        }
        let name = format!("{}{suffix}", named.name);
        let announced = match self.full(hash, &name).or_else(|| point.problem.clone()) {
            Some(problem) => Err(problem),
            None => {
                let more: Vec<(&str, &str)> = more.into_iter().chain(named.delta.then_some(DELTA)).collect();
                match named.common.labels(&name, point.attributes, &more)? {
                    Ok(labels) => self.announce(hash, labels)?,
                    Err(problem) => Err(point.problem.insert(problem).clone()),
                }
            }
        };
        match announced {
            Ok(id) => Ok(Some(id)),
            Err(problem) => {
                // What is counted is points, however many series one of them is.
                if !std::mem::replace(&mut point.is_refused, true) {
                    self.taken.refused.push(|| format!("{}: {problem}", shown(&name)));
                }
                Ok(None)
            }
        }
    }

    fn number(&mut self, named: &Named<'_>, point: &NumberPoint<'_>) -> Result<u64, IngestError> {
        let is_stale = point.flags & NO_RECORDED_VALUE != 0;
        let value = match point.value() {
            _ if is_stale => STALE,
            Some(Value::Double(value)) => value,
            Some(Value::Int(value)) => value as f64,
            None => {
                self.taken.refused.push(|| format!("{}: a point has no value", named.name));
                return Ok(0);
            }
        };
        let mut of = self.point(named, &point.attributes)?;
        if let Some(id) = self.series_of(named, &mut of, "", None)? {
            let start = named.start(point.start_time_unix_nano, is_stale);
            self.counted(id, start, time(point.time_unix_nano).nanos(), value)?;
            self.exemplars(&point.exemplars, point.time_unix_nano, |_| Some(id))?;
        }
        Ok(point.time_unix_nano)
    }

    /// Buckets with bounds become series, as in Prometheus: one for each bound, the sum and the count.
    fn classic(&mut self, named: &Named<'_>, point: &HistogramPoint<'_>) -> Result<u64, IngestError> {
        let nanos = time(point.time_unix_nano).nanos();
        let is_stale = point.flags & NO_RECORDED_VALUE != 0;
        let start = named.start(point.start_time_unix_nano, is_stale);
        let or_stale = |value: f64| if is_stale { STALE } else { value };
        let (mut bounds, mut sum) = (point.explicit_bounds.iter(), 0_u64);
        let mut buckets = Vec::new();
        let mut of = self.point(named, &point.attributes)?;
        for count in point.bucket_counts.iter() {
            sum = sum.saturating_add(count?);
            let Some(bound) = bounds.next().transpose()? else { break };
            let le = digits(bound);
            if let Some(id) = self.series_of(named, &mut of, "_bucket", Some(("le", &le)))? {
                self.counted(id, start, nanos, or_stale(sum as f64))?;
                if !point.exemplars.is_empty() {
                    buckets.push((bound, id));
                }
            }
        }
        let all = [
            ("_bucket", Some(("le", "+Inf")), Some(point.count as f64)),
            ("_sum", None, point.sum),
            ("_count", None, Some(point.count as f64)),
        ];
        for (suffix, more, value) in all {
            let Some(value) = value else { continue };
            if let Some(id) = self.series_of(named, &mut of, suffix, more)? {
                self.counted(id, start, nanos, or_stale(value))?;
                if more.is_some() {
                    buckets.push((f64::INFINITY, id));
                }
            }
        }
        let bucket = |value: f64| buckets.iter().find(|(bound, _)| value <= *bound).map(|(_, id)| *id);
        self.exemplars(&point.exemplars, point.time_unix_nano, bucket)?;
        Ok(point.time_unix_nano)
    }

    fn native(&mut self, named: &Named<'_>, point: &ExponentialPoint<'_>) -> Result<u64, IngestError> {
        let is_stale = point.flags & NO_RECORDED_VALUE != 0;
        let mut of = self.point(named, &point.attributes)?;
        let Some(id) = self.series_of(named, &mut of, "", None)? else { return Ok(point.time_unix_nano) };
        match exponential(id, point, named.delta, is_stale) {
            Ok(row) => {
                self.take_histogram(row, named.counts)?;
                self.exemplars(&point.exemplars, point.time_unix_nano, |_| Some(id))?;
            }
            Err(Unkept::Bytes(error)) => return Err(error.into()),
            Err(why) => self.taken.refused.push(|| format!("{}: {why}", named.name)),
        }
        Ok(point.time_unix_nano)
    }

    fn summary(&mut self, named: &Named<'_>, point: &SummaryPoint<'_>) -> Result<u64, IngestError> {
        let nanos = time(point.time_unix_nano).nanos();
        let is_stale = point.flags & NO_RECORDED_VALUE != 0;
        let start = named.start(point.start_time_unix_nano, is_stale);
        let or_stale = |value: f64| if is_stale { STALE } else { value };
        let mut of = self.point(named, &point.attributes)?;
        for quantile in point.quantile_values {
            let quantile = quantile?;
            let share = digits(quantile.quantile);
            if let Some(id) = self.series_of(named, &mut of, "", Some(("quantile", &share)))? {
                self.sample(id, nanos, or_stale(quantile.value))?;
            }
        }
        for (suffix, value) in [("_sum", point.sum), ("_count", point.count as f64)] {
            if let Some(id) = self.series_of(named, &mut of, suffix, None)? {
                self.counted(id, start, nanos, or_stale(value))?;
            }
        }
        Ok(point.time_unix_nano)
    }
}

/// The beginning of a name, for errors.
fn shown(name: &str) -> String {
    name.chars().take(SHOWN).collect()
}

/// A number as Prometheus has it in labels of OTLP: the fewest digits that are the same number, and no exponent.
fn digits(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_written_as_go_writes_them_without_an_exponent() {
        for (value, expected) in [
            (0.00005, "0.00005"),
            (1e21, "1000000000000000000000"),
            (1.5e-7, "0.00000015"),
            (0.1, "0.1"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.0, "0"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(digits(value), expected);
        }
    }
}
