//! Spans and log records on their way out of the process.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use base::Clock;
use base::queue::{Receiver, Sender, bounded};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1 as proto;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogProcessor, SdkLogRecord};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prost::Message;

/// Spans that may wait, and log records beside them: what makes many spans must not push out what tells of
/// it. Those that find no room are counted and lost, so that telling of work never holds it up.
const WAITING: usize = 4096;

/// Spans and log records of one request.
const BATCH: usize = 512;

/// How long the first of a batch waits for more.
const LINGER: Duration = Duration::from_secs(1);

type Log = (SdkLogRecord, InstrumentationScope);

#[derive(Debug)]
enum Item {
    Span(Box<SpanData>),
    Log(Box<Log>),
}

/// Where spans and log records come out.
#[derive(Debug)]
pub struct Outlet {
    spans: Receiver<Box<SpanData>>,
    logs: Receiver<Box<Log>>,
    resource: Resource,
}

/// What came in a while, as requests of OTLP in protobuf
/// (<https://opentelemetry.io/docs/specs/otlp/>).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// `ExportTraceServiceRequest`, if there are spans.
    pub traces: Option<Vec<u8>>,
    /// `ExportLogsServiceRequest`, if there are log records.
    pub logs: Option<Vec<u8>>,
}

/// The way in.
#[derive(Clone, Debug)]
pub(crate) struct Inlet {
    spans: Sender<Box<SpanData>>,
    logs: Sender<Box<Log>>,
}

impl Outlet {
    /// Both ends; `resource` is what sends, as attributes of OpenTelemetry's conventions.
    pub(crate) fn new(resource: &[(&'static str, String)]) -> (Inlet, Self) {
        let (spans, of_spans) = bounded("own spans", WAITING);
        let (logs, of_logs) = bounded("own log records", WAITING);
        let attributes = resource.iter().map(|(key, value)| KeyValue::new(*key, value.clone()));
        let resource = Resource::builder_empty().with_attributes(attributes).build();
        (Inlet { spans, logs }, Self { spans: of_spans, logs: of_logs, resource })
    }

    /// Waits for something and then a second for more. `None` once nothing will come.
    pub async fn batch(&mut self, clock: &Clock) -> Option<Batch> {
        let mut items = vec![self.next().await?];
        let until = clock.monotonic() + LINGER;
        while items.len() < BATCH {
            let left = until.saturating_sub(clock.monotonic());
            match clock.timeout(left, self.next()).await {
                Ok(Some(item)) => items.push(item),
                Ok(None) | Err(_) => break,
            }
        }
        Some(self.encode(items))
    }

    /// The next that came, log records first; `None` once nothing will come.
    async fn next(&mut self) -> Option<Item> {
        poll_fn(|context| {
            let no_logs = match pin!(self.logs.recv()).poll(context) {
                Poll::Ready(Some(log)) => return Poll::Ready(Some(Item::Log(log))),
                nothing => nothing.is_ready(),
            };
            match pin!(self.spans.recv()).poll(context) {
                Poll::Ready(Some(span)) => Poll::Ready(Some(Item::Span(span))),
                Poll::Ready(None) if no_logs => Poll::Ready(None),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// What sends, as OTLP has it.
    pub fn resource(&self) -> proto::Resource {
        let attributes = ResourceAttributesWithSchema::from(&self.resource).attributes.0;
        proto::Resource { attributes, ..Default::default() }
    }

    fn encode(&self, items: Vec<Item>) -> Batch {
        let (mut spans, mut logs) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                Item::Span(span) => spans.push(*span),
                Item::Log(log) => logs.push(log),
            }
        }
        let resource = ResourceAttributesWithSchema::from(&self.resource);
        let records: Vec<_> = logs.iter().map(|log| (&log.0, &log.1)).collect();
        let traces = (!spans.is_empty())
            .then(|| ExportTraceServiceRequest { resource_spans: group_spans_by_resource_and_scope(spans, &resource) });
        let logs = (!records.is_empty()).then(|| ExportLogsServiceRequest {
            resource_logs: group_logs_by_resource_and_scope(&LogBatch::new(&records), &resource),
        });
        Batch {
            traces: traces.map(|request| request.encode_to_vec()),
            logs: logs.map(|request| request.encode_to_vec()),
        }
    }
}

impl Inlet {
    fn put<T>(queue: &Sender<T>, item: T, signal: &'static str) {
        if queue.try_send(item).is_err() {
            metrics::counter!("steadfast_own_telemetry_lost_total", "signal" => signal).increment(1);
        }
    }
}

impl SpanProcessor for Inlet {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        Self::put(&self.spans, Box::new(span), "traces");
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl LogProcessor for Inlet {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        Self::put(&self.logs, Box::new((record.clone(), scope.clone())), "logs");
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use opentelemetry::logs::{Logger, LoggerProvider};
    use opentelemetry::trace::{Span, Tracer, TracerProvider};
    use opentelemetry_sdk::logs::SdkLoggerProvider;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    use super::*;

    #[test]
    fn spans_push_out_no_log_record() {
        let (inlet, mut outlet) = Outlet::new(&[]);
        let builder = SdkTracerProvider::builder().with_span_processor(inlet.clone());
        let tracer = builder.with_sampler(Sampler::AlwaysOn).build().tracer("test");
        (0..=WAITING).for_each(|_| tracer.start("asked").end());
        let logger = SdkLoggerProvider::builder().with_log_processor(inlet).build().logger("test");
        logger.emit(logger.create_log_record());
        let mut next = || {
            let next = pin!(outlet.next()).poll(&mut Context::from_waker(Waker::noop()));
            matches!(next, Poll::Ready(Some(Item::Log(_))))
        };
        assert!(next(), "the log record was lost, or comes after all spans");
        assert!(!next(), "there was but one");
    }
}
