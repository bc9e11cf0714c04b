//! YAML as a tree that knows the place of each node and the text of each scalar as it was written:
//! `0644` stays `0644`, `1.10` stays `1.10`.

use std::collections::{HashMap, HashSet};

use base::Limit;
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, Span};

use super::error::{Errors, Place};

/// Nodes of one file with its aliases expanded: what a YAML bomb exceeds.
pub(crate) const MAX_NODES: Limit = Limit::new("manifest_nodes", 500_000);
/// Bytes of all scalars of one file with its aliases expanded.
pub(crate) const MAX_SCALARS: Limit = Limit::new("manifest_scalar_bytes", 64 << 20);

/// What differs between those who read YAML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// How deep lists and maps may be nested.
    pub(crate) depth: usize,
    /// Whether the members of `<<` are taken over, as YAML 1.1 says.
    pub(crate) merge_keys: bool,
    /// Whether of a key that is there twice the last counts, as for programs that print YAML.
    pub(crate) last_counts: bool,
}

/// A node and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) tree: Tree,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// A scalar; plain if it was written without quotes or block.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) text: String,
}

impl Node {
    /// Whether nothing stands there: `key:` or `key: null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.tree, Tree::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// What it is, for an error.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.tree {
            _ if self.is_null() => "nothing",
            Tree::Scalar { .. } => "a single value",
            Tree::List(_) => "a list",
            Tree::Map(_) => "a map",
        }
    }
}

/// The documents of `text` that are not empty. What cannot be read is in `errors`; reading goes on
/// with the next document.
pub(crate) fn parse(text: &str, dialect: Dialect, errors: &mut Errors) -> Vec<Node> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: dialect.depth,
        block_nesting_limit: dialect.depth,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let (mut documents, mut builder) = (Vec::new(), Builder::new(dialect));
    while let Some(next) = parser.next_event() {
        let failed = match next {
            Ok((event, span)) => builder.take(event, span, errors, &mut documents),
            Err(error) => {
                broken(&error, errors);
                Err(Stop::Document)
            }
        };
        match failed {
            Ok(()) => {}
            Err(Stop::File) => break,
            Err(Stop::Document) => {
                builder.restart();
                match parser.proceed_next_document() {
                    Ok(true) => {}
                    Ok(false) | Err(_) => break,
                }
            }
        }
    }
    documents
}

fn broken(error: &ScanError, errors: &mut Errors) {
    let place = Place { line: error.marker().line() as u64, column: error.marker().col() as u64 + 1 };
    errors.push(place, None, format!("broken YAML: {}", error.info()));
}

enum Stop {
    Document,
    File,
}

/// Makes trees of events.
struct Builder {
    dialect: Dialect,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: u64,
    bytes: u64,
}

struct Open {
    place: Place,
    anchor: usize,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    /// Members, the key whose value comes next, and the line of each key.
    Map(Vec<(Key, Node)>, Option<Key>, HashMap<String, u64>),
}

impl Builder {
    fn new(dialect: Dialect) -> Self {
        Self { dialect, open: Vec::new(), anchors: HashMap::new(), nodes: 0, bytes: 0 }
    }

    fn restart(&mut self) {
        self.open.clear();
        self.anchors.clear();
    }

