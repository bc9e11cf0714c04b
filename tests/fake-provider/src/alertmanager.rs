//! Alertmanager's webhook, version 4: `notify/webhook` and `template.Data`.

use serde_json::Value;

use crate::contract::{Checked, is_time};

const TEXTS: [&str; 4] = ["receiver", "externalURL", "groupKey", "status"];
const MAPS: [&str; 3] = ["groupLabels", "commonLabels", "commonAnnotations"];

pub(crate) fn check(body: &Value) -> Checked {
    let mut checked = Checked::default();
    if body["version"] != "4" {
        checked.breach("version is not \"4\"");
    }
    for name in TEXTS {
        if !body[name].is_string() {
            checked.breach(format!("{name} is no text"));
        }
    }
    for name in MAPS {
        map_of_texts(&mut checked, name, &body[name]);
    }
    if !body["truncatedAlerts"].is_u64() {
        checked.breach("truncatedAlerts is no count");
    }
    let alerts = body["alerts"].as_array().map_or(&[][..], Vec::as_slice);
    if alerts.is_empty() {
        checked.breach("there is no alert");
    }
    for alert in alerts {
        self::alert(&mut checked, alert);
    }
    let firing = alerts.iter().any(|alert| alert["status"] == "firing");
    let expected = if firing { "firing" } else { "resolved" };
    if body["status"] != expected {
        checked.breach(format!("status is {}, its alerts are {expected}", body["status"]));
    }
    common(&mut checked, alerts, body);
    checked.key = body["groupKey"].as_str().map(ToOwned::to_owned);
    checked.action = Some(if firing { "trigger" } else { "resolve" }.to_owned());
    checked
}

fn alert(checked: &mut Checked, alert: &Value) {
    map_of_texts(checked, "labels", &alert["labels"]);
    map_of_texts(checked, "annotations", &alert["annotations"]);
    if alert["labels"]["alertname"].as_str().is_none_or(str::is_empty) {
        checked.breach("an alert has no alertname");
    }
    let print = alert["fingerprint"].as_str().unwrap_or_default();
    if print.len() != 16 || !print.bytes().all(|b| b.is_ascii_hexdigit()) {
        checked.breach(format!("a fingerprint is {print:?}"));
    }
    let time = |name: &str| alert[name].as_str().filter(|text| is_time(text));
    if time("startsAt").is_none() {
        checked.breach("startsAt is no time");
    }
    let never = alert["endsAt"] == "0001-01-01T00:00:00Z";
    match alert["status"].as_str() {
        Some("firing") if never => {}
        Some("resolved") if !never && time("endsAt").is_some() => {}
        status => checked.breach(format!("an alert is {status:?} and ends at {}", alert["endsAt"])),
    }
    if !alert["generatorURL"].is_string() {
        checked.breach("generatorURL is no text");
    }
}

/// What is said to be common is in every alert; group labels are common.
fn common(checked: &mut Checked, alerts: &[Value], body: &Value) {
    for (list, of) in [("commonLabels", "labels"), ("groupLabels", "labels"), ("commonAnnotations", "annotations")] {
        for (name, value) in body[list].as_object().into_iter().flatten() {
            if alerts.iter().any(|alert| alert[of].get(name) != Some(value)) {
                checked.breach(format!("{list} has {name}, which not every alert has"));
            }
        }
    }
}

fn map_of_texts(checked: &mut Checked, name: &str, map: &Value) {
    if !map.as_object().is_some_and(|map| map.values().all(Value::is_string)) {
        checked.breach(format!("{name} is no map of texts"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body() -> Value {
        json!({
            "version": "4", "receiver": "r", "externalURL": "", "groupKey": "k", "status": "firing",
            "groupLabels": {}, "commonLabels": {"alertname": "A"}, "commonAnnotations": {}, "truncatedAlerts": 0,
            "alerts": [{
                "status": "firing", "labels": {"alertname": "A"}, "annotations": {}, "generatorURL": "",
                "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "0123456789abcdef",
            }],
        })
    }

    #[test]
    fn each_breach_is_found() {
        assert_eq!(check(&body()).violations, Vec::<String>::new());
        let cases = [
            ("/version", json!("3")),
            ("/groupKey", json!(1)),
            ("/truncatedAlerts", json!("0")),
            ("/commonLabels", json!({"alertname": "B"})),
            ("/groupLabels", json!({"x": "y"})),
            ("/status", json!("resolved")),
            ("/alerts/0/fingerprint", json!("0123")),
            ("/alerts/0/startsAt", json!("now")),
            ("/alerts/0/endsAt", json!("2026-01-01T00:00:00Z")),
            ("/alerts/0/annotations", json!({"n": 1})),
        ];
        for (pointer, value) in cases {
            let mut body = body();
            *body.pointer_mut(pointer).unwrap() = value;
            let violations = check(&body).violations;
            assert_eq!(violations.len(), 1, "{pointer}: {violations:?}");
        }
        assert!(!check(&json!([])).violations.is_empty());
    }
}
