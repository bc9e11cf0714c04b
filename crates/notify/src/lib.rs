//! The way out: the trait of integrations, the host that sends intents and appends receipts, and
//! the suite that each integration passes.
//!
//! An intent is sent only because it is on the state log. Per receiver and incident one request is
//! in flight, in the order of the intents; what the log does not yet prove as done is sent again
//! after a restart, under the same key, so that the provider makes one incident of it.

mod checkpoint;
mod config;
mod error;
mod host;
mod integration;
mod outbox;
mod payload;
pub mod suite;

pub use checkpoint::Checkpoints;
pub use config::{HostConfig, ReceiverConfig};
pub use error::NotifyError;
pub use host::{Handle, Host, Receiver, Runtime};
pub use integration::{Integration, Limits, Proof, SendError, Sent};
pub use payload::{Action, DIGEST, Notification, Symptom, UnknownAction, alertname};
