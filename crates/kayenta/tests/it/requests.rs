//! Execution requests that are read, and those that are refused with the field that is to be mended.

use judge::Node;
use judge::request::Thresholds;
use kayenta::{CanaryConfig, ExecutionRequest, with_lifetime};
use serde_json::{Value, json};

/// As Argo Rollouts sends it: with `region`.
fn request() -> Value {
    let scope = |scope: &str| json!({"scope": scope, "region": "us-west-2", "step": 60, "start": "2019-03-29T01:08:34Z", "end": "2019-03-29T01:38:34Z"});
    json!({"scopes": {"default": {"controlScope": scope("a"), "experimentScope": scope("b")}}, "thresholds": {"pass": 90, "marginal": 75}})
}

#[test]
fn the_request_of_argo_rollouts_is_read() {
    let read = ExecutionRequest::read(&Node::root(&request())).unwrap();
    let pair = &read.scopes["default"];
    assert_eq!(read.thresholds, Some(Thresholds { pass: 90.0, marginal: 75.0 }));
    assert_eq!((pair.experiment.scope.as_str(), pair.control.location.as_deref()), ("b", Some("us-west-2")));
    assert_eq!((pair.control.start, pair.control.points()), (1_553_821_714_000, 31));
    let until = |minutes: i64| pair.control.points_until(pair.control.start + minutes * 60_000);
    assert_eq!([-1, 0, 1, 10, 30, 90].map(until), [0, 1, 2, 11, 31, 31]);
}

#[test]
fn mistakes_are_named() {
    let scope = "/scopes/default/controlScope";
    let cases = [
        (format!("{scope}/start"), json!("yesterday"), "scopes.default.controlScope.start: `yesterday` is not a time"),
        (format!("{scope}/start"), json!(5), "scopes.default.controlScope.start: a string is wanted"),
        (format!("{scope}/start"), json!("1911-01-01T00:00:00Z"), "is before 1970 or after 2200"),
        (format!("{scope}/end"), json!("2019-03-29T01:00:00Z"), "scopes.default.controlScope.end: is before start"),
        (format!("{scope}/end"), Value::Null, "scopes.default.controlScope.end: is missing"),
        (
            format!("{scope}/step"),
            json!(0),
            "scopes.default.controlScope.step: whole seconds from 1 to 86400 are wanted",
        ),
        (format!("{scope}/step"), json!(-60), "scopes.default.controlScope.step: whole seconds"),
        (format!("{scope}/scope"), json!("x".repeat(2_000)), "scopes.default.controlScope.scope: has 2000 bytes"),
        (format!("{scope}/end"), json!("2189-03-29T01:00:00Z"), "points, at most 100000 are taken"),
        ("/scopes/default".to_owned(), json!({}), "scopes.default.controlScope: is missing"),
        ("/scopes".to_owned(), json!([]), "scopes: an object is wanted"),
        ("/thresholds/pass".to_owned(), json!(101), "thresholds.pass: 101 is not from 0 to 100"),
        ("/thresholds/marginal".to_owned(), json!(95), "thresholds: marginal is above pass"),
    ];
    for (path, value, problem) in cases {
        let mut wrong = request();
        *wrong.pointer_mut(&path).unwrap() = value;
        let error = ExecutionRequest::read(&Node::root(&wrong)).unwrap_err().to_string();
        assert!(error.contains(problem), "{path}: {error}");
    }
    let many: serde_json::Map<_, _> = (0..101).map(|n| (n.to_string(), json!({}))).collect();
    let error = ExecutionRequest::read(&Node::root(&json!({"scopes": many}))).unwrap_err().to_string();
    assert_eq!(error, "scopes: has 101 entries, at most 100 are taken");
}

#[test]
fn thresholds_come_from_the_request_or_the_configuration() {
    let config = |classifier: Value| {
        CanaryConfig::read(&json!({"metrics": [{"name": "m", "query": {"metricName": "x"}}], "classifier": classifier}))
    };
    let own = Thresholds { pass: 80.0, marginal: 50.0 };
    let with = config(json!({"scoreThresholds": {"pass": 80, "marginal": 50}})).unwrap();
    assert_eq!(with.thresholds(None), Ok(own));
    let other = Thresholds { pass: 90.0, marginal: 75.0 };
    assert_eq!(with.thresholds(Some(other)), Ok(other));
    let error = config(json!({})).unwrap().thresholds(None).unwrap_err().to_string();
    assert!(error.starts_with("Classifier thresholds must be specified"), "{error}");
    assert!(config(json!({"scoreThresholds": {"pass": 50, "marginal": 80}})).is_err());
}

#[test]
fn a_lifetime_is_added_where_none_is() {
    let lifetime =
        |config: Value| with_lifetime(config, 61)["judge"]["judgeConfigurations"]["lifetimeIntervals"].clone();
    assert_eq!(lifetime(json!({})), 61);
    assert_eq!(lifetime(json!({"judge": {"name": "x", "judgeConfigurations": null}})), 61);
    assert_eq!(lifetime(json!({"judge": {"judgeConfigurations": {"lifetimeIntervals": 5}}})), 5);
    assert_eq!(with_lifetime(json!({"judge": "x"}), 61), json!({"judge": "x"}), "left to the judge to refuse");
}
