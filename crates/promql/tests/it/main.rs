//! Scripts: our own cases, and Prometheus' where they are.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod limits;

use std::fs;
use std::path::{Path, PathBuf};

use promql::script::run;

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "test"));
    files.sort();
    files
}

/// Runs scripts; gives how many evaluations passed, and what failed.
fn run_all(files: &[PathBuf]) -> (usize, Vec<String>) {
    let mut passed = 0;
    let mut failures = Vec::new();
    for file in files {
        let Ok(script) = fs::read_to_string(file) else {
            failures.push(format!("{}: cannot be read", file.display()));
            continue;
        };
        let summary = run(&script);
        passed += summary.passed;
        failures.extend(
            summary
                .failures
                .into_iter()
                .map(|failure| format!("{}:{}: {}\n{}", file.display(), failure.line, failure.query, failure.message)),
        );
    }
    (passed, failures)
}

#[test]
fn our_own_scripts_pass() {
    let files = scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"));
    assert!(!files.is_empty());
    let (passed, failures) = run_all(&files);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(passed > 0);
}

#[test]
fn scripts_of_prometheus_pass() {
    let files = scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/promql"));
    if files.is_empty() {
        println!("skipped: Prometheus' scripts are not beside this repository");
        return;
    }
    let (passed, failures) = run_all(&files);
    assert!(failures.is_empty(), "{passed} passed, {} failed\n\n{}", failures.len(), failures.join("\n\n"));
}
