//! The decisions: each fold is a folder, pure and without I/O.

pub mod alert;
pub mod canary;
pub mod drift;
pub mod outbox;
pub mod replay;
mod room;
pub mod routing;
pub mod rules;

/// In a verdict's evidence: the resource rolls out though nothing new is declared.
const AGAIN: &str = "again";

/// Bytes of one record of outputs, about: logs take 4 MiB and more, unless they are told to take less.
const RECORD: usize = 1 << 20;
