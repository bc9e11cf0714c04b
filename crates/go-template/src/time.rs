//! Go's times and durations: layouts such as `2006-01-02 15:04:05`, and their methods.

use base::Timestamp;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, Zoned};

/// A time, and the zone in which it is shown. None is Go's zero time, in the year 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Time(Option<Zoned>);

/// Nanoseconds.
pub(crate) const SECOND: i64 = 1_000_000_000;
const LONG_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const LONG_DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        let instant = Instant::from_nanosecond(i128::from(at.nanos())).unwrap_or_default();
        Self(Some(instant.to_zoned(TimeZone::UTC)))
    }
}

impl Time {
    /// Go's zero time.
    pub const fn zero() -> Self {
        Self(None)
    }

    /// When it is; saturates for what 64 bits of nanoseconds do not reach.
    pub fn timestamp(&self) -> Timestamp {
        let nanos = self.0.as_ref().map(|at| at.timestamp().as_nanosecond());
        nanos.map_or(Timestamp::from_nanos(i64::MIN), |nanos| {
            Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
        })
    }

    /// The same time in a zone of the IANA database.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn within(&self, zone: &str) -> Result<Self, String> {
        let zone = match zone {
            "" | "UTC" | "Local" => TimeZone::UTC,
            name => TimeZone::get(name).map_err(|_| format!("unknown time zone {name}"))?,
        };
        Ok(Self(self.0.as_ref().map(|at| at.with_time_zone(zone))))
    }

    /// Later by a number of nanoseconds.
    pub(crate) fn plus(&self, nanos: i64) -> Self {
        let span = jiff::SignedDuration::from_nanos(nanos);
        Self(self.0.as_ref().map(|at| at.checked_add(span).unwrap_or_else(|_| at.clone())))
    }

    /// With its zone; the zero time too.
    pub(crate) fn shown(&self) -> Zoned {
        let year_one = || jiff::civil::date(1, 1, 1).to_zoned(TimeZone::UTC).unwrap_or_default();
        self.0.clone().unwrap_or_else(year_one)
    }

    /// Whether it is the zero time.
    pub(crate) const fn is_zero(&self) -> bool {
        self.0.is_none()
    }

    /// The same time in UTC.
    pub(crate) fn utc(&self) -> Self {
        Self(self.0.as_ref().map(|at| at.with_time_zone(TimeZone::UTC)))
    }

    /// It in one of Go's layouts.
    pub fn format(&self, layout: &str) -> String {
        let at = self.shown();
        let mut out = String::new();
        let mut rest = layout;
        while !rest.is_empty() {
            let (before, token, after) = next_token(rest);
            out.push_str(before);
            put(&at, token, &mut out);
            rest = after;
        }
        out
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

/// The name of its day.
pub(crate) fn weekday(at: &Zoned) -> &'static str {
    let day = usize::try_from(at.weekday().to_sunday_zero_offset()).unwrap_or_default();
    LONG_DAYS.get(day).copied().unwrap_or_default()
}

/// The name of its month.
pub(crate) fn month(at: &Zoned) -> &'static str {
    usize::try_from(at.month() - 1).ok().and_then(|month| LONG_MONTHS.get(month)).copied().unwrap_or_default()
}

/// What a layout can have, the longer ones first.
const TOKENS: [&str; 37] = [
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "__2",
    "002",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "15",
    "_2",
    "PM",
    "pm",
    "-07:00:00",
    "-070000",
    "-07:00",
    "-0700",
    "-07",
    "Z07:00:00",
    "Z070000",
    "Z07:00",
    "Z0700",
    "Z07",
    "1",
    "2",
    "3",
    "4",
    "5",
    ".0",
    ",0",
    ".9",
    ",9",
];

/// The text before the first element of a layout, the element, and what follows.
fn next_token(layout: &str) -> (&str, &str, &str) {
    for (at, _) in layout.char_indices() {
        let (before, rest) = layout.split_at(at);
        let Some(token) = TOKENS.iter().find(|token| rest.starts_with(**token)) else { continue };
        let length = match *token {
            ".0" | ",0" | ".9" | ",9" => match fraction(rest) {
                Some(length) => length,
                None => continue,
            },
            // `Month` is a word, `Mon` an element.
            "Jan" | "Mon" if rest.get(3..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase())) => {
                continue;
            }
            token => token.len(),
        };
        let (token, after) = rest.split_at(length);
        return (before, token, after);
    }
    (layout, "", "")
}

/// The length of `.000` or `.999`, which no digit may follow.
fn fraction(rest: &str) -> Option<usize> {
    let digit = rest.chars().nth(1)?;
    let digits = rest.get(1..)?.chars().take_while(|c| *c == digit).count();
    let after = rest.get(1 + digits..)?.chars().next();
    (!after.is_some_and(|c| c.is_ascii_digit())).then_some(1 + digits)
}

