//! Our own telemetry.

use base::{Clock, Rng};
use collectors::host::Place;
use exporter::Otlp;
use ingest::Ingest;
use telemetry::{Metrics, Outlet};

use crate::stage::Stage;
use crate::{AppError, Config};

/// What sends, by OpenTelemetry's conventions: <https://opentelemetry.io/docs/specs/semconv/resource/>.
pub fn resource(config: &Config) -> Vec<(&'static str, String)> {
    let host = Place::new(config.host.name.as_deref(), None).host().to_owned();
    vec![
        ("service.name", "steadfast".to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", host.clone()),
        ("host.name", host),
    ]
}

/// The back end that the configuration names, if it does.
///
/// # Errors
/// Names the key that cannot be used.
pub(crate) fn back_end(config: &Config) -> Result<Option<Otlp>, AppError> {
    let wrong = |error: exporter::OtlpError| match error {
        exporter::OtlpError::Secret { .. } => AppError::secret("telemetry", error),
        _ => AppError::part("telemetry", error),
    };
    config.telemetry.otlp.as_ref().map(Otlp::new).transpose().map_err(wrong)
}

/// What our own telemetry is told with.
pub(crate) struct Parts<'a> {
    pub outlet: Outlet,
    pub metrics: &'a Metrics,
    pub ingest: Option<&'a Ingest>,
    pub clock: &'a Clock,
    pub rng: &'a Rng,
}

/// Tells it until the stage ends.
pub(crate) fn start(config: &Config, otlp: Option<Otlp>, parts: Parts<'_>, stage: &Stage) {
    let parts = exporter::Parts {
        outlet: parts.outlet,
        metrics: parts.metrics.clone(),
        interval: config.telemetry.metrics_interval,
        ingest: parts.ingest.filter(|_| config.telemetry.keep).cloned(),
        otlp,
        clock: parts.clock.clone(),
        rng: parts.rng.clone(),
    };
    let shutdown = stage.shutdown.clone();
    stage.tasks.spawn("own telemetry", exporter::run(parts, shutdown));
}