    fn take(&mut self, event: Event<'_>, span: Span, errors: &mut Errors, out: &mut Vec<Node>) -> Result<(), Stop> {
        let place = Place { line: span.start.line() as u64, column: span.start.col() as u64 + 1 };
        if let Some(tag) = event.tag().filter(|tag| !tag.is_yaml_core_schema()) {
            errors.push(place, None, format!("the tag {tag} is not read here"));
            return Err(Stop::Document);
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let tree = Tree::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.add(Node { place, tree }, anchor, errors, out)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(place, anchor, Items::List(Vec::new()), errors),
            Event::MappingStart(_, anchor, _) => {
                self.begin(place, anchor, Items::Map(Vec::new(), None, HashMap::new()), errors)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { place, anchor, items: Items::List(items) }) => {
                    self.add(Node { place, tree: Tree::List(items) }, anchor, errors, out)
                }
                Some(Open { place, anchor, items: Items::Map(items, ..) }) => {
                    let items = if self.dialect.merge_keys { merged(items, errors)? } else { items };
                    self.add(Node { place, tree: Tree::Map(items) }, anchor, errors, out)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.add(Node { place, ..node }, 0, errors, out),
                None => {
                    errors.push(place, None, "an alias to what is not complete yet");
                    Err(Stop::Document)
                }
            },
            Event::DocumentEnd => {
                self.restart();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, items: Items, errors: &mut Errors) -> Result<(), Stop> {
        if let Some(Open { items: Items::Map(_, None, _), .. }) = self.open.last() {
            errors.push(place, None, "a key must be a single value, not a list or map");
            return Err(Stop::Document);
        }
        self.open.push(Open { place, anchor, items });
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize, errors: &mut Errors, out: &mut Vec<Node>) -> Result<(), Stop> {
        let (nodes, bytes) = size(&node);
        // A collection's members were counted when they were added; an alias or scalar is new.
        self.nodes += nodes;
        self.bytes += bytes;
        let checked = MAX_NODES.check(self.nodes).and_then(|()| MAX_SCALARS.check(self.bytes));
        if let Err(exceeded) = checked {
            errors.push(node.place, None, format!("too much in one file, aliases expanded: {exceeded}"));
            return Err(Stop::File);
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.items) {
            None if node.is_null() => Ok(()),
            None => {
                out.push(node);
                Ok(())
            }
            Some(Items::List(items)) => {
                items.push(node);
                Ok(())
            }
            Some(Items::Map(items, key, lines)) => match key.take() {
                Some(key) => {
                    items.push((key, node));
                    Ok(())
                }
                None => {
                    *key = Some(new_key(node, self.dialect, lines, errors)?);
                    Ok(())
                }
            },
        }
    }
}

fn new_key(node: Node, dialect: Dialect, lines: &mut HashMap<String, u64>, errors: &mut Errors) -> Result<Key, Stop> {
    let Tree::Scalar { text, plain } = node.tree else {
        errors.push(node.place, None, "a key must be a single value, not a list or map");
        return Err(Stop::Document);
    };
    if plain && text == MERGE && !dialect.merge_keys {
        errors.push(node.place, Some(MERGE), "merge keys are not read: write the members out");
        return Err(Stop::Document);
    }
    match lines.get(&text).filter(|_| !dialect.last_counts) {
        Some(first) => errors.push(node.place, Some(&text), format!("is there twice, first in line {first}")),
        None => _ = lines.insert(text.clone(), node.place.line),
    }
    Ok(Key { place: node.place, text })
}

/// The key whose value is a map, or a list of maps, that the map around it takes members from.
const MERGE: &str = "<<";

/// The members with those of `<<`: a member of the map's own counts before one that is taken over.
fn merged(items: Vec<(Key, Node)>, errors: &mut Errors) -> Result<Vec<(Key, Node)>, Stop> {
    if items.iter().all(|(key, _)| key.text != MERGE) {
        return Ok(items);
    }
    let (merges, mut items): (Vec<_>, Vec<_>) = items.into_iter().partition(|(key, _)| key.text == MERGE);
    let mut names: HashSet<String> = items.iter().map(|(key, _)| key.text.clone()).collect();
    for (key, node) in merges {
        let maps = match node.tree {
            Tree::List(maps) => maps,
            tree => vec![Node { tree, ..node }],
        };
        for map in maps {
            let Tree::Map(members) = map.tree else {
                errors.push(key.place, Some(MERGE), "must be a map or a list of maps");
                return Err(Stop::Document);
            };
            for (key, node) in members {
                if names.insert(key.text.clone()) {
                    items.push((key, node));
                }
            }
        }
    }
    Ok(items)
}

/// Nodes and bytes that adding `node` brings; the members of a list or map count too, so that an
/// alias costs what it stands for and a tree costs at most its depth times its size.
fn size(node: &Node) -> (u64, u64) {
    match &node.tree {
        Tree::Scalar { text, .. } => (1, text.len() as u64),
        Tree::List(items) => items.iter().map(size).fold((1, 0), sum),
        Tree::Map(items) => {
            items.iter().map(|(key, node)| sum(size(node), (1, key.text.len() as u64))).fold((1, 0), sum)
        }
    }
}

fn sum(a: (u64, u64), b: (u64, u64)) -> (u64, u64) {
    (a.0 + b.0, a.1 + b.1)
}
