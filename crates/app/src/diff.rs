mod kubernetes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base::DigestKey;
use desired::Manifest;
use folds::drift::compare::{self, Side};
use model::{FieldChange, FieldReason, ResourceId, Verdict};
use serde_json::Value;
use sources::host_manifest::{ManifestError, Parsed, Reading, Secrets, read};
use sources::kubernetes_manifest::is_kubernetes;

use crate::AppError;
use crate::report::{Entry, Report};

/// The files of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// What is declared.
    pub desired: &'a Path,
    /// What is live.
    pub live: &'a Path,
    /// What was declared before.
    pub previous: Option<&'a Path>,
    /// Of Kubernetes objects: what the kinds are that are not built in.
    pub schema: Option<&'a Path>,
}

/// Compares files without a running Steadfast: what is declared against what is live, and where
/// they differ, against what was declared before. Host manifests, or objects of Kubernetes.
///
/// # Errors
/// Names the file, line and key that cannot be read.
pub fn diff(files: &Files<'_>) -> Result<Report, AppError> {
    let key = DigestKey::generate().map_err(|error| AppError::file("/dev/urandom", error))?;
    let text = std::fs::read_to_string(files.desired).map_err(|error| AppError::file(files.desired, error))?;
    if is_kubernetes(&text) { kubernetes::diff(files, &key) } else { hosts(files, key) }
}

fn hosts(files: &Files<'_>, key: DigestKey) -> Result<Report, AppError> {
    let secrets = crate::keys::secrets(key, &[])?;
    let (desired, live) = (load(files.desired, &secrets)?, load(files.live, &secrets)?);
    let previous = files.previous.map(|path| load(path, &secrets)).transpose()?.unwrap_or_default();
    let (declared, live, earlier) = (index(&desired), index(&live), index(&previous));
    let ids: BTreeSet<&ResourceId> = declared.keys().chain(live.keys()).copied().collect();
    let mut report = Report::default();
    for id in ids {
        let case = (declared.get(id).copied(), live.get(id).copied(), earlier.get(id).copied());
        let Some((verdict, fields)) = judge(id, case, &desired) else { continue };
        *report.summary.entry(verdict.to_string()).or_default() += 1;
        if verdict != Verdict::InSync {
            let place = declared.get(id).or(earlier.get(id));
            report.resources.push(Entry {
                id: id.to_string(),
                verdict: verdict.to_string(),
                file: place.and_then(|manifest| manifest.file.clone()),
                line: place.and_then(|manifest| manifest.line).and_then(|line| i64::try_from(line).ok()),
                fields,
                ..Entry::default()
            });
        }
    }
    Ok(report)
}

type Index<'a> = BTreeMap<&'a ResourceId, &'a Manifest>;

fn index(parsed: &Parsed) -> Index<'_> {
    parsed.manifests.iter().map(|manifest| (&manifest.id, manifest)).collect()
}

fn judge(
    id: &ResourceId,
    case: (Option<&Manifest>, Option<&Manifest>, Option<&Manifest>),
    desired: &Parsed,
) -> Option<(Verdict, Vec<FieldChange>)> {
    let whole = |reason, declared: Option<&Manifest>, live: Option<&Manifest>| {
        let tree =
            |manifest: Option<&Manifest>| manifest.map_or(Value::Null, |manifest| manifest.document.tree().clone());
        vec![FieldChange {
            path: String::new(),
            reason,
            declared: tree(declared),
            live: tree(live),
            diff: None,
            owner: None,
            actor: None,
            line: None,
            since: None,
            commit: None,
        }]
    };
    Some(match case {
        (Some(declared), None, _) => (Verdict::Missing, whole(FieldReason::Absent, Some(declared), None)),
        (None, Some(live), Some(past)) => (Verdict::Undeclared, whole(FieldReason::LeftOver, Some(past), Some(live))),
        (None, Some(live), None) => {
            let places = desired.managed.get(id.scope()).into_iter().flatten();
            let managed =
                places.into_iter().any(|place| place.kind == id.kind() && id.name().starts_with(&place.prefix));
            return managed.then(|| (Verdict::Unmanaged, whole(FieldReason::Undeclared, None, Some(live))));
        }
        (Some(declared), Some(live), past) => agree(declared, live, past),
        (None, None, _) => return None,
    })
}

fn agree(declared: &Manifest, live: &Manifest, past: Option<&Manifest>) -> (Verdict, Vec<FieldChange>) {
    let mut fields = compare::compare(side(declared), side(live));
    if fields.is_empty() {
        return (Verdict::InSync, fields);
    }
    if fields.iter().all(|field| field.reason == FieldReason::Unseen) {
        return (Verdict::Unknown, fields);
    }
    let Some(past) = past else { return (Verdict::Modified, fields) };
    let other: BTreeSet<String> =
        compare::compare(side(past), side(live)).into_iter().map(|field| field.path).collect();
    let seen = |field: &&mut FieldChange| field.reason != FieldReason::Unseen;
    for field in fields.iter_mut().filter(seen).filter(|field| !other.contains(&field.path)) {
        field.reason = FieldReason::Behind;
    }
    let behind = fields.iter().all(|field| matches!(field.reason, FieldReason::Behind | FieldReason::Unseen));
    (if behind { Verdict::Behind } else { Verdict::Modified }, fields)
}

fn side(manifest: &Manifest) -> Side<'_> {
    Side { document: manifest.document.tree(), text: manifest.text.as_deref() }
}

fn load(path: &Path, secrets: &Secrets) -> Result<Parsed, AppError> {
    let text = std::fs::read_to_string(path).map_err(|error| AppError::file(path, error))?;
    let beside = path.parent().map(Path::to_owned).unwrap_or_default();
    let include = |name: &str| std::fs::read(beside.join(name)).map_err(|error| error.to_string());
    let reading = Reading { secrets, include: &include, default_host: None, private: true };
    read(&text, &path.display().to_string(), &reading).map_err(|errors| manifest(&errors))
}

fn manifest(errors: &[ManifestError]) -> AppError {
    let problems: Vec<String> = errors.iter().map(ToString::to_string).collect();
    AppError::Manifest { problems: problems.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_the_manifests_is_shown_texts_that_are_kept_from_others_but_no_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, word: &str| {
            let path = folder.path().join(name);
            let file = |path: &str| format!("host: web-1\nfile: {path}\nmode: \"0640\"\ncontent: |\n  one\n  {word}\n");
            std::fs::write(&path, format!("{}---\n{}", file("/etc/app.conf"), file("/etc/shadow"))).unwrap();
            path
        };
        let (desired, live) = (write("desired.yaml", "two"), write("live.yaml", "swordfish"));
        let report = diff(&Files { desired: &desired, live: &live, previous: None, schema: None }).unwrap();
        let found: Vec<_> =
            report.resources.iter().map(|entry| (&*entry.id, entry.fields[0].diff.as_deref())).collect();
        let lines = "--- declared\n+++ live\n@@ -1,2 +1,2 @@\n one\n-two\n+swordfish\n";
        assert_eq!(found, [("host/web-1/file//etc/app.conf", Some(lines)), ("host/web-1/file//etc/shadow", None)]);
    }
}
