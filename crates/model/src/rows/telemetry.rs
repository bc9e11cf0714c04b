use base::Timestamp;

use crate::row::row;
use crate::{Key, Labels, SeriesId};

row! {
    /// The labels of a series; sent once in a while.
    Series in Series {
        /// When it was last announced.
        time: Timestamp,
        /// Hash of the canonical labels.
        series_id: SeriesId,
        /// The metric's name, as Prometheus has it.
        metric: String,
        /// The labels without the name.
        labels: Labels,
    }
}

row! {
    /// A point of a series.
    Sample in Samples {
        /// The series.
        series_id: SeriesId,
        /// When it was measured.
        ts: Timestamp,
        /// The value; stale markers and NaN payloads are kept bit for bit.
        value: f64,
    }
}

row! {
    /// A native histogram of a series at a time.
    HistogramPoint in Histograms {
        /// The series.
        series_id: SeriesId,
        /// When it was measured.
        ts: Timestamp,
        /// When counting began.
        start_ts: Option<Timestamp>,
        /// What the sender knows of a reset: `unknown`, `yes`, `no`, `gauge`.
        reset_hint: String,
        /// Whether counts are floats.
        is_float: bool,
        /// Observations in all.
        count: f64,
        /// Their sum, bit for bit; a stale marker ends the series.
        sum: f64,
        /// The resolution: -4 to 8, or -53 for buckets with bounds of their own.
        schema: i64,
        /// How far from zero the zero bucket reaches.
        zero_threshold: f64,
        /// Observations in the zero bucket.
        zero_count: f64,
        /// Indexes of the buckets above zero that hold something.
        positive_indexes: Vec<i64>,
        /// Observations in each.
        positive_counts: Vec<f64>,
        /// Indexes of the buckets below zero that hold something.
        negative_indexes: Vec<i64>,
        /// Observations in each.
        negative_counts: Vec<f64>,
        /// Upper bounds of buckets that have bounds of their own.
        bounds: Vec<f64>,
    }
}

row! {
    /// One of the observations behind a sample.
    Exemplar in Exemplars {
        /// The series.
        series_id: SeriesId,
        /// When it was made.
        ts: Timestamp,
        /// The value.
        value: f64,
        /// What is known of it: `trace_id`, mostly.
        labels: Labels,
    }
}

row! {
    /// What a metric is.
    Metadata in Metadata {
        /// When it was last told.
        time: Timestamp,
        /// Key of the metric's name.
        key: Key,
        /// The metric's name, as Prometheus has it.
        metric: String,
        /// `counter`, `gauge`, `histogram`, `gaugehistogram`, `summary`, `info`, `stateset`, `unknown`.
        kind: String,
        /// Its unit.
        unit: String,
        /// What it says.
        help: String,
    }
}

row! {
    /// A log record.
    LogLine in Logs {
        /// When it happened; when it was seen first, if that is not known.
        ts: Timestamp,
        /// `service.name`.
        service: String,
        /// OpenTelemetry's severity text: INFO, WARN, ERROR.
        severity: String,
        /// The message.
        body: String,
        /// Everything else that is known of it.
        attributes: Labels,
        /// OpenTelemetry's severity number, 1 to 24; 0 if it is not known.
        severity_number: Option<i64>,
        /// When it was seen first.
        observed_ts: Option<Timestamp>,
        /// The trace that it belongs to, 32 hexadecimal digits.
        trace_id: Option<String>,
        /// The span that it belongs to, 16 hexadecimal digits.
        span_id: Option<String>,
        /// What sends: OpenTelemetry's resource.
        resource: Option<Labels>,
        /// The library that logs.
        scope: Option<String>,
        /// The name of the event's class, if it is one.
        event: Option<String>,
    }
}

row! {
    /// A span of a trace.
    Span in Spans {
        /// When it began.
        ts: Timestamp,
        /// `service.name`.
        service: String,
        /// Its name.
        name: String,
        /// `internal`, `server`, `client`, `producer`, `consumer`, `unspecified`.
        kind: String,
        /// The trace, 32 hexadecimal digits.
        trace_id: String,
        /// The span, 16 hexadecimal digits.
        span_id: String,
        /// The span that it is a part of; none for a root.
        parent_span_id: Option<String>,
        /// W3C `tracestate`.
        trace_state: Option<String>,
        /// How long it took, nanoseconds.
        duration_ns: i64,
        /// `unset`, `ok`, `error`.
        status: String,
        /// What went wrong.
        status_message: Option<String>,
        /// What is known of it.
        attributes: Labels,
        /// What sends: OpenTelemetry's resource.
        resource: Labels,
        /// The library that measures.
        scope: Option<String>,
        /// What happened within, as a JSON list of `{"time", "name", "attributes"}`, with `dropped_attributes_count` where the sender left some out.
        events: Option<String>,
        /// Other spans, as a JSON list of `{"trace_id", "span_id", "attributes"}`, with `trace_state` and `dropped_attributes_count` where there are any.
        links: Option<String>,
    }
}

impl Series {
    /// Who writes samples announces their series at least this often. What was not announced for
    /// longer has no samples since then, and may leave the memory of who finds series.
    pub const ANNOUNCED_EVERY: std::time::Duration = std::time::Duration::from_secs(3_600);

    /// The id of the series with that metric and these labels: BLAKE3-128 over the names and
    /// values in order of name, each with its length before it. The first two bytes are of the metric's name alone, and
    /// the next two of `job` and `instance` if it has one of them: series of a metric lie side by side in files, and
    /// among them those of a target.
    pub fn id(metric: &str, labels: &Labels) -> SeriesId {
        let mut bytes = Vec::new();
        let mut push = |text: &str| {
            bytes.extend((text.len() as u32).to_le_bytes());
            bytes.extend(text.as_bytes());
        };
        push("__name__");
        push(metric);
        for (name, value) in labels {
            push(name);
            push(value);
        }
        let mut id = SeriesId::of(&bytes);
        let [a, b, c, d, ..] = &mut id.0;
        [*a, *b] = two(metric.as_bytes());
        let target = ["job", "instance"].map(|name| labels.get(name).map_or("", String::as_str));
        if target.iter().any(|value| !value.is_empty()) {
            [*c, *d] = two(target.join("\0").as_bytes());
        }
        id
    }
}

/// Two bytes of a hash.
fn two(bytes: &[u8]) -> [u8; 2] {
    let [a, b, ..] = SeriesId::of(bytes).0;
    [a, b]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_a_metric_and_of_its_targets_have_ids_side_by_side() {
        let id = |metric: &str, labels: &[(&str, &str)]| {
            Series::id(metric, &labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
                .0
        };
        let first = id("up", &[("instance", "a:1"), ("job", "node"), ("x", "1")]);
        let second = id("up", &[("instance", "a:1"), ("job", "node"), ("x", "2")]);
        let other = id("up", &[("instance", "b:1"), ("job", "node"), ("x", "1")]);
        assert_eq!(first[..4], second[..4]);
        assert_ne!(first[4..], second[4..]);
        assert_eq!(first[..2], other[..2]);
        assert_ne!(first[2..4], other[2..4]);
        let (bare, more) = (id("up", &[]), id("up", &[("x", "1")]));
        assert_eq!(bare[..2], more[..2]);
        assert_ne!(bare[2..4], more[2..4], "without a target they are spread");
        assert_ne!(id("down", &[])[..2], bare[..2]);
    }
}
