//! Evaluation as it is defined: range by range, step by step, with all values of a group at once.

use crate::dates::{Date, whole_seconds};
use crate::error::QueryError;
use crate::eval::aggregate::{Group, groups};
use crate::eval::binary::{combine, renames};
use crate::eval::fold::told;
use crate::eval::selector::between;
use crate::eval::series::{merged, sorted};
use crate::eval::{Answer, Evaluator, Options, Steps};
use crate::functions::aggregates::Gathered;
use crate::functions::instant::{clamp, of_histogram, round};
use crate::functions::ranges::{RangeContext, Window, function};
use crate::histogram::kahan;
use crate::parser::ast::{
    Aggregate, AggregateOp, Binary, Call, Expr, ExprKind, Extension, Span, ValueType, VectorSelector,
};
use crate::storage::Storage;
use crate::value::{Data, Point, Series, Value, is_stale};

pub(super) fn range(
    storage: &dyn Storage,
    options: &Options<'_>,
    query: &str,
    expr: &Expr,
    steps: Steps,
) -> Result<Answer, QueryError> {
    let evaluator = Evaluator::new(storage, options, expr, steps)?;
    let found = vector(&evaluator, expr, steps)?;
    let found = evaluator.finished(found)?;
    evaluator.answer(query, Data::Matrix(sorted(found)))
}

fn vector(evaluator: &Evaluator<'_>, expr: &Expr, steps: Steps) -> Result<Vec<Series>, QueryError> {
    match &expr.bare().kind {
        ExprKind::Aggregate(aggregate) => {
            let input = vector(evaluator, &aggregate.expr, steps)?;
            Ok(aggregated(evaluator, aggregate, &input, steps))
        }
        ExprKind::Call(call) if function(call.function.name).is_some() => called(evaluator, call, steps),
        ExprKind::Call(call) => mapped(evaluator, call, steps),
        ExprKind::Unary(negative, inner) => {
            let input = vector(evaluator, inner, steps)?;
            Ok(if *negative { changed(input, steps, true, |_, value| Some(negated(value))) } else { input })
        }
        ExprKind::Binary(binary) => combined(evaluator, binary, expr.bare().span, steps),
        ExprKind::Vector(selector) => selected(evaluator, selector, expr.bare().span, steps),
        _ => evaluator.eval_vector(expr, steps),
    }
}

fn selected(
    evaluator: &Evaluator<'_>,
    selector: &VectorSelector,
    span: Span,
    steps: Steps,
) -> Result<Vec<Series>, QueryError> {
    let reference = evaluator.reference(&selector.modifiers)?;
    let lookback = evaluator.options.lookback;
    let mut found = Vec::new();
    for series in evaluator.select(selector, span, steps, reference, 0)? {
        let series = series?;
        let value = |t: i64| {
            let now = reference.time(t);
            let float = between(&series.floats, now - lookback, now).last();
            let histogram = between(&series.histograms, now - lookback, now).last();
            match (float, histogram) {
                (float, Some(histogram)) if float.is_none_or(|float| float.t < histogram.t) => {
                    (!is_stale(histogram.value.sum)).then(|| Value::Histogram(histogram.value.clone()))
                }
                (float, _) => float.filter(|float| !is_stale(float.value)).map(|float| Value::Float(float.value)),
            }
        };
        let points: Vec<Point> = steps.times().filter_map(|t| value(t).map(|value| Point { t, value })).collect();
        if !points.is_empty() {
            found.push(Series::new(series.labels.clone(), points));
        }
    }
    Ok(found)
}

