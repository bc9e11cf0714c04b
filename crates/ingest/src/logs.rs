//! Log records as columns, filled record by record.

use std::sync::Arc;

use arrow::array::{ArrayBuilder, ArrayRef, Int64Builder, RecordBatch, StringBuilder, TimestampNanosecondBuilder};
use arrow::error::ArrowError;
use model::Row;
use model::rows::LogLine;
use parking_lot::Mutex;

use crate::maps::Maps;

/// Bytes of a text in which a level is looked for.
const LOOKED_AT: usize = 256;

/// The attribute of what has U+FFFD in place of something that was no Unicode, as that of files, syslog and the journal has it.
pub(crate) const LOSSY: &str = "text.lossy";

/// Bytes of a record beside its texts, and of an attribute beside its own: columns have room to grow.
const RECORD: u64 = 128;
const ATTRIBUTE: usize = 16;

/// Columns of texts, those of names and of values of attributes among them.
const TEXTS: usize = 11;
/// Room is made for so many bytes of a column at most before they are there.
const ROOM: usize = 4 << 20;

/// The columns of [`LogLine`].
pub(crate) struct LogColumns {
    rows: usize,
    /// About how many they take.
    bytes: u64,
    ts: TimestampNanosecondBuilder,
    service: StringBuilder,
    severity: StringBuilder,
    body: StringBuilder,
    attributes: Maps,
    severity_number: Int64Builder,
    observed: TimestampNanosecondBuilder,
    trace_id: StringBuilder,
    span_id: StringBuilder,
    resource: Maps,
    scope: StringBuilder,
    event: StringBuilder,
}

/// A record, but for its attributes and resource. Texts that are empty are not there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line<'a> {
    /// Nanoseconds since the epoch.
    pub ts: i64,
    pub service: &'a str,
    pub severity: &'a str,
    /// 0 if it is not known.
    pub severity_number: i64,
    pub body: &'a str,
    /// 0 if it is not known.
    pub observed: i64,
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub scope: &'a str,
    pub event: &'a str,
}

/// How much the columns of a request took, by which room is made for those of the next: what grows is copied each time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shape {
    /// Bytes of the request.
    sent: usize,
    rows: usize,
    /// Texts of each column, and their bytes.
    texts: [(usize, usize); TEXTS],
}

/// The last requests of each protocol.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    pub otlp: Mutex<Shape>,
    pub bulk: Mutex<Shape>,
    pub loki: Mutex<Shape>,
}

impl Default for LogColumns {
    fn default() -> Self {
        Self::with_room(0, &Mutex::default())
    }
}

impl LogColumns {
    /// Columns with room for what a request of so many bytes becomes if it is like the last one.
    pub fn with_room(sent: usize, last: &Mutex<Shape>) -> Self {
        let last = *last.lock();
        let room = |count: usize| {
            let alike = count.saturating_mul(sent) / last.sent.max(1);
            (alike + alike / 16).min(sent).min(ROOM)
        };
        let rows = room(last.rows);
        let mut texts =
            last.texts.into_iter().map(|(count, bytes)| StringBuilder::with_capacity(room(count), room(bytes)));
        let mut text = || texts.next().unwrap_or_default();
        Self {
            rows: 0,
            bytes: 0,
            ts: TimestampNanosecondBuilder::with_capacity(rows),
            service: text(),
            severity: text(),
            body: text(),
            attributes: Maps::new(rows, text(), text()),
            severity_number: Int64Builder::with_capacity(rows),
            observed: TimestampNanosecondBuilder::with_capacity(rows),
            trace_id: text(),
            span_id: text(),
            resource: Maps::new(rows, text(), text()),
            scope: text(),
            event: text(),
        }
    }

    /// Remembers how much they took of a request of so many bytes.
    pub fn remember(&self, sent: usize, last: &Mutex<Shape>) {
        // In the order in which room is made.
        let texts = [
            &self.service,
            &self.severity,
            &self.body,
            &self.attributes.keys,
            &self.attributes.values,
            &self.trace_id,
            &self.span_id,
            &self.resource.keys,
            &self.resource.values,
            &self.scope,
            &self.event,
        ];
        let texts = texts.map(|texts| (texts.len(), texts.values_slice().len()));
        *last.lock() = Shape { sent, rows: self.rows, texts };
    }

