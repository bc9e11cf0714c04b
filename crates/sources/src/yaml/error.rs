use std::fmt;

/// What is wrong with a host manifest, and where. Never holds a file's content or a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ManifestError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// The key that it is about.
    pub key: Option<String>,
    /// What is wrong, and what was meant.
    pub problem: String,
}

impl ManifestError {
    /// Key and problem, without the place.
    pub fn what(&self) -> String {
        match &self.key {
            Some(key) => format!("`{key}`: {}", self.problem),
            None => self.problem.clone(),
        }
    }
}

impl fmt::Display for ManifestError {
    /// `web-1/users.yaml:3:5: `uid`: ...`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.what())
    }
}

/// A place in a file, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// The errors of one file.
#[derive(Debug)]
pub(crate) struct Errors {
    pub(crate) file: String,
    pub(crate) list: Vec<ManifestError>,
}

/// Errors kept of one file; who has more has the same mistake in many places.
const MAX_ERRORS: usize = 100;

impl Errors {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), list: Vec::new() }
    }

    pub(crate) fn push(&mut self, place: Place, key: Option<&str>, problem: impl Into<String>) {
        if self.list.len() < MAX_ERRORS {
            self.list.push(ManifestError {
                file: self.file.clone(),
                line: place.line,
                column: place.column,
                key: key.map(str::to_owned),
                problem: problem.into(),
            });
        }
    }
}
