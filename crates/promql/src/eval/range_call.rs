use super::ahead::Ahead;
use super::path::Path;
use super::selector::check_extension;
use super::series::{Lent, Take};
use super::source::{Input, Ranges, Source};
use super::{Evaluator, Steps};
use crate::annotations::Note;
use crate::error::QueryError;
use crate::functions::ranges::{self, Place, RangeContext, RangeFunction};
use crate::functions::slide::{self, Scratch, Slide, SlideFunction};
use crate::parser::ast::{Call, Expr, ExprKind, Extension, Span, ValueType};
use crate::storage::Evaluated;
use crate::value::{Point, Series, Value};

/// Samples that are looked at between two questions whether the query may go on.
const LOOKED_AT: usize = 1 << 17;

/// A call of a function of ranges, with what it is applied to.
pub(super) struct RangeCall<'a> {
    name: &'static str,
    function: RangeFunction,
    /// The numbers that the function takes, each at all steps.
    params: Vec<Vec<f64>>,
    input: Ranges<'a>,
    /// Where the range stands in the query, and the first argument.
    span: Span,
    first_span: Span,
    second_span: Span,
}

/// Whether there is a function of ranges with a name.
pub(super) fn is_known(name: &str) -> bool {
    ranges::function(name).is_some()
}

fn keeps_name(function: &str) -> bool {
    matches!(function, "last_over_time" | "first_over_time")
}

