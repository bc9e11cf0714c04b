use base::Timestamp;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// When a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// A time with its zone.
    At(Timestamp),
    /// A time of RFC 3164, of which year and zone must be guessed.
    Local(LocalTime),
}

/// A time of the sender's clock, mostly without a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    year: Option<i64>,
    /// 0 to 11.
    month: i64,
    /// 1 to 31.
    day: i64,
    /// Nanoseconds since midnight.
    nanos: i64,
    /// Whether it says that it is of UTC.
    is_utc: bool,
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

impl LocalTime {
    /// Reads `Mmm dd [yyyy] hh:mm:ss[.fraction]`, a colon behind it included as Cisco writes it, and the space
    /// that follows.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (name, rest) = bytes.split_first_chunk::<3>()?;
        let month = i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()?;
        let (day, rest) = number(blanks(rest)?, 1..=31)?;
        let rest = blanks(rest)?;
        let with_year = number(rest, 1970..=2261).and_then(|(year, rest)| Some((year, blanks(rest)?)));
        let (year, rest) = with_year.map_or((None, rest), |(year, rest)| (Some(year), rest));
        let (hours, rest) = number(rest, 0..=23)?;
        let (minutes, rest) = number(rest.strip_prefix(b":")?, 0..=59)?;
        let (seconds, rest) = number(rest.strip_prefix(b":")?, 0..=60)?;
        let (fraction, rest) = fraction(rest);
        let rest = rest.strip_prefix(b":").unwrap_or(rest);
        let nanos = ((hours * 60 + minutes) * 60 + seconds) * SECOND + fraction;
        let fits = matches!(rest.first(), None | Some(b' '));
        fits.then(|| (Self { year, month, day, nanos, is_utc: false }, rest.get(1..).unwrap_or_default()))
    }

    /// Reads `yyyy Mmm dd hh:mm:ss[.fraction]` and what [`Self::parse`] does behind that.
    pub(super) fn parse_of_year(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (year, rest) = number(bytes, 1970..=2261)?;
        let (time, rest) = Self::parse(blanks(rest)?)?;
        Some((Self { year: Some(year), ..time }, rest))
    }

    /// The same of a clock of UTC.
    pub(super) const fn of_utc(self) -> Self {
        Self { is_utc: true, ..self }
    }

    /// The time, of a sender whose clock is `offset_secs` ahead of UTC, unless it says that it is of UTC; of the possible years that which
    /// brings it nearest to `now`.
    pub fn resolve(&self, now: Timestamp, offset_secs: i32) -> Timestamp {
        let offset = if self.is_utc { 0 } else { i64::from(offset_secs) * SECOND };
        let at =
            |year: i64| (days(year, self.month + 1, self.day) * DAY).saturating_add(self.nanos).saturating_sub(offset);
        if let Some(year) = self.year {
            return Timestamp::from_nanos(at(year));
        }
        let this_year = 1970 + now.nanos().div_euclid(DAY).clamp(0, 106_000) * 400 / 146_097;
        let years = (this_year - 1).max(1970)..=(this_year + 1).min(2261);
        let nearest = years.map(at).min_by_key(|at| at.abs_diff(now.nanos()));
        nearest.map_or(now, Timestamp::from_nanos)
    }
}

fn blanks(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(b" ")?;
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}

fn number(bytes: &[u8], range: std::ops::RangeInclusive<i64>) -> Option<(i64, &[u8])> {
    let len = bytes.iter().take(5).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = bytes.split_at_checked(len)?;
    let value = std::str::from_utf8(digits).ok()?.parse().ok().filter(|value| range.contains(value))?;
    Some((value, rest))
}

/// Nanoseconds of `.fraction`, if it is there.
fn fraction(bytes: &[u8]) -> (i64, &[u8]) {
    let Some(rest) = bytes.strip_prefix(b".") else { return (0, bytes) };
    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = rest.iter().take(len).map(|byte| i64::from(byte - b'0')).chain(std::iter::repeat(0));
    (digits.take(9).fold(0, |nanos, digit| nanos * 10 + digit), rest.get(len..).unwrap_or_default())
}

/// Days from the epoch to a date of the Gregorian calendar: years begin with March, so that the day that
/// some of them have more is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}
