//! `Application` of Argo CD (argoproj.io/v1alpha1): `docs/operator-manual/application.yaml` of Argo CD has its fields.

use serde_json::Value;

use super::{Neighbour, Origin, Tool, text};

pub(super) fn application(namespace: String, name: String, object: &Value) -> Neighbour {
    let status = |pointer: &str| text::at(object, &format!("/status/{pointer}"));
    // Outside of the namespace of the controller the name alone would not be unique.
    let controller = status("controllerNamespace");
    let instance =
        if controller.is_empty() || controller == namespace { name.clone() } else { format!("{namespace}_{name}") };
    let asked = asked(object);
    let sources = sources(object).into_iter().enumerate().map(|(n, source)| Origin {
        url: text::at(&source, "/repoURL"),
        path: text::at(&source, "/path"),
        commit: asked.get(n).and_then(|revision| text::commit(revision)),
    });
    let sync = status("sync/status");
    Neighbour {
        tool: Tool::ArgoCd,
        handle: format!("{}:{instance}", Tool::ArgoCd.as_str()),
        namespace,
        name,
        sync: if sync.is_empty() { "Unknown".to_owned() } else { sync },
        health: status("health/status"),
        revision: asked.first().cloned().unwrap_or_default(),
        sources: sources.collect(),
        applying: applying(object),
    }
}

/// Its one source, or its several.
fn sources(object: &Value) -> Vec<Value> {
    let many = text::list(object, "/spec/sources");
    if many.is_empty() { object.pointer("/spec/source").cloned().into_iter().collect() } else { many.to_vec() }
}

/// The revisions, by source, that it was last asked to apply as a whole: by the sync that runs or ran last, else by the last that is in its history.
fn asked(object: &Value) -> Vec<String> {
    let last = object.pointer("/status/operationState").filter(|state| is_whole(state));
    let synced = last.and_then(|state| state.pointer("/syncResult")).map(revisions).unwrap_or_default();
    if !synced.is_empty() {
        return synced;
    }
    text::list(object, "/status/history").last().map(revisions).unwrap_or_default()
}

/// Whether it applies everything, and not only shows what it would do.
fn is_whole(state: &Value) -> bool {
    let sync = |member: &str| state.pointer("/operation/sync").and_then(|sync| sync.get(member));
    let some = sync("resources").and_then(Value::as_array).is_some_and(|some| !some.is_empty());
    !some && sync("dryRun").and_then(Value::as_bool) != Some(true)
}

fn revisions(of: &Value) -> Vec<String> {
    let many = text::list(of, "/revisions").iter().map(|revision| text::clean(revision.as_str().unwrap_or_default()));
    let many: Vec<String> = many.collect();
    let one = text::at(of, "/revision");
    if many.is_empty() && !one.is_empty() { vec![one] } else { many }
}

/// Whether an operation waits or runs.
fn applying(object: &Value) -> bool {
    let dry = |sync: &str| object.pointer(&format!("{sync}/dryRun")).and_then(Value::as_bool) == Some(true);
    let waits = object.pointer("/operation/sync").is_some_and(Value::is_object) && !dry("/operation/sync");
    let phase = text::at(object, "/status/operationState/phase");
    waits || (matches!(phase.as_str(), "Running" | "Terminating") && !dry("/status/operationState/operation/sync"))
}
