//! The one form for all objects that say the same.
//!
//! What the server keeps for itself is gone, as are nulls and empty lists and maps; quantities have
//! one text; secrets are keyed digests. A keyed list is an object whose members are named by their
//! keys (`name=app`, `port=80,protocol=TCP`), a set one whose members are named by their values, so
//! that order does not matter and nobody needs the schema to compare. An array is a list that is
//! compared as a whole.

use std::fmt::Write as _;

use base::DigestKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

use crate::quantity;
use crate::schema::{ApiKind, Schema, Shape, TypeId};

/// Members of `metadata` that the server keeps, and those that name the object.
const METADATA: &[&str] = &[
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
    "name",
    "namespace",
    "generateName",
];

/// Whole manifests, with the secrets in them, that tools leave in the object.
const COPIES: &[&str] = &["kubectl.kubernetes.io/last-applied-configuration", "kapp.k14s.io/original"];

/// Objects whose members are quantities where no schema says so, in custom resources.
const QUANTITIES: &[&str] = &["limits", "requests", "capacity", "hard", "nominalQuota", "allocatable"];

/// Members that tell the items of a list apart where no schema says so.
const NAMES: &[&str] = &["name", "id", "key"];

/// How deep an object may be nested: what is deeper is kept as it is.
const DEPTH: usize = 128;

/// Makes canonical trees.
#[derive(Clone, Copy)]
pub struct Canonical<'a> {
    /// What is known of types.
    pub schema: &'a Schema,
    /// For the values of secrets.
    pub key: &'a DigestKey,
}

