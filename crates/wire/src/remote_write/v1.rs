//! `prometheus.WriteRequest`.

use super::{MetricType, Rule, Sample};
use crate::histogram::{BucketSpan, Count, Histogram, Side};
use crate::labels::{LabelFacts, check_labels};
use crate::pb::{
    Bits, Double, Enum, Error, Int64, Many, Numbers, Opt, RawStr, Reader, Repeated, Sint32, Sint64, Str, Uint64, View,
    views,
};

/// The number of [`Series::labels`].
const LABELS: u32 = 1;

views! {
    /// A request.
    pub struct WriteRequest<'a> {
        /// The series.
        timeseries: Many<Series<'a>> = 1,
        /// What metrics are; not of the series of this request only.
        metadata: Many<Metadata<'a>> = 3,
    }

    /// A series with what is new of it.
    pub struct Series<'a> {
        /// Its labels; [`Repeated::raw`] gives their bytes, by which a known series can be found unread.
        labels: Many<Label<'a>> = 1,
        /// Values; see [`Series::samples`].
        samples: Many<RawSample> = 2,
        /// Exemplars.
        exemplars: Many<Exemplar<'a>> = 3,
        /// Native histograms; see [`Series::histograms`].
        histograms: Many<RawHistogram<'a>> = 4,
    }

    /// A label.
    pub struct Label<'a> {
        /// Its name.
        name: Str = 1,
        /// Its value.
        value: Str = 2,
    }

    /// A label that may not be UTF-8: [`Repeated::cast`] reads labels as these.
    pub struct RawLabel<'a> {
        /// Its name.
        name: RawStr = 1,
        /// Its value.
        value: RawStr = 2,
    }

    /// A value as it is sent.
    pub struct RawSample {
        /// The bits of the value.
        value: Bits = 1,
        /// Milliseconds since the epoch.
        timestamp: Int64 = 2,
    }

    /// An exemplar.
    pub struct Exemplar<'a> {
        /// Its labels.
        labels: Many<Label<'a>> = 1,
        /// The bits of its value.
        value: Bits = 2,
        /// Milliseconds since the epoch.
        timestamp: Int64 = 3,
    }

    /// What a metric is.
    pub struct Metadata<'a> {
        /// See [`Metadata::metric_type`].
        kind: Enum = 1,
        /// The metric's name, without `_total`, `_bucket` and the like.
        metric_family_name: Str = 2,
        /// What it says.
        help: Str = 4,
        /// Its unit.
        unit: Str = 5,
    }

    /// What a metric is, in texts that may not be UTF-8.
    pub struct RawMetadata<'a> {
        /// See [`RawMetadata::metric_type`].
        kind: Enum = 1,
        /// As [`Metadata::metric_family_name`].
        metric_family_name: RawStr = 2,
        /// What it says.
        help: RawStr = 4,
        /// Its unit.
        unit: RawStr = 5,
    }

    /// A native histogram as it is sent, in both versions.
    pub struct RawHistogram<'a> {
        /// All observations, of an integer histogram.
        count_int: Opt<Uint64> = 1,
        /// All observations, of a float histogram.
        count_float: Opt<Double> = 2,
        /// The bits of their sum.
        sum: Bits = 3,
        /// The schema.
        schema: Sint32 = 4,
        /// The zero bucket's reach.
        zero_threshold: Double = 5,
        /// In the zero bucket, of an integer histogram.
        zero_count_int: Opt<Uint64> = 6,
        /// In the zero bucket, of a float histogram.
        zero_count_float: Opt<Double> = 7,
        /// Which buckets there are below zero.
        negative_spans: Many<BucketSpan> = 8,
        /// Differences of integer counts.
        negative_deltas: Numbers<Sint64> = 9,
        /// Float counts.
        negative_counts: Numbers<Double> = 10,
        /// Which buckets there are above zero.
        positive_spans: Many<BucketSpan> = 11,
        /// Differences of integer counts.
        positive_deltas: Numbers<Sint64> = 12,
        /// Float counts.
        positive_counts: Numbers<Double> = 13,
        /// What is known of a reset.
        reset_hint: Enum = 14,
        /// Milliseconds since the epoch.
        timestamp: Int64 = 15,
        /// Bounds of custom buckets.
        custom_values: Numbers<Double> = 16,
        /// When counting began; version 2 only.
        start_timestamp: Int64 = 17,
    }
}

impl<'a> WriteRequest<'a> {
    /// Reads where the series of a decompressed body are.
    ///
    /// # Errors
    /// Bytes that are no request, with the place.
    pub fn read(body: &'a [u8]) -> Result<Self, Error> {
        Self::decode(body)
    }
}

