use crate::host::Host;

#[test]
fn check_config_names_every_mistake_with_its_line_and_what_was_meant() {
    let host = Host::new(0, "");
    let file = host.path().join("wrong.yaml");
    std::fs::write(
        &file,
        "data_dir: /tmp/x\nhots:\n  name: a\nserver:\n  listne: 127.0.0.1:1\nstore:\n  flush_bytes: many\n",
    )
    .unwrap();
    let (code, text) = host.run(&["check-config", file.to_str().unwrap()]);
    assert_eq!(code, 1);
    for part in ["wrong.yaml:2:1", "did you mean `host`", ":5:", "listne", "did you mean `listen`", ":7:"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let (code, text) = host.run(&["check-config", host.config()]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_diff_of_two_files_says_field_declared_live_file_and_line() {
    let host = Host::new(0, "");
    let (desired, live) = (host.path().join("desired.yaml"), host.path().join("live.yaml"));
    std::fs::write(&desired, "host: web-1\nfile: /etc/motd\nmode: \"0644\"\n").unwrap();
    std::fs::write(&live, "host: web-1\nfile: /etc/motd\nmode: \"0666\"\n").unwrap();
    let files = ["--desired", desired.to_str().unwrap(), "--live", live.to_str().unwrap()];
    let (code, text) = host.run(&[&["diff"], &files[..], &["--output", "json"]].concat());
    assert_eq!(code, 2, "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let field = &report["resources"][0]["fields"][0];
    assert_eq!((field["path"].as_str(), field["reason"].as_str()), (Some("/mode"), Some("modified")));
    assert_eq!((field["declared"].as_str(), field["live"].as_str()), (Some("0644"), Some("0666")));
    assert_eq!(report["resources"][0]["line"], 2);
    assert_eq!(report["summary"]["modified"], 1);
    let (code, text) = host.run(&["diff", "--desired", desired.to_str().unwrap(), "--live", desired.to_str().unwrap()]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn objects_of_kubernetes_are_compared_with_their_schema() {
    let host = Host::new(0, "");
    let write = |name: &str, text: &str| {
        let path = host.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let head = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\nspec:\n";
    let desired = write(
        "desired.yaml",
        &format!("{head}  size: L\n  memory: 1Gi\n  parts:\n  - {{id: a, weight: 1}}\n  - {{id: b, weight: 2}}\n"),
    );
    let live = write(
        "live.json",
        r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "example.com/v1", "kind": "Widget",
            "metadata": {"name": "w", "namespace": "default", "uid": "1"},
            "spec": {"size": "L", "memory": "1024Mi", "replicas": 1, "parts": [{"id": "b", "weight": 3}, {"id": "a", "weight": 1}]}}]}"#,
    );
    let schema = write(
        "schema.json",
        r#"{"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "size": {"type": "string"}, "replicas": {"type": "integer", "default": 1},
            "memory": {"x-kubernetes-int-or-string": true, "pattern": "^([KMGTPE]i)$"},
            "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                "items": {"type": "object", "properties": {"id": {"type": "string"}, "weight": {"type": "integer"}}}}}}}}"#,
    );
    let files = ["diff", "--desired", &desired, "--live", &live, "--schema", &schema];
    let (code, text) = host.run(&[&files[..], &["--output", "json"]].concat());
    assert_eq!(code, 2, "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["summary"], serde_json::json!({"modified": 1}));
    let entry = &report["resources"][0];
    assert_eq!((entry["id"].as_str(), entry["line"].as_u64()), (Some("k8s/files/example.com.Widget//w"), Some(9)));
    let paths: Vec<_> =
        entry["fields"].as_array().unwrap().iter().map(|field| field["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/spec/parts/id=b/weight"]);
    let broken = write("broken.yaml", &format!("{head}  size: L\n  size: M\n"));
    let (code, text) = host.run(&["diff", "--desired", &broken, "--live", &live]);
    assert_eq!(code, 1);
    assert!(text.contains("broken.yaml:6:3: `size`: is there twice, first in line 5"), "{text}");
}

#[test]
fn scripts_of_promql_say_what_was_expected_and_what_came() {
    let host = Host::new(0, "");
    let script = host.path().join("a.test");
    std::fs::write(&script, "load 1m\n  x 1\n\neval instant at 0 x\n  x 1\n\neval instant at 0 x + 1\n  {} 3\n")
        .unwrap();
    let (code, text) = host.run(&["test", "promql", script.to_str().unwrap()]);
    assert_eq!(code, 1, "{text}");
    for part in ["a.test:7: x + 1", "expected (line 8) {} 3", "got {} 2", "1 passed, 1 failed"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn unit_tests_of_rules_pass_or_fail() {
    let host = Host::new(0, "");
    let write = |name: &str, text: &str| std::fs::write(host.path().join(name), text).unwrap();
    write("up.rules.yml", "groups: [{name: g, rules: [{alert: Down, expr: up == 0}]}]\n");
    let test = |name: &str, expected: &str| {
        format!(
            "- name: {name}\n  input_series: [{{series: up, values: 0}}]\n  alert_rule_test:\n  - {{eval_time: 0, alertname: Down{expected}}}\n"
        )
    };
    let (right, wrong) = (test("right", ", exp_alerts: [{exp_labels: {}}]"), test("wrong", ""));
    write("tests.yml", &format!("rule_files: ['*.rules.yml']\ntests:\n{right}{wrong}"));
    let file = host.path().join("tests.yml").to_str().unwrap().to_owned();
    let (code, text) = host.run(&["test", "rules", &file]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("FAILED") && text.contains("alertname: Down, time: 0s"), "{text}");
    let (code, text) = host.run(&["test", "rules", &file, "--run", "right"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("SUCCESS"), "{text}");
}

#[test]
fn without_a_running_steadfast_it_says_how_to_start_one() {
    let host = Host::new(0, "");
    let (code, text) = host.run(&["drift"]);
    assert_eq!(code, 1);
    assert!(text.contains("steadfast up") && text.contains("--server"), "{text}");
}

#[test]
fn the_example_configuration_is_fine() {
    let host = Host::new(0, "");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/steadfast.example.yaml");
    let (code, text) = host.run(&["check-config", example]);
    assert_eq!(code, 0, "{text}");
}

/// A metric-set file with one metric.
fn metric_set(control: &str, experiment: &str) -> String {
    format!(
        r#"{{"canaryConfig": {{"judge": {{"name": "sequential"}}, "metrics": [{{"name": "errors", "groups": ["http"],
            "analysisConfigurations": {{"canary": {{"direction": "increase"}}}}}}]}},
            "scoreThresholds": {{"pass": 95, "marginal": 75}},
            "metricSetPairList": [{{"name": "errors", "id": "1", "tags": {{}}, "values": {{"control": {control}, "experiment": {experiment}}}}}]}}"#
    )
}

#[test]
fn a_canary_that_is_worse_fails_with_both_judges_and_one_that_is_not_does_not() {
    let host = Host::new(0, "");
    let file = host.path().join("set.json");
    let (few, many) = (format!("{:?}", [3; 30]), format!("{:?}", [30; 30]));
    for (experiment, code, label) in [(&many, 2, "High"), (&few, 0, "")] {
        std::fs::write(&file, metric_set(&few, experiment)).unwrap();
        for judge in ["classic", "sequential"] {
            let args = ["judge", "--judge", judge, file.to_str().unwrap(), "--output", "json"];
            let (found, text) = host.run(&args);
            assert_eq!(found, code, "{judge}: {text}");
            let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(answer["score"]["classification"] == "Fail", code == 2, "{text}");
            assert!(label.is_empty() || answer["results"][0]["classification"] == label, "{text}");
        }
    }
    let (code, text) = host.run(&["judge", file.to_str().unwrap()]);
    assert_eq!(code, 0, "the file names its judge: {text}");
    assert!(text.contains("by sequential"), "{text}");
}

#[test]
fn a_judge_that_is_not_known_and_data_that_cannot_be_judged_are_errors_and_no_verdict() {
    let host = Host::new(0, "");
    let file = host.path().join("set.json");
    let path = file.to_str().unwrap();
    for (text, judge, error) in [
        (
            metric_set("[1, 2]", "[1]"),
            "sequential",
            "metricSetPairList[0].values: control has 2 points and experiment 1",
        ),
        (metric_set("[1, \"x\"]", "[1, 2]"), "classic", "metricSetPairList[0].values.control[1]"),
        (metric_set("[1]", "[1]"), "oracle", "there is no judge `oracle`; there are classic and sequential"),
        ("{".to_owned(), "classic", "not a JSON document"),
    ] {
        std::fs::write(&file, text).unwrap();
        let (code, text) = host.run(&["judge", "--judge", judge, path]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains(error), "{error} is not in: {text}");
    }
    let (code, text) = host.run(&["judge", "--jugde", "classic", path]);
    assert_eq!(code, 1, "{text}");
}
