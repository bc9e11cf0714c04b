/// Reads a time: RFC 3339, or seconds since the epoch. Gives milliseconds.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    if let Some(seconds) = promql::text::parse_float(text) {
        let ms = seconds * 1000.0;
        return (ms.abs() < i64::MAX as f64).then_some(ms.round() as i64);
    }
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = rest.split_at(zone_at);
    let [year, month, day] = numbers(date, '-')?;
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(whole, ':')?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let ms = format!("0.{fraction}").parse::<f64>().ok()? * 1000.0;
    let offset = match zone.chars().next()? {
        'Z' | 'z' => 0,
        sign => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            if sign == '-' { -minutes } else { minutes }
        }
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset * 60;
    Some(seconds * 1000 + ms.round() as i64)
}

fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let all: Option<Vec<i64>> = text.split(separator).map(|part| part.parse().ok()).collect();
    all?.try_into().ok()
}

/// Days since the epoch (proleptic Gregorian calendar).
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years from March on end with their leap day.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse_time;

    #[test]
    fn times_are_read() {
        assert_eq!(parse_time("1970-01-01T00:00:01.5Z"), Some(1500));
        assert_eq!(parse_time("2016-02-29T23:59:59+01:00"), Some(1_456_786_799_000));
        assert_eq!(parse_time("1600000000"), Some(1_600_000_000_000));
        assert_eq!(parse_time("2016-13-01T00:00:00Z"), None);
        assert_eq!(parse_time("yesterday"), None);
    }
}
