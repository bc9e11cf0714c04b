//! Conditions on labels.

use std::fmt;
use std::sync::Arc;

use go_template::quote;
use re2::Room;
use regex::Regex;

use crate::labels::Labels;

/// Why a regular expression is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {0}")]
pub struct RegexpError(pub(crate) re2::Error);

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
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regexp => "=~",
            Self::NotRegexp => "!~",
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

impl Matcher {
    /// A matcher.
    ///
    /// # Errors
    /// A regular expression that is none or too large.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, RegexpError> {
        Self::within(name, op, value, &mut Room::default())
    }

    /// One of several, which share the room for their regular expressions.
    pub(crate) fn within(name: &str, op: MatchOp, value: &str, room: &mut Room) -> Result<Self, RegexpError> {
        let regex = match op {
            MatchOp::Regexp | MatchOp::NotRegexp => Some(room.whole(value).map_err(RegexpError)?),
            MatchOp::Equal | MatchOp::NotEqual => None,
        };
        Ok(Self { name: name.into(), op, value: value.into(), regex })
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

    /// Whether the labels of a stream satisfy it.
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.get(&self.name))
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && self.name == other.name && self.value == other.value
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.op.as_str(), quote(&self.value))
    }
}
