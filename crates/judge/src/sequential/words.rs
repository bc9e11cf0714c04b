//! What was found, in words.

use super::doubts::Doubt;
use super::run::Look;
use crate::evidence::{Effect, MetricEvidence, Verdict};
use crate::num::Num;
use crate::result::MetricResult;

/// What does not pass although it is below its limit.
pub(super) fn doubted(doubt: Doubt) -> String {
    format!("below its limit, but {}", doubt.words())
}

/// Why the run has its verdict.
pub(super) fn of_run(look: &Look, results: &[MetricResult]) -> String {
    let of = |label: fn(&str) -> bool| {
        let loud = results.iter().filter(move |result| !result.muted && label(&result.classification));
        loud.map(|result| result.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (worse, missing) = (of(|label| matches!(label, "High" | "Low")), of(|label| label == "Nodata"));
    let only_at_end = look.end.is_some_and(|end| end.fails) && look.ln_fail < look.ln_needed;
    let when = if only_at_end { ", by the test at the end" } else { "" };
    if let Some(split) = look.split {
        return split.words();
    }
    let doubts = results.iter().zip(&look.metrics).filter(|(result, _)| !result.muted);
    let doubts: Vec<String> =
        doubts.filter_map(|(result, found)| Some(format!("{}: {}", result.name, found.doubt?.words()))).collect();
    match look.verdict {
        Verdict::Fail if worse.is_empty() => format!("all metrics together show that the canary is worse{when}"),
        Verdict::Fail => format!("worse{when}: {worse}"),
        Verdict::Pass => "every metric is shown to be below its limit".to_owned(),
        _ if !missing.is_empty() => format!("no data: {missing}"),
        _ if !doubts.is_empty() => doubts.join("; "),
        _ if results.iter().all(|result| result.muted) => "every metric is muted: there is nothing to judge".to_owned(),
        _ => format!("neither shown to be worse nor to be below the limit: {}", of(|label| label == "Inconclusive")),
    }
}

/// A p-value.
fn digits(p: f64) -> String {
    if p < 1e-4 { format!("{p:.0e}") } else { format!("{p:.4}") }
}

/// A part as percent, with its sign.
pub(super) fn percent(part: Num) -> String {
    if part.0.is_finite() { format!("{:+.1} %", part.0 * 100.0) } else { "no bound".to_owned() }
}

/// Why a metric has this label.
pub(super) fn of_metric(evidence: &MetricEvidence, label: &str, doubt: Option<Doubt>) -> String {
    if label == "Nodata" {
        return "no interval has a point of both arms".to_owned();
    }
    let Effect { estimate, low, high } = evidence.effect;
    let effect = format!("{}, from {} to {}", percent(estimate), percent(low), percent(high));
    let (fail, pass) = (evidence.ln_e_fail.0, evidence.ln_e_pass.0);
    let at_end = evidence.end.filter(|end| end.fails);
    let shown = match (label, at_end) {
        ("Pass", _) => format!("shown to be below {}", percent(Num(evidence.limit))),
        (_, Some(end)) => {
            format!("{} by the test at the end (p {} of {})", end.check.words(), digits(end.p.0), digits(end.needed))
        }
        ("High" | "Low", _) if evidence.checks.mostly_spread() => "strays more than the baseline".to_owned(),
        ("High" | "Low", _) => format!("worse by more than {}", percent(Num(evidence.margin))),
        ("Inconclusive", _) if let Some(doubt) = doubt => doubted(doubt),
        _ if evidence.healed => "was worse and no longer is".to_owned(),
        _ => "not decided".to_owned(),
    };
    format!(
        "{shown}: {effect}; evidence to fail {fail:.1} of {:.1}, to pass {pass:.1} of {:.1}",
        evidence.ln_e_fail_needed, evidence.ln_e_pass_needed
    )
}
