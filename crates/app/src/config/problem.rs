use std::fmt;
use std::path::{Path, PathBuf};

/// A mistake in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1; 0 if it is about the file as a whole.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong, and what was meant.
    pub message: String,
}

impl Problem {
    pub(super) fn at(line: usize, column: usize, message: impl Into<String>) -> Self {
        Self { line, column, message: message.into() }
    }

    pub(super) fn of(place: Option<yaml::Place>, message: impl Into<String>) -> Self {
        let (line, column) = place.map_or((0, 0), |place| (place.line, place.column));
        Self::at(line, column, message)
    }

    pub(super) fn under(mut self, key: &str) -> Self {
        self.message = format!("{key}: {}", self.message);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)
    }
}

/// All mistakes of a file.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(file, problems))]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// Its mistakes, in order of place.
    pub problems: Vec<Problem>,
}

fn lines(file: &Path, problems: &[Problem]) -> String {
    let line = |problem: &Problem| format!("{}:{problem}", file.display());
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}
