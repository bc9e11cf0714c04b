//! `GET /api/drift`: what differs now, or differed at a time.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State as With};
use base::Timestamp;
use model::rows::VerdictRow;
use model::{FieldChange, Verdict};
use query::Rows;
use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::api::{ApiError, Unread, unread};
use crate::rows::{decode, each, literal};
use crate::state::State;

/// Resources in one answer, if the caller asks for no other number.
const LIMIT: u64 = 1_000;
/// Resources in one answer at most.
const MAX_LIMIT: u64 = 100_000;

/// What can be asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// `provider/scope`.
    scope: Option<String>,
    /// Only resources with this verdict; `in_sync` ones are else left out.
    verdict: Option<String>,
    /// Resources at most.
    limit: Option<u64>,
    /// The time to look at.
    at: Option<String>,
}

/// A resource that differs, as `drift --output json` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// What is said of it.
    pub verdict: Verdict,
    /// What was said before.
    pub previous: Verdict,
    /// The current revision.
    pub revision: Option<String>,
    /// Who made the revision.
    pub author: Option<String>,
    /// Its message.
    pub message: Option<String>,
    /// The file that declares it.
    pub file: Option<String>,
    /// The line there.
    pub line: Option<i64>,
    /// Since when, in RFC 3339.
    pub since: String,
    /// Who changed it.
    pub actor: Option<String>,
    /// What declares it.
    pub source: Option<String>,
    /// What the GitOps tool that applies it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitops: Option<String>,
    /// The fields that differ.
    pub fields: Vec<FieldChange>,
    /// What a dry run said of them, where one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Fields that differ by the server's own doing, as a dry run has shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refuted: Vec<String>,
}

/// What a verdict's evidence says of dry runs.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Evidence {
    confirm: Option<String>,
    refuted: Vec<String>,
}

impl From<VerdictRow> for Resource {
    fn from(row: VerdictRow) -> Self {
        let evidence: Evidence = serde_json::from_str(&row.evidence).unwrap_or_default();
        Self {
            id: row.id.into(),
            verdict: row.verdict,
            previous: row.previous,
            revision: row.revision,
            author: row.author,
            message: row.message,
            file: row.file,
            line: row.line,
            since: row.since.to_string(),
            actor: row.actor,
            source: row.source,
            gitops: row.gitops,
            // The fold wrote it; what cannot be read is shown as no fields rather than not at all.
            fields: serde_json::from_str(&row.fields).unwrap_or_default(),
            confirm: evidence.confirm,
            refuted: evidence.refuted,
        }
    }
}

/// The answer.
#[derive(Debug, Serialize)]
pub struct Drift {
    resources: Vec<Resource>,
    summary: BTreeMap<String, i64>,
    /// Resources with fields that a dry run has refuted.
    refuted: i64,
    /// There are more than `resources` has.
    truncated: bool,
    /// Who cannot read what is declared or live, now: of that the answer is as it was read before, or nothing.
    unread: Vec<Unread>,
}

/// Drift before what rolls out or is unknown, so that a limit leaves out what matters least.
const DRIFT_FIRST: &str =
    "CASE verdict WHEN 'rolling_out' THEN 1 WHEN 'unknown' THEN 2 WHEN 'in_sync' THEN 3 ELSE 0 END, id";

