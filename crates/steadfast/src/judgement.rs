//! Judgements as people read them.

use std::fmt::Write as _;

use judge::JudgeResult;
use judge::evidence::{Effect, MetricEvidence, RunEvidence};
use judge::result::{MetricResult, Num};

use crate::render::{Style, printable};

/// Columns of a plot.
const WIDTH: usize = 48;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The whole judgement.
pub fn text(result: &JudgeResult, style: Style) -> String {
    let mut out = String::new();
    result.results.iter().for_each(|metric| self::metric(metric, style, &mut out));
    let score = &result.score;
    let verdict = style.paint(colour(&score.classification), &score.classification);
    let reason = why(&score.classification_reason);
    let _ = writeln!(out, "{verdict}  score {} by {}{reason}", score.score, result.judge_name);
    if let Some(run) = &result.sequential {
        self::run(run, style, &mut out);
    }
    out
}

fn colour(label: &str) -> &'static str {
    match label {
        "Pass" => "32",
        "Marginal" | "Inconclusive" | "Nodata" | "Error" => "33",
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
    let (baseline, canary) = (&metric.control_metadata, &metric.experiment_metadata);
    let _ = writeln!(
        out,
        "    baseline {} ({} points, {} left out), canary {} ({} points, {} left out), ratio {}",
        short(baseline.stats.mean),
        baseline.stats.count,
        baseline.dropped,
        short(canary.stats.mean),
        canary.stats.count,
        canary.dropped,
        metric.result_metadata.get("ratio").map_or_else(|| "none".to_owned(), |Num(ratio)| short(*ratio)),
    );
    if let Some(evidence) = &metric.evidence {
        self::evidence(evidence, style, out);
    }
}

fn evidence(evidence: &MetricEvidence, style: Style, out: &mut String) {
    let plot = |values: Vec<f64>, full: f64| style.paint("2", &bars(&values, full));
    let fail: Vec<f64> = evidence.path.iter().map(|look| look.ln_e_fail.0).collect();
    let pass: Vec<f64> = evidence.path.iter().map(|look| look.ln_e_pass.0).collect();
    if fail.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "    fail {}  {}",
        plot(fail, evidence.ln_e_fail_needed),
        progress(evidence.ln_e_fail, evidence.ln_e_fail_needed)
    );
    let _ = writeln!(
        out,
        "    pass {}  {}",
        plot(pass, evidence.ln_e_pass_needed),
        progress(evidence.ln_e_pass, evidence.ln_e_pass_needed)
    );
    let Effect { estimate, low, high } = evidence.effect;
    let mut notes =
        format!("    {}: change {} from {} to {}", evidence.kind, percent(estimate), percent(low), percent(high));
    let _ = write!(notes, ", margin {}, limit {}", percent(Num(evidence.margin)), percent(Num(evidence.limit)));
    if let Some(interval) = evidence.decided_at {
        let _ = write!(notes, ", decided after interval {interval}");
    }
    if let Some(minutes) = evidence.minutes_to_decision {
        let _ = write!(notes, ", decision in about {minutes:.0} minutes");
    }
    if evidence.missing > 0 {
        let _ = write!(notes, ", {} intervals without a point", evidence.missing);
    }
    let _ = writeln!(out, "{}", style.paint("2", &notes));
}

fn run(run: &RunEvidence, style: Style, out: &mut String) {
    let verdicts = format!(
        "    {}: evidence {} of {:.1}, {} intervals, {} of warm-up",
        run.verdict.as_str(),
        short(run.ln_e_fail.0),
        run.ln_e_fail_needed,
        run.intervals,
        run.warmup
    );
    let _ = writeln!(out, "{}", style.paint("2", &verdicts));
    if let Some(end) = run.end {
        let _ = writeln!(out, "    at the end: p {} of {}", short(end.p.0), short(end.needed));
    }
    if let Some(interval) = run.first_fail_at {
        let _ = writeln!(out, "    failed first after interval {interval}");
    }
    for note in &run.notes {
        let _ = writeln!(out, "    note: {}", printable(note));
    }
}

fn progress(now: Num, needed: f64) -> String {
    if needed < 1e3 { format!("{} of {needed:.1}", short(now.0)) } else { format!("{}, only shown", short(now.0)) }
}

/// A row of bars, the highest at what is needed.
fn bars(values: &[f64], full: f64) -> String {
    let every = values.len().div_ceil(WIDTH).max(1);
    let bar = |chunk: &[f64]| {
        let most = chunk.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let level = (most / full * BARS.len() as f64).clamp(0.0, BARS.len() as f64 - 1.0);
        BARS[level as usize]
    };
    values.chunks(every).map(bar).collect()
}

fn percent(part: Num) -> String {
    if part.0.is_finite() { format!("{:+.1} %", part.0 * 100.0) } else { "no bound".to_owned() }
}

/// A number in about four digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() || size == 0.0 => format!("{value}"),
        size if !(1e-3..1e6).contains(&size) => format!("{value:.3e}"),
        size if size >= 1e3 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_drawn_up_to_what_is_needed_and_numbers_are_short() {
        assert_eq!(bars(&[-1.0, 0.0, 2.0, 4.0, 9.0], 4.0), "▁▁▅██");
        assert_eq!(bars(&[4.0; 480], 4.0).chars().count(), WIDTH);
        assert_eq!(
            [0.0, 0.000_12, 0.123_45, 12.34, 1234.5, 1.5e7].map(short),
            ["0", "1.200e-4", "0.123", "12.3", "1234", "1.500e7"]
        );
        assert_eq!((percent(Num(0.123)), percent(Num(f64::INFINITY))), ("+12.3 %".to_owned(), "no bound".to_owned()));
    }
}
