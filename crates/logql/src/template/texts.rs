//! Functions on texts.

use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use go_template::{Functions, Value, escape_query, replace_all, show};
use regex::{NoExpand, Regex};

use re2::Room;

use super::numbers::integer;
use super::{Call, exactly, text};
use crate::matcher::RegexpError;

/// A text that a function repeats or pads has no more bytes.
const MAX_TEXT: usize = 1 << 20;
/// Bytes of regular expressions that a thread keeps from one call to the next.
const REGEX_ROOM: usize = 2 << 20;

pub(super) fn add(all: &mut Functions) {
    one(all, &["lower", "ToLower"], |text| text.to_lowercase());
    one(all, &["upper", "ToUpper"], |text| text.to_uppercase());
    one(all, &["title"], title);
    one(all, &["trim", "TrimSpace"], |text| text.trim().to_owned());
    one(all, &["urlencode"], escape_query);
    one(all, &["b64enc"], |text| STANDARD.encode(text));
    all.add("b64dec", |args| {
        let bytes = STANDARD.decode(&*text(args, 0)?);
        Ok(Value::from(bytes.map_or_else(|error| error.to_string(), |bytes| String::from_utf8_lossy(&bytes).into())))
    });
    all.add("urldecode", |args| decode_query(&text(args, 0)?).map(Value::from));
    two(all, "contains", |part, text| Value::Bool(text.contains(part)));
    two(all, "hasPrefix", |part, text| Value::Bool(text.starts_with(part)));
    two(all, "hasSuffix", |part, text| Value::Bool(text.ends_with(part)));
    two(all, "trimPrefix", |part, text| Value::from(text.strip_prefix(part).unwrap_or(text)));
    two(all, "trimSuffix", |part, text| Value::from(text.strip_suffix(part).unwrap_or(text)));
    two(all, "TrimPrefix", |text, part| Value::from(text.strip_prefix(part).unwrap_or(text)));
    two(all, "TrimSuffix", |text, part| Value::from(text.strip_suffix(part).unwrap_or(text)));
    two(all, "trimAll", |set, text| Value::from(text.trim_matches(|c| set.contains(c))));
    two(all, "Trim", |text, set| Value::from(text.trim_matches(|c| set.contains(c))));
    two(all, "TrimLeft", |text, set| Value::from(text.trim_start_matches(|c| set.contains(c))));
    two(all, "TrimRight", |text, set| Value::from(text.trim_end_matches(|c| set.contains(c))));
    add_rewriting(all);
    add_regexes(all);
    add_sized(all);
    all.add("default", |args| {
        exactly(args, 2)?;
        let (default, value) = (args.first().cloned(), args.get(1).cloned());
        Ok(value.filter(Value::is_true).or(default).unwrap_or_default())
    });
    all.add("fromJson", |args| {
        let read = serde_json::from_str::<serde_json::Value>(&text(args, 0)?);
        Ok(read.map_or(Value::Nil, |value| from_json(&value)))
    });
}

fn one(all: &mut Functions, names: &[&str], change: fn(&str) -> String) {
    for name in names {
        all.add(name, move |args| {
            exactly(args, 1)?;
            Ok(Value::from(change(&text(args, 0)?)))
        });
    }
}

fn two(all: &mut Functions, name: &str, change: fn(&str, &str) -> Value) {
    all.add(name, move |args| {
        exactly(args, 2)?;
        Ok(change(&text(args, 0)?, &text(args, 1)?))
    });
}

fn add_rewriting(all: &mut Functions) {
    all.add("replace", |args| {
        exactly(args, 3)?;
        replaced(&text(args, 2)?, &text(args, 0)?, &text(args, 1)?, usize::MAX)
    });
    all.add("Replace", |args| {
        exactly(args, 4)?;
        let count = usize::try_from(integer(args, 3)?).unwrap_or(usize::MAX);
        replaced(&text(args, 0)?, &text(args, 1)?, &text(args, 2)?, count)
    });
}

fn replaced(text: &str, old: &str, new: &str, count: usize) -> Call<Value> {
    let places = text.matches(old).count().min(count);
    bounded(text.len().saturating_add(places.saturating_mul(new.len())))?;
    Ok(Value::from(text.replacen(old, new, count)))
}

fn add_regexes(all: &mut Functions) {
    all.add("regexReplaceAll", |args| {
        exactly(args, 3)?;
        let (line, new) = (text(args, 1)?, text(args, 2)?);
        with_regex(&text(args, 0)?, |regex| replace_all(regex, &line, &new).map(Value::from))
    });
    all.add("regexReplaceAllLiteral", |args| {
        exactly(args, 3)?;
        let (line, new) = (text(args, 1)?, text(args, 2)?);
        with_regex(&text(args, 0)?, |regex| {
            bounded(line.len().saturating_add(regex.find_iter(&line).count().saturating_mul(new.len())))?;
            Ok(Value::from(regex.replace_all(&line, NoExpand(&new)).into_owned()))
        })
    });
    all.add("count", |args| {
        exactly(args, 2)?;
        let line = text(args, 1)?;
        with_regex(&text(args, 0)?, |regex| Ok(Value::Int(i64::try_from(regex.find_iter(&line).count()).unwrap_or(0))))
    });
}

