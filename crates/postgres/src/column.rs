//! Columns of an answer, as a client is told of them.

use query::PgType;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As a person reads it.
    Text,
    /// As a machine does.
    Binary,
}

/// A column of an answer.
#[derive(Clone, Debug)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// What it holds.
    pub of: PgType,
    /// How it is written.
    pub format: Format,
}
