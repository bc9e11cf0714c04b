//! Tests that users write: scripts of PromQL, and unit tests of rules.

use std::path::{Component, Path, PathBuf};

use globset::Glob;
use promql::script::{self, Failure};
use rules::Reading;
use rules::unit::{Outcome, RuleSource, Run, UnitFile};

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

/// How the unit tests in a file went.
#[derive(Clone, Debug)]
pub struct UnitRun {
    /// The file.
    pub file: PathBuf,
    /// Rule files that it names and that are not there.
    pub missing: Vec<String>,
    /// What came of its tests.
    pub outcome: Outcome,
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

/// Runs unit tests of rules in promtool's format: those whose names match one of `only`, or all.
/// What cannot be read is a failure of its file.
pub fn test_rules(files: &[PathBuf], only: &[String], ignore_unknown_fields: bool) -> Vec<UnitRun> {
    let run = Run { only: only.to_vec(), reading: Reading { ignore_unknown_fields } };
    files.iter().map(|file| test_rule_file(file, &run)).collect()
}

fn test_rule_file(file: &Path, run: &Run) -> UnitRun {
    let mut missing = Vec::new();
    let outcome = match rule_sources(file, run, &mut missing) {
        Ok((unit, sources)) => unit.run(&sources, run),
        Err(failure) => Outcome::failed(vec![format!("  {failure}")]),
    };
    UnitRun { file: file.to_owned(), missing, outcome }
}

fn rule_sources(file: &Path, run: &Run, missing: &mut Vec<String>) -> Result<(UnitFile, Vec<RuleSource>), String> {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let unit = UnitFile::parse(&read(file)?, run.reading).map_err(|problem| format!("{}:{problem}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut sources = Vec::new();
    for pattern in &unit.rule_files {
        let found = matching(folder, pattern)?;
        if found.is_empty() {
            missing.push(pattern.clone());
        }
        for path in found {
            sources.push(RuleSource { name: path.display().to_string(), text: read(&path)? });
        }
    }
    Ok((unit, sources))
}

/// A pattern may match so many files.
const MAX_MATCHES: usize = 10_000;

/// The files that match a pattern, as a shell has it: `*`, `?` and `[..]` within one component.
fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = vec![folder.to_owned()];
    for component in Path::new(pattern).components() {
        let text = component.as_os_str().to_string_lossy();
        if !matches!(component, Component::Normal(_)) || !text.contains(['*', '?', '[']) {
            found = found.into_iter().map(|path| path.join(component)).collect();
            continue;
        }
        let glob = Glob::new(&text).map_err(|error| format!("rule_files: {error}"))?.compile_matcher();
        let mut next = Vec::new();
        for entry in found.iter().filter_map(|path| std::fs::read_dir(nonempty(path)).ok()).flatten().flatten() {
            if glob.is_match(entry.file_name()) {
                next.push(entry.path());
            }
            if next.len() > MAX_MATCHES {
                return Err(format!("rule_files: {pattern} matches more than {MAX_MATCHES} files"));
            }
        }
        next.sort();
        found = next;
    }
    found.retain(|path| path.is_file());
    Ok(found)
}

/// A path that can be listed: the folder where one is has no name.
fn nonempty(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_looked_for_beside_the_test_file() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.rules.yml", "b.rules.yml", "c.txt", "sub/d.rules.yml"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let names = |pattern: &str| -> Vec<String> {
            let found = matching(folder.path(), pattern).unwrap();
            found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string()).collect()
        };
        assert_eq!(names("*.rules.yml"), ["a.rules.yml", "b.rules.yml"]);
        assert_eq!(names("s*/*.yml"), ["sub/d.rules.yml"]);
        assert_eq!(names("c.txt"), ["c.txt"]);
        assert!(names("none.yml").is_empty());
    }

    #[test]
    fn a_file_that_cannot_be_read_fails() {
        let runs = test_rules(&[PathBuf::from("/nonexistent.yml")], &[], false);
        assert!(runs[0].outcome.failures[0].contains("/nonexistent.yml"));
        assert!(test_promql(&[PathBuf::from("/nonexistent.test")]).is_err());
    }
}
