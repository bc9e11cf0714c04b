use std::collections::HashMap;

use base::Limit;
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, Span};

use crate::problem::{Place, Problem};

/// How large a text may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// In bytes.
    pub bytes: Limit,
    /// Nodes with aliases expanded: what a YAML bomb exceeds.
    pub nodes: Limit,
}

/// Lists and maps are nested no deeper.
const MAX_DEPTH: usize = 50;

/// A node and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub tree: Tree,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Tree {
    /// A scalar; plain if it was written without quotes or block.
    Scalar {
        /// As it is written, without quotes.
        text: String,
        /// Whether it has neither quotes nor block.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the text.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it is.
    pub place: Place,
    /// The key.
    pub text: String,
}

/// The first document of a text; none if there is nothing in it.
///
/// # Errors
/// Broken YAML, a key that is there twice, or a limit that the text exceeds.
pub fn parse(text: &str, limits: Limits) -> Result<Option<Node>, Problem> {
    let at_start = |message: String| Problem::new(Place::START, "", message);
    limits.bytes.check(text.len() as u64).map_err(|exceeded| at_start(exceeded.to_string()))?;
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { limits, open: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None };
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| {
            let place = Place { line: error.marker().line(), column: error.marker().col() + 1 };
            Problem::new(place, "", format!("broken YAML: {}", error.info()))
        })?;
        if matches!(event, Event::DocumentEnd) {
            break;
        }
        builder.take(event, span)?;
    }
    Ok(builder.root.filter(|root| !root.is_null()))
}

struct Builder {
    limits: Limits,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, u64)>,
    nodes: u64,
    root: Option<Node>,
}

struct Open {
    place: Place,
    anchor: usize,
    before: u64,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map(Members),
}

#[derive(Default)]
struct Members {
    list: Vec<(Key, Node)>,
    /// The key whose value comes next.
    key: Option<Key>,
    /// The lines of all keys.
    lines: HashMap<String, usize>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        let place = Place { line: span.start.line(), column: span.start.col() + 1 };
        let before = self.nodes;
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let tree = Tree::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.count(place, 1)?;
                self.add(Node { place, tree }, anchor, before)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(place, anchor, Items::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => self.begin(place, anchor, Items::Map(Members::default())),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { place, anchor, before, items }) = self.open.pop() else { return Ok(()) };
                let tree = match items {
                    Items::List(items) => Tree::List(items),
                    Items::Map(members) => Tree::Map(members.list),
                };
                self.add(Node { place, tree }, anchor, before)
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Problem::new(place, "", "an alias to what is not complete yet"));
                };
                self.count(place, size)?;
                self.add(Node { place, ..node }, 0, before)
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, place: Place, nodes: u64) -> Result<(), Problem> {
        self.nodes = self.nodes.saturating_add(nodes);
        let checked = self.limits.nodes.check(self.nodes);
        checked
            .map_err(|exceeded| Problem::new(place, "", format!("too much in one file, aliases expanded: {exceeded}")))
    }

    fn begin(&mut self, place: Place, anchor: usize, items: Items) -> Result<(), Problem> {
        if let Some(Open { items: Items::Map(Members { key: None, .. }), .. }) = self.open.last() {
            return Err(Problem::new(place, "", "a key must be a single value, not a list or map"));
        }
        let before = self.nodes;
        self.count(place, 1)?;
        self.open.push(Open { place, anchor, before, items });
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize, before: u64) -> Result<(), Problem> {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.root = Some(node),
            Some(Items::List(items)) => items.push(node),
            Some(Items::Map(members)) => match (members.key.take(), node.tree) {
                (Some(key), tree) => members.list.push((key, Node { place: node.place, tree })),
                (None, Tree::Scalar { text, .. }) => {
                    if let Some(first) = members.lines.insert(text.clone(), node.place.line) {
                        return Err(Problem::new(node.place, text, format!("is there twice, first in line {first}")));
                    }
                    members.key = Some(Key { place: node.place, text });
                }
                (None, _) => {
                    return Err(Problem::new(node.place, "", "a key must be a single value, not a list or map"));
                }
            },
        }
        Ok(())
    }
}

