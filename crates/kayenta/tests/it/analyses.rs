//! When an analysis judges, what it says in the end, and how it is shown.

use std::collections::BTreeMap;

use judge::request::Thresholds;
use kayenta::{Accounts, Analysis, Failure, Judgement, Plan, Status, Window, aggregate, analysis};
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z, and a minute, in milliseconds.
const START: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;
const THRESHOLDS: Thresholds = Thresholds { pass: 90.0, marginal: 75.0 };

fn request() -> Value {
    json!({
        "scopes": [{"scopeName": "default", "controlScope": "v1", "controlLocation": "eu", "controlOffsetInMinutes": 5,
                    "experimentScope": "v2", "experimentLocation": "eu", "step": 60, "extendedScopeParams": {"env": "prod"}}],
        "thresholds": {"pass": 90, "marginal": 75},
        "lifetimeDurationMins": 65, "beginAfterMins": 10, "analysisIntervalMins": 20,
    })
}

fn windows(plan: &Plan) -> Vec<(Option<i64>, i64, i64)> {
    let minutes = |time: i64| (time - START) / MINUTE;
    let window = |n| {
        let Window { due, start, end } = plan.window(n);
        (due.map(minutes), minutes(start), minutes(end))
    };
    (0..plan.judgements).map(window).collect()
}

#[test]
fn intervals_grow_from_the_start_or_look_back() {
    let plan = Plan::read(&request(), START).unwrap();
    assert_eq!(
        windows(&plan),
        [(Some(30), 10, 30), (Some(50), 10, 50), (Some(70), 10, 70)],
        "the rest of five minutes is not judged"
    );
    assert_eq!((plan.lifetime(), plan.grows()), (61, true));
    let mut sliding = request();
    sliding["lookbackMins"] = 15.into();
    let plan = Plan::read(&sliding, START).unwrap();
    assert_eq!(windows(&plan), [(Some(30), 15, 30), (Some(50), 35, 50), (Some(70), 55, 70)]);
    assert!(!plan.grows());
}

#[test]
fn a_given_end_is_judged_at_once_and_without_a_delay() {
    let mut past = request();
    past["scopes"][0]["startTimeIso"] = "2025-12-31T22:00:00Z".into();
    past["scopes"][0]["endTimeIso"] = "2025-12-31T23:00:30Z".into();
    let plan = Plan::read(&past, START).unwrap();
    assert_eq!(windows(&plan), [(None, -120, -100), (None, -120, -80), (None, -120, -60)]);
    past["analysisIntervalMins"] = 500.into();
    assert_eq!(
        windows(&Plan::read(&past, START).unwrap()),
        [(None, -120, -60)],
        "one interval is the lifetime at most"
    );
}

#[test]
fn a_judgement_is_asked_for_as_post_canary_is() {
    let plan = Plan::read(&request(), START).unwrap();
    let scope = |scope: &str, start: &str, end: &str| json!({"scope": scope, "location": "eu", "start": start, "end": end, "step": 60, "extendedScopeParams": {"env": "prod"}});
    let control = scope("v1", "2026-01-01T00:05:00Z", "2026-01-01T00:25:00Z");
    let experiment = scope("v2", "2026-01-01T00:10:00Z", "2026-01-01T00:30:00Z");
    let expected = json!({
        "scopes": {"default": {"controlScope": control, "experimentScope": experiment}},
        "thresholds": {"pass": 90.0, "marginal": 75.0},
    });
    assert_eq!(plan.request(0), expected);
    assert_eq!(plan.last().unwrap().scopes["default"].experiment.points(), 61);
}

#[test]
fn mistakes_are_named() {
    let day = 30 * 24 * 60;
    let cases = [
        ("/scopes", json!([]), "scopes: Canary configuration must contain at least one scope."),
        ("/lifetimeDurationMins", Value::Null, "must include either `endTime` or `lifetimeDuration`"),
        ("/lifetimeDurationMins", json!(0), "lifetimeDurationMins: whole minutes from 1 to 43200 are wanted"),
        ("/lifetimeDurationMins", json!(day + 1), "lifetimeDurationMins: whole minutes from 1 to 43200 are wanted"),
        ("/lifetimeDurationMins", json!(i64::MAX), "lifetimeDurationMins: whole minutes"),
        ("/beginAfterMins", json!(-5), "beginAfterMins: whole minutes from 0"),
        ("/scopes/0/step", json!(1.5), "scopes[0].step: whole seconds"),
        ("/scopes/0/controlOffsetInMinutes", json!("x"), "scopes[0].controlOffsetInMinutes: whole minutes"),
        ("/scopes/0/controlScope", json!(1), "scopes[0].controlScope: a string is wanted"),
    ];
    for (path, value, problem) in cases {
        let mut wrong = request();
        *wrong.pointer_mut(path).unwrap() = value;
        let error = Plan::read(&wrong, START).unwrap_err().to_string();
        assert!(error.contains(problem), "{path}: {error}");
    }
    let mut many = request();
    (many["lifetimeDurationMins"], many["analysisIntervalMins"]) = (json!(2_000), json!(1));
    let error = Plan::read(&many, START).unwrap_err().to_string();
    assert_eq!(error, "analysisIntervalMins: gives 2000 judgements, at most 1000 are made");
    let mut fine = request();
    (fine["lifetimeDurationMins"], fine["analysisIntervalMins"], fine["scopes"][0]["step"]) =
        (json!(day), Value::Null, json!(1));
    assert_eq!(Plan::read(&fine, START).unwrap_err().to_string(), "scopes[0].step: gives more than 100000 points");
    let mut text = request();
    text["lifetimeDurationMins"] = "65".into();
    assert_eq!(Plan::read(&text, START), Plan::read(&request(), START), "orca sends numbers as texts");
}

