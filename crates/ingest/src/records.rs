//! Log records of who reads them itself: syslog, files, the journal.

use arrow::array::RecordBatch;
use model::{Batch, Stream};

use crate::logs::{Line, LogColumns, id_bytes};
use crate::rows::KEY;
use crate::{Ingest, IngestError, Taken};

/// Bytes that a record takes beside its texts.
const OVERHEAD: usize = 64;

/// A record, but for its attributes and resource. Texts that are empty are not there.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogEntry<'a> {
    /// Nanoseconds since the epoch.
    pub ts: i64,
    /// What logs.
    pub service: &'a str,
    /// OpenTelemetry's severity text; empty where the message may name one.
    pub severity: &'a str,
    /// OpenTelemetry's severity number, 1 to 24; 0 if it is not known.
    pub severity_number: i64,
    /// The message.
    pub body: &'a str,
    /// When it was seen, in nanoseconds since the epoch; 0 if that is not known.
    pub observed: i64,
    /// 32 hexadecimal digits; anything else is no id.
    pub trace_id: &'a str,
    /// 16 hexadecimal digits; anything else is no id.
    pub span_id: &'a str,
}

/// Records that are gathered to be handed over together.
#[derive(Default)]
pub struct LogBatch {
    columns: LogColumns,
    rows: usize,
    bytes: usize,
}

impl std::fmt::Debug for LogBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogBatch").field("rows", &self.rows).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl LogBatch {
    /// Adds an attribute of the record that is pushed next.
    pub fn attribute(&mut self, name: &str, value: &str) {
        self.bytes += name.len() + value.len();
        self.columns.attribute(name, value);
    }

    /// Adds an attribute of the resource of the record that is pushed next.
    pub fn of_resource(&mut self, name: &str, value: &str) {
        self.bytes += name.len() + value.len();
        self.columns.of_resource(name, value);
    }

    /// Adds a record; its attributes were added one by one before, and so was its resource.
    ///
    /// # Errors
    /// [`IngestError::Internal`]: a bug of ours.
    pub fn push(&mut self, entry: &LogEntry<'_>) -> Result<(), IngestError> {
        let id = |text: &str, digits: usize| if text.len() == digits { id_bytes(text) } else { None };
        let (trace_id, span_id) = (id(entry.trace_id, 32), id(entry.span_id, 16));
        let line = Line {
            ts: entry.ts,
            service: entry.service,
            severity: entry.severity,
            severity_number: entry.severity_number,
            body: entry.body,
            observed: entry.observed,
            trace_id: trace_id.as_deref().unwrap_or_default(),
            span_id: span_id.as_deref().unwrap_or_default(),
            ..Line::default()
        };
        self.rows += 1;
        self.bytes += entry.service.len() + entry.body.len() + OVERHEAD;
        self.columns.push(&line).map_err(|error| IngestError::Internal(error.to_string()))
    }

    /// How many records there are.
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// About how many bytes they take.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is handed over; nothing if there is no record.
    ///
    /// # Errors
    /// [`IngestError::Internal`]: a bug of ours.
    pub fn finish(self) -> Result<Option<Logs>, IngestError> {
        let data = self.columns.finish().map_err(|error| IngestError::Internal(error.to_string()))?;
        Ok(data.map(|data| Logs { data, bytes: self.bytes as u64 }))
    }
}

/// Records that are to be taken, as often as it needs.
#[derive(Clone, Debug)]
pub struct Logs {
    data: RecordBatch,
    bytes: u64,
}

impl Logs {
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.data.num_rows()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.data.num_rows() == 0
    }

    /// About how many bytes they take.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Its two halves; nothing if it is a single record.
    pub fn halves(&self) -> Option<[Self; 2]> {
        let middle = self.len() / 2;
        let part = |from: usize, len: usize| Self { data: self.data.slice(from, len), bytes: self.bytes / 2 };
        (middle > 0).then(|| [part(0, middle), part(middle, self.len() - middle)])
    }
}

impl Ingest {
    /// Takes log records; when it returns they are durable. `protocol` names the way by which they came, in metrics.
    ///
    /// # Errors
    /// [`IngestError::Busy`] and [`IngestError::Log`]: the same again, later.
    pub async fn take_logs(&self, logs: &Logs, protocol: &'static str) -> Result<Taken, IngestError> {
        let inner = &self.0;
        let any = inner.clock.now().nanos().unsigned_abs() / 1_000;
        let shard = u32::try_from(any % u64::from(inner.log.shards().max(1))).unwrap_or(0);
        self.keeps_up(shard)?;
        let batch = Batch { stream: Stream::Logs, key: KEY.to_owned(), id: None, data: logs.data.clone() };
        let last = inner.log.append(shard, vec![batch]).await?;
        self.appended(shard, last);
        let taken = Taken { logs: logs.len(), ..Taken::default() };
        taken.count(protocol);
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use model::Row;
    use model::rows::LogLine;

    use super::*;

    #[test]
    fn what_is_gathered_is_a_batch_and_ids_that_are_none_are_left_out() {
        assert!(LogBatch::default().finish().unwrap().is_none());
        let mut batch = LogBatch::default();
        batch.attribute("a", "b");
        batch.of_resource("host.name", "web-1");
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let entry = LogEntry {
            ts: 7,
            service: "shop",
            body: "warn: x",
            trace_id: trace,
            span_id: span,
            observed: 9,
            ..LogEntry::default()
        };
        batch.push(&entry).unwrap();
        batch.push(&LogEntry { trace_id: span, span_id: "no", severity: "INFO", ..entry }).unwrap();
        assert_eq!((batch.len(), batch.bytes()), (2, 2 + 14 + 2 * (11 + OVERHEAD)));
        let logs = batch.finish().unwrap().unwrap();
        let rows = LogLine::decode(&logs.data).unwrap();
        let ids = |row: &LogLine| (row.trace_id.clone(), row.span_id.clone());
        assert_eq!(ids(&rows[0]), (Some(trace.to_owned()), Some(span.to_owned())));
        assert_eq!(ids(&rows[1]), (None, None), "a span's id is no trace's");
        assert_eq!((rows[0].severity.as_str(), rows[1].severity.as_str()), ("WARN", "INFO"));
        assert_eq!(rows[0].resource.as_ref().unwrap()["host.name"], "web-1");
        assert_eq!((logs.len(), rows[1].attributes.len()), (2, 0));
        let [first, second] = logs.halves().unwrap();
        assert_eq!((LogLine::decode(&first.data).unwrap(), second.len()), (rows[..1].to_vec(), 1));
        assert!(first.halves().is_none());
    }
}
