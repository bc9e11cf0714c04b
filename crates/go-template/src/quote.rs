//! Go's string literals.

/// A text as Go's `%q` and `strconv.Quote` print it.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    text.chars().for_each(|c| escape(c, '"', &mut out));
    out.push('"');
    out
}

/// A character as Go's `%q` prints a rune.
pub(crate) fn quote_char(c: char) -> String {
    let mut out = String::from("'");
    escape(c, '\'', &mut out);
    out.push('\'');
    out
}

fn escape(c: char, quote: char, out: &mut String) {
    match c {
        c if c == quote => out.extend(['\\', c]),
        '\\' => out.push_str("\\\\"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        c if is_print(c) => out.push(c),
        c if (c as u32) < 0x80 => out.push_str(&format!("\\x{:02x}", c as u32)),
        c if (c as u32) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", c as u32)),
        c => out.push_str(&format!("\\U{:08x}", c as u32)),
    }
}

/// Nearly Go's `IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space. Code
/// points that no version of Unicode has given out count as printable here.
fn is_print(c: char) -> bool {
    let spaces = c != ' ' && c.is_whitespace();
    let invisible = matches!(c as u32, 0xad | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfeff
        | 0xfff9..=0xfffb | 0xe000..=0xf8ff | 0xe0000..=0x10_ffff);
    !(c.is_control() || spaces || invisible)
}

/// What is between the double quotes of one of Go's interpreted string literals.
///
/// # Errors
/// Says which escape is none, or that the bytes are not UTF-8.
pub fn unquote(inner: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            '\\' => unescape(after, '"', &mut bytes)?,
            '\n' => return Err("a line feed in a quoted text must be written \\n".to_owned()),
            c => {
                push(c, &mut bytes);
                after
            }
        };
    }
    String::from_utf8(bytes).map_err(|_| "the quoted text is not UTF-8".to_owned())
}

/// What is between the single quotes of a character.
pub(crate) fn unquote_char(inner: &str) -> Result<char, String> {
    let mut bytes = Vec::new();
    let rest = match inner.strip_prefix('\\') {
        Some(escape) => {
            let value = byte_value(escape);
            let rest = unescape(escape, '\'', &mut bytes)?;
            if let (Some(c), true) = (value.and_then(char::from_u32), rest.is_empty()) {
                return Ok(c);
            }
            rest
        }
        None => {
            let mut chars = inner.chars();
            chars.next().into_iter().for_each(|c| push(c, &mut bytes));
            chars.as_str()
        }
    };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let mut chars = text.chars();
    match (chars.next(), rest.is_empty()) {
        (Some(c), true) => Ok(c),
        _ => Err(format!("'{inner}' is not one character")),
    }
}

/// The value of `\x41` or `\101`, which is a code point in a character and a byte in a text.
fn byte_value(escape: &str) -> Option<u32> {
    match escape.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits.get(..2)?, 16).ok(),
        None => u32::from_str_radix(escape.get(..3)?, 8).ok(),
    }
}

/// Adds what a backslash and `after` stand for; gives what is left.
fn unescape<'a>(after: &'a str, quote: char, bytes: &mut Vec<u8>) -> Result<&'a str, String> {
    let c = after.chars().next().ok_or("a backslash at the end")?;
    let rest = after.get(c.len_utf8()..).unwrap_or_default();
    let simple = match c {
        'a' => b'\x07',
        'b' => b'\x08',
        'f' => b'\x0c',
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => b'\x0b',
        '\\' => b'\\',
        c if c == quote => quote as u8,
        'x' => return number(rest, 2, 16, after, bytes),
        'u' => return number(rest, 4, 16, after, bytes),
        'U' => return number(rest, 8, 16, after, bytes),
        '0'..='7' => return number(after, 3, 8, after, bytes),
        c => return Err(format!("\\{c} is no escape")),
    };
    bytes.push(simple);
    Ok(rest)
}

fn number<'a>(digits: &'a str, length: usize, radix: u32, all: &str, bytes: &mut Vec<u8>) -> Result<&'a str, String> {
    let bad = || format!("\\{} is no escape", all.chars().take(length + 1).collect::<String>());
    let these = digits.get(..length).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let value = these.and_then(|digits| u32::from_str_radix(digits, radix).ok()).ok_or_else(bad)?;
    if length > 3 {
        push(char::from_u32(value).ok_or_else(bad)?, bytes);
    } else {
        bytes.push(u8::try_from(value).map_err(|_| bad())?);
    }
    Ok(digits.get(length..).unwrap_or_default())
}

fn push(c: char, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        for (text, quoted) in [
            ("plain", "\"plain\""),
            ("a\"b\\c\n", r#""a\"b\\c\n""#),
            ("\u{1}\u{7f}", r#""\x01\x7f""#),
            ("\u{a0}\u{200b}", r#""\u00a0\u200b""#),
            ("é漢🙂", "\"é漢🙂\""),
        ] {
            assert_eq!(quote(text), quoted);
            assert_eq!(unquote(&quoted[1..quoted.len() - 1]).as_deref(), Ok(text));
        }
        assert_eq!(quote_char('\''), r"'\''");
    }

    #[test]
    fn reads_escapes_of_bytes_and_code_points() {
        assert_eq!(unquote(r"\xf0\x9f\x99\x82").as_deref(), Ok("🙂"));
        assert_eq!(unquote(r"\101\u00e9\U0001F642").as_deref(), Ok("Aé🙂"));
        for bad in [r"\", r"\q", r"\x4", r"\u12", r"\xff", r"\777", r"\ud800", r"\'"] {
            assert!(unquote(bad).is_err(), "{bad}");
        }
        assert_eq!(unquote_char(r"\n"), Ok('\n'));
        assert_eq!(unquote_char(r"\xe9"), Ok('é'));
        assert!(unquote_char("ab").is_err());
    }
}
