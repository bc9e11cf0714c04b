//! Regular expressions in RE2's syntax, as Go reads it, for a library that reads it a little
//! differently: classes such as `\d` are ASCII, a `{` that repeats nothing is itself, `[` within a
//! class is itself, `\Q..\E` quotes.

use std::fmt::Write;

use regex::{Regex, RegexBuilder};

/// An expression may be so long, in bytes.
const MAX_LENGTH: usize = 64 << 10;
/// Its compiled form may take so much memory, in bytes.
const MAX_SIZE: usize = 8 << 20;
/// Groups in it may be nested so deep.
const MAX_DEPTH: u32 = 200;
/// What an expression is given at first when it is compiled, in bytes; four times as much each time that this is too little.
const LEAST_SIZE: usize = 16 << 10;

/// What the expressions of one query may take together when they are compiled, in bytes.
const MAX_ROOM: usize = 32 << 20;

/// Why an expression is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid regular expression {pattern:?}: {reason}")]
pub struct RegexpError {
    pattern: String,
    reason: String,
}

/// Room for the compiled expressions of one query: each may be large, but not all of thousands.
#[derive(Debug)]
pub struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MAX_ROOM)
    }
}

impl Room {
    /// Compiles an expression that has to match the whole text; a dot matches a line feed too.
    ///
    /// # Errors
    /// What RE2 or its size limits refuse, and one for which no room is left.
    pub fn anchored(&mut self, pattern: &str) -> Result<Regex, RegexpError> {
        self.compile(pattern, &format!("^(?s:{})$", translated(pattern)))
    }

    fn compile(&mut self, pattern: &str, translated: &str) -> Result<Regex, RegexpError> {
        let refuse = |reason: String| RegexpError { pattern: shortened(pattern), reason };
        if pattern.len() > MAX_LENGTH {
            return Err(refuse(format!("longer than {MAX_LENGTH} bytes")));
        }
        let mut size = LEAST_SIZE;
        loop {
            if size > self.0 {
                return Err(refuse(format!("the expressions of a query need more than {MAX_ROOM} bytes together")));
            }
            match RegexBuilder::new(translated).size_limit(size).nest_limit(MAX_DEPTH).build() {
                Err(regex::Error::CompiledTooBig(_)) if size < MAX_SIZE => size = (4 * size).min(MAX_SIZE),
                Err(error) => return Err(refuse(error.to_string().lines().last().unwrap_or_default().to_owned())),
                Ok(regex) => {
                    self.0 -= size;
                    return Ok(regex);
                }
            }
        }
    }
}

/// Compiles an expression that has to match the whole text; a dot matches a line feed too.
///
/// # Errors
/// What RE2 or its size limits refuse.
pub fn anchored(pattern: &str) -> Result<Regex, RegexpError> {
    Room::default().anchored(pattern)
}

/// Compiles an expression that may match anywhere.
///
/// # Errors
/// What RE2 or its size limits refuse.
pub fn unanchored(pattern: &str) -> Result<Regex, RegexpError> {
    Room::default().compile(pattern, &translated(pattern))
}

fn shortened(pattern: &str) -> String {
    pattern.chars().take(200).collect()
}

fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            '\\' => escape(tail, false, &mut out),
            '[' => class(tail, &mut out),
            '{' if !repeats(tail) => {
                out.push_str("\\{");
                tail
            }
            c => {
                out.push(c);
                tail
            }
        };
    }
    out
}

/// Whether what follows a `{` is a count of repetitions: `3}`, `3,}` or `3,5}`.
fn repeats(tail: &str) -> bool {
    let Some((count, _)) = tail.split_once('}') else { return false };
    let (low, high) = count.split_once(',').unwrap_or((count, ""));
    !low.is_empty() && low.chars().chain(high.chars()).all(|c| c.is_ascii_digit())
}

/// Writes what a backslash begins; gives what follows.
fn escape<'a>(tail: &'a str, in_class: bool, out: &mut String) -> &'a str {
    let Some(c) = tail.chars().next() else {
        out.push('\\');
        return tail;
    };
    let rest = tail.get(c.len_utf8()..).unwrap_or_default();
    let set = match c {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => "\\t\\n\\x0C\\r ",
        'D' => "^0-9",
        'W' => "^0-9A-Za-z_",
        'S' => "^\\t\\n\\x0C\\r ",
        'b' if !in_class => {
            out.push_str("(?-u:\\b)");
            return rest;
        }
        'Q' => {
            let (quoted, after) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(quoted));
            return after;
        }
        c => {
            out.push('\\');
            out.push(c);
            return rest;
        }
    };
    if in_class && !set.starts_with('^') {
        out.push_str(set);
    } else {
        let _ = write!(out, "[{set}]");
    }
    rest
}

/// Writes a class, whose `[` was read; gives what follows it.
fn class<'a>(tail: &'a str, out: &mut String) -> &'a str {
    out.push('[');
    let mut rest = tail;
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    if let Some(bracket) = rest.strip_prefix(']') {
        out.push_str("\\]");
        rest = bracket;
    }
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            ']' => {
                out.push(']');
                return tail;
            }
            '\\' => escape(tail, true, out),
            '[' if tail.starts_with(':') => match tail.split_once(":]") {
                Some((name, after)) => {
                    let _ = write!(out, "[{name}:]");
                    after
                }
                None => {
                    out.push_str("\\[");
                    tail
                }
            },
            '[' | '&' | '~' => {
                out.push('\\');
                out.push(c);
                tail
            }
            c => {
                out.push(c);
                tail
            }
        };
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        anchored(pattern).unwrap().is_match(text)
    }

    #[test]
    fn the_whole_text_has_to_match_and_a_dot_matches_a_line_feed() {
        assert!(matches("a.b", "a\nb"));
        assert!(!matches("a", "ab"));
        assert!(matches("a|b", "b"));
    }

    #[test]
    fn syntax_of_re2() {
        assert!(matches("a{b", "a{b"));
        assert!(matches("a{2}", "aa"));
        assert!(matches(r"\d+", "12"));
        assert!(!matches(r"\d+", "١"));
        assert!(matches(r"[\w[]+", "a["));
        assert!(matches(r"[[:alpha:]]+", "ab"));
        assert!(matches(r"\Qa.b\E.", "a.bc"));
        assert!(!matches(r"\Qa.b\E", "axb"));
        assert!(matches(r"[]a]+", "]a"));
        assert!(matches(r"[a&&b]+", "&a"));
    }

    #[test]
    fn what_is_too_large_or_wrong_is_refused() {
        assert!(anchored("(").is_err());
        assert!(anchored("(a{1000}){1000}{1000}").is_err());
        assert!(anchored(&"(".repeat(100_000)).is_err());
    }

    #[test]
    fn many_small_expressions_have_room_and_few_large_ones() {
        let mut room = Room(1 << 20);
        assert!((0..50).all(|n| room.anchored(&format!("host-{n}|.*web[0-9]+")).is_ok()));
        // Names that a dashboard's variable stands for.
        let names: Vec<String> = (0..300).map(|n| format!("pod-{n:08x}-abcde")).collect();
        let names = Room::default().anchored(&names.join("|")).unwrap();
        assert!(names.is_match("pod-00000011-abcde"));
        let (mut room, large) = (Room(2 << 20), r"(\w{99}){20}");
        assert!((1..=8).contains(&(0..100).map(|_| room.anchored(large)).take_while(Result::is_ok).count()));
        let refused = room.anchored(large).unwrap_err();
        assert!(refused.to_string().contains("more than 33554432 bytes together"), "{refused}");
    }
}