fn called(evaluator: &Evaluator<'_>, call: &Call, steps: Steps) -> Result<Vec<Series>, QueryError> {
    let name = call.function.name;
    let function = function(name).unwrap();
    let mut params = Vec::new();
    for arg in call.args.iter().filter(|arg| arg.value_type() == ValueType::Scalar) {
        params.push(evaluator.eval_scalar(arg, steps)?);
    }
    let arg = call.args.iter().find(|arg| arg.value_type() == ValueType::Matrix).unwrap();
    let input = evaluator.ranges(arg, steps)?;
    let span_of = |expr: &Expr| match expr.bare() {
        Expr { kind: ExprKind::Subquery(_), .. } => Span::default(),
        expr => expr.span,
    };
    let lookback = evaluator.options.lookback;
    let (before, after) = match input.extension {
        Extension::None => (0, 0),
        Extension::Anchored => (lookback, 0),
        Extension::Smoothed => (lookback, lookback),
    };
    let note = |note| evaluator.note(note);
    let keeps_name = matches!(name, "last_over_time" | "first_over_time");
    let mut found = Vec::new();
    for source in input.sources.each() {
        let source = source?;
        let context = RangeContext {
            span: span_of(arg),
            first_span: span_of(&call.args[0]),
            second_span: Span::default(),
            name: source.labels.metric_name(),
            extension: input.extension,
            range: input.range,
            note: &note,
        };
        let mut points = Vec::new();
        for (step, t) in steps.times().enumerate() {
            let end = input.reference.time(t);
            let start = end - input.range;
            let window = Window {
                floats: between(&source.floats, start - before, end + after),
                histograms: between(&source.histograms, start - before, end + after),
                start,
                end,
                time: t,
            };
            if window.floats.is_empty() && window.histograms.is_empty() {
                continue;
            }
            let numbers: Vec<f64> = params.iter().map(|values| values[step]).collect();
            points.extend(function(&context, &window, &numbers)?.map(|value| Point { t, value }));
        }
        if !points.is_empty() {
            evaluator.note_if_no_counter(name, context.span, context.name, &points);
            let drops_name = source.drops_name || !keeps_name;
            found.push(Series { labels: source.labels.clone(), points, drops_name });
        }
    }
    if keeps_name { Ok(found) } else { merged(found) }
}

/// Each value changed by itself; those of which nothing is left go.
fn changed(
    mut input: Vec<Series>,
    steps: Steps,
    renames: bool,
    change: impl Fn(usize, &Value) -> Option<Value>,
) -> Vec<Series> {
    for series in &mut input {
        let changed = series.points.iter().filter_map(|point| {
            let step = steps.times().position(|t| t == point.t).unwrap();
            change(step, &point.value).map(|value| Point { t: point.t, value })
        });
        series.points = changed.collect();
        series.drops_name |= renames;
    }
    input.retain(|series| !series.points.is_empty());
    input
}

fn negated(value: &Value) -> Value {
    match value {
        Value::Float(number) => Value::Float(-number),
        Value::Histogram(histogram) => {
            let mut negated = (**histogram).clone();
            negated.mul(-1.0);
            negated.into()
        }
    }
}

fn combined(evaluator: &Evaluator<'_>, binary: &Binary, span: Span, steps: Steps) -> Result<Vec<Series>, QueryError> {
    let swapped = binary.left.value_type() == ValueType::Scalar;
    let (series, number) = if swapped { (&binary.right, &binary.left) } else { (&binary.left, &binary.right) };
    let input = vector(evaluator, series, steps)?;
    let numbers = evaluator.eval_scalar(number, steps)?;
    Ok(changed(input, steps, binary.returns_bool || renames(binary.op), |step, value| {
        let number = Value::Float(numbers[step]);
        let (left, right) = if swapped { (&number, value) } else { (value, &number) };
        let combined = combine(binary.op, left, right, span, &mut |note| evaluator.note(note))?;
        match (binary.returns_bool, binary.op.is_comparison()) {
            (true, _) => Some(Value::Float(f64::from(u8::from(combined.keep)))),
            (false, true) => combined.keep.then(|| value.clone()),
            (false, false) => Some(combined.value),
        }
    }))
}

