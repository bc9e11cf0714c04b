//! Data that say nothing of the canary, or not what they seem to: inconclusive with the reason, never a silent pass
//! or fail.

use judge::{Judge, JudgeResult, Request};
use serde_json::{Value, json};

use crate::sim::Random;

pub const INTERVALS: usize = 60;

/// A request of one metric.
pub fn request(kind: Option<&str>, control: &[f64], experiment: &[f64]) -> Value {
    let mut canary = json!({"direction": "increase"});
    if let Some(kind) = kind {
        canary["kind"] = json!(kind);
    }
    json!({
        "canaryConfig": {
            "judge": {"name": "sequential", "judgeConfigurations": {"warmupIntervals": 0}},
            "metrics": [{"name": "m", "groups": ["g"], "analysisConfigurations": {"canary": canary}}],
        },
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": [{"name": "m", "id": "0", "values": {"control": control, "experiment": experiment}}],
    })
}

pub fn judged(request: &Value) -> JudgeResult {
    Judge::Sequential.judge(&Request::of(request).unwrap()).unwrap()
}

pub fn verdict(answer: &JudgeResult) -> (&str, &str) {
    let run = answer.sequential.as_ref().unwrap();
    (run.verdict.as_str(), run.reason.as_str())
}

pub fn levels(seed: u64, mean: f64) -> Vec<f64> {
    let mut random = Random(seed);
    (0..INTERVALS).map(|_| mean * (1.0 + 0.05 * random.normal())).collect()
}

pub fn counts(seed: u64, mean: f64) -> Vec<f64> {
    let mut random = Random(seed);
    (0..INTERVALS).map(|_| random.poisson(mean)).collect()
}

/// How many of so many runs fail, and pass.
fn fails_and_passes(runs: u64, make: impl Fn(u64) -> Value) -> (usize, usize) {
    let verdicts: Vec<String> = (0..runs).map(|seed| verdict(&judged(&make(seed))).0.to_owned()).collect();
    let count = |of: &str| verdicts.iter().filter(|verdict| *verdict == of).count();
    (count("fail"), count("pass"))
}

/// Fails where so many false alarms have a chance below 1 in 1,000 at a rate of 0.05.
pub fn few(failed: usize, runs: u64) {
    assert!(judge::special::binomial_upper(failed as f64, runs as f64, 0.05) > 1e-3, "{failed} of {runs} fail");
}

#[test]
fn no_traffic_shows_nothing() {
    for (kind, zero) in [("errors", 0.0), ("counts", 0.0), ("latency", 0.0), ("saturation", 0.0)] {
        let answer = judged(&request(Some(kind), &[zero; INTERVALS], &[zero; INTERVALS]));
        let (verdict, reason) = verdict(&answer);
        assert_eq!(verdict, "inconclusive", "{kind}");
        assert!(reason.contains("neither shown to be worse nor to be below the limit: m"), "{kind}: {reason}");
    }
    // No requests behind an arm is no interval at all.
    let mut none = request(Some("errors"), &[0.0; INTERVALS], &[0.0; INTERVALS]);
    none["metricSetPairList"][0]["exposures"] =
        json!({"control": vec![100.0; INTERVALS], "experiment": vec![0.0; INTERVALS]});
    assert_eq!(verdict(&judged(&none)), ("inconclusive", "no data: m"));
}

#[test]
fn readings_of_a_counter_are_not_judged_with_or_without_resets() {
    let counter = |resets: bool, by: f64| -> Vec<f64> {
        let mut sum = 0.0;
        (0..INTERVALS)
            .map(|n| {
                sum = if resets && n == 31 { by } else { sum + by };
                sum
            })
            .collect()
    };
    for (baseline, canary) in [(false, true), (true, false), (true, true), (false, false)] {
        let answer = judged(&request(Some("errors"), &counter(baseline, 3.0), &counter(canary, 4.0)));
        assert_eq!(verdict(&answer), ("inconclusive", "no data: m"));
        assert!(answer.sequential.unwrap().notes[0].starts_with("m: both arms only grow, as counters do"));
    }
    let answer = judged(&request(None, &counts(1, 30.0), &counts(2, 30.0)));
    assert_eq!(answer.results[0].evidence.as_ref().unwrap().used, INTERVALS, "counts of intervals are none");
}

