use super::TextError;

/// Goes through a text; knows its line when something is wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(body: &'a [u8]) -> Result<Self, TextError> {
        match std::str::from_utf8(body) {
            Ok(text) => Ok(Self { text, at: 0 }),
            Err(error) => {
                let line = line(body, error.valid_up_to());
                Err(TextError { line, message: "not UTF-8".to_owned() })
            }
        }
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// What was read since `from` was where this is.
    pub(super) fn since(&self, from: &Self) -> &'a str {
        self.text.get(from.at..self.at).unwrap_or_default()
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes over one byte of ASCII.
    #[inline]
    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    #[inline]
    pub(super) fn eat(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    /// Takes bytes as long as `wanted` says; it must stop at none but the first of a character.
    #[inline]
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.bytes().position(|byte| !wanted(byte)).unwrap_or(rest.len());
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }

    /// Takes a string in quotes, quotes included; a backslash takes the next character with it.
    pub(super) fn take_quoted(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let mut escaped = true; // the first quote does not end it
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.at += at + 1;
                    return rest.get(..=at);
                }
                _ => {}
            }
        }
        None
    }

    /// Takes what is left of the line, and the end of the line.
    pub(super) fn take_line(&mut self) -> &'a str {
        let rest = self.rest();
        let line = rest.split('\n').next().unwrap_or_default();
        self.at = (self.at + line.len() + 1).min(self.text.len());
        line
    }

    pub(super) fn end(&mut self) {
        self.at = self.text.len();
    }

    #[cold]
    pub(super) fn error<T>(&self, message: impl Into<String>) -> Result<T, TextError> {
        Err(TextError { line: line(self.text.as_bytes(), self.at), message: message.into() })
    }

    /// What is found instead of what should be, bounded, for errors.
    #[cold]
    pub(super) fn instead<T>(&self, wanted: &str) -> Result<T, TextError> {
        let found: String = self.rest().chars().take_while(|c| *c != '\n').take(32).collect();
        self.error(format!("{wanted} is missing where `{found}` is"))
    }
}

fn line(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}
