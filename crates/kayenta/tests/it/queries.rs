//! What a metric asks of each arm.

use judge::Node;
use kayenta::{CanaryConfig, ExecutionRequest};
use serde_json::{Value, json};

fn request() -> ExecutionRequest {
    let scope = |scope: &str| {
        json!({"scope": scope, "location": "eu", "step": 60, "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z",
               "extendedScopeParams": {"_key": "app"}})
    };
    let root = json!({"scopes": {"default": {"controlScope": scope("web-v1"), "experimentScope": scope("web-v2")}}});
    ExecutionRequest::read(&Node::root(&root)).unwrap()
}

#[test]
fn queries_are_built_as_the_cases_have_them() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../cases/queries.json")).unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let config = json!({"metrics": [{"name": "m", "query": case["query"], "scopeName": "default"}], "templates": case["templates"]});
        let found = CanaryConfig::read(&config).and_then(|config| config.asks(&request()));
        let name = &case["name"];
        match found {
            Ok(asked) => {
                assert_eq!(
                    (&json!(asked[0].control), &json!(asked[0].experiment)),
                    (&case["control"], &case["experiment"]),
                    "{name}"
                );
            }
            Err(error) => assert_eq!(json!(error.to_string()), case["error"], "{name}"),
        }
    }
}

#[test]
fn equal_scopes_are_the_users_own_wish() {
    let mut request = request();
    let pair = request.scopes.get_mut("default").unwrap();
    pair.experiment = pair.control.clone();
    let config = json!({"metrics": [{"name": "m", "query": {"customInlineTemplate": "PromQL:up{app=\"${scope}\"}"}}]});
    assert_eq!(CanaryConfig::read(&config).unwrap().asks(&request).unwrap().len(), 1);
}

#[test]
fn a_baseline_of_another_time_may_be_the_same_query() {
    let mut request = request();
    let pair = request.scopes.get_mut("default").unwrap();
    pair.control.start -= 3_600_000;
    pair.control.end -= 3_600_000;
    let config = json!({"metrics": [{"name": "m", "query": {"customInlineTemplate": "PromQL:sum(errors)"}}]});
    assert_eq!(CanaryConfig::read(&config).unwrap().asks(&request).unwrap().len(), 1);
}

#[test]
fn scopes_metrics_and_judges_that_are_not_there_are_named() {
    let metric =
        |name: &str, scope: &str| json!({"name": name, "scopeName": scope, "query": {"metricName": "${scope}"}});
    let asks =
        |metrics: Value| CanaryConfig::read(&json!({"metrics": metrics})).and_then(|config| config.asks(&request()));
    let error = asks(json!([metric("a", "other"), metric("b", "more")])).unwrap_err().to_string();
    assert_eq!(error, "Canary metrics require scopes which were not provided in the execution request: [more, other]");
    assert_eq!(
        asks(json!([metric("a", "default"), metric("a", "default")])).unwrap_err().to_string(),
        "canaryConfig.metrics `a`: is there twice"
    );
    assert_eq!(asks(json!([])).unwrap_err().to_string(), "metrics: has no metrics: there is nothing to judge");
    assert!(
        kayenta::judged_by(Some("dredd-v1.0"))
            .unwrap_err()
            .to_string()
            .starts_with("Unable to resolve canary judge 'dredd-v1.0'")
    );
    assert_eq!(kayenta::judged_by(None), Ok(judge::Judge::Classic));
    assert_eq!(kayenta::judged_by(Some("RemoteJudge-v1.0")), Ok(judge::Judge::Sequential));
}
