//! Log records as columns, filled record by record.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, MapBuilder, RecordBatch, StringBuilder, TimestampNanosecondBuilder};
use arrow::error::ArrowError;
use model::Row;
use model::rows::LogLine;

/// Bytes of a text in which a level is looked for.
const LOOKED_AT: usize = 256;

/// Bytes of a record beside its texts, and of an attribute beside its own: columns have room to grow.
const RECORD: u64 = 128;
const ATTRIBUTE: usize = 16;

type Labels = MapBuilder<StringBuilder, StringBuilder>;

/// The columns of [`LogLine`].
pub(crate) struct LogColumns {
    rows: usize,
    /// About how many they take.
    bytes: u64,
    ts: TimestampNanosecondBuilder,
    service: StringBuilder,
    severity: StringBuilder,
    body: StringBuilder,
    attributes: Labels,
    severity_number: Int64Builder,
    observed: TimestampNanosecondBuilder,
    trace_id: StringBuilder,
    span_id: StringBuilder,
    resource: Labels,
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

impl Default for LogColumns {
    fn default() -> Self {
        let text = StringBuilder::new;
        let labels = || MapBuilder::new(None, text(), text());
        Self {
            rows: 0,
            bytes: 0,
            ts: TimestampNanosecondBuilder::new(),
            service: text(),
            severity: text(),
            body: text(),
            attributes: labels(),
            severity_number: Int64Builder::new(),
            observed: TimestampNanosecondBuilder::new(),
            trace_id: text(),
            span_id: text(),
            resource: labels(),
            scope: text(),
            event: text(),
        }
    }
}

impl LogColumns {
    /// Adds a record; its attributes were added one by one before, and so was its resource.
    pub fn push(&mut self, line: &Line<'_>) -> Result<(), ArrowError> {
        let severity = if line.severity.is_empty() { detected(line.body) } else { line.severity };
        self.rows += 1;
        self.bytes += RECORD + (line.service.len() + line.body.len() + line.scope.len() + line.event.len()) as u64;
        self.ts.append_value(line.ts);
        self.service.append_value(line.service);
        self.severity.append_value(severity);
        self.body.append_value(line.body);
        self.attributes.append(true)?;
        self.severity_number.append_option((line.severity_number > 0).then_some(line.severity_number));
        self.observed.append_option((line.observed > 0).then_some(line.observed));
        id(&mut self.trace_id, line.trace_id);
        id(&mut self.span_id, line.span_id);
        self.resource.append(true)?;
        optional(&mut self.scope, line.scope);
        optional(&mut self.event, line.event);
        Ok(())
    }

    /// Adds an attribute of the record that is pushed next.
    pub fn attribute(&mut self, name: &str, value: &str) {
        self.bytes += (name.len() + value.len() + ATTRIBUTE) as u64;
        self.attributes.keys().append_value(name);
        self.attributes.values().append_value(value);
    }

    /// Adds an attribute of the resource of the record that is pushed next.
    pub fn of_resource(&mut self, name: &str, value: &str) {
        self.bytes += (name.len() + value.len() + ATTRIBUTE) as u64;
        self.resource.keys().append_value(name);
        self.resource.values().append_value(value);
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
            Arc::new(self.attributes.finish()),
            Arc::new(self.severity_number.finish()),
            Arc::new(self.observed.finish()),
            Arc::new(self.trace_id.finish()),
            Arc::new(self.span_id.finish()),
            Arc::new(self.resource.finish()),
            Arc::new(self.scope.finish()),
            Arc::new(self.event.finish()),
        ];
        RecordBatch::try_new(LogLine::schema(), columns).map(Some)
    }
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
        *pair = [digit(byte >> 4), digit(byte & 15)];
        length += 2;
    }
    let text = digits.get(..length).and_then(|digits| std::str::from_utf8(digits).ok());
    column.append_option(text);
}

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
