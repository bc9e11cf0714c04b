//! Our own telemetry: log lines on standard error, spans and log records on their way to whoever
//! wants them by OTLP, and metrics in Prometheus' text format.

mod config;
mod level;
mod logging;
mod metric;
mod outlet;
mod remote;
mod sampler;

pub use config::{LogFormat, OtlpConfig, TelemetryConfig};
pub use logging::{TelemetryError, start};
pub use metric::Metrics;
pub use outlet::{Batch, Outlet};
pub use remote::follow;
