//! RE2's syntax in that of Rust's library: there `\d`, `\w`, `\s` and `\b` know more than ASCII, a `{` always repeats, classes
//! nest and have operators, `\<` is an assertion, and `\Q..\E` and octal numbers are unknown.
//! See <https://github.com/google/re2/wiki/Syntax> and Go's `regexp/syntax`.

use crate::escape::{character, first, perl};
use crate::{Error, MAX_LENGTH, class, syntax};

/// The same expression in the other syntax.
///
/// # Errors
/// It is too long, or is none for Go.
pub fn translated(pattern: &str) -> Result<String, Error> {
    if pattern.len() > MAX_LENGTH {
        return Err(Error::TooLong { limit: MAX_LENGTH });
    }
    syntax::check(pattern)?;
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some((c, tail)) = first(rest) {
        rest = match c {
            '\\' => escape(tail, &mut out),
            '[' => class::class(tail, &mut out),
            '{' if syntax::count(rest).is_none() => {
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