fn put(at: &Zoned, token: &str, out: &mut String) {
    let hour12 = if at.hour() % 12 == 0 { 12 } else { at.hour() % 12 };
    let text = match token {
        "" => return,
        "2006" => format!("{:04}", at.year()),
        "06" => format!("{:02}", at.year().rem_euclid(100)),
        "January" => month(at).to_owned(),
        "Jan" => month(at).chars().take(3).collect(),
        "Monday" => weekday(at).to_owned(),
        "Mon" => weekday(at).chars().take(3).collect(),
        "01" => format!("{:02}", at.month()),
        "1" => at.month().to_string(),
        "02" => format!("{:02}", at.day()),
        "_2" => format!("{:2}", at.day()),
        "2" => at.day().to_string(),
        "002" => format!("{:03}", at.day_of_year()),
        "__2" => format!("{:3}", at.day_of_year()),
        "15" => format!("{:02}", at.hour()),
        "03" => format!("{hour12:02}"),
        "3" => hour12.to_string(),
        "04" => format!("{:02}", at.minute()),
        "4" => at.minute().to_string(),
        "05" => format!("{:02}", at.second()),
        "5" => at.second().to_string(),
        "PM" => if at.hour() >= 12 { "PM" } else { "AM" }.to_owned(),
        "pm" => if at.hour() >= 12 { "pm" } else { "am" }.to_owned(),
        "MST" => at.time_zone().to_offset_info(at.timestamp()).abbreviation().to_owned(),
        token if token.starts_with(['.', ',']) => fraction_of(at, token),
        token => offset(at.offset().seconds(), token),
    };
    out.push_str(&text);
}

fn fraction_of(at: &Zoned, token: &str) -> String {
    let digits = format!("{:09}", at.subsec_nanosecond());
    let digits = digits.get(..(token.len() - 1).min(9)).unwrap_or_default();
    let separator = token.get(..1).unwrap_or_default();
    if token.contains('0') {
        return format!("{separator}{digits}");
    }
    match digits.trim_end_matches('0') {
        "" => String::new(),
        digits => format!("{separator}{digits}"),
    }
}

fn offset(seconds: i32, token: &str) -> String {
    if token.starts_with('Z') && seconds == 0 {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match token.get(1..).unwrap_or_default() {
        "07" => format!("{sign}{hours:02}"),
        "0700" => format!("{sign}{hours:02}{minutes:02}"),
        "07:00" => format!("{sign}{hours:02}:{minutes:02}"),
        "070000" => format!("{sign}{hours:02}{minutes:02}{seconds:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

/// A duration as Go prints it: `1h2m3.5s`, `1.5ms`, `0s`.
pub fn duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let trimmed = |value: u64, unit: u64, digits: usize| {
        let fraction = format!("{:0digits$}", value % unit);
        match fraction.trim_end_matches('0') {
            "" => format!("{}", value / unit),
            fraction => format!("{}.{fraction}", value / unit),
        }
    };
    match nanos {
        0 => "0s".to_owned(),
        1..1000 => format!("{sign}{nanos}ns"),
        1000..1_000_000 => format!("{sign}{}µs", trimmed(nanos, 1000, 3)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", trimmed(nanos, 1_000_000, 6)),
        _ => {
            let seconds = trimmed(nanos % 60_000_000_000, 1_000_000_000, 9);
            let minutes = nanos / 60_000_000_000;
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_layouts_as_go_does() {
        let at = Time::from(Timestamp::from_nanos(1_764_065_696_120_000_000));
        for (layout, text) in [
            ("2006-01-02T15:04:05Z07:00", "2025-11-25T10:14:56Z"),
            ("2006-01-02T15:04:05.999999999Z07:00", "2025-11-25T10:14:56.12Z"),
            ("Mon Jan _2 15:04:05.000 2006", "Tue Nov 25 10:14:56.120 2025"),
            ("Monday, 02-Jan-06 3:04PM MST", "Tuesday, 25-Nov-25 10:14AM UTC"),
            ("Jan 2, 2006 at 3:04pm (-0700)", "Nov 25, 2025 at 10:14am (+0000)"),
            ("Month", "Month"),
            ("", ""),
        ] {
            assert_eq!(at.format(layout), text, "{layout}");
        }
        assert_eq!(at.to_string(), "2025-11-25 10:14:56.12 +0000 UTC");
        assert_eq!(Time::zero().format("2006-01-02T15:04:05Z07:00"), "0001-01-01T00:00:00Z");
    }

    #[test]
    fn prints_durations_as_go_does() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1500, "1.5µs"),
            (2_000_000, "2ms"),
            (90_000_000_000, "1m30s"),
            (-3_600_500_000_000, "-1h0m0.5s"),
        ] {
            assert_eq!(duration(nanos), text);
        }
    }
}
