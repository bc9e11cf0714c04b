//! Rule files: what is read can be evaluated, mistakes have a place.

use rules::{Kind, Query, Reading, parse_rules};

use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![seeds::file("rules/tests/cases/rules.yml"), seeds::file("rules/tests/cases/bad.yml")];
    seeds.extend(seeds::of(&[
        "groups:\n- name: g\n  interval: 30s\n  query_offset: 1m\n  limit: 5\n  labels: {team: a}\n  rules:\n  - alert: A\n    expr: up == 0\n    for: 1h30m\n    keep_firing_for: 5m\n    labels: {team: b}\n    annotations: {summary: 'x {{ $value | humanize }} {{ $labels.job }}'}\n  - record: 'utf8.näme'\n    sql: SELECT 1\n",
    ]));
    seeds.push(seeds::growing("groups:\n- name: g\n  rules:\n", "  - {record: a, expr: b}\n", ""));
    seeds.push(seeds::growing("groups:\n", "- name: g\n", ""));
    seeds.push(seeds::growing("groups: [{name: g, rules: [{alert: A, expr: '", "-", "1'}]}]"));
    seeds
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    let groups = match parse_rules(&text, Reading::default()) {
        Ok(groups) => groups,
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                input::assert_place(&text, problem.place.line, problem.place.column);
                assert!(!problem.message.is_empty());
            }
            return;
        }
    };
    // What is not known may be ignored; nothing else changes.
    let lenient = parse_rules(&text, Reading { ignore_unknown_fields: true }).expect("what is read strictly");
    assert_eq!(lenient.len(), groups.len());
    for group in &groups {
        assert!(!group.name.is_empty() && group.interval.is_none_or(|interval| interval > 0));
        for rule in &group.rules {
            assert!(rule.labels.iter().all(|(name, _)| !name.is_empty()));
            match &rule.kind {
                Kind::Recording { record } => assert!(!record.is_empty()),
                Kind::Alerting(alerting) => assert!(!alerting.alert.is_empty() && alerting.hold >= 0),
            }
            if let Query::Promql { expr, .. } = &rule.query {
                promql::parse(&expr.to_string()).expect("what is printed is read");
            }
        }
    }
}