impl<'a> Series<'a> {
    /// The values in order; an error is the last.
    #[inline]
    pub fn samples(&self) -> impl Iterator<Item = Result<Sample, Error>> + Clone + 'a {
        self.samples.iter().map(|sample| {
            sample.map(|RawSample { value, timestamp }| Sample { time_ms: timestamp, value, start_ms: 0 })
        })
    }

    /// The native histograms in order; an error is the last.
    pub fn histograms(&self) -> impl Iterator<Item = Result<Histogram<'a>, Error>> + Clone + 'a {
        self.histograms.iter().map(|histogram| histogram.map(Histogram::from))
    }

    /// Names and values of the labels in order; an error is the last. Twice as fast as reading each
    /// [`Label`]: all of them are looked at for being UTF-8 at once.
    #[inline]
    pub fn pairs(&self) -> Pairs<'a> {
        // Tags are ASCII, and so are lengths below 128: the bytes are a text as a whole if the labels are.
        let text = self.labels.raw().and_then(|raw| std::str::from_utf8(raw).ok()).unwrap_or_default();
        Pairs { labels: self.labels.reader(), text }
    }

    /// Looks whether the labels follow the rules, without a copy of any.
    ///
    /// # Errors
    /// Bytes that cannot be read; within, the rule that is broken.
    #[inline]
    pub fn check_labels(&self) -> Result<Result<LabelFacts, Rule>, Error> {
        let labels: Repeated<'a, RawLabel<'a>> = self.labels.cast();
        let found = check_labels(
            labels.iter().map(|label| label.map(|label| (label.name, label.value))),
            labels.raw().is_some_and(<[u8]>::is_ascii), // tags and short lengths are ASCII too
        )?;
        Ok(found.map_err(Rule::from))
    }

    /// Looks whether the histograms follow the rules; reads all of their buckets.
    ///
    /// # Errors
    /// Bytes that cannot be read; within, the rule that is broken.
    pub fn check_histograms(&self) -> Result<Result<(), Rule>, Error> {
        check_histograms(self.histograms())
    }
}

/// [`Series::pairs`]
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    labels: Reader<'a>,
    text: &'a str,
}

impl<'a> Pairs<'a> {
    #[inline]
    fn pair(&mut self) -> Result<Option<(&'a str, &'a str)>, Error> {
        while let Some(tag) = self.labels.tag()? {
            if tag.number() != LABELS {
                self.labels.skip(tag)?;
                continue;
            }
            let (mut label, mut name, mut value) = (self.labels.message(tag)?, "", "");
            while let Some(tag) = label.tag()? {
                match tag.number() {
                    1 => name = label.string_of(tag, self.text)?,
                    2 => value = label.string_of(tag, self.text)?,
                    _ => label.skip(tag)?,
                }
            }
            return Ok(Some((name, value)));
        }
        Ok(None)
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<(&'a str, &'a str), Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.pair();
        if pair.is_err() {
            self.labels = self.labels.over(&[]);
        }
        pair.transpose()
    }
}

pub(super) fn check_histograms<'a>(
    histograms: impl Iterator<Item = Result<Histogram<'a>, Error>>,
) -> Result<Result<(), Rule>, Error> {
    for (index, histogram) in histograms.enumerate() {
        if let Err(rule) = histogram?.check()? {
            return Ok(Err(Rule::Histogram { index, rule }));
        }
    }
    Ok(Ok(()))
}

impl Metadata<'_> {
    /// What the metric is.
    pub fn metric_type(&self) -> MetricType {
        self.kind.into()
    }
}

impl RawMetadata<'_> {
    /// What the metric is.
    pub fn metric_type(&self) -> MetricType {
        self.kind.into()
    }
}

impl<'a> From<RawHistogram<'a>> for Histogram<'a> {
    fn from(raw: RawHistogram<'a>) -> Self {
        let count = |int: Option<u64>, float: Option<f64>| float.map_or(Count::Int(int.unwrap_or(0)), Count::Float);
        let count_all = count(raw.count_int, raw.count_float);
        // A zero count that is left out has the form of the count.
        let zero_float =
            raw.zero_count_float.or((raw.zero_count_int.is_none() && raw.count_float.is_some()).then_some(0.0));
        Self {
            count: count_all,
            sum: raw.sum,
            schema: raw.schema,
            zero_threshold: raw.zero_threshold,
            zero_count: count(raw.zero_count_int, zero_float),
            negative: Side { spans: raw.negative_spans, deltas: raw.negative_deltas, counts: raw.negative_counts },
            positive: Side { spans: raw.positive_spans, deltas: raw.positive_deltas, counts: raw.positive_counts },
            custom_values: raw.custom_values,
            reset_hint: raw.reset_hint.into(),
            time_ms: raw.timestamp,
            start_ms: raw.start_timestamp,
        }
    }
}
