use alertmanager::{Silence, SilenceError, SilenceState, WireMatcher};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State as With};
use axum::http::{HeaderMap, StatusCode};
use base::Timestamp;
use model::rows::SilenceRow;
use model::{Batch, Key};
use serde_json::{Value, json};

use super::Problem;
use super::alerts::{KEY, read};
use super::ask::Ask;
use super::wire::{GettableSilence, PostableSilence};
use crate::alerting::Alerting;
use crate::state::State;

/// `GET /api/v2/silences`
pub async fn list(With(state): With<State>, RawQuery(query): RawQuery) -> Result<Json<Vec<GettableSilence>>, Problem> {
    let (ask, now) = (Ask::parse(query.as_deref())?, state.clock.now());
    let wanted = |silence: &&Silence| {
        let state = match silence.state(now) {
            SilenceState::Active => ask.active,
            SilenceState::Pending => ask.pending,
            SilenceState::Expired => ask.expired,
        };
        state && matches(&ask, silence)
    };
    let engine = super::engine(&super::alerting(&state)?.engine)?;
    Ok(Json(engine.silences().list(now).into_iter().filter(wanted).map(|it| GettableSilence::of(it, now)).collect()))
}

/// `GET /api/v2/silence/{id}`
pub async fn get(With(state): With<State>, Path(id): Path<String>) -> Result<Json<GettableSilence>, Problem> {
    let now = state.clock.now();
    let engine = super::engine(&super::alerting(&state)?.engine)?;
    let silence = engine.silences().get(&id).ok_or_else(|| problem(SilenceError::NotFound(id)))?;
    Ok(Json(GettableSilence::of(silence, now)))
}

/// `POST /api/v2/silences`: a new one, or a change of the one with that id.
pub async fn post(
    With(state): With<State>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let (alerting, now) = (super::alerting(&state)?, state.clock.now());
    let posted = read::<PostableSilence>(&headers, body)?.read(now)?;
    let new_id = state.rng.uuid();
    let mut changed = String::new();
    change(alerting, &state, now, |silences| {
        let (id, rows) = silences.plan(posted, now, new_id)?;
        changed = id;
        Ok(rows)
    })
    .await?;
    Ok(Json(json!({ "silenceID": changed })))
}

/// `DELETE /api/v2/silence/{id}`: ends it; it stays listed for a while.
pub async fn delete(With(state): With<State>, Path(id): Path<String>) -> Result<(), Problem> {
    let (alerting, now) = (super::alerting(&state)?, state.clock.now());
    change(alerting, &state, now, |silences| Ok(silences.plan_end(&id, now)?.into_iter().collect())).await
}

/// Puts the silences on the log that a change makes, or makes others.
async fn change(
    alerting: &Alerting,
    state: &State,
    now: Timestamp,
    change: impl FnOnce(&alertmanager::Silences) -> Result<Vec<Silence>, SilenceError>,
) -> Result<(), Problem> {
    let _one_at_a_time = alerting.silencing.lock().await;
    let changed = change(super::engine(&alerting.engine)?.silences()).map_err(problem)?;
    let rows: Vec<SilenceRow> = changed.iter().map(|it| row(it, now)).collect();
    // Incidents are in every shard, and what mutes them is too.
    let batch = || Batch::of(KEY, &rows).map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error));
    if rows.is_empty() {
        return Ok(());
    }
    alerting.append(vec![batch()?], &state.clock).await.map_err(Problem::later)?;
    for shard in (0..alerting.log.shards()).filter(|shard| *shard != alerting.shard) {
        let appended = alerting.log.append(shard, vec![batch()?]).await;
        appended.map_err(Problem::later)?;
    }
    Ok(())
}

fn row(silence: &Silence, now: Timestamp) -> SilenceRow {
    let matchers: Vec<WireMatcher> = silence.matchers.as_slice().iter().map(WireMatcher::from).collect();
    SilenceRow {
        time: now,
        id: silence.id.clone(),
        key: Key::of(silence.id.as_bytes()),
        // Texts only: it cannot fail.
        matchers: serde_json::to_string(&matchers).unwrap_or_default(),
        starts_at: silence.starts_at,
        ends_at: silence.ends_at,
        created_by: silence.created_by.clone(),
        comment: silence.comment.clone(),
        annotations: silence.annotations.clone(),
    }
}

/// A filter names a matcher that the silence must have, to the letter. What that would match plays no part.
fn matches(ask: &Ask, silence: &Silence) -> bool {
    ask.filter.iter().all(|wanted| silence.matchers.as_slice().contains(wanted))
}

fn problem(error: SilenceError) -> Problem {
    let status = match error {
        SilenceError::NotFound(_) => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    };
    Problem::new(status, error)
}

#[cfg(test)]
mod tests {
    use alertmanager::{Matcher, PostedSilence, Silences};

    use super::*;

    #[test]
    fn a_filter_finds_silences_by_their_own_matchers() {
        let matchers = ["alertname=\"Down\"", "instance=~\"a|b\"", "team!=\"db\""];
        let posted = PostedSilence {
            matchers: matchers.iter().map(|text| Matcher::parse(text).unwrap()).collect(),
            ends_at: Timestamp::from_secs(100),
            ..PostedSilence::default()
        };
        let mut silences = Silences::default();
        silences.set(posted, Timestamp::ZERO, "one").unwrap();
        let found = |filters: &[&str]| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            filters.iter().for_each(|filter| _ = query.append_pair("filter", filter));
            matches(&Ask::parse(Some(&query.finish())).unwrap(), silences.get("one").unwrap())
        };
        assert!(found(&[]) && found(&matchers) && found(&["team!=db"]));
        for other in
            ["alertname=~\"Down\"", "alertname=~\"D.*\"", "alertname=\"Up\"", "instance=\"a\"", "team=\"db\"", "x=\"\""]
        {
            assert!(!found(&[other]) && !found(&["alertname=\"Down\"", other]), "{other}");
        }
    }
}
