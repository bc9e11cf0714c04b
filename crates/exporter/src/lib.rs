//! Our own spans, log records and metrics, as OTLP: kept by ourselves and sent to any back end.
//!
//! None of it holds up the work that it tells of: what finds no room, or a back end that does not
//! answer in time, is counted as lost.

mod metrics;
mod otlp;

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng, Shutdown};
use ingest::{Ingest, IngestError, Taken};
use opentelemetry_proto::tonic::resource::v1::Resource;
use telemetry::{Metrics, Outlet};
use wire::body::Encoding;
use wire::otlp::Format;

pub use otlp::{Otlp, OtlpError};

/// What an exporter is made from.
#[derive(Debug)]
pub struct Parts {
    /// Where spans and log records come out.
    pub outlet: Outlet,
    /// The metrics.
    pub metrics: Metrics,
    /// Between two looks at them.
    pub interval: Duration,
    /// Ourselves, if we keep them.
    pub ingest: Option<Ingest>,
    /// Another back end.
    pub otlp: Option<Otlp>,
    /// The time.
    pub clock: Clock,
    /// For the waits before a request is sent again.
    pub rng: Rng,
}

/// What a request tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    /// Its name in OTLP's paths and in metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

/// Exports until the process ends.
pub async fn run(parts: Parts, shutdown: Shutdown) {
    let Parts { mut outlet, metrics, interval, ingest, otlp, clock, rng } = parts;
    let resource = outlet.resource();
    let (sender, sending) = otlp.map(|otlp| otlp.sending(clock.clone(), rng)).unzip();
    let ways = Ways { ingest, sender };
    let began = clock.now();
    let signals = async {
        while let Some(batch) = outlet.batch(&clock).await {
            for (signal, body) in [(Signal::Traces, batch.traces), (Signal::Logs, batch.logs)] {
                if let Some(body) = body {
                    ways.tell(signal, body).await;
                }
            }
        }
    };
    let looks = async {
        loop {
            clock.sleep(interval).await;
            let body = encode(&metrics, &resource, (began, clock.now()));
            ways.tell(Signal::Metrics, body).await;
        }
    };
    let sends = async {
        match sending {
            Some(sending) => sending.run().await,
            None => std::future::pending().await,
        }
    };
    shutdown.or(futures::future::join3(signals, looks, sends)).await;
}

fn encode(metrics: &Metrics, resource: &Resource, times: (base::Timestamp, base::Timestamp)) -> Vec<u8> {
    metrics::request(metrics.render().as_bytes(), resource.clone(), times)
}

/// Who is told.
struct Ways {
    ingest: Option<Ingest>,
    sender: Option<otlp::Queue>,
}

impl Ways {
    async fn tell(&self, signal: Signal, body: Vec<u8>) {
        let body = Arc::new(body);
        if let Some(ingest) = &self.ingest
            && let Err(error) = keep(ingest, signal, &body).await
        {
            lost(signal, "ourselves");
            tracing::debug!(signal = signal.as_str(), %error, "own telemetry is not kept");
        }
        if let Some(sender) = &self.sender {
            sender.put(signal, body);
        }
    }
}

async fn keep(ingest: &Ingest, signal: Signal, body: &[u8]) -> Result<Taken, IngestError> {
    let room = ingest.admit(body.len() as u64)?;
    let (encoding, format) = (Encoding::Identity, Format::Protobuf);
    match signal {
        Signal::Traces => ingest.otlp_traces(body, encoding, format, &room).await,
        Signal::Logs => ingest.otlp_logs(body, encoding, format, &room).await,
        Signal::Metrics => ingest.otlp_metrics(body, encoding, format, &room).await,
    }
}

/// A request that was not taken.
fn lost(signal: Signal, to: &'static str) {
    ::metrics::counter!("steadfast_own_telemetry_refused_total", "signal" => signal.as_str(), "to" => to).increment(1);
}
