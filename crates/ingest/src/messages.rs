//! Messages of a queue, which is read again from where we were after a crash: each is taken once.

use std::borrow::Cow;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use base::Limit;
use bus::BusError;
use model::rows::LogLine;
use model::{LogKind, Offset, RecordId, Row};
use wire::body::Encoding;
use wire::otlp::Format;
use wire::otlp::logs::LogsRequest;
use wire::otlp::metrics::MetricsRequest;
use wire::otlp::traces::TracesRequest;
use wire::utf8;

use crate::gate::RowsRoom;
use crate::members::{Members, MembersError};
use crate::request::Request;
use crate::rows::{Rows, internal};
use crate::{Ingest, IngestError, Permit, Refusals, Taken};

/// Where messages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Who reads, the same each time.
    pub producer: &'a str,
    /// What the messages are named by, such as a topic.
    pub topic: &'a str,
    /// The part of the queue that is in order.
    pub partition: u32,
}

/// What messages hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `ExportMetricsServiceRequest`.
    Metrics(Format),
    /// `ExportLogsServiceRequest`.
    Logs(Format),
    /// `ExportTraceServiceRequest`.
    Traces(Format),
    /// Log records, each a line with a JSON object.
    Lines,
}

/// A message: its place in the partition, and its bytes.
pub type Message<'a> = (Offset, &'a [u8]);

/// What became of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessagesTaken {
    /// What was taken.
    pub taken: Taken,
    /// Messages that are not what they should be, and why: nothing of them was taken, of lines what
    /// could be read.
    pub bad: Vec<(Offset, String)>,
}

/// What was read of messages so far.
struct Read {
    rows: Rows,
    logs: Vec<RecordBatch>,
    done: MessagesTaken,
}

impl Ingest {
    /// Up to which message of a partition everything is on the log; nothing if nothing is. Waits
    /// until the store has read what is there.
    ///
    /// # Errors
    /// If the log cannot be asked, or the store does not read it.
    pub async fn taken_up_to(&self, origin: &Origin<'_>) -> Result<Option<Offset>, IngestError> {
        let shard = self.home(origin);
        let (_, end) = self.0.log.bounds(shard).await?;
        if let Some(last) = end.0.checked_sub(1) {
            let read = self.0.store.wait_for(LogKind::Telemetry, shard, Offset(last)).await;
            let log = || LogKind::Telemetry.as_str().to_owned();
            read.map_err(|error| BusError::Closed { log: log(), problem: error.to_string() })?;
        }
        Ok(self.0.store.last_of(LogKind::Telemetry, shard, origin.producer, origin.partition))
    }

    /// Takes messages of a partition, in order; the first follows what was taken before. After an
    /// error the very same messages are given again.
    ///
    /// # Errors
    /// [`IngestError::Busy`], [`IngestError::Log`]: nothing is sure to be on the log. Of [`BusError::TooLarge`] nothing is, and fewer
    /// at once may be taken.
    pub async fn messages(
        &self,
        origin: &Origin<'_>,
        content: Content,
        messages: &[Message<'_>],
        room: &Permit,
    ) -> Result<MessagesTaken, IngestError> {
        let Some((last, _)) = messages.last() else { return Ok(MessagesTaken::default()) };
        let read = match content {
            Content::Lines => self.read_lines(origin, messages, room),
            _ => self.read_requests(content, messages, room),
        };
        let mut read = read.map_err(fewer)?;
        read.rows.any = self.home(origin);
        let logs = match read.logs.is_empty() {
            true => None,
            false => Some(concat_batches(&LogLine::schema(), &read.logs).map_err(internal)?),
        };
        let id = RecordId { producer: origin.producer.to_owned(), shard: origin.partition, offset: *last, index: 0 };
        self.append_once(read.rows, logs, id).await?;
        read.done.taken.count("kafka");
        Ok(read.done)
    }

    /// The shard in which a partition's progress is.
    fn home(&self, origin: &Origin<'_>) -> u32 {
        origin.partition % self.0.log.shards().max(1)
    }

    fn read_requests(&self, content: Content, messages: &[Message<'_>], room: &Permit) -> Result<Read, IngestError> {
        let (rows, limit) = self.nothing_read(room);
        let mut read = Read { rows, logs: Vec::new(), done: MessagesTaken::default() };
        for (offset, bytes) in messages {
            match self.read_message(content, bytes, &read.rows.room) {
                Ok((rows, taken)) => {
                    read.logs.extend(read.rows.absorb(rows)?);
                    // Each may become as much as a request, and not all of them.
                    limit.check(read.rows.bytes())?;
                    read.rows.cover(self)?;
                    read.done.taken.add(taken);
                }
                // They are no message's fault.
                Err(error @ (IngestError::Internal(_) | IngestError::Busy { .. } | IngestError::InFlight(_))) => {
                    return Err(error);
                }
                Err(error) => read.done.bad.push((*offset, error.to_string())),
            }
        }
        Ok(read)
    }

    /// No rows, and what they may become. Who reads a request looks at the catalog: nobody may while the next does.
    fn nothing_read(&self, room: &Permit) -> (Rows, Limit) {
        let Request { rows, limit, .. } = Request::new(self, room.rows());
        (rows, limit)
    }

    fn read_message(&self, content: Content, bytes: &[u8], room: &RowsRoom) -> Result<(Rows, Taken), IngestError> {
        let raw = Encoding::Identity;
        match content {
            Content::Metrics(format) => self
                .otlp::<MetricsRequest<'_>, _>(bytes, raw, format, |bytes, _| self.read_metrics(bytes, room.another())),
            Content::Logs(format) => self.otlp::<LogsRequest<'_>, _>(bytes, raw, format, |bytes, is_lossy| {
                self.read_logs(bytes, is_lossy, room.another())
            }),
            Content::Traces(format) => self.otlp::<TracesRequest<'_>, _>(bytes, raw, format, |bytes, is_lossy| {
                self.read_traces(bytes, is_lossy, room.another())
            }),
            Content::Lines => Err(IngestError::Internal("lines are read together".to_owned())),
        }
    }

    fn read_lines(&self, origin: &Origin<'_>, messages: &[Message<'_>], room: &Permit) -> Result<Read, IngestError> {
        let mut request = Request::new(self, room.rows());
        let mut bad = Vec::new();
        for (offset, bytes) in messages {
            let mut problems = Refusals::default();
            for (n, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
                let line = line.trim_ascii();
                if line.is_empty() {
                    continue;
                }
                let text = utf8::lossy(line);
                match Members::read(&text, matches!(text, Cow::Owned(_)), |bytes| request.fits(bytes)) {
                    Ok(members) => request.document(members, "topic", origin.topic)?,
                    Err(MembersError::Paths(error)) => return Err(error),
                    Err(error) => problems.push(|| format!("line {n} is no JSON object: {error}")),
                }
            }
            if problems.count() > 0 {
                bad.push((*offset, problems.to_string()));
            }
        }
        let Request { mut rows, taken, .. } = request;
        let logs = std::mem::take(&mut rows.logs).finish().map_err(internal)?;
        Ok(Read { rows, logs: logs.into_iter().collect(), done: MessagesTaken { taken, bad } })
    }
}

/// What messages would become is too much for one append too.
fn fewer(error: IngestError) -> IngestError {
    match error {
        IngestError::Rows(source) | IngestError::InFlight(source) => {
            IngestError::Log(BusError::TooLarge { log: LogKind::Telemetry.as_str().to_owned(), source })
        }
        other => other,
    }
}
