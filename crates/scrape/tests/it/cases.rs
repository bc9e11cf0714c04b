//! The case files.

use scrape::Labels;
use scrape::relabel::process;

use super::support::{blocks, job, read};

#[test]
fn relabelling_is_as_the_cases_say() {
    let mut wrong = Vec::new();
    for (name, lines) in blocks("relabel.txt") {
        let (first, rest) = lines.split_first().unwrap();
        let (last, rules) = rest.split_last().unwrap();
        let mut labels: Labels = serde_json::from_str(first).unwrap();
        let rules = job(&format!("metric_relabel_configs:\n{}", rules.join("\n"))).metric_relabel;
        let kept = process(&mut labels, &rules);
        let expected = last.strip_prefix("-> ").unwrap();
        let is = if kept { serde_json::to_string(&labels).unwrap() } else { "dropped".to_owned() };
        let same = match serde_json::from_str::<Labels>(expected) {
            Ok(expected) => kept && labels == expected,
            Err(_) => is == expected,
        };
        if !same {
            wrong.push(format!("{name}: {is}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mistakes_are_told_as_the_cases_say() {
    let mut wrong = Vec::new();
    for (name, lines) in blocks("config.txt") {
        let (expected, text): (Vec<String>, Vec<String>) = lines.into_iter().partition(|line| line.starts_with("!! "));
        let told: Vec<String> = match read(&text.join("\n")) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        };
        let as_expected = |(told, expected): (&String, &String)| told.starts_with(expected.trim_start_matches("!! "));
        if told.len() != expected.len() || !told.iter().zip(&expected).all(as_expected) {
            wrong.push(format!("{name}:\n  {}\nnot\n  {}", told.join("\n  "), expected.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
