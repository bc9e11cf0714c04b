//! Takes a script apart into commands.

use super::expect::{Expectation, Expected, Kind};
use crate::text::parse_duration;

/// A script may be so long, in bytes.
pub(super) const MAX_SCRIPT: usize = 64 << 20;

/// A line with its number, from 1, blanks around it cut off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub number: usize,
    pub text: &'a str,
}

/// One command of a script.
#[derive(Debug)]
pub(super) enum Command<'a> {
    Clear,
    /// Series lines below `load` or `load_with_nhcb`.
    Load {
        interval: i64,
        with_nhcb: bool,
        lines: Vec<Line<'a>>,
    },
    Eval(Evaluation<'a>),
}

/// When an expression is evaluated, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

/// An evaluation and what it should give.
#[derive(Debug)]
pub(super) struct Evaluation<'a> {
    pub line: usize,
    pub times: Times,
    pub query: &'a str,
    pub expected: Expected<'a>,
}

/// A mistake in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub line: usize,
    pub message: String,
}

fn mistake<T>(line: usize, message: impl Into<String>) -> Result<T, Mistake> {
    Err(Mistake { line, message: message.into() })
}

/// The commands of a script in order; a mistake takes the place of the command that it is in.
pub(super) fn commands(script: &str) -> Vec<Result<Command<'_>, Mistake>> {
    let mut commands = Vec::new();
    let mut block: Vec<Line<'_>> = Vec::new();
    let lines = script.lines().enumerate().map(|(at, line)| Line { number: at + 1, text: line.trim() });
    for line in lines.chain([Line { number: 0, text: "" }]) {
        if block.is_empty() && line.text == "clear" {
            // Another command may follow at once.
            commands.push(Ok(Command::Clear));
        } else if !line.text.is_empty() && !line.text.starts_with('#') {
            block.push(line);
        } else if let Some((first, rest)) = block.split_first() {
            commands.push(command(*first, rest));
            block.clear();
        }
    }
    commands
}

fn command<'a>(first: Line<'a>, rest: &[Line<'a>]) -> Result<Command<'a>, Mistake> {
    let word = first.text.split_whitespace().next().unwrap_or_default();
    match word {
        "load" | "load_with_nhcb" => {
            let interval = first.text.get(word.len()..).unwrap_or_default().trim();
            match parse_duration(interval) {
                Ok(interval) => Ok(Command::Load { interval, with_nhcb: word != "load", lines: rest.to_vec() }),
                Err(error) => mistake(first.number, format!("invalid step definition {interval}: {error}")),
            }
        }
        "eval" | "eval_fail" | "eval_warn" | "eval_info" | "eval_ordered" => evaluation(word, first, rest),
        _ => mistake(first.number, format!("invalid command {word}")),
    }
}

/// Takes the next word of a text, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

fn time(text: &str, line: usize) -> Result<i64, Mistake> {
    parse_duration(text).or_else(|error| mistake(line, format!("invalid time {text}: {error}")))
}

fn evaluation<'a>(name: &str, first: Line<'a>, rest: &[Line<'a>]) -> Result<Command<'a>, Mistake> {
    let line = first.number;
    let (kind, tail) = word(first.text.get(name.len()..).unwrap_or_default());
    let (times, query) = match kind {
        "instant" => {
            let (time_text, query) = match word(tail) {
                ("at", tail) => word(tail),
                // Without a time it is the beginning.
                _ => ("0", tail),
            };
            (Times::Instant(time(time_text, line)?), query)
        }
        "range" => {
            let mut tail = tail;
            let mut values = [0; 3];
            for (keyword, value) in ["from", "to", "step"].into_iter().zip(&mut values) {
                let (found, after) = word(tail);
                if found != keyword {
                    return mistake(line, format!("expected {keyword}, got {found}"));
                }
                let (text, after) = word(after);
                *value = time(text, line)?;
                tail = after;
            }
            let [start, end, step] = values;
            if end < start || step <= 0 {
                return mistake(line, "the range ends before it starts, or its step is not positive");
            }
            (Times::Range { start, end, step }, tail)
        }
        _ => return mistake(line, format!("expected instant or range, got {kind}")),
    };
    let mut expected = Expected::new(matches!(times, Times::Range { .. }));
    match name {
        "eval_fail" => expected.add(Expectation::any(Kind::Fail)),
        "eval_warn" => expected.add(Expectation::any(Kind::Warn)),
        "eval_info" => expected.add(Expectation::any(Kind::Info)),
        "eval_ordered" => expected.ordered = true,
        _ => {}
    }
    for line in rest {
        expected.read(*line).or_else(|message| mistake(line.number, message))?;
    }
    Ok(Command::Eval(Evaluation { line, times, query: query.trim(), expected }))
}
