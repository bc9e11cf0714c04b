//! Lengths of time as PostgreSQL and Grafana write them: `60.000s`, `5m`, `1 hour 30 minutes`, `01:30:00`.

const SECOND: f64 = 1e9;

/// Units with their nanoseconds; months and years have no fixed length.
const UNITS: &[(&[&str], f64)] = &[
    (&["us", "microsecond", "microseconds"], 1e3),
    (&["ms", "millisecond", "milliseconds", "msec", "msecs"], 1e6),
    (&["s", "sec", "secs", "second", "seconds", ""], SECOND),
    (&["m", "min", "mins", "minute", "minutes"], 60.0 * SECOND),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600.0 * SECOND),
    (&["d", "day", "days"], 86_400.0 * SECOND),
    (&["w", "week", "weeks"], 604_800.0 * SECOND),
];

/// Nanoseconds of `text`; nothing if it is no length of time, or not above zero.
pub(super) fn nanos(text: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let sum = if text.contains(':') { clock(&text)? } else { words(&text)? };
    (sum >= 1.0 && sum < i64::MAX as f64).then_some(sum as i64)
}

fn clock(text: &str) -> Option<f64> {
    let parts: Vec<f64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [hours, minutes] => Some((hours * 3_600.0 + minutes * 60.0) * SECOND),
        [hours, minutes, seconds] => Some((hours * 3_600.0 + minutes * 60.0 + seconds) * SECOND),
        _ => None,
    }
}

fn words(text: &str) -> Option<f64> {
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let (number, after) =
            rest.split_at(rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len()));
        let after = after.trim_start();
        let (unit, after) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        let (_, per) = UNITS.iter().find(|(names, _)| names.contains(&unit))?;
        sum += number.parse::<f64>().ok()? * per;
        rest = after.trim_start();
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for (text, seconds) in [
            ("60.000s", 60.0),
            ("5m", 300.0),
            ("1 hour 30 minutes", 5_400.0),
            ("01:30:00", 5_400.0),
            ("2d", 172_800.0),
            ("1 week", 604_800.0),
            ("100ms", 0.1),
            ("1h30m", 5_400.0),
            (" 10 ", 10.0),
        ] {
            assert_eq!(nanos(text), Some((seconds * 1e9) as i64), "{text}");
        }
        for wrong in ["", "0s", "-5m", "5x", "m", "1 month", "1:2:3:4", "9e99s", "99999999999999999w", "1.2.3s", "é"] {
            assert_eq!(nanos(wrong), None, "{wrong}");
        }
    }
}
