use std::collections::BTreeMap;

use base::Limit;
use desired::{Managed, Manifest};
use model::{Document, ResourceId, escape_name, unescape_name};
use serde_json::{Map, Value};

use super::file;
use super::foreign;
use super::managed;
use super::schema::{self, CONTENT, FILES, KEYS, KINDS, Kind};
use super::secrets::Secrets;
use super::suggest;
use super::value::{json, scalar, value};
use crate::yaml::{Dialect, Errors, Key, ManifestError, Node, Place, Tree, parse};

/// Bytes of one manifest file.
pub const MAX_FILE: Limit = Limit::new("manifest_file_bytes", 8 << 20);
/// Lists and maps are nested a few deep.
const DIALECT: Dialect = Dialect { depth: 32, merge_keys: false, last_counts: false };
/// Hosts that one document may name.
const MAX_HOSTS: usize = 10_000;
/// Manifests that one file may give, counted for each of its hosts.
const MAX_MANIFESTS: Limit = Limit::new("manifest_file_manifests", 500_000);

/// What a reader needs besides the text.
pub struct Reading<'a> {
    /// What is a secret, and the key for its digest.
    pub secrets: &'a Secrets,
    /// Gives the file that `source:` names, relative to the manifest.
    pub include: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
    /// The host of documents that name none.
    pub default_host: Option<&'a str>,
    /// Keeps texts of files that not every user of their host may read: for who has the manifest itself.
    pub private: bool,
}

/// What a file declares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The resources, each with its file and line.
    pub manifests: Vec<Manifest>,
    /// By scope: the places in which nothing else may be.
    pub managed: BTreeMap<String, Vec<Managed>>,
}

/// Reads a file of host manifests; `name` is what manifests and errors call it.
///
/// # Errors
/// Everything that is wrong with it, in the order of its lines; then nothing of it counts.
pub fn read(text: &str, name: &str, reading: &Reading<'_>) -> Result<Parsed, Vec<ManifestError>> {
    let mut reader = Reader { reading, errors: Errors::new(name), out: Parsed::default() };
    match MAX_FILE.check(text.len() as u64) {
        Err(exceeded) => reader.errors.push(Place { line: 1, column: 1 }, None, exceeded.to_string()),
        Ok(()) => {
            for document in parse(text, DIALECT, &mut reader.errors) {
                reader.document(&document);
            }
        }
    }
    let mut errors = reader.errors.list;
    if errors.is_empty() {
        return Ok(reader.out);
    }
    errors.sort_by_key(|error| (error.line, error.column));
    Err(errors)
}

struct Reader<'a> {
    reading: &'a Reading<'a>,
    errors: Errors,
    out: Parsed,
}

