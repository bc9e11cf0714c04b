//! Loki's push: lines of streams as log records.

use std::ops::ControlFlow;

use wire::body::{BodyError, Encoding};
use wire::loki::{Entry, Label, LabelsError, PushError, Sink, read_json, read_protobuf};
use wire::otlp::Format;

use crate::gate::RowsRoom;
use crate::logs::{Line, LogColumns, id_bytes};
use crate::parts::Sent;
use crate::request::Request;
use crate::rows::Rows;
use crate::scratch::with_scratch;
use crate::weight::LABEL;
use crate::{Ingest, IngestError, Permit, Taken};

/// Labels that name the service, the first that is there; `service_name` is what Loki itself makes.
const SERVICE: [&str; 8] =
    ["service_name", "service", "app", "application", "name", "app_kubernetes_io_name", "container", "job"];
/// Labels and metadata that name the level.
const LEVEL: [&str; 4] = ["detected_level", "level", "severity", "lvl"];

impl Ingest {
    /// Takes a push: `logproto.PushRequest`, or JSON.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn loki_push(
        &self,
        body: &[u8],
        encoding: Encoding,
        format: Format,
        room: &Permit,
    ) -> Result<Taken, IngestError> {
        let (rows, taken) = with_scratch(|[buffer, _]| {
            let body = encoding.decode(body, self.decoded(), buffer)?;
            self.read_push(body, format, room.rows())
        })?;
        self.commit(rows, taken, Sent { protocol: "loki", place: "", body }).await
    }

    fn read_push(&self, body: &[u8], format: Format, room: RowsRoom) -> Result<(Rows, Taken), IngestError> {
        let mut request = Request::new(self, room);
        request.rows.logs = LogColumns::with_room(body.len(), &self.0.shapes.loki);
        let mut lines = Lines { request, stream: Vec::new(), service: String::new(), failed: None };
        match format {
            Format::Protobuf => read_protobuf(body, &mut lines)?,
            Format::Json => read_json(body, self.decoded(), &mut lines).map_err(too_large)?,
        }
        match lines.failed {
            Some(error) => Err(error),
            None => {
                lines.request.rows.logs.remember(body.len(), &self.0.shapes.loki);
                Ok((lines.request.rows, lines.request.taken))
            }
        }
    }
}

/// What is too large is answered as what is decompressed to too much.
fn too_large(error: PushError) -> IngestError {
    match error {
        PushError::TooLarge(limit) => IngestError::Body(BodyError::TooLarge(limit)),
        other => other.into(),
    }
}

/// A push that is being read.
struct Lines<'a> {
    request: Request<'a>,
    /// The labels of the stream.
    stream: Vec<(String, String)>,
    service: String,
    failed: Option<IngestError>,
}

fn named<'l>(labels: impl Iterator<Item = (&'l str, &'l str)> + Clone, names: &[&str]) -> Option<&'l str> {
    names.iter().find_map(|name| labels.clone().find(|(other, _)| other == name).map(|(_, value)| value))
}

impl Sink for Lines<'_> {
    fn stream(&mut self, labels: &[Label<'_>]) -> ControlFlow<()> {
        let bytes: usize = labels.iter().map(|(name, value)| name.len() + value.len() + LABEL).sum();
        if let Err(error) = self.request.fits(bytes as u64) {
            self.failed = Some(error);
            return ControlFlow::Break(());
        }
        self.stream = labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let pairs = self.stream.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.service = named(pairs, &SERVICE).unwrap_or_default().to_owned();
        ControlFlow::Continue(())
    }

    fn refused(&mut self, stream: usize, error: &LabelsError) {
        self.request.taken.refused.push(|| format!("stream {stream}: {error}"));
    }

    fn entry(&mut self, entry: Entry<'_>) -> ControlFlow<()> {
        let stream = self.stream.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let metadata = entry.metadata.iter().map(|(name, value)| (&**name, &**value));
        let logs = &mut self.request.rows.logs;
        for (name, value) in stream.clone() {
            logs.of_resource(name, value);
        }
        let id = |name: &str| metadata.clone().find(|(other, _)| *other == name).and_then(|(_, value)| id_bytes(value));
        let (trace_id, span_id) = (id("trace_id").unwrap_or_default(), id("span_id").unwrap_or_default());
        for (name, value) in metadata.clone() {
            logs.attribute(name, value);
        }
        if entry.lossy {
            logs.lossy();
        }
        let level = named(metadata.chain(stream), &LEVEL).unwrap_or_default();
        let line = Line {
            ts: entry.time_ns,
            service: &self.service,
            severity: if level.is_empty() { "" } else { crate::logs::detected(level) },
            body: entry.line,
            trace_id: &trace_id,
            span_id: &span_id,
            ..Line::default()
        };
        self.request.taken.logs += 1;
        let pushed = logs.push(&line).map_err(|error| IngestError::Internal(error.to_string()));
        match pushed.and_then(|()| self.request.fits(0)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}
