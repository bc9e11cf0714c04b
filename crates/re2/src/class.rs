//! Classes of characters. In RE2 they do not nest and have no operators, and a `]` that comes first is itself.

use crate::Error;
use crate::escape::{character, first, perl};

/// Writes a class, whose `[` is read; gives what follows it.
///
/// # Errors
/// It names a class that there is not, of which the other syntax would make one of its letters.
pub fn class<'a>(tail: &'a str, out: &mut String) -> Result<&'a str, Error> {
    out.push('[');
    let mut rest = tail;
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    let mut is_first = true;
    while let Some((c, tail)) = first(rest) {
        if c == ']' && !is_first {
            out.push(']');
            return Ok(tail);
        }
        is_first = false;
        rest = part(rest, out)?;
    }
    Ok(rest)
}

/// The classes that have names.
const NAMES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// Writes a named class such as `[:alpha:]`, one with a letter, or a range of characters.
fn part<'a>(text: &'a str, out: &mut String) -> Result<&'a str, Error> {
    if let Some((name, after)) = text.strip_prefix("[:").and_then(|tail| tail.split_once(":]")) {
        if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(Error::Syntax(format!("there is no class `[:{name}:]`")));
        }
        out.extend(["[:", name, ":]"]);
        return Ok(after);
    }
    if let Some((c, after)) = text.strip_prefix('\\').and_then(first)
        && let Some((negated, set)) = perl(c)
    {
        out.extend(if negated { ["[^", set, "]"] } else { ["", set, ""] });
        return Ok(after);
    }
    let is_set = text.starts_with("\\p") || text.starts_with("\\P");
    let rest = one(text, out);
    Ok(match rest.strip_prefix('-') {
        Some(high) if !is_set && !high.is_empty() && !high.starts_with(']') => {
            out.push('-');
            one(high, out)
        }
        _ => rest,
    })
}

/// Writes one character of a class.
fn one<'a>(text: &'a str, out: &mut String) -> &'a str {
    match first(text) {
        Some(('\\', tail)) => character(tail, out),
        Some((c, tail)) => {
            if matches!(c, '[' | ']' | '^' | '-' | '&' | '~') {
                out.push('\\');
            }
            out.push(c);
            tail
        }
        None => text,
    }
}
