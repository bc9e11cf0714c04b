use ::canary::{Answer, MetricAnswer, RolloutAnswer};
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State as With};
use axum::http::StatusCode;
use axum::response::Html;
use base::Timestamp;
use maud::{Markup, html};
use model::rows::{CanaryEvidence, CanaryRun};

use crate::access::Access;
use crate::api::ApiError;
use crate::page::parts::{ago, at, cut};
use crate::page::plot::{Line, Plot};
use crate::page::{PageError, layout};
use crate::rows::{decode, literal};
use crate::state::State;

/// Seconds until the browser asks again.
const REFRESH: u32 = 15;
/// Runs of a canary that are listed.
const RUNS: usize = 20;
/// Rows of evidence of a run.
const EVIDENCE: usize = 100_000;
/// A change beyond is drawn at the edge of its plot.
const CHANGE: f64 = 2.0;
/// Evidence beyond so many times what is needed is, too.
const TIMES: f64 = 2.0;

/// `GET /canaries`: how each stands.
pub async fn canaries(
    With(state): With<State>,
    Extension(access): Extension<Access>,
) -> Result<Html<String>, PageError> {
    access.unlimited()?;
    let mut answers: Vec<Answer> =
        state.canaries.iter().flat_map(|book| book.read().canaries().map(Answer::of).collect::<Vec<_>>()).collect();
    answers.sort_by(|a, b| a.name.cmp(&b.name));
    let body = html! {
        section {
            h1 { "Canaries" }
            @if answers.is_empty() { p class="more" { "None is configured." } }
            @for answer in &answers {
                article class="finding" { (headline(answer, state.clock.now(), true)) }
            }
        }
    };
    Ok(Html(layout::page("Canaries", Some(REFRESH), body).into_string()))
}