#[test]
fn one_interval_of_a_reset_decides_nothing() {
    for far in [-1e9, 0.0, 1e9] {
        let (runs, control) = (40, |seed| levels(seed, 100.0));
        let (failed, _) = fails_and_passes(runs, |seed| {
            let mut canary = levels(seed + 1_000, 100.0);
            canary[40] = far;
            request(Some("latency"), &control(seed), &canary)
        });
        few(failed, runs);
    }
}

#[test]
fn arms_whose_clocks_differ_are_named_and_no_effect() {
    let wave = |seed: u64, skew: f64| -> Vec<f64> {
        let mut random = Random(seed);
        let at = |n: usize| 1.0 + 0.4 * ((n as f64 + skew) / 9.0).sin();
        (0..INTERVALS).map(|n| 100.0 * at(n) * (1.0 + 0.05 * random.normal())).collect()
    };
    for skew in [1.0, 3.0] {
        let make = |seed| {
            let mut skewed = request(Some("latency"), &wave(seed, 0.0), &wave(seed + 1_000, skew));
            let scope = |start: f64| json!({"startTimeMillis": start as i64, "stepMillis": 60_000});
            skewed["metricSetPairList"][0]["scopes"] =
                json!({"control": scope(0.0), "experiment": scope(skew * 60_000.0)});
            skewed
        };
        let notes = judged(&make(1)).sequential.unwrap().notes;
        assert!(notes[0].contains("before"), "{notes:?}");
        few(fails_and_passes(40, make).0, 40);
    }
}

/// Errors of one rate among requests of which the canary has a part.
fn split(seed: u64, part: f64, share: Option<f64>, exposures: bool) -> Value {
    let (baseline, canary) = (200.0 * (1.0 - part), 200.0 * part);
    let mut out = request(Some("errors"), &counts(seed, 0.3 * baseline), &counts(seed + 1_000, 0.3 * canary));
    if exposures {
        out["metricSetPairList"][0]["exposures"] =
            json!({"control": vec![baseline; INTERVALS], "experiment": vec![canary; INTERVALS]});
    }
    if let Some(share) = share {
        out["canaryConfig"]["judge"]["judgeConfigurations"]["canaryShare"] = json!(share);
    }
    out
}

#[test]
fn swapped_arms_and_a_wrong_split_are_inconclusive_where_the_share_is_known() {
    for (part, share) in [(0.95, 0.05), (0.5, 0.1), (0.02, 0.1)] {
        let answer = judged(&split(1, part, Some(share), true));
        let (verdict, reason) = verdict(&answer);
        assert_eq!(verdict, "inconclusive");
        let wanted = format!("bad split: the canary has {:.1} % of the exposures", part * 100.0);
        assert!(reason.starts_with(&wanted), "{reason}");
        assert_eq!(answer.score.classification, "Marginal");
    }
    // A canary that is worse, and swapped with its baseline, does not pass either.
    let mut swapped = split(1, 0.95, Some(0.05), true);
    swapped["metricSetPairList"][0]["values"]["control"] = json!(counts(3, 9.0));
    assert_eq!(verdict(&judged(&swapped)).0, "inconclusive");
    assert_eq!(verdict(&judged(&split(1, 0.1, Some(0.1), true))).0, "pass");
}

