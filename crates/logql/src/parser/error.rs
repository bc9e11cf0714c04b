use std::fmt;

/// Why a text is no query, in Loki's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// The line in the query, from 1; 0 for what is wrong with an expression as a whole.
    pub line: usize,
    /// The column in characters, from 1; 0 as above.
    pub column: usize,
}

impl ParseError {
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: 0, column: 0 }
    }

    pub(crate) fn at(query: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = query.get(..offset).unwrap_or(query);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { message: message.into(), line, column }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, 0) => write!(f, "parse error : {}", self.message),
            (line, column) => write!(f, "parse error at line {line}, col {column}: {}", self.message),
        }
    }
}
