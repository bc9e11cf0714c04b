//! What holds for objects of every kind, made at random from the schema.

use base::{DigestKey, Rng};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::schema::{ApiKind, Field, Schema, Shape};
use crate::tree::{Shown as _, Tree};
use crate::{Canonical, Controllers, Side, compare};

/// How deep objects are made.
const DEPTH: usize = 7;

struct Maker<'a> {
    schema: &'a Schema,
    rng: Rng,
}

impl Maker<'_> {
    fn below(&self, n: u64) -> usize {
        self.rng.below(n) as usize
    }

    fn pick(&self, values: &[Value]) -> Value {
        values[self.below(values.len() as u64)].clone()
    }

    fn object(&self, kind: &ApiKind) -> Value {
        let mut object = self.value(&Shape::Object(self.schema.kind(kind).unwrap()), 0);
        let members = object.as_object_mut().unwrap();
        members.remove("status");
        members.insert("apiVersion".to_owned(), json!(kind.api_version));
        members.insert("kind".to_owned(), json!(kind.kind));
        members.insert("metadata".to_owned(), json!({"name": "x", "labels": {"app": "x"}}));
        object
    }

    fn value(&self, shape: &Shape, depth: usize) -> Value {
        match shape {
            Shape::Any => self.pick(&[json!({"a": 1}), json!("text"), json!(["b", "a"])]),
            Shape::String => self.pick(&[json!("a"), json!("b:1"), json!("80"), json!("")]),
            Shape::Int => json!(self.below(4)),
            Shape::Number => json!(1.5),
            Shape::Bool => json!(self.below(2) == 0),
            Shape::Quantity => self.pick(&[json!("100m"), json!("1Gi"), json!("1024Mi"), json!(2), json!("0.1")]),
            Shape::IntOrString => self.pick(&[json!(80), json!("80"), json!("25%"), json!("http")]),
            Shape::Bytes => self.pick(&[json!("YQ=="), json!("Yg==")]),
            Shape::Duration => self.pick(&[json!("1h"), json!("60m"), json!("1s")]),
            Shape::Object(id) => {
                let mut members = Map::new();
                for (name, field) in self.schema.get(*id).fields() {
                    if depth < DEPTH && self.below(3) == 0 {
                        members.insert(name.to_owned(), self.value(&field.shape, depth + 1));
                    }
                }
                Value::Object(members)
            }
            Shape::Map(item) => {
                let count = self.below(3);
                Value::Object((0..count).map(|n| (format!("m{n}"), self.value(item, depth + 1))).collect())
            }
            Shape::Atomic(item) => (0..self.below(3)).map(|_| self.value(item, depth + 1)).collect(),
            Shape::Set(_) => (0..self.below(3)).map(|n| json!(format!("s{n}"))).collect(),
            Shape::Keyed(keys, item) => (0..self.below(4)).map(|n| self.item(keys, item, n, depth)).collect(),
        }
    }

    fn item(&self, keys: &[String], item: &Shape, n: usize, depth: usize) -> Value {
        let mut value = self.value(item, depth + 1);
        let members = value.as_object_mut().unwrap();
        for key in keys {
            let int = self.field(item, key).is_some_and(|field| field.shape == Shape::Int);
            members.insert(key.clone(), if int { json!(n + 1) } else { json!(format!("k{n}")) });
        }
        value
    }

    fn field(&self, shape: &Shape, name: &str) -> Option<&Field> {
        if let Shape::Object(id) = shape { self.schema.get(*id).field(name) } else { None }
    }

    /// What a server answers when it was given `value`: the same in another order and with other
    /// texts, without zeros, with defaults.
    fn served(&self, value: Value, shape: &Shape) -> Value {
        match (value, shape) {
            (Value::Object(members), Shape::Object(id)) => {
                let of = self.schema.get(*id);
                let mut out = Map::new();
                for (name, value) in members {
                    let shape = of.field(&name).map_or(&Shape::Any, |field| &field.shape);
                    let scalar = Tree::scalar(&value);
                    if !of.field(&name).zip(scalar).is_some_and(|(field, value)| field.is_dropped(&value)) {
                        out.insert(name, self.served(value, shape));
                    }
                }
                for (name, field) in of.fields() {
                    if let Some(default) = &field.default
                        && !out.contains_key(name)
                        && self.below(2) == 0
                    {
                        out.insert(name.to_owned(), default.clone());
                    }
                }
                Value::Object(out)
            }
            (Value::Object(members), Shape::Map(item)) => {
                Value::Object(members.into_iter().map(|(name, value)| (name, self.served(value, item))).collect())
            }
            (Value::Array(items), Shape::Atomic(item)) => {
                items.into_iter().map(|value| self.served(value, item)).collect()
            }
            (Value::Array(items), Shape::Set(item) | Shape::Keyed(_, item)) => {
                let mut items: Vec<Value> = items.into_iter().map(|value| self.served(value, item)).collect();
                let half = self.below(items.len() as u64 + 1);
                items.rotate_left(half);
                Value::Array(items)
            }
            (value, Shape::Quantity) if value == "1Gi" => json!("1073741824"),
            (value, Shape::Quantity) if value == "100m" => json!("0.1"),
            (value, Shape::IntOrString) if value == "80" => json!(80),
            (value, _) => value,
        }
    }

    /// Changes one value somewhere below; says whether there was one.
    fn change(&self, value: &mut Value, shape: &Shape) -> bool {
        match value {
            Value::Object(members) => {
                let names: Vec<String> = members.keys().cloned().collect();
                let start = self.below(names.len() as u64 + 1);
                names.iter().cycle().skip(start).take(names.len()).any(|name| {
                    let below = match shape {
                        Shape::Object(id) => self.schema.get(*id).field(name).map_or(&Shape::Any, |field| &field.shape),
                        Shape::Map(item) => item,
                        _ => &Shape::Any,
                    };
                    self.change(&mut members[name], below)
                })
            }
            Value::Array(items) => {
                let item = match shape {
                    Shape::Atomic(item) | Shape::Set(item) | Shape::Keyed(_, item) => item,
                    _ => &Shape::Any,
                };
                let start = self.below(items.len() as u64 + 1);
                let count = items.len();
                (0..count).any(|n| self.change(&mut items[(start + n) % count], item))
            }
            Value::Null => false,
            scalar => {
                *scalar = match (&*scalar, shape) {
                    (_, Shape::Quantity) => json!("7"),
                    (_, Shape::Bytes) => json!("eHl6"),
                    (_, Shape::Duration) => json!("77s"),
                    (Value::Bool(value), _) => json!(!value),
                    (Value::Number(_), _) => json!(77),
                    (text, _) => json!(format!("{}z", text.as_str().unwrap_or_default())),
                };
                true
            }
        }
    }
}

