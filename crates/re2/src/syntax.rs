//! What is wrong with an expression, as Go tells it: what Rust's library takes beyond it is refused, and the words are Go's.
//! See Go's `regexp/syntax`.

use crate::Error;
use crate::escape::{first, perl};

/// A repetition may ask for so many.
const MOST: i64 = 1_000;
/// Digits of a number that is too large whatever it is.
const DIGITS: usize = 8;
/// Characters of an expression that an error shows.
const SHOWN: usize = 200;

/// The classes that have names.
const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];
/// The categories of Unicode. Other classes of it are scripts.
const CATEGORIES: [&str; 39] = [
    "Any", "C", "Cc", "Cf", "Cn", "Co", "Cs", "L", "LC", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N",
    "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp",
    "Zs",
];

fn wrong<T>(what: &str, text: &str) -> Result<T, Error> {
    let shown: String = text.chars().take(SHOWN).collect();
    Err(Error::Syntax(format!("{what}: `{shown}`")))
}

/// The beginning of a text that another is the end of.
fn until<'a>(text: &'a str, rest: &str) -> &'a str {
    text.get(..text.len() - rest.len()).unwrap_or(text)
}

/// What was read of an expression.
#[derive(Default)]
struct State<'a> {
    groups: usize,
    /// Whether there is something that can be repeated.
    has_operand: bool,
    /// The repetition that was just read, with all behind it.
    repetition: &'a str,
}

/// Finds the first mistake.
///
/// # Errors
/// [`Error::Syntax`].
pub fn check(pattern: &str) -> Result<(), Error> {
    let (mut rest, mut state) = (pattern, State::default());
    while let Some((c, tail)) = first(rest) {
        let before = std::mem::take(&mut state.repetition);
        rest = match c {
            '(' if tail.starts_with('?') => group(rest, &mut state)?,
            '(' => {
                state.groups += 1;
                state.has_operand = false;
                tail
            }
            '|' => {
                state.has_operand = false;
                tail
            }
            ')' if state.groups == 0 => return wrong("unexpected )", pattern),
            ')' => {
                state.groups -= 1;
                state.has_operand = true;
                tail
            }
            '*' | '+' | '?' => repetition(rest, tail, before, &mut state)?,
            '{' => match count(rest) {
                Some((low, high, after)) => {
                    let fits = (0..=MOST).contains(&low) && high.is_none_or(|high| (low..=MOST).contains(&high));
                    if !fits {
                        return wrong("invalid repeat count", until(rest, after));
                    }
                    repetition(rest, after, before, &mut state)?
                }
                None => operand(tail, &mut state),
            },
            '[' => operand(class(rest)?, &mut state),
            '\\' => escaped(rest, &mut state)?,
            _ => operand(tail, &mut state),
        };
    }
    if state.groups > 0 { wrong("missing closing )", pattern) } else { Ok(()) }
}

fn operand<'a>(rest: &'a str, state: &mut State<'a>) -> &'a str {
    state.has_operand = true;
    rest
}

/// A repetition, from `text` to `after`, that may follow another.
fn repetition<'a>(text: &'a str, after: &'a str, before: &'a str, state: &mut State<'a>) -> Result<&'a str, Error> {
    let after = after.strip_prefix('?').unwrap_or(after);
    if !before.is_empty() {
        return wrong("invalid nested repetition operator", until(before, after));
    }
    if !state.has_operand {
        return wrong("missing argument to repetition operator", until(text, after));
    }
    state.repetition = text;
    Ok(after)
}

/// The numbers of `{3}`, `{3,}` or `{3,5}`, and what follows; else a brace is itself. A number that is too large is -1.
pub fn count(text: &str) -> Option<(i64, Option<i64>, &str)> {
    let (low, rest) = number(text.strip_prefix('{')?)?;
    let Some(more) = rest.strip_prefix(',') else { return Some((low, Some(low), rest.strip_prefix('}')?)) };
    if let Some(after) = more.strip_prefix('}') {
        return Some((low, None, after));
    }
    let (high, rest) = number(more)?;
    Some((low, Some(high), rest.strip_prefix('}')?))
}

fn number(text: &str) -> Option<(i64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(length)?;
    if digits.is_empty() || (length > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((if length >= DIGITS { -1 } else { digits.parse().ok()? }, rest))
}

/// What begins with `(?`: a name, or flags for a group or for what follows.
fn group<'a>(text: &'a str, state: &mut State<'a>) -> Result<&'a str, Error> {
    let named = ["(?P<", "(?<"].into_iter().find_map(|begin| text.strip_prefix(begin).filter(|name| !name.is_empty()));
    if let Some(name) = named {
        let Some((name, after)) = name.split_once('>') else { return wrong("invalid named capture", text) };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return wrong("invalid named capture", until(text, after));
        }
        state.groups += 1;
        state.has_operand = false;
        return Ok(after);
    }
    let (mut rest, mut is_negative, mut has_flag) = (text.get(2..).unwrap_or_default(), false, false);
    while let Some((c, tail)) = first(rest) {
        rest = tail;
        match c {
            'i' | 'm' | 's' | 'U' => has_flag = true,
            '-' if !is_negative => (is_negative, has_flag) = (true, false),
            ':' | ')' if !is_negative || has_flag => {
                if c == ':' {
                    state.groups += 1;
                    state.has_operand = false;
                }
                return Ok(rest);
            }
            _ => break,
        }
    }
    wrong("invalid or unsupported Perl syntax", until(text, rest))
}

