//! Classes of characters. In RE2 they do not nest and have no operators, and a `]` that comes first is itself.

use crate::escape::{character, first, perl};

/// Writes a class, whose `[` is read; gives what follows it.
pub fn class<'a>(tail: &'a str, out: &mut String) -> &'a str {
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
            return tail;
        }
        is_first = false;
        rest = part(rest, out);
    }
    rest
}

/// Writes a named class such as `[:alpha:]`, one with a letter, or a range of characters.
fn part<'a>(text: &'a str, out: &mut String) -> &'a str {
    if let Some((name, after)) = text.strip_prefix("[:").and_then(|tail| tail.split_once(":]")) {
        out.extend(["[:", name, ":]"]);
        return after;
    }
    if let Some((c, after)) = text.strip_prefix('\\').and_then(first)
        && let Some((negated, set)) = perl(c)
    {
        out.extend(if negated { ["[^", set, "]"] } else { ["", set, ""] });
        return after;
    }
    let is_set = text.starts_with("\\p") || text.starts_with("\\P");
    let rest = one(text, out);
    match rest.strip_prefix('-') {
        Some(high) if !is_set && !high.is_empty() && !high.starts_with(']') => {
            out.push('-');
            one(high, out)
        }
        _ => rest,
    }
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