/// `GET /api/drift?scope=&verdict=&limit=&at=`.
pub async fn get(
    With(state): With<State>,
    Extension(access): Extension<Access>,
    ask: Result<Query<Ask>, QueryRejection>,
) -> Result<Json<Drift>, ApiError> {
    let ask = ask?.0;
    let at = ask.at.as_deref().map(str::parse::<Timestamp>).transpose();
    let at = at.map_err(|error| ApiError::parameter(format!("at: {error}")))?;
    let verdict = ask.verdict.as_deref().map(str::parse::<Verdict>).transpose();
    let verdict = verdict.map_err(|error| ApiError::parameter(error.to_string()))?;
    let scopes = within(&access, ask.scope.as_deref())?;
    let limit = ask.limit.unwrap_or(LIMIT).min(MAX_LIMIT);

    let table = at.map_or_else(|| "drift".to_owned(), |at| format!("drift_at('{at}')"));
    let filter = match verdict {
        Some(verdict) => format!("verdict = '{verdict}' AND {scopes}"),
        None => format!("verdict <> 'in_sync' AND {scopes}"),
    };
    let query = async |sql: String| state.query_for(&access.rights, &sql).await;
    let mut resources = decoded(&query(first(&table, &filter, DRIFT_FIRST, limit + 1)).await?)?;
    let truncated = resources.len() as u64 > limit;
    resources.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    // The fold counts those too that were never anything but in sync, and so have no row. Who may not read its counts may count,
    // and so may who asks for a time of which none is kept.
    let counts = at.map_or_else(|| "summaries".to_owned(), |at| format!("summaries_at('{at}')"));
    let reads = access.rights.reads("summaries") && (at.is_none() || access.rights.reads("summary_history"));
    let mut summary = None;
    if reads {
        let counted = format!("SELECT verdict, sum(count) AS count FROM {counts} WHERE {scopes} GROUP BY verdict");
        summary = Some(query(counted).await?);
    }
    let count = |line: crate::rows::Line<'_>| Some((line.text("verdict")?, line.number("count")));
    let counts = |rows: &_| each(rows).filter_map(count).collect::<BTreeMap<_, _>>();
    let of_fold = summary.as_ref().map(counts);
    let mut summary = match of_fold {
        Some(counts) if at.is_none() => counts,
        of_fold => {
            let rows = format!("SELECT verdict, count(*) AS count FROM {table} WHERE {scopes} GROUP BY verdict");
            let mut counts = counts(&query(rows).await?);
            // Counts are kept since some time, and verdicts since an earlier one. What is in sync, or unknown since nobody
            // speaks of it, may have no row.
            for (verdict, kept) in of_fold.into_iter().flatten() {
                let (in_sync, unknown) = (verdict == "in_sync", verdict == "unknown");
                let counted = counts.entry(verdict).or_default();
                if in_sync || (unknown && kept > *counted) {
                    *counted = kept;
                }
            }
            counts
        }
    };
    summary.retain(|_, count| *count > 0);
    // The fold wrote the evidence, so that it is there only where something is refuted.
    let refuted = format!("SELECT count(*) AS count FROM {table} WHERE evidence LIKE '%\"refuted\":[%' AND {scopes}");
    let refuted = each(&query(refuted).await?).map(|line| line.number("count")).sum();
    // How sources were at another time is kept nowhere.
    let unread = if at.is_none() { unread(&state, &access, &scopes).await? } else { Vec::new() };
    Ok(Json(Drift { resources, summary, refuted, truncated, unread }))
}

/// Rows of `table` (`drift`, or a function of time) in the order of their ids.
pub async fn resources(state: &State, table: &str, filter: &str, limit: u64) -> Result<Vec<Resource>, ApiError> {
    read(state, table, filter, "id", limit).await
}

/// What differs, the newest first.
pub async fn newest(state: &State, limit: u64) -> Result<Vec<Resource>, ApiError> {
    read(state, "drift", "verdict NOT IN ('in_sync', 'unknown')", "since DESC, id", limit).await
}

async fn read(state: &State, table: &str, filter: &str, order: &str, limit: u64) -> Result<Vec<Resource>, ApiError> {
    decoded(&state.query(&first(table, filter, order, limit)).await?)
}

/// Asks for the first `limit` rows of `table` in that order. A row is large because of its differences:
/// which rows are the first is found without them, and only those are looked up as a whole.
fn first(table: &str, filter: &str, order: &str, limit: u64) -> String {
    let first = format!("FROM {table} WHERE {filter} ORDER BY {order} LIMIT {limit}");
    match table {
        "drift" => format!(
            "SELECT whole.* FROM drift AS whole JOIN (SELECT key AS first {first}) ON whole.key = first ORDER BY {order}"
        ),
        _ => format!("SELECT * {first}"),
    }
}

fn decoded(rows: &Rows) -> Result<Vec<Resource>, ApiError> {
    Ok(decode::<VerdictRow>(rows)?.into_iter().map(Resource::from).collect())
}

/// Refuses a table that may not be read.
pub fn readable(access: &Access, table: &str) -> Result<(), ApiError> {
    match access.rights.reads(table) {
        true => Ok(()),
        false => Err(ApiError::forbidden(format!("this token may not read the table {table}"))),
    }
}

/// The condition that keeps to the scopes that are asked for and may be seen.
pub fn within(access: &Access, scope: Option<&str>) -> Result<String, ApiError> {
    readable(access, "drift")?;
    match (&access.scopes, scope) {
        (None, None) => Ok("true".to_owned()),
        (None, Some(scope)) => Ok(format!("scope = {}", literal(scope))),
        (Some(allowed), Some(scope)) if allowed.iter().any(|known| known == scope) => {
            Ok(format!("scope = {}", literal(scope)))
        }
        (Some(_), Some(scope)) => Err(ApiError::forbidden(format!("this token may not see the scope {scope}"))),
        (Some(allowed), None) if allowed.is_empty() => Ok("false".to_owned()),
        (Some(allowed), None) => {
            let allowed: Vec<String> = allowed.iter().map(|scope| literal(scope)).collect();
            Ok(format!("scope IN ({})", allowed.join(", ")))
        }
    }
}
