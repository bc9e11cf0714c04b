//! What Kayenta's API speaks of, without HTTP: canary configurations, the queries of their metrics,
//! scopes, pairs of metric sets, executions, and analyses over a lifetime.
//!
//! Shapes are those of Kayenta as Argo Rollouts, Spinnaker's orca and deck read and write them:
//! <https://github.com/spinnaker/spinnaker/tree/main/kayenta>. Pure: no I/O, no clock.

mod answer;
mod config;
mod error;
mod execution;
mod mix;
mod plan;
mod query;
mod request;
mod scope;
mod template;
mod time;
mod verdict;

pub use answer::{analysis, execution};
pub use config::{Asked, CanaryConfig, Metric};
pub use error::KayentaError;
pub use execution::{Accounts, Analysis, Execution, Failure, Judged, Judgement, Status};
pub use mix::{Fetched, MetricSet, mix};
pub use plan::{Plan, Window};
pub use query::Query;
pub use request::{judged_by, request, with_lifetime};
pub use scope::{ExecutionRequest, Pair, Scope};
pub use time::iso;
pub use verdict::{Aggregate, aggregate};

/// Bytes of a name, a label, a scope.
const MAX_NAME: usize = 1_024;
/// Scopes of one request, parameters of one scope, bindings of one query.
const MAX_PARTS: usize = 100;
