//! What Prometheus' Alertmanager 0.34 means, without doing any of it: matchers, alerts, the
//! configuration file, routing, inhibition, silences, time intervals, when to notify, templates and
//! the webhook's body.
//!
//! No I/O, no async, no clock: who calls says what time it is. Labels are sorted maps of texts.

pub mod alert;
pub mod config;
pub mod dedup;
pub mod engine;
mod index;
pub mod inhibit;
pub mod interval;
pub mod labels;
pub mod matcher;
mod pack;
pub mod route;
pub mod silence;
pub mod template;
pub mod webhook;
mod wire;

pub use alert::{Alert, PostedAlert, Refused, accept, merge, succeed};
pub use config::{Config, ConfigError};
pub use dedup::{Entry, Reason, decide};
pub use engine::Engine;
pub use inhibit::{Inhibitor, Rule};
pub use interval::TimeInterval;
pub use labels::{Fingerprint, Labels, fingerprint};
pub use matcher::{Matcher, Matchers, Op};
pub use route::{Route, RouteId, Tree};
pub use silence::{PostedSilence, Silence, SilenceError, SilenceId, SilenceState, Silences};
pub use template::{Data, Template};
pub use wire::WireMatcher;
