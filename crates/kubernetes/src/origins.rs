//! Where each field of a canonical object comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::canonical::Canonical;
use crate::controllers::{Controllers, is_hand_tool};
use crate::managed::{Cursors, Entry, Here, entries};
use crate::owner::Owner;
use crate::schema::{Chosen, Field, Shape, Type, TypeId};

/// Who gave a field its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It is what the server fills in.
    Default,
    /// The server or admission chose it, or nobody claims it.
    Server,
    /// A controller, in its own field; without its time.
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
    /// Nobody knows of any field.
    pub fn unknown() -> Self {
        Self { sources: vec![Origin::Unknown], tree: Node::One(0) }
    }

    /// Gives the owners who they were.
    pub fn name_actors(&mut self, actor: impl Fn(&Owner) -> Option<String>) {
        for source in &mut self.sources {
            if let Origin::Owner(owner) = source {
                owner.actor = actor(owner);
            }
        }
    }

    /// Who wrote last, of those who are no controllers.
    pub fn newest(&self) -> Option<&Owner> {
        let owners = self.sources.iter().filter_map(|source| match source {
            Origin::Owner(owner) => Some(owner),
            _ => None,
        });
        owners.max_by_key(|owner| &owner.time)
    }

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
    /// The object in canonical form, without its version, kind and name, and where its fields come
    /// from. Of a manifest, which nobody owns yet, only which of them are defaults.
    pub fn read(&self, mut object: Value, controllers: &Controllers) -> (Value, Origins) {
        let of = self.type_of(&object);
        let fields = object.pointer_mut("/metadata/managedFields").map(Value::take).unwrap_or_default();
        let tree = self.object(object, of);
        let origins = self.origins(of, &fields, &tree, controllers);
        (tree, origins)
    }

    /// The origins of a canonical tree of that type, by its managedFields.
    fn origins(&self, of: Option<TypeId>, fields: &Value, tree: &Value, controllers: &Controllers) -> Origins {
        let entries = entries(fields, controllers);
        let mut walk = Walk {
            canonical: self,
            controllers,
            known: entries.iter().any(|entry| entry.owner.subresource != "status"),
            entries: &entries,
            cursors: Cursors::default(),
            sources: Vec::new(),
            path: String::new(),
        };
        let root = walk.cursors.start(&entries);
        let tree = walk.value(tree, &of.map_or(Shape::Any, Shape::Object), root);
        let sources = walk.sources.iter().map(|source| source.origin(&entries)).collect();
        Origins { sources, tree }
    }
}

/// An [`Origin`] by the number of its entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Default,
    Server,
    Controller(usize),
    Owner(usize),
    Unknown,
}

