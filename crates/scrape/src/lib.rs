//! Prometheus' scraping, the part without a network: configuration, relabelling, targets, and what
//! an answer becomes, limits and staleness included.
//!
//! Pure: no I/O and no clock. Who calls says what time it is, reads the files and asks the targets.
//! What is meant is what Prometheus 3 does
//! (<https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config>).

mod accept;
pub mod config;
pub mod discovery;
mod duration;
mod labels;
mod mistakes;
mod pass;
mod read;
pub mod relabel;
mod table;
mod target;

pub use accept::{Protocol, accept, format};
pub use labels::{Attach, LabelLimits, Labels, METRIC_NAME};
pub use pass::{Cache, Exemplar, Metadata, Outcome, Pass, Point, Rules, STALE, Settle};
pub use read::{ReadError, Value};
pub use table::{Health, JobTable, Row, Targets};
pub use target::{Found, Identity, Target, TargetError, seed, targets};

/// A mistake in a configuration, with its place and key.
pub use yaml::Problem;
