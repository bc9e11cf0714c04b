//! Rule files and what is wrong in them.

use rules::{Kind, Query, Reading, parse_rules};

fn mistakes(text: &str) -> Vec<String> {
    parse_rules(text, Reading::default()).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_rule_file_is_read_with_all_its_fields() {
    let text = "groups:\n- name: g\n  interval: 30s\n  query_offset: 1m\n  limit: 5\n  labels: {team: a, zone: z}\n  rules:\n  \
                - alert: A\n    expr: up == 0\n    for: 1h30m\n    keep_firing_for: 5m\n    labels: {team: b}\n    \
                annotations: {summary: 'x {{ $value }}'}\n  - record: 'utf8.näme'\n    sql: SELECT 1\n";
    let groups = parse_rules(text, Reading::default()).unwrap();
    let group = &groups[0];
    assert_eq!((group.interval, group.query_offset, group.limit), (Some(30_000), Some(60_000), 5));
    let Kind::Alerting(alerting) = &group.rules[0].kind else { panic!("no alert") };
    assert_eq!((alerting.hold, alerting.keep_firing), (5_400_000, 300_000));
    let labels: Vec<_> = group.rules[0].labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(labels, ["zone=z", "team=b"]);
    assert!(matches!(&group.rules[1].query, Query::Sql(sql) if sql == "SELECT 1"));
    assert_eq!(group.rules[1].place.line, 14);
}

#[test]
fn nothing_is_no_rules() {
    assert!(parse_rules("", Reading::default()).unwrap().is_empty());
    assert!(parse_rules("groups:\n", Reading::default()).unwrap().is_empty());
}

#[test]
fn mistakes_have_line_and_key() {
    let rule = |body: &str| format!("groups:\n- name: g\n  rules:\n  - {body}\n");
    for (text, mistake) in [
        ("grops: []\n".to_owned(), "1:1: grops: is not a field of a rule file, which has groups"),
        (rule("{alert: A, expr: up, fr: 5m}"), "4:26: fr: is not a field of a rule"),
        (rule("{expr: up}"), "4:5: one of 'record' or 'alert' must be set"),
        (rule("{record: a, alert: b, expr: up}"), "4:14: record: only one of 'record' and 'alert' must be set"),
        (rule("{alert: A}"), "4:5: expr: field 'expr' must be set in rule"),
        (
            rule("{alert: A, expr: 'sum('}"),
            "4:22: expr: could not parse expression: 1:5: parse error: unclosed left parenthesis",
        ),
        (rule("{record: a, expr: up, for: 5m}"), "4:32: for: invalid field 'for' in recording rule"),
        (rule("{record: 'a{b}', expr: up}"), "4:14: record: braces present in the recording rule name"),
        (rule("{alert: A, expr: up, for: 5 minutes}"), "4:31: for: not a valid duration string: \"5 minutes\""),
        (rule("{alert: A, expr: up, labels: {__name__: x}}"), "4:35: labels: invalid label name: __name__"),
        (rule("{alert: A, expr: up, annotations: {x: '{{ $foo }}'}}"), "4:39: annotations: x: template:"),
        (rule("{alert: A, expr: up, sql: SELECT 1}"), "4:31: sql: only one of 'expr' and 'sql' must be set"),
        ("groups:\n- name: g\n- name: g\n".to_owned(), "3:3: name: groupname: \"g\" is repeated in the same file"),
        ("groups:\n- rules: []\n".to_owned(), "2:3: name: Groupname must not be empty"),
        ("groups: {}\n".to_owned(), "1:9: groups: expected a list, got a map"),
        (rule("{alert: A, expr: [up]}"), "4:22: expr: expected a text, got a list"),
        ("groups: [\n".to_owned(), "broken YAML"),
    ] {
        let found = mistakes(&text);
        assert!(found.iter().any(|found| found.contains(mistake)), "{text}\n{mistake}\n{found:?}");
    }
}

#[test]
fn all_mistakes_of_rules_are_told_at_once() {
    let text = "groups:\n- name: g\n  rules:\n  - {alert: A}\n  - {record: r, expr: '('}\n";
    assert_eq!(mistakes(text).len(), 2);
}

#[test]
fn unknown_fields_can_be_ignored() {
    let text = "groups:\n- name: g\n  extra: 1\n  rules: []\n";
    assert!(parse_rules(text, Reading { ignore_unknown_fields: true }).is_ok());
}
