//! Regular expressions in RE2's syntax for a library that reads it a little differently: here `\d`,
//! `\w`, `\s` and `\b` are ASCII, a `{` that repeats nothing is itself, as is `[` within a class, and
//! `\Q..\E` quotes.

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
#[error("error parsing regexp: {0}")]
pub struct RegexpError(String);

/// Room for the compiled expressions of one query: each may be large, but not all of thousands.
#[derive(Debug)]
pub struct Room {
    most: usize,
    left: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(MAX_ROOM)
    }
}

impl Room {
    /// Room of so many bytes.
    pub const fn of(most: usize) -> Self {
        Self { most, left: most }
    }

    /// Compiles an expression that has to match the whole text; a dot matches a line feed too.
    ///
    /// # Errors
    /// What RE2 or its size limits refuse, and one for which no room is left.
    pub fn anchored(&mut self, pattern: &str) -> Result<Regex, RegexpError> {
        self.compile(pattern, &format!("^(?s:{})$", translated(pattern)))
    }

    /// Compiles an expression that may match anywhere.
    ///
    /// # Errors
    /// As [`Self::anchored`].
    pub fn unanchored(&mut self, pattern: &str) -> Result<Regex, RegexpError> {
        self.compile(pattern, &translated(pattern))
    }

    fn compile(&mut self, pattern: &str, translated: &str) -> Result<Regex, RegexpError> {
        if pattern.len() > MAX_LENGTH {
            return Err(RegexpError(format!("expression is longer than {MAX_LENGTH} bytes")));
        }
        let mut size = LEAST_SIZE;
        loop {
            if size > self.left {
                let most = self.most;
                return Err(RegexpError(format!("the expressions of a query need more than {most} bytes together")));
            }
            match RegexBuilder::new(translated).size_limit(size).nest_limit(MAX_DEPTH).build() {
                Err(regex::Error::CompiledTooBig(_)) if size < MAX_SIZE => size = (4 * size).min(MAX_SIZE),
                Err(error) => return Err(refused(&error)),
                Ok(regex) => {
                    self.left -= size;
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
    Room::default().unanchored(pattern)
}

fn refused(error: &regex::Error) -> RegexpError {
    RegexpError(match error {
        regex::Error::CompiledTooBig(limit) => format!("expression needs more than {limit} bytes when compiled"),
        error => error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    })
}

fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match (c, in_class) {
            ('\\', _) => escape(tail, in_class, &mut out),
            ('[', false) => {
                in_class = true;
                open_class(tail, &mut out)
            }
            ('[', true) => within_class(tail, &mut out),
            (']', true) => {
                in_class = false;
                out.push(c);
                tail
            }
            ('&' | '~', true) => {
                out.extend(['\\', c]);
                tail
            }
            ('{', false) if !repeats(tail) => {
                out.push_str("\\{");
                tail
            }
            (c, _) => {
                out.push(c);
                tail
            }
        };
    }
    out
}

/// Whether what follows a `{` counts repetitions: `3}`, `3,}` or `3,5}`.
fn repeats(tail: &str) -> bool {
    let Some((count, _)) = tail.split_once('}') else { return false };
    let (low, high) = count.split_once(',').unwrap_or((count, ""));
    !low.is_empty() && low.bytes().chain(high.bytes()).all(|byte| byte.is_ascii_digit())
}

/// Writes the beginning of a class, in which a `]` that comes first is itself.
fn open_class<'a>(tail: &'a str, out: &mut String) -> &'a str {
    out.push('[');
    let mut rest = tail;
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    if let Some(after) = rest.strip_prefix(']') {
        out.push_str("\\]");
        rest = after;
    }
    rest
}

