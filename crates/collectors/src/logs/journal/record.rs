//! An entry of the journal as a log record. No I/O.

use base::Timestamp;
use ingest::{IngestError, LogBatch, LogEntry};
use wire::journal::Entry;
use wire::syslog::FACILITIES;

use crate::deliver::{Attributes, severity};

/// Fields that become something else than an attribute of their name.
const KNOWN: [&str; 8] = [
    "MESSAGE",
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "SYSLOG_FACILITY",
    "_HOSTNAME",
    "_SYSTEMD_UNIT",
    "TRACE_ID",
    "SPAN_ID",
];

/// Adds an entry to a batch; says whether its message is not UTF-8.
pub(super) fn record(batch: &mut LogBatch, entry: &Entry, host: &str, now: Timestamp) -> Result<bool, IngestError> {
    let text = |name: &str| entry.text(name).filter(|text| !text.is_empty());
    batch.of_resource("host.name", text("_HOSTNAME").unwrap_or(host));
    if let Some(unit) = text("_SYSTEMD_UNIT") {
        batch.of_resource("systemd.unit", unit);
    }
    let facility = text("SYSLOG_FACILITY").and_then(|number| FACILITIES.get(number.parse::<usize>().ok()?));
    let mut attributes = Attributes::default();
    if let Some(facility) = facility {
        attributes.own("syslog.facility", *facility);
    }
    // Names with two underscores are of the export, not of the entry.
    let others = entry.fields().filter(|(name, _)| !name.starts_with("__") && !KNOWN.contains(name));
    for (name, value) in others {
        attributes.add(name, String::from_utf8_lossy(value));
    }
    let message = String::from_utf8_lossy(entry.get("MESSAGE").unwrap_or_default());
    let lossy = matches!(message, std::borrow::Cow::Owned(_));
    for (name, _) in [("text.lossy", lossy), ("text.cut", entry.cut)].into_iter().filter(|(_, is)| *is) {
        attributes.own(name, "true");
    }
    attributes.put(batch);
    let priority = text("PRIORITY").and_then(|number| severity(number.parse().ok()?));
    let (severity_number, level) = priority.unwrap_or((0, ""));
    let micros = text("__REALTIME_TIMESTAMP").and_then(|micros| micros.parse::<i64>().ok());
    batch.push(&LogEntry {
        ts: micros.and_then(|micros| micros.checked_mul(1_000)).unwrap_or(now.nanos()),
        service: service(entry),
        severity: level,
        severity_number,
        body: &message,
        observed: now.nanos(),
        trace_id: text("TRACE_ID").unwrap_or_default(),
        span_id: text("SPAN_ID").unwrap_or_default(),
    })?;
    Ok(lossy)
}

/// The program's name as it gives it itself, or as the system knows it, else its unit's.
fn service(entry: &Entry) -> &str {
    let names = ["SYSLOG_IDENTIFIER", "_COMM", "_SYSTEMD_UNIT"];
    let name = names.iter().find_map(|name| entry.text(name).filter(|text| !text.is_empty())).unwrap_or_default();
    name.strip_suffix(".service").unwrap_or(name)
}
