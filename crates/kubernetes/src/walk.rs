//! Where the fields of an object come from: of all of it, or only of what somebody asks about.

use std::borrow::Cow;

use crate::canonical::Canonical;
use crate::controllers::Controllers;
use crate::managed::{Managed, Step, Writers};
use crate::origins::{Node, Origin, push_step};
use crate::owner::Owner;
use crate::schema::{Chosen, Field, Shape, Type};
use crate::tree::{Shown as _, Tree};

/// An [`Origin`] by the number of its writer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    Server,
    Controller(usize),
    Owner(usize),
    Unknown,
}

/// What is known of a place before one looks below it.
#[derive(Clone)]
pub(crate) enum Spot<'a> {
    /// All of it comes from there.
    From(Source),
    /// An item of a set: who wrote it is who wrote all of it.
    Item,
    /// It has that shape.
    Of(&'a Shape),
    /// It is a map of that shape in which the server fills in these members.
    Filled(Cow<'a, Tree<'a>>, &'a Shape),
}

/// A way down a canonical tree with its schema and managedFields.
pub(crate) struct Walk<'a> {
    canonical: Canonical<'a>,
    controllers: &'a Controllers,
    writers: Writers<'a>,
    sources: Vec<Source>,
    path: String,
    /// How long the path was before each step.
    lengths: Vec<usize>,
    /// Whether the pod that was entered last has its node's addresses.
    host_network: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(canonical: Canonical<'a>, managed: &'a Managed<'_>, controllers: &'a Controllers) -> Self {
        let writers = Writers::new(managed, controllers);
        let (path, lengths) = (String::with_capacity(128), Vec::with_capacity(16));
        Self { canonical, controllers, writers, sources: Vec::new(), path, lengths, host_network: false }
    }

    /// The origins that nodes have named so far, from that number on.
    pub(crate) fn origins(&self, from: usize) -> impl Iterator<Item = Origin> + '_ {
        self.sources[from..].iter().map(|source| match *source {
            Source::Default => Origin::Default,
            Source::Server => Origin::Server,
            // When it wrote is left out: it writes again and again, and changes nothing for a comparison.
            Source::Controller(n) => Origin::Controller(Owner { time: String::new(), ..self.writers.owner(n) }),
            Source::Owner(n) => Origin::Owner(self.writers.owner(n)),
            Source::Unknown => Origin::Unknown,
        })
    }

    /// Where what is here comes from.
    pub(crate) fn node(&mut self, value: &'a Tree<'a>, spot: &Spot<'a>) -> Node {
        match (spot, value) {
            (Spot::From(source), _) => self.source(*source),
            (Spot::Of(_) | Spot::Filled(..), Tree::Members(members)) if !members.is_empty() => {
                let below = members.iter().map(|(name, member)| self.below(value, spot, Cow::Borrowed(name), member));
                let nodes = below.collect();
                merged(nodes, || members.iter().map(|(name, _)| name.clone().into_owned()))
            }
            (Spot::Of(_) | Spot::Filled(..), Tree::List(items)) => {
                let below = |(n, item): (usize, _)| self.below(value, spot, Cow::Owned(n.to_string()), item);
                let nodes = items.iter().enumerate().map(below).collect();
                merged(nodes, || (0..items.len()).map(|n| n.to_string()))
            }
            _ => {
                let owner = self.owner();
                self.source(owner)
            }
        }
    }

    fn below(&mut self, value: &'a Tree<'a>, spot: &Spot<'a>, name: Cow<'a, str>, member: &'a Tree<'a>) -> Node {
        let below = self.down(value, spot, name, member);
        let node = self.node(member, &below);
        self.up();
        node
    }

    /// Goes from a value down to the member or item of that name.
    pub(crate) fn down(
        &mut self,
        value: &'a Tree<'a>,
        spot: &Spot<'a>,
        name: Cow<'a, str>,
        member: &'a Tree<'a>,
    ) -> Spot<'a> {
        let shape = match spot {
            Spot::Of(shape) => Ok(*shape),
            Spot::Filled(filled, shape) if filled.get(&name) != Some(member) => Ok(*shape),
            Spot::Filled(..) => Err(Source::Default),
            Spot::From(source) => Err(*source),
            Spot::Item => Err(self.owner()),
        };
        self.lengths.push(self.path.len());
        push_step(&mut self.path, &name);
        let shape = match shape {
            Ok(shape) => shape,
            Err(source) => return self.into(Spot::From(source)),
        };
        match (value, shape) {
            (Tree::List(_), Shape::Atomic(item)) => self.into(Spot::Of(item)),
            (Tree::List(_), _) => self.into(Spot::Of(&Shape::Any)),
            (_, Shape::Object(id)) => {
                self.writers.down(Step::Member(name.clone()));
                self.field(value, self.canonical.schema.get(*id), &name, member)
            }
            (_, shape) => self.item(shape, name, member),
        }
    }

    /// Goes back up.
    pub(crate) fn up(&mut self) {
        self.writers.up();
        self.path.truncate(self.lengths.pop().unwrap_or_default());
    }

    /// A step that managedFields do not have.
    fn into(&mut self, spot: Spot<'a>) -> Spot<'a> {
        self.writers.down(Step::Into);
        spot
    }

    /// A member of a map or an item of a list.
    fn item(&mut self, shape: &'a Shape, name: Cow<'a, str>, member: &'a Tree<'a>) -> Spot<'a> {
        let (step, spot) = match shape {
            Shape::Map(item) => (Step::Member(name), Spot::Of(item)),
            Shape::Set(_) => (Step::Value(member), Spot::Item),
            Shape::Keyed(keys, item) => (Step::Item(keys, member), Spot::Of(item)),
            // Without a schema a list with names is an object here and a list for the server.
            _ => match key(&name) {
                Some(key) => (Step::Named(key, member), Spot::Of(&Shape::Any)),
                None => (Step::Member(name), Spot::Of(&Shape::Any)),
            },
        };
        self.writers.down(step);
        spot
    }

    /// A member of an object of that type.
    fn field(&mut self, object: &'a Tree<'a>, of: &'a Type, name: &str, value: &'a Tree<'a>) -> Spot<'a> {
        self.host_network = of.host_network(object).unwrap_or(self.host_network);
        let Some(field) = of.field(name) else { return Spot::Of(&Shape::Any) };
        if self.is_default(value, field) {
            return Spot::From(Source::Default);
        }
        match (of.computed(name, object, self.host_network), value) {
            (Some(computed), value) if computed.as_ref() == value => return Spot::From(Source::Default),
            (Some(computed), Tree::Members(_)) if matches!(*computed, Tree::Members(_)) => {
                return Spot::Filled(computed, &field.shape);
            }
            _ => {}
        }
        match field.chosen {
            Some(Chosen::Server) => Spot::From(Source::Server),
            Some(Chosen::ServerAt(path)) if self.path == path => Spot::From(Source::Server),
            Some(Chosen::Admission) if !self.writers.by_hand() => Spot::From(Source::Server),
            _ => Spot::Of(&field.shape),
        }
    }

    fn is_default(&self, value: &Tree<'_>, field: &Field) -> bool {
        let Some(default) = &field.default else { return false };
        if value.is(default) {
            return true;
        }
        let plain = matches!(field.shape, Shape::String | Shape::Int | Shape::Bool | Shape::Object(_));
        !plain && self.canonical.value(default, &field.shape).as_ref() == Some(value)
    }

    /// Who gave what is here its value.
    fn owner(&mut self) -> Source {
        match self.writers.of(&self.path) {
            // The server writes such a thing in the name of whoever creates the object.
            (Some(n), _) if !self.writers.is_hand(n) && self.controllers.marks(&self.path) => Source::Server,
            (Some(n), _) => Source::Owner(n),
            (None, Some(n)) => Source::Controller(n),
            (None, None) if self.writers.known() || self.controllers.marks(&self.path) => Source::Server,
            (None, None) => Source::Unknown,
        }
    }

    fn source(&mut self, source: Source) -> Node {
        let at = self.sources.iter().position(|known| *known == source);
        Node::One(at.unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        }))
    }
}

/// The key in `name=app`.
fn key<'a>(name: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    let end = name.find('=')?;
    Some(match name {
        Cow::Borrowed(name) => Cow::Borrowed(&name[..end]),
        Cow::Owned(name) => Cow::Owned(name[..end].to_owned()),
    })
}

/// One node for members that all have the same origin.
fn merged<I: Iterator<Item = String>>(nodes: Vec<Node>, names: impl FnOnce() -> I) -> Node {
    match nodes.split_first() {
        Some((Node::One(first), rest)) if rest.iter().all(|node| *node == Node::One(*first)) => Node::One(*first),
        _ => Node::Of(names().zip(nodes).collect()),
    }
}
