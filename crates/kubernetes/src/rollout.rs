//! Whether the pods of a workload are those of its present template, by its status, as `kubectl
//! rollout status` reads it. How many of them are available is their health and no drift.

use serde_json::Value;

/// Why the rollout of a live object is not over; nothing if it is, or if it has none.
pub(crate) fn waiting(object: &Value) -> Option<String> {
    let kind = object.get("kind").and_then(Value::as_str)?;
    let status = object.get("status")?;
    let number = |member: &str| status.get(member).and_then(Value::as_i64).unwrap_or_default();
    let ours = object.get("apiVersion").is_none_or(|version| version.as_str().is_some_and(|v| v.starts_with("apps/")));
    if !ours || !matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet") {
        return None;
    }
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64)?;
    if number("observedGeneration") < generation {
        return Some("its controller has not seen the change yet".to_owned());
    }
    let on_delete = object.pointer("/spec/updateStrategy/type").is_some_and(|kind| kind == "OnDelete");
    let (updated, all) = match kind {
        "Deployment" => (number("updatedReplicas"), number("replicas")),
        "DaemonSet" if !on_delete => (number("updatedNumberScheduled"), number("currentNumberScheduled")),
        "StatefulSet" if !on_delete => {
            let partition = object.pointer("/spec/updateStrategy/rollingUpdate/partition").and_then(Value::as_i64);
            // Those below the partition are to stay as they are.
            let stay = partition.unwrap_or_default().clamp(0, number("replicas"));
            let same = status.get("currentRevision") == status.get("updateRevision");
            (if same { number("replicas") } else { number("updatedReplicas") + stay }, number("replicas"))
        }
        _ => return None,
    };
    let old = all - updated;
    (old > 0).then(|| format!("{old} of {all} pods run an earlier version"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rollout_is_over_when_no_pod_is_of_an_earlier_template() {
        let deployment = |status: Value| json!({"kind": "Deployment", "metadata": {"generation": 2}, "status": status});
        let old = "1 of 4 pods run an earlier version";
        for (status, expected) in [
            (json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3}), None),
            (json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 0}), None),
            (json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 3}), Some(old)),
            (
                json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3}),
                Some("its controller has not seen the change yet"),
            ),
        ] {
            assert_eq!(waiting(&deployment(status.clone())).as_deref(), expected, "{status}");
        }
    }

    #[test]
    fn sets_have_their_own_numbers() {
        let of = |kind: &str, spec: Value, status: Value| {
            waiting(&json!({"kind": kind, "metadata": {"generation": 1}, "spec": spec, "status": status}))
        };
        let revisions = |updated: i64| json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": updated, "currentRevision": "a", "updateRevision": "b"});
        assert!(of("StatefulSet", json!({}), revisions(1)).is_some());
        assert!(of("StatefulSet", json!({}), revisions(3)).is_none());
        let partition = json!({"updateStrategy": {"rollingUpdate": {"partition": 2}}});
        assert!(of("StatefulSet", partition, revisions(1)).is_none());
        let daemons = json!({"observedGeneration": 1, "updatedNumberScheduled": 1, "currentNumberScheduled": 2});
        assert!(of("DaemonSet", json!({}), daemons.clone()).is_some());
        assert!(of("DaemonSet", json!({"updateStrategy": {"type": "OnDelete"}}), daemons).is_none());
        assert!(of("Service", json!({}), json!({})).is_none());
    }
}
