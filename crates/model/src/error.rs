/// Data that does not have the shape that the model gives it.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Not a resource id.
    #[error("`{0}` is not a resource id: provider/scope/kind/namespace/name is")]
    ResourceId(String),
    /// A text that is none of the words allowed.
    #[error("`{got}` is no {what}: {allowed} are")]
    Word {
        /// What was expected.
        what: &'static str,
        /// What was found.
        got: String,
        /// The words allowed.
        allowed: String,
    },
    /// A document that is not JSON.
    #[error("a document is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A column is not there or has another type.
    #[error("stream {stream}: column {column}: {problem}")]
    Column {
        /// The stream.
        stream: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Arrow refused a batch.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
}
