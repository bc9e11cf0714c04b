//! The telemetry formats that others send, read without copies: views that borrow from a request's body
//! and read what is asked for, when it is asked for.
//!
//! What comes in is hostile. Reading it allocates nothing per sample, label or attribute; sizes, depths
//! and decompressed bytes have limits; errors name the byte and field, line or JSON path.

pub mod body;
pub mod bulk;
pub mod container;
pub mod exposition;
pub mod histogram;
pub mod journal;
pub mod json;
pub mod labels;
pub mod loki;
pub mod metric;
#[cfg(test)]
mod mutate;
pub mod names;
pub mod otlp;
pub mod pb;
pub mod remote_read;
pub mod remote_write;
pub mod syslog;
pub mod utf8;
