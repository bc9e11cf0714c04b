//! The decisions: each fold is a folder, pure and without I/O.

pub mod alert;
pub mod canary;
pub mod drift;
pub mod outbox;
pub mod replay;
pub mod routing;
pub mod rules;

/// In a verdict's evidence: the resource rolls out though nothing new is declared.
const AGAIN: &str = "again";

/// Bytes of one record of outputs, about: logs take 4 MiB and more.
const RECORD: usize = 1 << 20;
