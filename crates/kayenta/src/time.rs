//! Times as Kayenta writes them: milliseconds since 1970, and ISO 8601.

use base::Timestamp;
use judge::{JudgeError, Node};

/// The earliest and latest that is taken, so that nothing overflows: 1970 to 2200.
const RANGE: std::ops::RangeInclusive<i64> = 0..=7_258_118_400_000;

/// `2026-11-25T10:00:00Z`, of milliseconds since 1970.
pub fn iso(millis: i64) -> String {
    Timestamp::from_nanos(millis.saturating_mul(1_000_000)).to_string()
}

/// Milliseconds since 1970 of an ISO 8601 text.
pub fn millis(node: &Node<'_>) -> Result<i64, JudgeError> {
    let time = node.text(64)?.parse::<Timestamp>().map_err(|error| node.wrong(error))?;
    let millis = time.millis();
    if RANGE.contains(&millis) { Ok(millis) } else { Err(node.wrong("is before 1970 or after 2200")) }
}

/// A length in minutes, as Java's `Duration` writes it: `PT1H30M`.
pub fn iso_duration(millis: i64) -> String {
    let seconds = millis.max(0) / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let part = |count: i64, unit: &str| if count == 0 { String::new() } else { format!("{count}{unit}") };
    match format!("PT{}{}{}", part(hours, "H"), part(minutes, "M"), part(seconds, "S")) {
        none if none == "PT" => "PT0S".to_owned(),
        some => some,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_java_writes_them() {
        assert_eq!(iso(1_556_747_152_000), "2019-05-01T21:45:52Z");
        let lengths = [(0, "PT0S"), (60_000, "PT1M"), (5_400_000, "PT1H30M"), (90_061_000, "PT25H1M1S"), (-5, "PT0S")];
        lengths.into_iter().for_each(|(length, text)| assert_eq!(iso_duration(length), text));
    }
}
