use axum::Json;
use axum::extract::{RawQuery, State as With};

use super::Problem;
use super::ask::Ask;
use super::wire::AlertGroup;
use crate::state::State;

/// `GET /api/v2/alerts/groups`
pub async fn get(With(state): With<State>, RawQuery(query): RawQuery) -> Result<Json<Vec<AlertGroup>>, Problem> {
    let (ask, now) = (Ask::parse(query.as_deref())?, state.clock.now());
    let wanted = |alert: &alertmanager::Alert| ask.matches(&alert.labels);
    let mut groups = super::alerting(&state)?.engine.read().groups(now, |receiver| ask.wants(receiver), wanted);
    for group in &mut groups {
        group.alerts.retain(|view| {
            let status = &view.status;
            (ask.active || status.is_suppressed())
                && (ask.silenced || status.silenced_by.is_empty())
                && (ask.inhibited || status.inhibited_by.is_empty())
                && (ask.muted || status.muted_by.is_empty())
        });
    }
    groups.retain(|group| !group.alerts.is_empty());
    Ok(Json(groups.into_iter().map(AlertGroup::from).collect()))
}
