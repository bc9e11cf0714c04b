//! The whole process: the configuration, the wiring, and the order of shutdown. The only crate
//! that names concrete plugins.

mod adapters;
mod alerting;
mod build;
mod canaries;
mod capture;
mod config;
mod declaring;
mod diff;
mod error;
mod files;
mod folding;
mod intakes;
mod judging;
mod keys;
mod known;
mod logging;
mod logs;
mod own;
mod preflight;
mod psql;
mod reactions;
mod reading;
mod receivers;
mod replay;
mod report;
mod retiring;
mod ruling;
mod scraping;
mod stage;
mod testing;
mod watch;

pub use build::{App, Options};
pub use capture::{Captured, capture};
pub use config::{
    AlertmanagerConfig, Config, ConfigError, DesiredConfig, FlappingConfig, LogsConfig, MissingConfig, OneOrMany,
    Problem, ReceiverConfig, Role, RulesConfig,
};
pub use diff::{Files, diff};
pub use error::AppError;
pub use folds::replay::{Change, Comparison, Counts};
pub use judging::judge;
pub use own::resource;
pub use preflight::{Checked, check_file};
pub use replay::{History, WARM_UP, Window, replay};
pub use report::{Entry, Report, Unread};
pub use testing::{ScriptRun, UnitRun, test_promql, test_rules};