impl Reader<'_> {
    fn document(&mut self, node: &Node) {
        let members = match &node.tree {
            Tree::Map(members) => members,
            Tree::List(items) => {
                let what = foreign::whose_list(items).unwrap_or("a list");
                return self.errors.push(
                    node.place,
                    None,
                    format!("this is {what}; a host manifest is a map with `host:`"),
                );
            }
            Tree::Scalar { .. } => {
                return self.errors.push(
                    node.place,
                    None,
                    "this is a single value; a host manifest is a map with `host:`",
                );
            }
        };
        if let Some(other) = foreign::whose(members) {
            let problem = format!("this is {other}; this source reads {}", foreign::READS);
            return self.errors.push(node.place, None, problem);
        }
        let Some(hosts) = self.hosts(node.place, members) else { return };
        let single = members.iter().any(|(key, _)| key.text == "file");
        let before = (self.out.manifests.len(), self.out.managed.len(), self.errors.list.len());
        if single {
            self.single(&hosts, members)
        } else {
            self.groups(&hosts, members)
        }
        if before == (self.out.manifests.len(), self.out.managed.len(), self.errors.list.len()) && members.len() < 2 {
            self.errors.push(node.place, None, format!("declares nothing: add one of {}", groups().join(", ")));
        }
    }

    /// The hosts that a document is about.
    fn hosts(&mut self, place: Place, members: &[(Key, Node)]) -> Option<Vec<String>> {
        let find = |name: &str| members.iter().find(|(key, _)| key.text == name);
        let named: Vec<&Node> = match (find("host"), find("hosts"), self.reading.default_host) {
            (Some((key, _)), Some(_), _) => {
                self.errors.push(key.place, Some("host"), "write `host:` or `hosts:`, not both");
                return None;
            }
            (Some((_, node)), None, _) => vec![node],
            (None, Some((_, Node { tree: Tree::List(items), .. })), _) if !items.is_empty() => items.iter().collect(),
            (None, Some((key, _)), _) => {
                self.errors.push(key.place, Some("hosts"), "must be a list such as [web-1, web-2]");
                return None;
            }
            (None, None, Some(host)) => return Some(vec![host.to_owned()]),
            (None, None, None) => {
                let meant =
                    members.iter().find_map(|(key, _)| suggest::nearest(&key.text, ["host", "hosts"]).map(|_| key));
                let (place, hint) = match meant {
                    Some(key) => (key.place, format!(" (is `{}` it?)", key.text)),
                    None => (place, String::new()),
                };
                self.errors.push(
                    place,
                    Some("host"),
                    format!("is missing{hint}: which host is this about? `host: web-1`"),
                );
                return None;
            }
        };
        if named.len() > MAX_HOSTS {
            self.errors.push(place, Some("hosts"), format!("more than {MAX_HOSTS} hosts"));
            return None;
        }
        let mut hosts = Vec::new();
        for node in named {
            match scalar(node).and_then(host) {
                Ok(host) => hosts.push(host),
                Err(problem) => self.errors.push(node.place, Some("host"), problem),
            }
        }
        (!hosts.is_empty()).then_some(hosts)
    }

    /// A document about one file: its fields stand beside `file:`.
    fn single(&mut self, hosts: &[String], members: &[(Key, Node)]) {
        let Some((key, node)) = members.iter().find(|(key, _)| key.text == "file") else { return };
        let path = match scalar(node) {
            Ok(path) => path,
            Err(problem) => return self.errors.push(key.place, Some("file"), problem),
        };
        let skip = ["host", "hosts", "file"];
        for (key, _) in members.iter().filter(|(key, _)| schema::group(&key.text).is_some() || key.text == "manage") {
            let problem = "does not go with `file:` in one document: separate them by a line `---`";
            self.errors.push(key.place, Some(&key.text), problem);
        }
        let fields: Vec<(Key, Node)> = members
            .iter()
            .filter(|(key, _)| schema::group(&key.text).is_none() && key.text != "manage")
            .cloned()
            .collect();
        if let Some(file) = file::file((path, node.place), &fields, &skip, self.reading, &mut self.errors) {
            self.add(hosts, FILES, &file.name, (file.document, file.text), key.place);
        }
    }

    /// A document with groups of resources.
    fn groups(&mut self, hosts: &[String], members: &[(Key, Node)]) {
        for (key, node) in members {
            match (key.text.as_str(), schema::group(&key.text)) {
                ("host" | "hosts", _) => {}
                ("manage", _) => managed::read(hosts, key, node, &mut self.out.managed, &mut self.errors),
                ("resources", _) => self.resources(hosts, key, node),
                (_, Some(kind)) => self.group(hosts, kind, key, node),
                (word, None) => {
                    let field = FILES.fields.iter().map(|field| field.name).chain(CONTENT.iter().copied());
                    let problem = if field.clone().any(|field| field == word) {
                        "belongs to a file, and this document names none: `file: /etc/...`".to_owned()
                    } else {
                        format!("unknown key, {}", suggest::meant(word, KEYS.iter().copied().chain(groups())))
                    };
                    self.errors.push(key.place, Some(word), problem);
                }
            }
        }
    }

    fn group(&mut self, hosts: &[String], kind: &'static Kind, key: &Key, node: &Node) {
        let Tree::Map(resources) = &node.tree else {
            let problem = format!("must be a map from names to what is declared of each, not {}", node.kind());
            return self.errors.push(key.place, Some(&key.text), problem);
        };
        for (name, node) in resources {
            let members = match &node.tree {
                Tree::Map(members) => members.as_slice(),
                // `deploy: {}` and `deploy:` declare that it is there, no more.
                _ if node.is_null() => &[],
                Tree::Scalar { .. } if kind.short.is_some() => {
                    let field = kind.short.unwrap_or_default();
                    let key = Key { place: node.place, text: field.to_owned() };
                    self.resource(hosts, kind, name, &[(key, node.clone())]);
                    continue;
                }
                _ => {
                    let problem = format!("must be a map of {}, not {}", fields(kind).join(", "), node.kind());
                    self.errors.push(name.place, Some(&name.text), problem);
                    continue;
                }
            };
            self.resource(hosts, kind, name, members);
        }
    }

    fn resource(&mut self, hosts: &[String], kind: &'static Kind, name: &Key, members: &[(Key, Node)]) {
        if kind.kind == "file" {
            let path = (name.text.as_str(), name.place);
            if let Some(file) = file::file(path, members, &[], self.reading, &mut self.errors) {
                self.add(hosts, kind, &file.name, (file.document, file.text), name.place);
            }
            return;
        }
        let mut document = Map::new();
        for (key, node) in members {
            let read = match kind.fields.iter().find(|field| field.name == key.text) {
                Some(field) => value(node, field.of),
                None => Err(format!("unknown key, {}", suggest::meant(&key.text, fields(kind)))),
            };
            match read {
                Ok(value) => _ = document.insert(key.text.clone(), value),
                Err(problem) => self.errors.push(key.place, Some(&key.text), problem),
            }
        }
        let escaped = escape_name(&unescape_name(&name.text));
        self.add(hosts, kind, &escaped, (document, None), name.place);
    }

    /// `resources:`, the long form for what has no group.
    fn resources(&mut self, hosts: &[String], key: &Key, node: &Node) {
        let Tree::List(items) = &node.tree else {
            let problem = format!("must be a list of resources with kind, name and document, not {}", node.kind());
            return self.errors.push(key.place, Some(&key.text), problem);
        };
        for item in items {
            match long_form(item, self.reading.secrets) {
                Ok(Long { kind, namespace, name, document, text }) => {
                    self.put(hosts, (&kind, &namespace, &name), document, text, item.place);
                }
                Err((place, problem)) => self.errors.push(place, Some("resources"), problem),
            }
        }
    }

    fn add(
        &mut self,
        hosts: &[String],
        kind: &Kind,
        name: &str,
        (document, text): (Map<String, Value>, Option<String>),
        place: Place,
    ) {
        self.put(hosts, (kind.kind, kind.namespace, name), Document::new(Value::Object(document)), text, place);
    }

    fn put(
        &mut self,
        hosts: &[String],
        (kind, namespace, name): (&str, &str, &str),
        document: Document,
        text: Option<String>,
        place: Place,
    ) {
        if let Err(exceeded) = MAX_MANIFESTS.check((self.out.manifests.len() + hosts.len()) as u64) {
            return self.errors.push(place, None, exceeded.to_string());
        }
        for host in hosts {
            match ResourceId::new("host", host, kind, namespace, name) {
                Ok(id) => self.out.manifests.push(Manifest {
                    id,
                    document: document.clone(),
                    text: text.clone(),
                    file: Some(self.errors.file.clone()),
                    line: Some(place.line),
                }),
                Err(error) => self.errors.push(place, Some(name), error.to_string()),
            }
        }
    }
}

