//! The functions that Prometheus gives templates, beside Go's.

use std::sync::Arc;

use base::Timestamp;
use go_template::{Functions, Object, Value, escape_query, sprintf};
use promql::Labels;
use promql::text::{parse_duration, parse_float};

use crate::humanize;

type Result<T> = std::result::Result<T, String>;

/// What `query` in a template gives: series with their values at a time in milliseconds.
pub type QueryFunction = Arc<dyn Fn(&str, i64) -> Result<Vec<(Labels, f64)>> + Send + Sync>;

/// Labels in a template: one that is not there is empty.
#[derive(Debug)]
pub(crate) struct LabelMap(Value);

impl Object for LabelMap {
    fn type_name(&self) -> &str {
        "map[string]string"
    }

    fn underlying(&self) -> Value {
        self.0.clone()
    }

    fn missing(&self) -> Value {
        Value::from("")
    }
}

pub(crate) fn label_map<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let members = labels.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
    Value::object(LabelMap(Value::map(members)))
}

pub(crate) fn labels_of(labels: &Labels) -> Value {
    label_map(labels.iter().map(|label| (&*label.name, &*label.value)))
}

/// Adds all, for templates that are expanded at a time in milliseconds.
pub(crate) fn add(functions: &mut Functions, query: &QueryFunction, external_url: &str, t: i64) {
    add_queries(functions, query, t);
    add_numbers(functions, t);
    add_texts(functions);
    let url = external_url.to_owned();
    functions.add("externalURL", move |_| Ok(Value::from(url.as_str())));
    let path = path_of(external_url).to_owned();
    functions.add("pathPrefix", move |_| Ok(Value::from(path.as_str())));
}

/// The path of a URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    path.split(['?', '#']).next().unwrap_or_default()
}

fn sample(labels: &Labels, value: f64) -> Value {
    Value::map([("Labels".to_owned(), labels_of(labels)), ("Value".to_owned(), Value::Float(value))])
}

fn member(value: &Value, name: &str) -> Result<Value> {
    match value.plain() {
        Value::Map(members) => Ok(members.get(name).cloned().unwrap_or_default()),
        other => Err(format!("wrong type for value; expected a sample; got {}", other.type_name())),
    }
}

fn label(value: &Value, name: &str) -> Result<String> {
    let found = member(&member(value, "Labels")?, name)?;
    Ok(found.as_str().unwrap_or_default().to_owned())
}

fn add_queries(functions: &mut Functions, query: &QueryFunction, t: i64) {
    let query = Arc::clone(query);
    functions.add("query", move |args| match args {
        [text] => Ok(Value::list(query(text_of(text)?, t)?.iter().map(|(labels, value)| sample(labels, *value)))),
        _ => Err(count(1, args)),
    });
    functions.add("first", |args| match args.first().map(Value::plain) {
        Some(Value::List(items)) => {
            items.first().cloned().ok_or_else(|| "first() called on vector with no elements".to_owned())
        }
        _ => Err("takes a vector".to_owned()),
    });
    functions.add("label", |args| match args {
        [name, sample] => label(sample, text_of(name)?).map(Value::from),
        _ => Err(count(2, args)),
    });
    functions.add("strvalue", |args| match args {
        [sample] => label(sample, "__value__").map(Value::from),
        _ => Err(count(1, args)),
    });
    functions.add("value", |args| match args {
        [sample] => member(sample, "Value"),
        _ => Err(count(1, args)),
    });
    functions.add("sortByLabel", |args| match args {
        [name, list] => {
            let Value::List(items) = list.plain() else { return Err("takes a label and a vector".to_owned()) };
            let name = text_of(name)?;
            let mut keyed =
                items.iter().map(|item| Ok((label(item, name)?, item.clone()))).collect::<Result<Vec<_>>>()?;
            keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
            Ok(Value::list(keyed.into_iter().map(|(_, item)| item)))
        }
        _ => Err(count(2, args)),
    });
}

fn add_numbers(functions: &mut Functions, t: i64) {
    let seconds = t as f64 / 1000.0;
    functions.add("now", move |_| Ok(Value::Float(seconds)));
    let mut add = |name: &str, show: fn(f64) -> String| {
        functions.add(name, move |args| match args {
            [value] => number(value).map(|value| Value::from(show(value))),
            _ => Err(count(1, args)),
        });
    };
    add("humanize", humanize::decimal);
    add("humanize1024", humanize::binary);
    add("humanizeDuration", humanize::duration);
    add("humanizePercentage", |ratio| sprintf("%.4g%%", &[Value::Float(ratio * 100.0)]));
    functions.add("humanizeTimestamp", |args| match args {
        [value] => {
            let value = number(value)?;
            if !value.is_finite() {
                return Ok(Value::from(sprintf("%.4g", &[Value::Float(value)])));
            }
            Ok(Value::from(sprintf("%v", &[time(value)?])))
        }
        _ => Err(count(1, args)),
    });
    functions.add("toTime", |args| match args {
        [value] => time(number(value)?),
        _ => Err(count(1, args)),
    });
    functions.add("toDuration", |args| match args {
        [value] => Ok(Value::Duration((number(value)? * 1e9) as i64)),
        _ => Err(count(1, args)),
    });
    functions.add("parseDuration", |args| match args {
        [text] => {
            let text = text_of(text)?;
            let (sign, magnitude) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
            let ms = parse_duration(magnitude).map_err(|error| error.to_string())?;
            Ok(Value::Float(sign * ms as f64 / 1000.0))
        }
        _ => Err(count(1, args)),
    });
}

