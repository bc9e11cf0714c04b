//! Durations in a configuration: `500ms`, `15s`, `2h30m`, `7d`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

/// Reads a duration, for `#[serde(with = "base::duration")]`.
///
/// # Errors
/// If the text is no duration or a negative one.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Reads a duration.
///
/// # Errors
/// Says what was meant if the text is no duration or a negative one.
pub fn parse(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    if let Some(days) = days {
        return Ok(Duration::from_secs(days.saturating_mul(86_400)));
    }
    let parsed: Option<jiff::SignedDuration> = text.parse().ok();
    parsed
        .and_then(|d| Duration::try_from(d).ok())
        .ok_or_else(|| format!("`{text}` is not a duration such as 500ms, 15s, 10m or 7d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, seconds) in [("15s", 15.0), ("500ms", 0.5), ("2h30m", 9000.0), ("7d", 604_800.0), ("0s", 0.0)] {
            assert_eq!(parse(text).unwrap().as_secs_f64(), seconds, "{text}");
        }
        for bad in ["", "15", "-3s", "soon"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
