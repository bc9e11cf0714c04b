//! Objects as manifests: what somebody must declare for a live one to be as it is, and what somebody
//! has declared.

use model::ResourceId;
use serde_json::{Map, Value};

use crate::Body;
use crate::origins::{Node, Origins};
use crate::schema::{ApiKind, Schema, Shape};

impl Schema {
    /// The manifest of a live object: its declared members, with lists as lists, without what is
    /// filled in by the server, admission or controllers.
    pub fn manifest(&self, kind: &ApiKind, id: &ResourceId, body: &Body) -> Value {
        self.written(kind, id, &body.tree, Writer { schema: self, origins: Some(&body.origins) })
    }

    /// A manifest that says what a canonical tree says, with lists as lists. Which order a keyed list or
    /// a set was written in is not known any more: here it is that of its keys.
    pub fn declared(&self, kind: &ApiKind, id: &ResourceId, tree: &Value) -> Value {
        self.written(kind, id, tree, Writer { schema: self, origins: None })
    }

    fn written(&self, kind: &ApiKind, id: &ResourceId, tree: &Value, writer: Writer<'_>) -> Value {
        let of = self.kind(kind).map_or(Shape::Any, Shape::Object);
        let all = Node::One(0);
        let root = writer.origins.map_or(&all, Origins::root);
        let mut object = match writer.value(tree, root, &of, &[]) {
            Some(Value::Object(members)) => members,
            _ => Map::new(),
        };
        object.insert("apiVersion".to_owned(), kind.api_version.as_str().into());
        object.insert("kind".to_owned(), kind.kind.as_str().into());
        let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        metadata["name"] = id.name().into();
        if !id.namespace().is_empty() {
            metadata["namespace"] = id.namespace().into();
        }
        Value::Object(object)
    }
}

struct Writer<'a> {
    schema: &'a Schema,
    /// Without, nothing is left out.
    origins: Option<&'a Origins>,
}

impl Writer<'_> {
    /// What of a value somebody declared; `keys`: members that stay, since they name the item.
    fn value(&self, value: &Value, node: &Node, of: &Shape, keys: &[String]) -> Option<Value> {
        if let (Node::One(source), Some(origins)) = (node, self.origins)
            && origins.get(*source).is_excused()
        {
            return None;
        }
        Some(match value {
            Value::Object(members) => self.members(members, node, of, keys)?,
            Value::Array(items) => {
                let item_shape = if let Shape::Atomic(item) = of { item } else { &Shape::Any };
                let item = |(n, item): (usize, &Value)| {
                    // A list without keys is whole or is not there: an item that is left out would move the others.
                    let node = node.member(&n.to_string())?;
                    Some(self.value(item, node, item_shape, &[]).unwrap_or_else(|| item.clone()))
                };
                Value::Array(items.iter().enumerate().filter_map(item).collect())
            }
            other => other.clone(),
        })
    }

    fn members(&self, members: &Map<String, Value>, node: &Node, of: &Shape, keys: &[String]) -> Option<Value> {
        let any = Shape::Any;
        let named = !members.is_empty() && members.iter().all(|(name, item)| is_named(name, item));
        let list = match of {
            Shape::Set(item) => Some((item.as_ref(), [].as_slice())),
            Shape::Keyed(keys, item) => Some((item.as_ref(), keys.as_slice())),
            Shape::Any if named => Some((&any, [].as_slice())),
            _ => None,
        };
        let Some((item_shape, keys_of_items)) = list else {
            let kept: Map<String, Value> = members
                .iter()
                .filter_map(|(name, member)| {
                    let shape = match of {
                        Shape::Map(item) => item,
                        Shape::Object(id) => self.schema.get(*id).field(name).map_or(&any, |field| &field.shape),
                        _ => &any,
                    };
                    let kept = node.member(name).and_then(|node| self.value(member, node, shape, &[]));
                    let kept = kept.or_else(|| keys.contains(name).then(|| member.clone()))?;
                    Some((name.clone(), kept))
                })
                .collect();
            // Of `emptyDir: {sizeLimit: ...}` the member itself is what was declared.
            return (!kept.is_empty() || members.is_empty() || matches!(of, Shape::Object(_)))
                .then_some(Value::Object(kept));
        };
        let items =
            members.iter().filter_map(|(name, item)| self.value(item, node.member(name)?, item_shape, keys_of_items));
        let items: Vec<Value> = items.collect();
        (!items.is_empty()).then_some(Value::Array(items))
    }
}

/// Whether that is an item of a list that no schema knows: `name=app` for `{name: app}`.
fn is_named(name: &str, item: &Value) -> bool {
    let own = |(key, value): (&str, &str)| item.get(key).and_then(Value::as_str) == Some(value);
    name.split_once('=').is_some_and(own)
}

