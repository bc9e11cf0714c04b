//! Where each field of a canonical object comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::canonical::Canonical;
use crate::controllers::{Controllers, is_hand_tool};
use crate::owners::{Cursor, Entry, Owner, entries};
use crate::schema::{Chosen, Field, Shape, Type};

/// Who gave a field its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It is what the server fills in.
    Default,
    /// The server or admission chose it, or nobody claims it.
    Server,
    /// A controller, in its own field.
    Controller(Owner),
    /// Anyone else.
    Owner(Owner),
    /// Nobody knows: the object has no managedFields.
    Unknown,
}

impl Origin {
    /// Whether a field that nobody declared may have this value.
    pub const fn is_excused(&self) -> bool {
        matches!(self, Self::Default | Self::Server | Self::Controller(_))
    }
}

/// The origins of all fields of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origins {
    sources: Vec<Origin>,
    tree: Node,
}

/// As deep as origins differ: what is below a leaf has that origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Node {
    One(usize),
    Of(BTreeMap<String, Self>),
}

impl Origins {
    pub(crate) const fn root(&self) -> &Node {
        &self.tree
    }

    pub(crate) fn get(&self, source: usize) -> &Origin {
        self.sources.get(source).unwrap_or(&Origin::Unknown)
    }
}

impl Node {
    /// Where a member comes from.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::One(_) => Some(self),
            Self::Of(members) => members.get(name),
        }
    }
}

impl Canonical<'_> {
    /// The origins of `tree`, the canonical form of `object`. Of a manifest, which nobody owns
    /// yet, only which members are what the server would fill in anyway.
    pub fn origins(&self, object: &Value, tree: &Value, controllers: &Controllers) -> Origins {
        let entries = entries(object);
        let known = entries.iter().any(|entry| entry.owner.subresource != "status");
        let mut walk =
            Walk { canonical: self, controllers, entries: &entries, known, sources: Vec::new(), path: String::new() };
        let shape = self.type_of(object).map_or(Shape::Any, Shape::Object);
        let tree = walk.value(tree, &shape, &Cursor::new(&entries));
        Origins { sources: walk.sources, tree }
    }
}

struct Walk<'a> {
    canonical: &'a Canonical<'a>,
    controllers: &'a Controllers,
    entries: &'a [Entry<'a>],
    /// Whether managedFields say who wrote what.
    known: bool,
    sources: Vec<Origin>,
    path: String,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, shape: &Shape, at: &Cursor<'_>) -> Node {
        match value {
            Value::Object(members) if !members.is_empty() => self.members(members, shape, at),
            Value::Array(items) => {
                let item_shape = if let Shape::Atomic(item) = shape { item.as_ref() } else { &Shape::Any };
                let items = items.iter().enumerate().map(|(n, item)| {
                    let name = n.to_string();
                    let node = self.below(&name, |walk| walk.value(item, item_shape, at));
                    (name, node)
                });
                merged(items.collect())
            }
            _ => self.leaf(at),
        }
    }

    fn members(&mut self, members: &Map<String, Value>, shape: &Shape, at: &Cursor<'_>) -> Node {
        let mut out = BTreeMap::new();
        for (name, value) in members {
            let node = self.below(name, |walk| match shape {
                Shape::Object(id) => walk.field(name, value, members, walk.canonical.schema.get(*id), at),
                Shape::Map(item) => walk.value(value, item, &at.member(name)),
                Shape::Set(_) => walk.leaf(&at.value(value)),
                Shape::Keyed(keys, item) => walk.value(value, item, &at.item(keys, value)),
                // Without a schema a list with names is an object here and a list for the server.
                _ if name.contains('=') => {
                    let key = name.split('=').next().unwrap_or_default().to_owned();
                    walk.value(value, &Shape::Any, &at.item(&[key], value))
                }
                _ => walk.value(value, &Shape::Any, &at.member(name)),
            });
            out.insert(name.clone(), node);
        }
        merged(out)
    }

    fn field(&mut self, name: &str, value: &Value, beside: &Map<String, Value>, of: &Type, at: &Cursor<'_>) -> Node {
        let Some(field) = of.field(name) else { return self.value(value, &Shape::Any, &at.member(name)) };
        if self.is_default(value, field) {
            return self.source(Origin::Default);
        }
        let at = at.member(name);
        match (of.computed(name, beside), value) {
            (Some(computed), value) if computed == *value => return self.source(Origin::Default),
            (Some(Value::Object(computed)), Value::Object(members)) => {
                return self.computed(members, &computed, &field.shape, &at);
            }
            _ => {}
        }
        let by_hand = at.owners().any(|n| is_hand_tool(&self.entries[n].owner));
        match field.chosen {
            Some(Chosen::Server) => self.source(Origin::Server),
            Some(Chosen::Admission) if !by_hand => self.source(Origin::Server),
            _ => self.value(value, &field.shape, &at),
        }
    }

    /// A map in which the server fills in single members.
    fn computed(
        &mut self,
        members: &Map<String, Value>,
        computed: &Map<String, Value>,
        shape: &Shape,
        at: &Cursor<'_>,
    ) -> Node {
        let item = if let Shape::Map(item) = shape { item } else { &Shape::Any };
        let nodes = members.iter().map(|(name, value)| {
            let node = if computed.get(name) == Some(value) {
                self.source(Origin::Default)
            } else {
                self.below(name, |walk| walk.value(value, item, &at.member(name)))
            };
            (name.clone(), node)
        });
        merged(nodes.collect())
    }

    fn is_default(&self, value: &Value, field: &Field) -> bool {
        let Some(default) = &field.default else { return false };
        if default == value {
            return true;
        }
        let plain = matches!(field.shape, Shape::String | Shape::Int | Shape::Bool | Shape::Object(_));
        !plain && self.canonical.canonical_value(default.clone(), &field.shape).as_ref() == Some(value)
    }

    fn leaf(&mut self, at: &Cursor<'_>) -> Node {
        let owners: Vec<&Owner> = at.owners().map(|n| &self.entries[n].owner).collect();
        let theirs = |owner: &&&Owner| !self.controllers.owns(owner, &self.path);
        let origin = match (owners.first(), owners.iter().filter(theirs).max_by_key(|owner| &owner.time)) {
            (_, Some(owner)) => Origin::Owner((*owner).clone()),
            (Some(owner), None) => Origin::Controller((*owner).clone()),
            (None, None) if self.known => Origin::Server,
            (None, None) if self.controllers.marks(&self.path) => Origin::Server,
            (None, None) => Origin::Unknown,
        };
        self.source(origin)
    }

    fn source(&mut self, origin: Origin) -> Node {
        let at = self.sources.iter().position(|source| *source == origin);
        Node::One(at.unwrap_or_else(|| {
            self.sources.push(origin);
            self.sources.len() - 1
        }))
    }

    fn below<T>(&mut self, name: &str, then: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        push_step(&mut self.path, name);
        let out = then(self);
        self.path.truncate(length);
        out
    }
}

/// One node for members that all have the same origin.
fn merged(members: BTreeMap<String, Node>) -> Node {
    let mut nodes = members.values();
    match nodes.next() {
        Some(Node::One(first)) if nodes.all(|node| *node == Node::One(*first)) => Node::One(*first),
        _ => Node::Of(members),
    }
}

/// A step of a JSON pointer, see RFC 6901.
pub(crate) fn push_step(path: &mut String, name: &str) {
    path.push('/');
    for c in name.chars() {
        match c {
            '~' => path.push_str("~0"),
            '/' => path.push_str("~1"),
            c => path.push(c),
        }
    }
}