/// `GET /canaries/{name}`: the metrics of its last run, with their evidence over time, and the runs before.
pub async fn canary(
    With(state): With<State>,
    Extension(access): Extension<Access>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Html<String>, PageError> {
    access.unlimited()?;
    let name = name.map(|name| name.0).unwrap_or_default();
    let answer = state.canaries.iter().find_map(|book| book.read().get(&name).map(Answer::of));
    let Some(answer) = answer else {
        let message = format!("There is no canary {}.", cut(&name, 64));
        return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", message).into());
    };
    let run = answer.run.clone().unwrap_or_default();
    let rows = format!("SELECT * FROM canary_evidence WHERE run = {} ORDER BY time LIMIT {EVIDENCE}", literal(&run));
    let evidence: Vec<CanaryEvidence> = decode(&state.query(&rows).await?)?;
    let rows = format!("SELECT * FROM canary_runs WHERE name = {} ORDER BY started DESC LIMIT {RUNS}", literal(&name));
    let runs: Vec<CanaryRun> = decode(&state.query(&rows).await?)?;
    let now = state.clock.now();
    let body = html! {
        section { article class="finding" { (headline(&answer, now, false)) } }
        section {
            h2 { "Metrics" }
            @for metric in &answer.metrics {
                article class="finding" {
                    (shown(metric))
                    (plots(metric, &evidence.iter().filter(|row| row.metric == metric.name).collect::<Vec<_>>()))
                }
            }
        }
        (before(&runs, &run, now))
    };
    let refresh = answer.decided.is_none().then_some(REFRESH);
    Ok(Html(layout::page(&format!("{}: {}", answer.name, answer.verdict), refresh, body).into_string()))
}

fn headline(answer: &Answer, now: Timestamp, linked: bool) -> Markup {
    let started = answer.started.as_ref().and_then(|time| time.parse::<Timestamp>().ok());
    html! {
        h3 {
            span class={ "chip " (answer.verdict) } { (answer.verdict) } " "
            @if linked { a href={ "/canaries/" (answer.name) } { (answer.name) } } @else { (answer.name) }
        }
        @if let Some(reason) = answer.reasons.first() { p { (cut(reason, 1_000)) } }
        p class="who" {
            @if let Some(started) = started { "began " (ago(started, now)) " · " }
            (answer.intervals.0) " of " (answer.intervals.1) " intervals"
            @if !answer.namespace.is_empty() { " · " (answer.namespace) }
            @if let Some(revision) = &answer.revision { " · " (cut(revision, 40)) }
            @if let Some(rollout) = &answer.rollout { " · " (cut(&traffic(rollout), 200)) }
            @if let Some(minutes) = answer.eta_minutes { " · decided in " (format!("{minutes:.0}")) " min, if it goes on so" }
        }
    }
}

/// How much of the traffic it has, and who says so.
fn traffic(rollout: &RolloutAnswer) -> String {
    match rollout.share {
        Some(share) => format!("{:.1} % of the traffic, by {}", share * 100.0, rollout.traffic),
        None => format!("traffic: {}", rollout.traffic),
    }
}

fn shown(metric: &MetricAnswer) -> Markup {
    html! {
        h3 {
            span class={ "chip " (metric.verdict) } { (metric.verdict) } " " (metric.name)
            @if metric.muted { " (only shown)" }
        }
        p class="who" {
            (cut(&metric.reason, 1_000)) " · " (metric.n) " intervals used, " (metric.missing) " without data"
            @if let Some(top) = &metric.top_segment { " · most in " b { (cut(top, 200)) } }
        }
    }
}

fn plots(metric: &MetricAnswer, rows: &[&CanaryEvidence]) -> Markup {
    let x = |row: &CanaryEvidence| row.interval as f64;
    let part = |ln: Option<f64>, needed: f64| ln.map_or(f64::NAN, |ln| ln / needed);
    let of = |value: &dyn Fn(&CanaryEvidence) -> f64| rows.iter().map(|row| (x(row), value(row))).collect::<Vec<_>>();
    let fail = of(&|row| part(row.ln_e_fail, row.needed.unwrap_or(f64::INFINITY)));
    let pass = of(&|row| part(row.ln_e_pass, row.needed_to_pass));
    let effect = of(&|row| row.effect.unwrap_or(f64::NAN));
    let edges =
        |row: &&CanaryEvidence| (x(row), row.low.unwrap_or(f64::NEG_INFINITY), row.high.unwrap_or(f64::INFINITY));
    let line = |name, class, points| Line { name, class, points };
    let evidence = Plot {
        title: format!("evidence of {} as a part of what is needed", metric.name),
        lines: vec![line("evidence to fail", "fail", fail), line("evidence to pass", "pass", pass)],
        band: Vec::new(),
        marks: vec![("enough".to_owned(), 1.0)],
        within: (-TIMES, TIMES),
    };
    let change = Plot {
        title: format!("change of {} with its bounds", metric.name),
        lines: vec![line("change", "effect", effect)],
        band: rows.iter().map(edges).collect(),
        marks: vec![("none".to_owned(), 0.0), ("margin".to_owned(), metric.margin), ("limit".to_owned(), metric.limit)],
        within: (-1.0, CHANGE),
    };
    html! {
        @if rows.len() > 1 {
            div class="columns" {
                div { p class="reason" { "Evidence, as a part of what is needed" } (evidence.render()) }
                div { p class="reason" { "Change, and what it may be" } (change.render()) }
            }
        }
    }
}

fn before(runs: &[CanaryRun], last: &str, now: Timestamp) -> Markup {
    html! {
        @if runs.iter().any(|run| run.run != last) {
            section {
                h2 { "Runs before" }
                div class="wide" { table class="stack" {
                    tr { th { "Verdict" } th { "Why" } th { "Revision" } th { "Began" } th { "Ended" } }
                    @for run in runs.iter().filter(|run| run.run != last) {
                        tr {
                            td data-name="Verdict" { span class={ "chip " (run.verdict) } { (run.verdict) } }
                            td data-name="Why" { (cut(&run.reason, 300)) }
                            td data-name="Revision" { (cut(run.revision.as_deref().unwrap_or_default(), 40)) }
                            td data-name="Began" { (at(run.started)) }
                            td data-name="Ended" { @if let Some(decided) = run.decided { (ago(decided, now)) } }
                        }
                    }
                } }
            }
        }
    }
}
