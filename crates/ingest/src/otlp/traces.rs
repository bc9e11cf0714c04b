use std::fmt::Write as _;

use model::Labels;
use model::rows::Span as Row;
use wire::body::Encoding;
use wire::otlp::traces::{ResourceSpans, Span, TracesRequest, kind, status};
use wire::otlp::{Format, KeyValue, text_of};
use wire::pb::{Repeated, View};

use super::labels::text;
use super::scope::{LEFT_OUT, Library};
use crate::gate::RowsRoom;
use crate::histograms::time;
use crate::logs::{LOSSY, id_text};
use crate::parts::Sent;
use crate::request::Request;
use crate::rows::Rows;
use crate::weight::{LABEL, of_labels};
use crate::{Ingest, IngestError, Permit, Taken};

impl Ingest {
    /// Takes spans: `ExportTraceServiceRequest`.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn otlp_traces(
        &self,
        body: &[u8],
        encoding: Encoding,
        format: Format,
        room: &Permit,
    ) -> Result<Taken, IngestError> {
        let (rows, taken) = self.otlp::<TracesRequest<'_>, _>(body, encoding, format, |body, is_lossy| {
            self.read_traces(body, is_lossy, room.rows())
        })?;
        self.commit(rows, taken, Sent { protocol: "otlp", place: "traces", body }).await
    }

    pub(crate) fn read_traces(
        &self,
        body: &[u8],
        is_lossy: bool,
        room: RowsRoom,
    ) -> Result<(Rows, Taken), IngestError> {
        let sent = TracesRequest::decode(body)?;
        let mut request = Request::new(self, room);
        request.is_lossy = is_lossy;
        for resource in sent.resource_spans {
            request.resource_spans(&resource?)?;
        }
        Ok((request.rows, request.taken))
    }
}

impl Request<'_> {
    fn resource_spans(&mut self, sent: &ResourceSpans<'_>) -> Result<(), IngestError> {
        let (mut resource, mut service) = (Labels::new(), "");
        if let Some(of) = &sent.resource {
            service = text_of(&of.attributes, "service.name")?.unwrap_or_default();
            resource = self.labels(&of.attributes)?;
        }
        let (size, is_lossy) = (of_labels(&resource), self.any_replaced(&resource));
        for scope in sent.scope_spans {
            let scope = scope?;
            let library = self.of_library(scope.scope.as_ref(), scope.schema_url, is_lossy)?;
            let size = size + of_labels(&library.about) + library.name.len();
            for span in scope.spans {
                self.fits(size as u64)?;
                self.span(&span?, service, &resource, &library)?;
            }
        }
        Ok(())
    }

    /// Takes a span of a library. What it says itself stands.
    fn span(
        &mut self,
        span: &Span<'_>,
        service: &str,
        resource: &Labels,
        library: &Library<'_>,
    ) -> Result<(), IngestError> {
        let (Some(trace_id), Some(span_id)) = (id_text(span.trace_id), id_text(span.span_id)) else {
            self.taken.refused.push(|| format!("span `{}` has no trace id or no span id", cut(span.name)));
            return Ok(());
        };
        let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (events, links) = (self.events(span)?, self.links(span)?);
        let mut attributes = self.labels(&span.attributes)?;
        let message = span.status.map_or("", |status| status.message);
        let lists = [&events, &links].map(|list| list.as_deref().unwrap_or_default());
        let texts = [span.name, span.trace_state, message];
        let is_lossy = library.is_lossy
            || self.any_replaced(&attributes)
            || texts.iter().chain(&lists).any(|text| self.is_replaced(text));
        let counts = [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count];
        let left_out = LEFT_OUT.into_iter().zip(counts).filter(|(_, count)| *count > 0);
        let left_out = left_out.map(|(name, count)| (name.to_owned(), count.to_string()));
        let about = library.about.iter().map(|(key, value)| (key.clone(), value.clone()));
        let lossy = is_lossy.then(|| (LOSSY.to_owned(), "true".to_owned()));
        for (key, value) in left_out.chain(about).chain(lossy) {
            attributes.entry(key).or_insert(value);
        }
        let duration = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano);
        let row = Row {
            ts: time(span.start_time_unix_nano),
            service: service.to_owned(),
            name: span.name.to_owned(),
            kind: kind(span.kind).to_owned(),
            trace_id,
            span_id,
            parent_span_id: id_text(span.parent_span_id),
            trace_state: optional(span.trace_state),
            duration_ns: i64::try_from(duration).unwrap_or(i64::MAX),
            status: status(span.status.map_or(0, |status| status.code)).to_owned(),
            status_message: optional(message),
            attributes,
            resource: resource.clone(),
            scope: optional(library.name),
            events,
            links,
        };
        self.take_span(row)
    }

    /// Attributes, their values as texts.
    pub fn labels<'w>(&mut self, attributes: &Repeated<'w, KeyValue<'w>>) -> Result<Labels, IngestError> {
        self.fits((attributes.len() * LABEL) as u64)?;
        let mut labels = Labels::new();
        for attribute in attributes.iter() {
            let KeyValue { key, value } = attribute?;
            labels.insert(key.to_owned(), text(value)?.into_owned());
        }
        Ok(labels)
    }

    fn events(&mut self, span: &Span<'_>) -> Result<Option<String>, IngestError> {
        let mut out = String::new();
        for event in span.events {
            let event = event?;
            let name = serde_json::to_string(event.name).unwrap_or_default();
            let attributes = json(&self.labels(&event.attributes)?);
            let comma = if out.is_empty() { '[' } else { ',' };
            let _ = write!(out, r#"{comma}{{"time":{},"name":{name},"attributes":{attributes}"#, event.time_unix_nano);
            close(&mut out, event.dropped_attributes_count);
            self.fits(out.len() as u64)?;
        }
        Ok(closed(out))
    }

    fn links(&mut self, span: &Span<'_>) -> Result<Option<String>, IngestError> {
        let mut out = String::new();
        for link in span.links {
            let link = link?;
            let (trace, span) = (id_text(link.trace_id).unwrap_or_default(), id_text(link.span_id).unwrap_or_default());
            let attributes = json(&self.labels(&link.attributes)?);
            let comma = if out.is_empty() { '[' } else { ',' };
            let _ = write!(out, r#"{comma}{{"trace_id":"{trace}","span_id":"{span}","attributes":{attributes}"#);
            if !link.trace_state.is_empty() {
                let state = serde_json::to_string(link.trace_state).unwrap_or_default();
                let _ = write!(out, r#","trace_state":{state}"#);
            }
            close(&mut out, link.dropped_attributes_count);
            self.fits(out.len() as u64)?;
        }
        Ok(closed(out))
    }
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

fn json(labels: &Labels) -> String {
    // It fails only for maps with keys that are no texts.
    serde_json::to_string(labels).unwrap_or_default()
}

/// Ends an event or a link, of which the sender left out so many attributes.
fn close(out: &mut String, left_out: u32) {
    if left_out > 0 {
        let _ = write!(out, r#","dropped_attributes_count":{left_out}"#);
    }
    out.push('}');
}

fn closed(mut list: String) -> Option<String> {
    if list.is_empty() {
        return None;
    }
    list.push(']');
    Some(list)
}
