//! Go's fmt, as far as templates see it: how values are printed, and the verbs of printf.

use std::fmt::Write as _;

use crate::quote::{quote, quote_char};
use crate::time::duration;
use crate::{LONGEST, Value};

/// A width or precision is no larger, as in Go.
const MAX_WIDTH: usize = 1_000_000;

/// As `%v` prints it.
pub fn show(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, false, 0, &mut out);
    out
}

/// Lists in lists are printed no deeper.
const MAX_DEPTH: usize = 20;

fn write_value(value: &Value, names: bool, depth: usize, out: &mut String) {
    if depth > MAX_DEPTH {
        out.push_str("...");
        return;
    }
    match value {
        Value::Nil => out.push_str("<nil>"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&general(*value, None)),
        Value::Str(text) | Value::Html(text) => out.push_str(text),
        Value::Time(time) => out.push_str(&time.to_string()),
        Value::Duration(nanos) => out.push_str(&duration(*nanos)),
        Value::List(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n > 0 { " " } else { "" });
                write_value(item, names, depth + 1, out);
            }
            out.push(']');
        }
        Value::Map(members) => {
            out.push_str("map[");
            for (n, (name, value)) in members.iter().enumerate() {
                let _ = write!(out, "{}{name}:", if n > 0 { " " } else { "" });
                write_value(value, names, depth + 1, out);
            }
            out.push(']');
        }
        Value::Object(object) => match (object.display(), object.underlying()) {
            (Some(text), _) => out.push_str(&text),
            (None, Value::Nil) => {
                out.push('{');
                for (n, (name, value)) in object.fields().iter().enumerate() {
                    out.push_str(if n > 0 { " " } else { "" });
                    if names {
                        let _ = write!(out, "{name}:");
                    }
                    write_value(value, names, depth + 1, out);
                }
                out.push('}');
            }
            (None, plain) => write_value(&plain, names, depth + 1, out),
        },
    }
}

/// As Go's Sprint: a space between two of which neither is a text.
pub(crate) fn print(values: &[Value]) -> String {
    let mut out = String::new();
    let mut before = true;
    for value in values {
        if out.len() > LONGEST {
            break;
        }
        let text = value.as_str().is_some();
        if !(before || text) {
            out.push(' ');
        }
        out.push_str(&show(value));
        before = text;
    }
    out
}

/// As Go's Sprintln: a space between all, and a line feed.
pub(crate) fn println(values: &[Value]) -> String {
    let mut out = joined(values, show);
    out.push('\n');
    out
}

/// What `show` makes of each, with spaces between; cut where it becomes too long.
fn joined(values: &[Value], show: impl Fn(&Value) -> String) -> String {
    let mut out = String::new();
    for (n, value) in values.iter().enumerate() {
        if out.len() > LONGEST {
            break;
        }
        out.push_str(if n > 0 { " " } else { "" });
        out.push_str(&show(value));
    }
    out
}

#[derive(Clone, Copy, Default)]
struct Flags {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// As Go's Sprintf.
pub fn printf(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let mut args = args.iter();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%').filter(|_| out.len() <= LONGEST) {
        out.push_str(before);
        let (flags, after) = flags(after, &mut args, &mut out);
        let mut chars = after.chars();
        let Some(verb) = chars.next() else {
            out.push_str("%!(NOVERB)");
            rest = "";
            break;
        };
        rest = chars.as_str();
        if verb == '%' {
            out.push('%');
            continue;
        }
        match args.next() {
            Some(value) => pad(&formatted(value, verb, flags), flags, verb, value, &mut out),
            None => {
                let _ = write!(out, "%!{verb}(MISSING)");
            }
        }
    }
    out.push_str(rest);
    let mut between = "%!(EXTRA ";
    while let Some(value) = args.next().filter(|_| out.len() <= LONGEST) {
        let _ = write!(out, "{between}{}={}", value.type_name(), show(value));
        between = ", ";
    }
    if between == ", " {
        out.push(')');
    }
    out
}

