use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use promql::{Labels, Value as Number};
use query::QueryConfig;
use rules::book::{Book, Definition, Evaluation, Flapping, Missing, MissingPolicy, Settings};
use rules::{Answers, Reading, parse_rules};
use serde_json::{Value, json};
use server::Parts;

use super::site::{Site, config, parts};
use super::world::World;

const FILE: &str = "
groups:
- name: one
  interval: 30s
  limit: 5
  rules:
  - {record: 'job:up:sum', expr: sum by (job) (up)}
  - {alert: Down, expr: up == 0, for: 1m, keep_firing_for: 2m, labels: {severity: page, job: '{{ $labels.job }}'}, annotations: {summary: '{{ $labels.i }} is down'}}
- name: two
  rules:
  - {alert: Broken, sql: SELECT nothing}
";

fn settings() -> Settings {
    Settings {
        interval: 60_000,
        query_offset: 0,
        resend: 60_000,
        external_labels: BTreeMap::new(),
        external_url: "http://here".to_owned(),
        missing: Missing { policy: MissingPolicy::Keep, keep_for: 600_000 },
        flapping: Flapping { changes: 0, within: 0, quiet: 0 },
    }
}

/// Two files with the same groups, in two shards.
fn books() -> server::Books {
    let book = |file: &str| {
        let mut book = Book::default();
        for group in parse_rules(FILE, Reading::default()).unwrap() {
            book.define(1, Definition { file: file.to_owned(), group, settings: settings() }, 0);
        }
        let mut evaluated = |group: &str, rule, t, result| {
            let (file, group) = (file.to_owned(), group.to_owned());
            let (inputs, queries) = (BTreeMap::new(), Answers::default());
            book.evaluated(Evaluation { file, group, rule, generation: 1, t, took: 0.5, result, inputs, queries });
        };
        let found = Labels::new([("__name__", "up"), ("i", "a"), ("job", "j")]);
        evaluated("one", 1, 1_000_000_000_000, Ok(vec![(found.clone(), Number::Float(0.0))]));
        evaluated("one", 1, 1_000_000_060_000, Ok(vec![(found, Number::Float(0.0))]));
        evaluated("two", 0, 1_000_000_060_000, Err("column nothing is not there".to_owned()));
        Arc::new(RwLock::new(book))
    };
    vec![book("b.yml"), book("a.yml")]
}

async fn site() -> Site {
    let world = World::empty().await;
    let parts = Parts { rules: books(), ..parts(&world, QueryConfig::default()) };
    Site::serve(world, config(), parts).await
}

fn names(answer: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let groups = answer["data"]["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| {
            let rules = group["rules"].as_array().unwrap().iter();
            rules.map(move |rule| format!("{} {} {}", text(&group["file"]), text(&group["name"]), text(&rule["name"])))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_alerts_are_as_prometheus_has_them() {
    let site = site().await;
    let answer = site.json("/api/v1/rules?file[]=a.yml").await;
    let alert = json!({
        "labels": {"alertname": "Down", "i": "a", "job": "j", "severity": "page"}, "annotations": {"summary": "a is down"},
        "state": "firing", "activeAt": "2001-09-09T01:46:40Z", "value": "0e+00",
    });
    let expected = json!({"status": "success", "data": {"groups": [
        {"name": "one", "file": "a.yml", "interval": 30.0, "limit": 5, "evaluationTime": 0.5, "lastEvaluation": "2001-09-09T01:47:40Z", "rules": [
            {"name": "job:up:sum", "query": "sum by (job) (up)", "labels": {}, "health": "unknown", "evaluationTime": 0.0,
             "lastEvaluation": "0001-01-01T00:00:00Z", "type": "recording"},
            {"state": "firing", "name": "Down", "query": "up == 0", "duration": 60.0, "keepFiringFor": 120.0,
             "labels": {"severity": "page", "job": "{{ $labels.job }}"}, "annotations": {"summary": "{{ $labels.i }} is down"}, "alerts": [alert],
             "health": "ok", "evaluationTime": 0.5, "lastEvaluation": "2001-09-09T01:47:40Z", "type": "alerting"}]},
        {"name": "two", "file": "a.yml", "interval": 60.0, "limit": 0, "evaluationTime": 0.5, "lastEvaluation": "2001-09-09T01:47:40Z", "rules": [
            {"state": "inactive", "name": "Broken", "query": "SELECT nothing", "duration": 0.0, "keepFiringFor": 0.0, "labels": {}, "annotations": {},
             "alerts": [], "health": "err", "lastError": "column nothing is not there", "evaluationTime": 0.5,
             "lastEvaluation": "2001-09-09T01:47:40Z", "type": "alerting"}]},
    ]}});
    assert_eq!(answer, expected);
    let alerts = site.json("/api/v1/alerts").await;
    assert_eq!(alerts, json!({"status": "success", "data": {"alerts": [alert, alert]}}));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_choose_rules_and_pages() {
    let site = site().await;
    let all = [
        "a.yml one job:up:sum",
        "a.yml one Down",
        "a.yml two Broken",
        "b.yml one job:up:sum",
        "b.yml one Down",
        "b.yml two Broken",
    ];
    let cases: [(&str, &[usize]); 9] = [
        ("", &[0, 1, 2, 3, 4, 5]),
        ("type=record", &[0, 3]),
        ("type=alert&file[]=b.yml", &[4, 5]),
        ("rule_name[]=Down&rule_name[]=Broken&rule_group[]=two", &[2, 5]),
        ("match[]={severity=\"page\"}", &[1, 4]),
        ("match[]={severity=\"page\"}&match[]={severity=\"none\"}", &[1, 4]),
        ("match[]={job=\"j\"}", &[]),
        ("rule_name[]=none", &[]),
        ("group_limit=1", &[0, 1]),
    ];
    for (query, expected) in cases {
        let answer = site.json(&format!("/api/v1/rules?{query}")).await;
        let expected: Vec<&str> = expected.iter().map(|at| all[*at]).collect();
        assert_eq!(names(&answer), expected, "{query}");
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let answer = site.json(&format!("/api/v1/rules?group_limit=3&group_next_token={token}")).await;
        seen.extend(names(&answer));
        match answer["data"]["groupNextToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, all);
    let answer = site.json("/api/v1/rules?exclude_alerts=true&rule_name[]=Down").await;
    assert_eq!(answer["data"]["groups"][0]["rules"][0]["alerts"], json!([]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_as_prometheus_refuses_it() {
    let site = site().await;
    let cases = [
        ("type=both", "not supported value"),
        ("match[]={", "match[]"),
        ("group_limit=0", "group_limit"),
        ("group_next_token=x", "group_limit needs to be provided"),
        ("group_limit=1&group_next_token=x", "were rule groups changed?"),
        ("exclude_alerts=maybe", "exclude_alerts"),
    ];
    for (query, expected) in cases {
        let answer = site.get(&format!("/api/v1/rules?{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!((answer["status"].as_str(), answer["errorType"].as_str()), (Some("error"), Some("bad_data")));
        assert!(answer["error"].as_str().unwrap().contains(expected), "{query}: {answer}");
    }
    site.end().await;
}