    /// Adds a record; its attributes were added one by one before, and so was its resource.
    pub fn push(&mut self, line: &Line<'_>) -> Result<(), ArrowError> {
        self.resource.end()?;
        self.push_alike(line, 0)
    }

    /// Adds a record whose resource is added afterwards with [`Self::same_resource`], so many bytes of it; its attributes were added
    /// one by one before.
    pub fn push_alike(&mut self, line: &Line<'_>, resource: u64) -> Result<(), ArrowError> {
        let severity = if line.severity.is_empty() { detected(line.body) } else { line.severity };
        self.rows += 1;
        self.bytes +=
            RECORD + resource + (line.service.len() + line.body.len() + line.scope.len() + line.event.len()) as u64;
        self.ts.append_value(line.ts);
        self.service.append_value(line.service);
        self.severity.append_value(severity);
        self.body.append_value(line.body);
        self.attributes.end()?;
        self.severity_number.append_option((line.severity_number > 0).then_some(line.severity_number));
        self.observed.append_option((line.observed > 0).then_some(line.observed));
        id(&mut self.trace_id, line.trace_id);
        id(&mut self.span_id, line.span_id);
        optional(&mut self.scope, line.scope);
        optional(&mut self.event, line.event);
        Ok(())
    }

    /// Adds an attribute of the record that is pushed next.
    pub fn attribute(&mut self, name: &str, value: &str) {
        self.bytes += attribute_bytes(name, value);
        self.attributes.entry(name, value);
    }

    /// Says of the record that is pushed next that something of it was no Unicode.
    pub fn lossy(&mut self) {
        self.attribute(LOSSY, "true");
    }

    /// Adds an attribute of the resource of the record that is pushed next.
    pub fn of_resource(&mut self, name: &str, value: &str) {
        self.bytes += attribute_bytes(name, value);
        self.resource.entry(name, value);
    }

    /// Gives so many records that were pushed last their resource.
    pub fn same_resource(&mut self, records: usize, resource: &[(&str, &str)]) -> Result<(), ArrowError> {
        self.resource.repeat(records, resource)
    }

    /// About how many bytes they take.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The records, if there are any.
    pub fn finish(mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.ts.finish()),
            Arc::new(self.service.finish()),
            Arc::new(self.severity.finish()),
            Arc::new(self.body.finish()),
            self.attributes.finish()?,
            Arc::new(self.severity_number.finish()),
            Arc::new(self.observed.finish()),
            Arc::new(self.trace_id.finish()),
            Arc::new(self.span_id.finish()),
            self.resource.finish()?,
            Arc::new(self.scope.finish()),
            Arc::new(self.event.finish()),
        ];
        RecordBatch::try_new(LogLine::schema(), columns).map(Some)
    }
}

/// Bytes that an attribute takes in each record that has it, about.
pub(crate) const fn attribute_bytes(name: &str, value: &str) -> u64 {
    (name.len() + value.len() + ATTRIBUTE) as u64
}

fn optional(column: &mut StringBuilder, text: &str) {
    column.append_option((!text.is_empty()).then_some(text));
}

/// The id in hexadecimal digits; nothing if it is empty or only zeros, which is no id.
fn id(column: &mut StringBuilder, bytes: &[u8]) {
    if bytes.iter().all(|byte| *byte == 0) {
        return column.append_null();
    }
    let mut digits = [0_u8; 32];
    let mut length = 0;
    for (byte, pair) in bytes.iter().zip(digits.as_chunks_mut::<2>().0) {
        *pair = DIGITS[usize::from(*byte)];
        length += 2;
    }
    let text = digits.get(..length).and_then(|digits| std::str::from_utf8(digits).ok());
    column.append_option(text);
}

/// The two hexadecimal digits of each byte.
const DIGITS: [[u8; 2]; 256] = {
    let mut digits = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        digits[byte] = [digit(byte as u8 >> 4), digit(byte as u8 & 15)];
        byte += 1;
    }
    digits
};

const fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

