//! What queries mean, as files of cases; printing and reading back; limits.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test")]

mod answers;
mod generated;
mod limits;
mod parser;
mod plan;
mod script;

use std::fs;
use std::path::Path;

/// The files of cases with an ending.
fn cases(ending: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|found| found == ending)).collect();
    files.sort();
    assert!(!files.is_empty());
    let named = files.into_iter().map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), file));
    named.map(|(name, file)| (name, fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn scripts_pass() {
    let mut failures = Vec::new();
    let mut passed = 0;
    for (name, text) in cases("test") {
        let outcome = script::run(&text);
        passed += outcome.passed;
        failures.extend(outcome.failures.iter().map(|failure| format!("{name}:{failure}")));
    }
    assert!(failures.is_empty(), "{passed} passed\n\n{}", failures.join("\n\n"));
    assert!(passed > 0);
}
