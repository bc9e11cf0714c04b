//! Telemetry through the log into the store and out again, on a disk and an object store that fail.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod disk;
#[path = "../../../store/tests/it/support/faulty.rs"]
#[allow(dead_code, reason = "the store's tests use all of it")]
mod faulty;
mod full;
mod growth;
mod kills;
mod large;
mod life;
mod lossy;
mod otlp;
mod parts;
mod queue;
mod scope;
mod zeros;
