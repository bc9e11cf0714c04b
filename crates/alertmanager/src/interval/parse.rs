//! How the parts of a time interval are written: `monday:friday`, `-3:-1`, `09:00`.

use std::fmt;

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// From one to another, both included; written `a:b`, or `a` if both are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<T> {
    /// The first.
    pub begin: T,
    /// The last.
    pub end: T,
}

/// A day of the week, from Sunday = 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weekday(pub i32);

/// A day of the month, 1 to 31, or -1 (the last) to -31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayOfMonth(pub i32);

/// A month, from January = 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(pub i32);

/// A year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Year(pub i32);

/// A minute of the day, 0 to 1440.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(pub i32);

/// Times of day: the start included, the end not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Times {
    /// From.
    pub start_time: Minute,
    /// To.
    pub end_time: Minute,
}

/// What a range is of.
pub trait Part: Sized + Copy + PartialEq + fmt::Display {
    /// Reads one.
    ///
    /// # Errors
    /// If the text is none.
    fn parse(text: &str) -> Result<Self, String>;

    /// Whether nothing lies between.
    ///
    /// # Errors
    /// Says why there is no such range.
    fn check(begin: Self, end: Self) -> Result<(), String>;
}

impl Part for Weekday {
    fn parse(text: &str) -> Result<Self, String> {
        let place = DAYS.iter().position(|day| *day == text);
        let day = place.and_then(|place| i32::try_from(place).ok()).map(Self);
        day.ok_or_else(|| format!("{text} is not a valid weekday"))
    }

    fn check(begin: Self, end: Self) -> Result<(), String> {
        if begin > end { Err("start day cannot be before end day".to_owned()) } else { Ok(()) }
    }
}

impl Part for Month {
    fn parse(text: &str) -> Result<Self, String> {
        let place = MONTHS.iter().position(|month| *month == text);
        let named = place.and_then(|place| i32::try_from(place + 1).ok());
        let month = named.or_else(|| text.parse().ok().filter(|month| (1..=12).contains(month)));
        month.map(Self).ok_or_else(|| format!("{text} is not a valid month"))
    }

    fn check(begin: Self, end: Self) -> Result<(), String> {
        if begin > end { Err(format!("end month {end} is before start month {begin}")) } else { Ok(()) }
    }
}

impl Part for Year {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("{text} is not a year"))
    }

    fn check(begin: Self, end: Self) -> Result<(), String> {
        if begin > end { Err(format!("end year {end} is before start year {begin}")) } else { Ok(()) }
    }
}

impl Part for DayOfMonth {
    fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("{text} is not a valid day of the month: out of range");
        let day: i32 = text.parse().map_err(|_| bad())?;
        if day == 0 || day.abs() > 31 { Err(bad()) } else { Ok(Self(day)) }
    }

    fn check(begin: Self, end: Self) -> Result<(), String> {
        if begin.0 < 0 && end.0 > 0 {
            return Err("end day must be negative if start day is negative".to_owned());
        }
        // Days of the longest month: what is the wrong way round there is so in all.
        let counted = |day: i32| if day < 0 { 31 + day + 1 } else { day };
        if counted(begin.0) > counted(end.0) {
            return Err(format!("end day {end} is always before start day {begin}"));
        }
        Ok(())
    }
}

impl<T: Part> Range<T> {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.to_lowercase();
        let (begin, end) = text.split_once(':').unwrap_or((&text, &text));
        let (begin, end) = (T::parse(begin)?, T::parse(end)?);
        T::check(begin, end)?;
        Ok(Self { begin, end })
    }
}

impl<'de, T: Part> Deserialize<'de> for Range<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<T: Part> Serialize for Range<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.begin == self.end {
            serializer.collect_str(&self.begin)
        } else {
            serializer.collect_str(&format_args!("{}:{}", self.begin, self.end))
        }
    }
}

fn name(names: &[&'static str], place: i32) -> &'static str {
    usize::try_from(place).ok().and_then(|place| names.get(place)).copied().unwrap_or("?")
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(&DAYS, self.0))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(&MONTHS, self.0 - 1))
    }
}

impl fmt::Display for Year {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for DayOfMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Minute {
    fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("couldn't parse timestamp {text}, invalid format");
        let two = |digits: &str| {
            let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            two.then(|| digits.parse::<i32>().ok()).flatten()
        };
        let (hours, minutes) = text.split_once(':').ok_or_else(bad)?;
        let (hours, minutes) = two(hours).zip(two(minutes)).ok_or_else(bad)?;
        let known = (hours < 24 && minutes < 60) || (hours, minutes) == (24, 0);
        if known { Ok(Self(hours * 60 + minutes)) } else { Err(bad()) }
    }
}

impl Serialize for Minute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02}:{:02}", self.0 / 60, self.0 % 60))
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Raw {
            start_time: Option<String>,
            end_time: Option<String>,
        }
        let raw = Raw::deserialize(deserializer)?;
        let both = raw.start_time.filter(|it| !it.is_empty()).zip(raw.end_time.filter(|it| !it.is_empty()));
        let (start, end) = both.ok_or_else(|| de::Error::custom("both start and end times must be provided"))?;
        let start_time = Minute::parse(&start).map_err(de::Error::custom)?;
        let end_time = Minute::parse(&end).map_err(de::Error::custom)?;
        if start_time >= end_time {
            return Err(de::Error::custom("start time cannot be equal or greater than end time"));
        }
        Ok(Self { start_time, end_time })
    }
}

/// Where a clock is.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    name: String,
    /// None for `Local`.
    zone: Option<TimeZone>,
}

impl Location {
    /// Its zone; none if it is that of the host.
    pub(super) const fn zone(&self) -> Option<&TimeZone> {
        self.zone.as_ref()
    }
}

/// A zone of the database that is built in.
pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    match name {
        "" | "UTC" => Ok(TimeZone::UTC),
        name => TimeZone::get(name).map_err(|_| format!("unknown time zone {name}")),
    }
}

impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let zone = if name == "Local" { None } else { Some(zone(&name).map_err(de::Error::custom)?) };
        Ok(Self { name, zone })
    }
}