#[cfg(test)]
mod tests {
    use base::DigestKey;
    use model::Verdict;
    use serde_json::json;

    use super::*;
    use crate::{Canonical, Controllers, judge};

    const CASES: &str = include_str!("../tests/cases.json");

    #[test]
    fn what_is_written_of_a_live_object_is_in_sync_with_it() {
        let key = DigestKey::from_bytes([1; 32]);
        let cases: Value = serde_json::from_str(CASES).unwrap();
        let (mut written, mut wrong) = (0, Vec::new());
        for case in cases["cases"].as_array().unwrap().iter().filter(|case| case["live"].is_object()) {
            let (live, kind) = (&case["live"], ApiKind::of(&case["live"]));
            let mut schema = Schema::builtin().clone();
            if let Some(shape) = case.get("schema") {
                schema.add_kind(kind.clone(), shape);
            }
            let canonical = Canonical { schema: &schema, key: &key };
            let read = |object: &Value| Body::read(object.clone(), &canonical, &Controllers::new(&[]));
            let body = read(live);
            let id = crate::id("x", &kind, "ns", "name").unwrap();
            let manifest = schema.manifest(&kind, &id, &body);
            assert!(manifest.get("status").is_none() && manifest["metadata"].get("uid").is_none());
            let (verdict, fields) = judge(read(&manifest).side(), body.side(), &[]);
            // Of a Secret only digests are known.
            if verdict != Verdict::InSync && kind.kind != "Secret" {
                wrong.push(format!("{} {}: {fields:?}\n{manifest:#}", case["id"], kind.kind));
            }
            written += 1;
        }
        assert!(written > 40 && wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_declared_object_comes_back_from_its_manifest() {
        let key = DigestKey::from_bytes([1; 32]);
        let cases: Value = serde_json::from_str(CASES).unwrap();
        let mut written = 0;
        for case in cases["cases"].as_array().unwrap().iter().filter(|case| case["desired"].is_object()) {
            let (declared, kind) = (&case["desired"], ApiKind::of(&case["desired"]));
            let mut schema = Schema::builtin().clone();
            if let Some(shape) = case.get("schema") {
                schema.add_kind(kind.clone(), shape);
            }
            let canonical = Canonical { schema: &schema, key: &key };
            let read = |object: &Value| Body::read(object.clone(), &canonical, &Controllers::new(&[]));
            let body = read(declared);
            if body.holds_digest() {
                continue;
            }
            let id = crate::id("x", &kind, "ns", "name").unwrap();
            let manifest = schema.declared(&kind, &id, &body.tree);
            assert_eq!(read(&manifest).tree, body.tree, "{} {}: {manifest:#}", case["id"], kind.kind);
            written += 1;
        }
        assert!(written > 40, "{written}");
    }

    #[test]
    fn declared_defaults_stay_and_members_with_an_equals_sign_are_no_list() {
        let key = DigestKey::from_bytes([1; 32]);
        let canonical = Canonical { schema: Schema::builtin(), key: &key };
        let object = json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "one"},
            "spec": {"flags": {"name=app": {"on": true}}, "parts": [{"name": "b", "n": 1}, {"name": "a"}]}});
        let (kind, id) = (ApiKind::of(&object), "k8s/x/example.org.Widget//one".parse().unwrap());
        let body = Body::read(object.clone(), &canonical, &Controllers::new(&[]));
        let written = Schema::builtin().declared(&kind, &id, &body.tree);
        assert_eq!(written["spec"]["flags"], object["spec"]["flags"]);
        assert_eq!(written["spec"]["parts"], json!([{"name": "a"}, {"name": "b", "n": 1}]));
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"sessionAffinity": "None", "ports": [{"port": 80}]}});
        let (kind, id) = (ApiKind::of(&service), "k8s/x/Service/shop/web".parse().unwrap());
        let body = Body::read(service, &canonical, &Controllers::new(&[]));
        let written = Schema::builtin().declared(&kind, &id, &body.tree);
        assert_eq!(written["spec"]["sessionAffinity"], "None");
        assert_eq!(written["spec"]["ports"], json!([{"port": 80, "protocol": "TCP"}]));
    }

    #[test]
    fn defaults_are_left_out_and_keyed_lists_are_lists() {
        let key = DigestKey::from_bytes([1; 32]);
        let canonical = Canonical { schema: Schema::builtin(), key: &key };
        let live = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "uid": "u"},
            "spec": {"clusterIP": "10.0.0.7", "type": "ClusterIP", "sessionAffinity": "None", "selector": {"app": "web"},
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]}});
        let (kind, body) = (ApiKind::of(&live), Body::read(live, &canonical, &Controllers::new(&[])));
        let id = crate::id("x", &kind, "shop", "web").unwrap();
        let expected = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "TCP"}]}});
        assert_eq!(Schema::builtin().manifest(&kind, &id, &body), expected);
    }
}
