use base::Timestamp;

use crate::row::row;
use crate::{Labels, SeriesId};

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
    /// A log record.
    LogLine in Logs {
        /// When it happened.
        ts: Timestamp,
        /// `service.name`.
        service: String,
        /// OpenTelemetry's severity text: INFO, WARN, ERROR.
        severity: String,
        /// The message.
        body: String,
        /// Everything else.
        attributes: Labels,
    }
}

impl Series {
    /// The id of the series with that metric and these labels: BLAKE3-128 over the names and
    /// values in order of name, each with its length before it.
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
        SeriesId::of(&bytes)
    }
}
