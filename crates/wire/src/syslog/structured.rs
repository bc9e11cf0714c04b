use std::borrow::Cow;

/// Structured data as it was sent, of which it is known that it can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StructuredData<'a>(&'a str);

impl<'a> StructuredData<'a> {
    /// Reads structured data, or the `-` for none, and gives what follows.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), (usize, &'static str)> {
        if let Some(rest) = bytes.strip_prefix(b"-") {
            return Ok((Self::default(), rest));
        }
        let mut at = 0;
        while bytes.get(at) == Some(&b'[') {
            at = element(bytes, at)?;
        }
        let (data, rest) = bytes.split_at_checked(at).unwrap_or_default();
        match std::str::from_utf8(data) {
            Ok("") => Err((0, "structured data is missing")),
            Ok(text) => Ok((Self(text), rest)),
            Err(error) => Err((error.valid_up_to(), "structured data that is not UTF-8")),
        }
    }

    /// Its elements in order.
    pub fn iter(&self) -> Elements<'a> {
        Elements(self.0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Goes over the element at `at` and gives where it ends.
fn element(bytes: &[u8], mut at: usize) -> Result<usize, (usize, &'static str)> {
    at = name(bytes, at + 1)?;
    loop {
        match bytes.get(at) {
            Some(b']') => return Ok(at + 1),
            Some(b' ') => at = value(bytes, name(bytes, at + 1)?)?,
            _ => return Err((at, "an element of structured data does not end")),
        }
    }
}

fn name(bytes: &[u8], at: usize) -> Result<usize, (usize, &'static str)> {
    let fits = |byte: &&u8| byte.is_ascii_graphic() && !matches!(byte, b'=' | b']' | b'"');
    let len = bytes.get(at..).unwrap_or_default().iter().take_while(fits).count();
    if (1..=32).contains(&len) { Ok(at + len) } else { Err((at, "a name of 1 to 32 characters is missing")) }
}

fn value(bytes: &[u8], at: usize) -> Result<usize, (usize, &'static str)> {
    let text = bytes.get(at..).and_then(|rest| rest.strip_prefix(b"=\"")).ok_or((at, "`=\"` is missing"))?;
    let mut escaped = false;
    for (n, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Ok(at + 2 + n + 1),
            b']' => return Err((at + 2 + n, "`]` in a value without a backslash")),
            _ => {}
        }
    }
    Err((at, "a value does not end"))
}

/// An element of structured data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its id: `timeQuality`, or with the number of an enterprise `x@32473`.
    pub id: &'a str,
    params: &'a str,
}

impl<'a> Element<'a> {
    /// Names and values in order; a value is copied only if it has escapes.
    pub fn params(&self) -> Params<'a> {
        Params(self.params)
    }
}

/// [`StructuredData::iter`]
#[derive(Clone, Debug)]
pub struct Elements<'a>(&'a str);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let end = element(self.0.as_bytes(), 0).ok().filter(|_| !self.0.is_empty())?;
        let (inner, rest) = (self.0.get(1..end - 1)?, self.0.get(end..)?);
        self.0 = rest;
        let (id, params) = inner.split_once(' ').unwrap_or((inner, ""));
        Some(Element { id, params })
    }
}

/// [`Element::params`]
#[derive(Clone, Debug)]
pub struct Params<'a>(&'a str);

impl<'a> Iterator for Params<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_start_matches(' ');
        let (name, _) = text.split_once('=')?;
        let end = value(text.as_bytes(), name.len()).ok()?;
        let raw = text.get(name.len() + 2..end - 1)?;
        self.0 = text.get(end..)?;
        Some((name, unescaped(raw)))
    }
}

/// Without the backslashes before `"`, `\` and `]`; any other backslash stays.
fn unescaped(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(next @ ('"' | '\\' | ']')) if c == '\\' => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out.into()
}
