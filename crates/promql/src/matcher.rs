//! Conditions on labels.

use std::fmt;
use std::sync::Arc;

use re2::Room;
use regex::Regex;

use crate::labels::{Labels, METRIC_NAME, label_name};
use crate::text::quote;

/// Characters of an expression that an error shows.
const SHOWN: usize = 200;

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regexp,
    /// `!~`
    NotRegexp,
}

impl MatchOp {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regexp => "=~",
            MatchOp::NotRegexp => "!~",
        }
    }
}

/// A condition on one label. A label that is not there has an empty value.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// The label's name.
    pub name: Arc<str>,
    /// How its value is compared.
    pub op: MatchOp,
    /// With what: a text, or a regular expression that has to match all of it.
    pub value: Arc<str>,
    regex: Option<Regex>,
}

/// Why a regular expression is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegexpError {
    /// Go does not know its syntax.
    #[error("error parsing regexp: {0}")]
    Syntax(re2::Error),
    /// It is too large.
    #[error("invalid regular expression {pattern:?}: {reason}")]
    Size {
        /// Its beginning.
        pattern: String,
        /// What it exceeds.
        reason: re2::Error,
    },
}

impl RegexpError {
    fn new(pattern: &str, reason: re2::Error) -> Self {
        match reason {
            re2::Error::Syntax(_) => Self::Syntax(reason),
            reason => Self::Size { pattern: pattern.chars().take(SHOWN).collect(), reason },
        }
    }
}

impl Matcher {
    /// A matcher.
    ///
    /// # Errors
    /// A regular expression that is none or too large.
    pub fn new(name: impl Into<Arc<str>>, op: MatchOp, value: impl Into<Arc<str>>) -> Result<Self, RegexpError> {
        Self::within(name, op, value, &mut Room::default())
    }

    /// One of several, which share the room for their regular expressions.
    ///
    /// # Errors
    /// As [`Self::new`], and a regular expression for which no room is left.
    pub fn within(
        name: impl Into<Arc<str>>,
        op: MatchOp,
        value: impl Into<Arc<str>>,
        room: &mut Room,
    ) -> Result<Self, RegexpError> {
        let value = value.into();
        let regex = match op {
            MatchOp::Regexp | MatchOp::NotRegexp => {
                Some(room.whole(&value).map_err(|reason| RegexpError::new(&value, reason))?)
            }
            MatchOp::Equal | MatchOp::NotEqual => None,
        };
        Ok(Self { name: name.into(), op, value, regex })
    }

    /// A matcher for one value.
    pub fn equal(name: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), op: MatchOp::Equal, value: value.into(), regex: None }
    }

    /// Whether a value satisfies it.
    pub fn matches(&self, value: &str) -> bool {
        let by_regex = || self.regex.as_ref().is_some_and(|regex| regex.is_match(value));
        match self.op {
            MatchOp::Equal => *self.value == *value,
            MatchOp::NotEqual => *self.value != *value,
            MatchOp::Regexp => by_regex(),
            MatchOp::NotRegexp => !by_regex(),
        }
    }

    /// Whether the labels of a series satisfy it.
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.get(&self.name))
    }

    /// Whether it is about the metric's name.
    pub fn is_name(&self) -> bool {
        *self.name == *METRIC_NAME
    }

    /// Whether it asks for the value to be (and not: not to be) something.
    pub fn is_positive(&self) -> bool {
        matches!(self.op, MatchOp::Equal | MatchOp::Regexp)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && self.name == other.name && self.value == other.value
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", label_name(&self.name), self.op.as_str(), quote(&self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_is_not_there_is_empty() {
        let labels = Labels::new([("a", "1")]);
        assert!(Matcher::new("b", MatchOp::NotRegexp, "x.*").unwrap().matches_labels(&labels));
        assert!(Matcher::equal("b", "").matches_labels(&labels));
        assert!(!Matcher::new("a", MatchOp::NotEqual, "1").unwrap().matches_labels(&labels));
    }
}
