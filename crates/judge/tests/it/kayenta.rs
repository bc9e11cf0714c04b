//! Kayenta's own cases, and ours of the same form.

use std::collections::BTreeMap;

use judge::Request;
use judge::classic::{self, Classification, Label, Literals, NoAnswer, Samples, Scored};
use judge::describe::{Stats, percentile, sorted};
use judge::request::MetricConfig;
use serde_json::{Value, json};

use crate::cases::{agrees, numbers, own, shared};

fn config(input: &Value) -> MetricConfig {
    let config = &input["config"];
    let request = json!({
        "canaryConfig": {"metrics": [{"name": "metric", "analysisConfigurations": {"canary": config}}]},
        "scoreThresholds": {"pass": 95, "marginal": 75},
        "metricSetPairList": [{"name": "metric", "values": {"control": [], "experiment": []}}],
    });
    Request::of(&request).unwrap().metrics[0].0.clone()
}

fn classified(input: &Value) -> Result<Classification, NoAnswer> {
    let config = config(input);
    let literal = |key: &str, or: f64| input["config"][key].as_f64().unwrap_or(or);
    let literals = Literals { tolerance: literal("tolerance", 0.25), confidence: literal("confLevel", 0.98) };
    let arm = |name: &str| classic::prepare(&config, &numbers(&input[name]));
    classic::classify(&config, literals, &arm("control"), &arm("experiment"))
}

/// What of a classification is not as the case wants it.
fn classification(case: &Value) -> Vec<String> {
    let (wanted, known) = (&case["expected"], &case["rederived_by_python_port"]);
    let found = match classified(&case["input"]) {
        Ok(found) => found,
        Err(error) if wanted["classification"] == "Error" => {
            return Vec::from_iter((error != NoAnswer).then(String::new));
        }
        Err(error) => return vec![error.to_string()],
    };
    let mut wrong = Vec::new();
    let mut check = |name: &str, wanted: &Value, good: &dyn Fn(&Value) -> bool| {
        if !wanted.is_null() && !good(wanted) {
            wrong.push(format!("{name} is not {wanted}: {found:?}"));
        }
    };
    for wanted in [wanted, known] {
        check("classification", &wanted["classification"], &|wanted| found.label.as_str() == wanted);
        check("critical", &wanted["critical"], &|wanted| wanted == found.critical);
        check("deviation", &wanted["deviation"], &|wanted| agrees(found.deviation, wanted, 1e-9));
        check("reason", &wanted["reason"], &|wanted| found.reason == *wanted);
        check("reason", &wanted["reason_nonempty"], &|wanted| found.reason.is_empty() != *wanted);
        check("effect", &wanted["effect_size"], &|wanted| agrees(found.effect, wanted, 1e-9));
        if let Some(shift) = found.shift {
            check("low", &wanted["ci_low"], &|wanted| agrees(shift.low, wanted, 1e-9));
            check("high", &wanted["ci_high"], &|wanted| agrees(shift.high, wanted, 1e-9));
            check("estimate", &wanted["hl_estimate"], &|wanted| agrees(shift.estimate, wanted, 1e-9));
        }
    }
    wrong
}

fn scored(case: &Value) -> Vec<String> {
    let input = &case["input"];
    let metrics = input["metrics"].as_array().unwrap();
    let label = |metric: &Value| {
        let all = [Label::Pass, Label::High, Label::Low, Label::Nodata, Label::NodataFailMetric, Label::Error];
        *all.iter().find(|label| label.as_str() == metric["classification"]).unwrap()
    };
    let groups: Vec<Vec<String>> =
        metrics.iter().map(|metric| serde_json::from_value(metric["groups"].clone()).unwrap()).collect();
    let scored: Vec<Scored<'_>> = metrics
        .iter()
        .zip(&groups)
        .map(|(metric, groups)| Scored {
            label: label(metric),
            reason: "",
            critical: metric["critical"].as_bool().unwrap_or(false),
            groups,
        })
        .collect();
    let weights: BTreeMap<String, f64> = serde_json::from_value(input["groupWeights"].clone()).unwrap();
    let found = classic::score(&scored, &weights);
    let mut by_size: Vec<f64> = found.groups.iter().map(|group| group.score).collect();
    by_size.sort_by(f64::total_cmp);
    let wanted = &case["expected"];
    let mut wrong = Vec::new();
    if !agrees(found.score, &wanted["summaryScore"], 1e-9) {
        wrong.push(format!("the score is not {}: {found:?}", wanted["summaryScore"]));
    }
    if !wanted["sortedGroupScores"].is_null() && numbers(&wanted["sortedGroupScores"]) != by_size {
        wrong.push(format!("the groups are not {}: {by_size:?}", wanted["sortedGroupScores"]));
    }
    wrong
}

