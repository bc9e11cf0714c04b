//! Alerts as they are posted: what is accepted is complete, and versions become one in any order.

use std::time::Duration;

use alertmanager::{Alert, Labels, PostedAlert, accept, merge, succeed};
use base::Timestamp;
use serde_json::Value;

use crate::{input, seeds};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const TIMEOUT: Duration = Duration::from_secs(300);

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::of(&[
        r#"[{"labels":{"alertname":"A","x":""},"annotations":{"summary":"s"},"startsAt":"2023-11-14T22:13:20Z","generatorURL":"http://x"}]"#,
        r#"[{"labels":{"a":"b"},"endsAt":"2023-11-14T22:13:10Z"},{"labels":{"a":"b"},"startsAt":"2023-11-14T22:13:00Z","endsAt":"2023-11-14T23:00:00Z"}]"#,
        r#"[{"labels":{}},{"labels":{"":"x"}},{"labels":{"a":"b"},"annotations":{"":"x"}}]"#,
    ]);
    seeds.push(seeds::growing("[", r#"{"labels":{"a":"b"}},"#, r#"{"labels":{"a":"b"}}]"#));
    seeds
}

pub fn run(data: &[u8]) {
    let Ok(Value::Array(posted)) = serde_json::from_slice(&input::grown(data)) else { return };
    let mut alerts: Vec<Alert> = Vec::new();
    for (n, posted) in posted.iter().enumerate() {
        let now = NOW.plus(Duration::from_secs(n as u64 % 7));
        let Ok(alert) = accept(read(posted), now, TIMEOUT) else { continue };
        assert!(alert.ends_at >= alert.starts_at && !alert.labels.is_empty());
        assert!(alert.labels.iter().all(|(name, value)| !name.is_empty() && !value.is_empty()));
        assert_eq!(alert.fingerprint(), alertmanager::fingerprint(&alert.labels));
        assert_eq!(merge(&alert, &alert, now), alert);
        alerts.push(alert);
    }
    for pair in alerts.windows(2) {
        let [a, b] = pair else { continue };
        let merged = merge(a, b, NOW);
        if a.updated_at != b.updated_at {
            assert_eq!(merge(b, a, NOW), merged, "{a:?}\n{b:?}");
        }
        assert!(merged.starts_at <= a.starts_at && merged.starts_at <= b.starts_at);
        let kept = succeed(a, b.clone(), NOW);
        assert!(kept == *b || kept == merged, "{kept:?}");
    }
}

fn read(posted: &Value) -> PostedAlert {
    let labels = |name: &str| -> Labels {
        let members = posted.get(name).and_then(Value::as_object).into_iter().flatten();
        members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    };
    let time = |name: &str| posted.get(name).and_then(Value::as_str).and_then(|text| Timestamp::nearest(text).ok());
    PostedAlert {
        labels: labels("labels"),
        annotations: labels("annotations"),
        starts_at: time("startsAt"),
        ends_at: time("endsAt"),
        generator_url: posted.get("generatorURL").and_then(Value::as_str).unwrap_or_default().to_owned(),
    }
}
