use std::sync::Arc;

use crate::annotations::Annotations;
use crate::histogram::Histogram;
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::value::Point;

/// A number at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FloatSample {
    /// Milliseconds since the epoch.
    pub t: i64,
    /// When the counter began that this is a sample of, in milliseconds; 0 if it is not known.
    pub start: i64,
    /// The number; [`crate::stale_marker`] ends the series.
    pub value: f64,
}

/// A histogram at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSample {
    /// Milliseconds since the epoch.
    pub t: i64,
    /// When the counter began that this is a sample of, in milliseconds; 0 if it is not known.
    pub start: i64,
    /// The histogram; one whose sum is [`crate::stale_marker`] ends the series.
    pub value: Arc<Histogram>,
}

/// The samples of a series.
#[derive(Clone, Debug)]
pub struct StoredSeries {
    /// Its labels.
    pub labels: Labels,
    /// Numbers in order of time.
    pub floats: Arc<[FloatSample]>,
    /// Histograms in order of time; at no time of a number.
    pub histograms: Arc<[HistogramSample]>,
}

impl StoredSeries {
    /// How many samples it counts as where these are limited.
    pub fn samples(&self) -> usize {
        self.floats.len() + self.histograms.iter().map(|sample| sample.value.samples()).sum::<usize>()
    }
}

/// What a selection is for. Times in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectHints {
    /// No sample before this is looked at.
    pub start: i64,
    /// No sample after this is looked at.
    pub end: i64,
    /// The interval of evaluation.
    pub step: i64,
    /// At how many times it is evaluated.
    pub steps: usize,
    /// The length of a range selector, 0 for an instant selector.
    pub range: i64,
    /// The function or aggregation around the selector.
    pub function: Option<&'static str>,
}

/// Why a selection failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StorageError(pub Box<dyn std::error::Error + Send + Sync>);

/// Series, one after the other: those of a large selection need not all be there at once.
pub type SeriesSet<'a> = Box<dyn Iterator<Item = Result<StoredSeries, StorageError>> + 'a>;

/// A series of which an evaluation has made what it could as soon as its samples were there.
#[derive(Debug)]
pub struct Prepared(pub(crate) Found);

#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing was made of it.
    Samples(StoredSeries),
    Points(Evaluated),
}

/// What a selector, or a function of its ranges, gives for a series.
#[derive(Debug)]
pub(crate) struct Evaluated {
    pub labels: Labels,
    pub points: Vec<Point>,
    pub notes: Annotations,
    /// Samples of the largest range.
    pub widest: usize,
}

/// What an evaluation makes of a series.
pub type Prepare = Arc<dyn Fn(StoredSeries) -> Prepared + Send + Sync>;

/// Series of which that was made.
pub type PreparedSet<'a> = Box<dyn Iterator<Item = Result<Prepared, StorageError>> + 'a>;

/// Where series come from.
pub trait Storage {
    /// All series that satisfy all matchers, each with at least its samples from `hints.start` to
    /// `hints.end`. No two have the same labels; the order is free but the same each time.
    ///
    /// # Errors
    /// What the storage cannot do; the query fails with it.
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<SeriesSet<'_>, StorageError>;

    /// The same, and what is made of each of the series. A storage that reads with threads has these do it, so that series are
    /// evaluated side by side.
    ///
    /// # Errors
    /// As [`Self::select`].
    fn prepared(
        &self,
        matchers: &[Matcher],
        hints: &SelectHints,
        prepare: Prepare,
    ) -> Result<PreparedSet<'_>, StorageError> {
        Ok(Box::new(self.select(matchers, hints)?.map(move |series| series.map(|series| prepare(series)))))
    }
}
