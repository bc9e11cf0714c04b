use arrow::datatypes::SchemaRef;

use crate::Row;
use crate::rows::{
    Alert, CanaryDefinition, CanaryEvidence, CanaryObject, CanaryPoint, CanaryRun, Confirmation, Decision, Declared,
    Evaluation, Exemplar, Finding, HistogramPoint, Intent, Live, LogLine, Metadata, Notice, Posting, Reaction, Receipt,
    Revision, Rollout, Routing, RuleGroup, Sample, Scope, Series, SetMember, SilenceRow, Span, Summary, Suspect, Tick,
    VerdictRow,
};

/// Which of the two logs a stream is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogKind {
    /// Metrics, logs, spans: much of it, read by the store.
    Telemetry,
    /// What is live and desired, and every decision: read by the store and by folds.
    State,
}

impl LogKind {
    /// Its name in paths, topics and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::State => "state",
        }
    }
}

/// The streams; each has a name, a log and a schema.
macro_rules! streams {
    ($($(#[$doc:meta])* $variant:ident = $name:literal on $log:ident as $row:ty,)+) => {
        /// What a batch is about; it decides the batch's schema.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Stream { $($(#[$doc])* $variant,)+ }

        impl Stream {
            /// Every stream.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name on the log.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The log that it is on.
            pub const fn log(self) -> LogKind {
                match self { $(Self::$variant => LogKind::$log,)+ }
            }

            /// The schema of its batches.
            pub fn schema(self) -> SchemaRef {
                match self { $(Self::$variant => <$row as Row>::schema(),)+ }
            }

            /// The stream of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|stream| stream.as_str() == name)
            }
        }
    };
}

streams! {
    /// Documents seen live, or their absence.
    Live = "live" on State as Live,
    /// The manifests of a revision that are new or changed.
    Declared = "declared" on State as Declared,
    /// A part of the full set of what is live, or of what a revision declares: keys and fingerprints.
    Sets = "sets" on State as SetMember,
    /// A revision: closes the set that was sent before it, or says why there is none.
    Revisions = "revisions" on State as Revision,
    /// How collectors and sources are.
    Scopes = "scopes" on State as Scope,
    /// Time has passed.
    Ticks = "ticks" on State as Tick,
    /// A resource's verdict has changed.
    Verdicts = "verdicts" on State as VerdictRow,
    /// How many resources of a scope have each verdict.
    Summaries = "summaries" on State as Summary,
    /// Something is wrong, or no longer.
    Findings = "findings" on State as Finding,
    /// A rollout has begun, reaches more, or is over.
    Rollouts = "rollouts" on State as Rollout,
    /// A server is asked about a resource before people are told.
    Suspects = "suspects" on State as Suspect,
    /// What it said.
    Confirmations = "confirmations" on State as Confirmation,
    /// Groups of rules.
    RuleGroups = "rule_groups" on State as RuleGroup,
    /// What the queries of rules found.
    Evaluations = "evaluations" on State as Evaluation,
    /// Canaries.
    Canaries = "canaries" on State as CanaryDefinition,
    /// What the queries of canaries found.
    CanaryPoints = "canary_points" on State as CanaryPoint,
    /// How runs of canaries stand.
    CanaryRuns = "canary_runs" on State as CanaryRun,
    /// What each metric of a canary shows.
    CanaryEvidence = "canary_evidence" on State as CanaryEvidence,
    /// Alerts that others sent, and those of rules.
    Postings = "postings" on State as Posting,
    /// What nobody is to be told of for a while.
    Silences = "silences" on State as SilenceRow,
    /// How alerts are routed.
    Routings = "routings" on State as Routing,
    /// Why somebody is told of an alert, or is not.
    Decisions = "decisions" on State as Decision,
    /// What one receiver is to be told.
    Notices = "notices" on State as Notice,
    /// An incident has changed.
    Alerts = "alerts" on State as Alert,
    /// Something is to be sent.
    Intents = "intents" on State as Intent,
    /// What a provider did with an intent.
    Receipts = "receipts" on State as Receipt,
    /// What was done about an incident at its provider.
    Reactions = "reactions" on State as Reaction,
    /// What Kayenta's API keeps.
    CanaryObjects = "canary_objects" on State as CanaryObject,
    /// Labels of series.
    Series = "series" on Telemetry as Series,
    /// Points of series.
    Samples = "samples" on Telemetry as Sample,
    /// Native histograms of series.
    Histograms = "histograms" on Telemetry as HistogramPoint,
    /// Observations behind samples.
    Exemplars = "exemplars" on Telemetry as Exemplar,
    /// What metrics are.
    Metadata = "metadata" on Telemetry as Metadata,
    /// Log records.
    Logs = "logs" on Telemetry as LogLine,
    /// Spans of traces.
    Spans = "spans" on Telemetry as Span,
}