#[test]
fn a_split_is_not_checked_where_nobody_knows_the_weights() {
    // As many events in both arms: nothing says that the share is not what was meant.
    let unknown = judged(&split(1, 0.5, Some(0.05), false));
    assert_eq!(verdict(&unknown).0, "pass");
    assert!(unknown.sequential.as_ref().unwrap().notes[0].starts_with("canaryShare is not checked"));
    // A twentieth of the events may be a twentieth of the traffic.
    for share in [None, Some(0.05)] {
        let answer = judged(&split(1, 0.05, share, false));
        let wanted = "m: less than half of the baseline's events, and no exposures that say why";
        assert_eq!(verdict(&answer), ("inconclusive", wanted));
        assert_eq!(answer.results[0].classification, "Inconclusive");
        assert!(answer.results[0].classification_reason.starts_with("below its limit, but less than half"));
    }
    assert_eq!(verdict(&judged(&split(1, 0.05, None, true))).0, "pass");
}

#[test]
fn a_mean_of_one_pod_is_not_blamed_for_straying_more_than_that_of_ten() {
    let pods = |random: &mut Random, n: u32| -> f64 {
        let sum: f64 = (0..n).map(|_| 50.0 * (0.2 * random.normal()).exp()).sum();
        sum / f64::from(n)
    };
    let make = |seed: u64, exposures: bool| {
        let mut random = Random(seed * 7_919 + 13);
        let control: Vec<f64> = (0..INTERVALS).map(|_| pods(&mut random, 10)).collect();
        let experiment: Vec<f64> = (0..INTERVALS).map(|_| pods(&mut random, 1)).collect();
        let mut out = request(Some("saturation"), &control, &experiment);
        if exposures {
            out["metricSetPairList"][0]["exposures"] =
                json!({"control": vec![10; INTERVALS], "experiment": vec![1; INTERVALS]});
        }
        out
    };
    few(fails_and_passes(60, |seed| make(seed, true)).0, 60);
    assert!(fails_and_passes(20, |seed| make(seed, false)).0 > 10, "who does not say it is told that it strays");
    // A shift is still found.
    let (failed, _) = fails_and_passes(20, |seed| {
        let mut worse = make(seed, true);
        for value in worse["metricSetPairList"][0]["values"]["experiment"].as_array_mut().unwrap() {
            *value = json!(value.as_f64().unwrap() * 1.6);
        }
        worse
    });
    assert!(failed > 15, "{failed} of 20 fail");
}

#[test]
fn a_baseline_that_is_itself_sick_passes_nothing() {
    let history = |out: &mut Value, halves: (Vec<f64>, Vec<f64>)| {
        out["metricSetPairList"][0]["history"] = json!({"control": halves.0, "experiment": halves.1});
    };
    for (kind, before, now) in [("latency", 100.0, 180.0), ("saturation", 40.0, 90.0)] {
        let mut sick = request(Some(kind), &levels(1, now), &levels(2, now));
        history(&mut sick, (levels(3, before), levels(4, before)));
        assert_eq!(verdict(&judged(&sick)), ("inconclusive", "m: the baseline is itself worse than its history"));
    }
    let mut sick = request(Some("errors"), &counts(1, 40.0), &counts(2, 40.0));
    history(&mut sick, (counts(3, 5.0), counts(4, 5.0)));
    let answer = judged(&sick);
    assert_eq!(verdict(&answer), ("inconclusive", "m: the baseline is itself worse than its history"));
    // What is worse than a sick baseline fails all the same.
    let mut worse = request(Some("errors"), &counts(1, 40.0), &counts(2, 120.0));
    history(&mut worse, (counts(3, 5.0), counts(4, 5.0)));
    assert_eq!(verdict(&judged(&worse)).0, "fail");
}

#[test]
fn a_baseline_that_is_well_passes_what_passed() {
    let runs = 30;
    let (_, alone) =
        fails_and_passes(runs, |seed| request(Some("errors"), &counts(seed, 30.0), &counts(seed + 500, 30.0)));
    let (_, with_history) = fails_and_passes(runs, |seed| {
        let mut out = request(Some("errors"), &counts(seed, 30.0), &counts(seed + 500, 30.0));
        out["metricSetPairList"][0]["history"] =
            json!({"control": counts(seed + 900, 15.0), "experiment": counts(seed + 1_300, 15.0)});
        out
    });
    assert!(alone > 25 && with_history > 25, "{alone} and {with_history} of {runs} pass");
}
