//! The functions that Alertmanager gives templates, beside Go's.

use base::Timestamp;
use go_template::{Functions, Value, sprintf};

use crate::matcher::Pattern;

type Result<T> = std::result::Result<T, String>;

/// What `join` puts between texts is no longer together, in bytes.
const MAX_BETWEEN: usize = 1 << 20;

/// Adds all but `since`.
pub(super) fn add(functions: &mut Functions) {
    text_functions(functions);
    functions.add("match", |args| {
        let [pattern, text] = texts(args)?;
        let pattern = Pattern::anywhere(pattern).map_err(|error| error.to_string())?;
        Ok(Value::Bool(pattern.is_match(text)))
    });
    functions.add("reReplaceAll", |args| {
        let [pattern, replacement, text] = texts(args)?;
        let pattern = Pattern::anywhere(pattern).map_err(|error| error.to_string())?;
        pattern.replace_all(text, replacement).map(Value::from)
    });
    functions.add("join", |args| match args {
        [separator, list] => join(text(separator)?, &strings(list)?).map(Value::from),
        _ => Err(number(2, args)),
    });
    functions.add("stringSlice", |args| {
        args.iter().map(text).collect::<Result<Vec<_>>>().map(|_| Value::list(args.to_vec()))
    });
    functions.add("date", |args| match args {
        [layout, Value::Time(at)] => Ok(Value::from(at.format(text(layout)?))),
        _ => Err("takes a layout and a time".to_owned()),
    });
    functions.add("tz", |args| match args {
        [zone, Value::Time(at)] => at.within(text(zone)?).map(Value::Time),
        _ => Err("takes a zone and a time".to_owned()),
    });
    functions.add("humanizeDuration", |args| match args {
        [span] => seconds(span).map(|seconds| Value::from(humanize_duration(seconds))),
        _ => Err(number(1, args)),
    });
    functions.add("toJson", |args| match args {
        [value] => go_template::to_json(value).map(Value::from),
        _ => Err(number(1, args)),
    });
    functions.add("list", |args| Ok(Value::list(args.to_vec())));
    functions.add("append", |args| match args.split_first().map(|(list, more)| (list.plain(), more)) {
        Some((Value::List(items), more)) => Ok(Value::list(items.iter().chain(more).cloned())),
        _ => Err("takes a list and values".to_owned()),
    });
    functions.add("dict", |args| {
        let (pairs, rest) = args.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("takes keys and values in turn".to_owned());
        }
        let members = pairs.iter().map(|[key, value]| Ok((text(key)?.to_owned(), value.clone())));
        members.collect::<Result<Vec<_>>>().map(Value::map)
    });
}

/// Adds `since`, which needs to know what time it is.
pub(super) fn add_since(functions: &mut Functions, now: Timestamp) {
    functions.add("since", move |args| match args {
        [Value::Time(at)] => Ok(Value::Duration(now.nanos().saturating_sub(at.timestamp().nanos()))),
        _ => Err("takes a time".to_owned()),
    });
}

fn text_functions(functions: &mut Functions) {
    let mut add = |name: &str, function: fn(&str) -> Result<Value>| {
        functions.add(name, move |args| {
            let [text] = texts(args)?;
            function(text)
        });
    };
    add("toUpper", |text| Ok(Value::from(text.to_uppercase())));
    add("toLower", |text| Ok(Value::from(text.to_lowercase())));
    add("title", |text| Ok(Value::from(title(text))));
    add("trimSpace", |text| Ok(Value::from(text.trim())));
    add("safeHtml", |text| Ok(Value::Html(text.into())));
    // There is no context here in which a URL would be escaped otherwise.
    add("safeUrl", |text| Ok(Value::Html(text.into())));
    add("urlUnescape", |text| unescape_query(text).map(Value::from));
}

fn number(want: usize, args: &[Value]) -> String {
    format!("wrong number of args: want {want} got {}", args.len())
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| format!("wrong type for value; expected string; got {}", value.type_name()))
}

fn texts<const N: usize>(args: &[Value]) -> Result<[&str; N]> {
    let all: Vec<&str> = args.iter().map(text).collect::<Result<_>>()?;
    all.try_into().map_err(|_| number(N, args))
}

