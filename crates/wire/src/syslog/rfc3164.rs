//! RFC 3164 describes what was sent in 2001. What is sent has a time of that form, often with a year or
//! fractions, or of RFC 3339 (rsyslog forwards so), a host or none, a tag or none.

use super::header::{visible, word};
use super::time::{LocalTime, Time};
use super::{Message, cisco};

/// A tag may be so long; RFC 3164 says 32, systemd and containers have longer ones.
const MAX_TAG: usize = 128;
/// What the first word of a text may have, and no host: that of JSON, `key=value`, a tag with its process.
const NO_NAME: [char; 8] = ['[', '{', '"', '\'', '=', ',', '<', '>'];

/// Reads what is behind the priority, as far as it is a header.
pub(super) fn parse(priority: u8, rest: &[u8]) -> Message<'_> {
    let mut message = Message::new(priority, false);
    message.message = rest;
    if let Some((time, rest)) = time(rest) {
        message.time = Some(time);
        message.message = rest;
        host(rest, &mut message);
    } else if let Some(lead) = cisco::lead(rest) {
        message.time = lead.time.map(Time::Local);
        message.hostname = lead.host;
        message.message = lead.rest;
    }
    let text = message.message;
    tag(text, &mut message);
    message
}

/// `host ` at the beginning of the text.
fn host<'a>(text: &'a [u8], message: &mut Message<'a>) {
    // Without a host the tag, which ends with a colon, comes first.
    let (host, behind) = word(text);
    if let Some(host) = visible(host).filter(|host| is_host(host) && !behind.is_empty()) {
        message.hostname = Some(host);
        // Cisco's firewalls write `host : %ASA-6-302013: ..`.
        message.message = behind.strip_prefix(b": ").filter(|text| cisco::is_message(text)).unwrap_or(behind);
    }
}

fn is_host(word: &str) -> bool {
    !word.is_empty() && !word.ends_with(':') && !word.contains(NO_NAME) && !word.contains("://")
}

fn time(bytes: &[u8]) -> Option<(Time, &[u8])> {
    if bytes.first().is_some_and(u8::is_ascii_digit) {
        let (text, rest) = word(bytes);
        return Some((Time::At(visible(text)?.parse().ok()?), rest));
    }
    let (time, rest) = LocalTime::parse(bytes)?;
    let (time, rest) = cisco::zoned(time, rest);
    Some((Time::Local(time), rest))
}

/// `tag:` or `tag[pid]:` at the beginning of the text.
fn tag<'a>(text: &'a [u8], message: &mut Message<'a>) {
    let len = text.iter().take(MAX_TAG).take_while(|byte| in_tag(**byte)).count();
    let (tag, rest) = text.split_at_checked(len).unwrap_or_default();
    if !tag.first().is_some_and(|first| begins_tag(*first)) || rest.starts_with(b"://") {
        return;
    }
    let (pid, rest) = match rest.strip_prefix(b"[").and_then(|rest| Some((rest, rest.iter().position(|b| *b == b']')?)))
    {
        Some((rest, end)) => (rest.get(..end).and_then(visible), rest.get(end + 1..).unwrap_or_default()),
        None => (None, rest),
    };
    let Some(rest) = rest.strip_prefix(b":") else { return };
    let Some(tag) = visible(tag) else { return };
    message.app_name = Some(tag);
    message.proc_id = pid.filter(|pid| !pid.is_empty());
    message.message = rest.strip_prefix(b" ").unwrap_or(rest);
}

/// Whether a tag may have it. RFC 3164 has letters and digits, and `postfix/smtpd`, `getty@tty1`, `su(pam_unix)` and
/// `%SYS-5-CONFIG_I` are sent. What is in JSON, `key=value` and markup is not: it is the text, which would lose its beginning.
const fn in_tag(byte: u8) -> bool {
    begins_tag(byte) || matches!(byte, b'.' | b'@' | b'+' | b'#' | b')')
}

/// Whether a tag may begin with it: `(systemd)` is what a service is before it is started, `-bash` a shell of a login.
const fn begins_tag(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/' | b'%' | b'(' | b'-')
}
