use std::fmt::Write;

use arrow::datatypes::IntervalMonthDayNanoType;
use query::value;

use super::cells::Cells;
use crate::reply::Out;

const DAY: i64 = 86_400_000_000;

/// Writes the value in `row`, which is not null, as `psql` shows it.
pub fn write(cells: &Cells, row: usize, out: &mut Out<'_>) {
    // Writing into memory does not fail.
    let _ = match cells {
        Cells::Bool(array) => out.write_str(if array.value(row) { "t" } else { "f" }),
        Cells::Int2(array) => write!(out, "{}", array.value(row)),
        Cells::Int4(array) => write!(out, "{}", array.value(row)),
        Cells::Int8(array) => write!(out, "{}", array.value(row)),
        Cells::Float4(array) => float(out, array.value(row).into(), format_args!("{:e}", array.value(row))),
        Cells::Float8(array) => float(out, array.value(row), format_args!("{:e}", array.value(row))),
        Cells::Numeric(array) | Cells::Text(array) => out.write_str(array.value(row)),
        Cells::Bytes(array) => bytes(out, array.value(row)),
        Cells::Date(array) => date(out, i64::from(array.value(row))),
        Cells::Time(array) => time(out, array.value(row)),
        Cells::Instant(array) => write!(out, "{}+00", date_and_time(array.value(row))),
        Cells::Interval(array) => {
            let (months, days, nanos) = IntervalMonthDayNanoType::to_parts(array.value(row));
            interval(out, months, days, nanos / 1_000)
        }
        Cells::Json(array) => write!(out, "{}", value::json(array.as_ref(), row)),
        Cells::List(array, _, values) => {
            let offsets = array.value_offsets();
            let (from, to) = (offsets.get(row).copied().unwrap_or(0), offsets.get(row + 1).copied().unwrap_or(0));
            list(out, values, from as usize..to as usize)
        }
    };
}

/// `2026-11-25 10:00:00.5` of microseconds since 1970.
fn date_and_time(micros: i64) -> String {
    let mut out = String::with_capacity(32);
    let days = micros.div_euclid(DAY);
    let (year, month, day) = civil(days);
    let _ = write!(out, "{:04}-{month:02}-{day:02} ", if year > 0 { year } else { 1 - year });
    let _ = time(&mut out, micros.rem_euclid(DAY));
    out
}

fn date(out: &mut impl Write, days: i64) -> std::fmt::Result {
    let (year, month, day) = civil(days);
    match year > 0 {
        true => write!(out, "{year:04}-{month:02}-{day:02}"),
        false => write!(out, "{:04}-{month:02}-{day:02} BC", 1 - year),
    }
}

/// Year, month and day of days since 1970 (the proleptic Gregorian calendar, as ISO 8601 has it).
fn civil(days: i64) -> (i64, i64, i64) {
    // Eras of 400 years that begin on the first of March.
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * from_march + 2) / 5 + 1)
}

fn time(out: &mut impl Write, micros: i64) -> std::fmt::Result {
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    write!(out, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
    fraction(out, rest)
}

/// `.5` of 500,000 microseconds; nothing of none.
fn fraction(out: &mut impl Write, micros: i64) -> std::fmt::Result {
    if micros == 0 {
        return Ok(());
    }
    out.write_str(format!(".{micros:06}").trim_end_matches('0'))
}

/// The shortest digits that give the number again; with an exponent where PostgreSQL has one.
fn float(out: &mut impl Write, value: f64, scientific: std::fmt::Arguments<'_>) -> std::fmt::Result {
    if value.is_nan() {
        return out.write_str("NaN");
    }
    if value.is_infinite() {
        return out.write_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let scientific = scientific.to_string();
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..15).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return write!(out, "{digits}e{sign}{:02}", exponent.abs());
    }
    plain(out, digits, exponent)
}

