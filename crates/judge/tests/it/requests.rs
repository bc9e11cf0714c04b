//! Requests that are read, and those that are refused with the field that is to be mended.

use judge::classic;
use judge::request::{Direction, EffectMeasure, MAX_METRICS, Outliers};
use judge::{Judge, JudgeError, Request};
use serde_json::{Value, json};

fn request() -> Value {
    json!({
        "canaryConfig": {
            "name": "cart",
            "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {"tolerance": 0.1, "confLevel": 0.95}},
            "metrics": [
                {"name": "errors", "groups": ["http"], "analysisConfigurations": {"canary": {
                    "direction": "increase", "critical": true, "outliers": {"strategy": "remove"},
                    "effectSize": {"measure": "cles", "allowedIncrease": 0.6}}}},
                {"name": "latency", "groups": ["http"], "analysisConfigurations": {"canary": {"direction": "Increase"}}},
            ],
            "classifier": {"groupWeights": {"http": 100}},
        },
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": [
            {"name": "errors", "id": "e", "tags": {"zone": "a"}, "values": {"control": [1, 2, "NaN", 3, 4], "experiment": [1, null, 2, 3, 4]}},
            {"name": "latency", "id": 7, "values": {"control": [10, 11, 12, 13, 14, 15], "experiment": [30, 31, 32, 33, 34, 35]}},
        ],
    })
}

#[test]
fn a_request_is_read_and_answered_in_kayentas_shape() {
    let read = Request::parse(request().to_string().as_bytes()).unwrap();
    assert_eq!((read.settings.tolerance, read.settings.confidence), (0.1, 0.95));
    let (errors, latency) = (&read.metrics[0], &read.metrics[1]);
    assert_eq!((errors.0.direction, errors.0.outliers), (Direction::Increase, Outliers::Remove(3.0)));
    assert_eq!(errors.0.effect_sizes.measure, EffectMeasure::Cles);
    assert_eq!((errors.0.effect_sizes.allowed_increase, errors.0.effect_sizes.critical_increase), (0.6, 0.5));
    assert_eq!((latency.0.direction, latency.1.id.as_str()), (Direction::Increase, "7"));
    assert!(errors.1.control[2].is_nan() && errors.1.experiment[1].is_nan());

    let judge = Judge::named(read.judge.as_deref().unwrap()).unwrap();
    let answer = serde_json::to_value(judge.judge(&read).unwrap()).unwrap();
    assert_eq!(answer["judgeName"], classic::NAME);
    assert_eq!(answer["score"]["score"], 50.0);
    assert_eq!(answer["score"]["classification"], "Fail");
    assert_eq!(
        answer["groupScores"][0],
        json!({"name": "http", "score": 50.0, "classification": "", "classificationReason": ""})
    );
    let found = &answer["results"][1];
    assert_eq!(found["classification"], "High");
    assert_eq!(found["classificationReason"], "latency was classified as High");
    assert_eq!(found["resultMetadata"]["ratio"], 2.6);
    assert_eq!(
        answer["results"][0]["controlMetadata"],
        json!({"stats": {"min": 1.0, "max": 4.0, "mean": 2.5, "std": (5.0_f64 / 3.0).sqrt(), "count": 4}, "dropped": 1})
    );
    assert_eq!(answer["results"][0]["tags"]["zone"], "a");
}

#[test]
fn a_muted_metric_is_shown_and_does_not_count() {
    let mut muted = request();
    muted["canaryConfig"]["metrics"][1]["analysisConfigurations"]["canary"]["muted"] = true.into();
    let answer = classic::judge(&Request::of(&muted).unwrap());
    assert_eq!((answer.score.score, answer.score.classification.as_str()), (100.0, "Pass"));
    assert_eq!((answer.results[1].classification.as_str(), answer.results[1].muted), ("High", true));
}

/// Sets a member, makes list entries as they are asked for.
fn set(value: &mut Value, path: &str, to: Value) {
    *value.pointer_mut(path).unwrap() = to;
}

fn remove(value: &mut Value, parent: &str, key: &str) {
    value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
}

fn refused(change: impl FnOnce(&mut Value)) -> String {
    let mut value = request();
    change(&mut value);
    Request::of(&value).unwrap_err().to_string()
}

