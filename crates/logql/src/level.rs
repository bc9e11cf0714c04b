//! The level of a line of which nobody said it.

use crate::labels::Labels;
use crate::metadata::Metadata;
use crate::stages::json::{Json, members};
use crate::stages::logfmt::Pairs;

/// Labels, metadata and keys that name the level, in any case.
const NAMES: [&str; 5] = ["detected_level", "level", "severity", "severity_text", "lvl"];
const UNKNOWN: &str = "unknown";
/// So much of a line is looked at, in bytes.
const MAX_LINE: usize = 16 << 10;

/// `critical`, `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `unknown`: what a label of the stream
/// or structured metadata says, else a key of the line, else a word in it.
pub fn detect_level(labels: &Labels, metadata: &dyn Metadata, line: &str) -> &'static str {
    let mut found = None;
    let mut look = |name: &str, value: &str| {
        if found.is_none() {
            found = said(name, value);
        }
    };
    metadata.each(&mut look);
    labels.each(&mut look);
    let line = shortened(line);
    found.or_else(|| by_key(line)).unwrap_or_else(|| by_word(line))
}

fn shortened(line: &str) -> &str {
    let mut end = line.len().min(MAX_LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or_default()
}

fn said(name: &str, value: &str) -> Option<&'static str> {
    if name.eq_ignore_ascii_case("severity_number") {
        return by_number(value);
    }
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)).then(|| named(value))
}

/// A level that somebody names as one: words that are too usual in a text to say its level, and OpenTelemetry's names with numbers.
fn named(level: &str) -> &'static str {
    match level.trim().trim_end_matches(['2', '3', '4']).to_ascii_lowercase().as_str() {
        "severe" => "error",
        "alert" => "critical",
        "emerg" | "emergency" | "panic" => "fatal",
        other => normal(other),
    }
}

/// OpenTelemetry's numbers: four for each level.
fn by_number(text: &str) -> Option<&'static str> {
    let number: u32 = text.parse().ok().filter(|number| *number > 0)?;
    Some(match number {
        1..=4 => "trace",
        5..=8 => "debug",
        9..=12 => "info",
        13..=16 => "warn",
        17..=20 => "error",
        21..=24 => "fatal",
        _ => UNKNOWN,
    })
}

fn normal(level: &str) -> &'static str {
    match level.trim().to_ascii_lowercase().as_str() {
        "trace" | "trc" => "trace",
        "debug" | "dbg" => "debug",
        "info" | "inf" | "information" | "informational" | "notice" => "info",
        "warn" | "wrn" | "warning" => "warn",
        "error" | "err" => "error",
        "critical" | "crit" => "critical",
        "fatal" => "fatal",
        _ => UNKNOWN,
    }
}

fn by_key(line: &str) -> Option<&'static str> {
    let mut found = None;
    if line.trim_start().starts_with('{') {
        let _ = members(line, &mut |member| match member.value {
            Json::Text(value)
                if member.depth == 0 && NAMES.iter().any(|name| member.key.eq_ignore_ascii_case(name)) =>
            {
                found = Some(named(value));
                Err(String::new())
            }
            _ => Ok(()),
        });
        return found;
    }
    let pairs = Pairs::new(line).filter_map(Result::ok).filter(|pair| !pair.value.is_empty());
    let mut levels = pairs.filter_map(|pair| said(pair.key, pair.value));
    levels.next()
}

/// The first word of a line that names a level.
fn by_word(line: &str) -> &'static str {
    let words = line.split(|c: char| !c.is_ascii_alphabetic());
    let mut levels = words.filter(|word| (3..=13).contains(&word.len())).map(normal);
    levels.find(|level| *level != UNKNOWN).unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        for (labels, line, level) in [
            (Labels::new([("Level", "WARNING")]), "error", "warn"),
            (Labels::new([("severity_number", "17")]), "", "error"),
            (Labels::new([("level", "INFO2")]), "", "info"),
            (Labels::new([("severity", "SEVERE")]), "", "error"),
            (Labels::new([("severity", "emerg")]), "", "fatal"),
            (Labels::empty(), "level=alert", "critical"),
            (Labels::empty(), "an alert came", "unknown"),
            (Labels::empty(), r#"{"msg":"error","level":"info"}"#, "info"),
            (Labels::empty(), "ts=1 level=dbg msg=error", "debug"),
            (Labels::empty(), "[ERROR] it failed", "error"),
            (Labels::empty(), "terrors informally", "unknown"),
            (Labels::new([("level", "strange")]), "error", "unknown"),
        ] {
            assert_eq!(detect_level(&labels, &(), line), level, "{line}");
        }
    }
}
