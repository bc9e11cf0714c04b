use super::{CUSTOM_BUCKETS, Count, EXPONENTIAL, Histogram, Side};
use crate::pb::{Double, Error, Packed, Sint64};

/// Which rule a histogram breaks: those of Prometheus' `histogram.Validate`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HistogramRule {
    /// A schema that nobody reads.
    #[error("schema {0} is neither -4 to 8 nor -53")]
    Schema(i32),
    /// Counts that are partly integers and partly floats.
    #[error("integer and float counts are mixed")]
    Mixed,
    /// A span that goes back or beyond where indexes end.
    #[error("{side} span {index} leads to no bucket")]
    Span {
        /// `positive` or `negative`.
        side: &'static str,
        /// Which, from zero.
        index: usize,
    },
    /// Spans of another length than there are buckets.
    #[error("the {side} spans need {spans} buckets, there are {buckets}")]
    Buckets {
        /// `positive` or `negative`.
        side: &'static str,
        /// What the spans say.
        spans: u64,
        /// What there are.
        buckets: u64,
    },
    /// A count below zero.
    #[error("the count of {0} is below zero")]
    Negative(&'static str),
    /// Fewer or more observations in the buckets than in all.
    #[error("{buckets} observations in the buckets, {count} in all")]
    Count {
        /// In the buckets.
        buckets: u64,
        /// In all.
        count: u64,
    },
    /// Bounds that do not rise, are not numbers, or end with infinity.
    #[error("custom bound {0} does not rise or is not finite")]
    Bounds(usize),
    /// Spans that go beyond the bounds.
    #[error("{bounds} custom bounds are too few for buckets up to {buckets}")]
    FewBounds {
        /// How many bounds.
        bounds: u64,
        /// How far the spans reach.
        buckets: u64,
    },
    /// What histograms of this schema do not have.
    #[error("schema {schema} does not go with {what}")]
    Foreign {
        /// The schema.
        schema: i32,
        /// What is there.
        what: &'static str,
    },
}

/// What a look at one side gave.
#[derive(Default)]
struct Tally {
    /// Observations in integer buckets.
    observations: u64,
    buckets: u64,
    /// Buckets from the first index to the last, gaps included.
    reach: u64,
}