struct Long {
    kind: String,
    namespace: String,
    name: String,
    document: Document,
    text: Option<String>,
}

fn long_form(item: &Node, secrets: &Secrets) -> Result<Long, (Place, String)> {
    let Tree::Map(members) = &item.tree else {
        return Err((item.place, format!("must be a map with kind, name and document, not {}", item.kind())));
    };
    let mut long = Long {
        kind: String::new(),
        namespace: String::new(),
        name: String::new(),
        document: Document::default(),
        text: None,
    };
    for (key, node) in members {
        let at = |problem: String| (key.place, format!("{}: {problem}", key.text));
        match key.text.as_str() {
            "kind" => long.kind = scalar(node).map_err(at)?.to_owned(),
            "namespace" => long.namespace = scalar(node).map_err(at)?.to_owned(),
            "name" => long.name = scalar(node).map_err(at)?.to_owned(),
            "text" => long.text = Some(scalar(node).map_err(at)?.to_owned()),
            "document" => long.document = Document::new(json(node).map_err(at)?),
            word => {
                let known = ["kind", "namespace", "name", "document", "text"];
                return Err((key.place, format!("`{word}` is an unknown key, {}", suggest::meant(word, known))));
            }
        }
    }
    let tree = long.document.tree();
    if long.kind.is_empty() || long.name.is_empty() || !tree.is_object() {
        return Err((item.place, "a resource needs kind, name and document, a map".to_owned()));
    }
    let keyed = tree.get("digest").is_none_or(|digest| digest.as_str().is_some_and(|text| text.starts_with("keyed:")));
    if long.kind == "file" && secrets.is_secret(&format!("/{}", long.name)) && !(keyed && long.text.is_none()) {
        let problem = format!("/{} looks like a secret: its digest must be `keyed:...`, without a text", long.name);
        return Err((item.place, problem));
    }
    Ok(long)
}

fn host(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.len() <= 253 && !text.contains(['/', '%']) && !text.contains(char::is_control);
    if good { Ok(text.to_owned()) } else { Err(format!("`{}` is no name of a host", escape_name(text.as_bytes()))) }
}

fn groups() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.group).collect()
}

fn fields(kind: &Kind) -> Vec<&'static str> {
    let content: &[&str] = if kind.kind == "file" { CONTENT } else { &[] };
    kind.fields.iter().map(|field| field.name).chain(content.iter().copied()).collect()
}