impl Source {
    fn origin(self, entries: &[Entry<'_>]) -> Origin {
        match self {
            Self::Default => Origin::Default,
            Self::Server => Origin::Server,
            // When it wrote is left out: it writes again and again, and changes nothing for a comparison.
            Self::Controller(n) => Origin::Controller(Owner { time: String::new(), ..entries[n].owner.clone() }),
            Self::Owner(n) => Origin::Owner(entries[n].owner.clone()),
            Self::Unknown => Origin::Unknown,
        }
    }
}

struct Walk<'a> {
    canonical: &'a Canonical<'a>,
    controllers: &'a Controllers,
    entries: &'a [Entry<'a>],
    /// Whether managedFields say who wrote what.
    known: bool,
    cursors: Cursors<'a>,
    sources: Vec<Source>,
    path: String,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, shape: &Shape, here: Here) -> Node {
        match value {
            Value::Object(members) if !members.is_empty() => self.members(members, shape, here),
            Value::Array(items) => {
                let item_shape = if let Shape::Atomic(item) = shape { item.as_ref() } else { &Shape::Any };
                let mut nodes = Vec::with_capacity(items.len());
                for (n, item) in items.iter().enumerate() {
                    nodes.push(self.below(&n.to_string(), |walk| walk.value(item, item_shape, here)));
                }
                merged(nodes, || (0..items.len()).map(|n| n.to_string()))
            }
            _ => self.leaf(here),
        }
    }

    fn members(&mut self, members: &Map<String, Value>, shape: &Shape, here: Here) -> Node {
        let mut nodes = Vec::with_capacity(members.len());
        for (name, value) in members {
            let node = self.below(name, |walk| walk.member(name, value, members, shape, here));
            self.cursors.back(here);
            nodes.push(node);
        }
        merged(nodes, || members.keys().cloned())
    }

    fn member(&mut self, name: &str, value: &Value, beside: &Map<String, Value>, shape: &Shape, here: Here) -> Node {
        match shape {
            Shape::Object(id) => self.field(name, value, beside, self.canonical.schema.get(*id), here),
            Shape::Map(item) => {
                let at = self.cursors.member(here, name);
                self.value(value, item, at)
            }
            Shape::Set(_) => {
                let at = self.cursors.value(here, value);
                self.leaf(at)
            }
            Shape::Keyed(keys, item) => {
                let at = self.cursors.item(here, keys, value);
                self.value(value, item, at)
            }
            // Without a schema a list with names is an object here and a list for the server.
            _ if name.contains('=') => {
                let key = name.split('=').next().unwrap_or_default().to_owned();
                let at = self.cursors.item(here, &[key], value);
                self.value(value, &Shape::Any, at)
            }
            _ => {
                let at = self.cursors.member(here, name);
                self.value(value, &Shape::Any, at)
            }
        }
    }

    fn field(&mut self, name: &str, value: &Value, beside: &Map<String, Value>, of: &Type, here: Here) -> Node {
        let at = self.cursors.member(here, name);
        let Some(field) = of.field(name) else { return self.value(value, &Shape::Any, at) };
        if self.is_default(value, field) {
            return self.source(Source::Default);
        }
        match (of.computed(name, beside), value) {
            (Some(computed), value) if computed == *value => return self.source(Source::Default),
            (Some(Value::Object(computed)), Value::Object(members)) => {
                return self.computed(members, &computed, &field.shape, at);
            }
            _ => {}
        }
        let by_hand = || self.cursors.owners(at).any(|n| is_hand_tool(&self.entries[n].owner));
        match field.chosen {
            Some(Chosen::Server) => self.source(Source::Server),
            Some(Chosen::Admission) if !by_hand() => self.source(Source::Server),
            _ => self.value(value, &field.shape, at),
        }
    }

    /// A map in which the server fills in single members.
    fn computed(
        &mut self,
        members: &Map<String, Value>,
        computed: &Map<String, Value>,
        shape: &Shape,
        here: Here,
    ) -> Node {
        let mut nodes = Vec::with_capacity(members.len());
        for (name, value) in members {
            let node = if computed.get(name) == Some(value) {
                self.source(Source::Default)
            } else {
                self.below(name, |walk| walk.member(name, value, members, shape, here))
            };
            self.cursors.back(here);
            nodes.push(node);
        }
        merged(nodes, || members.keys().cloned())
    }

    fn is_default(&self, value: &Value, field: &Field) -> bool {
        let Some(default) = &field.default else { return false };
        if default == value {
            return true;
        }
        let plain = matches!(field.shape, Shape::String | Shape::Int | Shape::Bool | Shape::Object(_));
        !plain && self.canonical.canonical_value(default.clone(), &field.shape).as_ref() == Some(value)
    }

    fn leaf(&mut self, here: Here) -> Node {
        let (mut owner, mut controller): (Option<usize>, Option<usize>) = (None, None);
        for n in self.cursors.owners(here) {
            let entry = &self.entries[n];
            if entry.own.iter().any(|own| own.has(&self.path)) {
                controller = Some(n);
            } else if owner.is_none_or(|newest| self.entries[newest].owner.time <= entry.owner.time) {
                owner = Some(n);
            }
        }
        self.source(match (owner, controller) {
            (Some(n), _) => Source::Owner(n),
            (None, Some(n)) => Source::Controller(n),
            (None, None) if self.known || self.controllers.marks(&self.path) => Source::Server,
            (None, None) => Source::Unknown,
        })
    }

    fn source(&mut self, source: Source) -> Node {
        let at = self.sources.iter().position(|known| *known == source);
        Node::One(at.unwrap_or_else(|| {
            self.sources.push(source);
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
fn merged<I: Iterator<Item = String>>(nodes: Vec<Node>, names: impl FnOnce() -> I) -> Node {
    match nodes.split_first() {
        Some((Node::One(first), rest)) if rest.iter().all(|node| *node == Node::One(*first)) => Node::One(*first),
        _ => Node::Of(names().zip(nodes).collect()),
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
