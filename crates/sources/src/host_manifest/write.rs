use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use model::{Document, ResourceId};
use secrecy::Names;
use serde_json::{Map, Value};

use super::read::{Parsed, Reading, read};
use super::schema::{self, FILES, KINDS, Kind};
use super::secrets::Secrets;
use crate::captured::{self, Layout, WriteError, Written};
use crate::yaml::emit;

/// A resource as it is live: its id, its canonical document, and the text behind its digest.
pub type Resource = (ResourceId, Document, Option<String>);

/// Writes `resources` as manifests below `dir`: a YAML file for each file, and one for each group of
/// small resources of a host. The same resources give the same files, whatever their order.
/// `kinds` are those that were looked at: what an earlier call wrote for resources of them that are
/// gone is removed. Makes `dir` a Git repository if it is in none, and commits nothing.
///
/// # Errors
/// See [`WriteError`]; files that were written before stay.
pub fn write(dir: &Path, resources: &[Resource], kinds: &[&str]) -> Result<Written, WriteError> {
    captured::put(dir, &render(resources)?, |path| kind(path).is_none_or(|kind| kinds.contains(&kind)))
}

/// The files that [`write()`] writes and their text, ordered by path.
///
/// # Errors
/// If a resource is not one of a host.
pub fn render(resources: &[Resource]) -> Result<Vec<(PathBuf, String)>, WriteError> {
    let mut sorted: Vec<&Resource> = resources.iter().collect();
    sorted.sort_unstable_by_key(|(id, ..)| id);
    sorted.dedup_by_key(|(id, ..)| id);
    let mut layout = Layout::default();
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    let mut groups: BTreeMap<(&str, &str), (&'static Kind, String)> = BTreeMap::new();
    let mut rest: BTreeMap<&str, String> = BTreeMap::new();
    for resource in sorted {
        let id = &resource.0;
        if id.provider() != "host" {
            return Err(WriteError::Provider(id.clone()));
        }
        let host = id.scope_name();
        let kind = KINDS.iter().find(|kind| (kind.kind, kind.namespace) == (id.kind(), id.namespace()));
        let short = kind.and_then(|kind| Some((kind, group_entry(kind, resource)?)));
        match short {
            Some((kind, text)) if kind.kind == FILES.kind => files.push((layout.file(id), text)),
            Some((kind, text)) => groups.entry((host, kind.group)).or_insert((kind, String::new())).1.push_str(&text),
            None => rest.entry(host).or_default().push_str(&long_entry(resource)?),
        }
    }
    for ((host, group), (kind, text)) in groups {
        files.push((layout.group(host, group), format!("{}{text}", head(host, kind.group))));
    }
    for (host, text) in rest {
        files.push((layout.group(host, "resources"), format!("{}{text}", head(host, "resources"))));
    }
    files.sort();
    Ok(files)
}

fn head(host: &str, group: &str) -> String {
    format!("host: {}\n{group}:\n", emit::scalar(host))
}

/// The short form, if it says all that there is: a document for a file, an entry else.
fn group_entry(kind: &Kind, resource: &Resource) -> Option<String> {
    let (id, document, _) = resource;
    let members = document.tree().as_object()?;
    if members.keys().any(|name| !kind.fields.iter().any(|field| field.name == name)) {
        return None;
    }
    let text = if kind.kind == FILES.kind { file_document(resource, members) } else { entry(kind, id, members) };
    let whole = if kind.kind == FILES.kind { text.clone() } else { head(id.scope_name(), kind.group) + &text };
    same(resource, &whole).ok().map(|()| text)
}

fn file_document((id, _, text): &Resource, members: &Map<String, Value>) -> String {
    let mut out =
        format!("host: {}\nfile: {}\n", emit::scalar(id.scope_name()), emit::scalar(&format!("/{}", id.name())));
    let digest = members.get("digest").and_then(Value::as_str);
    let text =
        text.as_ref().filter(|text| digest == Some(&format!("blake3:{}", blake3::hash(text.as_bytes()).to_hex())));
    for field in FILES.fields.iter().filter(|field| field.name != "digest" || text.is_none()) {
        if let Some(value) = members.get(field.name) {
            let _ = writeln!(out, "{}: {}", field.name, emit::flow(value));
        }
    }
    if let Some(text) = text {
        emit::text("content", text, &mut out);
    }
    out
}

fn entry(kind: &Kind, id: &ResourceId, members: &Map<String, Value>) -> String {
    let mut out = String::new();
    match kind.short.and_then(|field| members.get(field)) {
        Some(Value::String(text)) if members.len() == 1 => {
            let _ = writeln!(out, "  {}: {}", emit::scalar(id.name()), emit::scalar(text));
        }
        _ => {
            let fields = kind.fields.iter().filter_map(|field| Some((field.name, members.get(field.name)?)));
            emit::entry(id.name(), fields, &mut out);
        }
    }
    out
}

/// The long form, which holds any document.
fn long_entry(resource: &Resource) -> Result<String, WriteError> {
    let (id, document, text) = resource;
    let quote = |text: &str| Value::from(text).to_string();
    let mut out = format!("  - kind: {}\n", emit::scalar(id.kind()));
    if !id.namespace().is_empty() {
        let _ = writeln!(out, "    namespace: {}", emit::scalar(id.namespace()));
    }
    let _ = writeln!(out, "    name: {}\n    document: {}", emit::scalar(id.name()), document.to_json());
    if let Some(text) = text {
        let _ = writeln!(out, "    text: {}", quote(text));
    }
    let whole = head(id.scope_name(), "resources") + &out;
    same(resource, &whole).map_err(|problem| WriteError::Lossy { id: id.clone(), problem })?;
    Ok(out)
}

/// Whether the reader makes of `text` what was written.
fn same((id, document, _): &Resource, text: &str) -> Result<(), String> {
    // Secrets are digests already, and a digest stays what it is.
    let secrets = Secrets::new(base::DigestKey::from_bytes([0; 32]), Names::new(&[])?);
    let include = |path: &str| Err(format!("{path}: nothing is included here"));
    let reading = Reading { secrets: &secrets, include: &include, default_host: None, private: false };
    let Parsed { manifests, .. } = read(text, "manifest", &reading)
        .map_err(|errors| errors.first().map(ToString::to_string).unwrap_or_default())?;
    match manifests.as_slice() {
        [only] if only.id == *id && only.document == *document => Ok(()),
        _ => Err("it is read as another resource".to_owned()),
    }
}

/// The kind of the resources in a manifest; nothing if they may be of any.
fn kind(path: &Path) -> Option<&'static str> {
    let mut parts = path.components();
    parts.next();
    let name = parts.as_path();
    if name.starts_with("files") {
        return Some(FILES.kind);
    }
    let group = name.file_stem()?.to_str()?.split('-').next()?;
    schema::group(group).map(|kind| kind.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_the_kind_of_what_is_in_it() {
        let kind = |path: &str| super::kind(Path::new(path));
        assert_eq!((kind("a/files/etc/users.yaml"), kind("a/users.yaml")), (Some("file"), Some("user")));
        assert_eq!((kind("a/rpm_packages.yaml"), kind("a/resources.yaml")), (Some("package"), None));
    }
}
