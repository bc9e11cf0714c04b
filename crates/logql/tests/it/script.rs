//! The language of the files `tests/cases/*.test`. Times are durations since the epoch.
//!
//! ```text
//! load
//!   {app="a"}
//!     1s a line
//!     2s @trace=x a line with structured metadata
//! eval instant at 1m QUERY
//! eval range 0s 2m 30s QUERY
//! eval logs [forward] [limit=N] [interval=D] [categorize] QUERY
//! ```
//!
//! Below an evaluation stand the lines of its answer: labels and numbers, `_` where there is none; or
//! labels, time, `@` metadata and `#` parsed labels, and the line; or `fail` and the first line of the
//! error. `\e` in a line is an escape character. `clear` forgets what was loaded.

use std::fmt::Write;

use logql::text::parse_duration;
use logql::{Answer, Data, Direction, Expr, Labels, LogQuery, Memory, Options, Steps, parse};

#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    pub(crate) failures: Vec<String>,
}

pub(crate) fn run(script: &str) -> Outcome {
    let mut outcome = Outcome::default();
    let mut memory = Memory::default();
    let mut lines =
        script.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#')).peekable();
    while let Some((line, number)) = lines.next() {
        let mut block = Vec::new();
        while let Some((line, _)) = lines.next_if(|(line, _)| line.starts_with("  ")) {
            block.push(line);
        }
        if line == "load" {
            load(&mut memory, &block);
        } else if line == "clear" {
            memory = Memory::default();
        } else if let Some(query) = line.strip_prefix("eval ") {
            let found = evaluate(&memory, query);
            let expected: Vec<&str> = block.iter().map(|line| line.trim()).collect();
            if found == expected {
                outcome.passed += 1;
            } else {
                let (found, expected) = (found.join("\n  "), expected.join("\n  "));
                outcome.failures.push(format!("{number}: {line}\n expected\n  {expected}\n found\n  {found}"));
            }
        } else {
            outcome.failures.push(format!("{number}: what is {line:?}?"));
        }
    }
    outcome
}

fn labels(text: &str) -> Labels {
    let Ok(matchers) = logql::parse_matchers(text) else { panic!("no labels: {text}") };
    Labels::new(matchers.into_iter().map(|matcher| (matcher.name, matcher.value)))
}

fn load(memory: &mut Memory, block: &[&str]) {
    let mut stream = Labels::empty();
    for line in block {
        if line.starts_with("    ") {
            let (time, mut line) = line.trim_start().split_once(' ').unwrap();
            let mut metadata = Vec::new();
            while let Some((pair, rest)) = line.strip_prefix('@').and_then(|rest| rest.split_once(' ')) {
                metadata.push(pair.split_once('=').unwrap());
                line = rest;
            }
            let line = if line == "-" { String::new() } else { line.replace("\\e", "\u{1b}") };
            memory.add(&stream, nanos(time), line, Labels::new(metadata));
        } else {
            stream = labels(line.trim());
        }
    }
}

fn nanos(text: &str) -> i64 {
    parse_duration(text).unwrap()
}

fn evaluate(memory: &Memory, command: &str) -> Vec<String> {
    let options = Options { now: nanos("1h"), ..Options::default() };
    let mut words = command.splitn(2, ' ');
    let (kind, rest) = (words.next().unwrap(), words.next().unwrap());
    let result = match kind {
        "instant" => {
            let (time, query) = rest.strip_prefix("at ").unwrap().split_once(' ').unwrap();
            with_query(query, |expr| logql::instant(memory, &options, expr, nanos(time)))
        }
        "range" => {
            let parts: Vec<&str> = rest.splitn(4, ' ').collect();
            let steps = Steps::new(nanos(parts[0]), nanos(parts[1]), nanos(parts[2])).unwrap();
            let result = with_query(parts[3], |expr| logql::range(memory, &options, expr, steps));
            return result.map_or_else(|error| vec![error], |answer| matrix(&answer, steps));
        }
        _ => logs(memory, &options, rest),
    };
    result.map_or_else(|error| vec![error], |answer| shown(&answer))
}

fn first_line(error: impl ToString) -> String {
    format!("fail {}", error.to_string().lines().next().unwrap_or_default())
}

fn with_query<E: ToString>(query: &str, run: impl FnOnce(&Expr) -> Result<Answer, E>) -> Result<Answer, String> {
    let expr = parse(query).map_err(first_line)?;
    run(&expr).map_err(first_line)
}

fn logs(memory: &Memory, options: &Options<'_>, command: &str) -> Result<Answer, String> {
    let mut query = LogQuery {
        start: 0,
        end: nanos("1h"),
        limit: 100,
        direction: Direction::Backward,
        interval: 0,
        categorize: false,
    };
    let mut rest = command;
    while let Some((word, after)) = rest.split_once(' ').filter(|(word, _)| !word.starts_with('{')) {
        match word.split_once('=') {
            Some(("limit", limit)) => query.limit = limit.parse().unwrap(),
            Some(("interval", interval)) => query.interval = nanos(interval),
            _ if word == "forward" => query.direction = Direction::Forward,
            _ if word == "categorize" => query.categorize = true,
            _ => panic!("what is {word:?}?"),
        }
        rest = after;
    }
    with_query(rest, |expr| match expr {
        Expr::Logs(expr) => logql::logs(memory, options, expr, &query).map_err(|error| error.to_string()),
        Expr::Metric(_) => Err("no log query".to_owned()),
    })
}

/// Nine digits are enough to see a mistake, and few enough not to see the order of additions.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.9e}").parse().unwrap_or(value);
    format!("{rounded}")
}

fn matrix(answer: &Answer, steps: Steps) -> Vec<String> {
    let Data::Matrix(series) = &answer.data else { return vec!["no matrix".to_owned()] };
    let lines = series.iter().map(|series| {
        let mut out = series.labels.to_string();
        let mut points = series.points.iter().peekable();
        for step in 0..steps.count() {
            let point = points.next_if(|point| point.ts == steps.at(step));
            let _ = write!(out, " {}", point.map_or("_".to_owned(), |point| number(point.value)));
        }
        assert!(points.next().is_none(), "points are not in order of steps");
        out
    });
    lines.collect()
}

fn shown(answer: &Answer) -> Vec<String> {
    match &answer.data {
        Data::Scalar(point) => vec![format!("scalar {}", number(point.value))],
        Data::Vector(samples) => {
            samples.iter().map(|sample| format!("{} {}", sample.labels, number(sample.point.value))).collect()
        }
        Data::Matrix(_) => vec!["a matrix".to_owned()],
        Data::Streams { streams, .. } => {
            let entries = streams.iter().flat_map(|stream| stream.entries.iter().map(move |entry| (stream, entry)));
            let lines = entries.map(|(stream, entry)| {
                let time = go_template::show_duration(entry.ts);
                let mut out = format!("{} {time}", stream.labels);
                for (sign, labels) in [('@', &entry.metadata), ('#', &entry.parsed)] {
                    labels.iter().for_each(|(name, value)| {
                        let _ = write!(out, " {sign}{name}={value}");
                    });
                }
                let line = if entry.line.is_empty() { "-" } else { &entry.line };
                let _ = write!(out, " {line}");
                out.trim_end().to_owned()
            });
            lines.collect()
        }
    }
}
