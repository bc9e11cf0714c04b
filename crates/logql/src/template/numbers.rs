//! Functions on numbers.

use go_template::{Functions, Value};

use super::texts::shown;
use super::{Call, argument, exactly, text};
use crate::text::{parse_bytes, parse_go_duration};

pub(super) fn add(all: &mut Functions) {
    all.add("int", |args| integer(args, 0).map(Value::Int));
    all.add("float64", |args| number(args, 0).map(Value::Float));
    all.add("bytes", |args| parse_bytes(&text(args, 0)?).map(|bytes| Value::Float(bytes as f64)));
    for name in ["duration", "duration_seconds"] {
        all.add(name, |args| parse_go_duration(&text(args, 0)?).map(|nanos| Value::Float(nanos as f64 / 1e9)));
    }
    integers(all, "add", |a, b| Some(a.wrapping_add(b)));
    integers(all, "sub", |a, b| Some(a.wrapping_sub(b)));
    integers(all, "mul", |a, b| Some(a.wrapping_mul(b)));
    integers(all, "div", i64::checked_div);
    integers(all, "mod", i64::checked_rem);
    integers(all, "max", |a, b| Some(a.max(b)));
    integers(all, "min", |a, b| Some(a.min(b)));
    floats(all, "addf", |a, b| a + b);
    floats(all, "subf", |a, b| a - b);
    floats(all, "mulf", |a, b| a * b);
    floats(all, "divf", |a, b| a / b);
    floats(all, "maxf", f64::max);
    floats(all, "minf", f64::min);
    all.add("ceil", |args| number(args, 0).map(|value| Value::Float(value.ceil())));
    all.add("floor", |args| number(args, 0).map(|value| Value::Float(value.floor())));
    all.add("round", |args| {
        exactly(args, 2)?;
        let digits = i32::try_from(integer(args, 1)?).unwrap_or(0).clamp(-300, 300);
        let factor = 10_f64.powi(digits);
        Ok(Value::Float((number(args, 0)? * factor).round() / factor))
    });
}

fn integers(all: &mut Functions, name: &str, fold: fn(i64, i64) -> Option<i64>) {
    all.add(name, move |args| {
        let mut result = integer(args, 0)?;
        for at in 1..args.len() {
            result = fold(result, integer(args, at)?).ok_or("integer divide by zero")?;
        }
        Ok(Value::Int(result))
    });
}

fn floats(all: &mut Functions, name: &str, fold: fn(f64, f64) -> f64) {
    all.add(name, move |args| {
        let mut result = number(args, 0)?;
        for at in 1..args.len() {
            result = fold(result, number(args, at)?);
        }
        Ok(Value::Float(result))
    });
}

/// An argument as a whole number; 0 for a text that is none.
pub(super) fn integer(args: &[Value], at: usize) -> Call<i64> {
    Ok(match argument(args, at)? {
        Value::Int(value) | Value::Duration(value) => *value,
        Value::Float(value) => *value as i64,
        Value::Bool(value) => i64::from(*value),
        value => shown(value).trim().parse().unwrap_or(0),
    })
}

/// An argument as a number; 0 for a text that is none.
fn number(args: &[Value], at: usize) -> Call<f64> {
    Ok(match argument(args, at)? {
        Value::Int(value) | Value::Duration(value) => *value as f64,
        Value::Float(value) => *value,
        Value::Bool(value) => f64::from(u8::from(*value)),
        value => shown(value).trim().parse().unwrap_or(0.0),
    })
}
