//! Numbers, durations and sizes as Loki (and Go below it) writes and reads them.

use go_template::{Value, quote, show};

const SECOND: i64 = 1_000_000_000;
/// Units of Prometheus' durations in nanoseconds, the greatest first.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3600 * SECOND),
    ("w", 7 * 24 * 3600 * SECOND),
    ("d", 24 * 3600 * SECOND),
    ("h", 3600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000_000),
];
/// Units of Go's durations in nanoseconds.
const GO_UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];
/// Units of sizes, in lower case, in bytes.
const SIZES: [(&str, f64); 24] = [
    ("", 1.0),
    ("b", 1.0),
    ("k", 1e3),
    ("kb", 1e3),
    ("m", 1e6),
    ("mb", 1e6),
    ("g", 1e9),
    ("gb", 1e9),
    ("t", 1e12),
    ("tb", 1e12),
    ("p", 1e15),
    ("pb", 1e15),
    ("e", 1e18),
    ("eb", 1e18),
    ("ki", 1024.0),
    ("kib", 1024.0),
    ("mi", 1_048_576.0),
    ("mib", 1_048_576.0),
    ("gi", 1_073_741_824.0),
    ("gib", 1_073_741_824.0),
    ("ti", 1_099_511_627_776.0),
    ("tib", 1_099_511_627_776.0),
    ("pi", 1_125_899_906_842_624.0),
    ("pib", 1_125_899_906_842_624.0),
];

/// A float in the shortest form that reads back as itself, with an exponent where Go's `%v` has one.
pub fn float(value: f64) -> String {
    show(&Value::Float(value))
}

/// A float in the shortest form without an exponent.
pub fn plain_float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    format!("{value}")
}

/// Reads a float as Go's `ParseFloat` does for decimal numbers, `Inf` and `NaN`.
pub fn parse_float(text: &str) -> Result<f64, String> {
    // Rust takes what Go takes, but for hexadecimal numbers, which logs do not have.
    text.parse().map_err(|_| format!("strconv.ParseFloat: parsing {}: invalid syntax", quote(text)))
}

/// The digits that a text begins with, and what follows.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// A duration such as `1h30m` of Prometheus in nanoseconds; `0` is allowed without a unit.
///
/// # Errors
/// Units out of order or twice, no unit, anything else.
pub fn parse_range(text: &str) -> Result<i64, String> {
    match text {
        "" => return Err("empty duration string".to_owned()),
        "0" => return Ok(0),
        _ => {}
    }
    let invalid = || format!("not a valid duration string: {}", quote(text));
    let (mut rest, mut total, mut next) = (text, 0_i64, 0);
    while !rest.is_empty() {
        let (number, tail) = digits(rest);
        let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
        if number.is_empty() || unit.is_empty() {
            return Err(invalid());
        }
        let Some(at) = UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(format!("unknown unit {} in duration {}", quote(unit), quote(text)));
        };
        if at < next {
            return Err(invalid());
        }
        let factor = UNITS.get(at).map_or(0, |(_, factor)| *factor);
        let part = number.parse::<i64>().ok().and_then(|number| number.checked_mul(factor));
        total = part.and_then(|part| total.checked_add(part)).ok_or("duration out of range")?;
        (rest, next) = (tail, at + 1);
    }
    Ok(total)
}

/// Nanoseconds as Prometheus' duration: `1h30m`, `500ms`, `0s`. Years, weeks and days only if nothing
/// is left beside them; what is below a millisecond goes.
pub fn range(nanos: i64) -> String {
    let mut rest = nanos / 1_000_000 * 1_000_000;
    let mut out = String::new();
    for (at, (unit, factor)) in UNITS.iter().enumerate() {
        if rest >= *factor && (at > 2 || rest % factor == 0) {
            out.push_str(&format!("{}{unit}", rest / factor));
            rest %= factor;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// A duration such as `1.5h` or `-1m30s` of Go in nanoseconds.
///
/// # Errors
/// In Go's words.
pub fn parse_go_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Ok(0);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    let (mut rest, mut total) = (unsigned, 0.0_f64);
    let mut whole = 0_i64;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len()));
        let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len()));
        if number.is_empty() {
            return Err(invalid());
        }
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let Some((_, factor)) = GO_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(text)));
        };
        let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
        if integer.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return Err(invalid());
        }
        let integer: i64 = if integer.is_empty() { 0 } else { integer.parse().map_err(|_| invalid())? };
        let part = integer.checked_mul(*factor as i64).ok_or_else(invalid)?;
        whole = whole.checked_add(part).ok_or_else(invalid)?;
        total += format!("0.{fraction}0").parse::<f64>().unwrap_or(0.0) * factor;
        rest = tail;
    }
    let nanos = whole.checked_add(total as i64).ok_or_else(invalid)?;
    Ok(if text.starts_with('-') { -nanos } else { nanos })
}

