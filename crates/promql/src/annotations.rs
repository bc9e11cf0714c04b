use crate::dates::Date;
use crate::parser::ast::Span;
use crate::text::{quote, rounded_float, short_float};

/// How serious an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The answer may not be what was meant.
    Warning,
    /// Something worth knowing.
    Info,
}

/// What the user of an answer should know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// How serious it is.
    pub severity: Severity,
    /// The text, ending in the place that it is about.
    pub text: String,
}

/// Something found in an evaluation.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    severity: Severity,
    text: String,
    span: Span,
    monotonicity: Option<Monotonicity>,
}

/// How buckets had to be made to rise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Monotonicity {
    pub from: f64,
    pub to: f64,
    pub difference: f64,
    pub first: i64,
    pub last: i64,
    pub count: usize,
}

/// Combining what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Combining {
    Addition,
    Subtraction,
    Aggregation,
}

impl Combining {
    fn as_str(self) -> &'static str {
        match self {
            Combining::Addition => "addition",
            Combining::Subtraction => "subtraction",
            Combining::Aggregation => "aggregation",
        }
    }
}

fn for_metric(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" for metric name {}", quote(name)) }
}

impl Note {
    fn warning(span: Span, text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, text: text.into(), span, monotonicity: None }
    }

    fn info(span: Span, text: impl Into<String>) -> Self {
        Self { severity: Severity::Info, text: text.into(), span, monotonicity: None }
    }

    pub(crate) fn quantile(span: Span, q: f64) -> Self {
        Self::warning(span, format!("quantile value should be between 0 and 1, got {}", short_float(q)))
    }

    pub(crate) fn integral_rule(span: Span, rule: f64) -> Self {
        let rule = short_float(rule);
        Self::warning(span, format!("strategy should be 0, 1, or 2 (default), using 2, got {rule}"))
    }

    pub(crate) fn ratio(span: Span, ratio: f64, capped: f64) -> Self {
        let (ratio, capped) = (short_float(ratio), short_float(capped));
        Self::warning(span, format!("ratio value should be between -1 and 1, got {ratio}, capping to {capped}"))
    }

    pub(crate) fn bad_bucket(span: Span, name: &str, label: &str) -> Self {
        let text = format!("bucket label \"le\" is missing or has a malformed value of {}", quote(label));
        Self::warning(span, text + &for_metric(name))
    }

    pub(crate) fn mixed_floats_histograms(span: Span, name: &str) -> Self {
        Self::warning(span, format!("encountered a mix of histograms and floats for metric name {}", quote(name)))
    }

    pub(crate) fn mixed_in_aggregation(span: Span) -> Self {
        Self::warning(span, "encountered a mix of histograms and floats for aggregation")
    }

    pub(crate) fn mixed_classic_native(span: Span, name: &str) -> Self {
        Self::warning(span, "vector contains a mix of classic and native histograms".to_owned() + &for_metric(name))
    }

    pub(crate) fn not_counter(span: Span, name: &str) -> Self {
        Self::warning(span, format!("this native histogram metric is not a counter: {}", quote(name)))
    }

    pub(crate) fn not_gauge(span: Span, name: &str) -> Self {
        Self::warning(span, format!("this native histogram metric is not a gauge: {}", quote(name)))
    }

    pub(crate) fn mixed_schemas(span: Span, name: &str) -> Self {
        let text = "vector contains a mix of histograms with exponential and custom buckets schemas for metric name";
        Self::warning(span, format!("{text} {}", quote(name)))
    }

    pub(crate) fn incompatible_buckets(span: Span, op: &str) -> Self {
        Self::warning(span, format!("incompatible bucket layout encountered for binary operator {op}"))
    }

    pub(crate) fn reset_collision(span: Span, combining: Combining) -> Self {
        Self::warning(span, format!("conflicting counter resets during histogram {}", combining.as_str()))
    }

    pub(crate) fn start_overlap(span: Span, name: &str) -> Self {
        let text = "sample has start time that overlaps with previous sample timestamp for metric";
        Self::warning(span, format!("{text} {}", quote(name)))
    }

    pub(crate) fn sort_in_range(span: Span) -> Self {
        Self::warning(span, "sort is ineffective for range queries since results are always ordered by labels")
    }

    pub(crate) fn bounds_reconciled(span: Span, combining: Combining) -> Self {
        Self::info(span, format!("mismatched custom buckets were reconciled during {}", combining.as_str()))
    }

    pub(crate) fn maybe_no_counter(span: Span, name: &str) -> Self {
        let text = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:";
        Self::info(span, format!("{text} {}", quote(name)))
    }

    pub(crate) fn forced_monotonicity(span: Span, name: &str, monotonicity: Monotonicity) -> Self {
        let text = "input to histogram_quantile needed to be fixed for monotonicity (see \
                    https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
        let note = Self::info(span, text.to_owned() + &for_metric(name));
        Self { monotonicity: Some(monotonicity), ..note }
    }

    pub(crate) fn incompatible_types(span: Span, left: &str, op: &str, right: &str) -> Self {
        let text = "incompatible sample types encountered for binary operator";
        Self::info(span, format!("{text} {}: {left} {op} {right}", quote(op)))
    }

    pub(crate) fn histogram_ignored(span: Span, aggregation: &str) -> Self {
        Self::info(span, format!("ignored histogram in {aggregation} aggregation"))
    }

    pub(crate) fn histograms_in_range_ignored(span: Span, name: &str) -> Self {
        let text = "ignored histograms in a range containing both floats and histograms for metric name";
        Self::info(span, format!("{text} {}", quote(name)))
    }

    pub(crate) fn nan_in_quantile(span: Span, name: &str, result_is_nan: bool) -> Self {
        let result = if result_is_nan { "NaN" } else { "skewed higher" };
        let text = format!("input to histogram_quantile has NaN observations, result is {result}");
        Self::info(span, text + &for_metric(name))
    }

    pub(crate) fn nan_in_fraction(span: Span, name: &str) -> Self {
        let text = "input to histogram_fraction has NaN observations, which are excluded from all fractions";
        Self::info(span, text.to_owned() + &for_metric(name))
    }

    fn rendered(self, query: &str) -> Annotation {
        let (line, column) = self.span.line_and_column(query);
        let kind = match self.severity {
            Severity::Warning => "PromQL warning",
            Severity::Info => "PromQL info",
        };
        let more = self.monotonicity.map_or(String::new(), |found| {
            format!(
                ", from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
                short_float(found.from),
                short_float(found.to),
                rounded_float(found.difference, 2),
                found.count,
                Date::of(found.first.div_euclid(1000).into()),
                Date::of(found.last.div_euclid(1000).into()),
            )
        });
        Annotation { severity: self.severity, text: format!("{kind}: {}{more} ({line}:{column})", self.text) }
    }
}

