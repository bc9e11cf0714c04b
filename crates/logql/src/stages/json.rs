//! Reads JSON where it stands, without building anything. It is as lenient as what Loki uses: what is not
//! looked at need not be right.

use std::fmt;

use memchr::memchr2;

/// Objects that are looked into may be nested so deep.
const MAX_DEPTH: usize = 64;

/// Why a line is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// It is no object, or one without an end.
    NoObject,
    /// Something within it is wrong.
    Malformed,
    /// A text or a key has no end.
    Text,
    /// It is nested too deep.
    Depth,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoObject => "Value looks like object, but can't find closing '}' symbol",
            Self::Malformed => "Malformed JSON error",
            Self::Text => "Value is string, but can't find closing '\"' symbol",
            Self::Depth => "objects are nested deeper than the limit json_depth: 64",
        })
    }
}

/// A value, or how one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Json<'a> {
    /// What is between the quotes, escapes and all.
    Text(&'a str),
    /// A number or a truth value as it is written.
    Bare(&'a str),
    Null,
    /// What is open now.
    Object,
    Array,
}

pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn blank(&mut self) {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.blank();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// What is between quotes, the first of which was read.
    fn text(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let found = memchr2(b'"', b'\\', rest).ok_or(JsonError::Text)?;
            let quote = rest.get(found) == Some(&b'"');
            self.at += found + if quote { 1 } else { 2 };
            if quote {
                return self.text.get(start..self.at - 1).ok_or(JsonError::Text);
            }
        }
    }

    /// A value; of an object or array only its beginning.
    pub(crate) fn value(&mut self) -> Result<Json<'a>, JsonError> {
        self.blank();
        let start = self.at;
        self.at += 1;
        Ok(match self.text.as_bytes().get(start) {
            Some(b'"') => Json::Text(self.text()?),
            Some(b'{') => Json::Object,
            Some(b'[') => Json::Array,
            Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') => {
                while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')) {
                    self.at += 1;
                }
                bare(self.text.get(start..self.at).unwrap_or_default())?
            }
            _ => return Err(JsonError::Malformed),
        })
    }

    /// The next key of an object; none at its end.
    pub(crate) fn key(&mut self, first: bool) -> Result<Option<&'a str>, JsonError> {
        if self.eat(b'}') {
            return Ok(None);
        }
        if self.peek().is_none() {
            return Err(JsonError::NoObject);
        }
        if !first && !self.eat(b',') || !self.eat(b'"') {
            return Err(JsonError::Malformed);
        }
        let key = self.text()?;
        if self.eat(b':') { Ok(Some(key)) } else { Err(JsonError::Malformed) }
    }

    /// Whether an array has another value.
    fn item(&mut self, first: bool) -> Result<bool, JsonError> {
        if self.eat(b']') {
            return Ok(false);
        }
        if first || self.eat(b',') { Ok(true) } else { Err(JsonError::Malformed) }
    }

    /// Goes behind the object or array that is open.
    pub(crate) fn leave(&mut self) -> Result<(), JsonError> {
        let mut open = 1_usize;
        while open > 0 {
            let byte = self.peek().ok_or(JsonError::Malformed)?;
            self.at += 1;
            match byte {
                b'"' => {
                    self.text()?;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// Goes behind a value.
    fn skip(&mut self) -> Result<(), JsonError> {
        match self.value()? {
            Json::Object | Json::Array => self.leave(),
            _ => Ok(()),
        }
    }
}

fn bare(text: &str) -> Result<Json<'_>, JsonError> {
    match text {
        "null" => Ok(Json::Null),
        "true" | "false" => Ok(Json::Bare(text)),
        text if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => Ok(Json::Bare(text)),
        _ => Err(JsonError::Malformed),
    }
}

/// A member of an object: `open` objects stand around it.
pub(crate) struct Member<'a> {
    pub(crate) depth: usize,
    /// What is between the quotes.
    pub(crate) key: &'a str,
    pub(crate) value: Json<'a>,
}

/// Calls `visit` with each member of the object that a text begins with, and of those within it, until
/// it says otherwise. Of an object the members follow; arrays are left out.
pub(crate) fn members<'a>(
    text: &'a str,
    visit: &mut dyn FnMut(Member<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let mut scanner = Scanner::new(text);
    let said = |error: JsonError| error.to_string();
    if !scanner.eat(b'{') {
        return Err(said(JsonError::NoObject));
    }
    let (mut depth, mut first) = (0, true);
    loop {
        match scanner.key(first).map_err(said)? {
            None if depth == 0 => return Ok(()),
            None => (depth, first) = (depth - 1, false),
            Some(key) => {
                let value = scanner.value().map_err(said)?;
                visit(Member { depth, key, value })?;
                first = value == Json::Object;
                if first {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err(said(JsonError::Depth));
                    }
                }
                if value == Json::Array {
                    scanner.leave().map_err(said)?;
                }
            }
        }
    }
}

