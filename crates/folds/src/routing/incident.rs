//! Our own incidents as alerts.

use std::sync::Arc;

use alertmanager::{Alert, Labels};
use base::Timestamp;
use model::AlertState;
use model::rows::Alert as Incident;

use crate::alert::Evidence;
use crate::outbox;

/// The alert that stands for an incident. Its labels are those of the incident with `alertname`,
/// `severity`, `scope`, `cause` and `incident`; the last makes them its own. It keeps the name under which it began.
pub(super) fn alert(row: &Incident, began_as: Option<String>) -> Alert {
    let mut labels: Labels = row.labels.clone();
    let evidence: Evidence = serde_json::from_str(&row.evidence).unwrap_or_default();
    let own = [
        ("alertname", began_as.unwrap_or_else(|| notify::alertname(evidence.symptoms.first()))),
        ("severity", row.severity.to_string()),
        ("scope", row.scope.clone()),
        ("cause", row.cause.clone()),
        ("incident", row.incident.clone()),
    ];
    labels.extend(own.map(|(name, value)| (name.to_owned(), value)));
    let texts = [
        ("summary", Some(row.summary.clone())),
        ("diff", evidence.symptoms.first().and_then(|symptom| symptom.diff.clone())),
        ("commit", evidence.revision),
        ("author", evidence.author),
    ];
    let annotations = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect();
    let is_over = row.state == AlertState::Resolved;
    Alert {
        labels,
        annotations,
        starts_at: row.since,
        ends_at: if is_over { row.time } else { Timestamp::MAX },
        updated_at: row.time,
        generator_url: String::new(),
        timeout: false,
    }
}

/// What is told of an incident, whoever it is told to.
pub(super) fn body(row: &Incident, link_base: Option<&str>) -> Arc<str> {
    let notification = outbox::notification(row, link_base);
    // Strings and numbers only: it cannot fail.
    serde_json::to_string(&notification).unwrap_or_default().into()
}