/// Writes what a `[` within a class means: a named class such as `[:alpha:]`, or itself.
fn within_class<'a>(tail: &'a str, out: &mut String) -> &'a str {
    let named = tail.strip_prefix(':').and_then(|name| name.split_once(":]"));
    match named {
        Some((name, after)) if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'^') => {
            out.extend(["[:", name, ":]"]);
            after
        }
        _ => {
            out.push_str("\\[");
            tail
        }
    }
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
        'b' | 'B' if !in_class => {
            out.extend(["(?-u:\\", if c == 'b' { "b" } else { "B" }, ")"]);
            return rest;
        }
        'Q' => {
            let (quoted, after) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(quoted));
            return after;
        }
        c => {
            out.extend(['\\', c]);
            return rest;
        }
    };
    if in_class && !set.starts_with('^') {
        out.push_str(set);
    } else {
        out.extend(["[", set, "]"]);
    }
    rest
}

/// The texts that whatever the expression matches must have in it, as far as they are easily seen: none
/// for one with alternatives or flags.
pub(crate) fn literals(pattern: &str) -> Vec<String> {
    if pattern.contains('|') || pattern.contains("(?") || pattern.contains("\\Q") {
        return Vec::new();
    }
    let (mut found, mut run, mut depth) = (Vec::new(), String::new(), 0_usize);
    let mut chars = pattern.chars().peekable();
    let end = |run: &mut String, found: &mut Vec<String>| {
        let literal = std::mem::take(run);
        if !literal.is_empty() {
            found.push(literal);
        }
    };
    while let Some(c) = chars.next() {
        match c {
            // What stands before may be left out.
            '*' | '?' | '{' => {
                run.pop();
                end(&mut run, &mut found);
                if c == '{' {
                    chars.by_ref().find(|c| *c == '}');
                }
            }
            '[' => {
                end(&mut run, &mut found);
                skip_class(&mut chars);
            }
            '(' => {
                end(&mut run, &mut found);
                depth += 1;
            }
            ')' => {
                run.clear();
                depth = depth.saturating_sub(1);
            }
            '.' | '^' | '$' | '+' => end(&mut run, &mut found),
            '\\' => match chars.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => run.push(escaped),
                _ => {
                    // A class, an assertion, or a character by its number: not looked into.
                    end(&mut run, &mut found);
                    return if depth == 0 { found } else { Vec::new() };
                }
            },
            // A group may be repeated or left out as a whole.
            _ if depth > 0 => {}
            c => run.push(c),
        }
    }
    end(&mut run, &mut found);
    found
}

fn skip_class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if chars.peek() == Some(&'^') {
        chars.next();
    }
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            ']' if !first => return,
            _ => {}
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        anchored(pattern).unwrap().is_match(text)
    }

    #[test]
    fn syntax_of_re2() {
        for (pattern, text, expected) in [
            ("a.b", "a\nb", true),
            ("a", "ab", false),
            ("a{b", "a{b", true),
            ("a{2}", "aa", true),
            (r"\d+", "١", false),
            (r"[\w[]+", "a[", true),
            (r"[[:alpha:]]+", "ab", true),
            (r"\Qa.b\E.", "a.bc", true),
            (r"\Qa.b\E", "axb", false),
            (r"[]a]+", "]a", true),
            (r"[a&&b]+", "&a", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_too_large_or_wrong_is_refused() {
        assert!(anchored("(").is_err());
        assert!(anchored("(a{1000}){1000}{1000}").is_err());
        assert!(anchored(&"(".repeat(100_000)).is_err());
    }

    #[test]
    fn literals_are_those_that_must_be_there() {
        for (pattern, expected) in [
            ("error", vec!["error"]),
            ("err.*foo", vec!["err", "foo"]),
            ("colou?r", vec!["colo", "r"]),
            ("a+bc", vec!["a", "bc"]),
            ("x(yz)?w", vec!["x", "w"]),
            ("a|b", vec![]),
            ("(?i)a", vec![]),
            (r"a\.b", vec!["a.b"]),
            (r"ab\d+c", vec!["ab"]),
            ("ab[c]]d", vec!["ab", "]d"]),
            ("ab{0,1}", vec!["a"]),
        ] {
            assert_eq!(literals(pattern), expected, "{pattern}");
        }
    }
}