/// Flags, width and precision; what follows them.
fn flags<'f, 'v>(format: &'f str, args: &mut impl Iterator<Item = &'v Value>, out: &mut String) -> (Flags, &'f str) {
    let mut flags = Flags::default();
    let mut rest = format;
    while let Some(c) = rest.chars().next().filter(|c| "+-# 0".contains(*c)) {
        match c {
            '+' => flags.plus = true,
            '-' => flags.minus = true,
            '#' => flags.sharp = true,
            ' ' => flags.space = true,
            _ => flags.zero = true,
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    let (width, after) = number(rest, args, "%!(BADWIDTH)", out);
    (flags.width, rest) = (width, after);
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = number(after, args, "%!(BADPREC)", out);
        (flags.precision, rest) = (Some(precision.unwrap_or(0)), after);
    }
    flags.zero &= !flags.minus;
    (flags, rest)
}

/// A number in a format, or the next argument for `*`.
fn number<'f, 'v>(
    text: &'f str,
    args: &mut impl Iterator<Item = &'v Value>,
    bad: &str,
    out: &mut String,
) -> (Option<usize>, &'f str) {
    if let Some(after) = text.strip_prefix('*') {
        let number = match args.next() {
            Some(Value::Int(number)) => usize::try_from(*number).ok().filter(|number| *number <= MAX_WIDTH),
            _ => None,
        };
        out.push_str(if number.is_none() { bad } else { "" });
        return (number, after);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, after) = text.split_at(digits);
    (digits.parse().ok().map(|number: usize| number.min(MAX_WIDTH)), after)
}

fn pad(text: &str, flags: Flags, verb: char, value: &Value, out: &mut String) {
    let missing = flags.width.unwrap_or(0).saturating_sub(text.chars().count());
    if missing == 0 {
        out.push_str(text);
    } else if flags.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if flags.zero && !matches!(verb, 'c' | 'p') {
        // Zeros go between the sign and the digits.
        let numeric = matches!(value, Value::Int(_) | Value::Float(_) | Value::Duration(_));
        let sign = text.starts_with(['+', '-', ' ']) && numeric;
        let (sign, digits) = text.split_at(usize::from(sign));
        out.push_str(sign);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(digits);
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(text);
    }
}

fn formatted(value: &Value, verb: char, flags: Flags) -> String {
    match (verb, value) {
        ('T', value) => value.type_name().to_owned(),
        ('v', Value::Int(value)) => signed(*value, flags, |it| it.to_string()),
        ('v', Value::Float(value)) => sign_float(general(*value, flags.precision), flags),
        ('v', Value::Str(text)) if flags.sharp => quote(text),
        ('v', value) => {
            let mut out = String::new();
            write_value(value, flags.plus, 0, &mut out);
            out
        }
        ('t', Value::Bool(value)) => value.to_string(),
        (
            's',
            Value::Str(_)
            | Value::Html(_)
            | Value::Time(_)
            | Value::Duration(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Object(_),
        ) => {
            let text = show(value);
            match flags.precision {
                Some(precision) => text.chars().take(precision).collect(),
                None => text,
            }
        }
        ('q', Value::Int(c)) => u32::try_from(*c).ok().and_then(char::from_u32).map_or("'\u{fffd}'".into(), quote_char),
        ('q', Value::List(items)) => {
            format!("[{}]", joined(items, |item| formatted(item, 'q', flags)))
        }
        ('q', Value::Str(text)) if flags.sharp && !text.contains(['`', '\n', '\r']) => format!("`{text}`"),
        ('q', Value::Str(_) | Value::Html(_) | Value::Time(_) | Value::Duration(_) | Value::Object(_)) => {
            quote(&show(value))
        }
        ('x' | 'X', Value::Str(text) | Value::Html(text)) => {
            text.bytes().map(|byte| if verb == 'x' { format!("{byte:02x}") } else { format!("{byte:02X}") }).collect()
        }
        (verb, Value::Int(value) | Value::Duration(value)) => integer(*value, verb, flags),
        (verb, Value::Float(value)) => float(*value, verb, flags),
        (verb, Value::List(items)) => {
            format!("[{}]", joined(items, |item| formatted(item, verb, flags)))
        }
        (verb, Value::Nil) => format!("%!{verb}(<nil>)"),
        (verb, value) => format!("%!{verb}({}={})", value.type_name(), show(value)),
    }
}

/// A number with its sign, whose digits `digits` makes.
fn signed(value: i64, flags: Flags, digits: impl Fn(u64) -> String) -> String {
    let sign = if value < 0 {
        "-"
    } else if flags.plus {
        "+"
    } else if flags.space {
        " "
    } else {
        ""
    };
    let digits = digits(value.unsigned_abs());
    let zeros = flags.precision.unwrap_or(0).saturating_sub(digits.len());
    format!("{sign}{}{digits}", "0".repeat(zeros))
}

fn integer(value: i64, verb: char, flags: Flags) -> String {
    match verb {
        'd' => signed(value, flags, |it| it.to_string()),
        'b' => signed(value, flags, |it| if flags.sharp { format!("{it:#b}") } else { format!("{it:b}") }),
        'o' => signed(value, flags, |it| if flags.sharp { format!("0{it:o}") } else { format!("{it:o}") }),
        'O' => signed(value, flags, |it| format!("0o{it:o}")),
        'x' => signed(value, flags, |it| if flags.sharp { format!("{it:#x}") } else { format!("{it:x}") }),
        'X' => signed(value, flags, |it| if flags.sharp { format!("0X{it:X}") } else { format!("{it:X}") }),
        'c' => u32::try_from(value).ok().and_then(char::from_u32).unwrap_or('\u{fffd}').to_string(),
        'U' => format!("U+{value:04X}"),
        verb => format!("%!{verb}(int={value})"),
    }
}

fn float(value: f64, verb: char, flags: Flags) -> String {
    let text = match verb {
        'f' | 'F' => match special(value) {
            Some(text) => text.to_owned(),
            None => format!("{value:.*}", flags.precision.unwrap_or(6)),
        },
        'e' | 'E' => exponential(value, Some(flags.precision.unwrap_or(6)), verb),
        'g' | 'G' => {
            let text = general(value, flags.precision);
            if verb == 'G' { text.replace('e', "E") } else { text }
        }
        verb => return format!("%!{verb}(float64={})", general(value, None)),
    };
    sign_float(text, flags)
}

fn sign_float(text: String, flags: Flags) -> String {
    if text.starts_with(['-', '+']) {
        text
    } else if flags.plus {
        format!("+{text}")
    } else if flags.space {
        format!(" {text}")
    } else {
        text
    }
}

const fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

/// `1.5e+06`; the shortest that reads as the same number if no precision is asked for.
fn exponential(value: f64, precision: Option<usize>, e: char) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    let text = match precision {
        Some(precision) => format!("{value:.precision$e}"),
        None => format!("{value:e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}{e}{sign}{exponent:0>2}")
}

/// `%g`, and `%v`, which is `%g` with as many digits as it takes: an exponent for what is below 1e-4
/// or has more digits before the point than the precision, which is 6 here if there is none.
pub(crate) fn general(value: f64, precision: Option<usize>) -> String {
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    let digits = precision.map(|precision| precision.max(1));
    let text = exponential(value, digits.map(|digits| digits - 1), 'e');
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "+00"));
    let power: i32 = exponent.parse().unwrap_or(0);
    let limit = i32::try_from(digits.unwrap_or(SHORTEST)).unwrap_or(i32::MAX);
    if power < -4 || power >= limit {
        return format!("{}e{exponent}", trimmed(mantissa, digits.is_some()));
    }
    match digits {
        None => format!("{value}"),
        Some(_) => {
            let after = usize::try_from(limit - 1 - power).unwrap_or(0);
            trimmed(&format!("{value:.after$}"), true).to_owned()
        }
    }
}

