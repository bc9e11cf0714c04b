use std::collections::BTreeSet;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State as With};
use axum::http::StatusCode;
use axum::response::Html;
use base::Timestamp;
use maud::{Markup, html};
use model::rows::{Alert, Finding, Reaction, VerdictRow};
use model::{AlertState, Key};
use query::Rows;
use serde_json::Value;

use crate::access::Access;
use crate::api::{ApiError, Resource};
use crate::page::parts::{ago, at, breaking, counted, cut, link, resource, rough, sends, short, word};
use crate::page::{PageError, layout};
use crate::rows::{decode, literal};
use crate::state::State;

/// Findings on the page that are open, and as many that are over.
const SHOWN: usize = 50;
/// Notifications on the page.
const SENDS: usize = 50;
/// Things that were done about it.
const REACTIONS: usize = 50;
/// Symptoms of a rollout that are looked for by name.
const SYMPTOMS: usize = 1_000;
/// Lines about the incident's course.
const STEPS: usize = 50;
/// Seconds until the browser asks again, while the incident is open.
const REFRESH: u32 = 15;

/// What the page shows.
struct Detail {
    now: Timestamp,
    incident: Alert,
    /// Its course, the newest first.
    steps: Vec<Alert>,
    open: Vec<Entry>,
    over: Vec<Entry>,
    sent: Rows,
    /// What was done about it at providers, the newest first.
    reactions: Vec<Reaction>,
}

/// A finding, with the resource that it is about as it was then.
struct Entry {
    finding: Finding,
    resource: Option<Resource>,
}

/// `GET /incidents/{key}`: where the links of notifications lead. What is wrong, since when, who
/// did it, where it is declared, and who was told.
pub async fn incident(
    With(state): With<State>,
    Extension(access): Extension<Access>,
    key: Result<Path<String>, PathRejection>,
) -> Result<Html<String>, PageError> {
    access.unlimited()?;
    let key = key.map(|key| key.0).unwrap_or_default().to_ascii_lowercase();
    let Some(detail) = Detail::read(&state, &key).await? else { return Err(unknown(&key).into()) };
    let refresh = (detail.incident.state != AlertState::Resolved).then_some(REFRESH);
    Ok(Html(layout::page(&detail.incident.summary, refresh, detail.render()).into_string()))
}

fn unknown(key: &str) -> ApiError {
    let message = format!(
        "No incident has the key {}. Either the link was cut short, or the incident is older than the history that is \
         kept (store.retention), or it belongs to another Steadfast.",
        cut(key, 64)
    );
    ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
}

impl Detail {
    async fn read(state: &State, key: &str) -> Result<Option<Self>, ApiError> {
        if key.len() != 2 * size_of::<Key>() || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let steps = format!("SELECT * FROM alert_history WHERE key = X'{key}' ORDER BY log_offset DESC LIMIT {STEPS}");
        let steps: Vec<Alert> = decode(&state.query(&steps).await?)?;
        let now: Vec<Alert> = decode(&state.query(&format!("SELECT * FROM alerts WHERE key = X'{key}'")).await?)?;
        let Some(incident) = now.into_iter().next() else { return Ok(None) };
        let (open, over) = Findings::of(state, &incident, &steps).await?;
        let sent = format!(
            "SELECT * FROM notifications WHERE incident = {} OR starts_with(incident, {}) \
             ORDER BY time DESC, sequence DESC LIMIT {SENDS}",
            literal(&incident.incident),
            // Its children.
            literal(&format!("{}+", incident.incident))
        );
        let sent = state.query(&sent).await?;
        let reactions = decode(&state.query(&reactions(&incident.incident, &sent)).await?)?;
        Ok(Some(Self { now: state.clock.now(), incident, steps, open, over, sent, reactions }))
    }

    fn render(&self) -> Markup {
        let more = usize::try_from(self.incident.findings).unwrap_or(0).saturating_sub(self.open.len());
        html! {
            (self.head())
            section {
                h2 { "What is wrong" }
                @if self.open.is_empty() { p class="more" { "Nothing any more." } }
                @for entry in &self.open { (entry.render(self.now, true)) }
                @if more > 0 {
                    p class="more" { "and " (counted(more as i64, "finding")) " more: "
                        code { "SELECT * FROM findings WHERE cause = " (literal(&self.incident.cause)) } }
                }
            }
            @if !self.over.is_empty() {
                section {
                    h2 { "Was wrong, and is over" }
                    @for entry in &self.over { (entry.render(self.now, false)) }
                }
            }
            section { h2 { "Who was told" } (sends(&self.sent, self.now, false)) }
            (self.done())
            (self.course())
        }
    }

