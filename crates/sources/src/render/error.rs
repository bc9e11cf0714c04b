use std::fmt;

/// A folder that gave no objects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RenderError {
    /// The revision is no good: somebody has to change a file.
    #[error("{0}")]
    Bad(Flaw),
    /// This machine could not do it, or not in time: it may work later, or once the machine or the
    /// configuration is mended.
    #[error("{0}")]
    Unavailable(String),
}

/// What is wrong with a file of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The file or folder, from the repository's root; empty if it is about the revision as a whole.
    pub(crate) file: String,
    /// The line, from 1, where it is known.
    pub(crate) line: Option<u64>,
    /// What is wrong, and what to do about it.
    pub(crate) problem: String,
}

impl fmt::Display for Flaw {
    /// `overlays/prod/kustomization.yaml:3: ...`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            f.write_str(&self.file)?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.problem)
    }
}

impl RenderError {
    pub(crate) fn bad(file: impl Into<String>, line: impl Into<Option<u64>>, problem: impl Into<String>) -> Self {
        Self::Bad(Flaw { file: file.into(), line: line.into(), problem: problem.into() })
    }
}
