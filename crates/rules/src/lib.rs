//! Prometheus' rules: rule files, the states of alerts, templates of labels and annotations, and the
//! unit tests that promtool runs.
//!
//! [`book`] is what a running process knows of its rules.
//!
//! Pure: no I/O and no clock. What rules ask is asked by who calls; unit tests evaluate PromQL over
//! series in memory.

pub mod book;
mod file;
mod functions;
mod humanize;
mod number;
mod reading;
mod rule;
mod state;
mod template;
pub mod unit;
pub mod wire;

pub use file::{Reading, parse_rules};
pub use functions::QueryFunction;
pub use rule::{Alerting, Group, Kind, Query, Rule};
pub use state::{Alert, AlertState, Notice, Output, RuleError, RuleState, evaluate, record};
pub use template::{Answers, Expander};
pub use yaml::{Place, Problem};
