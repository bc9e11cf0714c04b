//! Values as JSON, as Go's encoding/json writes them.

use std::fmt::Write as _;

use crate::Value;
use crate::time::Time;

/// Values are nested no deeper.
const MAX_DEPTH: usize = 20;

/// A value as JSON; `<`, `>` and `&` are escaped, so that it can be part of a page.
///
/// # Errors
/// If a number is not finite, or the value is nested too deep.
pub fn to_json(value: &Value) -> Result<String, String> {
    let mut out = String::new();
    write_json(value, 0, &mut out)?;
    Ok(out)
}

fn write_json(value: &Value, depth: usize, out: &mut String) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("nested deeper than {MAX_DEPTH}"));
    }
    match value {
        Value::Nil => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) | Value::Duration(value) => out.push_str(&value.to_string()),
        Value::Float(value) if !value.is_finite() => return Err("json: unsupported value".to_owned()),
        Value::Float(value) => out.push_str(&value.to_string()),
        Value::Str(text) | Value::Html(text) => string(text, out),
        Value::Time(time) => string(&Time::format(time, "2006-01-02T15:04:05.999999999Z07:00"), out),
        Value::List(items) => {
            let items = items.iter().map(|item| (None, item.clone()));
            return all(items, '[', ']', depth, out);
        }
        Value::Map(members) => {
            let members = members.iter().map(|(name, value)| (Some(name.clone()), value.clone()));
            return all(members, '{', '}', depth, out);
        }
        Value::Object(object) => match object.underlying() {
            Value::Nil => {
                let fields = object.fields();
                let fields = fields.into_iter().map(|(name, value)| (Some(object.json_name(name)), value));
                return all(fields, '{', '}', depth, out);
            }
            plain => return write_json(&plain, depth + 1, out),
        },
    }
    Ok(())
}

fn all(
    items: impl Iterator<Item = (Option<String>, Value)>,
    open: char,
    close: char,
    depth: usize,
    out: &mut String,
) -> Result<(), String> {
    out.push(open);
    for (n, (name, value)) in items.enumerate() {
        out.push_str(if n > 0 { "," } else { "" });
        if let Some(name) = name {
            string(&name, out);
            out.push(':');
        }
        write_json(&value, depth + 1, out)?;
    }
    out.push(close);
    Ok(())
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_json_as_go_does() {
        let value = Value::map([
            ("b".to_owned(), Value::list([Value::Int(1), Value::Float(1.5), Value::Nil, Value::Bool(true)])),
            ("a".to_owned(), Value::from("<x>\n\"")),
        ]);
        assert_eq!(to_json(&value).as_deref(), Ok(r#"{"a":"\u003cx\u003e\n\"","b":[1,1.5,null,true]}"#));
        assert!(to_json(&Value::Float(f64::NAN)).is_err());
    }
}
