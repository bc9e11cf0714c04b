use judge::JudgeError;

/// Why something cannot be read, asked for or judged. Each says what is to be mended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KayentaError {
    /// A field that is missing or wrong.
    #[error(transparent)]
    Field(#[from] JudgeError),
    /// A metric whose query cannot be made.
    #[error("canaryConfig.metrics `{metric}`: {problem}")]
    Metric {
        /// The metric.
        metric: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A scope that a metric needs is not there.
    #[error("Canary metrics require scopes which were not provided in the execution request: [{0}]")]
    Scope(String),
    /// A judge that is not known.
    #[error("Unable to resolve canary judge '{0}'; there are NetflixACAJudge-v1.0, sequential and RemoteJudge-v1.0.")]
    Judge(String),
    /// There are thresholds nowhere.
    #[error("Classifier thresholds must be specified in either the canary config, or the execution request.")]
    Thresholds,
}

impl KayentaError {
    /// What is wrong with a metric.
    pub fn metric(metric: &str, problem: impl std::fmt::Display) -> Self {
        Self::Metric { metric: metric.to_owned(), problem: problem.to_string() }
    }

    /// A field that is missing or wrong.
    pub fn field(field: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self::Field(JudgeError::field(field, problem))
    }
}
