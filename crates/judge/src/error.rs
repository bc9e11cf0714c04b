/// Why a request cannot be judged. Each names the field that is to be mended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// The text is no JSON.
    #[error("not a JSON document: {0}")]
    Json(String),
    /// It is larger than may be read.
    #[error("the request has {bytes} bytes, at most {max} are read")]
    TooLarge {
        /// How large.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
    /// A field that is missing or wrong.
    #[error("{field}: {problem}")]
    Field {
        /// Its path, as `metricSetPairList[0].values.control[3]`.
        field: String,
        /// What is wrong.
        problem: String,
    },
}

impl JudgeError {
    /// A field that is missing or wrong.
    pub fn field(field: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self::Field { field: field.into(), problem: problem.to_string() }
    }
}
