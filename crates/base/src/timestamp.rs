use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Nanoseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The epoch; also stands for "before anything".
    pub const ZERO: Self = Self(0);
    /// Earlier than every other.
    pub const MIN: Self = Self(i64::MIN);
    /// Later than every other.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds since the epoch; saturates.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Reads an RFC 3339 time; one that is before [`Self::MIN`] or after [`Self::MAX`] becomes that.
    ///
    /// # Errors
    /// If it is no time.
    pub fn nearest(text: &str) -> Result<Self, TimestampError> {
        let Ok(parsed) = text.parse::<jiff::Timestamp>() else {
            // The last hours of the year 9999 are later than it can say.
            let local = text.get(..19).and_then(|text| text.parse::<jiff::civil::DateTime>().ok());
            let last = local.filter(|local| local.year() == 9999);
            return last.map(|_| Self::MAX).ok_or_else(|| TimestampError(text.to_owned()));
        };
        let nanos = parsed.as_nanosecond().clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Ok(i64::try_from(nanos).map_or(Self::MAX, Self))
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This time moved forward; saturates.
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// This time moved back; saturates.
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339, UTC, with as many digits of the second as are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(t) => write!(f, "{t}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

/// A text that is not an RFC 3339 time.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a time such as 2026-11-25T10:00:00Z")]
pub struct TimestampError(String);

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| TimestampError(text.to_owned()))?;
        i64::try_from(parsed.as_nanosecond()).map(Self).map_err(|_| TimestampError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_rfc_3339() {
        let t = Timestamp::from_nanos(1_764_065_696_120_000_000);
        assert_eq!(t.to_string(), "2025-11-25T10:14:56.12Z");
        assert_eq!(t.to_string().parse::<Timestamp>().unwrap(), t);
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn what_is_too_early_or_too_late_is_as_near_as_it_can_be() {
        assert_eq!(Timestamp::nearest("0001-01-01T00:00:00.000Z").unwrap(), Timestamp::MIN);
        assert_eq!(Timestamp::nearest("9998-12-31T23:59:59Z").unwrap(), Timestamp::MAX);
        assert_eq!(Timestamp::nearest("9999-12-31T23:59:59Z").unwrap(), Timestamp::MAX, "later than jiff knows");
        assert_eq!(Timestamp::nearest("1970-01-01T00:00:01+00:00").unwrap(), Timestamp::from_secs(1));
        assert!(Timestamp::nearest("1970").is_err());
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::MAX.plus(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(Timestamp::ZERO.since(Timestamp::MAX), Duration::ZERO);
    }
}
