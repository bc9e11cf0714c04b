//! Series as they are written in test scripts: `up{job="a"} 1 2+1x3 _ stale {{count:1 sum:2}}x2`.

use std::sync::Arc;

use crate::histogram::{Buckets, CUSTOM_SCHEMA, Histogram, MAX_SCHEMA, MIN_SCHEMA, ResetHint};
use crate::labels::Labels;
use crate::parser::parse_series_labels;
use crate::text::{parse_duration, parse_float};
use crate::value::{Value, stale_marker};

/// A series may have so many values.
const MAX_VALUES: usize = 1_000_000;
/// A histogram may have so many buckets or bounds.
const MAX_BUCKETS: usize = 10_000;

/// Why a text is no series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotationError(pub String);

fn fail<T>(message: impl Into<String>) -> Result<T, NotationError> {
    Err(NotationError(message.into()))
}

/// A series with a value for each interval, or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Notation {
    /// Its labels.
    pub labels: Labels,
    /// Its values.
    pub values: Vec<Option<Value>>,
    /// Which histograms have a hint about resets written, by their place in `values`.
    pub hinted: Vec<bool>,
}

/// Reads a series with its values.
///
/// # Errors
/// What is wrong, with the value that it is about.
pub fn parse_series(text: &str) -> Result<Notation, NotationError> {
    let (labels, rest) = parse_series_labels(text).map_err(|error| NotationError(error.to_string()))?;
    let (values, hinted) = parse_values(rest)?;
    Ok(Notation { labels, values, hinted })
}

/// The offsets of a `@st` line, in milliseconds before their samples.
///
/// # Errors
/// What is wrong, with the offset that it is about.
pub(super) fn parse_offsets(text: &str) -> Result<Vec<Option<i64>>, NotationError> {
    let mut offsets = Vec::new();
    for item in text.split_whitespace() {
        let (body, times) = repeated(item)?;
        if body == "_" {
            push_times(&mut offsets, times.max(1), || None)?;
            continue;
        }
        // `-30s-1mx2`: an offset, and by how much each of the next is further.
        let sign = body.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-')).map(|(at, _)| at);
        let (first, step) = body.split_at(sign.unwrap_or(body.len()));
        let mut offset = signed_duration(first)?;
        let step = if step.is_empty() { 0 } else { signed_duration(step)? };
        offsets.push(Some(offset));
        push_times(&mut offsets, times, || {
            offset = offset.saturating_add(step);
            Some(offset)
        })?;
    }
    Ok(offsets)
}

fn signed_duration(text: &str) -> Result<i64, NotationError> {
    let (sign, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    parse_duration(magnitude).map(|ms| sign * ms).map_err(|error| NotationError(error.to_string()))
}

fn push_times<T>(out: &mut Vec<T>, times: usize, mut value: impl FnMut() -> T) -> Result<(), NotationError> {
    if out.len().saturating_add(times) > MAX_VALUES {
        return fail(format!("a series has more than {MAX_VALUES} values"));
    }
    out.extend((0..times).map(|_| value()));
    Ok(())
}

/// Takes `x<n>` from the end of an item.
fn repeated(item: &str) -> Result<(&str, usize), NotationError> {
    let Some((body, times)) = item.rsplit_once('x') else { return Ok((item, 0)) };
    match times.parse() {
        Ok(times) => Ok((body, times)),
        Err(_) => fail(format!("bad number of repetitions in {item}")),
    }
}

fn parse_values(text: &str) -> Result<(Vec<Option<Value>>, Vec<bool>), NotationError> {
    let mut values = Vec::new();
    let mut hinted = Vec::new();
    for item in items(text)? {
        let before = values.len();
        let hint = item.contains("counter_reset_hint");
        if item.starts_with("{{") {
            histograms(item, &mut values)?
        } else {
            numbers(item, &mut values)?
        }
        hinted.extend(std::iter::repeat_n(hint, values.len() - before));
    }
    Ok((values, hinted))
}

/// Items between blanks; blanks within `{{..}}` do not separate.
fn items(text: &str) -> Result<Vec<&str>, NotationError> {
    let mut items = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mut end = 0;
        loop {
            let tail = rest.get(end..).unwrap_or_default();
            if tail.starts_with("{{") {
                let Some(close) = tail.find("}}") else { return fail("a histogram is not closed by }}") };
                end += close + 2;
            } else if tail.starts_with(|c: char| !c.is_whitespace()) {
                end += tail.chars().next().map_or(0, char::len_utf8);
            } else {
                break;
            }
        }
        let (item, tail) = rest.split_at(end);
        items.push(item);
        rest = tail.trim_start();
    }
    Ok(items)
}

