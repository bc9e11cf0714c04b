//! Where in a YAML text each key and value is, so that a mistake can be named by line and key.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

/// The places of all keys and items of a text.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// In order of the text.
    all: Vec<Place>,
    /// The first of each path: a file may have as many mistakes as keys, and each asks.
    by_path: HashMap<Arc<str>, (usize, usize)>,
}

#[derive(Debug)]
struct Place {
    path: Arc<str>,
    line: usize,
    column: usize,
}

impl Places {
    /// Of a text; none if it is not YAML.
    pub(super) fn of(text: &str) -> Self {
        let mut places = Self::default();
        if let Ok(root) = serde_saphyr::from_str::<Node>(text) {
            places.walk(&root, "");
        }
        places
    }

    fn walk(&mut self, node: &Node, path: &str) {
        match node {
            Node::Scalar => {}
            Node::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    self.push(&path, &item.referenced);
                    self.walk(&item.value, &path);
                }
            }
            Node::Map(members) => {
                for (key, value) in members {
                    let dot = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{dot}{}", key.value);
                    self.push(&path, &key.referenced);
                    self.walk(value, &path);
                }
            }
        }
    }

    fn push(&mut self, path: &str, at: &Location) {
        let number = |value: u64| usize::try_from(value).unwrap_or_default();
        let (path, line, column): (Arc<str>, _, _) = (path.into(), number(at.line()), number(at.column()));
        self.by_path.entry(Arc::clone(&path)).or_insert((line, column));
        self.all.push(Place { path, line, column });
    }

    /// Line and column of what is at `path`, or of the nearest thing around it that is there.
    pub(super) fn find(&self, path: &str) -> (usize, usize) {
        let mut path = path;
        loop {
            if let Some(place) = self.by_path.get(path) {
                return *place;
            }
            let Some(end) = path.rfind(['.', '[']) else { return (1, 1) };
            path = path.get(..end).unwrap_or_default();
        }
    }

    /// The path of the last key at or before a position.
    pub(super) fn key_at(&self, line: usize, column: usize) -> &str {
        let before = self.all.iter().filter(|place| (place.line, place.column) <= (line, column));
        before.max_by_key(|place| (place.line, place.column)).map(|place| &*place.path).unwrap_or_default()
    }
}

/// A node: a scalar, or what is in it.
enum Node {
    Scalar,
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

macro_rules! scalars {
    ($($visit:ident $type:ty,)*) => {$(
        fn $visit<E>(self, _: $type) -> Result<Node, E> {
            Ok(Node::Scalar)
        }
    )*};
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    scalars! { visit_bool bool, visit_i64 i64, visit_i128 i128, visit_u64 u64, visit_u128 u128, visit_f64 f64, visit_str &str, visit_bytes &[u8], }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(member) = members.next_entry()? {
            map.push(member);
        }
        Ok(Node::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_at_once_however_many_there_are() {
        let places = Places::of("a:\n- b: 1\n- b: 2\n");
        assert_eq!((places.find("a[1].b"), places.find("a[1].c"), places.find("x")), ((3, 3), (3, 3), (1, 1)));
        let places = Places::of(&"- x\n".repeat(20_000));
        assert!((0..20_000).all(|n| places.find(&format!("[{n}].name")) == (n + 1, 3)));
    }
}
