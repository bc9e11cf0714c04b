use base::Timestamp;
use model::rows::{CanaryEvidence, CanaryRun, Finding};
use model::{Labels, Severity};

/// What a record leads to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How runs stand.
    pub runs: Vec<CanaryRun>,
    /// What their metrics show.
    pub evidence: Vec<CanaryEvidence>,
    /// Canaries that fail, or no longer.
    pub findings: Vec<Finding>,
    /// What those who roll back are to be told.
    pub hooks: Vec<Hook>,
}

impl Outcome {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.evidence.is_empty() && self.findings.is_empty() && self.hooks.is_empty()
    }
}

/// What a receiver that rolls back is to be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Hook {
    /// Roll back; once of a run.
    Fire(Box<Fire>),
    /// What it was told of a run is no longer of interest.
    Forget {
        /// The scope of the canary.
        scope: String,
        /// The receiver.
        receiver: String,
        /// As in [`Fire::incident`].
        incident: String,
        /// Why.
        reason: String,
    },
}

/// See [`Hook::Fire`].
#[derive(Clone, Debug, PartialEq)]
pub struct Fire {
    /// The receiver.
    pub receiver: String,
    /// `rollback/<run>`: sent again, it is the same.
    pub incident: String,
    /// The scope of the canary.
    pub scope: String,
    /// The cause of the finding.
    pub cause: String,
    /// How bad.
    pub severity: Severity,
    /// One line.
    pub summary: String,
    /// `canary`, `namespace`, `target`, `run`, `verdict`.
    pub labels: Labels,
    /// What rolls out.
    pub revision: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Its message.
    pub message: Option<String>,
    /// Why: each metric that fails, with what it shows.
    pub reasons: Vec<(String, String)>,
    /// When it was decided.
    pub time: Timestamp,
}
