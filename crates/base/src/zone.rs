use std::fmt;
use std::str::FromStr;

use crate::Timestamp;

/// A time zone: how far its clocks are ahead of UTC at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(jiff::tz::TimeZone);

/// A text that names no zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time zone such as UTC, Europe/Berlin or +02:00")]
pub struct ZoneError(String);

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(jiff::tz::TimeZone::UTC);

    /// Seconds by which its clocks are ahead of UTC.
    pub fn offset(&self, at: Timestamp) -> i32 {
        let at = jiff::Timestamp::from_nanosecond(i128::from(at.nanos())).unwrap_or_default();
        self.0.to_offset(at).seconds()
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    /// Reads a name of the IANA database, or `+hh:mm` ahead of UTC.
    fn from_str(text: &str) -> Result<Self, ZoneError> {
        if let Some(seconds) = fixed(text) {
            let offset = jiff::tz::Offset::from_seconds(seconds).map_err(|_| ZoneError(text.to_owned()))?;
            return Ok(Self(offset.to_time_zone()));
        }
        jiff::tz::TimeZone::get(text).map(Self).map_err(|_| ZoneError(text.to_owned()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.iana_name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{} s ahead of UTC", self.offset(Timestamp::ZERO)),
        }
    }
}

/// The seconds of `+hh:mm` or `-hh:mm`.
fn fixed(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str, most: i32| text.parse().ok().filter(|n| text.len() == 2 && (0..=most).contains(n));
    Some(sign * (number(hours, 23)? * 3600 + number(minutes, 59)? * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_names_or_offsets_and_summers() {
        let offset = |zone: &str, at: &str| zone.parse::<Zone>().unwrap().offset(at.parse().unwrap());
        let (summer, winter) = ("2026-07-01T00:00:00Z", "2026-01-01T00:00:00Z");
        assert_eq!((offset("Europe/Berlin", summer), offset("Europe/Berlin", winter)), (7200, 3600));
        assert_eq!((offset("UTC", summer), offset("-05:30", summer), offset("+02:00", winter)), (0, -19_800, 7200));
        for wrong in ["", "+2", "+25:00", "Nowhere/At_All", "+02:60"] {
            assert_eq!(wrong.parse::<Zone>(), Err(ZoneError(wrong.to_owned())));
        }
    }
}
