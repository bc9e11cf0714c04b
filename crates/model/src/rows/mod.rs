//! The rows of each stream; a table of the store has the same columns.

mod canary;
mod confirm;
mod findings;
mod kayenta;
mod notifications;
mod resources;
mod routing;
mod rules;
mod telemetry;

pub use canary::{CanaryDefinition, CanaryEvidence, CanaryPoint, CanaryRun};
pub use confirm::{Confirmation, Doubt, Suspect};
pub use findings::{Alert, Finding, Rollout, Summary, VerdictRow};
pub use kayenta::CanaryObject;
pub use notifications::{Intent, Reaction, Receipt};
pub use resources::{Declared, Live, Revision, Scope, SetChunk, SetMember, SetSide, Tick};
pub use routing::{Decision, Notice, Posting, Routing, SilenceRow};
pub use rules::{Evaluation, RuleGroup};
pub use telemetry::{Exemplar, HistogramPoint, LogLine, Metadata, Sample, Series, Span};
