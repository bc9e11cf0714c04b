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
    pattern: Option<Pattern>,
}

/// A regular expression that has to match all of a text.
#[derive(Clone, Debug)]
enum Pattern {
    /// It matches these texts only, which are in order.
    OneOf(Arc<[String]>),
    Any,
    NotEmpty,
    Regex(Regex),
}

impl Pattern {
    fn new(text: &str, room: &mut Room) -> Result<Self, re2::Error> {
        // What dashboards ask for most is not worth an automaton.
        match text {
            ".*" => return Ok(Self::Any),
            ".+" => return Ok(Self::NotEmpty),
            _ => {}
        }
        match room.alternatives(text)? {
            Some(texts) => Ok(Self::OneOf(texts.into())),
            None => room.whole(text).map(Self::Regex),
        }
    }

    fn matches(&self, value: &str) -> bool {
        match self {
            Self::OneOf(texts) => texts.binary_search_by(|text| text.as_str().cmp(value)).is_ok(),
            Self::Any => true,
            Self::NotEmpty => !value.is_empty(),
            Self::Regex(regex) => regex.is_match(value),
        }
    }
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
        let pattern = match op {
            MatchOp::Regexp | MatchOp::NotRegexp => {
                Some(Pattern::new(&value, room).map_err(|reason| RegexpError::new(&value, reason))?)
            }
            MatchOp::Equal | MatchOp::NotEqual => None,
        };
        Ok(Self { name: name.into(), op, value, pattern })
    }

    /// A matcher for one value.
    pub fn equal(name: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), op: MatchOp::Equal, value: value.into(), pattern: None }
    }

    /// Whether a value satisfies it.
    pub fn matches(&self, value: &str) -> bool {
        let by_pattern = || self.pattern.as_ref().is_some_and(|pattern| pattern.matches(value));
        match self.op {
            MatchOp::Equal => *self.value == *value,
            MatchOp::NotEqual => *self.value != *value,
            MatchOp::Regexp => by_pattern(),
            MatchOp::NotRegexp => !by_pattern(),
        }
    }

    /// The only values that satisfy it, if these are few; else none.
    pub fn values(&self) -> Vec<&str> {
        match (self.op, &self.pattern) {
            (MatchOp::Equal, _) => vec![&*self.value],
            (MatchOp::Regexp, Some(Pattern::OneOf(texts))) => texts.iter().map(String::as_str).collect(),
            _ => Vec::new(),
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
    fn few_values_are_known_and_compared_as_the_expression_would() {
        let values = |op, text| -> Vec<String> {
            Matcher::new("a", op, text).unwrap().values().into_iter().map(str::to_owned).collect()
        };
        let none: Vec<String> = Vec::new();
        assert_eq!(values(MatchOp::Equal, "x|y"), vec!["x|y".to_owned()]);
        assert_eq!(values(MatchOp::Regexp, "y|x"), vec!["x".to_owned(), "y".to_owned()]);
        assert_eq!(values(MatchOp::Regexp, "y|x.*"), none);
        assert_eq!(values(MatchOp::NotRegexp, "x"), none);
        assert_eq!(values(MatchOp::NotEqual, "x"), none);
        for (value, any) in [("", false), ("a\nb", true), ("\n", true)] {
            assert_eq!(Matcher::new("a", MatchOp::Regexp, ".+").unwrap().matches(value), any, "{value:?}");
            assert!(Matcher::new("a", MatchOp::Regexp, ".*").unwrap().matches(value));
        }
        for (value, is_it) in [("x", true), ("y", true), ("xy", false), ("", false)] {
            assert_eq!(Matcher::new("a", MatchOp::Regexp, "y|x").unwrap().matches(value), is_it, "{value}");
            assert_eq!(Matcher::new("a", MatchOp::NotRegexp, "y|x").unwrap().matches(value), !is_it, "{value}");
        }
    }

    #[test]
    fn those_of_one_query_share_the_room_for_their_texts() {
        let mut room = Room::default();
        let mut matchers = Vec::new();
        let full = loop {
            match Matcher::within("a", MatchOp::Regexp, "[\u{400}-\u{7e7}]", &mut room) {
                Ok(matcher) => matchers.push(matcher),
                Err(error) => break error,
            }
        };
        assert!(full.to_string().contains("together"), "{full}");
        assert!(matchers.len() < 2_000, "{}", matchers.len());
    }

    #[test]
    fn a_label_that_is_not_there_is_empty() {
        let labels = Labels::new([("a", "1")]);
        assert!(Matcher::new("b", MatchOp::NotRegexp, "x.*").unwrap().matches_labels(&labels));
        assert!(Matcher::equal("b", "").matches_labels(&labels));
        assert!(!Matcher::new("a", MatchOp::NotEqual, "1").unwrap().matches_labels(&labels));
    }
}
