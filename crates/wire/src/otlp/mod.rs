//! OTLP 1.x (<https://opentelemetry.io/docs/specs/otlp/>): metrics, logs and traces as views over a body,
//! protobuf or JSON. `View::decode` reads a request; what it has many of is read as it is asked for.

mod common;
mod json;
/// Log records.
pub mod logs;
/// Metrics.
pub mod metrics;
mod response;
mod text;
/// Traces.
pub mod traces;

pub use common::{AnyValue, EntityRef, KeyValue, Resource, Scope, text_of};
pub use json::transcode;
pub use response::{Format, Partial, Signal, Status, response};
pub use text::base64;

#[cfg(test)]
mod tests;
