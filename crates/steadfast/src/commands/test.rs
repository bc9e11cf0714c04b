use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;

use super::print;
use crate::{FAILED, FINE};

/// Runs scripts; the last line counts what passed and what failed.
pub(super) fn promql(files: &[PathBuf]) -> Result<u8, Box<dyn Error>> {
    let runs = app::test_promql(files)?;
    let mut text = String::new();
    for run in &runs {
        for failure in &run.failures {
            let place = format!("{}:{}", run.file.display(), failure.line);
            writeln!(text, "{place}: {}\n{}\n", failure.query, indented(&failure.message))?;
        }
    }
    let passed: usize = runs.iter().map(|run| run.passed).sum();
    let failed: usize = runs.iter().map(|run| run.failures.len()).sum();
    writeln!(text, "{passed} passed, {failed} failed")?;
    print(&text);
    Ok(if failed == 0 { FINE } else { FAILED })
}

/// Runs unit tests of rules.
pub(super) fn rules(files: &[PathBuf], only: &[String], ignore_unknown_fields: bool) -> Result<u8, Box<dyn Error>> {
    let runs = app::test_rules(files, only, ignore_unknown_fields);
    let mut text = String::new();
    for run in &runs {
        writeln!(text, "Unit Testing:  {}", run.file.display())?;
        for pattern in &run.missing {
            writeln!(text, "  WARNING: no file match pattern {pattern}")?;
        }
        for rule in &run.outcome.left_out {
            writeln!(text, "  left out, it asks SQL: {rule}")?;
        }
        if !run.outcome.failures.is_empty() {
            writeln!(text, "  FAILED:\n{}\n", run.outcome.failures.join("\n\n"))?;
        } else if run.outcome.tests == 0 {
            writeln!(text, "  0 tests\n")?;
        } else {
            writeln!(text, "  SUCCESS\n")?;
        }
    }
    // Who mistypes a name must not take it for a success.
    let nothing = !only.is_empty() && runs.iter().all(|run| run.outcome.tests == 0);
    if nothing {
        writeln!(text, "0 tests: no name matches {}", only.join(", "))?;
    }
    print(&text);
    Ok(if !nothing && runs.iter().all(|run| run.outcome.failures.is_empty()) { FINE } else { FAILED })
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