/// What a backslash begins outside of a class.
fn escaped<'a>(text: &'a str, state: &mut State<'a>) -> Result<&'a str, Error> {
    let after = text.get(2..).unwrap_or_default();
    let rest = match text.as_bytes().get(1) {
        Some(b'A' | b'b' | b'B' | b'z') => after,
        Some(b'Q') => {
            let (quoted, after) = after.split_once("\\E").unwrap_or((after, ""));
            state.has_operand |= !quoted.is_empty();
            return Ok(after);
        }
        _ => match set(text)? {
            Some(rest) => rest,
            None => character(text)?.1,
        },
    };
    Ok(operand(rest, state))
}

/// What follows a class with a letter, or one of Unicode, if the text begins with one.
fn set(text: &str) -> Result<Option<&str>, Error> {
    let Some((c, rest)) = text.strip_prefix('\\').and_then(first) else { return Ok(None) };
    if perl(c).is_some() {
        return Ok(Some(rest));
    }
    if !matches!(c, 'p' | 'P') {
        return Ok(None);
    }
    let (name, rest) = match rest.strip_prefix('{') {
        Some(name) => match name.split_once('}') {
            Some(parts) => parts,
            None => return wrong("invalid character class range", text),
        },
        None => rest.split_at(rest.chars().next().map_or(0, char::len_utf8)),
    };
    let name = if text.starts_with("\\p{") || text.starts_with("\\P{") { name.trim_start_matches('^') } else { name };
    if is_of_unicode(name) { Ok(Some(rest)) } else { wrong("invalid character class range", until(text, rest)) }
}

fn is_of_unicode(name: &str) -> bool {
    let is_script = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && regex_syntax::parse(&format!("\\p{{Script={name}}}")).is_ok();
    !name.is_empty() && (CATEGORIES.contains(&name) || is_script)
}

/// The character that an escape stands for, and what follows it.
fn character(text: &str) -> Result<(char, &str), Error> {
    let Some((c, rest)) = text.strip_prefix('\\').and_then(first) else {
        return wrong("trailing backslash at end of expression", "");
    };
    let bad = |rest: &str| wrong("invalid escape sequence", until(text, rest));
    match c {
        '0'..='7' => {
            let more = rest.bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            if c != '0' && more == 0 {
                return bad(rest);
            }
            let (digits, after) = text.get(1..).unwrap_or_default().split_at(1 + more);
            Ok((u32::from_str_radix(digits, 8).ok().and_then(char::from_u32).unwrap_or_default(), after))
        }
        'x' => hexadecimal(text, rest),
        'a' => Ok(('\x07', rest)),
        'f' => Ok(('\x0c', rest)),
        'n' => Ok(('\n', rest)),
        'r' => Ok(('\r', rest)),
        't' => Ok(('\t', rest)),
        'v' => Ok(('\x0b', rest)),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok((c, rest)),
        _ => bad(rest),
    }
}

/// `\x41` or `\x{10FFFF}`, of which `rest` follows the `x`.
fn hexadecimal<'a>(text: &'a str, rest: &'a str) -> Result<(char, &'a str), Error> {
    let bad = |rest: &str| wrong("invalid escape sequence", until(text, rest));
    let Some(mut rest) = rest.strip_prefix('{') else {
        let after = rest.char_indices().nth(2).map_or("", |(at, _)| rest.get(at..).unwrap_or_default());
        let digits = until(rest, after);
        let value = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 2).and_then(char::from_u32);
        return value.map_or_else(|| bad(after), |c| Ok((c, after)));
    };
    let (mut value, mut digits) = (0, 0);
    while let Some((c, tail)) = first(rest) {
        rest = tail;
        match c.to_digit(16) {
            Some(digit) => {
                value = value * 16 + digit;
                digits += 1;
            }
            None if c == '}' && digits > 0 => return Ok((char::from_u32(value).unwrap_or_default(), rest)),
            None => break,
        }
        if value > u32::from(char::MAX) {
            break;
        }
    }
    bad(rest)
}

/// A class; gives what follows.
fn class(text: &str) -> Result<&str, Error> {
    let inner = text.get(1..).unwrap_or_default();
    let mut rest = inner.strip_prefix('^').unwrap_or(inner);
    let mut is_first = true;
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !is_first) {
            return Ok(after);
        }
        is_first = false;
        if let Some((name, after)) = rest.strip_prefix("[:").and_then(|name| name.split_once(":]")) {
            if !CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
                return wrong("invalid character class range", until(rest, after));
            }
            rest = after;
            continue;
        }
        if let Some(after) = set(rest)? {
            rest = after;
            continue;
        }
        let (low, after) = member(rest, text)?;
        let high = after.strip_prefix('-').filter(|high| !high.is_empty() && !high.starts_with(']'));
        rest = match high.map(|high| member(high, text)).transpose()? {
            Some((high, after)) if high < low => return wrong("invalid character class range", until(rest, after)),
            Some((_, after)) => after,
            None => after,
        };
    }
}

/// One character of a class, `whole`, and what follows it.
fn member<'a>(text: &'a str, whole: &str) -> Result<(char, &'a str), Error> {
    match first(text) {
        Some(('\\', _)) => character(text),
        Some(found) => Ok(found),
        None => wrong("missing closing ]", whole),
    }
}
