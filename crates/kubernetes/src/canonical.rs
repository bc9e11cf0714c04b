//! The one form for all objects that say the same.
//!
//! What the server keeps for itself is gone, as are nulls and empty lists and maps; quantities have
//! one text; secrets are keyed digests. A keyed list is an object whose members are named by their
//! keys (`name=app`, `port=80,protocol=TCP`), a set one whose members are named by their values, so
//! that order does not matter and nobody needs the schema to compare. An array is a list that is
//! compared as a whole.
//!
//! Objects take this form while they are read, so that what is dropped is never built.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use base::DigestKey;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::keyed::listed;
use crate::managed::Managed;
use crate::scalar;
use crate::schema::{Field, Schema, Shape, TypeId};
use crate::tree::{Member, Text, Tree, skip};

/// Members of an object that say what it is, or what became of it.
const OBJECT: &[&str] = &["apiVersion", "kind", "status"];

/// Members of `metadata` that the server keeps, and those that name the object.
const METADATA: &[&str] = &[
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    MANAGED_FIELDS,
    "name",
    "namespace",
    "generateName",
];

/// Who wrote which field.
const MANAGED_FIELDS: &str = "managedFields";

/// Whole manifests, with the secrets in them, that tools leave in the object.
const COPIES: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    "kapp.k14s.io/original",
    "objectset.rio.cattle.io/applied",
    "banzaicloud.com/last-applied",
];

/// Bytes of an annotation of a Secret that is kept as it is: a longer one may be a copy that nobody here knows.
const SECRET_ANNOTATION: usize = 256;

/// Objects whose members are quantities where no schema says so, in custom resources.
const QUANTITIES: &[&str] = &["limits", "requests", "capacity", "hard", "nominalQuota", "allocatable"];

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
    /// An object in canonical form, without its version, kind and name. Its managedFields, if they
    /// are wanted, go to `managed`.
    pub(crate) fn object<'de, D: Deserializer<'de>>(
        &self,
        object: D,
        of: Option<TypeId>,
        secret: bool,
        managed: Option<&Cell<Managed<'de>>>,
    ) -> Result<Tree<'de>, D::Error> {
        let shape = of.map_or(Shape::Any, Shape::Object);
        let part = Part::Object { secret };
        let tree = Seed { canonical: self, shape: &shape, part, quantities: false, depth: 0, managed };
        Ok(tree.deserialize(object)?.unwrap_or_else(|| Tree::Members(Vec::new())))
    }

    /// A value of that shape in canonical form; `None` for what says the same as nothing.
    pub(crate) fn value<'de, D: Deserializer<'de>>(&self, value: D, shape: &Shape) -> Option<Tree<'de>> {
        let seed = Seed { canonical: self, shape, part: Part::Other, quantities: false, depth: 0, managed: None };
        seed.deserialize(value).ok().flatten()
    }

    /// The values of a Secret as digests; `stringData` is what becomes `data`.
    fn secret<'de>(&self, members: &mut Vec<Member<'de>>) {
        let mut digests = Vec::new();
        for (member, encoded) in [("data", true), ("stringData", false)] {
            let Some(at) = members.iter().rposition(|(name, _)| name == member) else { continue };
            if let Tree::Members(values) = std::mem::replace(&mut members[at].1, Tree::Null) {
                digests.extend(values.into_iter().map(|(name, value)| (name, self.digest(&value, encoded))));
            }
            members.retain(|(name, _)| name != member);
        }
        if !digests.is_empty() {
            members.push((Cow::Borrowed("data"), Tree::of(digests)));
        }
    }

    /// Long annotations of a Secret as digests.
    fn annotations(&self, members: &mut [Member<'_>]) {
        fn of<'m, 'de>(members: &'m mut [Member<'de>], name: &str) -> &'m mut [Member<'de>] {
            match members.iter_mut().find(|(member, _)| member == name) {
                Some((_, Tree::Members(members))) => members,
                _ => &mut [],
            }
        }
        for (_, value) in of(of(members, "metadata"), "annotations") {
            if value.as_str().is_some_and(|text| text.len() > SECRET_ANNOTATION) {
                *value = self.digest(value, false);
            }
        }
    }

    fn digest<'de>(&self, value: &Tree<'_>, encoded: bool) -> Tree<'de> {
        let text = value.as_str().unwrap_or_default();
        let bytes = if encoded { scalar::decode(text) } else { None };
        let digest = self.key.digest(&bytes.unwrap_or_else(|| text.as_bytes().to_vec()));
        Tree::Text(Cow::Owned(digest))
    }
}