fn numbers(item: &str, values: &mut Vec<Option<Value>>) -> Result<(), NotationError> {
    let (body, times) = repeated(item)?;
    if body == "_" {
        return push_times(values, times.max(1), || None);
    }
    let (first, step) = match step_of(body) {
        Some(at) if body != "stale" => body.split_at(at),
        _ => (body, ""),
    };
    let mut value = number(first)?;
    let step = if step.is_empty() { 0.0 } else { number(step)? };
    values.push(Some(Value::Float(value)));
    push_times(values, times, || {
        // Adding nothing would make a stale marker another number.
        if step != 0.0 {
            value += step;
        }
        Some(Value::Float(value))
    })
}

/// Where the step of `1+2x3` begins: a sign that is neither the first nor that of an exponent.
fn step_of(body: &str) -> Option<usize> {
    let signs = body.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-'));
    let after_exponent = |at: usize| {
        let before = body.get(..at).unwrap_or_default();
        before.ends_with(['e', 'E']) && before.chars().rev().nth(1).is_some_and(|c| c.is_ascii_digit() || c == '.')
    };
    signs.map(|(at, _)| at).find(|at| !after_exponent(*at))
}

fn number(text: &str) -> Result<f64, NotationError> {
    if text == "stale" {
        return Ok(stale_marker());
    }
    parse_float(text).map_or_else(|| fail(format!("bad number {text}")), Ok)
}

fn histograms(item: &str, values: &mut Vec<Option<Value>>) -> Result<(), NotationError> {
    let Some(end) = item.find("}}") else { return fail("a histogram is not closed by }}") };
    let (first, tail) = item.split_at(end + 2);
    let mut current = histogram(first)?;
    values.push(Some(current.clone().into()));
    let (sign, step, times) = match tail.chars().next() {
        None => return Ok(()),
        Some('x') => (1.0, None, tail.get(1..).unwrap_or_default()),
        Some(sign @ ('+' | '-')) => {
            let body = tail.get(1..).unwrap_or_default();
            let Some(end) = body.find("}}") else { return fail(format!("no histogram behind {sign}")) };
            let (step, times) = body.split_at(end + 2);
            let factor = if sign == '-' { -1.0 } else { 1.0 };
            (factor, Some(histogram(step)?), times.strip_prefix('x').unwrap_or("0"))
        }
        Some(c) => return fail(format!("unexpected {c} behind a histogram")),
    };
    let Ok(times) = times.parse() else { return fail(format!("bad number of repetitions {times}")) };
    let mut failed = None;
    push_times(values, times, || {
        if let Some(step) = &step {
            let combined = if sign < 0.0 { current.sub(step) } else { current.add(step) };
            failed = failed.or(combined.err());
        }
        Some(current.clone().into())
    })?;
    failed.map_or(Ok(()), |error| fail(error.to_string()))
}

