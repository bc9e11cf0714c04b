//! Durations as Prometheus writes them: `1h30m`.

use std::time::Duration;

/// Units from the largest, in milliseconds; years and weeks are only written when nothing is left over.
const UNITS: [(&str, u64, bool); 7] = [
    ("y", 365 * 86_400_000, true),
    ("w", 7 * 86_400_000, true),
    ("d", 86_400_000, false),
    ("h", 3_600_000, false),
    ("m", 60_000, false),
    ("s", 1_000, false),
    ("ms", 1, false),
];

/// Reads a duration: each unit at most once, the largest first; `0` needs none.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let wrong = || match text {
        "" => "empty duration string".to_owned(),
        _ => format!("not a valid duration string: {text:?}"),
    };
    let (mut rest, mut units, mut sum) = (text, UNITS.iter(), 0_u64);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at(digits);
        let letters = behind.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = behind.split_at(letters);
        let (_, millis, _) = units.find(|(name, ..)| *name == unit && digits > 0).ok_or_else(wrong)?;
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*millis));
        let range = part.and_then(|part| sum.checked_add(part)).filter(|sum| *sum <= i64::MAX as u64 / 1_000_000);
        sum = range.ok_or_else(|| "duration out of range".to_owned())?;
        rest = after;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_millis(sum)) }
}

/// Writes it.
pub(crate) fn show(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (name, unit, exact) in UNITS {
        if millis < unit || exact && millis % unit != 0 {
            continue;
        }
        text += &format!("{}{name}", millis / unit);
        millis %= unit;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_as_prometheus_does() {
        let cases = [("15s", 15_000), ("1m30s", 90_000), ("1d", 86_400_000), ("1w", 604_800_000), ("100ms", 100)];
        for (text, millis) in cases {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)));
            assert_eq!(show(Duration::from_millis(millis)), text);
        }
        assert_eq!(show(Duration::from_secs(8 * 86_400)), "8d");
        assert_eq!((parse("0"), show(Duration::ZERO)), (Ok(Duration::ZERO), "0s".to_owned()));
        for bad in ["", "15", "s", "1s1m", "1s1s", "-1s", "1.5s", "1 s", "1ä", "99999999999y"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
