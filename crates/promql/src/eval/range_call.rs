use super::selector::{Cursor, Timed};
use super::{Evaluator, Steps};
use crate::annotations::Note;
use crate::error::QueryError;
use crate::functions::ranges::{self, RangeContext, Window};
use crate::parser::ast::{Call, Expr, ExprKind, Extension, Span, ValueType};
use crate::value::{Point, Series, Value};

impl Evaluator<'_> {
    /// A function over ranges: for each series, the range moves over its samples from step to step.
    pub(super) fn eval_range_call(&self, call: &Call, steps: Steps) -> Result<Vec<Series>, QueryError> {
        let name = call.function.name;
        let Some(function) = ranges::function(name) else {
            return Err(QueryError::failed(format!("function {name} is not one of ranges")));
        };
        let (params, arg) = self.range_arguments(call, steps)?;
        let Some(arg) = arg else { return Ok(Vec::new()) };
        let input = self.ranges(arg, steps)?;
        let keeps_name = matches!(name, "last_over_time" | "first_over_time");
        let (before, after) = match input.extension {
            Extension::None => (0, 0),
            Extension::Anchored => (self.options.lookback, 0),
            Extension::Smoothed => (self.options.lookback, self.options.lookback),
        };
        // What a subquery gives has no place of its own in Prometheus.
        let span_of = |expr: &Expr| match expr.bare() {
            Expr { kind: ExprKind::Subquery(_), .. } => Span::default(),
            expr => expr.span,
        };
        let span = span_of(arg);
        let first_span = call.args.first().map_or(span, span_of);
        let note = |note| self.note(note);
        let mut found = Vec::with_capacity(input.sources.len());
        for source in &input.sources {
            self.check_time()?;
            let context = RangeContext {
                span,
                first_span,
                name: source.labels.metric_name(),
                extension: input.extension,
                range: input.range,
                note: &note,
            };
            let mut floats = Slider::new(&source.floats);
            let mut histograms = Slider::new(&source.histograms);
            let mut points = Vec::new();
            for (at, t) in steps.times().enumerate() {
                let end = input.reference.time(t);
                let start = end.saturating_sub(input.range);
                let (from, to) = (start.saturating_sub(before), end.saturating_add(after));
                let window = Window {
                    floats: floats.slide(from, to),
                    histograms: histograms.slide(from, to),
                    start,
                    end,
                    time: t,
                };
                let size = window.floats.len() + window.histograms.len();
                if size == 0 {
                    continue;
                }
                self.check_room(size)?;
                let values = params.iter().map(|values| values.get(at).copied().unwrap_or(f64::NAN));
                let value = function(&context, &window, &values.collect::<Vec<_>>())?;
                points.extend(value.map(|value| Point { t, value }));
            }
            if !points.is_empty() {
                self.hold(points.len())?;
                self.note_if_no_counter(name, &context, &points);
                let drops_name = source.drops_name || !keeps_name;
                found.push(Series { labels: source.labels.clone(), points, drops_name });
            }
        }
        if keeps_name { Ok(found) } else { super::series::merged(found) }
    }

    fn range_arguments<'e>(
        &self,
        call: &'e Call,
        steps: Steps,
    ) -> Result<(Vec<Vec<f64>>, Option<&'e Expr>), QueryError> {
        let mut params = Vec::new();
        let mut range = None;
        for arg in &call.args {
            match arg.value_type() {
                ValueType::Scalar => params.push(self.eval_scalar(arg, steps)?),
                ValueType::Matrix => range = Some(arg),
                ValueType::Vector | ValueType::String => {}
            }
        }
        Ok((params, range))
    }

    fn note_if_no_counter(&self, function: &str, context: &RangeContext<'_>, points: &[Point]) {
        const COUNTERS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
        let named = !context.name.is_empty() && !COUNTERS.iter().any(|suffix| context.name.ends_with(suffix));
        let counted = matches!(function, "rate" | "increase");
        if named && counted && points.iter().any(|point| matches!(point.value, Value::Float(_))) {
            self.note(Note::maybe_no_counter(context.span, context.name));
        }
    }

    /// 1 at each step at which no series has a sample in the range.
    pub(super) fn eval_absent_over_time(&self, arg: &Expr, steps: Steps) -> Result<Vec<Series>, QueryError> {
        let input = self.ranges(arg, steps)?;
        let mut present = vec![false; steps.count()];
        for source in &input.sources {
            self.check_time()?;
            let mut floats = Slider::new(&source.floats);
            let mut histograms = Slider::new(&source.histograms);
            for (seen, t) in present.iter_mut().zip(steps.times()) {
                let end = input.reference.time(t);
                let start = end.saturating_sub(input.range);
                *seen |= !floats.slide(start, end).is_empty() || !histograms.slide(start, end).is_empty();
            }
        }
        let missing = present.iter().zip(steps.times()).filter(|(seen, _)| !**seen);
        let points: Vec<Point> = missing.map(|(_, t)| Point { t, value: Value::Float(1.0) }).collect();
        self.hold(points.len())?;
        Ok(vec![Series::new(super::call::absent_labels(arg), points)])
    }
}

/// A range that moves over samples.
struct Slider<'a, T> {
    samples: &'a [T],
    from: Cursor<'a, T>,
    to: Cursor<'a, T>,
}

impl<'a, T: Timed> Slider<'a, T> {
    fn new(samples: &'a [T]) -> Self {
        Self { samples, from: Cursor::new(samples), to: Cursor::new(samples) }
    }

    /// The samples after a time and not after another; both never fall.
    fn slide(&mut self, after: i64, until: i64) -> &'a [T] {
        let (from, to) = (self.from.until(after), self.to.until(until));
        self.samples.get(from..to).unwrap_or_default()
    }
}
