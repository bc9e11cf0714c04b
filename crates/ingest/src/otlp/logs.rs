use std::borrow::Cow;
use std::collections::BTreeSet;

use wire::body::Encoding;
use wire::otlp::logs::{LogRecord, LogsRequest, ResourceLogs, severity};
use wire::otlp::{AnyValue, Format, KeyValue, text_of};
use wire::pb::{Error, View};

use super::labels::text;
use super::scope::{LEFT_OUT, Library, OURS};
use crate::gate::RowsRoom;
use crate::logs::{LOSSY, Line, LogColumns, attribute_bytes};
use crate::parts::Sent;
use crate::request::Request;
use crate::rows::{Rows, internal};
use crate::{Ingest, IngestError, Permit, Taken};

impl Ingest {
    /// Takes log records: `ExportLogsServiceRequest`.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn otlp_logs(
        &self,
        body: &[u8],
        encoding: Encoding,
        format: Format,
        room: &Permit,
    ) -> Result<Taken, IngestError> {
        let (rows, taken) = self.otlp::<LogsRequest<'_>, _>(body, encoding, format, |body, is_lossy| {
            self.read_logs(body, is_lossy, room.rows())
        })?;
        self.commit(rows, taken, Sent { protocol: "otlp", place: "logs", body }).await
    }

    pub(crate) fn read_logs(&self, body: &[u8], is_lossy: bool, room: RowsRoom) -> Result<(Rows, Taken), IngestError> {
        let sent = LogsRequest::decode(body)?;
        let mut request = Request::new(self, room);
        request.is_lossy = is_lossy;
        request.rows.logs = LogColumns::with_room(body.len(), &self.0.shapes.otlp);
        for resource in sent.resource_logs {
            request.resource_logs(&resource?)?;
        }
        request.rows.logs.remember(body.len(), &self.0.shapes.otlp);
        Ok((request.rows, request.taken))
    }
}

impl Request<'_> {
    fn resource_logs(&mut self, sent: &ResourceLogs<'_>) -> Result<(), IngestError> {
        let (mut of_resource, mut service, mut is_lossy) = (Vec::new(), "", false);
        if let Some(resource) = &sent.resource {
            self.fits((resource.attributes.len() * size_of::<(&str, Cow<'_, str>)>()) as u64)?;
            service = text_of(&resource.attributes, "service.name")?.unwrap_or_default();
            for attribute in resource.attributes {
                let KeyValue { key, value } = attribute?;
                let value = text(value)?;
                is_lossy |= self.is_replaced(key) || self.is_replaced(&value);
                of_resource.push((key, value));
            }
        }
        let of_resource: Vec<(&str, &str)> = of_resource.iter().map(|(key, value)| (*key, &**value)).collect();
        let bytes = of_resource.iter().map(|(key, value)| attribute_bytes(key, value)).sum();
        let before = self.taken.logs;
        for scope in sent.scope_logs {
            let scope = scope?;
            let library = self.of_library(scope.scope.as_ref(), scope.schema_url, is_lossy)?;
            for record in scope.log_records {
                self.log_record(&record?, service, &library, bytes)?;
            }
        }
        self.rows.logs.same_resource(self.taken.logs - before, &of_resource).map_err(internal)
    }

    /// Takes a record of a library; its resource is added afterwards, so many bytes of it. What the record says itself stands.
    fn log_record(
        &mut self,
        record: &LogRecord<'_>,
        service: &str,
        library: &Library<'_>,
        resource: u64,
    ) -> Result<(), IngestError> {
        let (mut is_lossy, mut own) = (library.is_lossy, BTreeSet::new());
        for attribute in record.attributes {
            let KeyValue { key, value } = attribute?;
            let value = text(value)?;
            is_lossy |= self.is_replaced(key) || self.is_replaced(&value);
            if key.starts_with(OURS) || key == LOSSY {
                own.insert(key);
            }
            self.rows.logs.attribute(key, &value);
        }
        for (key, value) in library.about.iter().filter(|(key, _)| !own.contains(key.as_str())) {
            self.rows.logs.attribute(key, value);
        }
        if record.dropped_attributes_count > 0 && !own.contains(LEFT_OUT[0]) {
            self.rows.logs.attribute(LEFT_OUT[0], &record.dropped_attributes_count.to_string());
        }
        let nanos = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
        let observed = nanos(record.observed_time_unix_nano);
        let ts = match (nanos(record.time_unix_nano), observed) {
            (0, 0) => self.now.nanos(),
            (0, observed) => observed,
            (ts, _) => ts,
        };
        let named = if record.severity_text.is_empty() { severity(record.severity_number) } else { None };
        let body = body(record)?;
        is_lossy |= [&*body, record.severity_text, record.event_name].into_iter().any(|text| self.is_replaced(text));
        if is_lossy && !own.contains(LOSSY) {
            self.rows.logs.lossy();
        }
        let line = Line {
            ts,
            service,
            severity: named.unwrap_or(record.severity_text),
            severity_number: i64::from(record.severity_number),
            body: &body,
            observed,
            trace_id: record.trace_id,
            span_id: record.span_id,
            scope: library.name,
            event: record.event_name,
        };
        self.rows.logs.push_alike(&line, resource).map_err(internal)?;
        self.taken.logs += 1;
        self.fits(0)
    }
}

/// The message: a text as it is, anything else as JSON.
fn body<'a>(record: &LogRecord<'a>) -> Result<Cow<'a, str>, Error> {
    match record.body {
        Some(AnyValue::String(text)) => Ok(text.into()),
        other => text(other),
    }
}