impl Node {
    /// Whether nothing stands there: `key:` or `key: null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.tree, Tree::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    fn kind(&self) -> &'static str {
        match &self.tree {
            _ if self.is_null() => "nothing",
            Tree::Scalar { .. } => "a single value",
            Tree::List(_) => "a list",
            Tree::Map(_) => "a map",
        }
    }

    fn wrong(&self, key: &str, wanted: &str) -> Problem {
        Problem::new(self.place, key, format!("expected {wanted}, got {}", self.kind()))
    }

    /// A text: any scalar as it was written.
    ///
    /// # Errors
    /// It is a list or a map.
    pub fn text(&self, key: &str) -> Result<String, Problem> {
        match &self.tree {
            _ if self.is_null() => Ok(String::new()),
            Tree::Scalar { text, .. } => Ok(text.clone()),
            _ => Err(self.wrong(key, "a text")),
        }
    }

    /// A whole number, not negative.
    ///
    /// # Errors
    /// It is no such number.
    pub fn whole(&self, key: &str) -> Result<usize, Problem> {
        let text = self.text(key)?;
        text.parse().map_err(|_| Problem::new(self.place, key, format!("expected a whole number, got {text:?}")))
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// It is neither.
    pub fn truth(&self, key: &str) -> Result<bool, Problem> {
        match self.text(key)?.as_str() {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            text => Err(Problem::new(self.place, key, format!("expected true or false, got {text:?}"))),
        }
    }

    /// The items of a list; nothing is an empty one.
    ///
    /// # Errors
    /// It is no list.
    pub fn list(&self, key: &str) -> Result<&[Node], Problem> {
        match &self.tree {
            _ if self.is_null() => Ok(&[]),
            Tree::List(items) => Ok(items),
            _ => Err(self.wrong(key, "a list")),
        }
    }

    /// The members of a map; nothing is an empty one.
    ///
    /// # Errors
    /// It is no map.
    pub fn members(&self, key: &str) -> Result<&[(Key, Node)], Problem> {
        match &self.tree {
            _ if self.is_null() => Ok(&[]),
            Tree::Map(members) => Ok(members),
            _ => Err(self.wrong(key, "a map")),
        }
    }

    /// Texts by name.
    ///
    /// # Errors
    /// It is no map, or has lists or maps in it.
    pub fn texts(&self, key: &str) -> Result<Vec<(Key, String)>, Problem> {
        self.members(key)?.iter().map(|(name, value)| Ok((name.clone(), value.text(&name.text)?))).collect()
    }

    /// The members of a map that has only these.
    ///
    /// # Errors
    /// It is no map, or (unless unknown ones are ignored) has others.
    pub fn fields<'a>(&'a self, what: &'a str, known: &[&str], ignore: bool) -> Result<Fields<'a>, Problem> {
        let members = self.members(what)?;
        if let Some((key, _)) = members.iter().find(|(key, _)| !ignore && !known.contains(&&*key.text)) {
            let message = format!("is not a field of {what}, which has {}", known.join(", "));
            return Err(Problem::new(key.place, key.text.clone(), message));
        }
        Ok(Fields { place: self.place, members })
    }
}

/// The members of a map by name.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    /// Where the map begins.
    pub place: Place,
    members: &'a [(Key, Node)],
}

impl<'a> Fields<'a> {
    /// A member that is there and says something.
    pub fn get(&self, name: &str) -> Option<&'a Node> {
        self.members.iter().find(|(key, node)| key.text == name && !node.is_null()).map(|(_, node)| node)
    }

    /// Reads a member, if it is there.
    ///
    /// # Errors
    /// That of `read`.
    pub fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&'a Node, &str) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        self.get(name).map(|node| read(node, name)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { bytes: Limit::new("file_bytes", 1 << 20), nodes: Limit::new("file_nodes", 100_000) };

    fn parse(text: &str) -> Result<Option<Node>, Problem> {
        super::parse(text, LIMITS)
    }

    #[test]
    fn nodes_know_their_places_and_scalars_their_text() {
        let root = parse("a: 1.10\nb:\n- x\n- {c: 'd'}\n").unwrap().unwrap();
        let fields = root.fields("file", &["a", "b"], false).unwrap();
        assert_eq!(fields.get("a").unwrap().text("a").unwrap(), "1.10");
        let items = fields.get("b").unwrap().list("b").unwrap();
        assert_eq!((items[1].place.line, items[1].place.column), (4, 3));
    }

    #[test]
    fn what_is_not_known_is_named_with_line_and_key() {
        let root = parse("a: 1\nbb: 2\n").unwrap().unwrap();
        let problem = root.fields("file", &["a"], false).err().unwrap();
        assert_eq!(problem.to_string(), "2:1: bb: is not a field of file, which has a");
        assert!(root.fields("file", &["a"], true).is_ok());
    }

    #[test]
    fn bombs_and_broken_texts_are_refused() {
        let bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n".to_owned()
            + &(b'b'..=b'j')
                .map(|c| {
                    let (c, before) = (c as char, (c - 1) as char);
                    format!("{c}: &{c} [{}]\n", vec![format!("*{before}"); 10].join(","))
                })
                .collect::<String>();
        assert!(parse(&bomb).unwrap_err().to_string().contains("file_nodes"));
        assert!(parse("a: [1").is_err());
        assert!(parse("a: 1\na: 2").unwrap_err().to_string().contains("twice"));
        assert!(parse("# nothing\n").unwrap().is_none());
    }

    #[test]
    fn a_map_of_many_keys_is_read_at_once() {
        let many: String = (0..40_000).map(|n| format!("k{n}: v\n")).collect();
        assert_eq!(parse(&many).unwrap().unwrap().members("").unwrap().len(), 40_000);
        assert!(
            parse(&(many + "k7: v\n"))
                .unwrap_err()
                .to_string()
                .starts_with("40001:1: k7: is there twice, first in line 8")
        );
    }
}