/// Parts of an object that the server and its tools keep something in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Object { secret: bool },
    Metadata,
    Annotations,
    Other,
}

impl Part {
    /// Members that are left out here.
    const fn left_out(self) -> &'static [&'static str] {
        match self {
            Self::Object { .. } => OBJECT,
            Self::Metadata => METADATA,
            Self::Annotations => COPIES,
            Self::Other => &[],
        }
    }

    fn member(self, name: &str) -> Self {
        match (self, name) {
            (Self::Object { .. }, "metadata") => Self::Metadata,
            (Self::Metadata, "annotations") => Self::Annotations,
            _ => Self::Other,
        }
    }

    fn is_secret(self, name: &str) -> bool {
        self == Self::Object { secret: true } && matches!(name, "data" | "stringData")
    }
}

/// Reads a value of a shape into its canonical form; `None` is what says the same as nothing.
#[derive(Clone, Copy)]
struct Seed<'s, 'de> {
    canonical: &'s Canonical<'s>,
    shape: &'s Shape,
    part: Part,
    /// Whether texts are quantities where no schema says what they are.
    quantities: bool,
    depth: usize,
    managed: Option<&'s Cell<Managed<'de>>>,
}

impl<'s> Seed<'s, '_> {
    /// For the member of that name, and what the schema knows of it.
    fn member(self, name: &str) -> (Self, Option<&'s Field>) {
        let field = if let Shape::Object(id) = self.shape { self.canonical.schema.get(*id).field(name) } else { None };
        let shape = match self.shape {
            // An item has a name already if this was canonical before.
            Shape::Map(item) | Shape::Set(item) | Shape::Keyed(_, item) => item,
            _ => field.map_or(&Shape::Any, |field| &field.shape),
        };
        let quantities = self.quantities || QUANTITIES.contains(&name);
        (Self { shape, quantities, part: self.part.member(name), depth: self.depth + 1, ..self }, field)
    }

    fn item(self) -> Self {
        let shape = match self.shape {
            Shape::Atomic(item) | Shape::Set(item) | Shape::Keyed(_, item) => item,
            _ => &Shape::Any,
        };
        Self { shape, quantities: false, part: Part::Other, depth: self.depth + 1, ..self }
    }

    fn scalar<'t>(self, value: Tree<'t>) -> Tree<'t> {
        let quantity = *self.shape == Shape::Quantity
            || (self.quantities && matches!(self.shape, Shape::Any | Shape::String | Shape::IntOrString));
        if quantity { scalar::as_quantity(value) } else { scalar::plain(value, self.shape) }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_, 'de> {
    type Value = Option<Tree<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.depth > DEPTH {
            return Tree::deserialize(deserializer).map(Some);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, 'de> {
    type Value = Option<Tree<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(Tree::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(self.scalar(Tree::Number(value.into()))))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(self.scalar(Tree::Number(value.into()))))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(value).map(|number| self.scalar(Tree::Number(number))))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(self.scalar(Tree::Text(Cow::Borrowed(text)))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(self.scalar(Tree::Text(Cow::Owned(text.to_owned())))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut items, seed) = (Vec::new(), self.item());
        while let Some(item) = seq.next_element_seed(seed)? {
            items.push(item.unwrap_or(Tree::Null));
        }
        Ok((!items.is_empty()).then(|| listed(items, self.shape, self.canonical.schema)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some(name) = map.next_key_seed(Text)? {
            if self.part.left_out().contains(&name.as_ref()) {
                match self.managed {
                    Some(managed) if name == MANAGED_FIELDS => managed.set(map.next_value()?),
                    _ => skip(&mut map)?,
                }
            } else if self.part.is_secret(&name) {
                members.push((name, map.next_value()?));
            } else {
                let (seed, field) = self.member(&name);
                match map.next_value_seed(seed)? {
                    Some(value) if !field.is_some_and(|field| field.is_dropped(&value)) => members.push((name, value)),
                    // If a text has a name twice, the last counts.
                    _ => members.retain(|(other, _)| *other != name),
                }
            }
        }
        if self.part == (Part::Object { secret: true }) {
            self.canonical.secret(&mut members);
            self.canonical.annotations(&mut members);
        }
        // Of an object with known members, being there may be the whole meaning: `emptyDir: {}`.
        let empty_is_nothing = matches!(self.shape, Shape::Map(_) | Shape::Set(_) | Shape::Keyed(..));
        Ok((!members.is_empty() || !empty_is_nothing).then(|| Tree::of(members)))
    }
}
