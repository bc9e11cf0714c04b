//! What both contracts share.

use serde_json::Value;

/// A body that was held against a contract.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Checked {
    pub action: Option<String>,
    pub key: Option<String>,
    pub violations: Vec<String>,
}

impl Checked {
    pub fn breach(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// The text at `pointer`, which must be there and not be empty.
    pub fn text<'a>(&mut self, body: &'a Value, pointer: &str) -> &'a str {
        match body.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => text,
            Some(Value::String(_)) => self.none(format!("{pointer} is empty")),
            Some(_) => self.none(format!("{pointer} is no text")),
            None => self.none(format!("{pointer} is not there")),
        }
    }

    /// A text that may be absent, of at most `max` characters.
    pub fn at_most(&mut self, body: &Value, pointer: &str, max: usize) {
        let Some(value) = body.pointer(pointer) else { return };
        match value.as_str().map(|text| text.chars().count()) {
            Some(length) if length <= max => {}
            Some(length) => self.breach(format!("{pointer} has {length} characters, {max} are allowed")),
            None => self.breach(format!("{pointer} is no text")),
        }
    }

    /// `value` is an object that has no other fields than these.
    pub fn fields(&mut self, value: &Value, at: &str, known: &[&str]) {
        let Some(object) = value.as_object() else { return self.breach(format!("{at} is no object")) };
        let unknown = object.keys().filter(|name| !known.contains(&name.as_str()));
        for name in unknown {
            self.violations.push(format!("{at}: unknown field {name}"));
        }
    }

    fn none(&mut self, what: String) -> &'static str {
        self.breach(what);
        ""
    }
}

/// Whether `text` is a time of RFC 3339.
pub(crate) fn is_time(text: &str) -> bool {
    text.parse::<base::Timestamp>().is_ok()
}