/// `digits` (`-1.25`) times ten to the power of `exponent`, without one.
fn plain(out: &mut impl Write, digits: &str, exponent: i32) -> std::fmt::Result {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{rest}");
    out.write_str(sign)?;
    if exponent < 0 {
        return write!(out, "0.{}{all}", "0".repeat((-exponent - 1) as usize));
    }
    let point = exponent as usize + 1;
    match all.split_at_checked(point) {
        Some((whole, "")) => out.write_str(whole),
        Some((whole, rest)) => write!(out, "{whole}.{rest}"),
        None => write!(out, "{all}{}", "0".repeat(point - all.len())),
    }
}

fn bytes(out: &mut impl Write, bytes: &[u8]) -> std::fmt::Result {
    out.write_str("\\x")?;
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

fn interval(out: &mut impl Write, months: i32, days: i32, micros: i64) -> std::fmt::Result {
    let mut space = "";
    for (count, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if count != 0 {
            write!(out, "{space}{count} {unit}{}", if count == 1 { "" } else { "s" })?;
            space = " ";
        }
    }
    if micros == 0 && !space.is_empty() {
        return Ok(());
    }
    out.write_str(space)?;
    if micros < 0 {
        out.write_char('-')?;
    }
    let micros = micros.unsigned_abs();
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    write!(out, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)?;
    fraction(out, rest as i64)
}

/// `{a,"b c",NULL}`.
fn list(out: &mut Out<'_>, values: &Cells, items: std::ops::Range<usize>) -> std::fmt::Result {
    out.write_char('{')?;
    let first = items.start;
    for item in items {
        if item > first {
            out.write_char(',')?;
        }
        if values.is_null(item) {
            out.write_str("NULL")?;
            continue;
        }
        let begin = out.len();
        write(values, item, out);
        let written = out.since(begin);
        if let Some(quoted) = quoted(written) {
            out.replace(begin, &quoted);
        }
    }
    out.write_char('}')
}

/// An element in quotes, if it needs them.
fn quoted(element: &[u8]) -> Option<Vec<u8>> {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',') || byte.is_ascii_whitespace();
    if !element.is_empty() && !element.eq_ignore_ascii_case(b"null") && !element.iter().any(special) {
        return None;
    }
    let mut out = vec![b'"'];
    for byte in element {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: f64) -> String {
        let mut out = String::new();
        float(&mut out, value, format_args!("{value:e}")).unwrap();
        out
    }

    #[test]
    fn floats_are_as_postgresql_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.25, "-1.25"),
            (100.0, "100"),
            (1234567.891, "1234567.891"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (1.5e300, "1.5e+300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(shown(value), text);
        }
    }

    #[test]
    fn times_are_in_utc_and_without_idle_digits() {
        for (micros, text) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59.999999"),
            (1_764_064_800_500_000, "2025-11-25 10:00:00.5"),
            (951_782_400_000_000, "2000-02-29 00:00:00"),
        ] {
            assert_eq!(date_and_time(micros), text);
        }
        assert!(!date_and_time(i64::MIN).is_empty() && !date_and_time(i64::MAX).is_empty());
    }

    #[test]
    fn intervals_have_postgresqls_style() {
        for (parts, text) in [
            ((0, 0, 0), "00:00:00"),
            ((14, 3, 0), "1 year 2 mons 3 days"),
            ((0, 1, 3_600_000_000), "1 day 01:00:00"),
            ((0, 0, -1_500_000), "-00:00:01.5"),
        ] {
            let mut out = String::new();
            interval(&mut out, parts.0, parts.1, parts.2).unwrap();
            assert_eq!(out, text);
        }
    }

    #[test]
    fn elements_are_quoted_where_they_need_it() {
        for (element, text) in
            [("a b", Some(r#""a b""#)), ("", Some(r#""""#)), ("NULL", Some(r#""NULL""#)), ("ab", None)]
        {
            assert_eq!(quoted(element.as_bytes()).as_deref(), text.map(str::as_bytes));
        }
        assert_eq!(quoted(br#"a"\"#).unwrap(), br#""a\"\\""#);
    }
}