/// Reads `{{schema:1 sum:2 count:3 buckets:[1 2] ..}}`.
fn histogram(text: &str) -> Result<Histogram, NotationError> {
    let body = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    let Some(mut rest) = body.map(str::trim_start) else { return fail(format!("{text} is no histogram")) };
    let mut found = Histogram::default();
    let (mut positive, mut negative) = ((0, Vec::new()), (0, Vec::new()));
    while !rest.is_empty() {
        let Some((key, tail)) = rest.split_once(':') else { return fail(format!("{rest} has no value")) };
        let (value, tail) = if let Some(list) = tail.strip_prefix('[') {
            let Some(parts) = list.split_once(']') else { return fail(format!("the list of {key} is not closed")) };
            parts
        } else {
            tail.split_at(tail.find(char::is_whitespace).unwrap_or(tail.len()))
        };
        let index = || value.parse::<i32>().map_err(|_| NotationError(format!("{key} is no whole number: {value}")));
        match key {
            "schema" => found.schema = index()?,
            "sum" => found.sum = number(value)?,
            "count" => found.count = number(value)?,
            "z_bucket" => found.zero_count = number(value)?,
            "z_bucket_w" => found.zero_threshold = number(value)?,
            "custom_values" => found.custom_values = list(value)?.into(),
            "buckets" => positive.1 = list(value)?,
            "n_buckets" => negative.1 = list(value)?,
            "offset" => positive.0 = index()?,
            "n_offset" => negative.0 = index()?,
            "counter_reset_hint" => found.reset_hint = reset_hint(value)?,
            _ => return fail(format!("a histogram has no property {key}")),
        }
        rest = tail.trim_start();
    }
    if found.schema != CUSTOM_SCHEMA && !(MIN_SCHEMA..=MAX_SCHEMA).contains(&found.schema) {
        return fail(format!("schema {} is neither {MIN_SCHEMA} to {MAX_SCHEMA} nor {CUSTOM_SCHEMA}", found.schema));
    }
    if !found.custom_values.is_sorted_by(|a, b| a < b) {
        return fail("custom_values do not rise");
    }
    found.positive = indexed(positive);
    found.negative = indexed(negative);
    Ok(found)
}

fn indexed((offset, counts): (i32, Vec<f64>)) -> Buckets {
    counts.into_iter().zip(0..).map(|(count, at)| (offset.saturating_add(at), count)).collect()
}

fn list(text: &str) -> Result<Vec<f64>, NotationError> {
    let values = text.split_whitespace().map(number).collect::<Result<Vec<_>, _>>()?;
    if values.len() > MAX_BUCKETS { fail(format!("more than {MAX_BUCKETS} buckets")) } else { Ok(values) }
}

fn reset_hint(text: &str) -> Result<ResetHint, NotationError> {
    match text {
        "unknown" => Ok(ResetHint::Unknown),
        "reset" => Ok(ResetHint::Reset),
        "not_reset" => Ok(ResetHint::NotReset),
        "gauge" => Ok(ResetHint::Gauge),
        _ => fail(format!("unknown counter_reset_hint {text}")),
    }
}

/// A value as it is written in a series.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::Float(value) if crate::value::is_stale(*value) => "stale".into(),
        Value::Float(value) => crate::text::float(*value),
        Value::Histogram(histogram) => Arc::as_ref(histogram).notation(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> String {
        let parsed = parse_series(&format!("a {text}")).unwrap();
        let shown: Vec<String> = parsed.values.iter().map(|value| value.as_ref().map_or("_".into(), written)).collect();
        shown.join(" ")
    }

    #[test]
    fn items_expand() {
        assert_eq!(values("1 2+3x2 5-1x1 7x1"), "1 2 5 8 5 4 7 7");
        assert_eq!(values("_ _x2 stale NaN -Inf"), "_ _ _ stale NaN -Inf");
        assert_eq!(values("1e-3+1e+2x1 stalex1"), "0.001 100.001 stale stale");
        assert_eq!(values("{{sum:1 count:2}}+{{count:1}}x2"), "{{count:2 sum:1}} {{count:3 sum:1}} {{count:4 sum:1}}");
        assert_eq!(
            values("{{schema:-53 custom_values:[5 10] buckets:[1 2]}}"),
            "{{schema:-53 custom_values:[5 10] buckets:[1 2]}}"
        );
    }

    #[test]
    fn offsets_expand() {
        assert_eq!(
            parse_offsets("-30s-1mx2 _ 1ms").unwrap(),
            [Some(-30_000), Some(-90_000), Some(-150_000), None, Some(1)]
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            ("a 1x9999999999", "more than"),
            ("a x", "bad number of repetitions"),
            ("a b", "bad number b"),
            ("a {{foo:1}}", "no property foo"),
            ("a {{schema:99}}", "schema 99"),
            ("a {{sum:1", "not closed"),
        ] {
            let error = parse_series(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
