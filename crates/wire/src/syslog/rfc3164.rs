//! RFC 3164 describes what was sent in 2001. What is sent has a time of that form, often with a year or
//! fractions, or of RFC 3339 (rsyslog forwards so), a host or none, a tag or none.

use super::header::{visible, word};
use super::time::{LocalTime, Time};
use super::{Message, cisco};

/// A tag may be so long; RFC 3164 says 32, systemd and containers have longer ones.
const MAX_TAG: usize = 128;

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
    let is_host = visible(host).filter(|host| !host.is_empty() && !host.ends_with(':') && !host.contains('['));
    if let Some(host) = is_host.filter(|_| !behind.is_empty()) {
        message.hostname = Some(host);
        // Cisco's firewalls write `host : %ASA-6-302013: ..`.
        message.message = behind.strip_prefix(b": ").filter(|text| cisco::is_message(text)).unwrap_or(behind);
    }
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
    let in_tag = |byte: &&u8| byte.is_ascii_graphic() && !matches!(byte, b':' | b'[');
    let len = text.iter().take(MAX_TAG).take_while(in_tag).count();
    let (tag, rest) = text.split_at_checked(len).unwrap_or_default();
    let (pid, rest) = match rest.strip_prefix(b"[").and_then(|rest| Some((rest, rest.iter().position(|b| *b == b']')?)))
    {
        Some((rest, end)) => (rest.get(..end).and_then(visible), rest.get(end + 1..).unwrap_or_default()),
        None => (None, rest),
    };
    let Some(rest) = rest.strip_prefix(b":") else { return };
    let Some(tag) = visible(tag).filter(|tag| !tag.is_empty()) else { return };
    message.app_name = Some(tag);
    message.proc_id = pid.filter(|pid| !pid.is_empty());
    message.message = rest.strip_prefix(b" ").unwrap_or(rest);
}