fn interval(case: &Value) -> Vec<String> {
    let (input, wanted) = (&case["input"], &case["expected"]);
    let (e, c) = (numbers(&input["experiment"]), numbers(&input["control"]));
    let samples = Samples::new(&e, &c);
    let found = samples.shift(input["confLevel"].as_f64().unwrap()).unwrap();
    let extreme = |values: &[f64], which: fn(f64, f64) -> f64| values.iter().copied().reduce(which).unwrap();
    let low = extreme(&e, f64::min) - extreme(&c, f64::max);
    let high = extreme(&e, f64::max) - extreme(&c, f64::min);
    let z = |name: &str| wanted[name].as_f64().unwrap_or(0.0);
    let at = |mu: f64, z: f64| samples.difference(mu, z).unwrap();
    let parts = [
        ("ci_low", found.low),
        ("ciLower", found.low),
        ("ci_high", found.high),
        ("ciUpper", found.high),
        ("estimate", found.estimate),
        ("muMin", low),
        ("muMax", high),
        ("fLower1", at(low, z("zqLower"))),
        ("fUpper1", at(high, z("zqLower"))),
        ("fLower2", at(low, z("zqUpper"))),
        ("fUpper2", at(high, z("zqUpper"))),
    ];
    let off = parts.iter().filter(|(name, value)| !wanted[name].is_null() && !agrees(*value, &wanted[name], 1e-6));
    off.map(|(name, value)| format!("{name} is not {}: {value}", wanted[name])).collect()
}

fn number(found: f64, case: &Value) -> Vec<String> {
    let good = agrees(found, &case["expected"], 1e-9);
    Vec::from_iter((!good).then(|| format!("{found} is not {}", case["expected"])))
}

fn list<T: PartialEq + std::fmt::Debug>(found: T, wanted: T) -> Vec<String> {
    Vec::from_iter((found != wanted).then(|| format!("{found:?} is not {wanted:?}")))
}

fn check(case: &Value) -> Vec<String> {
    let (input, wanted) = (&case["input"], &case["expected"]);
    let data = || numbers(&input["data"]);
    let arms = || (numbers(&input["experiment"]), numbers(&input["control"]));
    let remove = |config: Value| {
        let config = self::config(&json!({ "config": config }));
        list(classic::prepare(&config, &data()), numbers(&wanted["data"]))
    };
    match (case["kind"].as_str().unwrap(), input["op"].as_str().or(input["detector"].as_str()).unwrap_or("")) {
        ("mann_whitney_classify", _) => classification(case),
        ("mean_inequality_classify", _) => {
            let (e, c) = arms();
            list(classic::by_mean(&c, &e).as_str(), wanted["classification"].as_str().unwrap())
        }
        ("wilcoxon_diff", _) => {
            let (e, c) = arms();
            let at = |key: &str| input[key].as_f64().unwrap();
            number(Samples::new(&e, &c).difference(at("mu"), at("quantile")).unwrap(), case)
        }
        ("mann_whitney_ci", _) => interval(case),
        ("group_weight_score", _) => scored(case),
        ("outlier_detect", "ksigma") => {
            let found = classic::k_sigma(&data(), input["k"].as_f64().unwrap());
            list(json!(found), wanted["outlier"].clone())
        }
        ("outlier_detect", "iqr") => {
            let lenient = input["reduceSensitivity"].as_bool().unwrap();
            list(json!(classic::iqr(&data(), input["factor"].as_f64().unwrap(), lenient)), wanted["outlier"].clone())
        }
        ("transform", "remove_nan") => remove(json!({"nanStrategy": "remove"})),
        ("transform", "replace_nan_0") => remove(json!({"nanStrategy": "replace"})),
        ("transform", "remove_outliers_ksigma_3") => {
            list(classic::without(&data(), &classic::k_sigma(&data(), 3.0)), numbers(&wanted["data"]))
        }
        ("transform", op) if op.starts_with("remove_outliers_iqr") => {
            let factor = input["factor"].as_f64().unwrap_or(1.5);
            let lenient = input["reduceSensitivity"].as_bool().unwrap_or(false);
            list(classic::without(&data(), &classic::iqr(&data(), factor, lenient)), numbers(&wanted["data"]))
        }
        ("percentile_r7", _) => number(percentile(&sorted(&data()), input["p"].as_f64().unwrap()), case),
        ("effect_size", "mean_ratio") => number(
            classic::mean_ratio(&arms().0, &arms().1),
            &json!({"expected": {
            "value": wanted["value"], "tol": wanted["tol"].as_f64().unwrap_or(0.0).max(1e-12)}}),
        ),
        ("effect_size", "cles") => number(classic::cles(&arms().0, &arms().1), case),
        ("summary_stats", _) => {
            let found = Stats::of(&data());
            let parts = [
                ("min", found.min),
                ("max", found.max),
                ("mean", found.mean),
                ("std", found.std),
                ("count", found.count as f64),
            ];
            let off =
                parts.iter().filter(|(name, value)| !wanted[name].is_null() && !agrees(*value, &wanted[name], 1e-6));
            off.map(|(name, value)| format!("{name} is not {}: {value}", wanted[name])).collect()
        }
        (kind, op) => vec![format!("a case of an unknown kind: {kind} {op}")],
    }
}

fn run(file: &Value) -> usize {
    let cases = file["cases"].as_array().unwrap();
    let wrong = cases.iter().flat_map(|case| check(case).into_iter().map(|wrong| format!("{}: {wrong}", case["id"])));
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
    cases.len()
}

#[test]
fn the_cases_of_kayenta_agree() {
    if let Some(file) = shared("kayenta.json") {
        println!("{} cases of Kayenta agree", run(&file));
    }
}

#[test]
fn our_cases_agree() {
    assert!(run(&own("classic.json")) > 10);
}
