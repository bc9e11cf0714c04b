//! Unit tests in promtool's format.

use std::fs;
use std::path::Path;

use rules::Reading;
use rules::unit::{RuleSource, Run, UnitFile};

fn case(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)).unwrap()
}

fn run(text: &str, run: &Run) -> Vec<String> {
    let sources = [RuleSource { name: "rules.yml".into(), text: case("rules.yml") }];
    UnitFile::parse(text, run.reading).unwrap().run(&sources, run).failures
}

fn only(name: &str) -> Run {
    Run { only: vec![name.into()], ..Run::default() }
}

#[test]
fn what_is_right_passes() {
    let failures = run(&case("good.yml"), &Run::default());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn failures_are_shown_as_promtool_shows_them() {
    let bad = case("bad.yml");
    assert_eq!(
        run(&bad, &only("wrong sample")),
        ["    name: wrong sample,\n    expr: \"job:up:sum\", time: 1m,\n        \
          exp: {__name__=\"job:up:sum\", job=\"a\", team=\"a\"} 2\n        \
          got: {__name__=\"job:up:sum\", job=\"a\", team=\"a\"} 1"]
    );
    let missing = run(&bad, &only("missing alert")).join("");
    assert!(missing.contains("alertname: InstanceDown, time: 1m") && missing.contains("got:[]"), "{missing}");
    assert!(missing.contains("Labels:{alertname=\"InstanceDown\", severity=\"page\"}"), "{missing}");
    let unexpected = run(&bad, &only("unexpected")).join("");
    assert!(
        unexpected.contains("exp:[]") && unexpected.contains("Labels:{alertname=\"AlwaysFiring\"}"),
        "{unexpected}"
    );
    assert!(run(&bad, &only("bad expression")).join("").contains("parse error"));
    assert!(run(&bad, &only("bad series")).join("").contains("up{"));
    assert_eq!(run(&bad, &Run::default()).len(), 5);
    assert!(run(&bad, &only("none of them")).is_empty());
}

#[test]
fn tests_that_were_run_are_counted() {
    let unit = UnitFile::parse("tests: [{name: disk is full}, {name: memory}]", Reading::default()).unwrap();
    let tests = |only: &[&str]| {
        let only = only.iter().map(|&only| only.to_owned()).collect();
        unit.run(&[], &Run { only, ..Run::default() }).tests
    };
    assert_eq!((tests(&[]), tests(&["disk"]), tests(&["disk", "mem"]), tests(&["dusk"])), (2, 1, 2, 0));
}

#[test]
fn rules_that_ask_sql_are_left_out_and_the_others_tested() {
    let rules = "groups:\n- name: g\n  rules:\n  - {alert: FileChanged, sql: SELECT id FROM drift}\n  - {record: r, sql: SELECT 1}\n  \
                 - {alert: Down, expr: up == 0}\n";
    let sources = [RuleSource { name: "r.yml".into(), text: rules.into() }];
    let run = |test: &str| {
        let text = format!("tests:\n- input_series: [{{series: up, values: 0x5}}]\n  alert_rule_test: [{test}]\n");
        UnitFile::parse(&text, Reading::default()).unwrap().run(&sources, &Run::default())
    };
    let down = run("{alertname: Down, eval_time: 1m, exp_alerts: [{}]}");
    assert_eq!((down.failures, down.tests), (vec![], 1));
    assert_eq!(down.left_out, ["r.yml:4:5: FileChanged", "r.yml:5:5: r"]);
    // That it does not fire would say nothing.
    let changed = run("{alertname: FileChanged, eval_time: 1m}");
    assert_eq!(
        changed.failures,
        ["    alertname: FileChanged, time: 1m, err: asks SQL, which unit tests do not evaluate"]
    );
}

#[test]
fn floats_may_differ_in_the_last_bit_if_that_is_said() {
    let test = |fuzzy: bool, value: &str| {
        let text = format!(
            "fuzzy_compare: {fuzzy}\ntests:\n- promql_expr_test:\n  - {{expr: '0.1 + 0.2', eval_time: 0, exp_samples: \
             [{{labels: '{{}}', value: {value}}}]}}\n"
        );
        run(&text, &Run::default()).len()
    };
    assert_eq!(test(false, "0.30000000000000004"), 0);
    assert_eq!(test(false, "0.3"), 1);
    assert_eq!(test(true, "0.3"), 0);
    assert_eq!(test(true, "0.2999999999999999"), 1);
}

#[test]
fn a_rule_file_that_cannot_be_read_fails_all_tests() {
    let sources = [RuleSource { name: "r.yml".into(), text: "groups: {}".into() }];
    let failures =
        UnitFile::parse("tests: [{name: a}]", Reading::default()).unwrap().run(&sources, &Run::default()).failures;
    assert_eq!(failures, ["  r.yml:1:9: groups: expected a list, got a map"]);
}

#[test]
fn a_rule_that_fails_ends_its_test() {
    let text = "groups:\n- name: g\n  rules: [{record: r, expr: 'a * on (x) b'}]\n";
    let sources = [RuleSource { name: "r.yml".into(), text: text.into() }];
    let test = "tests:\n- input_series: [{series: 'a{i=\"1\"}', values: 1}, {series: 'a{i=\"2\"}', values: 1}, {series: b, values: 1}]\n  \
                promql_expr_test: [{expr: r, eval_time: 5m}]\n";
    let failures = UnitFile::parse(test, Reading::default()).unwrap().run(&sources, &Run::default()).failures;
    assert_eq!(failures.len(), 1);
    assert!(failures[0].starts_with("    rule: r, time: 0s, err: multiple matches for labels"), "{failures:?}");
}

#[test]
fn mistakes_in_a_test_file_have_line_and_key() {
    for (text, mistake) in [
        ("tests:\n- nme: x\n", "2:3: nme: is not a field of a test"),
        ("tests:\n- interval: soon\n", "2:13: interval: not a valid duration string"),
        ("tests:\n- alert_rule_test: [{eval_time: 1m}]\n", "misses the required field alertname"),
        ("group_eval_order: [a, a]\n", "group name repeated in evaluation order: a"),
        ("tests:\n- start_timestamp: never\n", "is neither RFC 3339 nor Unix time"),
        ("", "there is nothing in it"),
    ] {
        let found = UnitFile::parse(text, Reading::default()).unwrap_err().to_string();
        assert!(found.contains(mistake), "{text}: {found}");
    }
    assert!(UnitFile::parse("tests:\n- nme: x\n", Reading { ignore_unknown_fields: true }).is_ok());
}

#[test]
fn rules_do_not_see_what_comes_later() {
    let text = "groups:\n- name: g\n  rules: [{record: r, expr: 'count_over_time(x[1h] offset -1h)'}]\n";
    let sources = [RuleSource { name: "r.yml".into(), text: text.into() }];
    let test = "tests:\n- input_series: [{series: x, values: 1x60}]\n  promql_expr_test:\n  \
                - {expr: r, eval_time: 10m, exp_samples: []}\n  - {expr: 'count_over_time(x[1h] offset -1h)', eval_time: 10m, exp_samples: [{labels: '{}', value: 50}]}\n";
    let failures = UnitFile::parse(test, Reading::default()).unwrap().run(&sources, &Run::default()).failures;
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn tests_without_end_are_refused() {
    let test = "evaluation_interval: 1ms\ntests:\n- promql_expr_test: [{expr: '1', eval_time: 200y}]\n";
    let failures = UnitFile::parse(test, Reading::default()).unwrap().run(&[], &Run::default()).failures;
    assert!(failures[0].contains("more than"), "{failures:?}");
}