fn mapped(evaluator: &Evaluator<'_>, call: &Call, steps: Steps) -> Result<Vec<Series>, QueryError> {
    let input = vector(evaluator, &call.args[0], steps)?;
    let numbers = call.args[1..].iter().map(|arg| evaluator.eval_scalar(arg, steps));
    let numbers: Vec<Vec<f64>> = numbers.collect::<Result<_, _>>()?;
    Ok(changed(input, steps, true, |step, value| {
        let number = match (call.function.name, value) {
            ("histogram_count", Value::Histogram(histogram)) => histogram.count,
            ("histogram_stddev", Value::Histogram(histogram)) => of_histogram("histogram_stddev").unwrap()(histogram),
            ("abs", Value::Float(value)) => value.abs(),
            ("sqrt", Value::Float(value)) => value.sqrt(),
            ("round", Value::Float(value)) => round(*value, numbers[0][step]),
            ("clamp", Value::Float(value)) => clamp(*value, numbers[0][step], numbers[1][step])?,
            ("hour", Value::Float(value)) => Date::of(whole_seconds(*value)).hour as f64,
            _ => return None,
        };
        Some(Value::Float(number))
    }))
}

fn aggregated(evaluator: &Evaluator<'_>, aggregate: &Aggregate, input: &[Series], steps: Steps) -> Vec<Series> {
    let of_group = |group: Group| {
        let mut points = Vec::new();
        for t in steps.times() {
            let members = group.members.iter().map(|place| &input[*place]);
            let values: Vec<&Value> = members
                .filter_map(|series| series.points.iter().find(|point| point.t == t))
                .map(|point| &point.value)
                .collect();
            let floats: Vec<f64> = values.iter().filter_map(|value| value.as_float()).collect();
            let value = if floats.len() == values.len() {
                of_numbers(aggregate.op, &floats).map(Value::Float)
            } else {
                let mut gathered = Gathered::new(aggregate.op, 1);
                for value in &values {
                    gathered.add(0, value);
                }
                let name = input[group.members[0]].labels.metric_name();
                let span = aggregate.expr.bare().span;
                gathered.finish(0, |problem| evaluator.note(told(problem, aggregate.op, span, name)))
            };
            points.extend(value.map(|value| Point { t, value }));
        }
        Series { labels: group.labels, points, drops_name: group.drops_name }
    };
    let found = groups(input, &aggregate.grouping, aggregate.without).into_iter().map(of_group);
    found.filter(|series| !series.points.is_empty()).collect()
}

fn of_numbers(op: AggregateOp, values: &[f64]) -> Option<f64> {
    let (first, rest) = values.split_first()?;
    let count = values.len() as f64;
    Some(match op {
        AggregateOp::Sum => compensated(0.0, values),
        AggregateOp::Avg => mean(*first, rest),
        AggregateOp::Min => rest.iter().fold(*first, |m, v| if *v < m || m.is_nan() { *v } else { m }),
        AggregateOp::Max => rest.iter().fold(*first, |m, v| if *v > m || m.is_nan() { *v } else { m }),
        AggregateOp::Count => count,
        AggregateOp::Group => 1.0,
        AggregateOp::Stddev => (spread(*first, rest) / count).sqrt(),
        AggregateOp::Stdvar => spread(*first, rest) / count,
        _ => panic!("{op:?} is not one of these"),
    })
}

fn compensated(from: f64, values: &[f64]) -> f64 {
    let (sum, rest) = values.iter().fold((from, 0.0), |(sum, rest), value| kahan(*value, sum, rest));
    if sum.is_infinite() { sum } else { sum + rest }
}

fn mean(first: f64, values: &[f64]) -> f64 {
    let (mut mean, mut rest, mut running, mut count) = (first, 0.0, false, 1.0);
    for value in values {
        count += 1.0;
        if !running {
            let (sum, more) = kahan(*value, mean, rest);
            if !sum.is_infinite() {
                (mean, rest) = (sum, more);
                continue;
            }
            running = true;
            (mean, rest) = (mean / (count - 1.0), rest / (count - 1.0));
        }
        let weight = (count - 1.0) / count;
        (mean, rest) = kahan(value / count, weight * mean, weight * rest);
    }
    if running { mean + rest } else { mean / count + rest / count }
}

fn spread(first: f64, values: &[f64]) -> f64 {
    let (mut mean, mut squares, mut count) = (first, if first.is_finite() { 0.0 } else { f64::NAN }, 1.0);
    for value in values {
        count += 1.0;
        let delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
    }
    squares
}
