//! Relabelling: the first line has labels in JSON, the others are rules.

use std::path::Path;

use scrape::Labels;
use scrape::config::parse;
use scrape::relabel::{Action, Rule, process};

use crate::{input, seeds};

/// What a configuration may ask for grows as fast as it says, so that rules and what they repeat are few here.
const RULES: usize = 8;
const REPEATED: usize = 3;

pub fn seeds() -> Vec<Vec<u8>> {
    let cases = seeds::parts("scrape/tests/cases/relabel.txt", "\n== ");
    let body = |case: &Vec<u8>| {
        let text = String::from_utf8_lossy(case).into_owned();
        let lines: Vec<_> = text.lines().skip(1).filter(|line| !line.starts_with("-> ") && !line.is_empty()).collect();
        lines.join("\n").into_bytes()
    };
    cases.iter().map(body).collect()
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    let (first, rules) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(before) = serde_json::from_str::<Labels>(first) else { return };
    let indented: String = rules.lines().map(|line| format!("  {line}\n")).collect();
    let config = format!("scrape_configs:\n- job_name: j\n  metric_relabel_configs:\n{indented}");
    let Ok(read) = parse(&config, Path::new("/")) else { return };
    let rules = &read.jobs[0].metric_relabel;
    let tame = |rule: &Rule| rule.replacement.matches('$').count() + rule.source_labels.len() <= REPEATED;
    if rules.len() > RULES || !rules.iter().all(tame) {
        return;
    }
    let mut labels = before.clone();
    let kept = process(&mut labels, rules);
    let mut again = before.clone();
    assert_eq!((process(&mut again, rules), &again), (kept, &labels), "the same each time");
    assert!(labels.iter().all(|(name, value)| !value.is_empty() || before.get(name) == Some(value)), "{labels:?}");
    for rule in rules {
        one(rule, &before);
    }
}

/// What holds for a rule alone.
fn one(rule: &Rule, before: &Labels) {
    let mut labels = before.clone();
    let kept = rule.apply(&mut labels);
    let opposite = |action: Action| Rule { action, ..rule.clone() }.apply(&mut before.clone());
    match rule.action {
        Action::Keep => assert_eq!(opposite(Action::Drop), !kept),
        Action::KeepEqual => assert_eq!(opposite(Action::DropEqual), !kept),
        Action::LabelDrop | Action::LabelKeep => {
            assert!(labels.iter().all(|(name, value)| before.get(name) == Some(value)));
        }
        Action::HashMod => {
            let hash: u64 = labels[&rule.target_label].parse().expect("a number");
            assert!(hash < rule.modulus);
        }
        _ => assert!(kept || rule.action == Action::Drop || rule.action == Action::DropEqual),
    }
}
