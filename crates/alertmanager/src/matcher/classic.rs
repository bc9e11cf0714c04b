//! The classic grammar: a Prometheus label name, an operator, and whatever follows, in quotes or not,
//! with the escapes of OpenMetrics (`\"`, `\n`, `\\`).

use super::{Matcher, MatcherError, Op};

/// White space of Go's regular expressions.
const SPACE: [char; 5] = ['\t', '\n', '\x0c', '\r', ' '];

/// Reads one matcher.
pub(super) fn one(text: &str) -> Result<Matcher, MatcherError> {
    let (name, op, raw) = split(text)
        .ok_or_else(|| MatcherError::syntax(text, "expected a label name, one of = != =~ !~ and a value"))?;
    Matcher::new(name, op, unescape(raw, text)?)
}

/// Name, operator and raw value.
fn split(text: &str) -> Option<(&str, Op, &str)> {
    let text = text.trim_matches(SPACE);
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let rest = rest.trim_start_matches(SPACE);
    let ops = [Op::Regex, Op::NotEqual, Op::NotRegex, Op::Equal];
    let (op, value) = ops.into_iter().find_map(|op| rest.strip_prefix(op.as_str()).map(|value| (op, value)))?;
    Some((name, op, value.trim_start_matches(SPACE)))
}

fn unescape(raw: &str, text: &str) -> Result<String, MatcherError> {
    let (inner, mut open) = raw.strip_prefix('"').map_or((raw, false), |inner| (inner, true));
    let mut value = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some(c @ ('"' | '\\')) => value.push(c),
                // One that escapes nothing stands for itself.
                Some(c) => value.extend(['\\', c]),
                None => value.push('\\'),
            },
            '"' if open && chars.peek().is_none() => open = false,
            '"' => return Err(MatcherError::syntax(text, "the value has a double quote that is not escaped")),
            c => value.push(c),
        }
    }
    if open { Err(MatcherError::syntax(text, "the value's closing double quote is missing")) } else { Ok(value) }
}

/// Reads any number of matchers.
pub(super) fn many(text: &str) -> Result<Vec<Matcher>, MatcherError> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    tokens(text).into_iter().map(one).collect()
}

/// What is between commas that are not in quotes.
fn tokens(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped, mut start) = (false, false, 0);
    let mut tokens = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            ',' if !quoted => {
                tokens.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            '"' if !escaped => quoted = !quoted,
            '\\' => {
                escaped = !escaped;
                continue;
            }
            _ => {}
        }
        escaped = false;
    }
    let last = text.get(start..).unwrap_or_default().trim();
    tokens.extend((!last.is_empty()).then_some(last));
    tokens
}

/// The escapes of OpenMetrics.
pub(super) fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}
