//! What the members of objects are: which lists are sets or keyed, which strings are quantities,
//! and what the server fills in.

mod builtin;
mod defaults;
mod openapi;
mod text;

use std::collections::HashMap;

use serde_json::Value;

pub use openapi::SchemaError;

use crate::tree::Tree;

/// An API version and kind, as a manifest names them: `apps/v1`, `Deployment`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKind {
    /// `v1` or `group/version`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
}

impl ApiKind {
    /// That of an object.
    pub fn of(object: &Value) -> Self {
        let text = |member: &str| object.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { api_version: text("apiVersion"), kind: text("kind") }
    }
}

impl std::str::FromStr for ApiKind {
    type Err = String;

    /// `v1/ConfigMap`, `apps/v1/Deployment`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let good = (2..=3).contains(&parts.len()) && parts.iter().all(|part| !part.is_empty());
        let Some((api_version, kind)) = text.rsplit_once('/').filter(|_| good) else {
            return Err(format!(
                "`{text}` must be a version and a kind, such as `v1/ConfigMap` or `apps/v1/Deployment`"
            ));
        };
        Ok(Self { api_version: api_version.to_owned(), kind: kind.to_owned() })
    }
}

/// Types of objects, by kind and name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    types: Vec<Type>,
    names: HashMap<String, TypeId>,
    kinds: HashMap<ApiKind, TypeId>,
}

/// Which type of a [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeId(usize);

/// The members of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Type {
    /// As Kubernetes names it, without what all names begin with: `core.v1.Container`.
    pub(crate) name: String,
    /// Sorted by name.
    fields: Vec<(Name, Field)>,
}

/// The name of a member, with its first eight bytes as a number, by which most names differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    start: u64,
    text: String,
}

/// A member.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub(crate) shape: Shape,
    /// What the server fills in if it is absent.
    pub(crate) default: Option<Value>,
    /// Whether the server drops the zero value, so that zero and absent are the same.
    pub(crate) zero_is_absent: bool,
    /// Who may give it any value if it is absent.
    pub(crate) chosen: Option<Chosen>,
}

/// Who chooses a value that nobody declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// The server, in whosever name: a cluster IP, a node port.
    Server,
    /// The server, where the member is at this path: the node of a pod. Elsewhere a person does: the node of a template.
    ServerAt(&'static str),
    /// Admission and controllers; a person's tool has no business there: a storage class.
    Admission,
}

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Nobody says.
    Any,
    /// A text.
    String,
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// `100m`, `128Mi`; see [`crate::quantity`].
    Quantity,
    /// `80`, `http`, `25%`.
    IntOrString,
    /// Bytes in base64.
    Bytes,
    /// `1h30m`, as Go writes it.
    Duration,
    /// An object with known members.
    Object(TypeId),
    /// An object with any members, all of one shape.
    Map(Box<Shape>),
    /// A list that has one owner and is compared as a whole.
    Atomic(Box<Shape>),
    /// A list in which order does not matter.
    Set(Box<Shape>),
    /// A list of objects that are known by these members.
    Keyed(Vec<String>, Box<Shape>),
}