#[test]
fn what_is_wrong_is_named_by_its_field() {
    for (path, to, error) in [
        (
            "/metricSetPairList/0/values/control/3",
            json!("many"),
            "metricSetPairList[0].values.control[3]: is neither a number",
        ),
        ("/metricSetPairList/0/values/control", json!(7), "metricSetPairList[0].values.control: a list"),
        ("/metricSetPairList", json!([]), "metricSetPairList: has no metrics"),
        ("/canaryConfig/metrics", json!([]), "canaryConfig.metrics: has no metrics"),
        (
            "/metricSetPairList/1/name",
            json!("unheard"),
            "metricSetPairList[1].name: canaryConfig.metrics has no metric `unheard`",
        ),
        ("/scoreThresholds/pass", json!(50), "scoreThresholds: marginal is above pass"),
        ("/scoreThresholds/pass", json!(950), "scoreThresholds.pass: 950 is not from 0 to 100"),
        (
            "/canaryConfig/judge/judgeConfigurations/confLevel",
            json!(1),
            "canaryConfig.judge.judgeConfigurations.confLevel: 1 is not from",
        ),
        (
            "/canaryConfig/judge/judgeConfigurations/tolerance",
            json!("a quarter"),
            "judgeConfigurations.tolerance: a number",
        ),
        ("/canaryConfig/classifier/groupWeights/http", json!(-1), "canaryConfig.classifier.groupWeights.http: -1"),
        (
            "/canaryConfig/metrics/0/analysisConfigurations/canary/critical",
            json!(1),
            "canaryConfig.metrics[0].analysisConfigurations.canary.critical: true or false",
        ),
        ("/canaryConfig/metrics/0/name", json!("x".repeat(2_000)), "canaryConfig.metrics[0].name: has 2000 bytes"),
        (
            "/canaryConfig/metrics",
            Value::Array(vec![json!({"name": "m"}); MAX_METRICS + 1]),
            "canaryConfig.metrics: has 1001 entries",
        ),
        ("/canaryConfig", json!([]), "canaryConfig: an object"),
    ] {
        let found = refused(|value| set(value, path, to));
        assert!(found.contains(error), "{path}: {found}");
    }
    for (parent, key, error) in [
        ("", "canaryConfig", "canaryConfig: is missing"),
        ("", "scoreThresholds", "scoreThresholds: is missing"),
        ("", "metricSetPairList", "metricSetPairList: is missing"),
        ("/metricSetPairList/0/values", "experiment", "metricSetPairList[0].values.experiment: is missing"),
        ("/metricSetPairList/0", "name", "metricSetPairList[0].name: is missing"),
        ("/scoreThresholds", "marginal", "scoreThresholds.marginal: is missing"),
    ] {
        assert_eq!(refused(|value| remove(value, parent, key)), error);
    }
    assert!(matches!(Request::parse(b"{"), Err(JudgeError::Json(_))));
    assert!(matches!(Request::parse(&[b'['; 1 << 20]), Err(JudgeError::Json(_))));
    assert!(
        Request::parse(&vec![b' '; judge::request::MAX_BYTES + 1])
            .is_err_and(|error| error.to_string().contains("bytes"))
    );
    assert_eq!(Judge::named("whoever"), None);
}

/// The answer of `sequential` to the request with other data of the metric `errors`.
fn sequential(control: Value, experiment: Value) -> Value {
    let mut value = request();
    set(&mut value, "/metricSetPairList/0/values/control", control);
    set(&mut value, "/metricSetPairList/0/values/experiment", experiment);
    set(&mut value, "/metricSetPairList/1/values/experiment", json!([14, 10, 15, 12, 11, 13]));
    let answer = Judge::Sequential.judge(&Request::of(&value).unwrap()).unwrap();
    serde_json::to_value(answer).unwrap()
}

#[test]
fn an_arm_without_data_is_inconclusive_and_never_passes_or_fails() {
    for arm in [json!([]), json!(["NaN", null, "NaN"]), json!(["Infinity", 1e300, "-Infinity"])] {
        for (control, experiment) in
            [(arm.clone(), json!([1, 2, 3])), (json!([1, 2, 3]), arm.clone()), (arm.clone(), arm.clone())]
        {
            let answer = sequential(control, experiment);
            assert_eq!(answer["results"][0]["classification"], "Nodata");
            assert_eq!(answer["sequential"]["verdict"], "inconclusive", "{}", answer["sequential"]);
            assert_eq!(answer["score"]["classification"], "Marginal");
            assert!(answer["sequential"]["reason"].as_str().unwrap().contains("no data: errors"));
        }
    }
}

#[test]
fn points_that_cannot_be_paired_are_refused_and_a_baseline_of_another_time_is_named() {
    let refuse = |path: &str, to: Value| {
        let mut value = request();
        let scope = json!({"startTimeMillis": 0, "stepMillis": 60_000});
        value["metricSetPairList"][1]["scopes"] = json!({"control": scope, "experiment": scope});
        value["metricSetPairList"][1]["exposures"] =
            json!({"control": [1, 1, 1, 1, 1, 1], "experiment": [1, 1, 1, 1, 1, 1]});
        set(&mut value, path, to);
        Request::of(&value).and_then(|request| Judge::Sequential.judge(&request))
    };
    for (path, to, error) in [
        ("/metricSetPairList/1/values/control", json!([1]), "metricSetPairList[1].values: control has 1 points"),
        ("/metricSetPairList/1/exposures/control", json!([1]), "metricSetPairList[1].exposures: control has 1 points"),
        (
            "/metricSetPairList/1/exposures/control/2",
            json!(-1),
            "metricSetPairList[1].exposures.control[2]: an exposure is below 0",
        ),
        (
            "/metricSetPairList/1/scopes/control/stepMillis",
            json!(1),
            "metricSetPairList[1].scopes.experiment.stepMillis",
        ),
        (
            "/metricSetPairList/1/scopes/control/stepMillis",
            json!(0),
            "metricSetPairList[1].scopes.control: stepMillis is not above 0",
        ),
    ] {
        let found = refuse(path, to).unwrap_err().to_string();
        assert!(found.starts_with(error), "{found}");
    }
    let shifted = refuse("/metricSetPairList/1/scopes/experiment/startTimeMillis", json!(3_600_000)).unwrap();
    assert!(shifted.sequential.unwrap().notes[0].contains("60 minutes before"));
}

#[test]
fn what_is_open_is_no_pass_even_where_both_thresholds_are_one() {
    for (pass, marginal, score) in [(95, 75, 80.0), (80, 80, 79.0), (0, 0, 0.0)] {
        let mut open = request();
        open["scoreThresholds"] = json!({"pass": pass, "marginal": marginal});
        for pair in open["metricSetPairList"].as_array_mut().unwrap() {
            let missing = pair["values"]["control"].as_array().unwrap().iter().map(|_| Value::Null);
            pair["values"]["experiment"] = missing.collect();
        }
        let answer = Judge::Sequential.judge(&Request::of(&open).unwrap()).unwrap();
        assert_eq!((answer.score.score, answer.score.classification.as_str()), (score, "Marginal"));
    }
}
