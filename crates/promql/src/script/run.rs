//! Runs scripts.

use super::bounds::convert;
use super::check::check;
use super::commands::{Command, Evaluation, Line, MAX_SCRIPT, Mistake, Times, commands};
use super::notation::{NotationError, parse_offsets, parse_series};
use crate::eval::{Answer, Limits, Options, Steps, instant, range};
use crate::memory::{Memory, Sample};
use crate::parser::ast::{At, Expr, ExprKind};
use crate::parser::parse;
use crate::value::{Data, Series};

/// What did not go as the script says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The line of the command, from 1.
    pub line: usize,
    /// The query, if it is about one.
    pub query: String,
    /// What was expected and what came.
    pub message: String,
}

/// How a script went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Evaluations that gave what they should.
    pub passed: usize,
    /// Evaluations that did not, and commands that cannot be read.
    pub failures: Vec<Failure>,
}

/// Evaluations hold so many samples at most, as in Prometheus' own runs.
const MAX_SAMPLES: usize = 10_000;

/// Runs a script: each evaluation at its time and, as far as that can be done, in other ways that have
/// to give the same.
pub fn run(script: &str) -> Summary {
    let mut summary = Summary::default();
    if script.len() > MAX_SCRIPT {
        let message = format!("script is longer than {MAX_SCRIPT} bytes");
        summary.failures.push(Failure { line: 1, query: String::new(), message });
        return summary;
    }
    let mut memory = Memory::default();
    for command in commands(script) {
        let failed = |Mistake { line, message }| Failure { line, query: String::new(), message };
        match command {
            Ok(Command::Clear) => memory = Memory::default(),
            Ok(Command::Load { interval, with_nhcb, lines }) => {
                summary.failures.extend(load(&mut memory, interval, with_nhcb, &lines).err().map(failed));
            }
            Ok(Command::Eval(evaluation)) => match evaluate(&memory, &evaluation) {
                Ok(()) => summary.passed += 1,
                Err(message) => {
                    let query = evaluation.query.to_owned();
                    summary.failures.push(Failure { line: evaluation.line, query, message });
                }
            },
            Err(mistake) => summary.failures.push(failed(mistake)),
        }
    }
    summary
}

fn load(memory: &mut Memory, interval: i64, with_nhcb: bool, lines: &[Line<'_>]) -> Result<(), Mistake> {
    let mut loaded = Vec::new();
    let mut starts: Option<(&str, Vec<Option<i64>>)> = None;
    for line in lines {
        let at = |error: NotationError| Mistake { line: line.number, message: error.to_string() };
        if let Some((series, offsets)) = start_line(line.text) {
            starts = Some((series, parse_offsets(offsets).map_err(at)?));
            continue;
        }
        let series = parse_series(line.text).map_err(at)?;
        let offsets = match starts.take() {
            Some((name, _)) if !line.text.starts_with(name) => {
                let message = format!("start timestamps of {name} stand before another series");
                return Err(Mistake { line: line.number, message });
            }
            Some((_, offsets)) if offsets.len() != series.values.len() => {
                let message = format!("{} start timestamps for {} values", offsets.len(), series.values.len());
                return Err(Mistake { line: line.number, message });
            }
            Some((_, offsets)) => offsets,
            None => vec![None; series.values.len()],
        };
        let samples = series.values.into_iter().zip(offsets).zip(0..).filter_map(|((value, offset), at)| {
            let t = interval.saturating_mul(at);
            Some(Sample { t, start: offset.map_or(0, |offset| t.saturating_add(offset)), value: value? })
        });
        memory.append(&series.labels, samples);
        loaded.push(series.labels);
    }
    if with_nhcb {
        convert(memory, &loaded);
    }
    Ok(())
}

/// A line `<series>@st <offsets>`.
fn start_line(text: &str) -> Option<(&str, &str)> {
    let (series, rest) = text.rsplit_once("@st")?;
    rest.starts_with(char::is_whitespace).then_some((series, rest))
}

fn options() -> Options<'static> {
    Options { limits: Limits { samples: MAX_SAMPLES, ..Limits::default() }, ..Options::default() }
}

fn ask(memory: &Memory, query: &str, expr: &Expr, times: Times) -> Result<Answer, String> {
    let options = options();
    let answer = match times {
        Times::Instant(time) => instant(memory, &options, query, expr, time),
        Times::Range { start, end, step } => range(memory, &options, query, expr, Steps::range(start, end, step)),
    };
    answer.map_err(|error| error.to_string())
}

