//! Times in Go's layouts, read.

use base::Timestamp;
use go_template::Time;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Elements of layouts, the longer before the shorter.
const ELEMENTS: [&str; 23] = [
    "2006", "January", "Jan", "Monday", "Mon", "MST", "Z07:00", "-07:00", "Z0700", "-0700", "-07", "01", "02", "03",
    "04", "05", "06", "15", "_2", "PM", "pm", "1", "2",
];

/// What was read.
#[derive(Default)]
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i64,
    afternoon: Option<bool>,
    /// Seconds east of Greenwich.
    offset: Option<i64>,
}

/// Nanoseconds since the epoch of a text in a layout; without an offset in it the zone counts.
pub(super) fn parse(layout: &str, text: &str, zone: &str) -> Option<i64> {
    let mut parts = Parts { month: 1, day: 1, ..Parts::default() };
    let (mut layout, mut text) = (layout, text);
    while !layout.is_empty() {
        if let Some(element) = ELEMENTS.iter().find(|element| layout.starts_with(**element)) {
            text = parts.read(element, text)?;
            layout = layout.get(element.len()..)?;
            continue;
        }
        let c = layout.chars().next()?;
        let digits =
            layout.get(1..).map_or(0, |rest| rest.bytes().take_while(|byte| matches!(byte, b'0' | b'9')).count());
        if matches!(c, '.' | ',') && digits > 0 {
            text = parts.fraction(text)?;
            layout = layout.get(1 + digits..)?;
            continue;
        }
        text = text.strip_prefix(c)?;
        layout = layout.get(c.len_utf8()..)?;
    }
    if text.is_empty() { parts.nanos_in(zone) } else { None }
}

/// A number of so many digits at most.
fn number(text: &str, most: usize) -> Option<(i64, &str)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    Some((digits.parse().ok()?, rest))
}

impl Parts {
    fn read<'t>(&mut self, element: &str, text: &'t str) -> Option<&'t str> {
        let (place, digits) = match element {
            "2006" => (&mut self.year, 4),
            "06" => {
                let (year, rest) = number(text, 2)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
                return Some(rest);
            }
            "01" | "1" => (&mut self.month, 2),
            "02" | "2" | "_2" => (&mut self.day, 2),
            "15" | "03" => (&mut self.hour, 2),
            "04" => (&mut self.minute, 2),
            "05" => (&mut self.second, 2),
            "January" | "Jan" => return self.month_name(text),
            "Monday" | "Mon" | "MST" => return Some(text.trim_start_matches(|c: char| c.is_ascii_alphabetic())),
            "PM" | "pm" => {
                self.afternoon = Some(text.get(..2)?.eq_ignore_ascii_case("pm"));
                return text.get(2..);
            }
            zone => return self.zone(zone, text),
        };
        let (value, rest) = number(text.trim_start_matches(' '), digits)?;
        *place = value;
        // Go reads a fraction behind the seconds, whether the layout has one or not.
        if element == "05" && rest.starts_with('.') { self.fraction(rest) } else { Some(rest) }
    }

    fn month_name<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let name = text.get(..3)?;
        let place = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))?;
        self.month = i64::try_from(place).ok()? + 1;
        Some(text.trim_start_matches(|c: char| c.is_ascii_alphabetic()))
    }

    fn fraction<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let Some(digits) = text.strip_prefix(['.', ',']) else { return Some(text) };
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = digits.split_at(length);
        self.nanos = format!("{digits:0<9}").get(..9)?.parse().ok()?;
        Some(rest)
    }

    fn zone<'t>(&mut self, element: &str, text: &'t str) -> Option<&'t str> {
        if element.starts_with('Z') && text.starts_with('Z') {
            self.offset = Some(0);
            return text.get(1..);
        }
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let (hours, rest) = number(text.strip_prefix(['+', '-'])?, 2)?;
        let (minutes, rest) = match element {
            "-07" => (0, rest),
            element if element.contains(':') => number(rest.strip_prefix(':')?, 2)?,
            _ => number(rest, 2)?,
        };
        self.offset = Some(sign * (hours * 3600 + minutes * 60));
        Some(rest)
    }

    fn nanos_in(&self, zone: &str) -> Option<i64> {
        let hour = match self.afternoon {
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let right = (1..=12).contains(&self.month) && (1..=31).contains(&self.day) && hour < 24 && self.minute < 60;
        if !right {
            return None;
        }
        let days = days_before(self.year, self.month) + self.day - 1;
        let seconds = days * 86_400 + hour * 3600 + self.minute * 60 + self.second;
        let local = seconds.checked_mul(1_000_000_000)?.checked_add(self.nanos)?;
        let offset = self.offset.unwrap_or_else(|| offset_of(zone, local));
        local.checked_sub(offset * 1_000_000_000)
    }
}

/// Days from the epoch to the first of a month in the proleptic Gregorian calendar: years begin in March,
/// so that the leap day is the last, and months from there have 153 days in five.
fn days_before(year: i64, month: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 - 719_468
}

/// How far a zone is east of Greenwich, in seconds, at a time of its own clocks; 0 for an unknown zone.
fn offset_of(zone: &str, local: i64) -> i64 {
    let at = |nanos: i64| {
        let shown = Time::from(Timestamp::from_nanos(nanos)).within(zone).ok()?.format("-0700");
        let (hours, minutes) = (shown.get(1..3)?.parse::<i64>().ok()?, shown.get(3..5)?.parse::<i64>().ok()?);
        Some((hours * 3600 + minutes * 60) * if shown.starts_with('-') { -1 } else { 1 })
    };
    let guess = at(local).unwrap_or(0);
    at(local - guess * 1_000_000_000).unwrap_or(guess)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (layout, text, zone, seconds) in [
            ("2006-01-02T15:04:05Z07:00", "2025-11-25T10:14:56Z", "UTC", 1_764_065_696),
            ("2006-01-02T15:04:05-07:00", "2025-11-25T12:14:56+02:00", "UTC", 1_764_065_696),
            ("2006-01-02 15:04:05", "2025-11-25 11:14:56", "Europe/Berlin", 1_764_065_696),
            ("Jan _2 2006 03:04:05 PM", "Nov 25 2025 10:14:56 AM", "UTC", 1_764_065_696),
            ("2006-01-02", "1970-01-01", "UTC", 0),
            ("2006-01-02", "2000-03-01", "UTC", 951_868_800),
        ] {
            assert_eq!(parse(layout, text, zone), Some(seconds * 1_000_000_000), "{layout}");
        }
        assert_eq!(parse("2006 15:04:05.000", "1970 00:00:01.5", "UTC"), Some(1_500_000_000));
        for text in ["", "2025-13-01", "2025-01-01x", "yesterday"] {
            assert_eq!(parse("2006-01-02", text, "UTC"), None, "{text}");
        }
    }
}
