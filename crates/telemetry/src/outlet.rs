//! Spans and log records on their way out of the process.

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

/// Spans and log records that may wait; those that find no room are counted and lost, so that
/// telling of work never holds it up.
const WAITING: usize = 4096;

/// Spans and log records of one request.
const BATCH: usize = 512;

/// How long the first of a batch waits for more.
const LINGER: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Item {
    Span(Box<SpanData>),
    Log(Box<(SdkLogRecord, InstrumentationScope)>),
}

/// Where spans and log records come out.
#[derive(Debug)]
pub struct Outlet {
    items: Receiver<Item>,
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
pub(crate) struct Inlet(Sender<Item>);

impl Outlet {
    /// Both ends; `resource` is what sends, as attributes of OpenTelemetry's conventions.
    pub(crate) fn new(resource: &[(&'static str, String)]) -> (Inlet, Self) {
        let (sender, items) = bounded("own telemetry", WAITING);
        let attributes = resource.iter().map(|(key, value)| KeyValue::new(*key, value.clone()));
        (Inlet(sender), Self { items, resource: Resource::builder_empty().with_attributes(attributes).build() })
    }

    /// Waits for something and then a second for more. `None` once nothing will come.
    pub async fn batch(&mut self, clock: &Clock) -> Option<Batch> {
        let mut items = vec![self.items.recv().await?];
        let until = clock.monotonic() + LINGER;
        while items.len() < BATCH {
            let left = until.saturating_sub(clock.monotonic());
            match clock.timeout(left, self.items.recv()).await {
                Ok(Some(item)) => items.push(item),
                Ok(None) | Err(_) => break,
            }
        }
        Some(self.encode(items))
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
    fn put(&self, item: Item, signal: &'static str) {
        if self.0.try_send(item).is_err() {
            metrics::counter!("steadfast_own_telemetry_lost_total", "signal" => signal).increment(1);
        }
    }
}

impl SpanProcessor for Inlet {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.put(Item::Span(Box::new(span)), "traces");
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
        self.put(Item::Log(Box::new((record.clone(), scope.clone()))), "logs");
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
}