fn evaluate(memory: &Memory, evaluation: &Evaluation<'_>) -> Result<(), String> {
    let Evaluation { times, query, expected, .. } = evaluation;
    let expr = parse(query).map_err(|error| error.to_string());
    let answer = expr.as_ref().map_err(Clone::clone).and_then(|expr| ask(memory, query, expr, *times));
    compare(evaluation, *times, answer)?;
    let (Times::Instant(time), Ok(expr)) = (*times, expr) else { return Ok(()) };
    if !depends_on_time(&expr) {
        let pinned = pinned(&expr, time);
        for other in other_times(time) {
            // Texts of annotations name places of the query, which has not changed.
            let answer = ask(memory, query, &pinned, Times::Instant(other)).map(|answer| moved(answer, time));
            compare(evaluation, *times, answer)
                .map_err(|message| format!("with @ {} at {}: {message}", seconds(time), seconds(other)))?;
        }
    }
    if expected.ordered || expected.text.is_some() || expected.matrix.is_some() || names_the_range(&expr) {
        return Ok(());
    }
    let (start, end) = (time.saturating_sub(MINUTE), time.saturating_add(MINUTE));
    let answer = ask(memory, query, &expr, Times::Range { start, end, step: MINUTE });
    if expected.fails() {
        // Two more times may fail in other ways.
        return Ok(());
    }
    let middle = answer.map(|answer| at_time(answer, time, expected.scalar.is_some()));
    let message = |message| format!("as a range from {} to {}: {message}", seconds(start), seconds(end));
    match middle {
        Ok(answer) => check(expected, *times, &answer.data).map_err(message),
        Err(error) => Err(message(format!("expected no error\ngot error: {error}"))),
    }
}

const MINUTE: i64 = 60_000;

fn seconds(t: i64) -> String {
    format!("{}s", crate::text::float(t as f64 / 1000.0))
}

fn compare(evaluation: &Evaluation<'_>, times: Times, answer: Result<Answer, String>) -> Result<(), String> {
    let expected = &evaluation.expected;
    match answer {
        Err(error) if expected.fails() => expected.check_failure(&error),
        Err(error) => Err(format!("expected no error\ngot error: {error}")),
        Ok(_) if expected.fails() => Err("expected an error\ngot a result".into()),
        Ok(answer) => {
            expected.check_annotations(&answer.annotations)?;
            check(expected, times, &answer.data)
        }
    }
}

/// Times at which an expression that is pinned to one has to give the same.
fn other_times(time: i64) -> Vec<i64> {
    if time == 0 { vec![-1000, 0, 1000] } else { vec![-10 * time, 0, time / 5, time, 10 * time] }
}

/// Selectors and subqueries, the outermost ones, pinned to a time.
fn pinned(expr: &Expr, time: i64) -> Expr {
    let mut expr = expr.clone();
    pin(&mut expr, time);
    expr
}

fn pin(expr: &mut Expr, time: i64) {
    let at = Some(At::Time(time));
    match &mut expr.kind {
        ExprKind::Number(..) | ExprKind::String(_) => {}
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => pin(inner, time),
        ExprKind::Binary(binary) => {
            pin(&mut binary.left, time);
            pin(&mut binary.right, time);
        }
        ExprKind::Aggregate(aggregate) => {
            pin(&mut aggregate.expr, time);
            aggregate.param.iter_mut().for_each(|param| pin(param, time));
        }
        // The second argument of `info` selects nothing.
        ExprKind::Call(call) => {
            let selecting = if call.function.name == "info" { 1 } else { call.args.len() };
            call.args.iter_mut().take(selecting).for_each(|arg| pin(arg, time));
        }
        ExprKind::Vector(selector) => selector.modifiers.at = selector.modifiers.at.or(at),
        ExprKind::Matrix(matrix) => matrix.vector.modifiers.at = matrix.vector.modifiers.at.or(at),
        ExprKind::Subquery(subquery) => subquery.modifiers.at = subquery.modifiers.at.or(at),
    }
}

/// Whether an expression gives something else at another time though its selectors are pinned.
fn depends_on_time(expr: &Expr) -> bool {
    const TIMES: [&str; 16] = [
        "time",
        "timestamp",
        "start_timestamp",
        "predict_linear",
        "days_in_month",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "hour",
        "minute",
        "month",
        "year",
        "start",
        "end",
        "step",
        "range",
    ];
    match &expr.kind {
        ExprKind::Call(call) if TIMES.contains(&call.function.name) => true,
        // A pinned subquery is evaluated at times of its own.
        ExprKind::Subquery(_) => false,
        _ => expr.children().into_iter().any(depends_on_time),
    }
}

/// Whether an expression asks for the range or step of the query.
fn names_the_range(expr: &Expr) -> bool {
    let text = expr.to_string();
    ["range()", "step()", "start()", "end()"].iter().any(|call| text.contains(call))
}

/// An answer for another time as if it were for this one.
fn moved(mut answer: Answer, time: i64) -> Answer {
    if let Data::Vector(series) = &mut answer.data {
        series.iter_mut().flat_map(|series| &mut series.points).for_each(|point| point.t = time);
    }
    answer
}

/// What a range has at one time, as the answer of an instant query.
fn at_time(answer: Answer, time: i64, scalar: bool) -> Answer {
    let Data::Matrix(series) = answer.data else { return answer };
    let at = series.into_iter().filter_map(|series| {
        let points: Vec<_> = series.points.into_iter().filter(|point| point.t == time).collect();
        (!points.is_empty()).then_some(Series { points, ..series })
    });
    let vector: Vec<Series> = at.collect();
    let value = vector.first().and_then(|series| series.points.first()).and_then(|point| point.value.as_float());
    let data = match value {
        Some(value) if scalar => Data::Scalar(value),
        _ => Data::Vector(vector),
    };
    Answer { data, annotations: answer.annotations }
}