fn with_regex(pattern: &str, run: impl Fn(&Regex) -> Call<Value>) -> Call<Value> {
    thread_local! {
        static KNOWN: RefCell<(HashMap<String, Regex>, Room)> = RefCell::new((HashMap::new(), Room::new(REGEX_ROOM, REGEX_ROOM)));
    }
    KNOWN.with_borrow_mut(|(known, room)| {
        if let Some(regex) = known.get(pattern) {
            return run(regex);
        }
        let mut compiled = room.anywhere(pattern);
        if compiled.is_err() {
            known.clear();
            *room = Room::new(REGEX_ROOM, REGEX_ROOM);
            compiled = room.anywhere(pattern);
        }
        let regex = compiled.map_err(|error| RegexpError(error).to_string())?;
        let value = run(&regex)?;
        known.insert(pattern.to_owned(), regex);
        Ok(value)
    })
}

fn bounded(length: usize) -> Call<()> {
    if length <= MAX_TEXT { Ok(()) } else { Err(format!("text is longer than the limit template_text: {MAX_TEXT}")) }
}

fn add_sized(all: &mut Functions) {
    all.add("trunc", |args| {
        let (count, text) = (integer(args, 0)?, text(args, 1)?);
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        let (from, to) = if count < 0 { ((length + count).max(0), length) } else { (0, count) };
        Ok(part(&text, from, to))
    });
    all.add("substr", |args| {
        let (start, end, text) = (integer(args, 0)?, integer(args, 1)?, text(args, 2)?);
        let end = if end < 0 && start >= 0 { i64::MAX } else { end.max(0) };
        Ok(part(&text, start.max(0), end))
    });
    all.add("repeat", |args| {
        let (count, text) = (usize::try_from(integer(args, 0)?).unwrap_or(0), text(args, 1)?);
        bounded(count.saturating_mul(text.len()))?;
        Ok(Value::from(text.repeat(count)))
    });
    for (name, before) in [("indent", ""), ("nindent", "\n")] {
        all.add(name, move |args| {
            let (count, text) = (usize::try_from(integer(args, 0)?).unwrap_or(0), text(args, 1)?);
            bounded(text.split('\n').count().saturating_mul(count).saturating_add(text.len()))?;
            let pad = " ".repeat(count);
            Ok(Value::from(format!("{before}{pad}{}", text.replace('\n', &format!("\n{pad}")))))
        });
    }
    for (name, right) in [("alignLeft", false), ("alignRight", true)] {
        all.add(name, move |args| {
            let (width, text) = (integer(args, 0)?.max(0), text(args, 1)?);
            let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
            let pad = usize::try_from(width - length).unwrap_or(0);
            bounded(pad)?;
            let pad = " ".repeat(pad);
            let from = if right { (length - width).max(0) } else { 0 };
            let Value::Str(kept) = part(&text, from, from.saturating_add(width)) else { return Ok(Value::Nil) };
            Ok(Value::from(if right { format!("{pad}{kept}") } else { format!("{kept}{pad}") }))
        });
    }
}

/// The characters from one place to another.
fn part(text: &str, from: i64, to: i64) -> Value {
    let from = usize::try_from(from).unwrap_or(0);
    let count = usize::try_from(to).unwrap_or(0).saturating_sub(from);
    Value::from(text.chars().skip(from).take(count).collect::<String>())
}

fn title(text: &str) -> String {
    let mut before = ' ';
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if before.is_alphanumeric() || before == '_' || before == '\'' {
            out.push(c);
        } else {
            out.extend(c.to_uppercase());
        }
        before = c;
    }
    out
}

fn decode_query(text: &str) -> Call<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                rest = tail.get(2..).unwrap_or_default();
                value.ok_or("invalid URL escape")?
            }
            byte => *byte,
        });
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn from_json(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(from_json)),
        Json::Object(members) => Value::map(members.iter().map(|(name, value)| (name.clone(), from_json(value)))),
    }
}

/// A number or text as it is printed, for functions that take either.
pub(super) fn shown(value: &Value) -> String {
    show(value)
}

#[cfg(test)]
mod tests {
    use go_template::{Escape, Limits, Templates};

    use super::*;

    #[test]
    fn what_is_replaced_is_bounded() {
        let mut all = Functions::new();
        add(&mut all);
        let templates = Templates::new(all, Limits::default());
        let render = |text: &str| templates.render(text, &Value::Nil, Escape::None);
        assert_eq!(render(r#"{{ regexReplaceAll "(a)b" "xabab" "<$1>" }}"#).as_deref(), Ok("x<a><a>"));
        let long = r#"(repeat 100000 "a") (repeat 100000 "b")"#;
        let error = render(&format!("{{{{ regexReplaceAll \".\" {long} }}}}")).unwrap_err().to_string();
        assert!(error.contains("becomes longer than 4194304 bytes"), "{error}");
        let error = render(&format!("{{{{ regexReplaceAllLiteral \".\" {long} }}}}")).unwrap_err().to_string();
        assert!(error.contains("template_text"), "{error}");
    }
}
