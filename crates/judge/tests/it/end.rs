//! The test at the end of a run: when it is made, how often it errs, what it finds.

use judge::request::Direction;
use judge::{Judge, JudgeResult, Request};
use serde_json::{Value, json};

use crate::sim::Random;
use crate::sim_families::{HEALTHY, Outcome, REGRESSIONS, SAW, Series, judge};

fn outcomes(runs: u64, direction: Direction, make: impl Fn(&mut Random) -> Vec<Series>) -> Vec<Outcome> {
    (0..runs).map(|seed| judge(&make(&mut Random(seed * 104_729 + 7)), direction)).collect()
}

fn failed(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|one| one.early || one.end).count()
}

/// The chance of at least `k` of `n` at rate `p`.
fn at_least(k: usize, n: usize, p: f64) -> f64 {
    judge::special::binomial_upper(k as f64, n as f64, p)
}

/// Fails where so many false alarms have a chance below 1 in 1,000 if their rate is `alpha`, 0.05.
fn false_alarms(runs: u64) {
    for (name, make) in HEALTHY {
        for (direction, runs) in [(Direction::Increase, runs), (Direction::Either, runs / 2)] {
            if direction == Direction::Either && ["better", "healed warm-up"].contains(&name) {
                continue;
            }
            let failed = failed(&outcomes(runs, direction, |random| make(random, 0.0)));
            println!("{name}, {direction:?}: {failed} of {runs} fail");
            assert!(at_least(failed, runs as usize, 0.05) > 1e-3, "{name}, {direction:?}: {failed} of {runs} fail");
        }
    }
}

#[test]
fn looks_and_the_end_together_fail_no_more_often_than_alpha() {
    false_alarms(40);
}

#[test]
#[ignore = "takes minutes: the same with enough runs to tell 0.06 from 0.05"]
fn looks_and_the_end_together_fail_no_more_often_than_alpha_in_many_runs() {
    false_alarms(2_000);
}

#[test]
fn the_saw_tooth_of_one_pod_is_what_the_judge_says_it_cannot_tell_from_an_effect() {
    let failed = failed(&outcomes(20, Direction::Increase, |random| (SAW.1)(random, 0.0)));
    assert!(failed < 18, "{failed} of 20 fail");
}

#[test]
fn power_rises_with_the_size_of_each_kind_of_regression() {
    for (name, sizes, make) in REGRESSIONS {
        let found = sizes.map(|size| failed(&outcomes(30, Direction::Increase, |random| make(random, size))));
        println!("{name} {sizes:?}: {found:?} of 30");
        assert!(found.is_sorted() && found[2] >= 20, "{name}: {found:?} of 30");
    }
}

#[test]
fn a_regression_never_passes_more_often_than_alpha_pass() {
    for (name, sizes, make) in REGRESSIONS.into_iter().filter(|(name, ..)| name.contains("times")) {
        let passes =
            outcomes(60, Direction::Increase, |random| make(random, sizes[2])).iter().filter(|one| one.passes).count();
        assert!(at_least(passes, 60, 0.05) > 1e-3, "{name}: {passes} of 60 pass");
    }
}

/// A latency that is subtly higher from the start.
fn request(intervals: u32, lifetime: Option<u32>) -> Value {
    let noise = |n: u32| f64::from(n.wrapping_mul(2_654_435_761) >> 16) / 65_536.0 - 0.5;
    let control: Vec<f64> = (0..intervals).map(|n| 100.0 + 100.0 * noise(n)).collect();
    let experiment: Vec<f64> = (0..intervals).map(|n| 123.0 + 100.0 * noise(n + 7_777)).collect();
    let settings = lifetime.map_or_else(|| json!({}), |lifetime| json!({"lifetimeIntervals": lifetime}));
    let config =
        json!({"name": "latency", "groups": ["g"], "analysisConfigurations": {"canary": {"direction": "increase"}}});
    json!({
        "canaryConfig": {
            "judge": {"name": "sequential", "judgeConfigurations": settings},
            "metrics": [config],
            "classifier": {"groupWeights": {"g": 100}},
        },
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": [
            {"name": "latency", "id": "0", "values": {"control": control, "experiment": experiment}},
        ],
    })
}

fn answer(intervals: u32, lifetime: Option<u32>) -> (JudgeResult, Value) {
    let request = Request::of(&request(intervals, lifetime)).unwrap();
    let found = Judge::Sequential.judge(&request).unwrap();
    assert_eq!(found, Judge::Sequential.judge(&request).unwrap(), "the same evidence gives the same verdict");
    let value = serde_json::to_value(&found).unwrap();
    (found, value)
}

#[test]
fn it_is_made_once_when_the_lifetime_is_over_or_the_data_end() {
    let of = |intervals, lifetime| answer(intervals, lifetime).1["sequential"].clone();
    let before = of(39, Some(40));
    assert_eq!((&before["verdict"], &before["end"]), (&json!("continue"), &Value::Null));
    let (at, after, alone) = (of(40, Some(40)), of(44, Some(40)), of(40, None));
    assert_eq!((&at["verdict"], &at["firstFailAt"]), (&json!("fail"), &json!(40)));
    assert_eq!((&after["end"], &after["verdict"], &after["firstFailAt"]), (&at["end"], &json!("fail"), &json!(40)));
    assert_eq!((&alone["end"], &alone["verdict"]), (&at["end"], &json!("fail")));
}

#[test]
fn an_answer_says_that_the_test_at_the_end_decided_and_by_what() {
    let (found, value) = answer(40, None);
    assert!(found.failed());
    assert_eq!(value["sequential"]["reason"], "worse, by the test at the end: latency");
    let metric = &value["results"][0];
    assert_eq!((&metric["classification"], &metric["evidence"]["end"]["check"]), (&json!("High"), &json!("shift")));
    assert_eq!(metric["evidence"]["end"]["fails"], true);
    let why = metric["classificationReason"].as_str().unwrap();
    assert!(why.starts_with("is worse by the test at the end (p 0.0"), "{why}");
}
