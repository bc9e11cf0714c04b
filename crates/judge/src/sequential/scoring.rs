//! A verdict as a score, for those who read scores.

use crate::evidence::Verdict;
use crate::request::Request;
use crate::result::{GroupResult, MetricResult, ScoreResult};

/// 0 for a fail, 100 for a pass. What is undecided lands between the thresholds, so that a reader of scores
/// takes it as inconclusive too: the more metrics have passed, the higher.
pub(super) fn score(
    request: &Request,
    verdict: Verdict,
    results: &[MetricResult],
    reason: String,
) -> (Vec<GroupResult>, ScoreResult) {
    let (low, high) = (request.thresholds.marginal, request.thresholds.pass);
    let loud: Vec<&MetricResult> = results.iter().filter(|result| !result.muted).collect();
    let passed = loud.iter().filter(|result| result.classification == "Pass").count();
    let part = if loud.is_empty() { 0.0 } else { passed as f64 / loud.len() as f64 };
    let (score, classification) = match verdict {
        Verdict::Fail => (0.0, "Fail"),
        Verdict::Pass => (100.0, "Pass"),
        // Between equal thresholds there is no room: what was not shown must not read as a pass.
        _ if low >= high => ((high - 1.0).max(0.0), "Marginal"),
        _ => (two_digits(low + (high - low) * (0.25 + 0.5 * part)), "Marginal"),
    };
    let score = ScoreResult { score, classification: classification.to_owned(), classification_reason: reason };
    (groups(&loud, f64::midpoint(low, high)), score)
}

fn two_digits(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Of each group the mean over its metrics: 100, 0, or what is undecided.
fn groups(loud: &[&MetricResult], undecided: f64) -> Vec<GroupResult> {
    let mut out: Vec<(String, f64, f64)> = Vec::new();
    for result in loud {
        let worth = match result.classification.as_str() {
            "Pass" => 100.0,
            "High" | "Low" => 0.0,
            _ => undecided,
        };
        for group in &result.groups {
            match out.iter_mut().find(|(name, ..)| name == group) {
                Some((_, sum, n)) => (*sum, *n) = (*sum + worth, *n + 1.0),
                None => out.push((group.clone(), worth, 1.0)),
            }
        }
    }
    let group = |(name, sum, n): (String, f64, f64)| GroupResult {
        name,
        score: two_digits(sum / n),
        classification: String::new(),
        classification_reason: String::new(),
    };
    out.into_iter().map(group).collect()
}
