//! Values as text, as the collector and Prometheus write them.

use super::common::{AnyValue, KeyValue};
use crate::json::push_quoted;
use crate::pb::Error;

impl AnyValue<'_> {
    /// Appends the value as text: what it holds, base64 for bytes, JSON for values within it. Members are in
    /// the order in which they were sent.
    ///
    /// # Errors
    /// Values within it that cannot be read.
    pub fn push_text(&self, out: &mut String) -> Result<(), Error> {
        match self {
            Self::Empty => Ok(()),
            Self::String(text) => {
                out.push_str(text);
                Ok(())
            }
            Self::Bytes(bytes) => {
                base64(bytes, out);
                Ok(())
            }
            _ => self.push_json(out),
        }
    }

    /// Appends the value as JSON.
    ///
    /// # Errors
    /// Values within it that cannot be read.
    pub fn push_json(&self, out: &mut String) -> Result<(), Error> {
        match self {
            Self::Empty => out.push_str("null"),
            Self::String(text) => push_quoted(out, text),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Int(value) => out.push_str(&value.to_string()),
            Self::Double(value) if value.is_finite() => push_float(*value, out),
            Self::Double(value) => {
                out.push('"');
                push_float(*value, out);
                out.push('"');
            }
            Self::Bytes(bytes) => {
                out.push('"');
                base64(bytes, out);
                out.push('"');
            }
            Self::Array(values) => return list(out, ['[', ']'], values.iter(), |value, out| value.push_json(out)),
            Self::KvList(members) => return list(out, ['{', '}'], members.iter(), member),
        }
        Ok(())
    }

    /// The value as text: that of a string is where it was sent.
    ///
    /// # Errors
    /// As [`AnyValue::push_text`].
    pub fn text(&self) -> Result<std::borrow::Cow<'_, str>, Error> {
        if let Self::String(text) = self {
            return Ok(std::borrow::Cow::Borrowed(text));
        }
        let mut out = String::new();
        match self {
            Self::Double(value) => push_float(*value, &mut out),
            _ => self.push_text(&mut out)?,
        }
        Ok(std::borrow::Cow::Owned(out))
    }
}

fn member(KeyValue { key, value }: KeyValue<'_>, out: &mut String) -> Result<(), Error> {
    push_quoted(out, key);
    out.push(':');
    value.unwrap_or(AnyValue::Empty).push_json(out)
}

fn list<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl Iterator<Item = Result<T, Error>>,
    push: impl Fn(T, &mut String) -> Result<(), Error>,
) -> Result<(), Error> {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        push(item?, out)?;
    }
    out.push(close);
    Ok(())
}

/// Numbers as ECMAScript writes them: with an exponent below 1e-6 and from 1e21 on.
fn push_float(value: f64, out: &mut String) {
    let size = value.abs();
    let text = match value {
        _ if value.is_nan() => "NaN".to_owned(),
        _ if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        _ if size >= 1e21 => format!("{value:e}").replace('e', "e+"),
        _ if size != 0.0 && size < 1e-6 => format!("{value:e}"),
        _ => value.to_string(),
    };
    out.push_str(&text);
}

/// Appends bytes as base64 (RFC 4648, section 4), padded.
pub fn base64(bytes: &[u8], out: &mut String) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |n: usize| u32::from(group.get(n).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let code = ALPHABET.get((bits >> (18 - 6 * digit) & 63) as usize).copied().unwrap_or(b'=');
            out.push(if digit <= group.len() { char::from(code) } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{View, Writer};

    #[test]
    fn values_are_written_as_the_collector_writes_them() {
        for (value, expected) in [
            (AnyValue::Empty, ""),
            (AnyValue::String("a\"b"), "a\"b"),
            (AnyValue::Bool(true), "true"),
            (AnyValue::Int(-3), "-3"),
            (AnyValue::Double(2.0), "2"),
            (AnyValue::Double(1e21), "1e+21"),
            (AnyValue::Double(1.5e-7), "1.5e-7"),
            (AnyValue::Double(123_456_789.25), "123456789.25"),
            (AnyValue::Double(f64::NEG_INFINITY), "-Infinity"),
            (AnyValue::Bytes(&[0, 255, 16, 1]), "AP8QAQ=="),
        ] {
            assert_eq!(value.text().unwrap(), expected);
        }
    }

    #[test]
    fn values_within_values_are_json() {
        let mut w = Writer::default();
        w.message(6, |w| {
            w.message(1, |w| {
                w.bytes(1, b"k\n");
                w.message(2, |w| w.message(5, |w| (w.message(1, |w| w.bytes(1, b"x")), w.message(1, |_| ())).1));
            });
            w.message(1, |w| w.bytes(1, b"n"));
        });
        let body = w.finish();
        assert_eq!(AnyValue::decode(&body).unwrap().text().unwrap(), r#"{"k\n":["x",null],"n":null}"#);
    }
}
