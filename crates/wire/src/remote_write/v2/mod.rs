//! `io.prometheus.write.v2.Request`: texts once in a table of symbols, series that refer to them.

mod raw;

pub use raw::{RawExemplar, RawMetadata, RawRequest, RawSample, RawSeries};

use super::v1::check_histograms;
use super::{MetricType, RequestError, Rule, Sample, SeriesError};
use crate::histogram::Histogram;
use crate::labels::{LabelFacts, check_labels};
use crate::pb::{Error, Packed, Repeated, RepeatedIter, Uint32, View};

/// A text; nothing if it is not UTF-8, which those series are refused for that refer to it.
type Symbol<'a> = Option<&'a str>;

/// A request.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    symbols: Vec<Symbol<'a>>,
    series: Repeated<'a, RawSeries<'a>>,
}

impl<'a> Request<'a> {
    /// Reads the symbols of a decompressed body, and where its series are.
    ///
    /// # Errors
    /// Bytes that are no request, or symbols of which the first is not empty.
    pub fn read(body: &'a [u8]) -> Result<Self, RequestError> {
        let raw = RawRequest::decode(body)?;
        let symbols = raw.symbols.bytes().map(|symbol| symbol.map(|bytes| std::str::from_utf8(bytes).ok()));
        let symbols = symbols.collect::<Result<Vec<_>, _>>()?;
        match symbols.first() {
            Some(first) if *first != Some("") => Err(RequestError::Symbols),
            None if !raw.timeseries.is_empty() => Err(RequestError::Symbols),
            _ => Ok(Self { symbols, series: raw.timeseries }),
        }
    }

    /// How many texts there are.
    pub fn symbols(&self) -> usize {
        self.symbols.len()
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The series in order; an error is the last.
    pub fn series(&self) -> SeriesIter<'a, '_> {
        SeriesIter { raw: self.series.iter(), symbols: &self.symbols, index: 0 }
    }
}

/// [`Request::series`]
#[derive(Clone, Debug)]
pub struct SeriesIter<'a, 'r> {
    raw: RepeatedIter<'a, RawSeries<'a>>,
    symbols: &'r [Symbol<'a>],
    index: usize,
}

impl<'a, 'r> Iterator for SeriesIter<'a, 'r> {
    type Item = Result<Series<'a, 'r>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let raw = self.raw.next()?;
        let index = self.index;
        self.index += 1;
        Some(raw.map(|raw| Series { raw, symbols: self.symbols, index }))
    }
}

/// A series with what is new of it.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a, 'r> {
    /// As it was sent; [`Packed::raw`] of its references tells series of one request apart unread.
    pub raw: RawSeries<'a>,
    symbols: &'r [Symbol<'a>],
    index: usize,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// Its type.
    pub metric_type: MetricType,
    /// What it says.
    pub help: &'a str,
    /// Its unit.
    pub unit: &'a str,
}

/// An exemplar.
#[derive(Clone, Copy, Debug)]
pub struct Exemplar<'a, 'r> {
    /// Its labels.
    pub labels: Labels<'a, 'r>,
    /// The bits of its value.
    pub value: u64,
    /// Milliseconds since the epoch.
    pub time_ms: i64,
}

/// Labels by reference.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a, 'r> {
    refs: Packed<'a, Uint32>,
    symbols: &'r [Symbol<'a>],
}

impl<'a, 'r> Labels<'a, 'r> {
    /// Names and values in order. A reference beyond the symbols, to one that is not UTF-8, or without its pair, ends
    /// them: ask [`Series::check`] first.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Result<(&'a str, &'a str), Error>> + Clone + use<'a, 'r> {
        let (mut refs, symbols) = (self.refs.iter(), self.symbols);
        let mut text = move || match refs.next()? {
            Ok(reference) => symbols.get(reference as usize).copied().flatten().map(Ok),
            Err(error) => Some(Err(error)),
        };
        std::iter::from_fn(move || {
            let (name, value) = (text()?, text()?);
            Some(name.and_then(|name| Ok((name, value?))))
        })
    }

    fn check(&self, what: &'static str) -> Result<Result<(), Rule>, Error> {
        let mut count = 0;
        for reference in self.refs.iter() {
            count += 1;
            let reference = reference?;
            match self.symbols.get(reference as usize) {
                Some(Some(_)) => {}
                Some(None) => return Ok(Err(Rule::Utf8 { what, reference })),
                None => return Ok(Err(beyond(reference, self.symbols, what))),
            }
        }
        Ok(if count % 2 == 0 { Ok(()) } else { Err(Rule::OddRefs { what, count }) })
    }
}