/// A step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// A value on the way that `path` says: a text without its quotes, anything else as it is written.
pub(crate) fn find<'a>(text: &'a str, path: &[Step]) -> Result<Option<(Json<'a>, &'a str)>, JsonError> {
    let mut scanner = Scanner::new(text);
    let mut buffer = String::new();
    for step in path {
        let found = match (scanner.value()?, step) {
            (Json::Object, Step::Key(key)) => enter_key(&mut scanner, key, &mut buffer)?,
            (Json::Array, Step::Index(index)) => enter_index(&mut scanner, *index)?,
            _ => false,
        };
        if !found {
            return Ok(None);
        }
    }
    scanner.blank();
    let start = scanner.at;
    let value = scanner.value()?;
    if matches!(value, Json::Object | Json::Array) {
        scanner.leave()?;
    }
    let raw = text.get(start..scanner.at).unwrap_or_default();
    Ok(Some((value, raw)))
}

fn enter_key(scanner: &mut Scanner<'_>, wanted: &str, buffer: &mut String) -> Result<bool, JsonError> {
    let mut first = true;
    while let Some(key) = scanner.key(first)? {
        if key == wanted || (key.contains('\\') && unescape(key, buffer) == Some(wanted)) {
            return Ok(true);
        }
        scanner.skip()?;
        first = false;
    }
    Ok(false)
}

fn enter_index(scanner: &mut Scanner<'_>, wanted: usize) -> Result<bool, JsonError> {
    let mut at = 0;
    while scanner.item(at == 0)? {
        if at == wanted {
            return Ok(true);
        }
        scanner.skip()?;
        at += 1;
    }
    Ok(false)
}

/// A text without its escapes, in `buffer` if it has some; none if one is wrong.
pub(crate) fn unescape<'t>(text: &'t str, buffer: &'t mut String) -> Option<&'t str> {
    if !text.contains('\\') {
        return Some(text);
    }
    buffer.clear();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        buffer.push_str(before);
        let c = after.chars().next()?;
        rest = after.get(c.len_utf8()..)?;
        buffer.push(match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (c, tail) = unicode(rest)?;
                rest = tail;
                c
            }
            _ => return None,
        });
    }
    buffer.push_str(rest);
    Some(buffer)
}

/// The character behind `\u`, of which there may be two for one.
fn unicode(text: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let first = unit(text)?;
    let rest = text.get(4..)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, rest));
    }
    let second = rest.strip_prefix("\\u")?;
    let low = unit(second).filter(|low| (0xdc00..0xe000).contains(low))?;
    let code = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
    Some((char::from_u32(code)?, second.get(4..)?))
}

/// A path such as `a.b[0]["c d"]`.
pub(crate) fn parse_path(text: &str) -> Result<Vec<Step>, String> {
    let wrong = || format!("cannot parse expression [{text}]");
    let mut path = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix("[\"") {
            let (key, after) = inner.split_once("\"]").ok_or_else(wrong)?;
            path.push(Step::Key(key.to_owned()));
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']').ok_or_else(wrong)?;
            path.push(Step::Index(index.parse().map_err(|_| wrong())?));
            rest = after;
        } else {
            let name = if path.is_empty() { rest } else { rest.strip_prefix('.').ok_or_else(wrong)? };
            let length = name.find(['.', '[']).unwrap_or(name.len());
            let (key, after) = name.split_at(length);
            let plain = |c: char| c == '_' || c == '-' || c == '@' || c.is_alphanumeric();
            if key.is_empty() || !key.chars().all(plain) {
                return Err(wrong());
            }
            path.push(Step::Key(key.to_owned()));
            rest = after;
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(text: &'a str, path: &str) -> Option<&'a str> {
        find(text, &parse_path(path).unwrap()).unwrap().map(|(_, raw)| raw)
    }

    #[test]
    fn paths_lead_to_values() {
        let text = r#"{"a": {"b c": [1, {"d": "x\"y"}], "e": null}, "f": true}"#;
        assert_eq!(found(text, r#"a["b c"][0]"#), Some("1"));
        assert_eq!(found(text, r#"a["b c"][1].d"#), Some(r#""x\"y""#));
        assert_eq!(found(text, r#"a["b c"][2]"#), None);
        assert_eq!(found(text, "a.e"), Some("null"));
        assert_eq!(found(text, r#"a["b c"]"#), Some(r#"[1, {"d": "x\"y"}]"#));
        assert_eq!(found(text, "f.g"), None);
        for wrong in ["", "a.", "a[", "a[x]", ".a", "a b"] {
            assert!(parse_path(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn escapes() {
        let mut buffer = String::new();
        assert_eq!(unescape(r"a\n\u00e9\ud83d\ude00", &mut buffer), Some("a\né😀"));
        assert_eq!(unescape(r"\ud83d", &mut buffer), None);
        assert_eq!(unescape(r"\x", &mut buffer), None);
    }

    #[test]
    fn nesting_is_bounded_and_nothing_panics_on_a_torn_text() {
        let deep = r#"{"a":"#.repeat(10_000);
        assert!(members(&deep, &mut |_| Ok(())).unwrap_err().contains("json_depth"));
        let text = r#"{"a": {"b c": [1, {"d": "x\"y"}], "e": null}, "f": true}"#;
        for end in 0..text.len() {
            let torn = text.get(..end).unwrap();
            assert!(members(torn, &mut |_| Ok(())).is_err(), "{torn}");
            let _ = find(torn, &[Step::Key("a".into()), Step::Key("b c".into()), Step::Index(1)]);
        }
    }
}
