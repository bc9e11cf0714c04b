//! `sequential`: a judge that may be asked after every interval. The chance that a canary which is no
//! worse ever fails is `alpha` at most: over the whole run, all metrics and all looks together.
//!
//! Evidence is an e-value: the money of a bettor against "no worse", who cannot expect to win if that is
//! true, so that it ever reaches `1/alpha` has a chance of `alpha` at most (Ville, 1939). Money is shared
//! out over metrics and checks before the run; sums of money need no correction for how the metrics hang
//! together.

mod answer;
mod autoregression;
mod centre;
pub mod counts;
mod doubts;
mod effect;
mod end;
mod forecast;
mod heal;
mod input;
mod levels;
mod memory;
mod metric;
mod path;
mod plan;
mod run;
mod scoring;
mod side;
mod signs;
mod sizes;
mod starts;
mod state;
mod sums;
mod tails;
mod wealth;
mod whole;
mod words;

pub use answer::judge;
pub use doubts::{BadSplit, Doubt};
pub use metric::Measured;
pub use plan::{Plan, plans};
pub use run::{Look, MetricVerdict, Run};
pub use side::Bounds;
pub use state::MetricState;

/// What the judge is called in its answers.
pub const NAME: &str = "sequential";
