use std::cmp::Ordering;
use std::sync::Arc;

use super::selector::Part;
use super::series::{Cursors, merged, samples_in};
use super::{Evaluated, Evaluator, Steps};
use crate::annotations::Note;
use crate::error::QueryError;
use crate::functions::{instant, natural};
use crate::labels::{Builder, Labels};
use crate::matcher::MatchOp;
use crate::parser::ast::{Call, Expr, ExprKind, Span, ValueType};
use crate::value::{Point, Series, Value};

impl Evaluator<'_> {
    pub(super) fn eval_call(&self, expr: &Expr, call: &Call, steps: Steps) -> Result<Evaluated, QueryError> {
        if call.function.returns == ValueType::Scalar {
            return self.eval_scalar_call(call, steps).map(Evaluated::Scalar);
        }
        let args = call.args.as_slice();
        let found = match (call.function.name, args) {
            ("absent_over_time", [arg]) => self.eval_absent_over_time(arg, steps)?,
            ("vector", [arg]) => vec![super::series::of_scalar(&self.eval_scalar(arg, steps)?, steps)],
            ("absent", [arg]) => self.eval_absent(arg, steps)?,
            ("timestamp", [arg]) => self.eval_sample_time(arg, steps, Part::Time)?,
            ("start_timestamp", [arg]) => self.eval_sample_time(arg, steps, Part::Start)?,
            ("label_replace", _) => self.eval_label_replace(args, steps)?,
            ("label_join", _) => self.eval_label_join(args, steps)?,
            ("info", _) => self.eval_info(args, steps)?,
            ("sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc", _) => {
                self.eval_sort(expr.span, call.function.name, args, steps)?
            }
            (name, _) if instant::of_histogram(name).is_some() => self.eval_mapped(call, steps)?,
            (name, _) if name.starts_with("histogram_") => self.eval_histogram_call(name, args, steps)?,
            _ if args.iter().any(|arg| arg.value_type() == ValueType::Matrix) => self.eval_range_call(call, steps)?,
            _ => self.eval_mapped(call, steps)?,
        };
        Ok(Evaluated::Vector(found))
    }

    fn eval_scalar_call(&self, call: &Call, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        let constant = match (call.function.name, call.args.as_slice()) {
            ("time", _) => return Ok(steps.times().map(seconds).collect()),
            ("scalar", [arg]) => return self.eval_scalar_of(arg, steps),
            (name @ ("min_of" | "max_of"), [a, b]) => {
                let (a, b) = (self.eval_scalar(a, steps)?, self.eval_scalar(b, steps)?);
                let pick = if name == "min_of" { instant::lesser } else { instant::greater };
                return Ok(a.into_iter().zip(b).map(|(a, b)| pick(a, b)).collect());
            }
            ("pi", _) => std::f64::consts::PI,
            ("start", _) => seconds(self.query.start()),
            ("end", _) => seconds(self.query.end()),
            // One time has no interval, also where it was asked for as a range.
            ("step", _) if self.query.start() == self.query.end() => 0.0,
            ("step", _) => seconds(self.query.queried_interval()),
            ("range", _) => seconds(self.query.end() - self.query.start()),
            (name, _) => return Err(QueryError::failed(format!("function {name} is not one of scalars"))),
        };
        Ok(vec![constant; steps.count()])
    }

    fn eval_scalar_of(&self, arg: &Expr, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let input = self.eval_vector(arg, steps)?;
        self.release(samples_in(&input));
        let mut found = vec![(0usize, f64::NAN); steps.count()];
        for point in input.iter().flat_map(|series| &series.points) {
            let (Value::Float(value), Some(slot)) = (&point.value, found.get_mut(steps.index(point.t))) else {
                continue;
            };
            *slot = (slot.0 + 1, *value);
        }
        Ok(found.into_iter().map(|(count, value)| if count == 1 { value } else { f64::NAN }).collect())
    }

    /// When samples were taken, or when their counters began, if a selector gives them; the time of
    /// evaluation, or nothing, if an expression does.
    fn eval_sample_time(&self, arg: &Expr, steps: Steps, part: Part) -> Result<Vec<Series>, QueryError> {
        let found = match &arg.bare().kind {
            ExprKind::Vector(selector) => self.eval_part(selector, arg.bare().span, steps, part)?,
            // Nobody knows when that began, but mistakes in it are told.
            _ if part == Part::Start => {
                self.release(samples_in(&self.eval_vector(arg, steps)?));
                Vec::new()
            }
            _ => {
                let mut input = self.eval_vector(arg, steps)?;
                for point in input.iter_mut().flat_map(|series| &mut series.points) {
                    point.value = Value::Float(point.t as f64 / 1000.0);
                }
                input
            }
        };
        merged(found.into_iter().map(|series| Series { drops_name: true, ..series }).collect())
    }

    fn eval_absent(&self, arg: &Expr, steps: Steps) -> Result<Vec<Series>, QueryError> {
        let input = self.eval_vector(arg, steps)?;
        self.release(samples_in(&input));
        let mut present = vec![false; steps.count()];
        for point in input.iter().flat_map(|series| &series.points) {
            if let Some(seen) = present.get_mut(steps.index(point.t)) {
                *seen = true;
            }
        }
        let missing = present.iter().zip(steps.times()).filter(|(seen, _)| !**seen);
        let points: Vec<Point> = missing.map(|(_, t)| Point { t, value: Value::Float(1.0) }).collect();
        self.hold(points.len())?;
        Ok(vec![Series::new(absent_labels(arg), points)])
    }

    pub(super) fn text(&self, args: &[Expr], at: usize, steps: Steps) -> Result<Arc<str>, QueryError> {
        match args.get(at).map(|arg| self.eval(arg, steps)).transpose()? {
            Some(Evaluated::String(text)) => Ok(text),
            _ => Err(QueryError::failed(format!("argument {} is no string", at + 1))),
        }
    }

    fn eval_sort(&self, span: Span, name: &str, args: &[Expr], steps: Steps) -> Result<Vec<Series>, QueryError> {
        let Some(arg) = args.first() else { return Ok(Vec::new()) };
        let mut input = self.eval_vector(arg, steps)?;
        if steps.start() != steps.end() {
            self.note(Note::sort_in_range(span));
        }
        let descending = name.ends_with("_desc");
        if name.starts_with("sort_by_label") {
            let labels = (1..args.len()).map(|at| self.text(args, at, steps)).collect::<Result<Vec<_>, _>>()?;
            input.sort_by(|a, b| {
                let order = labels
                    .iter()
                    .map(|label| natural::compare(a.labels.get(label), b.labels.get(label)))
                    .find(|order| order.is_ne())
                    .unwrap_or_else(|| a.labels.cmp(&b.labels));
                if descending { order.reverse() } else { order }
            });
            return Ok(input);
        }
        // Only what is shown at one time has an order by value.
        let value = |series: &Series| series.points.first().and_then(|point| point.value.as_float());
        for series in &mut input {
            series.points.retain(|point| matches!(point.value, Value::Float(_)));
        }
        input.retain(|series| !series.points.is_empty());
        input.sort_by(|a, b| by_value(value(a), value(b), descending));
        Ok(input)
    }
}

