use std::borrow::Cow;

use super::Label;
use crate::utf8;

/// Why a text is not a stream's labels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("labels at byte {at}: {message}")]
pub struct LabelsError {
    /// The byte of the text.
    pub at: usize,
    /// What is wrong.
    pub message: &'static str,
}

/// Appends the labels of a text such as `{app="cart", env="prod"}`: classic names, values quoted as Go quotes
/// them, by `"` or by backticks; what of a value is not UTF-8 is U+FFFD.
///
/// # Errors
/// A text that is not that.
pub fn parse_labels<'a>(text: &'a str, labels: &mut Vec<Label<'a>>) -> Result<(), LabelsError> {
    let mut parser = Parser { text, at: 0 };
    parser.expect('{', "`{` is missing")?;
    loop {
        if parser.eat('}') {
            break;
        }
        let name = parser.name()?;
        parser.expect('=', "`=` is missing")?;
        labels.push((Cow::Borrowed(name), parser.value()?));
        if !parser.eat(',') {
            parser.expect('}', "`,` or `}` is missing")?;
            break;
        }
    }
    parser.blanks();
    if parser.rest().is_empty() { Ok(()) } else { parser.error("text behind the labels") }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.blanks();
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, wanted: char, message: &'static str) -> Result<(), LabelsError> {
        if self.eat(wanted) { Ok(()) } else { self.error(message) }
    }

    fn error<T>(&self, message: &'static str) -> Result<T, LabelsError> {
        Err(LabelsError { at: self.at, message })
    }

    fn name(&mut self) -> Result<&'a str, LabelsError> {
        self.blanks();
        let rest = self.rest();
        let len = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let name = rest.get(..len).unwrap_or_default();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return self.error("a label's name is missing");
        }
        self.at += len;
        Ok(name)
    }

    fn value(&mut self) -> Result<Cow<'a, str>, LabelsError> {
        if self.eat('`') {
            let rest = self.rest();
            let Some((value, _)) = rest.split_once('`') else { return self.error("a value does not end") };
            self.at += value.len() + 1;
            return Ok(Cow::Borrowed(value));
        }
        self.expect('"', "a label's value in quotes is missing")?;
        let rest = self.rest();
        let stop = rest.find(['"', '\\', '\n']);
        let Some((plain, after)) = stop.and_then(|stop| rest.split_at_checked(stop)) else {
            return self.error("a value does not end");
        };
        if after.starts_with('"') {
            self.at += plain.len() + 1;
            return Ok(Cow::Borrowed(plain));
        }
        self.escaped().map(Cow::Owned)
    }

    fn escaped(&mut self) -> Result<String, LabelsError> {
        let mut out = Vec::new();
        loop {
            let rest = self.rest();
            let Some(stop) = rest.find(['"', '\\', '\n']) else { return self.error("a value does not end") };
            out.extend_from_slice(rest.get(..stop).unwrap_or_default().as_bytes());
            self.at += stop;
            let rest = self.rest();
            if rest.starts_with('"') {
                self.at += 1;
                // Go writes the bytes that are not UTF-8 as `\xff`.
                return Ok(utf8::lossy(&out).into_owned());
            }
            let Some(len) = escape(rest, &mut out) else { return self.error("an escape that is none") };
            self.at += len;
        }
    }
}

/// Appends what the escape that `text` begins with means, and gives its length.
fn escape(text: &str, out: &mut Vec<u8>) -> Option<usize> {
    let number = |from: usize, len: usize, radix: u32| -> Option<u32> {
        let digits = text.get(from..from + len)?;
        digits.chars().all(|c| c.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok()).flatten()
    };
    let rune = |from: usize, len: usize| number(from, len, 16).and_then(char::from_u32).map(|c| (c, from + len));
    let byte = match text.strip_prefix('\\')?.as_bytes().first()? {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        plain @ (b'\\' | b'"') => *plain,
        b'x' => {
            out.push(u8::try_from(number(2, 2, 16)?).ok()?);
            return Some(4);
        }
        b'0'..=b'7' => {
            out.push(u8::try_from(number(1, 3, 8)?).ok()?);
            return Some(4);
        }
        kind @ (b'u' | b'U') => {
            let (c, len) = rune(2, if *kind == b'u' { 4 } else { 8 })?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(len);
        }
        _ => return None,
    };
    out.push(byte);
    Some(2)
}
