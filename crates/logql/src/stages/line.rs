//! Line filters.

use memchr::memmem::Finder;
use regex::Regex;

use re2::Room;

use super::ip::IpRange;
use super::pattern::Pattern;
use crate::ast::{LineFilter, LineOp, Needle};
use crate::matcher::RegexpError;

#[derive(Clone, Debug)]
enum Find {
    /// An empty text is in every line.
    Always,
    Text(Box<Finder<'static>>),
    Regex(Regex),
    Pattern(Pattern),
    Ip(IpRange),
}

/// A line filter, ready to run.
#[derive(Clone, Debug)]
pub(super) struct LineTest {
    positive: bool,
    any: Vec<Find>,
}

impl LineTest {
    pub(super) fn new(filter: &LineFilter, room: &mut Room) -> Result<Self, String> {
        let any = filter.alternatives.iter().map(|needle| find(filter.op, needle, room)).collect::<Result<_, _>>()?;
        Ok(Self { positive: filter.op.is_positive(), any })
    }

    pub(super) fn keeps(&self, line: &str) -> bool {
        self.any.iter().any(|find| find.is_in(line)) == self.positive
    }
}

impl Find {
    fn is_in(&self, line: &str) -> bool {
        match self {
            Self::Always => true,
            Self::Text(finder) => finder.find(line.as_bytes()).is_some(),
            Self::Regex(regex) => regex.is_match(line),
            Self::Pattern(pattern) => pattern.matches(line),
            Self::Ip(range) => range.find(line),
        }
    }
}

fn find(op: LineOp, needle: &Needle, room: &mut Room) -> Result<Find, String> {
    let text = match (op, needle) {
        (LineOp::Contains | LineOp::ContainsNot, Needle::Ip(range)) => return IpRange::parse(range).map(Find::Ip),
        (_, Needle::Ip(_)) => return Err(format!("ip: invalid match type {}", op.as_str())),
        (_, Needle::Text(text)) => text,
    };
    Ok(match op {
        LineOp::Contains | LineOp::ContainsNot => plain(text),
        LineOp::Matches | LineOp::MatchesNot => match without_regex(text) {
            Some(text) => plain(text),
            None => Find::Regex(room.anywhere(text).map_err(|error| RegexpError(error).to_string())?),
        },
        LineOp::Pattern | LineOp::PatternNot => Find::Pattern(Pattern::filter(text)?),
    })
}

fn plain(text: &str) -> Find {
    if text.is_empty() { Find::Always } else { Find::Text(Box::new(Finder::new(text.as_bytes()).into_owned())) }
}

/// The text to look for instead of an expression, if it is as good.
fn without_regex(pattern: &str) -> Option<&str> {
    let inner = pattern.strip_prefix(".*").unwrap_or(pattern);
    let inner = inner.strip_suffix(".*").filter(|inner| !inner.ends_with('\\')).unwrap_or(inner);
    let meta =
        |c: char| matches!(c, '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$');
    (!inner.contains(meta)).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_that_is_a_text_is_searched_as_one() {
        for (pattern, text) in [("foo", Some("foo")), (".*foo.*", Some("foo")), ("fo+", None), (r"foo\.*", None)] {
            assert_eq!(without_regex(pattern), text);
        }
    }
}