fn strings(list: &Value) -> Result<Vec<String>> {
    match list.plain() {
        Value::List(items) => items.iter().map(|item| text(item).map(str::to_owned)).collect(),
        _ => Err(format!("wrong type for value; expected []string; got {}", list.type_name())),
    }
}

fn join(separator: &str, parts: &[String]) -> Result<String> {
    let between = separator.len().saturating_mul(parts.len());
    if between > MAX_BETWEEN {
        return Err(format!("{between} bytes of separators, more than {MAX_BETWEEN}"));
    }
    Ok(parts.join(separator))
}

/// Each word with a capital at its beginning and none after it.
fn title(text: &str) -> String {
    let mut within = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let letter = c.is_alphanumeric() || (within && (c == '\'' || c == '_'));
        match (letter, within) {
            (true, false) => out.extend(c.to_uppercase()),
            (true, true) => out.extend(c.to_lowercase()),
            (false, _) => out.push(c),
        }
        within = letter;
    }
    out
}

/// As Go's `url.QueryUnescape`.
fn unescape_query(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                bytes.push(value.ok_or_else(|| format!("invalid URL escape in {text:?}"))?);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| format!("{text:?} is not UTF-8 when unescaped"))
}

#[allow(clippy::cast_precision_loss, reason = "shown with four digits")]
fn seconds(span: &Value) -> Result<f64> {
    match span {
        Value::Duration(nanos) => Ok(*nanos as f64 / 1e9),
        Value::Int(seconds) => Ok(*seconds as f64),
        Value::Float(seconds) => Ok(*seconds),
        Value::Str(text) => text.parse().map_err(|_| format!("{text:?} is not a number")),
        Value::Time(_) => Err("takes a duration, not a time".to_owned()),
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

/// A number of seconds as Prometheus shows it to people: `1d 2h 3m 4s`, `4.5s`, `10ms`.
pub(super) fn humanize_duration(seconds: f64) -> String {
    let digits = |value: f64, unit: &str| sprintf("%.4g%s", &[Value::Float(value), Value::from(unit)]);
    if !seconds.is_finite() {
        return digits(seconds, "");
    }
    if seconds.abs() >= 1.0 {
        let (sign, value) = if seconds < 0.0 { ("-", -seconds) } else { ("", seconds) };
        #[allow(clippy::cast_possible_truncation, reason = "saturates; whole seconds are meant")]
        let whole = value as i64;
        let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
        return match (days, hours, minutes) {
            (0, 0, 0) => format!("{sign}{}", digits(value, "s")),
            (0, 0, minutes) => format!("{sign}{minutes}m {}s", whole % 60),
            (0, hours, minutes) => format!("{sign}{hours}h {minutes}m {}s", whole % 60),
            (days, hours, minutes) => format!("{sign}{days}d {hours}h {minutes}m {}s", whole % 60),
        };
    }
    let (mut value, mut prefix) = (seconds, "");
    if value != 0.0 {
        for smaller in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if value.abs() >= 1.0 {
                break;
            }
            prefix = smaller;
            value *= 1000.0;
        }
    }
    digits(value, &format!("{prefix}s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn humanizes_as_prometheus_does() {
        for (seconds, shown) in [
            (0.0, "0s"),
            (1.0, "1s"),
            (61.0, "1m 1s"),
            (3600.0, "1h 0m 0s"),
            (90_061.5, "1d 1h 1m 1s"),
            (-61.0, "-1m 1s"),
            (0.001, "1ms"),
            (12.345_678, "12.35s"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(humanize_duration(seconds), shown);
        }
    }

    #[test]
    fn words_get_a_capital() {
        assert_eq!(title("the QUICK brown-fox isn't"), "The Quick Brown-Fox Isn't");
    }

    #[test]
    fn what_is_joined_is_bounded() {
        assert_eq!(join(", ", &["a".to_owned(), "b".to_owned()]).as_deref(), Ok("a, b"));
        let parts = vec![String::new(); 1 << 11];
        assert!(join(&"x".repeat(1 << 10), &parts).unwrap_err().contains("more than 1048576"));
    }

    #[test]
    fn unescapes_queries() {
        assert_eq!(unescape_query("a+b%26%C3%A9").as_deref(), Ok("a b&é"));
        assert!(unescape_query("%4").is_err());
    }
}