impl Histogram<'_> {
    /// Looks whether the histogram is one. Reads all of its buckets.
    ///
    /// # Errors
    /// Bytes that cannot be read; within, the rule that is broken.
    pub fn check(&self) -> Result<Result<(), HistogramRule>, Error> {
        match self.find() {
            Ok(()) => Ok(Ok(())),
            Err(Broken::Rule(rule)) => Ok(Err(rule)),
            Err(Broken::Bytes(error)) => Err(error),
        }
    }

    fn find(&self) -> Result<(), Broken> {
        let custom = self.schema == CUSTOM_BUCKETS;
        if !custom && !EXPONENTIAL.contains(&self.schema) {
            return Err(HistogramRule::Schema(self.schema).into());
        }
        self.fits_schema(custom)?;
        let positive = self.side(&self.positive, "positive", custom)?;
        let negative = self.side(&self.negative, "negative", custom)?;
        if custom {
            self.bounds(positive.reach)?;
        }
        self.counts(positive.observations.saturating_add(negative.observations))
    }

    fn fits_schema(&self, custom: bool) -> Result<(), Broken> {
        let zero = self.zero_count.value() != 0.0 || self.zero_threshold != 0.0;
        let negative = &self.negative;
        let below = !negative.spans.is_empty() || !negative.deltas.is_empty() || !negative.counts.is_empty();
        let what = match custom {
            true if zero => "a zero bucket",
            true if below => "negative buckets",
            false if self.custom_values.iter().next().is_some() => "custom bounds",
            _ => return Ok(()),
        };
        Err(HistogramRule::Foreign { schema: self.schema, what }.into())
    }

    fn side(&self, side: &Side<'_>, name: &'static str, custom: bool) -> Result<Tally, Broken> {
        let (wrong, float) = (side.deltas.is_empty(), self.is_float());
        if (float && !wrong) || (!float && !side.counts.is_empty()) {
            return Err(HistogramRule::Mixed.into());
        }
        let (spans, reach) = spans(side, name, custom)?;
        let mut tally = if float { floats(&side.counts, name)? } else { integers(&side.deltas, name)? };
        if spans != tally.buckets {
            return Err(HistogramRule::Buckets { side: name, spans, buckets: tally.buckets }.into());
        }
        tally.reach = reach;
        Ok(tally)
    }

    fn bounds(&self, reach: u64) -> Result<(), Broken> {
        let (mut previous, mut bounds) = (f64::NEG_INFINITY, 0u64);
        for (index, bound) in self.custom_values.iter().enumerate() {
            let bound = bound?;
            let rises = bound > previous || (index == 0 && bound == previous);
            if !rises || bound == f64::INFINITY {
                return Err(HistogramRule::Bounds(index).into());
            }
            previous = bound;
            bounds += 1;
        }
        if bounds + 1 < reach {
            return Err(HistogramRule::FewBounds { bounds, buckets: reach }.into());
        }
        Ok(())
    }

    fn counts(&self, in_buckets: u64) -> Result<(), Broken> {
        match (self.count, self.zero_count) {
            (Count::Int(count), Count::Int(zero)) => {
                let buckets = in_buckets.saturating_add(zero);
                let fits = if f64::from_bits(self.sum).is_nan() { buckets <= count } else { buckets == count };
                if fits { Ok(()) } else { Err(HistogramRule::Count { buckets, count }.into()) }
            }
            (Count::Float(count), _) if count < 0.0 => Err(HistogramRule::Negative("all").into()),
            (Count::Float(_), zero) if zero.value() < 0.0 => Err(HistogramRule::Negative("the zero bucket").into()),
            (Count::Float(_), _) => Ok(()),
            (Count::Int(_), Count::Float(_)) => Err(HistogramRule::Mixed.into()),
        }
    }
}

/// How many buckets the spans of a side have, and how far they reach.
fn spans(side: &Side<'_>, name: &'static str, custom: bool) -> Result<(u64, u64), Broken> {
    let (mut buckets, mut end) = (0u64, 0i64);
    for (index, span) in side.spans.iter().enumerate() {
        let span = span?;
        end += i64::from(span.offset) + i64::from(span.length);
        let back = span.offset < 0 && (index > 0 || custom) || span.offset == i32::MIN;
        if back || end - 1 > i64::from(i32::MAX) {
            return Err(HistogramRule::Span { side: name, index }.into());
        }
        buckets += u64::from(span.length);
    }
    Ok((buckets, u64::try_from(end).unwrap_or_default()))
}

fn integers(deltas: &Packed<'_, Sint64>, name: &'static str) -> Result<Tally, Broken> {
    let (mut tally, mut count) = (Tally::default(), 0i64);
    for delta in deltas.iter() {
        count = count.wrapping_add(delta?);
        let Ok(observations) = u64::try_from(count) else { return Err(HistogramRule::Negative(bucket(name)).into()) };
        tally.observations = tally.observations.saturating_add(observations);
        tally.buckets += 1;
    }
    Ok(tally)
}

fn floats(counts: &Packed<'_, Double>, name: &'static str) -> Result<Tally, Broken> {
    let mut tally = Tally::default();
    for count in counts.iter() {
        if count? < 0.0 {
            return Err(HistogramRule::Negative(bucket(name)).into());
        }
        tally.buckets += 1;
    }
    Ok(tally)
}

fn bucket(side: &'static str) -> &'static str {
    if side == "positive" { "a positive bucket" } else { "a negative bucket" }
}

enum Broken {
    Rule(HistogramRule),
    Bytes(Error),
}

impl From<HistogramRule> for Broken {
    fn from(rule: HistogramRule) -> Self {
        Self::Rule(rule)
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Bytes(error)
    }
}
