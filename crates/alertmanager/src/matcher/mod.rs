//! Matchers: what routes, silences, inhibition rules and filters say of labels.
//!
//! Two grammars are read: the one for UTF-8 labels, and the classic one. Where both take a text and
//! make different things of it, the classic one counts, as in Alertmanager's default mode.

mod classic;
mod parse;
mod pattern;
mod utf8;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::labels::{Labels, value};

pub use parse::MatcherError;
pub use pattern::{Pattern, PatternError, quote_meta};

/// How a matcher compares; in Alertmanager's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl Op {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }

    /// From the two flags of the HTTP API.
    pub const fn from_flags(is_regex: bool, is_equal: bool) -> Self {
        match (is_regex, is_equal) {
            (false, true) => Self::Equal,
            (false, false) => Self::NotEqual,
            (true, true) => Self::Regex,
            (true, false) => Self::NotRegex,
        }
    }

    /// `isRegex` of the HTTP API.
    pub const fn is_regex(self) -> bool {
        matches!(self, Self::Regex | Self::NotRegex)
    }

    /// `isEqual` of the HTTP API.
    pub const fn is_equal(self) -> bool {
        matches!(self, Self::Equal | Self::Regex)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One condition on one label. A label that is not there has the empty value.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    op: Op,
    value: String,
    pattern: Option<Pattern>,
}

impl Matcher {
    /// A matcher; a regular expression must match the whole value.
    ///
    /// # Errors
    /// If the name is empty, or the regular expression is none or too large.
    pub fn new(name: impl Into<String>, op: Op, value: impl Into<String>) -> Result<Self, MatcherError> {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() {
            return Err(MatcherError::NoName);
        }
        let pattern = op.is_regex().then(|| Pattern::anchored(&value)).transpose();
        let pattern = pattern.map_err(|error| MatcherError::Pattern { name: name.clone(), error })?;
        Ok(Self { name, op, value, pattern })
    }

    /// Reads one matcher.
    ///
    /// # Errors
    /// Says what was expected where.
    pub fn parse(text: &str) -> Result<Self, MatcherError> {
        parse::one(text)
    }

    /// The label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it compares.
    pub const fn op(&self) -> Op {
        self.op
    }

    /// The value or regular expression.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether a value of the label satisfies it.
    pub fn matches_value(&self, value: &str) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.is_match(value) == self.op.is_equal(),
            None => (value == self.value) == self.op.is_equal(),
        }
    }

    /// Whether a label set satisfies it.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(value(labels, &self.name))
    }

    /// The label and value that it demands literally; none if other values could do as well, or if
    /// a label set without the label does.
    pub(crate) fn demands(&self) -> Option<(&str, &str)> {
        (self.op == Op::Equal && !self.value.is_empty()).then_some((&*self.name, &*self.value))
    }

    fn key(&self) -> (&str, &str, Op) {
        (&self.name, &self.value, self.op)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Matcher {}

impl PartialOrd for Matcher {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Matcher {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for Matcher {
    /// As Alertmanager prints it: the value in quotes; the name too if a grammar would not take it bare.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(utf8::is_reserved) {
            let (name, value) = (go_template::quote(&self.name), go_template::quote(&self.value));
            return write!(f, "{name}{}{value}", self.op);
        }
        write!(f, "{}{}\"{}\"", self.name, self.op, classic::escape(&self.value))
    }
}

impl FromStr for Matcher {
    type Err = MatcherError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Matcher {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Matchers that must all hold, sorted by name, value and operator unless it says otherwise; an empty set matches
/// everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matchers(Vec<Matcher>);

impl Matchers {
    /// Sorts them.
    pub fn new(mut matchers: Vec<Matcher>) -> Self {
        matchers.sort();
        Self(matchers)
    }

    /// Leaves them in their order, since who wrote them is shown them.
    pub const fn as_written(matchers: Vec<Matcher>) -> Self {
        Self(matchers)
    }

    /// Whether the others are the same, in whatever order.
    pub(crate) fn are_those_of(&self, other: &Self) -> bool {
        Self::new(self.0.clone()) == Self::new(other.0.clone())
    }

    /// Reads a list such as `{a="b",c=~"d"}`; the braces may be left out.
    ///
    /// # Errors
    /// Says what was expected where.
    pub fn parse(text: &str) -> Result<Self, MatcherError> {
        parse::many(text).map(Self::new)
    }

    /// Them, in order.
    pub fn as_slice(&self) -> &[Matcher] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a label set satisfies all of them.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|matcher| matcher.matches(labels))
    }

    /// Whether a label set without any of the labels satisfies all of them.
    pub fn match_empty(&self) -> bool {
        self.0.iter().all(|matcher| matcher.matches_value(""))
    }
}

impl From<Vec<Matcher>> for Matchers {
    fn from(matchers: Vec<Matcher>) -> Self {
        Self::new(matchers)
    }
}

impl FromStr for Matchers {
    type Err = MatcherError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (n, matcher) in self.0.iter().enumerate() {
            write!(f, "{}{matcher}", if n > 0 { "," } else { "" })?;
        }
        f.write_str("}")
    }
}

impl Serialize for Matchers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

/// The matchers of one text in a list.
struct Texts(Vec<Matcher>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse::many(&String::deserialize(deserializer)?).map(Self).map_err(de::Error::custom)
    }
}

/// From a list of texts, each with one matcher or more.
fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Matcher>, D::Error> {
    let texts = Vec::<Texts>::deserialize(deserializer)?;
    Ok(texts.into_iter().flat_map(|texts| texts.0).collect())
}

/// The same, in their order.
pub(crate) fn as_written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Matchers, D::Error> {
    written(deserializer).map(Matchers::as_written)
}

impl<'de> Deserialize<'de> for Matchers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        written(deserializer).map(Self::new)
    }
}
