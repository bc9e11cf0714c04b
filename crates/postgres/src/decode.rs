//! Values of parameters, from a client's bytes to arrays of one value.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int16Array, Int32Array,
    Int64Array, ListArray, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, new_empty_array,
    new_null_array,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::{CastOptions, cast_with_options, concat};
use arrow::datatypes::{DataType, Field};
use base::Limit;
use query::{PgScalar, PgType};

use crate::column::Format;
use crate::encode::{DAYS_TO_2000, MICROS_TO_2000};
use crate::failure::Failure;

/// Elements of a parameter that is an array.
const ELEMENTS: Limit = Limit::new("postgres.array_elements", 100_000);

/// The value that `bytes` are, of that type; null if there are none.
///
/// # Errors
/// 22P02 for a text and 22P03 for bytes that are none of the type.
pub fn value(bytes: Option<&[u8]>, of: PgType, format: Format) -> Result<ArrayRef, Failure> {
    let Some(bytes) = bytes else { return Ok(new_null_array(&of.data_type(), 1)) };
    match format {
        Format::Text => {
            let text = std::str::from_utf8(bytes);
            text_value(text.map_err(|_| Failure::new("22021", "invalid byte sequence for encoding \"UTF8\""))?, of)
        }
        Format::Binary if of.array => binary_list(bytes, of),
        Format::Binary => binary(bytes, of.scalar).ok_or_else(|| {
            let message = format!("incorrect binary data format for a parameter of type {}", of.sql_name());
            Failure::new("22P03", message)
        }),
    }
}

fn one<A: Array + 'static>(array: A) -> ArrayRef {
    Arc::new(array)
}

fn text_value(text: &str, of: PgType) -> Result<ArrayRef, Failure> {
    if of.array {
        return text_list(text, of);
    }
    let wrong = || {
        let message = format!("invalid input syntax for type {}: \"{}\"", of.sql_name(), clipped(text));
        Failure::new("22P02", message)
    };
    let texts = || one(StringArray::from(vec![text]));
    match of.scalar {
        PgScalar::Bytea => Ok(one(BinaryArray::from(vec![hex(text).ok_or_else(wrong)?.as_slice()]))),
        PgScalar::Bool => Ok(one(BooleanArray::from(vec![truth(text).ok_or_else(wrong)?]))),
        // The type that the query takes there is the judge.
        PgScalar::Interval => Ok(texts()),
        _ if of.data_type() == DataType::Utf8 => Ok(texts()),
        _ => {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            let text = match of.scalar {
                PgScalar::Timestamp | PgScalar::Timestamptz => time_in_full(text.trim()),
                PgScalar::Date => Cow::Borrowed(without_zone(text.trim())),
                _ => Cow::Borrowed(text.trim()),
            };
            let trimmed = StringArray::from(vec![&*text]);
            cast_with_options(&trimmed, &of.data_type(), &options).map_err(|_| wrong())
        }
    }
}

/// `2026-11-25`, and what comes after it.
fn dated(text: &str) -> Option<(&str, &str)> {
    let (date, rest) = text.split_at_checked(10)?;
    let digit = |(n, char): (usize, char)| if matches!(n, 4 | 7) { char == '-' } else { char.is_ascii_digit() };
    date.chars().enumerate().all(digit).then_some((date, rest))
}

/// A time with its hours, minutes and seconds, which PostgreSQL takes without: `2026-11-25 +00`, `2026-11-25 10:30`.
fn time_in_full(text: &str) -> Cow<'_, str> {
    let Some((date, rest)) = dated(text) else { return Cow::Borrowed(text) };
    let rest = rest.strip_prefix(['T', 't']).unwrap_or(rest);
    let (time, zone) = rest.split_at(rest.find(['+', '-', 'Z', 'z']).unwrap_or(rest.len()));
    match time.trim() {
        "" => Cow::Owned(format!("{date}T00:00:00{zone}")),
        short if short.len() == 5 => Cow::Owned(format!("{date}T{short}:00{zone}")),
        _ => Cow::Borrowed(text),
    }
}

