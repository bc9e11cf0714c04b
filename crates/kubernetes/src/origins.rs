//! Where each field of a canonical object comes from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::owner::Owner;

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    pub(crate) const fn new(sources: Vec<Origin>, tree: Node) -> Self {
        Self { sources, tree }
    }

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

    /// Where what is at that place comes from.
    pub(crate) fn at(&self, path: &[Cow<'_, str>]) -> Option<&Node> {
        path.iter().try_fold(&self.tree, |node, step| node.member(step))
    }

    pub(crate) fn get(&self, source: usize) -> &Origin {
        self.sources.get(source).unwrap_or(&Origin::Unknown)
    }
}

impl Default for Node {
    fn default() -> Self {
        Self::Of(BTreeMap::new())
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

/// A step of a JSON pointer, see RFC 6901.
pub(crate) fn push_step(path: &mut String, name: &str) {
    path.push('/');
    if !name.bytes().any(|byte| matches!(byte, b'~' | b'/')) {
        return path.push_str(name);
    }
    for c in name.chars() {
        match c {
            '~' => path.push_str("~0"),
            '/' => path.push_str("~1"),
            c => path.push(c),
        }
    }
}
