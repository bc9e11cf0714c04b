//! Go's regular expressions (RE2) through Rust's, which are close kin. What differs is translated:
//! Go's `\d \w \s \b` know ASCII only, `\Q..\E` quotes, classes do not nest, and a brace that is no
//! repetition stands for itself.

use std::fmt;

use base::{Exceeded, Limit};
use regex::{Regex, RegexBuilder};

/// A regular expression is no longer, in bytes.
const MAX_BYTES: Limit = Limit::new("regex_bytes", 16 << 10);

/// A compiled one is no larger, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// A text that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The text is too long.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// It does not compile, or to something too large.
    #[error("`{pattern}` is not a regular expression: {message}")]
    Syntax {
        /// The text, or its beginning.
        pattern: String,
        /// What is wrong.
        message: String,
    },
}

/// A regular expression of Go.
#[derive(Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// One that must match a whole text, in which a dot matches a line feed too.
    ///
    /// # Errors
    /// If it is none or too large.
    pub fn anchored(pattern: &str) -> Result<Self, PatternError> {
        Self::compile(pattern, |translated| format!("^(?s:{translated})$"))
    }

    /// One that matches anywhere in a text.
    ///
    /// # Errors
    /// If it is none or too large.
    pub fn anywhere(pattern: &str) -> Result<Self, PatternError> {
        Self::compile(pattern, str::to_owned)
    }

    fn compile(pattern: &str, wrap: impl Fn(&str) -> String) -> Result<Self, PatternError> {
        MAX_BYTES.check(pattern.len() as u64)?;
        let syntax = |error: regex::Error| PatternError::Syntax {
            pattern: pattern.chars().take(100).collect(),
            message: error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        };
        let translated = translate(pattern);
        let build = |text: &str| RegexBuilder::new(text).size_limit(MAX_COMPILED).nest_limit(100).build();
        if let Some(flag) = foreign_flag(pattern) {
            let message = format!("there is no flag `{flag}`");
            return Err(PatternError::Syntax { pattern: pattern.chars().take(100).collect(), message });
        }
        // Alone first: a bracket too many could close ours.
        build(&translated).map_err(&syntax)?;
        build(&wrap(&translated)).map(Self).map_err(syntax)
    }

    /// Whether it matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// `text` with each match replaced; `$1`, `${1}` and `${name}` stand for groups, as in Go.
    ///
    /// # Errors
    /// If it becomes too long.
    pub fn replace_all(&self, text: &str, replacement: &str) -> Result<String, String> {
        go_template::replace_all(&self.0, text, replacement)
    }

    /// The regular expression below.
    pub const fn regex(&self) -> &Regex {
        &self.0
    }
}

/// A text as a regular expression that matches only it, as Go quotes it.
pub fn quote_meta(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.0.as_str())
    }
}

/// A flag that Rust knows and Go does not: `x` would make a comment of what closes our brackets.
fn foreign_flag(pattern: &str) -> Option<char> {
    let groups = pattern.match_indices("(?").filter(|(at, _)| {
        let before = pattern.get(..*at).unwrap_or_default();
        before.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0
    });
    let flags = groups.filter_map(|(at, _)| {
        let flags = pattern.get(at + 2..)?.split([':', ')']).next()?;
        flags.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-').then_some(flags)
    });
    flags.flat_map(str::chars).find(|flag| !matches!(flag, 'i' | 'm' | 's' | 'U' | '-'))
}

/// The same in Rust's syntax.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let (mut rest, mut in_class) = (pattern, false);
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            '\\' => escape(after, in_class, &mut out),
            '[' if in_class => class_bracket(after, &mut out),
            '[' => {
                in_class = true;
                out.push('[');
                class_start(after, &mut out)
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
                after
            }
            '&' | '~' if in_class => {
                out.extend(['\\', c]);
                after
            }
            '{' if !in_class && !is_repetition(after) => {
                out.push_str("\\{");
                after
            }
            '}' if !in_class && !closes_repetition(&out) => {
                out.push_str("\\}");
                after
            }
            c => {
                out.push(c);
                after
            }
        };
    }
    out
}