/// A duration in either form, as queries write it.
///
/// # Errors
/// In Go's words.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    parse_range(text).or_else(|_| parse_go_duration(text))
}

/// A size such as `20MB` or `1.5 KiB` in bytes.
///
/// # Errors
/// In the words of the library that Loki uses.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.bytes().take_while(|b| b.is_ascii_digit() || b".,".contains(b)).count());
    let number = number.replace(',', "");
    let value: f64 =
        number.parse().map_err(|_| format!("strconv.ParseFloat: parsing {}: invalid syntax", quote(&number)))?;
    let unit = unit.trim().to_lowercase();
    let Some((_, factor)) = SIZES.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("unhandled size name: {unit}"));
    };
    let bytes = value * factor;
    if bytes >= u64::MAX as f64 { Err(format!("too large: {text}")) } else { Ok(bytes as u64) }
}

/// A size in the greatest unit in which it is a whole number.
pub fn bytes(value: u64) -> String {
    const NAMES: [(u64, &str); 5] = [
        (1_000_000_000_000_000, "PB"),
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ];
    let unit = NAMES.iter().find(|(factor, _)| value >= *factor && value.is_multiple_of(*factor));
    unit.map_or_else(|| format!("{value}B"), |(factor, name)| format!("{}{name}", value / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_back() {
        for (text, nanos) in
            [("1h30m", 5400 * SECOND), ("500ms", SECOND / 2), ("1d", 86_400 * SECOND), ("2w", 1_209_600 * SECOND)]
        {
            assert_eq!(parse_range(text), Ok(nanos), "{text}");
            assert_eq!(range(nanos), text);
        }
        for (text, problem) in [
            ("", "empty duration string"),
            ("5", "not a valid duration string: \"5\""),
            ("1m1h", "not a valid duration string: \"1m1h\""),
            ("5minutes", "unknown unit \"minutes\" in duration \"5minutes\""),
            ("999999999y", "duration out of range"),
        ] {
            assert_eq!(parse_range(text), Err(problem.to_owned()));
        }
    }

    #[test]
    fn durations_of_go() {
        for (text, nanos) in
            [("1.5h", 5400 * SECOND), ("-1m30s", -90 * SECOND), ("250us", 250_000), (".5s", SECOND / 2), ("0", 0)]
        {
            assert_eq!(parse_go_duration(text), Ok(nanos), "{text}");
        }
        assert_eq!(parse_go_duration("1d"), Err("time: unknown unit \"d\" in duration \"1d\"".to_owned()));
        assert_eq!(parse_go_duration("12"), Err("time: missing unit in duration \"12\"".to_owned()));
        assert_eq!(parse_go_duration("abc"), Err("time: invalid duration \"abc\"".to_owned()));
        assert!(parse_go_duration("9999999999999h").is_err());
    }

    #[test]
    fn sizes() {
        for (text, value) in [("20MB", 20_000_000), ("1KiB", 1024), ("1.5 kb", 1500), ("42", 42), ("5B", 5)] {
            assert_eq!(parse_bytes(text), Ok(value), "{text}");
        }
        assert!(parse_bytes("5 apples").is_err());
        assert!(parse_bytes("99999999eb").is_err());
        for (value, text) in [(20_000_000, "20MB"), (1024, "1024B"), (0, "0B"), (5000, "5kB")] {
            assert_eq!(bytes(value), text);
        }
    }
}
