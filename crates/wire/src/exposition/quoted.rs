use std::borrow::Cow;

use super::float::{format_float, parse_float};

/// Names and values as they are written, with quotes and escapes.
pub(super) fn unquoted(raw: &str) -> Cow<'_, str> {
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => unescaped(inner, true),
        None => Cow::Borrowed(raw),
    }
}

/// Without escapes: `\\`, `\n`, and `\"` where there are quotes; any other backslash stays.
pub(super) fn unescaped(text: &str, quotes: bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let mut ahead = chars.clone();
        match ahead.next() {
            Some('\\') => out.push('\\'),
            Some('n') => out.push('\n'),
            Some('"') if quotes => out.push('"'),
            _ => {
                out.push('\\');
                continue;
            }
        }
        chars = ahead;
    }
    out.into()
}

/// A metric's name as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a>(pub(super) &'a str);

impl<'a> Name<'a> {
    /// The name; copied only if it has escapes.
    pub fn get(&self) -> Cow<'a, str> {
        unquoted(self.0)
    }
}

/// Labels as they are written, of which it is known that they can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labels<'a> {
    pub(super) text: &'a str,
    /// The label whose value is a number: `le` of histograms, `quantile` of summaries.
    pub(super) number: Option<&'static str>,
}

impl<'a> Labels<'a> {
    /// Names and values in the order in which they are written, copied only if they have escapes. Bounds of
    /// buckets and quantiles are as Prometheus 3 has them: `1.0` however they are written.
    pub fn iter(&self) -> LabelIter<'a> {
        LabelIter { rest: self.text, number: self.number }
    }
}

/// [`Labels::iter`]
#[derive(Clone, Debug)]
pub struct LabelIter<'a> {
    rest: &'a str,
    number: Option<&'static str>,
}

impl<'a> LabelIter<'a> {
    /// The length of the name or value that the text begins with, quotes included.
    fn len(&self) -> usize {
        let bytes = self.rest.as_bytes();
        if bytes.first() != Some(&b'"') {
            return bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        }
        let mut escaped = true;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => return at + 1,
                _ => {}
            }
        }
        bytes.len()
    }

    fn take(&mut self) -> &'a str {
        let separator = |byte: &u8| matches!(byte, b' ' | b'\t' | b',' | b'=' | b'\n');
        let skip = self.rest.as_bytes().iter().take_while(|byte| separator(byte)).count();
        self.rest = self.rest.get(skip..).unwrap_or_default();
        let (taken, rest) = self.rest.split_at_checked(self.len()).unwrap_or_default();
        self.rest = rest;
        taken
    }
}

impl<'a> Iterator for LabelIter<'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let name = self.take();
            if name.is_empty() {
                return None;
            }
            let is_label = self.rest.trim_start_matches([' ', '\t', '\n']).starts_with('=');
            if is_label {
                let (name, value) = (unquoted(name), unquoted(self.take()));
                let value = if self.number.is_some_and(|number| number == name) { canonical(value) } else { value };
                return Some((name, value));
            }
            // A string alone in the braces is the metric's name.
        }
    }
}

/// A number in the form that all who mean it have; what is none stays.
fn canonical(value: Cow<'_, str>) -> Cow<'_, str> {
    match parse_float(&value).map(format_float) {
        Some(number) if number != value => number.into(),
        _ => value,
    }
}
