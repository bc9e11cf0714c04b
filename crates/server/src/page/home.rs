use axum::extract::{Extension, State as With};
use axum::response::Html;
use base::Timestamp;
use maud::{Markup, html};
use model::Verdict;
use model::rows::{Alert, Finding, Scope};
use query::Rows;

use crate::access::Access;
use crate::api::{Resource, Unread, newest, unread};
use crate::page::parts::{ago, breaking, counted, cut, grouped, incident_link, link, resource, sends, word};
use crate::page::{PageError, layout};
use crate::rows::{decode, each};
use crate::state::State;

/// Resources on the page.
const SHOWN: u64 = 50;
/// Seconds until the browser asks again.
const REFRESH: u32 = 10;

/// What the page shows.
struct Home {
    now: Timestamp,
    scopes: Vec<Scope>,
    counts: Vec<(Verdict, i64)>,
    resources: Vec<Resource>,
    findings: Vec<Finding>,
    incidents: Vec<Alert>,
    notifications: Rows,
    warnings: Vec<String>,
    unread: Vec<Unread>,
}

/// `GET /`: scopes, counts, what differs and why, open incidents, the last notifications.
pub async fn home(With(state): With<State>, Extension(access): Extension<Access>) -> Result<Html<String>, PageError> {
    access.unlimited()?;
    let home = Home::read(&state, &access).await?;
    let title = match home.drifting() {
        0 => "Steadfast".to_owned(),
        n => format!("({n}) Steadfast"),
    };
    Ok(Html(layout::page(&title, Some(REFRESH), home.render()).into_string()))
}

impl Home {
    async fn read(state: &State, access: &Access) -> Result<Self, PageError> {
        let query = |sql: &'static str| state.query(sql);
        let counts = query("SELECT verdict, sum(count) AS count FROM summaries GROUP BY verdict").await?;
        let count = |line: crate::rows::Line<'_>| Some((line.text("verdict")?.parse().ok()?, line.number("count")));
        let mut counts: Vec<(Verdict, i64)> = each(&counts).filter_map(count).filter(|(_, n)| *n > 0).collect();
        counts.sort();
        let firing = "SELECT * FROM findings WHERE state = 'firing' AND kind <> 'drift' ORDER BY since DESC LIMIT 50";
        let open = "SELECT * FROM alerts WHERE state <> 'resolved' ORDER BY since DESC LIMIT 20";
        let sent = "SELECT time, receiver, incident, action, reason, outcome, attempts, message \
                    FROM notifications ORDER BY time DESC LIMIT 10";
        Ok(Self {
            now: state.clock.now(),
            scopes: decode(&query("SELECT * FROM scopes ORDER BY scope, source LIMIT 200").await?)?,
            counts,
            resources: newest(state, SHOWN + 1).await?,
            findings: decode(&query(firing).await?)?,
            incidents: decode(&query(open).await?)?,
            notifications: query(sent).await?,
            warnings: state.engine.store().warnings(),
            unread: unread(state, access, "true").await?,
        })
    }

    fn drifting(&self) -> i64 {
        self.counts.iter().filter(|(verdict, _)| verdict.is_drift()).map(|(_, count)| count).sum()
    }

    fn render(&self) -> Markup {
        html! {
            (self.headline())
            @if !self.warnings.is_empty() {
                section class="card bad" {
                    h2 { "Warnings" }
                    ul { @for warning in &self.warnings { li { (warning) } } }
                }
            }
            (self.unread())
            (self.open_incidents())
            (self.other_findings())
            (self.differing())
            (self.scope_table())
            (self.sent())
        }
    }

    fn headline(&self) -> Markup {
        let drifting = self.drifting();
        html! {
            section class="headline" {
                h1 {
                    @if self.counts.is_empty() { "Nothing has been judged yet" }
                    @else if drifting == 0 { "Everything runs as declared" }
                    @else if drifting == 1 { "1 resource differs" }
                    @else { (grouped(drifting)) " resources differ" }
                }
                p class="counts" {
                    @for (verdict, count) in &self.counts {
                        span class={ "chip " (verdict.as_str()) } { b { (grouped(*count)) } " " (word(verdict.as_str())) } " "
                    }
                }
            }
        }
    }

    fn unread(&self) -> Markup {
        html! {
            @if !self.unread.is_empty() {
                section class="card bad" {
                    h2 { "What cannot be read" }
                    ul {
                        @for Unread { source, scope, scopes, problem } in &self.unread {
                            li {
                                b { (source) } " of " (scope)
                                @if *scopes > 1 { " and " (counted(scopes - 1, "scope")) " more" }
                                ": " (cut(problem, 600))
                            }
                        }
                    }
                }
            }
        }
    }

    fn differing(&self) -> Markup {
        html! {
            @if !self.resources.is_empty() {
                section {
                    h2 { "What differs" }
                    @for item in self.resources.iter().take(SHOWN as usize) { (resource(item, self.now, true)) }
                    @if self.resources.len() as u64 > SHOWN {
                        p class="more" { "More: " code { "SELECT id, verdict FROM drift WHERE verdict <> 'in_sync'" } }
                    }
                }
            }
        }
    }

    fn open_incidents(&self) -> Markup {
        html! {
            @if !self.incidents.is_empty() {
                section {
                    h2 { "Open incidents" }
                    @for incident in &self.incidents {
                        article class="finding" {
                            h3 { span class={ "chip " (incident.severity.as_str()) } { (incident.severity.as_str()) } " " a href=(incident_link(&incident.incident)) { (breaking(&incident.summary)) } }
                            p class="who" {
                                (ago(incident.since, self.now)) " · " (counted(incident.findings, "finding")) " · " (incident.scope)
                            }
                        }
                    }
                }
            }
        }
    }

    fn other_findings(&self) -> Markup {
        html! {
            @if !self.findings.is_empty() {
                section {
                    h2 { "Findings" }
                    @for finding in &self.findings {
                        article class="finding" {
                            h3 { span class={ "chip " (finding.severity.as_str()) } { (finding.kind) } " " (finding.summary) }
                            p class="who" {
                                (ago(finding.since, self.now)) " · " (finding.scope)
                                @if let Some(id) = &finding.resource { " · " a href=(link(id)) { (id) } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn scope_table(&self) -> Markup {
        html! {
            section {
                h2 { "Scopes" }
                @if self.scopes.is_empty() { p class="more" { "No collector has reported yet." } }
                @else {
                    div class="wide" { table class="stack" {
                        tr { th { "Scope" } th { "Source" } th { "State" } th class="n" { "Resources" } th { "Since" } }
                        @for scope in &self.scopes {
                            tr {
                                td data-name="Scope" { (scope.scope) } td data-name="Source" { (scope.source) }
                                td data-name="State" { span class={ "chip " (scope.state.as_str()) } { (scope.state.as_str()) }
                                     @if let Some(message) = &scope.message { " " (cut(message, 300)) } }
                                td data-name="Resources" class="n" { (grouped(scope.resources)) } td data-name="Since" { (ago(scope.time, self.now)) }
                            }
                        }
                    } }
                }
            }
        }
    }

    fn sent(&self) -> Markup {
        html! { section { h2 { "Last notifications" } (sends(&self.notifications, self.now, true)) } }
    }
}
