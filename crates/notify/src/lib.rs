//! The way out: the trait of integrations and the host that sends intents and appends receipts.

mod integration;
mod payload;

pub use integration::{Integration, Limits, SendError, Sent};
pub use payload::{Action, Notification, Symptom};