/// A date without the zone that drivers put behind it.
fn without_zone(text: &str) -> &str {
    match dated(text) {
        Some((date, rest)) if rest.trim_start().starts_with(['+', '-', 'Z']) => date,
        _ => text,
    }
}

fn clipped(text: &str) -> &str {
    text.char_indices().nth(64).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

fn truth(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

fn binary(bytes: &[u8], scalar: PgScalar) -> Option<ArrayRef> {
    Some(match scalar {
        PgScalar::Bool => match bytes {
            [byte] => one(BooleanArray::from(vec![*byte != 0])),
            _ => return None,
        },
        PgScalar::Int2 => one(Int16Array::from(vec![i16::from_be_bytes(bytes.try_into().ok()?)])),
        PgScalar::Int4 | PgScalar::Oid => one(Int32Array::from(vec![i32::from_be_bytes(bytes.try_into().ok()?)])),
        PgScalar::Int8 => one(Int64Array::from(vec![i64::from_be_bytes(bytes.try_into().ok()?)])),
        PgScalar::Float4 => one(Float32Array::from(vec![f32::from_be_bytes(bytes.try_into().ok()?)])),
        PgScalar::Float8 => one(Float64Array::from(vec![f64::from_be_bytes(bytes.try_into().ok()?)])),
        PgScalar::Numeric => one(Float64Array::from(vec![numeric(bytes)?])),
        PgScalar::Bytea => one(BinaryArray::from(vec![bytes])),
        PgScalar::Date => {
            let days = i32::from_be_bytes(bytes.try_into().ok()?).checked_add(DAYS_TO_2000)?;
            one(Date32Array::from(vec![days]))
        }
        PgScalar::Time => one(Time64MicrosecondArray::from(vec![i64::from_be_bytes(bytes.try_into().ok()?)])),
        PgScalar::Timestamp | PgScalar::Timestamptz => {
            let micros = i64::from_be_bytes(bytes.try_into().ok()?).checked_add(MICROS_TO_2000)?;
            one(TimestampMicrosecondArray::from(vec![micros]))
        }
        PgScalar::Uuid => one(StringArray::from(vec![uuid(bytes)?])),
        PgScalar::Jsonb => one(StringArray::from(vec![std::str::from_utf8(bytes.strip_prefix(&[1])?).ok()?])),
        PgScalar::Interval => return None,
        _ => one(StringArray::from(vec![std::str::from_utf8(bytes).ok()?])),
    })
}

/// Digits of base 10,000 as a float, which is what numbers are compared with here.
fn numeric(bytes: &[u8]) -> Option<f64> {
    let mut words = bytes.chunks(2).map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)));
    let mut word = || words.next().flatten();
    let (count, weight, sign, _scale) = (word()?, word()? as i16, word()?, word()?);
    let mut digits = String::new();
    for _ in 0..count {
        digits.push_str(&format!("{:04}", word().filter(|group| *group < 10_000)?));
    }
    let exponent = (i32::from(weight) + 1 - i32::from(count)) * 4;
    let value: f64 = format!("0{digits}e{exponent}").parse().ok()?;
    match sign {
        0 => Some(value),
        0x4000 => Some(-value),
        _ => None,
    }
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let digits = bytes.iter().enumerate().map(|(n, byte)| {
        let dash = if matches!(n, 4 | 6 | 8 | 10) { "-" } else { "" };
        format!("{dash}{byte:02x}")
    });
    Some(digits.collect())
}

/// The elements of one dimension.
fn list(elements: &[ArrayRef], of: PgType) -> Result<ArrayRef, Failure> {
    let item = PgType::scalar(of.scalar).data_type();
    let arrays: Vec<&dyn Array> = elements.iter().map(AsRef::as_ref).collect();
    let mixed = |error: arrow::error::ArrowError| Failure::new("22P02", error.to_string());
    let values = if arrays.is_empty() { new_empty_array(&item) } else { concat(&arrays).map_err(mixed)? };
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, elements.len() as i32]));
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, None).map_err(mixed)?))
}

