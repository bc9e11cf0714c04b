use re2::Room;
use regex::{Captures, Regex};

/// Bytes of a compiled expression: more is a bomb.
const COMPILED: usize = 1 << 20;
/// Bytes of an expression as it is written.
const WRITTEN: usize = 16 << 10;

/// A regular expression that must match the whole text; a dot matches a line's end too.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    /// Compiles it.
    ///
    /// # Errors
    /// It is no expression, or too large a one.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > WRITTEN {
            return Err(format!("the expression has {} bytes, {WRITTEN} are allowed", text.len()));
        }
        let regex = Room::new(COMPILED, COMPILED).whole(text).map_err(|error| error.to_string())?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub(super) fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex.captures(text)
    }
}

/// Puts what was captured into a template, as Go's `Regexp.Expand` does: `$1`, `$name`, `${name}`, `$$`.
/// A name is as long as it can be: `$1x` is the group `1x`. What is no variable stays.
pub(super) fn expand(template: &str, captures: &Captures<'_>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        let (before, dollar) = rest.split_at(at);
        out.push_str(before);
        let behind = dollar.get(1..).unwrap_or_default();
        if let Some(after) = behind.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = variable(behind) {
            out.push_str(group(name, captures));
            rest = after;
        } else {
            out.push('$');
            rest = behind;
        }
    }
    out + rest
}

/// The name that stands behind a dollar, and what comes after it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (text, braced) = text.strip_prefix('{').map_or((text, false), |inner| (inner, true));
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let (name, after) = text.split_at(text.find(|c: char| !is_name(c)).unwrap_or(text.len()));
    let after = if braced { after.strip_prefix('}')? } else { after };
    (!name.is_empty()).then_some((name, after))
}

fn group<'t>(name: &str, captures: &Captures<'t>) -> &'t str {
    let number = name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    let found = match number {
        true => name.parse().ok().and_then(|number| captures.get(number)),
        false => captures.name(name),
    };
    found.map_or("", |found| found.as_str())
}
