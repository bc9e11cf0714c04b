//! The functions that are always there, but for `and` and `or`, which do not evaluate all they are given.

use std::cmp::Ordering;

use crate::Value;
use crate::escape;
use crate::format;

const NAMES: [&str; 19] = [
    "and", "or", "not", "len", "index", "slice", "print", "printf", "println", "html", "js", "urlquery", "eq", "ne",
    "lt", "le", "gt", "ge", "call",
];

/// Whether there is one of that name. `call` is known and refused: there are no function values.
pub(crate) fn is_one(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Calls one. In `html` the result is HTML already if `is_html`.
pub(crate) fn call(name: &str, args: &[Value]) -> Result<Value, String> {
    Ok(match name {
        "not" => Value::Bool(!one(args)?.is_true()),
        "len" => len(one(args)?)?,
        "index" => index(args)?,
        "slice" => slice(args)?,
        "print" => Value::from(format::print(args)),
        "println" => Value::from(format::println(args)),
        "printf" => {
            let (format, args) = args.split_first().ok_or("wrong number of args: want at least 1 got 0")?;
            let format = format.as_str().ok_or_else(|| wrong_type(format, "string"))?;
            Value::from(format::printf(format, args))
        }
        "html" => Value::Html(escape::html(&joined(args)).into()),
        "js" => Value::from(escape::js(&joined(args))),
        "urlquery" => Value::from(escape::query(&joined(args))),
        "eq" => Value::Bool(equals_any(args)?),
        "ne" => Value::Bool(!equal(two(args)?)?),
        "lt" => Value::Bool(order(two(args)?)? == Some(Ordering::Less)),
        "ge" => Value::Bool(matches!(order(two(args)?)?, Some(Ordering::Greater | Ordering::Equal))),
        "gt" => Value::Bool(order(two(args)?)? == Some(Ordering::Greater)),
        "le" => Value::Bool(matches!(order(two(args)?)?, Some(Ordering::Less | Ordering::Equal))),
        _ => return Err("is not available: values are never functions here".to_owned()),
    })
}

fn wrong_type(value: &Value, expected: &str) -> String {
    format!("wrong type for value; expected {expected}; got {}", value.type_name())
}

fn one(args: &[Value]) -> Result<&Value, String> {
    match args {
        [value] => Ok(value),
        _ => Err(format!("wrong number of args: want 1 got {}", args.len())),
    }
}

fn two(args: &[Value]) -> Result<(&Value, &Value), String> {
    match args {
        [a, b] => Ok((a, b)),
        _ => Err(format!("wrong number of args: want 2 got {}", args.len())),
    }
}

/// What an escaping function gets: one text, or all as they are printed.
fn joined(args: &[Value]) -> String {
    match args {
        [value] => value.as_str().map_or_else(|| printed(value), str::to_owned),
        args => format::print(args),
    }
}

/// As an action prints it: nil as `<no value>`.
pub(crate) fn printed(value: &Value) -> String {
    match value {
        Value::Nil => "<no value>".to_owned(),
        value => format::show(value),
    }
}

fn len(value: &Value) -> Result<Value, String> {
    let plain = value.plain();
    let length = match &plain {
        Value::Str(_) | Value::Html(_) | Value::List(_) | Value::Map(_) => plain.size(),
        Value::Nil => return Err("len of nil pointer".to_owned()),
        _ => return Err(format!("len of type {}", value.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn place(index: &Value, length: usize) -> Result<usize, String> {
    let Value::Int(index) = index else {
        return Err(format!("cannot index slice/array with type {}", index.type_name()));
    };
    let place = usize::try_from(*index).ok().filter(|place| *place <= length);
    place.ok_or_else(|| format!("index out of range: {index}"))
}

fn index(args: &[Value]) -> Result<Value, String> {
    let (first, indexes) = args.split_first().ok_or("wrong number of args: want at least 1 got 0")?;
    let mut value = first.clone();
    for index in indexes {
        let missing = if let Value::Object(object) = &value { object.missing() } else { Value::Nil };
        value = match value.plain() {
            Value::Nil => return Err("index of untyped nil".to_owned()),
            Value::List(items) => {
                let item = items.get(place(index, items.len())?).cloned();
                item.ok_or_else(|| format!("index out of range: {}", format::show(index)))?
            }
            Value::Str(text) | Value::Html(text) => {
                let byte = text.as_bytes().get(place(index, text.len())?);
                let byte = byte.ok_or_else(|| format!("index out of range: {}", format::show(index)))?;
                Value::Int(i64::from(*byte))
            }
            Value::Map(members) => {
                let key =
                    index.as_str().ok_or_else(|| format!("value has type {}; should be string", index.type_name()))?;
                members.get(key).cloned().unwrap_or(missing)
            }
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(value)
}

fn slice(args: &[Value]) -> Result<Value, String> {
    let (value, bounds) = args.split_first().ok_or("wrong number of args: want at least 1 got 0")?;
    let plain = value.plain();
    let length = plain.size();
    let (from, to) = match bounds {
        [] => (0, length),
        [from] => (place(from, length)?, length),
        [from, to] | [from, to, _] => (place(from, length)?, place(to, length)?),
        _ => return Err(format!("too many slice indexes: {}", bounds.len())),
    };
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    match &plain {
        Value::Str(_) if bounds.len() == 3 => Err("cannot 3-index slice a string".to_owned()),
        Value::Str(text) => {
            let part = text.get(from..to).ok_or("the slice would cut a character in two")?;
            Ok(Value::from(part))
        }
        Value::List(items) => Ok(Value::List(items.get(from..to).unwrap_or_default().into())),
        Value::Nil => Err("slice of untyped nil".to_owned()),
        _ => Err(format!("can't slice item of type {}", value.type_name())),
    }
}

/// What a value is to comparisons.
enum Basic {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(std::sync::Arc<str>),
    Time(crate::time::Time),
}

fn basic(value: &Value) -> Result<Basic, String> {
    Ok(match value.plain() {
        Value::Nil => Basic::Nil,
        Value::Bool(value) => Basic::Bool(value),
        Value::Int(value) | Value::Duration(value) => Basic::Int(value),
        Value::Float(value) => Basic::Float(value),
        Value::Str(text) | Value::Html(text) => Basic::Str(text),
        Value::Time(time) => Basic::Time(time),
        Value::List(_) | Value::Map(_) | Value::Object(_) => {
            return Err(format!("non-comparable type {}", value.type_name()));
        }
    })
}

const INCOMPATIBLE: &str = "incompatible types for comparison";

fn equal((a, b): (&Value, &Value)) -> Result<bool, String> {
    // Nil equals nil only, whatever the other is.
    if matches!(a, Value::Nil) || matches!(b, Value::Nil) {
        return Ok(matches!((a, b), (Value::Nil, Value::Nil)));
    }
    match (basic(a)?, basic(b)?) {
        (Basic::Bool(a), Basic::Bool(b)) => Ok(a == b),
        (Basic::Int(a), Basic::Int(b)) => Ok(a == b),
        #[allow(clippy::float_cmp, reason = "as Go does")]
        (Basic::Float(a), Basic::Float(b)) => Ok(a == b),
        (Basic::Str(a), Basic::Str(b)) => Ok(a == b),
        (Basic::Time(a), Basic::Time(b)) => Ok(a == b),
        _ => Err(INCOMPATIBLE.to_owned()),
    }
}

fn equals_any(args: &[Value]) -> Result<bool, String> {
    let (first, others) = args.split_first().ok_or("wrong number of args: want at least 1 got 0")?;
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equal((first, other))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn order((a, b): (&Value, &Value)) -> Result<Option<Ordering>, String> {
    match (basic(a)?, basic(b)?) {
        (Basic::Int(a), Basic::Int(b)) => Ok(Some(a.cmp(&b))),
        (Basic::Float(a), Basic::Float(b)) => Ok(a.partial_cmp(&b)),
        (Basic::Str(a), Basic::Str(b)) => Ok(Some(a.as_bytes().cmp(b.as_bytes()))),
        (Basic::Bool(_) | Basic::Nil | Basic::Time(_), _) | (_, Basic::Nil) => {
            Err("invalid type for comparison".to_owned())
        }
        _ => Err(INCOMPATIBLE.to_owned()),
    }
}
