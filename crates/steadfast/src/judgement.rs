//! Judgements as people read them.

use std::fmt::Write as _;

use judge::JudgeResult;
use judge::result::{MetricResult, Num};

use crate::render::{Style, printable};

/// The whole judgement.
pub fn text(result: &JudgeResult, style: Style) -> String {
    let mut out = String::new();
    result.results.iter().for_each(|metric| self::metric(metric, style, &mut out));
    let score = &result.score;
    let verdict = style.paint(colour(&score.classification), &score.classification);
    let _ =
        writeln!(out, "{verdict}  score {} by {}{}", score.score, result.judge_name, why(&score.classification_reason));
    out
}

fn colour(label: &str) -> &'static str {
    match label {
        "Pass" => "32",
        "Marginal" | "Nodata" | "Error" => "33",
        _ => "31",
    }
}

fn why(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {}", printable(reason)) }
}

fn metric(metric: &MetricResult, style: Style, out: &mut String) {
    let label = style.paint(colour(&metric.classification), &metric.classification);
    let notes = [(metric.critical, ", critical"), (metric.muted, ", muted")];
    let notes: String = notes.iter().filter(|(set, _)| *set).map(|(_, note)| *note).collect();
    let _ = writeln!(out, "{}  {label}{notes}{}", printable(&metric.name), why(&metric.classification_reason));
    let (baseline, canary) = (metric.control_metadata.stats, metric.experiment_metadata.stats);
    let _ = writeln!(
        out,
        "    baseline {} ({} points), canary {} ({} points), ratio {}",
        short(baseline.mean),
        baseline.count,
        short(canary.mean),
        canary.count,
        metric.result_metadata.get("ratio").map_or_else(|| "none".to_owned(), |Num(ratio)| short(*ratio)),
    );
}

/// A number in about four digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() || size == 0.0 => format!("{value}"),
        size if size >= 1e6 || size < 1e-3 => format!("{value:.3e}"),
        size if size >= 1e3 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
