use std::collections::BTreeMap;
use std::path::Path;

use base::DigestKey;
use kubernetes::schema::{ApiKind, Schema};
use kubernetes::{Body, Canonical, Controllers, Side, judge};
use model::{ResourceId, Verdict};
use serde_json::Value;
use sources::kubernetes_manifest::{Object, read};

use super::Files;
use crate::AppError;
use crate::report::{Entry, Report};

/// The scope of objects that come from files.
const SCOPE: &str = "files";

/// Group, kind, namespace and name.
type Name = (String, String, String, String);

/// Compares files of Kubernetes objects.
///
/// # Errors
/// Names the file, line and key that cannot be read.
pub(super) fn diff(files: &Files<'_>, key: &DigestKey) -> Result<Report, AppError> {
    let load = |path: &Path| -> Result<Vec<Object>, AppError> {
        let text = std::fs::read_to_string(path).map_err(|error| AppError::file(path, error))?;
        read(&text, &path.display().to_string()).map_err(|errors| super::manifest(&errors))
    };
    let (desired, live) = (load(files.desired)?, load(files.live)?);
    let previous = files.previous.map(load).transpose()?.unwrap_or_default();
    let schema = schema(files.schema, desired.iter().chain(&live))?;
    let canonical = Canonical { schema: &schema, key };
    let controllers = Controllers::new(&[]);
    let seen = |object: &Object| Body::read(object.value.clone(), &canonical, &controllers);
    let (index, past) = (index(&live), index(&previous));
    let mut report = Report::default();
    for object in &desired {
        let of = |index: &BTreeMap<Name, &Object>| find(index, object).map(&seen);
        let declared = seen(object);
        let earlier = of(&past);
        let earlier: Vec<Side<'_>> = earlier.iter().map(Body::side).collect();
        let (verdict, mut fields) = match of(&index) {
            Some(live) => judge(declared.side(), live.side(), &earlier),
            None => (Verdict::Missing, Vec::new()),
        };
        *report.summary.entry(verdict.to_string()).or_default() += 1;
        if verdict != Verdict::InSync {
            fields.iter_mut().for_each(|field| field.line = i64::try_from(object.line_of(&field.path)).ok());
            let line = fields.first().and_then(|field| field.line).or_else(|| i64::try_from(object.line).ok());
            report.resources.push(Entry {
                id: id(object)?.to_string(),
                verdict: verdict.to_string(),
                file: Some(files.desired.display().to_string()),
                line,
                fields,
                ..Entry::default()
            });
        }
    }
    Ok(report)
}

fn name(object: &Object) -> Name {
    let parts = [object.group(), object.kind(), object.namespace(), object.name()].map(str::to_owned);
    parts.into()
}

fn index(objects: &[Object]) -> BTreeMap<Name, &Object> {
    objects.iter().map(|object| (name(object), object)).collect()
}

/// The object of that name; one without a namespace was applied into the one that the client chose.
fn find<'a>(index: &BTreeMap<Name, &'a Object>, object: &Object) -> Option<&'a Object> {
    let wanted = name(object);
    if let Some(found) = index.get(&wanted) {
        return Some(found);
    }
    let same = |found: &&&Object| {
        (found.group(), found.kind(), found.name()) == (object.group(), object.kind(), object.name())
    };
    let mut found = index.values().filter(same).filter(|_| object.namespace().is_empty());
    found.next().filter(|_| found.next().is_none()).copied()
}

fn id(object: &Object) -> Result<ResourceId, AppError> {
    let id = kubernetes::id(SCOPE, &ApiKind::of(&object.value), object.namespace(), object.name());
    id.map_err(|error| AppError::Manifest { problems: error.to_string() })
}

/// The built-in schema with that of the file: definitions of custom resources, an OpenAPI v3
/// document, or the `openAPIV3Schema` of the one kind that is not built in.
fn schema<'a>(path: Option<&Path>, objects: impl Iterator<Item = &'a Object>) -> Result<Schema, AppError> {
    let mut schema = Schema::builtin().clone();
    let Some(path) = path else { return Ok(schema) };
    let wrong = |problem: String| AppError::file(path, problem);
    let text = std::fs::read_to_string(path).map_err(|error| AppError::file(path, error))?;
    if let Ok(document) = serde_json::from_str::<Value>(&text)
        && document.get("kind").is_none()
    {
        if document.get("components").is_some() {
            schema.add_openapi(&document).map_err(|error| wrong(error.to_string()))?;
        } else {
            let kinds = objects
                .map(|object| ApiKind { api_version: object.api_version().to_owned(), kind: object.kind().to_owned() });
            let unknown: Vec<ApiKind> = kinds.filter(|kind| Schema::builtin().kind(kind).is_none()).collect();
            unknown.into_iter().for_each(|kind| schema.add_kind(kind, &document));
        }
        return Ok(schema);
    }
    for object in read(&text, &path.display().to_string()).map_err(|errors| super::manifest(&errors))? {
        if object.kind() != "CustomResourceDefinition" {
            let problem =
                format!("line {}: a {} is no schema: CustomResourceDefinitions are", object.line, object.kind());
            return Err(wrong(problem));
        }
        schema.add_definition(&object.value).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(schema)
}
