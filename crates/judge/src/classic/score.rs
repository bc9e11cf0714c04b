//! From classifications to a score, as Kayenta's weighted sum and its thresholds.

use std::collections::BTreeMap;

use super::Label;
use crate::request::Thresholds;

/// Percent of metrics without data from which nothing can be said.
const NODATA_PERCENT: usize = 50;

/// What counts of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored<'a> {
    /// What was found.
    pub label: Label,
    /// Why.
    pub reason: &'a str,
    /// Whether it fails the canary alone, unless it passes.
    pub critical: bool,
    /// Where it counts.
    pub groups: &'a [String],
}

/// A group's score.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupScore {
    /// Which group.
    pub name: String,
    /// 0 to 100; 0 without data, though it then counts as 100.
    pub score: f64,
    /// Whether none of its metrics could be judged.
    pub no_data: bool,
}

/// The whole score.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// 0 to 100.
    pub score: f64,
    /// Why it is zero, where something made it so.
    pub reason: Option<String>,
    /// The groups in order of first mention.
    pub groups: Vec<GroupScore>,
}

/// Scores the metrics that are not muted. `weights` are percents.
pub fn score(metrics: &[Scored<'_>], weights: &BTreeMap<String, f64>) -> Score {
    let groups = group_scores(metrics);
    let zero = |reason: String, groups| Score { score: 0.0, reason: Some(reason), groups };
    if let Some(failed) = metrics.iter().find(|metric| metric.critical && metric.label != Label::Pass) {
        return zero(format!("Canary Failed: {}", failed.reason), groups);
    }
    let without = metrics.iter().filter(|metric| metric.label == Label::Nodata).count();
    if without * 100 >= NODATA_PERCENT * metrics.len() {
        return zero(format!("Canary Failed: {NODATA_PERCENT}% or more metrics returned NODATA"), groups);
    }
    Score { score: summary(&groups, weights), reason: None, groups }
}

fn group_scores(metrics: &[Scored<'_>]) -> Vec<GroupScore> {
    let mut names: Vec<&String> = Vec::new();
    let mut counts: BTreeMap<&String, (usize, usize)> = BTreeMap::new();
    for metric in metrics {
        for group in metric.groups {
            let (passed, all) = counts.entry(group).or_insert_with(|| {
                names.push(group);
                (0, 0)
            });
            *passed += usize::from(metric.label == Label::Pass);
            *all += usize::from(metric.label.counts());
        }
    }
    let score = |name: &&String| {
        let (passed, all) = counts.get(*name).copied().unwrap_or_default();
        let score = if all == 0 { 0.0 } else { passed as f64 / all as f64 * 100.0 };
        GroupScore { name: (*name).clone(), score, no_data: all == 0 }
    };
    names.iter().map(score).collect()
}

fn summary(groups: &[GroupScore], weights: &BTreeMap<String, f64>) -> f64 {
    let given: f64 = weights.values().sum();
    let others = groups.iter().filter(|group| !weights.contains_key(&group.name)).count();
    let share = if others == 0 { 0.0 } else { (100.0 - given) / others as f64 };
    let part = |group: &GroupScore| {
        let score = if group.no_data { 100.0 } else { group.score };
        score * (weights.get(&group.name).copied().unwrap_or(share) / 100.0)
    };
    round(groups.iter().map(part).sum())
}

/// Two digits after the point, halves away from zero, counted on the shortest decimal form of the
/// number (Java's `BigDecimal` of `Double.toString`).
fn round(value: f64) -> f64 {
    let text = format!("{value}");
    let Some((whole, part)) = text.split_once('.') else { return value };
    let Some(third) = part.as_bytes().get(2) else { return value };
    let cut: f64 = format!("{whole}.{}", part.get(..2).unwrap_or(part)).parse().unwrap_or(value);
    if *third < b'5' {
        return cut;
    }
    let cents = (cut.abs() * 100.0).round() + 1.0;
    (cents / 100.0).copysign(value)
}

/// `Pass`, `Marginal` or `Fail`.
pub fn against(score: f64, thresholds: Thresholds) -> &'static str {
    if score >= thresholds.pass {
        "Pass"
    } else if score >= thresholds.marginal {
        "Marginal"
    } else {
        "Fail"
    }
}

/// Whether a canary that was judged several times passes: each score but the last reaches
/// `marginal`, the last reaches `pass`. Without scores it does not.
pub fn passes(scores: &[f64], thresholds: Thresholds) -> bool {
    let Some((last, earlier)) = scores.split_last() else { return false };
    earlier.iter().all(|score| *score >= thresholds.marginal) && *last >= thresholds.pass
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_up_on_the_decimal_form() {
        for (value, rounded) in [
            (33.333_333, 33.33),
            (66.665, 66.67),
            (1.005, 1.01),
            (99.995, 100.0),
            (12.5, 12.5),
            (7.0, 7.0),
            (-1.005, -1.01),
        ] {
            assert_eq!(round(value), rounded);
        }
    }

    #[test]
    fn half_without_data_is_too_much_and_so_is_nothing_at_all() {
        let metric = |label, critical| Scored { label, reason: "x", critical, groups: &[] };
        let none = BTreeMap::new();
        assert_eq!(score(&[metric(Label::Nodata, false), metric(Label::Pass, false)], &none).score, 0.0);
        let groups = ["a".to_owned(), "b".to_owned()];
        let in_two = |label| Scored { label, reason: "", critical: false, groups: &groups };
        let weights: BTreeMap<String, f64> = [("a".to_owned(), 40.0)].into();
        let found = score(&[in_two(Label::High), in_two(Label::Pass), in_two(Label::Error)], &weights);
        assert_eq!((found.score, found.reason), (50.0, None));
        assert_eq!(score(&[metric(Label::Error, false)], &none).reason, None);
        assert!(score(&[metric(Label::High, true)], &none).reason.unwrap().ends_with('x'));
        assert!(score(&[], &none).reason.is_some());
    }

    #[test]
    fn of_several_runs_the_last_counts_most() {
        let thresholds = Thresholds { pass: 95.0, marginal: 75.0 };
        assert!(passes(&[80.0, 75.0, 95.0], thresholds) && passes(&[100.0], thresholds));
        assert!(
            !passes(&[80.0, 74.9, 100.0], thresholds)
                && !passes(&[100.0, 94.0], thresholds)
                && !passes(&[], thresholds)
        );
        assert_eq!(
            [against(95.0, thresholds), against(75.0, thresholds), against(0.0, thresholds)],
            ["Pass", "Marginal", "Fail"]
        );
    }
}
