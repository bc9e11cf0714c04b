use super::Config;

fn problems(text: &str) -> String {
    Config::parse(text).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_empty_file_is_the_embedded_configuration() {
    assert_eq!(Config::parse("").unwrap().server.listen.to_string(), "127.0.0.1:9470");
}

#[test]
fn every_mistake_is_named_with_its_line_and_what_was_meant() {
    let text = problems("hots: {}\nserver:\n  listne: x\nstore:\n  flush_bytes: many\n");
    for part in
        ["1:1: unknown key `hots`; did you mean `host`?", "3:", "did you mean `listen`?", "5:", "store.flush_bytes: "]
    {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn a_mistake_of_a_setting_has_its_whole_name() {
    let cases = [
        ("server:\n  listen: here\n", "2:11: server.listen: invalid socket address syntax"),
        ("desired:\n  git: [{name: x, url: /a, brnch: main}]\n", "2:28: desired.git[0]: unknown field `brnch`"),
        ("desired:\n  git: {name: x, url: /a, poll: 30}\n", "desired.git.poll: `30` is not a duration"),
        ("kubernetes: [{cluster: a, kubconfig: /x}]\n", "1:27: kubernetes[0]: unknown field `kubconfig`"),
    ];
    for (text, expected) in cases {
        let problems = problems(text);
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
    // They are texts, whatever YAML takes them for elsewhere.
    assert!(Config::parse("desired:\n  git: {name: y, url: /a, branch: 1.10}\n").is_ok());
}

#[test]
fn what_would_not_start_or_refuse_everything_is_a_mistake() {
    let cases = [
        ("server: {listen: \"0.0.0.0:9470\"}\n", "server.listen: 0.0.0.0:9470 can be reached from other machines"),
        ("query: {max_concurrent: 0}\n", "1:25: query.max_concurrent: with 0"),
        ("query: {timeout: 0s}\n", "query.timeout: with 0"),
    ];
    for (text, expected) in cases {
        let problems = problems(text);
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
    assert!(Config::parse("server: {listen: \"0.0.0.0:9470\", insecure: true}\n").is_ok());
}

#[test]
fn what_is_no_map_of_sections_is_refused_and_not_passed_over() {
    let cases = [
        ("  server:\n    listen: bad\n", "1:1: `server` must begin a line"),
        ("{\n  \"server\": {\"listen\": \"bad\"}\n}\n", "2:1: `server` must begin a line"),
        ("- server: {}\n", "a configuration is a map of sections"),
        ("just text\n", "a configuration is a map of sections"),
        ("--- {server: {}}\n", "`server` must begin a line"),
    ];
    for (text, expected) in cases {
        let problems = problems(text);
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
    for text in ["# nothing\n", "---\nserver: {}\n", "\u{feff}server: {}\n", "\"server\": {}\n"] {
        assert!(Config::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn a_receiver_names_exactly_one_integration() {
    let text = problems("receivers:\n  - name: on-call\n    pagerdty: {}\n");
    assert!(text.contains("2:5") && text.contains("unknown key `pagerdty`") && text.contains("pagerduty"), "{text}");
    assert!(problems("receivers:\n  - name: on-call\n").contains("exactly one of"));
}

#[test]
fn names_are_used_once() {
    let text = problems("desired:\n  git:\n    - {name: a, url: /x}\n    - {name: a, url: /y}\n");
    assert!(text.contains("two Git sources are called `a`"), "{text}");
}

#[test]
fn a_fallback_is_another_receiver_that_is_there() {
    let receiver = |name: &str, more: &str| format!("  - name: {name}\n    webhook: {{url: \"http://x\"}}\n{more}");
    let cases = [
        ("    fallback: b\n", "there is no receiver `b`"),
        ("    fallback: a\n", "its own fallback"),
        ("    only_as_fallback: true\n", "told nothing"),
        ("    escalate_after: soon\n", "is not a duration"),
        ("    again_after: 5s\n", "again_after: a minute is the least"),
    ];
    for (more, expected) in cases {
        let text = problems(&format!("receivers:\n{}", receiver("a", more)));
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    let good = receiver("a", "    fallback: b\n") + &receiver("b", "    only_as_fallback: true\n");
    let config = Config::parse(&format!("receivers:\n{good}")).unwrap();
    assert_eq!(config.receivers[0].escalate_after.as_secs(), 900);
}

#[test]
fn a_mistake_of_a_job_has_its_place_in_the_file() {
    let text = "data_dir: /x\nscrape:\n  scrape_configs:\n  - job_name: a\n    sample_limit: x\n";
    let problems = Config::parse(text).unwrap_err();
    let expected = "5:19: scrape: job a: sample_limit: expected a whole number, got \"x\"";
    assert_eq!(problems[0].to_string(), expected);
}

#[test]
fn a_source_of_kafka_and_a_bucket_say_what_is_missing() {
    let text =
        problems("kafka_in:\n  - name: otel\n    brokers: [\"b:9092\"]\n    topics: [t]\n    format: otlp_proto\n");
    assert!(text.contains("2:5: kafka_in.otel: signal"), "{text}");
    let text = problems("store:\n  s3: {bucket: b, endpoint: \"http://s3\"}\n");
    assert!(text.contains("store.s3.bucket"), "{text}");
}

#[test]
fn mistakes_of_logs_are_named_with_their_settings() {
    let cases = [
        (
            "syslog:\n- {listen: \"127.0.0.1:1\", protocol: tls}\n",
            "syslog: 127.0.0.1:1: tls: `cert` and `key` are missing",
        ),
        ("syslog:\n- {listen: here, protocol: udp}\n", "syslog[0].listen: "),
        ("syslog:\n- {listen: \"127.0.0.1:1\", protocol: udp, zon: UTC}\n", "did you mean `zone`?"),
        (
            "logs:\n  files:\n  - {include: [var/log/x.log]}\n",
            "logs.files[0].include: `var/log/x.log` is no whole path",
        ),
        ("logs:\n  files:\n  - {include: [/x], multiline: {start: '('}}\n", "logs.files[0].multiline.start: "),
        ("logs:\n  poll: 0s\n", "logs.poll: it must be at least 250ms"),
    ];
    for (text, expected) in cases {
        let problems = problems(text);
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
}

#[test]
fn rollouts_are_found_only_in_a_cluster_that_is_watched() {
    let canary = "canaries:\n  - name: all\n    discover: {cluster: prod}\n    metrics: [{name: m, kind: errors, query: 'errors{$arm}'}]\n";
    let text = problems(canary);
    assert!(
        text.starts_with("2:") && text.contains("canaries: all.discover.cluster: `kubernetes` watches no"),
        "{text}"
    );
    assert!(Config::parse(&format!("kubernetes: {{cluster: prod}}\n{canary}")).is_ok());
    let text = problems(&canary.replace("cluster: prod", "cluster: prod, namespace: [a]"));
    assert!(text.contains("unknown field `namespace`") && text.contains("did you mean `namespaces`?"), "{text}");
}

#[test]
fn a_resource_is_judged_only_in_a_cluster_that_is_watched() {
    let canary = "canaries:\n  - name: one\n    resource: k8s/prd/apps.Deployment/shop/web\n    baseline: v=\"1\"\n    canary: v=\"2\"\n    metrics: [{name: m, kind: errors, query: 'errors{$arm}'}]\n";
    let watched = |canary: &str| format!("kubernetes: {{cluster: prod}}\n{canary}");
    let text = problems(&watched(canary));
    assert!(text.contains("canaries: one.resource: `kubernetes` watches no cluster `prd`"), "{text}");
    assert!(Config::parse(&watched(&canary.replace("k8s/prd", "k8s/prod"))).is_ok());
}

#[test]
fn the_example_has_no_mistakes() {
    let example = include_str!("../../../../deploy/steadfast.example.yaml");
    let problems = Config::parse(example).err().unwrap_or_default();
    assert!(problems.is_empty(), "{:?}", problems.iter().map(ToString::to_string).collect::<Vec<_>>());
}
