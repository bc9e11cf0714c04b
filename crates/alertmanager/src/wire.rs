//! A matcher as the API has it.

use serde::{Deserialize, Serialize};

use crate::matcher::{Matcher, MatcherError, Op};

/// `{"name", "value", "isRegex", "isEqual"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireMatcher {
    /// Whether it wants what matches; else what does not.
    #[serde(default = "yes")]
    pub is_equal: bool,
    /// Whether the value is a regular expression.
    #[serde(default)]
    pub is_regex: bool,
    /// The label.
    pub name: String,
    /// Its value.
    pub value: String,
}

const fn yes() -> bool {
    true
}

impl From<&Matcher> for WireMatcher {
    fn from(matcher: &Matcher) -> Self {
        Self {
            is_equal: matches!(matcher.op(), Op::Equal | Op::Regex),
            is_regex: matches!(matcher.op(), Op::Regex | Op::NotRegex),
            name: matcher.name().to_owned(),
            value: matcher.value().to_owned(),
        }
    }
}

impl TryFrom<WireMatcher> for Matcher {
    type Error = MatcherError;

    fn try_from(wire: WireMatcher) -> Result<Self, MatcherError> {
        let op = match (wire.is_equal, wire.is_regex) {
            (true, false) => Op::Equal,
            (false, false) => Op::NotEqual,
            (true, true) => Op::Regex,
            (false, true) => Op::NotRegex,
        };
        Self::new(wire.name, op, wire.value)
    }
}