impl Schema {
    /// The kinds that Kubernetes itself serves, version 1.36.
    pub fn builtin() -> &'static Self {
        &builtin::SCHEMA
    }

    /// Which version of its schema a kind has: the same text for the same form. `apps/v1` for kinds
    /// that are built in, whose form no server changes; with a hash of its members for others.
    pub fn version(&self, kind: &ApiKind) -> String {
        let of = &kind.api_version;
        if Self::builtin().kinds.contains_key(kind) {
            return of.clone();
        }
        let Some(id) = self.kind(kind) else { return format!("{of} none") };
        let (mut hasher, mut seen) = (blake3::Hasher::new(), vec![id]);
        let mut next = 0;
        while let Some(id) = seen.get(next).copied() {
            let of = self.get(id);
            for (name, field) in &of.fields {
                let default = field.default.as_ref().map(ToString::to_string).unwrap_or_default();
                let words = format!("{} {} {default}\n", name.text, field.shape.word(&mut seen));
                hasher.update(words.as_bytes());
            }
            hasher.update(b"\n");
            next += 1;
        }
        format!("{of} {}", &hasher.finalize().to_hex()[..16])
    }

    /// The type of objects of that kind.
    pub fn kind(&self, kind: &ApiKind) -> Option<TypeId> {
        self.kinds.get(kind).copied()
    }

    /// The kinds that it has.
    pub fn kinds(&self) -> impl Iterator<Item = &ApiKind> {
        self.kinds.keys()
    }

    /// The type.
    pub(crate) fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0]
    }

    /// The number of that name's type, which may yet have no members.
    fn named(&mut self, name: &str) -> TypeId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = TypeId(self.types.len());
        self.types.push(Type { name: name.to_owned(), fields: Vec::new() });
        self.names.insert(name.to_owned(), id);
        id
    }

    fn field_mut(&mut self, type_name: &str, field: &str) -> Option<&mut Field> {
        let id = *self.names.get(type_name)?;
        let fields = &mut self.types[id.0].fields;
        fields.iter_mut().find(|(name, _)| name.as_str() == field).map(|(_, field)| field)
    }

    /// Takes over what `other` has and we have not: members, types and kinds. Of a member that both
    /// have, ours stays: more is known of it here than a server says.
    pub fn extend(&mut self, other: &Self) {
        for id in (0..other.types.len()).map(TypeId) {
            let Type { name, fields } = other.get(id);
            let mine = self.named(name);
            let new = fields.iter().filter(|(name, _)| self.get(mine).field(&name.text).is_none()).cloned();
            let new: Vec<(Name, Field)> = new.collect();
            let new = new.into_iter().map(|(name, field)| {
                let shape = self.adopt(&field.shape, other);
                (name, Field { shape, ..field })
            });
            let new: Vec<(Name, Field)> = new.collect();
            let fields = &mut self.types[mine.0].fields;
            fields.extend(new);
            fields.sort_by(|a, b| a.0.cmp(&b.0));
        }
        for (kind, id) in &other.kinds {
            let mine = self.named(&other.get(*id).name);
            self.kinds.insert(kind.clone(), mine);
        }
    }

    /// A shape of `other` in our numbers.
    fn adopt(&mut self, shape: &Shape, other: &Self) -> Shape {
        let mut of = |item: &Shape| Box::new(self.adopt(item, other));
        match shape {
            Shape::Map(item) => Shape::Map(of(item)),
            Shape::Atomic(item) => Shape::Atomic(of(item)),
            Shape::Set(item) => Shape::Set(of(item)),
            Shape::Keyed(keys, item) => Shape::Keyed(keys.clone(), of(item)),
            Shape::Object(id) => Shape::Object(self.named(&other.get(*id).name)),
            plain => plain.clone(),
        }
    }
}

impl Shape {
    /// The shape in a word, with types by their place in `seen`, to which new ones are added.
    fn word(&self, seen: &mut Vec<TypeId>) -> String {
        match self {
            Self::Object(id) => {
                let place = seen.iter().position(|other| other == id).unwrap_or_else(|| {
                    seen.push(*id);
                    seen.len() - 1
                });
                format!("#{place}")
            }
            Self::Map(item) => format!("{{}}{}", item.word(seen)),
            Self::Atomic(item) => format!("[]{}", item.word(seen)),
            Self::Set(item) => format!("[*]{}", item.word(seen)),
            Self::Keyed(keys, item) => format!("[{}]{}", keys.join(","), item.word(seen)),
            plain => format!("{plain:?}"),
        }
    }
}

impl Type {
    /// The members, by name.
    #[cfg(test)]
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.fields.iter().map(|(name, field)| (name.as_str(), field))
    }

    /// The member of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        let start = start(name);
        let order = |field: &Name| field.start.cmp(&start).then_with(|| field.as_str().cmp(name));
        let at = self.fields.binary_search_by(|(field, _)| order(field)).ok()?;
        Some(&self.fields[at].1)
    }
}

impl Name {
    fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self { start: start(&text), text }
    }
}

/// The first eight bytes as a number: names are in its order.
fn start(name: &str) -> u64 {
    let short = || name.bytes().chain([0; 8]).take(8).fold(0, |sum, byte| sum << 8 | u64::from(byte));
    name.as_bytes().first_chunk().map_or_else(short, |bytes| u64::from_be_bytes(*bytes))
}

impl Field {
    const fn of(shape: Shape) -> Self {
        Self { shape, default: None, zero_is_absent: false, chosen: None }
    }

    /// Whether the server stores this as no value.
    pub(crate) fn is_dropped(&self, value: &Tree<'_>) -> bool {
        self.zero_is_absent
            && match value {
                Tree::Bool(value) => !value,
                Tree::Number(value) => value.as_f64() == Some(0.0),
                Tree::Text(text) => text.is_empty(),
                _ => false,
            }
    }
}