fn judgement(score: Option<f64>) -> Judgement {
    let failure =
        score.is_none().then(|| Failure { stage: "fetchControl0".to_owned(), reason: "no".to_owned(), at: START });
    Judgement {
        execution: "e".to_owned(),
        start: START,
        end: START + MINUTE,
        status: if score.is_some() { Status::Succeeded } else { Status::Terminal },
        score,
        open: false,
        failure,
        warnings: Vec::new(),
    }
}

#[test]
fn the_last_score_decides_and_one_that_is_missing_never_passes() {
    let cases: [(&[Option<f64>], bool, &str); 7] = [
        (&[Some(80.0), Some(100.0)], true, "Final canary score 100.0 met or exceeded the pass score threshold."),
        (&[Some(90.0)], true, "Final canary score 90.0 met or exceeded the pass score threshold."),
        (&[Some(100.0), Some(82.5)], false, "Final canary score 82.5 is below the pass score threshold."),
        (&[Some(75.0)], false, "Final canary score 75.0 is not above the marginal score threshold."),
        (&[Some(0.0)], false, "Final canary score 0.0 is not above the marginal score threshold."),
        (&[Some(100.0), None], false, "Judgement #2 could not be made: no"),
        (&[], false, "There were no successful canary judgements to aggregate"),
    ];
    for (scores, passes, message) in cases {
        let judgements: Vec<Judgement> = scores.iter().map(|score| judgement(*score)).collect();
        let found = aggregate(&judgements, THRESHOLDS);
        assert_eq!((found.passes, found.message.as_str()), (passes, message));
        assert_eq!(found.scores, scores.iter().flatten().copied().collect::<Vec<_>>());
    }
    let goes_on = |score| judgement(score).goes_on(THRESHOLDS, false);
    assert_eq!([Some(0.0), Some(75.0), Some(75.1), Some(100.0), None].map(goes_on), [false, false, true, true, false]);
    let equal = Thresholds { pass: 80.0, marginal: 80.0 };
    assert!(judgement(Some(80.0)).goes_on(equal, false) && aggregate(&[judgement(Some(80.0))], equal).passes);
}

#[test]
fn what_is_open_ends_no_analysis_though_no_score_is_between_equal_thresholds() {
    let equal = Thresholds { pass: 80.0, marginal: 80.0 };
    let open = Judgement { open: true, ..judgement(Some(79.0)) };
    assert!(open.goes_on(equal, false) && !judgement(Some(79.0)).goes_on(equal, false));
    assert!(!open.goes_on(equal, true) && !aggregate(std::slice::from_ref(&open), equal).passes);
    assert!(
        !Judgement { open: true, ..judgement(None) }.goes_on(equal, false),
        "without a score there is nothing to go on"
    );
    let before =
        serde_json::to_value(&open).unwrap().as_object().cloned().map(|mut it| (it.remove("open"), it)).unwrap().1;
    assert!(!serde_json::from_value::<Judgement>(before.into()).unwrap().open, "as it was kept before");
}

#[test]
fn an_analysis_under_way_has_no_result_and_is_not_complete() {
    let mut asked = Analysis {
        id: "a".to_owned(),
        accounts: Accounts { application: "shop".to_owned(), user: "ada".to_owned(), ..Accounts::default() },
        config_id: None,
        config: json!({}),
        request: request(),
        built: START,
        ended: None,
        status: Status::Running,
        judgements: vec![judgement(Some(80.0))],
    };
    let show = |asked: &Analysis| analysis(asked, &BTreeMap::new(), &aggregate(&asked.judgements, THRESHOLDS), 3);
    let shown = show(&asked);
    assert_eq!(
        (&shown["complete"], &shown["status"], &shown["executionStatus"]),
        (&json!(false), &json!("running"), &json!("RUNNING"))
    );
    assert!(shown.get("canaryAnalysisExecutionResult").is_none() && shown.get("exception").is_none());
    let statuses: Vec<&Value> = shown["stageStatus"].as_array().unwrap().iter().map(|stage| &stage["status"]).collect();
    assert_eq!(statuses, ["RUNNING", "SUCCEEDED", "NOT_STARTED", "NOT_STARTED", "NOT_STARTED"]);
    asked.judgements.push(judgement(None));
    (asked.status, asked.ended) = (Status::Terminal, Some(START + MINUTE));
    let shown = show(&asked);
    assert_eq!(
        (&shown["complete"], &shown["status"], &shown["endTimeIso"]),
        (&json!(true), &json!("terminal"), &json!("2026-01-01T00:01:00Z"))
    );
    assert_eq!(shown["exception"]["details"]["errors"], json!(["no"]));
    let result = &shown["canaryAnalysisExecutionResult"];
    assert_eq!((&result["didPassThresholds"], &result["canaryScores"]), (&json!(false), &json!([80.0])));
    assert_eq!(result["canaryExecutionResults"][1]["executionStatus"], "TERMINAL");
}