/// By value, what is no number last.
fn by_value(a: Option<f64>, b: Option<f64>, descending: bool) -> Ordering {
    let (a, b) = (a.unwrap_or(f64::NAN), b.unwrap_or(f64::NAN));
    a.is_nan().cmp(&b.is_nan()).then_with(|| {
        let order = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
        if descending { order.reverse() } else { order }
    })
}

/// The labels that a selector demands, for the series that says that it finds nothing.
pub(super) fn absent_labels(expr: &Expr) -> Labels {
    let matchers = match &expr.kind {
        ExprKind::Vector(selector) => &selector.matchers,
        ExprKind::Matrix(matrix) => &matrix.vector.matchers,
        _ => return Labels::empty(),
    };
    let mut builder = Builder::default();
    let mut demanded: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|matcher| !matcher.is_name()) {
        // A label of which more is demanded is not known.
        let alone = matcher.op == MatchOp::Equal && !demanded.contains(&&*matcher.name);
        builder.set(Arc::clone(&matcher.name), if alone { Arc::clone(&matcher.value) } else { "".into() });
        demanded.push(&matcher.name);
    }
    builder.build()
}

/// The values at each step, with the places of their series.
pub(super) fn each_step(
    input: &[Series],
    steps: Steps,
    mut f: impl FnMut(usize, i64, &[(usize, &Value)]) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let mut cursors = Cursors::new(input);
    for (at, t) in steps.times().enumerate() {
        let values: Vec<_> = cursors.values(t).collect();
        f(at, t, &values)?;
    }
    Ok(())
}
