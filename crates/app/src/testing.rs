//! Tests that users write: scripts of PromQL, and unit tests of rules.

use std::path::PathBuf;

use promql::script::{self, Failure};

use crate::AppError;

/// How the script in a file went.
#[derive(Clone, Debug)]
pub struct ScriptRun {
    /// The file.
    pub file: PathBuf,
    /// Evaluations that gave what they should.
    pub passed: usize,
    /// What did not.
    pub failures: Vec<Failure>,
}

/// Runs scripts in the language of Prometheus' own tests.
///
/// # Errors
/// Names the file that cannot be read.
pub fn test_promql(files: &[PathBuf]) -> Result<Vec<ScriptRun>, AppError> {
    let run = |file: &PathBuf| {
        let script = std::fs::read_to_string(file).map_err(|error| AppError::file(file, error))?;
        let summary = script::run(&script);
        Ok(ScriptRun { file: file.clone(), passed: summary.passed, failures: summary.failures })
    };
    files.iter().map(run).collect()
}