    fn head(&self) -> Markup {
        let incident = &self.incident;
        let resolved = incident.state == AlertState::Resolved;
        html! {
            section class="headline" {
                p class="counts" {
                    @if resolved { span class="chip resolved" { "resolved" } }
                    @else { span class={ "chip solid " (incident.severity.as_str()) } { (incident.state.as_str()) } }
                    span class={ "chip " (incident.severity.as_str()) } { (incident.severity.as_str()) }
                }
                h1 { (breaking(incident.summary.strip_prefix("resolved: ").unwrap_or(&incident.summary))) }
                dl {
                    dt { "Opened" } dd { (at(incident.since)) " · " (ago(incident.since, self.now)) }
                    @if resolved {
                        dt { "Resolved" }
                        dd { (at(incident.time)) " · after " (rough(incident.time.since(incident.since))) }
                    } @else if incident.time != incident.since {
                        dt { "Updated" } dd { (at(incident.time)) " · " (ago(incident.time, self.now)) }
                    }
                    dt { "Scope" } dd { (incident.scope) }
                    @if incident.cause != incident.scope { dt { "Cause" } dd { (incident.cause) } }
                    (self.commit())
                    @if let Some((name, reaction)) = self.taken() {
                        dt { (name) }
                        dd { (reaction.actor.as_deref().unwrap_or("somebody")) " in " (reaction.provider) " · " (ago(reaction.time, self.now)) }
                    }
                    dt { "Open findings" } dd { (incident.findings) }
                    dt { "Name" } dd { code { (incident.incident) } }
                }
            }
        }
    }

    /// Who has taken it on, or closed it, at a provider.
    fn taken(&self) -> Option<(&'static str, &Reaction)> {
        let last = self.reactions.iter().find(|row| {
            matches!(row.action.as_str(), "triggered" | "acknowledged" | "unacknowledged" | "resolved" | "reopened")
        })?;
        match last.action.as_str() {
            "acknowledged" => Some(("Acknowledged by", last)),
            "resolved" if last.person => Some(("Resolved by", last)),
            _ => None,
        }
    }

    /// What people did about it at providers.
    fn done(&self) -> Markup {
        html! {
            @if !self.reactions.is_empty() {
                section {
                    h2 { "What was done" }
                    div class="wide" { table class="stack" {
                        tr { th { "When" } th { "What" } th { "Who" } th { "Where" } }
                        @for row in &self.reactions {
                            tr {
                                td data-name="When" { (at(row.time)) }
                                td data-name="What" { (word(&row.action)) @if let Some(text) = &row.text { ": " (cut(text, 1_000)) } }
                                td data-name="Who" { (row.actor.as_deref().unwrap_or_default()) }
                                td data-name="Where" { (row.provider) " (" (row.receiver) ")" }
                            }
                        }
                    } }
                }
            }
        }
    }

    /// The revision that its findings speak of.
    fn commit(&self) -> Markup {
        // Once all is over the last record names no commit; an earlier one does.
        let parsed = |step: &Alert| serde_json::from_str::<Value>(&step.evidence).ok();
        let evidence = self.steps.iter().filter_map(parsed).find(|evidence| evidence["revision"].is_string());
        let evidence = evidence.unwrap_or_default();
        html! {
            @if let Some(revision) = evidence["revision"].as_str() {
                dt { "Revision" }
                dd {
                    code { (short(revision)) }
                    @if let Some(author) = evidence["author"].as_str() { " by " (author) }
                    @if let Some(message) = evidence["message"].as_str() { ": " q { (message) } }
                }
            }
        }
    }

    fn course(&self) -> Markup {
        html! {
            section {
                h2 { "Course" }
                div class="wide" { table class="stack" {
                    tr { th { "When" } th { "What" } th { "Severity" } th class="n" { "Open findings" } }
                    @for step in &self.steps {
                        tr {
                            td data-name="When" { (at(step.time)) } td data-name="What" { (word(&step.reason)) }
                            td data-name="Severity" { span class={ "chip " (step.severity.as_str()) } { (step.severity.as_str()) } }
                            td data-name="Open findings" class="n" { (step.findings) }
                        }
                    }
                } }
            }
        }
    }
}

/// Findings of an incident have its cause; the symptoms of a rollout have causes of their own, and are named in its course.
fn which(incident: &Alert, steps: &[Alert]) -> String {
    let cause = format!("cause = {}", literal(&incident.cause));
    if !incident.cause.starts_with("rollout/") {
        return cause;
    }
    let told = steps.iter().filter_map(|step| serde_json::from_str::<Value>(&step.evidence).ok());
    let symptoms = told.flat_map(|evidence| evidence["symptoms"].as_array().cloned().unwrap_or_default());
    let names: BTreeSet<String> =
        symptoms.filter_map(|symptom| symptom["finding"].as_str().map(literal)).take(SYMPTOMS).collect();
    if names.is_empty() {
        return cause;
    }
    format!("({cause} OR finding IN ({}))", names.into_iter().collect::<Vec<_>>().join(", "))
}

/// What was done about an incident: rows that name it, by its name or by what providers made of that, and those of the same incident there.
fn reactions(incident: &str, sent: &Rows) -> String {
    let references =
        crate::rows::each(sent).flat_map(|line| line.text("reference").into_iter().chain(line.text("incident")));
    let mut names: Vec<String> =
        std::iter::once(incident.to_owned()).chain(references).map(|name| literal(&name)).collect();
    names.sort();
    names.dedup();
    let names = names.join(", ");
    format!(
        "SELECT * FROM reactions WHERE incident IN ({names}) OR provider_incident IN \
         (SELECT provider_incident FROM reactions WHERE incident IN ({names})) ORDER BY time DESC, event DESC LIMIT {REACTIONS}"
    )
}

