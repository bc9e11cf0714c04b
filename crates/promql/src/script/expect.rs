//! What an evaluation should give.

use regex::Regex;

use super::commands::{Line, Times};
use super::notation::{Notation, parse_series};
use crate::annotations::{Annotation, Severity};
use crate::parser::ast::ExprKind;
use crate::text::{parse_duration, parse_float};

/// What is expected besides values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Fail,
    Warn,
    Info,
    NoWarn,
    NoInfo,
}

/// How a message has to look.
#[derive(Clone, Debug)]
enum Message {
    Any,
    Exact(String),
    Like(Regex),
}

/// A line that begins with `expect`.
#[derive(Clone, Debug)]
pub(super) struct Expectation {
    kind: Kind,
    message: Message,
}

impl Expectation {
    pub(super) fn any(kind: Kind) -> Self {
        Self { kind, message: Message::Any }
    }

    fn matches(&self, text: &str) -> bool {
        match &self.message {
            Message::Any => true,
            Message::Exact(exact) => exact == text,
            Message::Like(regex) => regex.is_match(text),
        }
    }

    fn describe(&self) -> String {
        match &self.message {
            Message::Any => "any".into(),
            Message::Exact(exact) => exact.clone(),
            Message::Like(regex) => format!("one like {regex}"),
        }
    }
}

/// What an evaluation should give.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    range: bool,
    expectations: Vec<Expectation>,
    pub ordered: bool,
    pub text: Option<String>,
    pub scalar: Option<f64>,
    pub matrix: Option<Times>,
    pub series: Vec<(Line<'a>, Notation)>,
}

impl<'a> Expected<'a> {
    pub(super) fn new(range: bool) -> Self {
        let series = Vec::new();
        Self { range, expectations: Vec::new(), ordered: false, text: None, scalar: None, matrix: None, series }
    }

    pub(super) fn add(&mut self, expectation: Expectation) {
        self.expectations.push(expectation);
    }

    /// Takes a line below an evaluation.
    pub(super) fn read(&mut self, line: Line<'a>) -> Result<(), String> {
        let text = line.text;
        if let Some(rest) = text.strip_prefix("expect").filter(|rest| rest.starts_with(char::is_whitespace)) {
            return self.read_expect(rest.trim_start());
        }
        for (prefix, exact) in [("expected_fail_message", true), ("expected_fail_regexp", false)] {
            if let Some(rest) = text.strip_prefix(prefix) {
                let message = message_of(rest.trim(), exact)?;
                let failure = self.expectations.iter_mut().find(|expectation| expectation.kind == Kind::Fail);
                return failure
                    .map(|failure| failure.message = message)
                    .ok_or_else(|| format!("{prefix} needs eval_fail"));
            }
        }
        if let Some(number) = parse_float(text) {
            self.scalar = Some(number);
            return Ok(());
        }
        let series = parse_series(text).map_err(|error| error.to_string())?;
        if !self.range && self.matrix.is_none() && series.values.len() > 1 {
            return Err("expecting multiple values in instant evaluation not allowed".into());
        }
        self.series.push((line, series));
        Ok(())
    }

    fn read_expect(&mut self, text: &str) -> Result<(), String> {
        let (kind, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
        let rest = rest.trim();
        let kind = match kind {
            "ordered" => {
                self.ordered = true;
                return Ok(());
            }
            "string" => {
                self.text = Some(string_literal(rest)?);
                return Ok(());
            }
            "range" => {
                self.matrix = Some(range_vector(rest)?);
                return Ok(());
            }
            "fail" => Kind::Fail,
            "warn" => Kind::Warn,
            "info" => Kind::Info,
            "no_warn" => Kind::NoWarn,
            "no_info" => Kind::NoInfo,
            _ => return Err(format!("invalid expected error/annotation type {kind}")),
        };
        let message = if rest.is_empty() {
            Message::Any
        } else if let Some(exact) = rest.strip_prefix("msg:") {
            message_of(exact.trim(), true)?
        } else if let Some(regex) = rest.strip_prefix("regex:") {
            message_of(regex.trim(), false)?
        } else {
            return Err(format!("expected msg: or regex:, got {rest}"));
        };
        self.expectations.push(Expectation { kind, message });
        Ok(())
    }

    fn of(&self, kind: Kind) -> Vec<&Expectation> {
        self.expectations.iter().filter(|expectation| expectation.kind == kind).collect()
    }

    /// Whether the evaluation should fail.
    pub(super) fn fails(&self) -> bool {
        !self.of(Kind::Fail).is_empty()
    }

    /// What is wrong with how an evaluation failed.
    pub(super) fn check_failure(&self, error: &str) -> Result<(), String> {
        let expected = self.of(Kind::Fail);
        match expected.iter().find(|expectation| !expectation.matches(error)) {
            None => Ok(()),
            Some(missed) => Err(format!("expected error: {}\ngot error: {error}", missed.describe())),
        }
    }

    /// What is wrong with the annotations of an answer.
    pub(super) fn check_annotations(&self, annotations: &[Annotation]) -> Result<(), String> {
        for (severity, kind, none, name) in [
            (Severity::Warning, Kind::Warn, Kind::NoWarn, "warning"),
            (Severity::Info, Kind::Info, Kind::NoInfo, "info"),
        ] {
            let found: Vec<&str> = annotations
                .iter()
                .filter(|annotation| annotation.severity == severity)
                .map(|annotation| annotation.text.as_str())
                .collect();
            if !self.of(none).is_empty() && !found.is_empty() {
                return Err(format!("expected no {name}\ngot: {}", found.join("; ")));
            }
            let expected = self.of(kind);
            if expected.is_empty() {
                continue;
            }
            if let Some(missed) = expected.iter().find(|expected| !found.iter().any(|text| expected.matches(text))) {
                let got = if found.is_empty() { "none".into() } else { found.join("; ") };
                return Err(format!("expected {name}: {}\ngot: {got}", missed.describe()));
            }
            if let Some(more) = found.iter().find(|text| !expected.iter().any(|expected| expected.matches(text))) {
                return Err(format!("expected no other {name}\ngot: {more}"));
            }
        }
        Ok(())
    }
}

fn message_of(text: &str, exact: bool) -> Result<Message, String> {
    if exact {
        return Ok(Message::Exact(text.to_owned()));
    }
    re2::anywhere(text).map(Message::Like).map_err(|error| error.to_string())
}

fn string_literal(text: &str) -> Result<String, String> {
    match crate::parser::parse(text).map_err(|error| error.to_string())?.kind {
        ExprKind::String(text) => Ok(text.to_string()),
        _ => Err(format!("expected a quoted string, got {text}")),
    }
}

/// Reads `vector from 10s to 1m step 10s`.
fn range_vector(text: &str) -> Result<Times, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let ["vector", "from", start, "to", end, "step", step] = words.as_slice() else {
        return Err(format!("expected range vector from <a> to <b> step <s>, got range {text}"));
    };
    let time = |text: &str| parse_duration(text).map_err(|error| error.to_string());
    Ok(Times::Range { start: time(start)?, end: time(end)?, step: time(step)?.max(1) })
}
