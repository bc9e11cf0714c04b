//! The methods of Go's times and durations.

use crate::Value;
use crate::time::{SECOND, Time, duration, month, weekday};

/// Calls one of Go's methods; none if there is none of that name here.
pub(crate) fn call_time(time: &Time, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let at = time.shown();
    let nanos = at.timestamp().as_nanosecond();
    let number = |value: i128| Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
    let second = i128::from(SECOND);
    let other = || match args {
        [Value::Time(other)] => Ok(other.shown().timestamp().as_nanosecond()),
        _ => Err(format!("{name} takes a time")),
    };
    Some(Ok(match (name, args) {
        ("Format", [layout]) => match layout.as_str() {
            Some(layout) => Value::from(time.format(layout)),
            None => return Some(Err("Format takes a layout".to_owned())),
        },
        ("Add", [Value::Int(nanos) | Value::Duration(nanos)]) => Value::Time(time.plus(*nanos)),
        ("Sub", _) => return Some(other().map(|other| number(nanos - other)).map(as_duration)),
        ("Before", _) => return Some(other().map(|other| Value::Bool(nanos < other))),
        ("After", _) => return Some(other().map(|other| Value::Bool(nanos > other))),
        ("Equal", _) => return Some(other().map(|other| Value::Bool(nanos == other))),
        ("UTC" | "Local", []) => Value::Time(time.utc()),
        ("Unix", []) => number(nanos.div_euclid(second)),
        ("UnixMilli", []) => number(nanos.div_euclid(1_000_000)),
        ("UnixNano", []) => number(nanos),
        ("IsZero", []) => Value::Bool(time.is_zero()),
        ("String", []) => Value::from(time.to_string()),
        ("Year", []) => Value::Int(at.year().into()),
        ("Month", []) => Value::from(month(&at)),
        ("Day", []) => Value::Int(at.day().into()),
        ("Hour", []) => Value::Int(at.hour().into()),
        ("Minute", []) => Value::Int(at.minute().into()),
        ("Second", []) => Value::Int(at.second().into()),
        ("YearDay", []) => Value::Int(at.day_of_year().into()),
        ("Weekday", []) => Value::from(weekday(&at)),
        _ => return None,
    }))
}

fn as_duration(value: Value) -> Value {
    match value {
        Value::Int(nanos) => Value::Duration(nanos),
        value => value,
    }
}

/// Calls one of the methods of Go's durations.
pub(crate) fn call_duration(nanos: i64, name: &str) -> Option<Value> {
    #[allow(clippy::cast_precision_loss, reason = "as Go does")]
    let of = |unit: f64| Value::Float(nanos as f64 / unit);
    Some(match name {
        "String" => Value::from(duration(nanos)),
        "Seconds" => of(1e9),
        "Minutes" => of(60e9),
        "Hours" => of(3600e9),
        "Milliseconds" => Value::Int(nanos / 1_000_000),
        "Nanoseconds" => Value::Int(nanos),
        _ => return None,
    })
}