/// The precision that decides about an exponent where none is asked for.
const SHORTEST: usize = 6;

fn trimmed(digits: &str, cut: bool) -> &str {
    if cut && digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_numbers_as_go_does() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (100_000.0, "100000"),
            (1_234_567.0, "1.234567e+06"),
            (1e21, "1e+21"),
            (9_007_199_254_740_992.0, "9.007199254740992e+15"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (-2.5, "-2.5"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
            (123_456_789.0, "1.23456789e+08"),
        ] {
            assert_eq!(show(&Value::Float(value)), text);
        }
    }

    #[test]
    fn printf_has_gos_verbs_and_complaints() {
        let text = |text: &str| Value::from(text);
        for (format, args, printed) in [
            ("%s-%s", vec![text("a"), text("b")], "a-b"),
            ("%5d|%-5d|%05d|%+d", vec![Value::Int(42); 4], "   42|42   |00042|+42"),
            (
                "%x %X %#x %o %b %c %U",
                vec![
                    Value::Int(255),
                    Value::Int(255),
                    Value::Int(255),
                    Value::Int(8),
                    Value::Int(5),
                    Value::Int(65),
                    Value::Int(65),
                ],
                "ff FF 0xff 10 101 A U+0041",
            ),
            (
                "%.2f %8.3f %e %g",
                vec![Value::Float(3.25), Value::Float(-2.0), Value::Float(1500.0), Value::Float(0.000_01)],
                "3.25   -2.000 1.500000e+03 1e-05",
            ),
            ("%.3g", vec![Value::Float(1234.5)], "1.23e+03"),
            (
                "%q %v %t %T",
                vec![text("a\"b"), Value::Nil, Value::Bool(true), Value::Float(1.0)],
                r#""a\"b" <nil> true float64"#,
            ),
            ("%08.3f", vec![Value::Float(-3.0625)], "-003.062"),
            ("%.2s|%5s|%-5s|", vec![text("abc"), text("é"), text("x")], "ab|    é|x    |"),
            ("%d", vec![text("a")], "%!d(string=a)"),
            ("%s", vec![Value::Int(1)], "%!s(int=1)"),
            ("%d %d", vec![Value::Int(1)], "1 %!d(MISSING)"),
            ("%%", vec![Value::Int(1)], "%%!(EXTRA int=1)"),
            ("%", vec![], "%!(NOVERB)"),
            ("%*d", vec![Value::Int(4), Value::Int(1)], "   1"),
            ("%x", vec![text("hi")], "6869"),
        ] {
            assert_eq!(printf(format, &args), printed, "{format}");
        }
    }
}
