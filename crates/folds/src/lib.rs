//! The decisions: each fold is a folder, pure and without I/O.

pub mod alert;
pub mod canary;
pub mod drift;
pub mod outbox;
pub mod replay;
pub mod routing;
pub mod rules;