impl Entry {
    fn render(&self, now: Timestamp, open: bool) -> Markup {
        let finding = &self.finding;
        match &self.resource {
            Some(item) => resource(item, now, true),
            None => html! {
                article class="finding" {
                    h3 {
                        @if open { span class={ "chip " (finding.severity.as_str()) } { (finding.severity.as_str()) } " " }
                        (finding.summary)
                    }
                    p class="who" {
                        (ago(finding.since, now)) " · " (finding.scope)
                        @if let Some(id) = &finding.resource { " · " a href=(link(id)) { (id) } }
                    }
                }
            },
        }
    }
}

/// Reads the findings of an incident.
struct Findings<'a> {
    state: &'a State,
    incident: &'a Alert,
    /// What is true of its findings, as SQL.
    which: String,
}

impl Findings<'_> {
    /// Those that are open, and those that are over, each the worst first.
    async fn of(state: &State, incident: &Alert, steps: &[Alert]) -> Result<(Vec<Entry>, Vec<Entry>), ApiError> {
        let this = Findings { state, incident, which: which(incident, steps) };
        let open = match incident.state {
            AlertState::Resolved => Vec::new(),
            _ => this.now().await?,
        };
        let over = this.before(&open).await?;
        Ok((this.entries(open, true).await?, this.entries(over, false).await?))
    }

    async fn now(&self) -> Result<Vec<Finding>, ApiError> {
        let which = &self.which;
        let sql = format!(
            "SELECT * FROM findings WHERE {which} AND state IN ('firing', 'unknown') ORDER BY {WORST} LIMIT {SHOWN}"
        );
        decode(&self.state.query(&sql).await?)
    }

    /// What fired between the end of the cause's incident before and the end of this one, each
    /// finding as it was when it last fired.
    async fn before(&self, open: &[Finding]) -> Result<Vec<Finding>, ApiError> {
        let Alert { incident, cause, since, time, state, .. } = self.incident;
        let cause = literal(cause);
        let ended = format!(
            "SELECT max(time) AS ended FROM alert_history \
             WHERE cause = {cause} AND state = 'resolved' AND time <= '{since}' AND incident <> {}",
            literal(incident)
        );
        let ended = self.state.query(&ended).await?;
        let after = crate::rows::each(&ended).find_map(|line| line.time("ended"));
        let mut when = after.map_or_else(|| "true".to_owned(), |after| format!("time > '{after}'"));
        if *state == AlertState::Resolved {
            when.push_str(&format!(" AND time <= '{time}'"));
        }
        let newest = format!(
            "SELECT *, row_number() OVER (PARTITION BY key ORDER BY log_offset DESC) AS n FROM finding_history \
             WHERE {which} AND state = 'firing' AND {when}",
            which = self.which
        );
        // An open finding is among them, too.
        let limit = SHOWN + open.len();
        let sql = format!("SELECT * FROM ({newest}) WHERE n = 1 ORDER BY {WORST} LIMIT {limit}");
        let mut over: Vec<Finding> = decode(&self.state.query(&sql).await?)?;
        over.retain(|finding| open.iter().all(|open| open.key != finding.key));
        over.truncate(SHOWN);
        Ok(over)
    }

    /// With the verdict that each speaks of: the one of now, or the one that the fold gave with it,
    /// which has the same time.
    async fn entries(&self, findings: Vec<Finding>, now: bool) -> Result<Vec<Entry>, ApiError> {
        let ids: Vec<String> = findings.iter().filter_map(|finding| finding.resource.as_deref()).map(literal).collect();
        let times: Vec<String> = findings.iter().map(|finding| format!("'{}'", finding.time)).collect();
        let (ids, times) = (ids.join(", "), times.join(", "));
        let rows: Vec<VerdictRow> = match (ids.is_empty(), now) {
            (true, _) => Vec::new(),
            (_, true) => decode(&self.state.query(&format!("SELECT * FROM drift WHERE id IN ({ids})")).await?)?,
            (_, false) => {
                let sql = format!("SELECT * FROM drift_history WHERE id IN ({ids}) AND time IN ({times})");
                decode(&self.state.query(&sql).await?)?
            }
        };
        let entry = |finding: Finding| {
            let id = finding.resource.as_deref().filter(|_| finding.kind == "drift");
            let same = |row: &&VerdictRow| Some(row.id.as_str()) == id && (now || row.time == finding.time);
            Entry { resource: rows.iter().find(same).cloned().map(Resource::from), finding }
        };
        Ok(findings.into_iter().map(entry).collect())
    }
}

/// The worst first, then the oldest.
const WORST: &str =
    "CASE severity WHEN 'critical' THEN 0 WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END, since, finding";
