use std::time::Duration;

use alertmanager::webhook::{Body, Notification, order};
use alertmanager::{Alert, Labels, PostedAlert, Reason, accept, merge, succeed};
use serde::Deserialize;

use super::{at, cases, labels};

#[derive(Deserialize)]
struct Cases {
    accept: Vec<Accept>,
    merge: Vec<Merge>,
}

/// An alert that comes at second 100; the resolve timeout is 300 s.
#[derive(Deserialize)]
struct Accept {
    name: String,
    labels: String,
    starts: Option<i64>,
    ends: Option<i64>,
    /// Labels, start, end, and whether that is the timeout.
    accepted: Option<(String, i64, i64, bool)>,
    error: Option<String>,
}

/// Start, end, when it came, and whether it ends by timeout.
type Version = (i64, i64, i64, bool);

/// Two versions of an alert, and both as one at second 100.
#[derive(Deserialize)]
struct Merge {
    name: String,
    old: Version,
    new: Version,
    merged: (i64, i64),
    /// What is held then; the same, unless the versions do not overlap.
    held: Option<(i64, i64)>,
}

fn alert(labels: Labels, (starts, ends, updated, timeout): Version) -> Alert {
    Alert {
        labels,
        annotations: Labels::new(),
        starts_at: at(starts),
        ends_at: at(ends),
        updated_at: at(updated),
        generator_url: String::new(),
        timeout,
    }
}

#[test]
fn a_posted_alert_is_completed_then_checked() {
    for case in cases::<Cases>("alerts").accept {
        let (starts_at, ends_at) = (case.starts.map(at), case.ends.map(at));
        let posted = PostedAlert { labels: labels(&case.labels), starts_at, ends_at, ..PostedAlert::default() };
        match (accept(posted, at(100), Duration::from_secs(300)), case.accepted, case.error) {
            (Ok(accepted), Some((names, starts, ends, timeout)), None) => {
                assert_eq!(accepted, alert(labels(&names), (starts, ends, 100, timeout)), "{}", case.name);
            }
            (Err(error), None, Some(expected)) => assert_eq!(error.to_string(), expected, "{}", case.name),
            (result, ..) => panic!("{}: {result:?}", case.name),
        }
    }
}

#[test]
fn two_versions_become_one() {
    for case in cases::<Cases>("alerts").merge {
        let (old, new) = (alert(labels("a=1"), case.old), alert(labels("a=1"), case.new));
        let (starts, ends) = case.merged;
        let merged = merge(&old, &new, at(100));
        assert_eq!((merged.starts_at, merged.ends_at), (at(starts), at(ends)), "{}", case.name);
        assert_eq!(merge(&new, &old, at(100)), merged, "{}, the other way round", case.name);
        let (starts, ends) = case.held.unwrap_or(case.merged);
        let held = succeed(&old, new, at(100));
        assert_eq!((held.starts_at, held.ends_at), (at(starts), at(ends)), "{}, held", case.name);
    }
}

#[test]
fn labels_without_bounds_are_refused() {
    let many: Labels = (0..300).map(|n| (format!("l{n}"), "x".to_owned())).collect();
    let long: Labels = [("a".to_owned(), "x".repeat(1 << 20))].into();
    for (labels, annotations) in
        [(many.clone(), Labels::new()), (long.clone(), Labels::new()), (labels("a=1"), long), (labels("a=1"), many)]
    {
        let posted = PostedAlert { labels, annotations, ..PostedAlert::default() };
        assert!(
            accept(posted, at(0), Duration::ZERO).unwrap_err().to_string().contains("exceeds the limit alert_label")
        );
    }
}

#[test]
fn a_webhook_gets_body_version_4() {
    let (group_labels, route_labels) = (labels("alertname=X"), labels("team=db"));
    let notification = Notification {
        group_key: "{}:{alertname=\"X\"}",
        receiver: "team.x",
        group_labels: &group_labels,
        route_labels: &route_labels,
        external_url: "http://here",
        reason: Reason::NewAlerts,
        now: at(100),
    };
    let mut alerts =
        ["alertname=X job=b", "alertname=X job=a instance=2", "alertname=X job=a instance=1", "alertname=X z=1"]
            .map(|text| alert(labels(text), (0, 1000, 0, false)));
    alerts[2].ends_at = at(50);
    alerts.sort_by(|a, b| order(&a.labels, &b.labels));
    let order: Vec<_> = alerts.iter().map(|alert| alert.labels.get("instance").map_or("", String::as_str)).collect();
    assert_eq!(order, ["1", "2", "", ""]);
    assert!(alerts[2].labels.contains_key("job"), "who has no job comes last");
    let body = serde_json::to_value(Body::new(&notification, &alerts, 2)).unwrap();
    let expected = serde_json::json!({
        "version": "4",
        "groupKey": "{}:{alertname=\"X\"}",
        "truncatedAlerts": 2,
        "status": "firing",
        "receiver": "team\\.x",
        "groupLabels": {"alertname": "X"},
        "commonLabels": {"alertname": "X"},
        "commonAnnotations": {},
        "routeLabels": {"team": "db"},
        "externalURL": "http://here",
        "notification_reason": "new alerts added",
        "alerts": [
            {"status": "resolved", "labels": {"alertname": "X", "job": "a", "instance": "1"}, "annotations": {}, "generatorURL": "",
             "startsAt": "2023-11-14T22:13:20Z", "endsAt": "2023-11-14T22:14:10Z", "fingerprint": alerts[0].fingerprint().to_string()},
            {"status": "firing", "labels": {"alertname": "X", "job": "a", "instance": "2"}, "annotations": {}, "generatorURL": "",
             "startsAt": "2023-11-14T22:13:20Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": alerts[1].fingerprint().to_string()},
        ],
    });
    assert_eq!(body, expected);
    assert_eq!(Body::new(&notification, &alerts, 0).alerts.len(), 4);
}