/// The id as text, for rows.
pub(crate) fn id_text(bytes: &[u8]) -> Option<String> {
    if bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    Some(bytes.iter().flat_map(|byte| [char::from(digit(byte >> 4)), char::from(digit(byte & 15))]).collect())
}

/// The bytes of an id in hexadecimal digits; nothing if it is none.
pub(crate) fn id_bytes(id: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = id.as_bytes().as_chunks::<2>();
    let fits = rest.is_empty() && matches!(pairs.len(), 8 | 16);
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if fits { pairs.iter().map(byte).collect() } else { None }
}

/// The level that the beginning of a text names, in OpenTelemetry's words; empty if it names none.
pub(crate) fn detected(text: &str) -> &'static str {
    let head = text.as_bytes().get(..text.len().min(LOOKED_AT)).unwrap_or_default();
    let words = head.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| (3..=11).contains(&word.len()));
    words.filter_map(level).next().unwrap_or("")
}

fn level(word: &[u8]) -> Option<&'static str> {
    const LEVELS: [(&[u8], &str); 16] = [
        (b"error", "ERROR"),
        (b"err", "ERROR"),
        (b"eror", "ERROR"),
        (b"warn", "WARN"),
        (b"warning", "WARN"),
        (b"info", "INFO"),
        (b"information", "INFO"),
        (b"notice", "INFO"),
        (b"debug", "DEBUG"),
        (b"dbug", "DEBUG"),
        (b"trace", "TRACE"),
        (b"fatal", "FATAL"),
        (b"critical", "FATAL"),
        (b"crit", "FATAL"),
        (b"emerg", "FATAL"),
        (b"panic", "FATAL"),
    ];
    LEVELS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_found_in_a_text() {
        let cases = [
            (r#"level=warn msg="disk is slow""#, "WARN"),
            (r#"{"level":"error","msg":"info is old"}"#, "ERROR"),
            ("2026-11-25 10:00:00 [INFO] started", "INFO"),
            ("Informant arrived", ""),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(detected(text), expected, "{text}");
        }
    }

    #[test]
    fn room_is_made_for_what_the_last_request_became_and_no_more_than_was_sent() {
        let last = Mutex::default();
        let mut columns = LogColumns::with_room(1_000, &last);
        for _ in 0..100 {
            columns.attribute("k", "value");
            columns.push_alike(&Line { body: "0123456789", ..Line::default() }, 0).unwrap();
        }
        columns.same_resource(100, &[("host.name", &"x".repeat(1_000))]).unwrap();
        columns.remember(2_000, &last);
        let rows = columns.finish().unwrap().unwrap();
        assert_eq!(rows.num_rows(), 100);
        let next = LogColumns::with_room(4_000, &last);
        assert_eq!(next.body.values_capacity(), 2_125);
        assert_eq!(next.resource.values.values_capacity(), 4_000, "a resource is sent once");
        assert_eq!(LogColumns::with_room(100 << 20, &last).body.values_capacity(), ROOM);
        assert_eq!(LogColumns::default().body.values_capacity(), 0);
    }

    #[test]
    fn records_become_rows() {
        let mut columns = LogColumns::default();
        columns.attribute("http.method", "GET");
        columns.of_resource("service.name", "shop");
        let line = Line { ts: 5, service: "shop", body: "fatal: no", trace_id: &[0xab; 16], ..Line::default() };
        columns.push(&line).unwrap();
        columns.push(&Line { ts: 6, severity: "DEBUG", severity_number: 5, ..Line::default() }).unwrap();
        let rows = LogLine::decode(&columns.finish().unwrap().unwrap()).unwrap();
        assert_eq!((rows[0].severity.as_str(), rows[0].trace_id.clone()), ("FATAL", Some("ab".repeat(16))));
        assert_eq!(rows[0].attributes["http.method"], "GET");
        assert_eq!(rows[0].resource.as_ref().unwrap()["service.name"], "shop");
        assert_eq!((rows[1].severity_number, rows[1].span_id.clone(), rows[1].attributes.len()), (Some(5), None, 0));
        assert!(LogColumns::default().finish().unwrap().is_none());
    }
}
