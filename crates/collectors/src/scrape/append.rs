//! What a scrape gives, handed to `ingest`.

use std::time::Duration;

use base::Clock;
use bus::BusError;
use ingest::{
    Ingest, IngestError, KnownBatch, KnownExemplar, KnownMetadata, KnownPoint, KnownSeries, KnownValue, Permit, Taken,
};
use scrape::{Outcome, Value};

/// The way by which samples come, in metrics.
const PROTOCOL: &str = "scrape";

/// Appends for as long as there is time until the next scrape.
pub(super) struct Appender<'a> {
    pub ingest: &'a Ingest,
    pub clock: &'a Clock,
    /// Before this it gives up, on the monotonic clock.
    pub until: Duration,
}

impl Appender<'_> {
    /// Room for an answer of so many bytes.
    pub(super) async fn admit(&self, bytes: u64) -> Result<Permit, IngestError> {
        loop {
            match self.ingest.admit(bytes) {
                Err(error) => {
                    if !self.wait(&error).await {
                        return Err(error);
                    }
                }
                room => return room,
            }
        }
    }

    /// Makes a batch durable, for which `room` was taken. Once the log has failed its error is the answer, whatever later attempts
    /// end with: it may have some of the batch.
    pub(super) async fn append(&self, batch: &KnownBatch<'_>, room: &Permit) -> Result<Taken, IngestError> {
        let mut failed = None;
        loop {
            let error = match self.ingest.take_known(batch, PROTOCOL, room).await {
                Err(error) => error,
                taken => return taken,
            };
            let (again, is_of_log) = (self.wait(&error).await, matches!(error, IngestError::Log(_)));
            if !again {
                return Err(if is_of_log { error } else { failed.unwrap_or(error) });
            }
            if is_of_log {
                failed = Some(error);
            }
        }
    }

    /// Waits until it may go well, if there is time.
    async fn wait(&self, error: &IngestError) -> bool {
        let after = match error {
            IngestError::Busy { retry_after, .. } | IngestError::Log(BusError::Unavailable { retry_after, .. }) => {
                *retry_after
            }
            _ => return false,
        };
        if self.clock.monotonic() + after >= self.until {
            return false;
        }
        self.clock.sleep(after).await;
        true
    }
}

/// A scrape as `ingest` takes it.
pub(super) fn batch<'a>(outcome: Outcome<'a, KnownSeries>) -> KnownBatch<'a> {
    let points = outcome.points.into_iter().map(|point| KnownPoint {
        series: point.series,
        time_ms: point.time_ms,
        start_ms: point.start_ms,
        value: match point.value {
            Value::Float(bits) => KnownValue::Float(bits),
            Value::Histogram(histogram) => KnownValue::Histogram(histogram),
            Value::StaleHistogram => KnownValue::StaleHistogram,
        },
    });
    let exemplars = outcome.exemplars.into_iter().map(|exemplar| KnownExemplar {
        series: exemplar.series,
        time_ms: exemplar.time_ms,
        value: exemplar.value,
        labels: exemplar.labels,
    });
    let metadata = outcome.metadata.into_iter().map(|metadata| KnownMetadata {
        metric: metadata.metric,
        kind: metadata.kind,
        unit: metadata.unit,
        help: metadata.help,
    });
    KnownBatch { points: points.collect(), exemplars: exemplars.collect(), metadata: metadata.collect() }
}