fn kinds(schema: &Schema) -> Vec<ApiKind> {
    // Of a Secret, `stringData` hides `data` of the same name.
    let mut kinds: Vec<ApiKind> = schema.kinds().filter(|kind| kind.kind != "Secret").cloned().collect();
    kinds.sort();
    kinds
}

fn differences(canonical: &Canonical<'_>, declared: &Value, live: &Value) -> Vec<String> {
    let controllers = Controllers::new(&[]);
    let text = live.to_string();
    let received = canonical.live(text.as_bytes()).unwrap();
    let [declared, live] = [declared, live].map(|object| canonical.read(object.clone(), &controllers));
    let side = |(tree, origins)| Side { tree, origins };
    let (declared, stored) = (side((&declared.0, &declared.1)), side((&live.0, &live.1)));
    let fields = compare(declared, stored);
    assert_eq!(received.judge(declared, &[], &controllers).1, fields, "a document says what the object says");
    assert_eq!(received.document(&controllers), live, "text and value are one document");
    fields.into_iter().map(|field| format!("{} {}", field.path, field.reason)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_kind_behaves(seed in any::<u64>()) {
        let (schema, key) = (Schema::builtin(), DigestKey::from_bytes([2; 32]));
        let canonical = Canonical { schema, key: &key };
        let maker = Maker { schema, rng: Rng::seeded(seed) };
        let kinds = kinds(schema);
        let kind = &kinds[maker.below(kinds.len() as u64)];
        let shape = Shape::Object(schema.kind(kind).unwrap());
        let declared = maker.object(kind);

        let once = canonical.value(&declared, &shape).map(|once| once.value());
        let twice = once.as_ref().and_then(|once| canonical.value(once, &shape)).map(|twice| twice.value());
        prop_assert_eq!(&once, &twice, "the canonical form of a canonical form is itself");

        let live = maker.served(declared.clone(), &shape);
        let none = differences(&canonical, &declared, &live);
        prop_assert!(none.is_empty(), "{kind:?} is as it was served: {none:?}\n{declared}\n{live}");

        let mut changed = live.clone();
        let spec: Vec<String> = changed.as_object().unwrap().keys()
            .filter(|name| !["apiVersion", "kind", "metadata"].contains(&name.as_str())).cloned().collect();
        if let Some(name) = spec.first() {
            let of = schema.get(schema.kind(kind).unwrap());
            let below = of.field(name).map_or(&Shape::Any, |field| &field.shape);
            if maker.change(&mut changed[name], below) {
                prop_assert!(!differences(&canonical, &live, &changed).is_empty(), "{kind:?}: a change is found\n{live}\n{changed}");
            }
        }
    }
}
