//! Runs scripts in the language of Prometheus' tests: `cargo run -p promql --example script -- FILE..`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    for file in std::env::args().skip(1) {
        let script = match std::fs::read_to_string(&file) {
            Ok(script) => script,
            Err(error) => {
                println!("{file}: {error}");
                failed += 1;
                continue;
            }
        };
        let summary = promql::script::run(&script);
        for failure in &summary.failures {
            println!("{file}:{}: {}\n{}\n", failure.line, failure.query, failure.message);
        }
        println!("{file}: {} passed, {} failed", summary.passed, summary.failures.len());
        passed += summary.passed;
        failed += summary.failures.len();
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