impl Canonical<'_> {
    /// The type of the object.
    pub(crate) fn type_of(&self, object: &Value) -> Option<TypeId> {
        self.schema.kind(&ApiKind::of(object))
    }

    /// An object of that type in canonical form, without its version, kind and name.
    pub(crate) fn object(&self, mut object: Value, of: Option<TypeId>) -> Value {
        let is = |member: &str, text: &str| object.get(member).is_some_and(|value| value == text);
        let secret = is("kind", "Secret") && is("apiVersion", "v1");
        if let Some(members) = object.as_object_mut() {
            for member in ["apiVersion", "kind", "status"] {
                members.remove(member);
            }
            if let Some(metadata) = members.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.retain(|member, _| !METADATA.contains(&member.as_str()));
                if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                    annotations.retain(|name, _| !COPIES.contains(&name.as_str()));
                }
            }
            if secret {
                self.secret(members);
            }
        }
        let shape = of.map_or(Shape::Any, Shape::Object);
        self.value(object, &shape, false, 0).unwrap_or_else(|| Value::Object(Map::new()))
    }

    /// The values of a Secret as digests; `stringData` is what becomes `data`.
    fn secret(&self, members: &mut Map<String, Value>) {
        let mut digests = Map::new();
        for (member, encoded) in [("data", true), ("stringData", false)] {
            let Some(Value::Object(values)) = members.remove(member) else { continue };
            for (name, value) in values {
                let text = value.as_str().unwrap_or_default();
                let bytes = if encoded { decode(text) } else { None };
                let digest = self.key.digest(&bytes.unwrap_or_else(|| text.as_bytes().to_vec()));
                digests.insert(name, Value::String(digest));
            }
        }
        members.insert("data".to_owned(), Value::Object(digests));
    }

    /// A value of that shape in canonical form; `None` for what says the same as nothing.
    pub(crate) fn canonical_value(&self, value: Value, shape: &Shape) -> Option<Value> {
        self.value(value, shape, false, 0)
    }

    fn value(&self, value: Value, shape: &Shape, quantities: bool, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return Some(value);
        }
        match (value, shape) {
            (Value::Null, _) => None,
            (Value::Object(members), shape) => self.members(members, shape, quantities, depth),
            (Value::Array(items), shape) => self.items(items, shape, depth),
            (scalar, shape) => {
                let quantity = *shape == Shape::Quantity
                    || (quantities && matches!(shape, Shape::Any | Shape::String | Shape::IntOrString));
                Some(if quantity { as_quantity(scalar) } else { plain(scalar, shape) })
            }
        }
    }

    fn members(&self, mut members: Map<String, Value>, shape: &Shape, quantities: bool, depth: usize) -> Option<Value> {
        members.retain(|name, value| {
            let hint = quantities || QUANTITIES.contains(&name.as_str());
            let field = if let Shape::Object(id) = shape { self.schema.get(*id).field(name) } else { None };
            let of = match shape {
                // An item has a name already if this was canonical before.
                Shape::Map(item) | Shape::Set(item) | Shape::Keyed(_, item) => item,
                _ => field.map_or(&Shape::Any, |field| &field.shape),
            };
            let Some(canonical) = self.value(value.take(), of, hint, depth + 1) else { return false };
            let kept = !field.is_some_and(|field| field.is_dropped(&canonical));
            *value = canonical;
            kept
        });
        // Of an object with known members, being there may be the whole meaning: `emptyDir: {}`.
        let empty_is_nothing = matches!(shape, Shape::Map(_) | Shape::Set(_) | Shape::Keyed(..));
        (!members.is_empty() || !empty_is_nothing).then_some(Value::Object(members))
    }

    fn items(&self, items: Vec<Value>, shape: &Shape, depth: usize) -> Option<Value> {
        if items.is_empty() {
            return None;
        }
        let any = Shape::Any;
        let item_shape = match shape {
            Shape::Atomic(item) | Shape::Set(item) | Shape::Keyed(_, item) => item,
            _ => &any,
        };
        let item = |value| self.value(value, item_shape, false, depth + 1).unwrap_or(Value::Null);
        let items: Vec<Value> = items.into_iter().map(item).collect();
        Some(match shape {
            Shape::Set(_) => Value::Object(items.into_iter().map(|item| (step(&item), item)).collect()),
            Shape::Keyed(keys, _) => self.keyed(items, keys, item_shape),
            Shape::Any => match NAMES.iter().find(|name| tells_apart(&items, name)) {
                Some(name) => self.keyed(items, &[(*name).to_owned()], item_shape),
                None => Value::Array(items),
            },
            _ => Value::Array(items),
        })
    }

    /// Of items with the same key the last counts, as it does for the kubelet.
    fn keyed(&self, mut items: Vec<Value>, keys: &[String], shape: &Shape) -> Value {
        let Some(names) = items.iter_mut().map(|item| self.name(item, keys, shape)).collect::<Option<Vec<_>>>() else {
            return Value::Array(items);
        };
        Value::Object(names.into_iter().zip(items).collect())
    }

    /// `port=80,protocol=TCP`; a key that is absent is filled in.
    fn name(&self, item: &mut Value, keys: &[String], shape: &Shape) -> Option<String> {
        let members = item.as_object_mut()?;
        let mut name = String::new();
        for key in keys {
            if !members.contains_key(key) {
                let Shape::Object(id) = shape else { return None };
                let default = self.schema.get(*id).field(key)?.default.clone()?;
                members.insert(key.clone(), default);
            }
            let comma = if name.is_empty() { "" } else { "," };
            let _ = write!(name, "{comma}{key}={}", step(members.get(key)?));
        }
        Some(name)
    }
}

/// A scalar as a step of a path.
fn step(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether every item is an object with a text of that name, each another.
fn tells_apart(items: &[Value], name: &str) -> bool {
    let mut seen = std::collections::HashSet::new();
    items.iter().all(|item| item.get(name).and_then(Value::as_str).is_some_and(|text| seen.insert(text)))
}

fn as_quantity(value: Value) -> Value {
    let text = match &value {
        Value::String(text) => quantity::canonical(text),
        Value::Number(number) => quantity::canonical(&number.to_string()),
        _ => None,
    };
    text.map_or(value, Value::String)
}

fn plain(value: Value, shape: &Shape) -> Value {
    match (&value, shape) {
        (Value::String(text), Shape::IntOrString) => text.parse::<i64>().map_or(value, Value::from),
        (Value::String(text), Shape::Bytes) => {
            decode(text).map_or(value, |bytes| Value::String(STANDARD.encode(bytes)))
        }
        (Value::String(text), Shape::Duration) => crate::duration::canonical(text).map_or(value, Value::String),
        (Value::Number(number), _) => whole(number).map_or(value, Value::from),
        _ => value,
    }
}

/// `2` for `2.0`.
fn whole(number: &Number) -> Option<i64> {
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15)?;
    Some(float as i64)
}

/// Base64, with the line ends that people put into it.
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.contains(char::is_whitespace) {
        return STANDARD.decode(text.split_whitespace().collect::<String>()).ok();
    }
    STANDARD.decode(text).ok()
}
