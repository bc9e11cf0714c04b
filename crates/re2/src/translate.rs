//! RE2's syntax in that of Rust's library: there `\d`, `\w`, `\s` and `\b` know more than ASCII, a `{` always repeats, classes
//! nest and have operators, `\<` is an assertion, and `\Q..\E` and octal numbers are unknown.
//! See <https://github.com/google/re2/wiki/Syntax> and Go's `regexp/syntax`.

use crate::escape::{character, first, perl};
use crate::{Error, MAX_LENGTH, class};

/// The same expression in the other syntax. Mistakes in it are found when that is parsed.
///
/// # Errors
/// It is too long, or has a flag or a class that Go does not know.
pub fn translated(pattern: &str) -> Result<String, Error> {
    if pattern.len() > MAX_LENGTH {
        return Err(Error::TooLong { limit: MAX_LENGTH });
    }
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some((c, tail)) = first(rest) {
        rest = match c {
            '\\' => escape(tail, &mut out),
            '[' => class::class(tail, &mut out)?,
            '(' => {
                flags(tail)?;
                out.push(c);
                tail
            }
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
    Ok(out)
}

/// Flags that Rust's library knows and Go does not would make a comment of what closes our brackets, for one.
fn flags(tail: &str) -> Result<(), Error> {
    let Some(flags) = tail.strip_prefix('?').and_then(|tail| tail.split([':', ')']).next()) else { return Ok(()) };
    let is_flags = flags.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    match flags.chars().find(|flag| is_flags && !matches!(flag, 'i' | 'm' | 's' | 'U' | '-')) {
        Some(flag) => Err(Error::Syntax(format!("there is no flag `{flag}`"))),
        None => Ok(()),
    }
}

/// Whether what follows a `{` counts repetitions: `3}`, `3,}` or `3,5}`.
fn repeats(tail: &str) -> bool {
    let Some((count, _)) = tail.split_once('}') else { return false };
    let (low, high) = count.split_once(',').unwrap_or((count, ""));
    !low.is_empty() && low.bytes().chain(high.bytes()).all(|byte| byte.is_ascii_digit())
}

/// Writes what a backslash outside of a class begins; gives what follows.
fn escape<'a>(tail: &'a str, out: &mut String) -> &'a str {
    match first(tail) {
        Some(('b', rest)) => {
            out.push_str("(?-u:\\b)");
            rest
        }
        Some(('B', rest)) => {
            out.push_str("(?-u:\\B)");
            rest
        }
        Some(('Q', rest)) => {
            let (quoted, after) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex_syntax::escape(quoted));
            after
        }
        Some((c, rest)) => match perl(c) {
            Some((negated, set)) => {
                out.extend([if negated { "[^" } else { "[" }, set, "]"]);
                rest
            }
            None => character(tail, out),
        },
        None => {
            out.push('\\');
            tail
        }
    }
}