/// So many annotations of a query are kept.
const MAX_NOTES: usize = 100;

/// What was found, each text once.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    notes: Vec<Note>,
    left_out: usize,
}

impl Annotations {
    pub(crate) fn add(&mut self, note: Note) {
        let full = self.notes.len() >= MAX_NOTES;
        match self.notes.iter_mut().find(|known| known.severity == note.severity && known.text == note.text) {
            Some(known) => {
                known.span = note.span;
                known.monotonicity = match (known.monotonicity, note.monotonicity) {
                    (Some(a), Some(b)) => Some(a.with(b)),
                    (a, b) => a.or(b),
                };
            }
            None if full => self.left_out += 1,
            None => self.notes.push(note),
        }
    }

    /// Adds what was found elsewhere.
    pub(crate) fn append(&mut self, other: Self) {
        other.notes.into_iter().for_each(|note| self.add(note));
        self.left_out += other.left_out;
    }

    pub(crate) fn finish(self, query: &str) -> Vec<Annotation> {
        let mut all: Vec<Annotation> = self.notes.into_iter().map(|note| note.rendered(query)).collect();
        if self.left_out > 0 {
            let text = format!("{} more annotations omitted", self.left_out);
            all.push(Annotation { severity: Severity::Warning, text });
        }
        all
    }
}

impl Monotonicity {
    fn with(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
            difference: self.difference.max(other.difference),
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            count: self.count + other.count,
        }
    }
}
