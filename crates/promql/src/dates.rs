use std::fmt;

/// A day and time of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 is Sunday.
    pub weekday: i64,
    /// 1 to 366.
    pub day_of_year: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
}

/// As RFC 3339 has it.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, .. } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

const MONTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap_day = i64::from(month == 2 && is_leap(year));
    usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).map_or(0, |days| days + leap_day)
}

impl Date {
    /// Of a time in seconds since the epoch (proleptic Gregorian calendar).
    pub(crate) fn of(seconds: i128) -> Self {
        // Both fit: years are at most 13 digits long.
        let days = i64::try_from(seconds.div_euclid(86_400)).unwrap_or_default();
        let second = i64::try_from(seconds.rem_euclid(86_400)).unwrap_or_default();
        // Eras of 400 years repeat; counted from March a leap day is the last of its year.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * from_march + 2) / 153;
        let day = from_march - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let day_of_year = (1..month).map(|month| days_in(year, month)).sum::<i64>() + day;
        Self {
            year,
            month,
            day,
            weekday: (days + 4).rem_euclid(7),
            day_of_year,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }

    pub(crate) fn days_in_month(self) -> i64 {
        days_in(self.year, self.month)
    }
}

/// Seconds as functions of dates take them. What no `i64` holds, and what is no number, is a time far
/// in the future in Prometheus: what its conversion gives wraps around.
pub(crate) fn whole_seconds(seconds: f64) -> i128 {
    if (i64::MIN as f64..i64::MAX as f64).contains(&seconds) { seconds as i128 } else { 1 << 63 }
}

/// What one of the functions of dates takes of a date.
pub(crate) fn part(function: &str) -> Option<fn(Date) -> i64> {
    Some(match function {
        "year" => |date| date.year,
        "month" => |date| date.month,
        "day_of_month" => |date| date.day,
        "day_of_week" => |date| date.weekday,
        "day_of_year" => |date| date.day_of_year,
        "days_in_month" => Date::days_in_month,
        "hour" => |date| date.hour,
        "minute" => |date| date.minute,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn known_days() {
        let date = Date::of(1_456_790_399);
        assert_eq!((date.year, date.month, date.day, date.hour, date.minute), (2016, 2, 29, 23, 59));
        assert_eq!(date.days_in_month(), 29);
        assert_eq!(Date::of(0).weekday, 4);
        assert_eq!(Date::of(1_483_191_420).day_of_year, 366);
        let before = Date::of(-1);
        assert_eq!((before.year, before.month, before.day, before.minute), (1969, 12, 31, 59));
    }
}
