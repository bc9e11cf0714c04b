//! Our own telemetry: log lines on standard error, and metrics in Prometheus' text format.

mod logging;
mod metric;

pub use logging::{LogConfig, LogFormat, TelemetryError, init_logging};
pub use metric::Metrics;