fn beyond(reference: u32, symbols: &[Symbol<'_>], what: &'static str) -> Rule {
    Rule::Reference { what, reference, symbols: symbols.len() }
}

fn in_range(reference: u32, symbols: &[Symbol<'_>], what: &'static str) -> Result<(), Rule> {
    if (reference as usize) < symbols.len() { Ok(()) } else { Err(beyond(reference, symbols, what)) }
}

impl<'a, 'r> Series<'a, 'r> {
    /// Which of the request's, from zero.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its labels.
    #[inline]
    pub fn labels(&self) -> Labels<'a, 'r> {
        Labels { refs: self.raw.labels_refs, symbols: self.symbols }
    }

    /// The values in order; an error is the last.
    #[inline]
    pub fn samples(&self) -> impl Iterator<Item = Result<Sample, Error>> + Clone + 'a {
        self.raw.samples.iter().map(|sample| {
            sample.map(|raw| Sample { time_ms: raw.timestamp, value: raw.value, start_ms: raw.start_timestamp })
        })
    }

    /// The native histograms in order; an error is the last.
    pub fn histograms(&self) -> impl Iterator<Item = Result<Histogram<'a>, Error>> + Clone + 'a {
        self.raw.histograms.iter().map(|histogram| histogram.map(Histogram::from))
    }

    /// The exemplars in order; an error is the last.
    pub fn exemplars(&self) -> impl Iterator<Item = Result<Exemplar<'a, 'r>, Error>> + Clone + use<'a, 'r> {
        let symbols = self.symbols;
        self.raw.exemplars.iter().map(move |exemplar| {
            exemplar.map(|raw| Exemplar {
                labels: Labels { refs: raw.labels_refs, symbols },
                value: raw.value,
                time_ms: raw.timestamp,
            })
        })
    }

    /// What the metric is; references beyond the symbols, or to what is not UTF-8, give empty texts.
    pub fn metadata(&self) -> Option<Metadata<'a>> {
        let text = |reference: u32| self.symbols.get(reference as usize).copied().flatten().unwrap_or_default();
        self.raw.metadata.map(|raw| Metadata {
            metric_type: raw.kind.into(),
            help: text(raw.help_ref),
            unit: text(raw.unit_ref),
        })
    }

    /// Looks whether the series follows the rules of the protocol; the order of its labels and its
    /// histograms' buckets have checks of their own.
    ///
    /// # Errors
    /// Bytes that cannot be read; within, the series and the rule that is broken.
    pub fn check(&self) -> Result<Result<(), SeriesError>, Error> {
        let found = self.find()?;
        Ok(found.map_err(|rule| SeriesError { series: self.index, rule }))
    }

    fn find(&self) -> Result<Result<(), Rule>, Error> {
        let (samples, histograms) = (!self.raw.samples.is_empty(), !self.raw.histograms.is_empty());
        let rule = match (samples, histograms) {
            (true, true) => Err(Rule::Both),
            // Prometheus sends each exemplar in a series of its own, whatever the specification says.
            (false, false) if self.raw.exemplars.is_empty() => Err(Rule::Nothing),
            _ => Ok(()),
        };
        let texts = self
            .raw
            .metadata
            .map_or([("help", 0), ("unit", 0)], |raw| [("help", raw.help_ref), ("unit", raw.unit_ref)]);
        let texts = || texts.into_iter().try_for_each(|(what, text)| in_range(text, self.symbols, what));
        if let Err(rule) = rule.and_then(|()| texts()) {
            return Ok(Err(rule));
        }
        if let Err(rule) = self.labels().check("labels")? {
            return Ok(Err(rule));
        }
        for exemplar in self.exemplars() {
            if let Err(rule) = exemplar?.labels.check("labels of an exemplar")? {
                return Ok(Err(rule));
            }
        }
        Ok(Ok(()))
    }

    /// Looks whether the labels follow the rules, without a copy of any.
    ///
    /// # Errors
    /// Bytes that cannot be read; within, the rule that is broken.
    pub fn check_labels(&self) -> Result<Result<LabelFacts, Rule>, Error> {
        let bytes = |(name, value): (&'a str, &'a str)| (name.as_bytes(), value.as_bytes());
        let found = check_labels(self.labels().iter().map(|label| label.map(bytes)), true)?; // symbols are known to be UTF-8
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
