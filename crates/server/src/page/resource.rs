use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State as With};
use axum::http::StatusCode;
use axum::response::Html;
use base::Timestamp;
use maud::{Markup, html};
use model::ResourceId;
use model::rows::{Declared, Live, VerdictRow};
use serde::Deserialize;
use serde_json::Value;

use crate::access::Access;
use crate::api::{ApiError, resources};
use crate::page::parts::{ago, at, breaking, cut, resource as shown, short, verdict};
use crate::page::{PageError, diff, layout};
use crate::rows::{decode, literal};
use crate::state::State;

/// Characters of a document or text that the page shows.
const MAX_TEXT: usize = 20_000;

/// Which resource.
#[derive(Debug, Deserialize)]
pub struct Ask {
    id: String,
}

/// What the page shows.
struct Detail {
    now: Timestamp,
    drift: Vec<crate::api::Resource>,
    verdicts: Vec<VerdictRow>,
    live: Vec<Live>,
    declared: Option<Declared>,
}

/// `GET /resource?id=`: a resource's verdicts, its documents and who changed it.
pub async fn resource(
    With(state): With<State>,
    Extension(access): Extension<Access>,
    ask: Result<Query<Ask>, QueryRejection>,
) -> Result<Html<String>, PageError> {
    access.unlimited()?;
    let id = ask.map_err(ApiError::from)?.0.id;
    let id: ResourceId = id.parse().map_err(|error: model::ModelError| ApiError::parameter(error.to_string()))?;
    let detail = Detail::read(&state, &id).await?;
    if detail.drift.is_empty() && detail.live.is_empty() && detail.declared.is_none() {
        return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("nothing is known of {id}")).into());
    }
    Ok(Html(layout::page(id.as_str(), None, detail.render(&id)).into_string()))
}

impl Detail {
    async fn read(state: &State, id: &ResourceId) -> Result<Self, PageError> {
        let is = format!("id = {}", literal(id.as_str()));
        let newest =
            |table: &str, n: u32| format!("SELECT * FROM {table} WHERE {is} ORDER BY log_offset DESC LIMIT {n}");
        let declared = state.query(&format!("SELECT * FROM desired WHERE {is}")).await?;
        Ok(Self {
            now: state.clock.now(),
            drift: resources(state, "drift", &is, 1).await?,
            verdicts: decode(&state.query(&newest("drift_history", 50)).await?)?,
            live: decode(&state.query(&newest("resource_history", 20)).await?)?,
            declared: decode(&declared)?.into_iter().next(),
        })
    }

    fn render(&self, id: &ResourceId) -> Markup {
        let live = self.live.first();
        let texts = self.declared.as_ref().and_then(|declared| declared.text.as_deref());
        // The fold's own diff, if there is one, is shown with the field.
        let shown_above = self.drift.iter().flat_map(|item| &item.fields).any(|field| field.diff.is_some());
        let texts = texts.filter(|_| !shown_above);
        let diff = texts.zip(live.and_then(|live| live.text.as_deref())).and_then(|(a, b)| diff::between(a, b));
        html! {
            section {
                @for item in &self.drift { (shown(item, self.now, false)) }
                @if self.drift.is_empty() { h1 { (breaking(id.as_str())) } }
            }
            @if let Some(diff) = diff { section { h2 { "Text: declared and live" } (diff::unified(&diff)) } }
            section class="columns" {
                div {
                    h2 { "Declared" }
                    @match &self.declared {
                        Some(declared) => {
                            p class="who" { (declared.source) " · " code { (short(&declared.revision)) } }
                            (document(declared.document.as_deref()))
                        },
                        None => p class="more" { "Nothing declares it." },
                    }
                }
                div {
                    h2 { "Live" }
                    @match live {
                        Some(live) if live.present => {
                            p class="who" { (live.source) " · seen " (ago(live.time, self.now)) }
                            (document(live.document.as_deref()))
                        },
                        _ => p class="more" { "It is not there." },
                    }
                }
            }
            (self.history())
        }
    }

    fn history(&self) -> Markup {
        html! {
            section {
                h2 { "Verdicts" }
                div class="wide" { table class="stack" {
                    tr { th { "When" } th { "Verdict" } th { "Before" } th { "Revision" } th { "Actor" } }
                    @for row in &self.verdicts {
                        tr {
                            td data-name="When" { (at(row.time)) } td data-name="Verdict" { (verdict(row.verdict)) }
                            td data-name="Before" { (verdict(row.previous)) }
                            td data-name="Revision" { @if let Some(revision) = &row.revision { code { (short(revision)) } } }
                            td data-name="Actor" { @if let Some(actor) = &row.actor { (actor) } }
                        }
                    }
                } }
                h2 { "Changes seen" }
                div class="wide" { table class="stack" {
                    tr { th { "When" } th { "Seen by" } th { "Fingerprint" } th { "Actor" } }
                    @for row in &self.live {
                        tr {
                            td data-name="When" { (at(row.time)) } td data-name="Seen by" { (row.source) }
                            td data-name="Fingerprint" { @if row.present { code { (format!("{:.12}", row.fingerprint.to_string())) } } @else { "gone" } }
                            td data-name="Actor" { @if let Some(actor) = &row.actor { (actor) } }
                        }
                    }
                } }
            }
        }
    }
}

/// A document with one member a line.
fn document(json: Option<&str>) -> Markup {
    let pretty = json.map(|json| {
        let tree: Option<Value> = serde_json::from_str(json).ok();
        tree.and_then(|tree| serde_json::to_string_pretty(&tree).ok()).unwrap_or_else(|| json.to_owned())
    });
    html! { pre { (cut(&pretty.unwrap_or_default(), MAX_TEXT)) } }
}