fn binary_list(bytes: &[u8], of: PgType) -> Result<ArrayRef, Failure> {
    let wrong = || Failure::new("22P03", "incorrect binary data format for a parameter that is an array");
    let mut rest = bytes;
    let mut number = || {
        let (head, tail) = rest.split_first_chunk::<4>()?;
        rest = tail;
        Some(i32::from_be_bytes(*head))
    };
    let (dimensions, _nulls, element) = (number(), number(), number());
    let element = element.and_then(|oid| PgType::from_oid(oid as u32)).filter(|of| !of.array).ok_or_else(wrong)?;
    let count = match dimensions {
        Some(0) => 0,
        Some(1) => number()
            .zip(number())
            .map(|(count, _)| count)
            .and_then(|count| u32::try_from(count).ok())
            .ok_or_else(wrong)?,
        _ => return Err(Failure::new("0A000", "arrays of several dimensions are not supported")),
    };
    ELEMENTS.check(u64::from(count))?;
    let mut elements = Vec::new();
    for _ in 0..count {
        let (length, tail) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
        let length = i32::from_be_bytes(*length);
        let (value, tail) = match usize::try_from(length) {
            Ok(length) => tail.split_at_checked(length).map(|(value, tail)| (Some(value), tail)).ok_or_else(wrong)?,
            Err(_) => (None, tail),
        };
        rest = tail;
        elements.push(self::value(value, element, Format::Binary)?);
    }
    list(&elements, PgType { scalar: if count == 0 { of.scalar } else { element.scalar }, array: true })
}

/// `{a,"b c",NULL}`.
fn text_list(text: &str, of: PgType) -> Result<ArrayRef, Failure> {
    let element = PgType::scalar(of.scalar);
    let texts = elements(text)
        .ok_or_else(|| Failure::new("22P02", format!("malformed array literal: \"{}\"", clipped(text))))?;
    ELEMENTS.check(texts.len() as u64)?;
    let values = texts.iter().map(|text| value(text.as_deref().map(str::as_bytes), element, Format::Text));
    list(&values.collect::<Result<Vec<_>, _>>()?, of)
}