impl Evaluator<'_> {
    /// A function over ranges: for each series, the range moves over its samples from step to step.
    pub(super) fn eval_range_call(&self, call: &Call, steps: Steps) -> Result<Vec<Series>, QueryError> {
        let Some(over) = self.range_call(call, steps)? else { return Ok(Vec::new()) };
        let keeps_name = keeps_name(over.name);
        let mut found = Vec::new();
        self.each_range(over, steps, &mut |series: Lent<'_>| self.keep(series, &mut found))?;
        if keeps_name { Ok(found) } else { super::series::merged(found) }
    }

    /// The call with what its arguments give; nothing if no argument is a range.
    pub(super) fn range_call(&self, call: &Call, steps: Steps) -> Result<Option<RangeCall<'_>>, QueryError> {
        let name = call.function.name;
        let Some(function) = ranges::function(name) else {
            return Err(QueryError::failed(format!("function {name} is not one of ranges")));
        };
        let (params, arg) = self.range_arguments(call, steps)?;
        let Some(arg) = arg else { return Ok(None) };
        check_extension(name, arg)?;
        // What a subquery gives has no place of its own in Prometheus.
        let span_of = |expr: &Expr| match expr.bare() {
            Expr { kind: ExprKind::Subquery(_), .. } => Span::default(),
            expr => expr.span,
        };
        let span = span_of(arg);
        let first_span = call.args.first().map_or(span, span_of);
        let second_span = call.args.get(1).map_or(first_span, span_of);
        let ahead = |slide| Ahead { slide, params: params.clone(), spans: [span, first_span, second_span] };
        let input = self.ranges_for(arg, steps, slide::function(name, &params).map(ahead))?;
        Ok(Some(RangeCall { name, function, params, input, span, first_span, second_span }))
    }

    /// What a call gives, one series after the other.
    pub(super) fn each_range(&self, over: RangeCall<'_>, steps: Steps, take: Take<'_>) -> Result<(), QueryError> {
        let RangeCall { name, function, params, input, span, first_span, second_span } = over;
        let path = Path::of(&input, self.options.lookback);
        let (range, extension) = (input.range, input.extension);
        let note = |note| self.note(note);
        let (mut places, mut points, mut scratch) = (Vec::new(), Vec::new(), Scratch::default());
        for source in input.sources.each_input() {
            self.check_time()?;
            let source = match source? {
                Input::Samples(source) => source,
                Input::Points(found) => {
                    self.take_evaluated(name, span, found, take)?;
                    continue;
                }
            };
            path.places(&source.floats, &source.histograms, steps, &mut places);
            self.check_room(places.iter().map(Place::len).max().unwrap_or(0))?;
            let metric = source.labels.metric_name();
            let context = RangeContext { span, first_span, second_span, name: metric, extension, range, note: &note };
            points.clear();
            points.reserve_exact(places.len());
            match sliding(name, &params, &source, extension) {
                Some(slide) => {
                    let slid = Slide { context: &context, samples: &source.floats, places: &places, params: &params };
                    slide(&slid, &mut scratch, &mut points);
                }
                None => self.each_place(function, &context, &source, &places, &params, &mut points)?,
            }
            if !points.is_empty() {
                self.note_if_no_counter(name, span, metric, &points);
                let drops_name = source.drops_name || !keeps_name(name);
                take(Lent { labels: &source.labels, drops_name, points: &mut points })?;
            }
        }
        Ok(())
    }

    /// Takes what a function gave for a series when it was read.
    fn take_evaluated(&self, name: &str, span: Span, found: Evaluated, take: Take<'_>) -> Result<(), QueryError> {
        let Evaluated { labels, mut points, notes, widest } = found;
        self.check_room(widest)?;
        self.notes.borrow_mut().append(notes);
        if points.is_empty() {
            return Ok(());
        }
        self.note_if_no_counter(name, span, labels.metric_name(), &points);
        take(Lent { labels: &labels, drops_name: !keeps_name(name), points: &mut points })
    }

    /// The function for one range after the other.
    fn each_place(
        &self,
        function: RangeFunction,
        context: &RangeContext<'_>,
        source: &Source,
        places: &[Place],
        params: &[Vec<f64>],
        points: &mut Vec<Point>,
    ) -> Result<(), QueryError> {
        let mut numbers = Vec::with_capacity(params.len());
        let mut looked_at = 0;
        for place in places {
            looked_at += place.len();
            if looked_at > LOOKED_AT {
                self.check_time()?;
                looked_at = 0;
            }
            numbers.clear();
            numbers.extend(params.iter().map(|values| values.get(place.step).copied().unwrap_or(f64::NAN)));
            let window = place.window(&source.floats, &source.histograms, context.range);
            points.extend(function(context, &window, &numbers)?.map(|value| Point { t: place.time, value }));
        }
        Ok(())
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

    pub(super) fn note_if_no_counter(&self, function: &str, span: Span, metric: &str, points: &[Point]) {
        const COUNTERS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
        let counted = matches!(function, "rate" | "increase");
        let named = !metric.is_empty() && !COUNTERS.iter().any(|suffix| metric.ends_with(suffix));
        if counted && named && points.iter().any(|point| matches!(point.value, Value::Float(_))) {
            self.note(Note::maybe_no_counter(span, metric));
        }
    }

    /// 1 at each step at which no series has a sample in the range.
    pub(super) fn eval_absent_over_time(&self, arg: &Expr, steps: Steps) -> Result<Vec<Series>, QueryError> {
        check_extension("absent_over_time", arg)?;
        let input = self.ranges(arg, steps)?;
        let path = Path::of(&input, 0);
        let mut present = vec![false; steps.count()];
        let mut places = Vec::new();
        for source in input.sources.each() {
            let source = source?;
            self.check_time()?;
            path.places(&source.floats, &source.histograms, steps, &mut places);
            for place in &places {
                if let Some(seen) = present.get_mut(place.step) {
                    *seen = true;
                }
            }
        }
        let missing = present.iter().zip(steps.times()).filter(|(seen, _)| !**seen);
        let points: Vec<Point> = missing.map(|(_, t)| Point { t, value: Value::Float(1.0) }).collect();
        self.hold(points.len())?;
        Ok(vec![Series::new(super::call::absent_labels(arg), points)])
    }
}

/// The function for all ranges at once, where there is one: it knows numbers within the ranges only.
fn sliding(name: &str, params: &[Vec<f64>], source: &Source, extension: Extension) -> Option<SlideFunction> {
    if source.histograms.is_empty() && extension == Extension::None { slide::function(name, params) } else { None }
}
