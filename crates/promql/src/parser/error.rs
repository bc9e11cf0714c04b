use super::ast::Span;

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: parse error: {message}", place(*line, *column))]
pub struct ParseError {
    /// Line, from 1; 0 if there is no text.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// Where, in bytes.
    pub span: Span,
    /// What is wrong.
    pub message: String,
}

fn place(line: usize, column: usize) -> String {
    if line == 0 { "unknown position".into() } else { format!("{line}:{column}") }
}

impl ParseError {
    pub(crate) fn new(query: &str, span: Span, message: impl Into<String>) -> Self {
        let (line, column) = if query.is_empty() { (0, 0) } else { span.line_and_column(query) };
        Self { line, column, span, message: message.into() }
    }
}