/// What follows a backslash; gives what is left.
fn escape<'a>(after: &'a str, in_class: bool, out: &mut String) -> &'a str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = after.get(c.len_utf8()..).unwrap_or_default();
    let replaced = match (c, in_class) {
        ('d', false) => "[0-9]",
        ('D', false) => "[^0-9]",
        ('w', false) => "[0-9A-Za-z_]",
        ('W', false) => "[^0-9A-Za-z_]",
        ('s', false) => "[\\t\\n\\x0C\\r ]",
        ('S', false) => "[^\\t\\n\\x0C\\r ]",
        ('d', true) => "0-9",
        ('w', true) => "0-9A-Za-z_",
        ('s', true) => "\\t\\n\\x0C\\r ",
        ('D', true) => "[^0-9]",
        ('W', true) => "[^0-9A-Za-z_]",
        ('S', true) => "[^\\t\\n\\x0C\\r ]",
        ('b', false) => "(?-u:\\b)",
        ('Q', false) => {
            let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(literal));
            return rest;
        }
        _ => {
            out.extend(['\\', c]);
            return verbatim_braces(c, rest, out);
        }
    };
    out.push_str(replaced);
    rest
}

/// `\p{Greek}` and `\x{10FFFF}` keep their braces.
fn verbatim_braces<'a>(c: char, rest: &'a str, out: &mut String) -> &'a str {
    let braces = matches!(c, 'p' | 'P' | 'x') && rest.starts_with('{');
    match braces.then(|| rest.find('}')).flatten() {
        Some(end) => {
            let (name, after) = rest.split_at(end + 1);
            out.push_str(name);
            after
        }
        None => rest,
    }
}

/// `[:alpha:]` within a class stays; another bracket is one.
fn class_bracket<'a>(after: &'a str, out: &mut String) -> &'a str {
    let named = after.starts_with(':').then(|| after.find(":]")).flatten();
    match named {
        Some(end) => {
            let (name, after) = after.split_at(end + 2);
            out.push('[');
            out.push_str(name);
            after
        }
        None => {
            out.push_str("\\[");
            after
        }
    }
}

/// A bracket that comes first in a class, or after `^`, is one.
fn class_start<'a>(after: &'a str, out: &mut String) -> &'a str {
    let after = after.strip_prefix('^').inspect(|_| out.push('^')).unwrap_or(after);
    after.strip_prefix(']').inspect(|_| out.push_str("\\]")).unwrap_or(after)
}

/// Whether what follows a brace makes it a repetition: `{2}`, `{2,}`, `{2,3}`.
fn is_repetition(after: &str) -> bool {
    let Some((inner, _)) = after.split_once('}') else { return false };
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

/// Whether a closing brace ends a repetition that is open in what was written.
fn closes_repetition(out: &str) -> bool {
    let Some(open) = out.rfind('{') else { return false };
    let inner = out.get(open + 1..).unwrap_or_default();
    !out.get(..open).unwrap_or_default().ends_with('\\')
        && !inner.is_empty()
        && inner.bytes().all(|byte| byte.is_ascii_digit() || byte == b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_go_does() {
        for (pattern, text, matches) in [
            ("a|b", "b", true),
            ("a|b", "ab", false),
            ("a.b", "a\nb", true),
            (r"\d+", "12", true),
            (r"\d+", "१२", false),
            (r"\w+", "é", false),
            (r"[\d.]+", "1.2", true),
            (r"\Qa.b\E", "a.b", true),
            (r"\Qa.b\E", "axb", false),
            ("[[:alpha:]]+", "abc", true),
            ("[a[b]+", "a[b", true),
            ("[]a]+", "]a", true),
            ("[^]a]+", "b", true),
            ("[a&&b]+", "a&b", true),
            ("a{", "a{", true),
            ("a{,2}", "a{,2}", true),
            ("a{2}", "aa", true),
            ("a{1,2}b}", "aab}", true),
            (r"\p{Greek}+", "αβ", true),
            ("(?i)ABC", "abc", true),
            ("^a$", "a", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(Pattern::anchored(pattern).unwrap().is_match(text), matches, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_is_none_or_too_large_is_refused() {
        for bad in [
            "(",
            "a)|(b",
            "[a",
            "*",
            "(?=a)",
            r"a\Q(\E)|(b",
            "(?x)a#(\n)|(b",
            "(?i-u:a)",
            "((((((((((a{100}){100}){100})))))))))",
        ] {
            assert!(Pattern::anchored(bad).is_err(), "{bad}");
        }
        assert!(matches!(Pattern::anchored(&"a".repeat(20_000)), Err(PatternError::Exceeded(_))));
    }
}