/// The elements; an unquoted `NULL` is nothing.
fn elements(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let (mut found, mut rest) = (Vec::new(), inner.trim_start());
    if rest.is_empty() {
        return Some(found);
    }
    loop {
        let (element, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = unquoted(quoted)?;
            (Some(text), after.trim_start())
        } else {
            let (word, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            let word = word.trim();
            if word.is_empty() || word.contains(['{', '}', '"', '\\']) {
                return None;
            }
            ((!word.eq_ignore_ascii_case("null")).then(|| word.to_owned()), after)
        };
        found.push(element);
        if after.is_empty() {
            return Some(found);
        }
        rest = after.strip_prefix(',')?.trim_start();
    }
}

/// What is before the closing quote, and what is after it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut out, mut chars) = (String::new(), text.char_indices());
    while let Some((place, char)) = chars.next() {
        match char {
            '"' => return Some((out, text.get(place + 1..)?)),
            '\\' => out.push(chars.next()?.1),
            other => out.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;

    use super::*;

    fn told(bytes: &[u8], scalar: PgScalar, array: bool, format: Format) -> Result<String, &'static str> {
        let value = value(Some(bytes), PgType { scalar, array }, format).map_err(|failure| failure.code)?;
        assert_eq!(value.len(), 1);
        Ok(array_value_to_string(&value, 0).unwrap())
    }

    #[test]
    fn texts_are_read_as_postgresql_reads_them() {
        for (text, scalar, expected) in [
            ("42", PgScalar::Int4, Ok("42")),
            (" 42 ", PgScalar::Int8, Ok("42")),
            ("x", PgScalar::Int4, Err("22P02")),
            ("99999999999", PgScalar::Int4, Err("22P02")),
            ("on", PgScalar::Bool, Ok("true")),
            ("maybe", PgScalar::Bool, Err("22P02")),
            ("1.5", PgScalar::Numeric, Ok("1.5")),
            ("\\x00ff", PgScalar::Bytea, Ok("00ff")),
            ("\\x0", PgScalar::Bytea, Err("22P02")),
            ("2026-11-25 10:00:00+02", PgScalar::Timestamptz, Ok("2026-11-25T08:00:00")),
            ("2026-11-25T10:00:00Z", PgScalar::Timestamptz, Ok("2026-11-25T10:00:00")),
            ("2026-11-25 +00", PgScalar::Timestamptz, Ok("2026-11-25T00:00:00")),
            ("2026-11-25 +02", PgScalar::Timestamptz, Ok("2026-11-24T22:00:00")),
            ("2026-11-25", PgScalar::Timestamptz, Ok("2026-11-25T00:00:00")),
            ("2026-11-25 10:30", PgScalar::Timestamp, Ok("2026-11-25T10:30:00")),
            ("2026-11-25T10:30-01:00", PgScalar::Timestamptz, Ok("2026-11-25T11:30:00")),
            ("2026-11-25 soon", PgScalar::Timestamptz, Err("22P02")),
            ("soon", PgScalar::Timestamptz, Err("22P02")),
            ("2026-11-25 +00", PgScalar::Date, Ok("2026-11-25")),
            ("2026-11-25", PgScalar::Date, Ok("2026-11-25")),
            ("é", PgScalar::Text, Ok("é")),
        ] {
            let seen = told(text.as_bytes(), scalar, false, Format::Text);
            assert_eq!(seen.as_deref().map_err(|code| *code), expected, "{text}");
        }
        assert_eq!(told(b"\xff", PgScalar::Text, false, Format::Text), Err("22021"));
    }

    #[test]
    fn bytes_are_read_as_postgresql_reads_them() {
        for (bytes, scalar, expected) in [
            (&42i32.to_be_bytes()[..], PgScalar::Int4, Ok("42")),
            (&[1, 2, 3], PgScalar::Int4, Err("22P03")),
            (&0i64.to_be_bytes(), PgScalar::Timestamptz, Ok("2000-01-01T00:00:00")),
            (&i64::MAX.to_be_bytes(), PgScalar::Timestamptz, Err("22P03")),
            (&[0, 2, 0, 0, 0x40, 0, 0, 1, 0, 12, 0x13, 0x88], PgScalar::Numeric, Ok("-12.5")),
            (&[0xff, 0xff], PgScalar::Numeric, Err("22P03")),
            (&[7; 16], PgScalar::Uuid, Ok("07070707-0707-0707-0707-070707070707")),
            (b"\x01{}", PgScalar::Jsonb, Ok("{}")),
            (b"\xff", PgScalar::Text, Err("22P03")),
        ] {
            let seen = told(bytes, scalar, false, Format::Binary);
            assert_eq!(seen.as_deref().map_err(|code| *code), expected, "{bytes:?}");
        }
    }

    #[test]
    fn lists_are_read_in_both_formats() {
        for (text, expected) in [
            ("{}", Ok("[]")),
            ("{1,2}", Ok("[1, 2]")),
            ("{1,NULL}", Ok("[1, ]")),
            ("{1", Err("22P02")),
            ("{1,}", Err("22P02")),
            ("{{1}}", Err("22P02")),
            ("1", Err("22P02")),
        ] {
            let seen = told(text.as_bytes(), PgScalar::Int4, true, Format::Text);
            assert_eq!(seen.as_deref().map_err(|code| *code), expected, "{text}");
        }
        let texts = told(br#"{a,"b, \"c\"","NULL"}"#, PgScalar::Text, true, Format::Text);
        assert_eq!(texts.as_deref(), Ok(r#"[a, b, "c", NULL]"#));
        let head = [1i32, 0, 23, 2, 1].map(i32::to_be_bytes).concat();
        let body = [4i32, 7, -1].map(i32::to_be_bytes).concat();
        let whole = [head.as_slice(), &body].concat();
        assert_eq!(told(&whole, PgScalar::Int4, true, Format::Binary).as_deref(), Ok("[7, ]"));
        for end in 0..whole.len() {
            assert!(told(&whole[..end], PgScalar::Int4, true, Format::Binary).is_err(), "{end}");
        }
        let many = [1i32, 0, 23, i32::MAX, 1].map(i32::to_be_bytes).concat();
        assert_eq!(told(&many, PgScalar::Int4, true, Format::Binary), Err("54000"));
    }
}
