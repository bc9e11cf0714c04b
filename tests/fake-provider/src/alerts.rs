//! Alertmanager as Prometheus sees it: `POST /api/v2/alerts`.

use base::Timestamp;
use serde_json::Value;

use crate::contract::Checked;

pub(crate) fn check(body: &Value) -> Checked {
    let mut checked = Checked::default();
    let alerts = body.as_array().map_or(&[][..], Vec::as_slice);
    if alerts.is_empty() {
        checked.breach("there is no alert");
    }
    for alert in alerts {
        checked.fields(alert, "an alert", &["labels", "annotations", "startsAt", "endsAt", "generatorURL"]);
        let labels = alert["labels"].as_object().cloned().unwrap_or_default();
        let named = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let good = |(name, value): (&String, &Value)| named(name) && value.as_str().is_some_and(|v| !v.is_empty());
        if !labels.contains_key("alertname") || !labels.iter().all(good) {
            checked.breach(format!("labels are {labels:?}"));
        }
        let time = |field: &str| alert[field].as_str().and_then(|text| text.parse::<Timestamp>().ok());
        if time("startsAt").is_none() || time("startsAt") > time("endsAt") {
            checked.breach("it ends before it starts");
        }
    }
    checked
}
