//! What `docs/rules.md` shows works as it stands there.

use std::fs;
use std::path::Path;

use promql::script;
use rules::Reading;
use rules::unit::{RuleSource, Run, UnitFile};

/// The blocks of the page between these fences.
fn blocks(fence: &str) -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules.md")).unwrap();
    let mut lines = page.lines();
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if kind == fence {
                blocks.push(block.join("\n"));
            }
        }
    }
    blocks
}

#[test]
fn the_script_of_queries_passes() {
    let scripts = blocks("");
    assert_eq!(scripts.len(), 1);
    let summary = script::run(&scripts[0]);
    assert!(summary.failures.is_empty(), "{:?}", summary.failures);
    assert_eq!(summary.passed, 2);
}

#[test]
fn the_test_of_rules_passes_over_the_rules_of_the_page() {
    let (mut sources, mut tests) = (Vec::new(), Vec::new());
    for text in blocks("yaml") {
        if text.contains("rule_files:") {
            tests.push(text);
        } else if text.contains("groups:") {
            sources.push(RuleSource { name: "rules.yml".to_owned(), text });
        }
    }
    assert_eq!((sources.len(), tests.len()), (2, 1));
    let outcome = UnitFile::parse(&tests[0], Reading::default()).unwrap().run(&sources, &Run::default());
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
    assert_eq!((outcome.tests, outcome.left_out.len()), (1, 1));
}
