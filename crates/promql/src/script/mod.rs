//! The language of Prometheus' test scripts: load series, evaluate, expect.

mod bounds;
mod check;
mod commands;
mod expect;
mod notation;
mod run;

pub use notation::{Notation, NotationError, parse_series};
pub use run::{Failure, Summary, run};
