//! Numbers, strings and durations as Prometheus (and Go below it) writes and reads them.

use std::fmt::Write;

use crate::shortest;

/// Why a duration is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It is no sequence of numbers with units.
    #[error("not a valid duration string: {0}")]
    Form(String),
    /// It is zero.
    #[error("duration must be greater than 0")]
    Zero,
    /// It does not fit 292 years.
    #[error("duration out of range")]
    Range,
}

/// A string in double quotes, with escapes for what cannot be printed.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A float in the shortest form that reads back as itself, with an exponent only below 1e-4 and
/// from 1e21 on (Go's `%v`).
pub fn float(value: f64) -> String {
    general(value, 21)
}

/// The same with an exponent from 1e6 on (Go's `%g`).
pub fn short_float(value: f64) -> String {
    general(value, 6)
}

/// A float in the shortest form without an exponent, as labels of `count_values` and the HTTP API
/// of older versions have it.
pub fn plain_float(value: f64) -> String {
    let mut out = String::new();
    push_plain_float(&mut out, value);
    out
}

/// Appends what [`plain_float`] gives. Answers are mostly made of this.
pub fn push_plain_float(out: &mut String, value: f64) {
    match special(value) {
        Some(text) => out.push_str(text),
        None => shortest::push(out, value),
    }
}

/// A float as OpenMetrics wants it: a whole number has `.0`.
pub fn open_metrics_float(value: f64) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    // A zero has no sign here.
    let text = short_float(if value == 0.0 { 0.0 } else { value });
    if text.contains(['e', '.']) { text } else { text + ".0" }
}

/// A float with at most so many significant digits (Go's `%.<n>g`).
pub fn rounded_float(value: f64, digits: usize) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    let scientific = format!("{:.*e}", digits.max(1) - 1, value);
    let (_, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let shortened: f64 = scientific.parse().unwrap_or(value);
    if exponent < -4 || exponent >= digits as i32 { shortest::with_exponent(shortened) } else { plain_float(shortened) }
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

fn general(value: f64, limit: i32) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    let exponent = shortest::exponent(value);
    if exponent < -4 || exponent >= limit { shortest::with_exponent(value) } else { plain_float(value) }
}

/// Reads a float as Go's `ParseFloat` does: decimal, hexadecimal, `Inf` and `NaN` in any case.
pub fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    let magnitude = if let Some(hex) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        hexadecimal(hex)?
    } else {
        if unsigned.starts_with(['+', '-']) {
            return None;
        }
        unsigned.parse().ok()?
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn hexadecimal(digits: &str) -> Option<f64> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0.0, |value, c| Some(value * 16.0 + f64::from(c.to_digit(16)?)))
}

const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A duration such as `1h30m` in milliseconds; `0` is allowed without a unit.
///
/// # Errors
/// Units out of order or twice, no unit, anything else.
pub fn parse_duration(text: &str) -> Result<i64, DurationError> {
    let invalid = || DurationError::Form(quote(text));
    if text == "0" {
        return Ok(0);
    }
    let mut rest = text;
    let mut total: i64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, tail) = tail.split_at(letters);
        let at = UNITS.iter().skip(next_unit).position(|(name, _)| *name == unit).ok_or_else(invalid)? + next_unit;
        let number: i64 =
            if number.is_empty() { return Err(invalid()) } else { number.parse().map_err(|_| DurationError::Range)? };
        let factor = UNITS.get(at).map_or(0, |(_, factor)| *factor);
        total = number
            .checked_mul(factor)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= MAX_DURATION)
            .ok_or(DurationError::Range)?;
        next_unit = at + 1;
        rest = tail;
    }
    if text.is_empty() { Err(invalid()) } else { Ok(total) }
}

/// The longest duration in milliseconds: what fits 63 bits of nanoseconds.
pub const MAX_DURATION: i64 = i64::MAX / 1_000_000;

/// Milliseconds as a duration: `1h30m`, `500ms`, `0s`. Years and weeks only if nothing is left beside
/// them, as Prometheus has it.
pub fn duration(ms: i64) -> String {
    if ms == 0 {
        return "0s".into();
    }
    let mut out = String::new();
    if ms < 0 {
        out.push('-');
    }
    let mut rest = ms.unsigned_abs();
    for (at, (unit, factor)) in UNITS.iter().enumerate() {
        let factor = factor.unsigned_abs();
        let exact_only = at < 2;
        if rest >= factor && (!exact_only || rest.is_multiple_of(factor)) {
            let _ = write!(out, "{}{unit}", rest / factor);
            rest %= factor;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back() {
        for (text, ms) in [
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1d", 86_400_000),
            ("0s", 0),
            ("2w", 1_209_600_000),
            ("7d1s", 604_801_000),
        ] {
            assert_eq!(parse_duration(text), Ok(ms), "{text}");
            assert_eq!(duration(ms), text);
        }
        for text in ["", "5", "1m1h", "1m1m", "h", "-5m", "1.5h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(parse_duration("999999999999y"), Err(DurationError::Range));
    }

    #[test]
    fn floats_are_written_as_go_does() {
        for (value, text) in
            [(1.0, "1"), (1e21, "1e+21"), (1e-5, "1e-05"), (0.0001, "0.0001"), (-0.5, "-0.5"), (f64::INFINITY, "+Inf")]
        {
            assert_eq!(float(value), text);
        }
        assert_eq!(rounded_float(0.123_456, 2), "0.12");
        assert_eq!(rounded_float(1234.0, 2), "1.2e+03");
        assert_eq!(open_metrics_float(1.0), "1.0");
        assert_eq!(short_float(1e6), "1e+06");
    }

    #[test]
    fn floats_are_read_as_go_does() {
        assert_eq!(parse_float("0x1F"), Some(31.0));
        assert_eq!(parse_float("-inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_float("+-1"), None);
        assert_eq!(parse_float(".5"), Some(0.5));
    }
}
