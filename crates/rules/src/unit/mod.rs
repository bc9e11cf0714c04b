//! Unit tests of rules in promtool's format.

mod file;
mod groups;
mod report;
mod run;
mod time;

pub use file::{AlertTest, ExpectedAlert, ExpectedSample, ExprTest, InputSeries, TestGroup, UnitFile};
pub use run::{Outcome, RuleSource, Run};
