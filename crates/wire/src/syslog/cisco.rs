//! What Cisco's devices write around the time, which RFC 3164 does not know: numbers of messages, the name that
//! `logging origin-id` gives, a mark of a clock that is not set, and a zone, as in
//! `29: sw1: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: ..`. NX-OS has `: 2026 Jan  2 10:00:00 UTC: %..`.

use super::header::{visible, word};
use super::time::LocalTime;

/// Numbers before a message: one of the device's messages, one of those that are sent.
const NUMBERS: usize = 2;
/// Digits of a number.
const DIGITS: usize = 10;

/// Names of zones, as `clock timezone` gives them mostly. It may give any, but another word with a colon is a program.
const ZONES: &[&[u8]] = &[
    b"UTC", b"GMT", b"WET", b"WEST", b"BST", b"IST", b"CET", b"CEST", b"MET", b"MEST", b"MEZ", b"MESZ", b"EET",
    b"EEST", b"MSK", b"SAST", b"EAT", b"WAT", b"GST", b"PKT", b"WIB", b"ICT", b"SGT", b"HKT", b"CST", b"CDT", b"JST",
    b"KST", b"AWST", b"ACST", b"ACDT", b"AEST", b"AEDT", b"NZST", b"NZDT", b"HST", b"AKST", b"AKDT", b"PST", b"PDT",
    b"MST", b"MDT", b"EST", b"EDT", b"AST", b"ADT", b"NST", b"NDT", b"BRT", b"ART", b"CLT", b"CLST", b"COT", b"PET",
];

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
    if is_message(rest) {
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
    match zone.strip_suffix(b":").filter(|name| ZONES.contains(name) && is_message(behind)) {
        Some(b"UTC" | b"GMT") => (time.of_utc(), behind),
        Some(_) => (time, behind),
        None => (time, rest),
    }
}

/// Whether this is `%FACILITY-SEVERITY-MNEMONIC: ..`, with parts of the facility (`%SYS-SP-3-LOGGER_FLUSHED`) or without, or what
/// NX-OS writes before that of a virtual device (`%$VDC-1%$`).
pub(super) fn is_message(bytes: &[u8]) -> bool {
    let (name, _) = word(bytes);
    let Some(name) = name.strip_prefix(b"%") else { return false };
    let mut parts = name.split(|byte| *byte == b'-');
    let has_facility = parts.next().is_some_and(|facility| !facility.is_empty());
    // The last part is the mnemonic.
    let mut severities = parts.rev().skip(1);
    name.starts_with(b"$VDC-") || has_facility && severities.any(|part| matches!(part, [b'0'..=b'7']))
}
