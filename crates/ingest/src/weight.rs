//! About how many bytes rows take in memory.

use model::Labels;
use model::rows::{Exemplar, HistogramPoint, Metadata, Series, Span};

/// Bytes of a sample.
pub(crate) const SAMPLE: u64 = 32;
/// What is remembered of a series while it is announced.
const ANNOUNCED: usize = 64;
/// A label beside its texts.
pub(crate) const LABEL: usize = 2 * size_of::<String>();

/// A row.
pub(crate) trait Weight {
    /// About how many bytes it takes.
    fn weight(&self) -> usize;
}

/// About how many bytes labels take.
pub(crate) fn of_labels(labels: &Labels) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len() + LABEL).sum()
}

fn of_text(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

impl Weight for Series {
    fn weight(&self) -> usize {
        size_of::<Self>() + ANNOUNCED + self.metric.len() + of_labels(&self.labels)
    }
}

impl Weight for HistogramPoint {
    fn weight(&self) -> usize {
        let indexes = self.positive_indexes.len() + self.negative_indexes.len();
        let counts = self.positive_counts.len() + self.negative_counts.len() + self.bounds.len();
        size_of::<Self>() + self.reset_hint.len() + indexes * size_of::<i64>() + counts * size_of::<f64>()
    }
}

impl Weight for Exemplar {
    fn weight(&self) -> usize {
        size_of::<Self>() + of_labels(&self.labels)
    }
}

impl Weight for Metadata {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.metric.len() + self.kind.len() + self.unit.len() + self.help.len()
    }
}

impl Weight for Span {
    fn weight(&self) -> usize {
        let there = [&self.service, &self.name, &self.kind, &self.trace_id, &self.span_id, &self.status];
        let texts = [&self.parent_span_id, &self.trace_state, &self.status_message, &self.scope];
        let lists = [&self.events, &self.links];
        size_of::<Self>()
            + there.into_iter().map(String::len).sum::<usize>()
            + texts.into_iter().chain(lists).map(|text| of_text(text.as_ref())).sum::<usize>()
            + of_labels(&self.attributes)
            + of_labels(&self.resource)
    }
}
