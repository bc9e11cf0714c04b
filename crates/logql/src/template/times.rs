//! Functions on times.

use base::Timestamp;
use go_template::{Functions, Time, Value};

use super::parse_time::parse;
use super::{Call, argument, current, exactly, text};

pub(super) fn add(all: &mut Functions) {
    all.add("__timestamp__", |_| Ok(at(current(|current| current.ts))));
    all.add("now", |_| Ok(at(current(|current| current.now))));
    all.add("date", |args| {
        exactly(args, 2)?;
        Ok(Value::from(time(args, 1)?.format(&text(args, 0)?)))
    });
    all.add("toDate", |args| {
        exactly(args, 2)?;
        Ok(parse(&text(args, 0)?, &text(args, 1)?, "UTC").map_or(Value::Time(Time::zero()), at))
    });
    all.add("toDateInZone", |args| {
        exactly(args, 3)?;
        Ok(parse(&text(args, 0)?, &text(args, 2)?, &text(args, 1)?).map_or(Value::Time(Time::zero()), at))
    });
    all.add("unixToTime", |args| {
        let digits = text(args, 0)?;
        let number: i64 = digits.parse().map_err(|_| format!("unable to parse time '{digits}'"))?;
        let factor = match digits.len() {
            5 => 86_400_000_000_000,
            10 => 1_000_000_000,
            13 => 1_000_000,
            16 => 1_000,
            19 => 1,
            _ => return Err(format!("unable to parse time '{digits}': time lacks a known epoch")),
        };
        Ok(at(number.saturating_mul(factor)))
    });
    epoch(all, "unixEpoch", 1_000_000_000);
    epoch(all, "unixEpochMillis", 1_000_000);
    epoch(all, "unixEpochNanos", 1);
}

fn epoch(all: &mut Functions, name: &str, unit: i64) {
    all.add(name, move |args| {
        exactly(args, 1)?;
        Ok(Value::from(time(args, 0)?.timestamp().nanos().div_euclid(unit).to_string()))
    });
}

fn at(nanos: i64) -> Value {
    Value::from(Timestamp::from_nanos(nanos))
}

fn time(args: &[Value], at: usize) -> Call<Time> {
    match argument(args, at)? {
        Value::Time(time) => Ok(time.clone()),
        // Seconds since the epoch, as for the library that Loki uses.
        Value::Int(seconds) => Ok(Time::from(Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000)))),
        value => Err(format!("wrong type for value; expected time.Time; got {}", value.type_name())),
    }
}
