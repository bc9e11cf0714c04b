use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;

use crate::histogram::{Histogram, ResetHint};
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::storage::{FloatSample, HistogramSample, SelectHints, SeriesSet, Storage, StorageError, StoredSeries};
use crate::value::{Value, is_stale};

/// Series in memory, in the order in which they came.
#[derive(Debug, Default)]
pub struct Memory {
    places: HashMap<Labels, usize>,
    series: Vec<Stored>,
}

#[derive(Debug)]
struct Stored {
    labels: Labels,
    floats: Vec<FloatSample>,
    histograms: Vec<HistogramSample>,
    /// What was handed out, until something is added.
    shared: OnceLock<StoredSeries>,
}

impl Stored {
    fn new(labels: &Labels) -> Self {
        Self { labels: labels.clone(), floats: Vec::new(), histograms: Vec::new(), shared: OnceLock::new() }
    }

    fn last(&self) -> Option<i64> {
        self.floats.last().map(|sample| sample.t).max(self.histograms.last().map(|sample| sample.t))
    }

    fn push(&mut self, Sample { t, start, value }: Sample) {
        match value {
            Value::Float(value) => self.floats.push(FloatSample { t, start, value }),
            Value::Histogram(value) => self.histograms.push(HistogramSample { t, start, value }),
        }
    }

    fn shared(&self) -> StoredSeries {
        let share = || StoredSeries {
            labels: self.labels.clone(),
            floats: self.floats.as_slice().into(),
            histograms: self.histograms.as_slice().into(),
        };
        self.shared.get_or_init(share).clone()
    }
}

/// A sample to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since the epoch.
    pub t: i64,
    /// When its counter began, 0 if that is not known.
    pub start: i64,
    /// The value.
    pub value: Value,
}

impl Memory {
    /// Adds samples to a series. What is at a time already is replaced.
    pub fn append(&mut self, labels: &Labels, samples: impl IntoIterator<Item = Sample>) {
        let place = *self.places.entry(labels.clone()).or_insert(self.series.len());
        if place == self.series.len() {
            self.series.push(Stored::new(labels));
        }
        let Some(series) = self.series.get_mut(place) else { return };
        let mut in_order = true;
        for sample in samples {
            if series.last().is_some_and(|last| last >= sample.t) {
                in_order = false;
                series.floats.retain(|other| other.t != sample.t);
                series.histograms.retain(|other| other.t != sample.t);
            }
            series.push(sample);
        }
        if !in_order {
            series.floats.sort_by_key(|sample| sample.t);
            series.histograms.sort_by_key(|sample| sample.t);
        }
        hint(&series.floats, &mut series.histograms);
        series.shared = OnceLock::new();
    }

    /// The labels of all series.
    pub fn labels(&self) -> impl Iterator<Item = &Labels> {
        self.series.iter().map(|series| &series.labels)
    }

    /// The samples of a series in order of time.
    pub fn samples(&self, labels: &Labels) -> Vec<Sample> {
        let Some(series) = self.places.get(labels).and_then(|place| self.series.get(*place)) else { return Vec::new() };
        let floats = series.floats.iter().map(|sample| Sample {
            t: sample.t,
            start: sample.start,
            value: Value::Float(sample.value),
        });
        let histograms = series.histograms.iter().map(|sample| Sample {
            t: sample.t,
            start: sample.start,
            value: Value::Histogram(Arc::clone(&sample.value)),
        });
        let mut samples: Vec<Sample> = floats.chain(histograms).collect();
        samples.sort_by_key(|sample| sample.t);
        samples
    }
}

/// Hints about resets as a store of chunks has them: within a run of histograms of one counter that
/// only rise, each but the first is known not to follow a reset; of the first nothing is known.
fn hint(floats: &[FloatSample], histograms: &mut [HistogramSample]) {
    let mut previous: Option<HistogramSample> = None;
    for sample in histograms {
        if sample.value.reset_hint == ResetHint::Gauge {
            previous = None;
            continue;
        }
        let hint = match &previous {
            Some(before) if continues(&before.value, &sample.value) && !float_between(floats, before.t, sample.t) => {
                ResetHint::NotReset
            }
            _ => ResetHint::Unknown,
        };
        let original = sample.clone();
        if sample.value.reset_hint != hint {
            Arc::make_mut(&mut sample.value).reset_hint = hint;
        }
        previous = Some(original);
    }
}

fn float_between(floats: &[FloatSample], after: i64, before: i64) -> bool {
    floats.get(floats.partition_point(|sample| sample.t <= after)).is_some_and(|sample| sample.t < before)
}

fn continues(before: &Histogram, now: &Histogram) -> bool {
    if is_stale(now.sum) {
        return true;
    }
    if is_stale(before.sum) || now.reset_hint == ResetHint::Reset {
        return false;
    }
    let compared = Histogram { reset_hint: ResetHint::Unknown, ..now.clone() };
    now.schema == before.schema
        && now.zero_threshold == before.zero_threshold
        && now.custom_values == before.custom_values
        && !compared.is_reset_since(before)
}

impl Storage for Memory {
    fn select(&self, matchers: &[Matcher], _: &SelectHints) -> Result<SeriesSet<'_>, StorageError> {
        let matching = |series: &&Stored| matchers.iter().all(|matcher| matcher.matches_labels(&series.labels));
        let found: Vec<StoredSeries> = self.series.iter().filter(matching).map(Stored::shared).collect();
        Ok(Box::new(found.into_iter().map(Ok)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_rises_is_known_not_to_be_reset() {
        let mut memory = Memory::default();
        let labels = Labels::new([("__name__", "h")]);
        let counts = [1.0, 2.0, 1.0, 3.0];
        let samples = counts.iter().zip(0..).map(|(count, t)| Sample {
            t,
            start: 0,
            value: Histogram { count: *count, ..Histogram::default() }.into(),
        });
        memory.append(&labels, samples);
        let hints = memory
            .samples(&labels)
            .into_iter()
            .filter_map(|sample| sample.value.as_histogram().map(|histogram| histogram.reset_hint));
        use ResetHint::{NotReset, Unknown};
        assert_eq!(hints.collect::<Vec<_>>(), [Unknown, NotReset, Unknown, NotReset]);
    }
}
