//! Regular expressions as Alertmanager takes them.

use std::fmt;

use base::{Exceeded, Limit};
use re2::Room;
use regex::Regex;

/// A regular expression is no longer, in bytes.
const MAX_BYTES: Limit = Limit::new("regex_bytes", 16 << 10);

/// A compiled one is no larger, in bytes.
const MAX_COMPILED: usize = 1 << 20;

/// Characters of one that an error shows.
const SHOWN: usize = 100;

/// A text that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The text is too long.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// It does not compile, or to something too large.
    #[error("`{pattern}` is not a regular expression: {reason}")]
    Syntax {
        /// The text, or its beginning.
        pattern: String,
        /// What is wrong.
        reason: re2::Error,
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
        Self::compile(pattern, Room::whole)
    }

    /// One that matches anywhere in a text.
    ///
    /// # Errors
    /// If it is none or too large.
    pub fn anywhere(pattern: &str) -> Result<Self, PatternError> {
        Self::compile(pattern, Room::anywhere)
    }

    fn compile(
        pattern: &str,
        compile: impl Fn(&mut Room, &str) -> Result<Regex, re2::Error>,
    ) -> Result<Self, PatternError> {
        MAX_BYTES.check(pattern.len() as u64)?;
        let compiled = compile(&mut Room::new(MAX_COMPILED, MAX_COMPILED), pattern);
        compiled
            .map(Self)
            .map_err(|reason| PatternError::Syntax { pattern: pattern.chars().take(SHOWN).collect(), reason })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_expression_and_what_is_wrong() {
        let error = Pattern::anchored("a)|(b").unwrap_err().to_string();
        assert!(error.starts_with("`a)|(b` is not a regular expression: "), "{error}");
        assert!(Pattern::anchored("((((((((((a{100}){100}){100})))))))))").is_err());
        assert!(matches!(Pattern::anchored(&"a".repeat(20_000)), Err(PatternError::Exceeded(_))));
        assert!(Pattern::anchored("a.b").unwrap().is_match("a\nb"));
        assert!(Pattern::anywhere("b").unwrap().is_match("abc"));
    }
}
