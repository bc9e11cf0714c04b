//! `Kustomization` and `HelmRelease` of Flux: the API references of its kustomize and helm controllers have their fields.

use serde_json::Value;

use super::{Neighbour, Origin, Tool, text};

pub(super) fn kustomization(namespace: String, name: String, object: &Value) -> Neighbour {
    let source = |member: &str| text::at(object, &format!("/spec/sourceRef/{member}"));
    let of = match source("namespace") {
        empty if empty.is_empty() => namespace.clone(),
        other => other,
    };
    let attempted = text::at(object, "/status/lastAttemptedRevision");
    let applied = text::at(object, "/status/lastAppliedRevision");
    let revision = if attempted.is_empty() { applied.clone() } else { attempted };
    let commit = commit(&revision).filter(|_| source("kind") == "GitRepository");
    let url = format!("{of}/{}", source("name"));
    let origin = Origin { url, path: text::at(object, "/spec/path"), commit };
    neighbour(Tool::Flux, (namespace, name), object, (revision, &applied), vec![origin])
}

pub(super) fn release(namespace: String, name: String, object: &Value) -> Neighbour {
    let attempted = text::at(object, "/status/lastAttemptedRevision");
    let mut applied = text::at(object, "/status/lastAppliedRevision");
    if applied.is_empty() {
        // Of version 2 the newest release is the first.
        applied = text::at(object, "/status/history/0/chartVersion");
    }
    let revision = if attempted.is_empty() { applied.clone() } else { attempted };
    neighbour(Tool::FluxHelm, (namespace, name), object, (revision, &applied), Vec::new())
}

fn neighbour(
    tool: Tool,
    (namespace, name): (String, String),
    object: &Value,
    (revision, applied): (String, &str),
    sources: Vec<Origin>,
) -> Neighbour {
    let ready = condition(object, "Ready");
    let suspended = object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true);
    let sync = match ready {
        _ if suspended => "Suspended",
        Some("True") => "Ready",
        Some("False") => "NotReady",
        _ => "Unknown",
    };
    let health = match condition(object, "Healthy") {
        Some("True") => "Healthy",
        Some("False") => "Degraded",
        _ => "",
    };
    // One that has failed says so; what it has tried then stays another than what it has applied.
    let under_way = !revision.is_empty() && revision != applied && ready != Some("False");
    let applying = !suspended && (condition(object, "Reconciling") == Some("True") || under_way);
    let handle = format!("{}:{namespace}/{name}", tool.as_str());
    let (sync, health) = (sync.to_owned(), health.to_owned());
    Neighbour { tool, namespace, name, handle, sync, health, revision, sources, applying }
}

/// The status of a condition.
fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    let conditions = text::list(object, "/status/conditions");
    let found = conditions.iter().find(|condition| condition.get("type").and_then(Value::as_str) == Some(name));
    found.and_then(|condition| condition.get("status")).and_then(Value::as_str)
}

/// The commit of `main@sha1:HASH`, `sha1:HASH`, or `main/HASH` as older versions say.
fn commit(revision: &str) -> Option<String> {
    let last = revision.rsplit([':', '/']).next().unwrap_or_default();
    text::commit(last)
}
