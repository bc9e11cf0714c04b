//! What can go wrong in a template.

use base::Exceeded;

/// A template that cannot be read, or not executed with its data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {template}:{line}: {fault}")]
pub struct TemplateError {
    /// The template; empty for a text without a name.
    pub template: String,
    /// The line in it, from 1.
    pub line: usize,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text is no template.
    #[error("{0}")]
    Syntax(String),
    /// It cannot be executed with its data.
    #[error("executing: {0}")]
    Execution(String),
    /// It would take or make too much.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
}
