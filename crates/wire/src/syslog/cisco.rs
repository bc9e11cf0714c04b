//! What Cisco's devices write around the time, which RFC 3164 does not know: numbers of messages, the name that
//! `logging origin-id` gives, a mark of a clock that is not set, and a zone, as in
//! `29: sw1: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: ..`. NX-OS has `: 2026 Jan  2 10:00:00 UTC: %..`.

use super::header::{visible, word};
use super::time::LocalTime;

/// Numbers before a message: one of the device's messages, one of those that are sent.
const NUMBERS: usize = 2;
/// Digits of a number.
const DIGITS: usize = 10;

/// What is before a message.
pub(super) struct Lead<'a> {
    pub host: Option<&'a str>,
    pub time: Option<LocalTime>,
    /// The message.
    pub rest: &'a [u8],
}

/// The beginning of a message that begins with a number, if what follows is Cisco's.
pub(super) fn lead(bytes: &[u8]) -> Option<Lead<'_>> {
    let rest = numbered(bytes);
    if rest.len() == bytes.len() {
        return None;
    }
    if rest.starts_with(b"%") {
        return Some(Lead { host: None, time: None, rest });
    }
    if let Some((time, rest)) = time(rest) {
        return Some(Lead { host: None, time: Some(time), rest });
    }
    let (host, behind) = word(rest);
    let host = visible(host)?.strip_suffix(':').filter(|host| !host.is_empty())?;
    let (time, rest) = time(numbered(behind))?;
    Some(Lead { host: Some(host), time: Some(time), rest })
}

/// What is behind the numbers, each with a colon; NX-OS leaves them out, but not the colon.
fn numbered(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    for _ in 0..NUMBERS {
        let digits = rest.iter().take(DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
        let Some(behind) = rest.get(digits..).and_then(|rest| rest.strip_prefix(b": ")) else { break };
        rest = behind;
    }
    rest
}

fn time(bytes: &[u8]) -> Option<(LocalTime, &[u8])> {
    let bytes = bytes.strip_prefix(b"*").or_else(|| bytes.strip_prefix(b".")).unwrap_or(bytes);
    let (time, rest) = LocalTime::parse(bytes).or_else(|| LocalTime::parse_of_year(bytes))?;
    Some(zoned(time, rest))
}

/// A zone behind a time, if a message of Cisco follows it. What others than UTC mean is not known.
pub(super) fn zoned(time: LocalTime, rest: &[u8]) -> (LocalTime, &[u8]) {
    let (zone, behind) = word(rest);
    let name = zone.strip_suffix(b":").filter(|name| (2..=5).contains(&name.len()));
    match name.filter(|name| behind.starts_with(b"%") && name.iter().all(u8::is_ascii_uppercase)) {
        Some(b"UTC" | b"GMT") => (time.of_utc(), behind),
        Some(_) => (time, behind),
        None => (time, rest),
    }
}
