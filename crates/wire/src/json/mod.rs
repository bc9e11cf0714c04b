//! A pull parser for JSON (RFC 8259) that borrows from the text. Errors name the byte and the JSON path.

mod text;

use std::borrow::Cow;

pub use text::{push_quoted, quoted};

/// Values may lie within values so deep.
pub const MAX_DEPTH: u32 = 128;

/// Why a text is not the JSON that was asked for, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} at byte {at}: {message}")]
pub struct JsonError {
    /// The byte of the text.
    pub at: usize,
    /// The path that leads there: `$.resourceLogs[0].scopeLogs`.
    pub path: String,
    /// What is wrong.
    pub message: Cow<'static, str>,
}

impl JsonError {
    /// The same error, seen from the value that has it as a member or item.
    #[cold]
    pub(crate) fn within(mut self, step: std::fmt::Arguments<'_>) -> Self {
        let below = self.path.strip_prefix('$').unwrap_or_default();
        // Keys come from outside: what is shown of them is bounded.
        let step: String = step.to_string().chars().take(64).collect();
        self.path = format!("${step}{below}");
        self
    }
}

/// What a value begins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of JSON")]
pub enum Shape {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// Reads a text value by value.
#[derive(Clone, Debug)]
pub struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    replaced: bool,
}

impl<'a> Parser<'a> {
    /// Reads `bytes`.
    ///
    /// # Errors
    /// Bytes that are not UTF-8.
    pub fn new(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|error| JsonError {
            at: error.valid_up_to(),
            path: "$".to_owned(),
            message: "not UTF-8".into(),
        })?;
        Ok(Self::of(text))
    }

    /// Reads `text`.
    pub fn of(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, replaced: false }
    }

    /// Whether a string that was read had half of a pair of surrogates, which is no character: U+FFFD is in its place.
    pub fn replaced(&self) -> bool {
        self.replaced
    }

    /// The byte that is read next.
    pub fn at(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// An error at a byte.
    #[cold]
    pub(crate) fn error(&self, at: usize, message: impl Into<Cow<'static, str>>) -> JsonError {
        JsonError { at, path: "$".to_owned(), message: message.into() }
    }

    #[inline]
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn expect(&mut self, wanted: u8) -> Result<(), JsonError> {
        if self.peek() == Some(wanted) {
            self.at += 1;
            return Ok(());
        }
        Err(self.error(self.at, format!("`{}` is missing", char::from(wanted))))
    }

    /// What the next value is.
    ///
    /// # Errors
    /// No value.
    #[inline]
    pub fn shape(&mut self) -> Result<Shape, JsonError> {
        match self.peek() {
            Some(b'{') => Ok(Shape::Object),
            Some(b'[') => Ok(Shape::Array),
            Some(b'"') => Ok(Shape::String),
            Some(b'-' | b'0'..=b'9') => Ok(Shape::Number),
            Some(b't' | b'f') => Ok(Shape::Bool),
            Some(b'n') => Ok(Shape::Null),
            _ => Err(self.error(self.at, "a value is missing")),
        }
    }

    /// Looks that nothing follows the value that was read.
    ///
    /// # Errors
    /// Something does.
    pub fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.error(self.at, "text behind the value")) }
    }

    fn enter(&mut self, open: u8) -> Result<(), JsonError> {
        self.expect(open)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(self.at, format!("values within values, more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    /// Whether another member or item follows; takes the comma or the closing bracket.
    fn more(&mut self, first: bool, close: u8) -> Result<bool, JsonError> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                Ok(true)
            }
            _ if first => Ok(true),
            _ => Err(self.error(self.at, format!("`,` or `{}` is missing", char::from(close)))),
        }
    }

    /// An object; `member` reads the value of each key.
    ///
    /// # Errors
    /// Another value, damaged JSON, or what `member` gives, with the key added to its path.
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &Cow<'a, str>) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        self.enter(b'{')?;
        let mut first = true;
        while self.more(first, b'}')? {
            first = false;
            let key = self.string()?;
            self.expect(b':')?;
            member(self, &key).map_err(|error| error.within(format_args!(".{key}")))?;
        }
        Ok(())
    }

    /// An array; `item` reads each of its values.
    ///
    /// # Errors
    /// Another value, damaged JSON, or what `item` gives, with the index added to its path.
    pub fn array(&mut self, mut item: impl FnMut(&mut Self, usize) -> Result<(), JsonError>) -> Result<(), JsonError> {
        self.enter(b'[')?;
        let mut index = 0;
        while self.more(index == 0, b']')? {
            item(self, index).map_err(|error| error.within(format_args!("[{index}]")))?;
            index += 1;
        }
        Ok(())
    }

    /// A string; it is copied only if it has escapes.
    ///
    /// # Errors
    /// Another value, or a string that does not end or has an escape that is none.
    pub fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect(b'"')?;
        let rest = self.rest();
        let Some(end) = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20) else {
            return Err(self.error(self.text.len(), "a string does not end"));
        };
        let plain = rest.get(..end).unwrap_or_default();
        self.at += end;
        if self.rest().starts_with('"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        self.escaped(plain).map(Cow::Owned)
    }

    fn escaped(&mut self, plain: &str) -> Result<String, JsonError> {
        let mut out = plain.to_owned();
        loop {
            let rest = self.rest();
            let stop = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20);
            let Some(stop) = stop else { return Err(self.error(self.text.len(), "a string does not end")) };
            out.push_str(rest.get(..stop).unwrap_or_default());
            self.at += stop;
            match rest.as_bytes().get(stop) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    let (c, len) =
                        text::escape(self.rest()).ok_or_else(|| self.error(self.at, "an escape that is none"))?;
                    self.replaced |= c.is_none();
                    out.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
                    self.at += len;
                }
                _ => return Err(self.error(self.at, "a control character in a string")),
            }
        }
    }

    /// A number, as it is written.
    ///
    /// # Errors
    /// Another value, or a number that JSON does not allow.
    pub fn number(&mut self) -> Result<&'a str, JsonError> {
        self.peek();
        let rest = self.rest();
        let len = text::number(rest).ok_or_else(|| self.error(self.at, "a number is missing"))?;
        self.at += len;
        Ok(rest.get(..len).unwrap_or_default())
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// Another value.
    pub fn bool(&mut self) -> Result<bool, JsonError> {
        self.peek();
        let value = self.rest().starts_with("true");
        self.word(if value { "true" } else { "false" })?;
        Ok(value)
    }

    /// `null`
    ///
    /// # Errors
    /// Another value.
    pub fn null(&mut self) -> Result<(), JsonError> {
        self.peek();
        self.word("null")
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if !self.rest().starts_with(word) {
            return Err(self.error(self.at, format!("`{word}` is missing")));
        }
        self.at += word.len();
        Ok(())
    }

    /// Leaves out a value, of which it must be true that it is JSON.
    ///
    /// # Errors
    /// Damaged JSON.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        match self.shape()? {
            Shape::Object => self.object(|parser, _| parser.skip()),
            Shape::Array => self.array(|parser, _| parser.skip()),
            Shape::String => self.string().map(drop),
            Shape::Number => self.number().map(drop),
            Shape::Bool => self.bool().map(drop),
            Shape::Null => self.null(),
        }
    }

    /// A value as it is written.
    ///
    /// # Errors
    /// Damaged JSON.
    pub fn raw(&mut self) -> Result<&'a str, JsonError> {
        self.peek();
        let start = self.at;
        self.skip()?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
