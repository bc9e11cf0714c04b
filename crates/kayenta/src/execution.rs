//! Executions and analyses as they are kept: what was asked, how far it is, what came of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far something is, in orca's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Under way.
    Running,
    /// It has a score.
    Succeeded,
    /// It could not be done, or an analysis has ended early.
    Terminal,
}

impl Status {
    /// As `executionStatus` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Terminal => "TERMINAL",
        }
    }

    /// As `status` has it.
    pub fn lower(self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// Whether nothing more will happen.
    pub const fn is_complete(self) -> bool {
        !matches!(self, Self::Running)
    }
}

/// Who asked, and the names of accounts that it gave. There is one account here, by whatever name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Accounts {
    /// `application`.
    pub application: String,
    /// `user`.
    pub user: String,
    /// `parentPipelineExecutionId`.
    pub parent: Option<String>,
    /// `metricsAccountName`.
    pub metrics: Option<String>,
    /// `configurationAccountName`.
    pub configuration: Option<String>,
    /// `storageAccountName`.
    pub storage: Option<String>,
}

/// Why there is no score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was being done: `fetchControl0`, `judge`.
    pub stage: String,
    /// Why it could not be done.
    pub reason: String,
    /// When, milliseconds since 1970.
    pub at: i64,
}

/// What a judge said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// `judgeResult`.
    pub result: Value,
    /// `score.score`.
    pub score: f64,
    /// The least number of points that a metric of the baseline has.
    pub points: u64,
    /// The list of pairs that was judged, if it was small enough to be kept.
    pub pairs: Option<String>,
}

/// One judgement: `POST /canary`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Its id.
    pub id: String,
    /// Who asked.
    pub accounts: Accounts,
    /// The id of the configuration; none of one that came with the request.
    pub config_id: Option<String>,
    /// The configuration.
    pub config: Value,
    /// `executionRequest`.
    pub request: Value,
    /// How many intervals the canary will have, where this is not its last judgement.
    pub lifetime: Option<usize>,
    /// When it was asked for, milliseconds since 1970.
    pub built: i64,
    /// When it ended.
    pub ended: Option<i64>,
    /// What came of it.
    pub judged: Option<Judged>,
    /// Why nothing did.
    pub failure: Option<Failure>,
}

impl Execution {
    /// How far it is.
    pub const fn status(&self) -> Status {
        match (&self.judged, &self.failure) {
            (_, Some(_)) => Status::Terminal,
            (Some(_), None) => Status::Succeeded,
            (None, None) => Status::Running,
        }
    }
}

/// A judgement of an analysis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The execution that made it.
    pub execution: String,
    /// The first point that was asked for, milliseconds since 1970.
    pub start: i64,
    /// The last.
    pub end: i64,
    /// Its status.
    pub status: Status,
    /// Its score, if it has one.
    pub score: Option<f64>,
    /// The judge may decide later: what is not shown so far is no failure.
    #[serde(default)]
    pub open: bool,
    /// Why it has none.
    pub failure: Option<Failure>,
    /// What may make it weaker.
    pub warnings: Vec<String>,
}

/// Judgements over a lifetime: `POST /standalone_canary_analysis`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// Its id.
    pub id: String,
    /// Who asked.
    pub accounts: Accounts,
    /// The id of the configuration; none of one that came with the request.
    pub config_id: Option<String>,
    /// The configuration.
    pub config: Value,
    /// `executionRequest`.
    pub request: Value,
    /// When it was asked for, milliseconds since 1970; times count from here if the request names none.
    pub built: i64,
    /// When it ended.
    pub ended: Option<i64>,
    /// How far it is.
    pub status: Status,
    /// The judgements so far.
    pub judgements: Vec<Judgement>,
}
