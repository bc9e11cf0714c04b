//! A message as a log record. No I/O.

use std::borrow::Cow;

use base::{Timestamp, Zone};
use ingest::{IngestError, LogBatch, LogEntry};
use wire::syslog::{FACILITIES, Message, SEVERITIES, StructuredData};

use crate::deliver::{Attributes, severity};

/// Elements and values of structured data that are kept.
const VALUES: usize = 256;

/// What is known beside a message.
pub(super) struct Envelope<'a> {
    /// The sender's address.
    pub peer: &'a str,
    /// When it came.
    pub now: Timestamp,
    /// The zone of times that name none.
    pub zone: &'a Zone,
    /// Whether its end was left out.
    pub cut: bool,
}

/// How well a message could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// It is not UTF-8: what is not became U+FFFD.
    pub lossy: bool,
    /// It is of RFC 5424 and cannot be read: all of it is the record's text.
    pub unparsed: bool,
}

/// Adds a message to a batch.
pub(super) fn record(batch: &mut LogBatch, bytes: &[u8], from: &Envelope<'_>) -> Result<Read, IngestError> {
    let (message, problem) = match Message::parse(bytes) {
        Ok(message) => (message, None),
        Err(error) => (Message::unread(bytes), Some(error)),
    };
    let host = message.hostname.unwrap_or(from.peer);
    batch.of_resource("host.name", host);
    let named = [
        ("syslog.facility", FACILITIES.get(usize::from(message.facility)).copied()),
        ("syslog.severity", SEVERITIES.get(usize::from(message.severity)).copied()),
        ("syslog.procid", message.proc_id),
        ("syslog.msgid", message.msg_id),
        ("client.address", Some(from.peer)),
    ];
    let mut attributes = Attributes::default();
    for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        attributes.own(name, value);
    }
    let mut ids = Ids::default();
    structured(&mut attributes, message.structured, &mut ids);
    let text = message.text();
    let lossy = matches!(text, Cow::Owned(_));
    if let Some(problem) = &problem {
        attributes.own("syslog.problem", problem.to_string());
    }
    for (name, _) in [("text.lossy", lossy), ("text.cut", from.cut)].into_iter().filter(|(_, is)| *is) {
        attributes.own(name, "true");
    }
    attributes.put(batch);
    let (severity_number, level) = severity(usize::from(message.severity)).unwrap_or_default();
    batch.push(&LogEntry {
        ts: message.sent(from.now, from.zone).unwrap_or(from.now).nanos(),
        service: message.app_name.unwrap_or_default(),
        severity: level,
        severity_number,
        body: &text,
        observed: from.now.nanos(),
        trace_id: &ids.trace,
        span_id: &ids.span,
    })?;
    Ok(Read { lossy, unparsed: problem.is_some() })
}

/// The ids of a trace that a message names.
#[derive(Default)]
struct Ids {
    trace: String,
    span: String,
}

impl Ids {
    fn look(&mut self, name: &str, value: &str) {
        let is = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
        if is(&["trace_id", "traceid", "trace.id"]) {
            value.clone_into(&mut self.trace);
        } else if is(&["span_id", "spanid", "span.id"]) {
            value.clone_into(&mut self.span);
        } else if is(&["traceparent"]) {
            // W3C Trace Context: version, trace, span, flags.
            let mut parts = value.split('-').skip(1);
            parts.next().unwrap_or_default().clone_into(&mut self.trace);
            parts.next().unwrap_or_default().clone_into(&mut self.span);
        }
    }
}

/// Values as attributes, by the element's id and their name; an element without any is one that is empty.
fn structured<'a>(attributes: &mut Attributes<'a>, data: StructuredData<'a>, ids: &mut Ids) {
    let mut left = VALUES;
    for element in data.iter() {
        let mut none = true;
        for (name, value) in element.params() {
            if left == 0 {
                return;
            }
            (none, left) = (false, left - 1);
            ids.look(name, &value);
            attributes.add(format!("{}.{name}", element.id), value);
        }
        if none && left > 0 {
            left -= 1;
            attributes.add(element.id, "");
        }
    }
}
