use std::collections::BTreeSet;
use std::fmt::Write as _;

use base::DigestKey;
use desired::Manifest;
use kubernetes::schema::ApiKind;
use kubernetes::{Body, Canonical, Controllers, Known};
use serde_json::Value;

use super::Object;
use crate::yaml::ManifestError;

/// The group of files that tell kustomize what to do: they are no objects of a cluster.
const KUSTOMIZE: &str = "kustomize.config.k8s.io";

/// Helm runs these and they are gone.
const HOOK: &str = "helm.sh/hook";

/// What objects are declared for.
#[derive(Clone, Copy)]
pub struct Declaring<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The namespace of objects that name none and have one.
    pub namespace: &'a str,
    /// What is known of kinds.
    pub known: &'a Known,
    /// For digests of secrets.
    pub key: &'a DigestKey,
}

/// What a file declares.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// The resources. Of a kind of which nobody knows yet whether it is in a namespace, those that
    /// name none are left out.
    pub manifests: Vec<Manifest>,
    /// All kinds, those that are left out included.
    pub kinds: BTreeSet<ApiKind>,
}

/// Objects as manifests; `file` is what they and errors call the file.
///
/// # Errors
/// Names the object that cannot be declared.
pub fn declare(objects: &[Object], file: &str, with: &Declaring<'_>) -> Result<Declared, Vec<ManifestError>> {
    let (mut declared, mut errors) = (Declared::default(), Vec::new());
    let controllers = Controllers::new(&[]);
    for object in objects.iter().filter(|object| object.group() != KUSTOMIZE && !is_hook(object)) {
        let kind = ApiKind::of(&object.value);
        let manifest =
            namespace(object, &kind, with).map(|namespace| manifest(object, &kind, namespace, with, &controllers));
        match manifest {
            Some(Ok(manifest)) => declared.manifests.push(Manifest { file: Some(file.to_owned()), ..manifest }),
            Some(Err(problem)) => errors.push(ManifestError {
                file: file.to_owned(),
                line: object.line,
                column: 1,
                key: Some("metadata".to_owned()),
                problem,
            }),
            None => {}
        }
        declared.kinds.insert(kind);
    }
    if errors.is_empty() { Ok(declared) } else { Err(errors) }
}

fn is_hook(object: &Object) -> bool {
    object.value.pointer("/metadata/annotations").is_some_and(|annotations| annotations.get(HOOK).is_some())
}

/// The namespace of an object, empty for one in none; nothing while nobody knows.
fn namespace<'a>(object: &'a Object, kind: &ApiKind, with: &Declaring<'a>) -> Option<&'a str> {
    let own = object.namespace();
    match with.known.namespaced(kind) {
        Some(false) => Some(""),
        Some(true) if own.is_empty() => Some(with.namespace),
        Some(true) => Some(own),
        None if !own.is_empty() => Some(own),
        None => with.known.unserved.contains(kind).then_some(""),
    }
}

fn manifest(
    object: &Object,
    kind: &ApiKind,
    namespace: &str,
    with: &Declaring<'_>,
    controllers: &Controllers,
) -> Result<Manifest, String> {
    let id = kubernetes::id(with.cluster, kind, namespace, object.name()).map_err(|error| error.to_string())?;
    let canonical = Canonical { schema: &with.known.schema, key: with.key };
    let body = Body::read(object.value.clone(), &canonical, controllers);
    let mut lines = String::new();
    write_lines(object, &body.tree, &mut String::new(), 0, &mut lines);
    Ok(Manifest { id, document: body.into_document(), text: Some(lines), file: None, line: Some(object.line) })
}

/// `12 /spec/replicas`: the line of each field that is in another one than what it is in.
fn write_lines(object: &Object, value: &Value, path: &mut String, above: u64, out: &mut String) {
    let line = object.line_of(path);
    if line != above {
        let _ = writeln!(out, "{line} {path}");
    }
    let Value::Object(members) = value else { return };
    for (name, member) in members {
        let length = path.len();
        path.push('/');
        path.push_str(&name.replace('~', "~0").replace('/', "~1"));
        write_lines(object, member, path, line, out);
        path.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    const TEXT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: app
          image: nginx:1.27
---
apiVersion: x.io/v1
kind: Widget
metadata: {name: one}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, namespace: nonsense}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: pre-upgrade}}
";

    fn declared(known: &Known) -> Declared {
        let key = DigestKey::from_bytes([1; 32]);
        let with = Declaring { cluster: "prod", namespace: "shop", known, key: &key };
        declare(&read(TEXT, "web.yaml").unwrap(), "web.yaml", &with).unwrap()
    }

    fn ids(declared: &Declared) -> Vec<&str> {
        declared.manifests.iter().map(|manifest| manifest.id.as_str()).collect()
    }

    #[test]
    fn objects_have_their_namespace_and_wait_where_nobody_knows_it() {
        let mut known = Known::default();
        let first = declared(&known);
        assert_eq!(ids(&first), ["k8s/prod/apps.Deployment/shop/web", "k8s/prod/Namespace//shop"]);
        assert_eq!(first.kinds.len(), 3);
        let widget = first.kinds.iter().find(|kind| kind.kind == "Widget").unwrap().clone();
        known.unserved.insert(widget.clone());
        assert_eq!(ids(&declared(&known))[1], "k8s/prod/x.io.Widget//one");
        known.namespaced.insert(widget, true);
        assert_eq!(ids(&declared(&known))[1], "k8s/prod/x.io.Widget/shop/one");
    }

    #[test]
    fn each_field_has_its_line() {
        let declared = declared(&Known::default());
        let lines = declared.manifests[0].text.as_deref().unwrap();
        assert!(lines.contains("9 /spec/template/spec/containers/name=app/image\n"), "{lines}");
        assert!(lines.starts_with("1 \n"), "{lines}");
        assert!(!lines.contains("/metadata/name"), "the name is no field");
    }
}
