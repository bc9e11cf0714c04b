use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kubernetes::schema::ApiKind;
use kubernetes::{Body, Known};
use model::ResourceId;
use serde_json::{Map, Value};

use crate::captured::{self, Layout, WriteError, Written};
use crate::yaml::emit;

/// Writes objects as manifests below `dir`, a file each: what somebody must declare, without status,
/// defaults and what controllers fill in, so that they are in sync at once. What an earlier call
/// wrote of the cluster and is gone is removed, where it is of one of the `kinds` that were looked at.
///
/// # Errors
/// See [`WriteError`]; files that were written before stay.
pub fn write(
    dir: &Path,
    objects: &[(ResourceId, ApiKind, Body)],
    kinds: &BTreeSet<String>,
    known: &Known,
) -> Result<Written, WriteError> {
    let mut layout = Layout::default();
    let mut files: Vec<(PathBuf, String)> = objects
        .iter()
        .map(|(id, kind, body)| (layout.object(id), manifest(&known.schema.manifest(kind, id, body))))
        .collect();
    files.sort();
    captured::put(dir, &files, |path| kind(path).is_some_and(|kind| kinds.iter().any(|other| file_kind(other) == kind)))
}

/// The kind in the name of a file that was written.
fn kind(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()?.split('-').next()
}

/// `deployment` of `apps.Deployment`.
fn file_kind(kind: &str) -> String {
    kind.rsplit('.').next().unwrap_or_default().to_lowercase()
}

/// An object as YAML.
fn manifest(object: &Value) -> String {
    let mut out = String::new();
    if let Value::Object(object) = object {
        members(object, 0, &mut out);
    }
    out
}

fn members(object: &Map<String, Value>, depth: usize, out: &mut String) {
    // As people write them: what it is, its name, the rest.
    let first = ["apiVersion", "kind", "metadata", "name", "namespace"];
    let rank = |name: &str| first.iter().position(|other| *other == name).unwrap_or(first.len());
    let mut sorted: Vec<(&String, &Value)> = object.iter().collect();
    sorted.sort_by_key(|(name, _)| (rank(name), *name));
    for (name, value) in sorted {
        member(&emit::scalar(name), value, depth, out);
    }
}

fn member(key: &str, value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(object) if !object.is_empty() => {
            out.push_str(&format!("{indent}{key}:\n"));
            members(object, depth + 1, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push_str(&format!("{indent}{key}:\n"));
            items.iter().for_each(|item| self::item(item, depth + 1, out));
        }
        Value::String(text) => {
            let mut lines = String::new();
            emit::text(key, text, &mut lines);
            for line in lines.split_inclusive('\n') {
                out.push_str(if line == "\n" { "" } else { &indent });
                out.push_str(line);
            }
        }
        other => out.push_str(&format!("{indent}{key}: {}\n", emit::flow(other))),
    }
}

fn item(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            let mut text = String::new();
            members(object, depth + 1, &mut text);
            // The dash stands in the indentation of the first member.
            let dash = 2 * depth;
            text.replace_range(dash..dash + 1, "-");
            out.push_str(&text);
        }
        other => out.push_str(&format!("{}- {}\n", "  ".repeat(depth), emit::flow(other))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read;
    use super::*;

    #[test]
    fn a_manifest_is_read_back_as_it_was() {
        let object = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"on": "off", "n": "0644"}},
            "spec": {"replicas": 2, "paused": false, "empty": {}, "none": [], "cpu": "100m", "args": ["--a=b", "", "multi\nline\n"],
                "containers": [{"name": "app", "command": ["sh", "-c", "echo 'hi'; exit 0"], "ports": [{"containerPort": 80}]}],
                "script": "#!/bin/sh\n\n  echo \"x\"\n", "tabs": "\tx\ny", "nested": [["a"], {"b": [1, 2.5, null]}]}});
        let text = manifest(&object);
        assert!(
            text.starts_with("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels:\n"),
            "{text}"
        );
        assert!(text.contains("    - name: app\n      command:\n"), "{text}");
        assert_eq!(read(&text, "web.yaml").unwrap()[0].value, object, "{text}");
    }
}
