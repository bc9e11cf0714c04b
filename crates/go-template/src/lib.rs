//! Go's text/template, as far as Alertmanager's receivers and Prometheus' rules use it.

mod quote;

pub use quote::{quote, unquote};
