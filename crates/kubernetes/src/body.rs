use base::DigestKey;
use model::Document;
use serde_json::{Map, Value};

use crate::mark::{MARK, mark};
use crate::schema::ApiKind;
use crate::{Canonical, Controllers, Origins, Side, hidden, rollout};

/// Members of a document that are none of the object: no name of a field begins so.
const ORIGINS: &str = "$origins";
const WAITING: &str = "$waiting";
const OWNED: &str = "$owned";
const SCHEMA: &str = "$schema";

/// Kinds and names of what a cluster makes by itself, and types of Secrets that tools keep.
const GENERATED: &[(&str, &str)] =
    &[("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"), ("Service", "kubernetes")];
const GENERATED_SECRETS: &[&str] =
    &["helm.sh/release.v1", "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"];

/// Labels that the server gives the pods of a Job.
const GENERATED_LABELS: &[&str] =
    &["batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name"];

/// An object in canonical form with what a comparison needs beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// The canonical tree.
    pub tree: Value,
    /// Where each field comes from.
    pub origins: Origins,
    /// Why its rollout is not over, for a workload whose pods still run an earlier version.
    pub waiting: Option<String>,
    /// Whether a controller or the cluster made it, so that nobody need declare it.
    pub owned: bool,
    /// Which version and schema its form is of: two forms of different ones cannot be compared.
    pub schema: String,
    /// The handle of the GitOps tool's object that applies it, by its marks, for one that is live.
    pub gitops: Option<String>,
}

impl Body {
    /// A tree of which nothing else is known.
    pub const fn of(tree: Value, origins: Origins) -> Self {
        Self { tree, origins, waiting: None, owned: false, schema: String::new(), gitops: None }
    }

    /// A manifest, or an object as the server gives it.
    pub fn read(mut object: Value, canonical: &Canonical<'_>, controllers: &Controllers) -> Self {
        leave_out_forced(&mut object);
        let (waiting, owned) = (rollout::waiting(&object), is_owned(&object));
        // What a manifest says of itself is not yet so.
        let live = object.pointer("/metadata/uid").is_some();
        let gitops = if live { mark(&object) } else { None };
        let kind = ApiKind::of(&object);
        let schema = canonical.schema.version(&kind);
        let (mut tree, origins) = canonical.read(object, controllers);
        hidden::hide(&mut tree, &kind.kind, canonical.key);
        Self { tree, origins, waiting, owned, schema, gitops }
    }

    /// As one document: the tree, with the rest in members of its own.
    pub fn into_document(self) -> Document {
        let mut members = match self.tree {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        members.insert(ORIGINS.to_owned(), serde_json::to_value(&self.origins).unwrap_or_default());
        if let Some(waiting) = self.waiting {
            members.insert(WAITING.to_owned(), waiting.into());
        }
        if self.owned {
            members.insert(OWNED.to_owned(), true.into());
        }
        if !self.schema.is_empty() {
            members.insert(SCHEMA.to_owned(), self.schema.into());
        }
        if let Some(handle) = self.gitops {
            members.insert(MARK.to_owned(), handle.into());
        }
        Document::new(Value::Object(members))
    }

    /// From such a document; nothing if it is not one of an object of Kubernetes.
    pub fn from_document(mut document: Value) -> Option<Self> {
        let members = document.as_object_mut()?;
        let origins = serde_json::from_value(members.remove(ORIGINS)?).ok()?;
        let waiting = members.remove(WAITING).and_then(|why| why.as_str().map(str::to_owned));
        let owned = members.remove(OWNED).is_some();
        let schema = members.remove(SCHEMA).and_then(|hash| hash.as_str().map(str::to_owned)).unwrap_or_default();
        let gitops = members.remove(MARK).and_then(|handle| handle.as_str().map(str::to_owned));
        Some(Self { tree: document, origins, waiting, owned, schema, gitops })
    }

    /// Whether it has a digest in a secret's place.
    pub fn holds_digest(&self) -> bool {
        holds_digest(&self.tree)
    }

    /// For a comparison.
    pub const fn side(&self) -> Side<'_> {
        Side { tree: &self.tree, origins: &self.origins }
    }
}

fn holds_digest(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            text.match_indices("keyed:").any(|(at, _)| DigestKey::is_digest(text.get(at..at + 38).unwrap_or_default()))
        }
        Value::Array(items) => items.iter().any(holds_digest),
        Value::Object(members) => members.values().any(holds_digest),
        _ => false,
    }
}

/// The server labels each namespace with its name, and lets nobody change that.
fn leave_out_forced(object: &mut Value) {
    if object.get("kind").is_some_and(|kind| kind == "Namespace")
        && let Some(Value::Object(labels)) = object.pointer_mut("/metadata/labels")
    {
        labels.remove("kubernetes.io/metadata.name");
    }
    like_its_template(object);
}

/// Where a Job or ReplicationController has no labels of its own the server gives it those of its
/// pods, and a ReplicationController selects them.
fn like_its_template(object: &mut Value) {
    let like = match object.get("kind").and_then(Value::as_str) {
        Some("Job") => &["/metadata"][..],
        Some("ReplicationController") => &["/metadata", "/spec"][..],
        _ => return,
    };
    let Some(mut labels) = object.pointer("/spec/template/metadata/labels").cloned() else { return };
    if let Value::Object(labels) = &mut labels {
        labels.retain(|name, _| !GENERATED_LABELS.contains(&name.as_str()));
    }
    for place in like {
        let member = if *place == "/spec" { "selector" } else { "labels" };
        if let Some(Value::Object(members)) = object.pointer_mut(place)
            && members.get(member) == Some(&labels)
        {
            members.remove(member);
        }
    }
}

fn is_owned(object: &Value) -> bool {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let controlled = owners.into_iter().flatten().any(|owner| owner.get("controller") == Some(&Value::Bool(true)));
    controlled
        || GENERATED.contains(&(text("/kind"), text("/metadata/name")))
        || (text("/kind") == "Secret" && GENERATED_SECRETS.contains(&text("/type")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schema;

    fn read(object: Value) -> Body {
        let key = DigestKey::from_bytes([1; 32]);
        Body::read(object, &Canonical { schema: Schema::builtin(), key: &key }, &Controllers::new(&[]))
    }

    #[test]
    fn a_body_comes_back_from_its_document() {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"},
            "metadata": {"name": "x", "ownerReferences": [{"controller": true, "name": "y"}]}});
        let body = read(object);
        assert!(body.owned);
        let document = body.clone().into_document();
        assert_eq!(document.tree()["data"], json!({"a": "b"}));
        assert_eq!(Body::from_document(document.tree().clone()), Some(body));
        assert_eq!(Body::from_document(json!({"mode": "0644"})), None);
    }

    #[test]
    fn what_a_cluster_makes_by_itself_is_owned() {
        for (kind, name, of, owned) in [
            ("ConfigMap", "kube-root-ca.crt", "", true),
            ("ConfigMap", "mine", "", false),
            ("Secret", "sh.helm.release.v1.web.v1", "helm.sh/release.v1", true),
            ("Secret", "password", "Opaque", false),
        ] {
            let object = json!({"apiVersion": "v1", "kind": kind, "type": of, "metadata": {"name": name}});
            assert_eq!(read(object).owned, owned, "{kind} {name}");
        }
    }
}