/// Seconds since the epoch as a time.
fn time(seconds: f64) -> Result<Value> {
    let nanos = seconds * 1e9;
    if !nanos.is_finite() || nanos.abs() >= i64::MAX as f64 {
        return Err(format!("{seconds} cannot be represented as a timestamp in nanoseconds"));
    }
    Ok(Value::from(Timestamp::from_nanos(nanos as i64)))
}

fn add_texts(functions: &mut Functions) {
    functions.add("args", |args| {
        let named = args.iter().enumerate().map(|(at, value)| (format!("arg{at}"), value.clone()));
        Ok(Value::map(named))
    });
    functions.add("match", |args| match args {
        [pattern, text] => {
            let regex = re2::anywhere(text_of(pattern)?).map_err(|error| error.to_string())?;
            Ok(Value::Bool(regex.is_match(text_of(text)?)))
        }
        _ => Err(count(2, args)),
    });
    functions.add("reReplaceAll", |args| match args {
        [pattern, replacement, text] => {
            let regex = re2::anywhere(text_of(pattern)?).map_err(|error| error.to_string())?;
            go_template::replace_all(&regex, text_of(text)?, text_of(replacement)?).map(Value::from)
        }
        _ => Err(count(3, args)),
    });
    let mut add = |name: &str, function: fn(&str) -> Value| {
        functions.add(name, move |args| match args {
            [text] => text_of(text).map(function),
            _ => Err(count(1, args)),
        });
    };
    add("toUpper", |text| Value::from(text.to_uppercase()));
    add("toLower", |text| Value::from(text.to_lowercase()));
    add("title", |text| Value::from(title(text)));
    add("safeHtml", |text| Value::Html(text.into()));
    add("urlQueryEscape", |text| Value::from(escape_query(text)));
    add("graphLink", |expr| Value::from(format!("/graph?g0.expr={}&g0.tab=0", escape_query(expr))));
    add("tableLink", |expr| Value::from(format!("/graph?g0.expr={}&g0.tab=1", escape_query(expr))));
    add("stripPort", |host| Value::from(strip_port(host)));
    add("stripDomain", |host| Value::from(strip_domain(host)));
}

fn text_of(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| format!("wrong type for value; expected string; got {}", value.type_name()))
}

fn count(want: usize, args: &[Value]) -> String {
    format!("wrong number of args: want {want} got {}", args.len())
}

fn number(value: &Value) -> Result<f64> {
    match value {
        Value::Float(value) => Ok(*value),
        Value::Int(value) => Ok(*value as f64),
        Value::Duration(nanos) => Ok(*nanos as f64 / 1e9),
        Value::Str(text) => parse_float(text).ok_or_else(|| format!("{text:?} is not a number")),
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

/// The first letter of each word as a capital; others as they are.
fn title(text: &str) -> String {
    let mut within = false;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if within {
            out.push(c)
        } else {
            out.extend(c.to_uppercase())
        }
        within = c.is_alphanumeric() || c == '_' || c == '\'';
    }
    out
}

/// A host without its port; brackets of an IPv6 address go too.
fn strip_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => {
            let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
            match bracketed {
                Some(address) => address,
                None if name.contains(':') => host,
                None => name,
            }
        }
        _ => host,
    }
}

/// A host without its domain; an address remains whole, and so does a port.
fn strip_domain(host: &str) -> String {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, format!(":{port}")),
        _ => (host, String::new()),
    };
    let address = name.trim_matches(['[', ']']);
    if address.parse::<std::net::IpAddr>().is_ok() {
        return host.to_owned();
    }
    format!("{}{port}", name.split('.').next().unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lose_ports_and_domains() {
        assert_eq!(strip_port("a.example.com:80"), "a.example.com");
        assert_eq!(strip_port("[::1]:80"), "::1");
        assert_eq!(strip_port("::1"), "::1");
        assert_eq!(strip_domain("a.example.com:80"), "a:80");
        assert_eq!(strip_domain("10.0.0.1:80"), "10.0.0.1:80");
        assert_eq!(strip_domain("a"), "a");
    }

    #[test]
    fn urls_have_paths() {
        assert_eq!(path_of("http://a:9090/prometheus?x"), "/prometheus");
        assert_eq!(path_of("http://a"), "");
    }
}
