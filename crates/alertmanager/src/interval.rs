//! Time intervals: times of the week, month and year at which routes are muted or active.

mod parse;

use base::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use parse::{DayOfMonth, Location, Minute, Month, Range, Times, Weekday as Day, Year};

/// Times at which all of its conditions hold; one that is not there always does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeInterval {
    /// Times of day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Vec<Times>>,
    /// Days of the week.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekdays: Option<Vec<Range<Day>>>,
    /// Days of the month; negative ones count from its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_of_month: Option<Vec<Range<DayOfMonth>>>,
    /// Months.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub months: Option<Vec<Range<Month>>>,
    /// Years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub years: Option<Vec<Range<Year>>>,
    /// Where the clock is; UTC if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// Where `Local` is: the time zone of the host, which the caller knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// A zone of the IANA database, such as `Europe/Berlin`.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn named(name: &str) -> Result<Self, String> {
        parse::zone(name).map(Self)
    }
}

impl TimeInterval {
    /// Whether the interval has that time; `local` is the zone of its location `Local`.
    pub fn contains(&self, at: Timestamp, local: &Zone) -> bool {
        let Ok(instant) = jiff::Timestamp::from_nanosecond(i128::from(at.nanos())) else { return false };
        let zone = match &self.location {
            None => TimeZone::UTC,
            Some(location) => location.zone().cloned().unwrap_or_else(|| local.0.clone()),
        };
        let here = zone.to_datetime(instant);
        let minute = i32::from(here.hour()) * 60 + i32::from(here.minute());
        let weekday = i32::from(here.date().weekday().to_sunday_zero_offset());
        let (day, last) = (i32::from(here.day()), i32::from(here.date().days_in_month()));
        holds(&self.times, |times| times.start_time.0 <= minute && minute < times.end_time.0)
            && holds(&self.days_of_month, |days| days_have(days, day, last))
            && holds(&self.months, |months| within(months.begin.0, i32::from(here.month()), months.end.0))
            && holds(&self.weekdays, |days| within(days.begin.0, weekday, days.end.0))
            && holds(&self.years, |years| within(years.begin.0, i32::from(here.year()), years.end.0))
    }
}

/// Whether any of several holds; also if nothing is asked.
fn holds<T>(conditions: &Option<Vec<T>>, condition: impl Fn(&T) -> bool) -> bool {
    conditions.as_ref().is_none_or(|conditions| conditions.iter().any(condition))
}

const fn within(begin: i32, value: i32, end: i32) -> bool {
    begin <= value && value <= end
}

/// Negative days count from the end of the month; days that a month does not have are cut.
fn days_have(days: &Range<DayOfMonth>, day: i32, last: i32) -> bool {
    let counted = |day: i32| if day < 0 { last + day + 1 } else { day };
    let (begin, end) = (counted(days.begin.0), counted(days.end.0));
    begin <= last && within(begin.max(-last), day, end.clamp(-last, last))
}

/// Whether any of several intervals has that time.
pub fn any_contains<'a>(intervals: impl IntoIterator<Item = &'a TimeInterval>, at: Timestamp, local: &Zone) -> bool {
    intervals.into_iter().any(|interval| interval.contains(at, local))
}
