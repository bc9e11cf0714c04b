//! Both grammars, and which of them counts.

use base::{Exceeded, Limit};

use super::{Matcher, PatternError, classic, utf8};

/// A text of matchers is no longer, in bytes.
const MAX_BYTES: Limit = Limit::new("matchers_bytes", 64 << 10);

/// A text that is no matcher.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// A matcher of no label.
    #[error("a matcher needs the name of a label")]
    NoName,
    /// The text is too long.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The regular expression is none, or too large.
    #[error("{name}: {error}")]
    Pattern {
        /// The label.
        name: String,
        /// What is wrong with it.
        error: PatternError,
    },
    /// Neither grammar takes it.
    #[error("`{text}`: {message}")]
    Syntax {
        /// The text, or its beginning.
        text: String,
        /// What was expected.
        message: String,
    },
}

impl MatcherError {
    pub(super) fn syntax(text: &str, message: impl Into<String>) -> Self {
        Self::Syntax { text: text.chars().take(100).collect(), message: message.into() }
    }
}

/// One matcher, without braces.
pub(super) fn one(text: &str) -> Result<Matcher, MatcherError> {
    MAX_BYTES.check(text.len() as u64)?;
    if text.starts_with('{') || text.ends_with('}') {
        return Err(MatcherError::syntax(text, "a single matcher has no braces"));
    }
    prefer_classic(classic::one(text), utf8::one(text))
}

/// Any number of matchers, with braces or without.
pub(super) fn many(text: &str) -> Result<Vec<Matcher>, MatcherError> {
    MAX_BYTES.check(text.len() as u64)?;
    prefer_classic(classic::many(text), utf8::many(text))
}

/// What the classic grammar makes of it, if it can; also where both do and differ.
fn prefer_classic<T>(classic: Result<T, MatcherError>, utf8: Result<T, MatcherError>) -> Result<T, MatcherError> {
    classic.or_else(|error| utf8.map_err(|_| error))
}
