//! Manifests of Kubernetes: YAML or JSON, one or many documents, lists of objects. Read as the API
//! server's clients read them (YAML 1.1), with the line of each field.

mod declare;
mod scalar;
mod write;

use serde_json::{Map, Value};

pub use declare::{Declared, Declaring, declare};
pub use write::write;

use crate::yaml::{Dialect, Errors, Key, ManifestError, Node, Place, Tree, parse};

/// Schemas in definitions of custom resources are nested deep.
const DIALECT: Dialect = Dialect { depth: 256, merge_keys: true, last_counts: false };

/// An object as a file declares it.
#[derive(Clone, Debug)]
pub struct Object {
    /// The object.
    pub value: Value,
    /// The line in which it begins, from 1.
    pub line: u64,
    node: Node,
}

impl Object {
    /// `apiVersion`; empty if there is none.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// `kind`; empty if there is none.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// The group of its API: `apps`; empty for the core.
    pub fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// `metadata.namespace`; empty if there is none.
    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    /// `metadata.name`.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The line of a field, by its path in canonical form: entries of keyed lists by their keys
    /// (`/spec/containers/name=app/image`). Of a field that is not there, the line of what it would
    /// be in.
    pub fn line_of(&self, path: &str) -> u64 {
        let mut at = (&self.node, self.line);
        for step in path.split('/').skip(1) {
            match below(at.0, &step.replace("~1", "/").replace("~0", "~")) {
                Some(next) => at = next,
                None => break,
            }
        }
        at.1
    }
}

/// The node of a step and its line.
fn below<'a>(node: &'a Node, step: &str) -> Option<(&'a Node, u64)> {
    match &node.tree {
        Tree::Map(members) => {
            members.iter().find(|(key, _)| key.text == step).map(|(key, node)| (node, key.place.line))
        }
        Tree::List(items) => {
            let by_number = || step.parse::<usize>().ok().and_then(|n| items.get(n));
            let item = items.iter().find(|item| is_item(item, step)).or_else(by_number)?;
            Some((item, item.place.line))
        }
        Tree::Scalar { .. } => None,
    }
}

/// Whether an item has the keys of `port=80,protocol=TCP`, as far as it says them, or is that value.
fn is_item(item: &Node, step: &str) -> bool {
    let Tree::Map(members) = &item.tree else {
        return matches!(&item.tree, Tree::Scalar { text, .. } if text == step);
    };
    let mut found = false;
    let agrees = step.split(',').all(|pair| {
        let Some((key, value)) = pair.split_once('=') else { return false };
        match members.iter().find(|(name, _)| name.text == key).map(|(_, node)| &node.tree) {
            Some(Tree::Scalar { text, .. }) => {
                found |= text == value;
                text == value
            }
            Some(_) => false,
            None => true,
        }
    });
    agrees && found
}

/// Whether the first document of a text is an object of Kubernetes.
pub fn is_kubernetes(text: &str) -> bool {
    let documents = parse(text, DIALECT, &mut Errors::new(""));
    let Some(Tree::Map(members)) = documents.first().map(|document| &document.tree) else { return false };
    member(members, "apiVersion").is_some() && member(members, "kind").is_some()
}

/// The objects of a text, which `file` names in errors.
///
/// # Errors
/// All that is wrong with it, each with its place.
pub fn read(text: &str, file: &str) -> Result<Vec<Object>, Vec<ManifestError>> {
    read_as(text, file, DIALECT)
}

/// The same of a text that a program has printed: of a key that is there twice the last counts.
///
/// # Errors
/// As of [`read`]; the places are those in the text.
pub(crate) fn read_printed(text: &str, file: &str) -> Result<Vec<Object>, Vec<ManifestError>> {
    read_as(text, file, Dialect { last_counts: true, ..DIALECT })
}

fn read_as(text: &str, file: &str, dialect: Dialect) -> Result<Vec<Object>, Vec<ManifestError>> {
    let mut errors = Errors::new(file);
    let mut objects = Vec::new();
    for node in parse(text, dialect, &mut errors) {
        add(node, &mut objects, &mut errors);
    }
    if errors.list.is_empty() { Ok(objects) } else { Err(errors.list) }
}

/// Adds an object, or the objects of a `List`.
fn add(node: Node, objects: &mut Vec<Object>, errors: &mut Errors) {
    let Tree::Map(members) = &node.tree else {
        return errors.push(
            node.place,
            None,
            format!("must be an object with `apiVersion` and `kind`, not {}", node.kind()),
        );
    };
    let text = |name: &str| {
        member(members, name).and_then(|node| match &node.tree {
            Tree::Scalar { text, .. } if !node.is_null() => Some(text.as_str()),
            _ => None,
        })
    };
    if text("kind").is_some_and(|kind| kind.ends_with("List"))
        && let Some(Node { tree: Tree::List(items), .. }) = member(members, "items")
    {
        return items.iter().for_each(|item| add(item.clone(), objects, errors));
    }
    let Some(value) = value(&node, errors) else { return };
    for name in ["apiVersion", "kind"] {
        if text(name).is_none_or(str::is_empty) {
            errors.push(node.place, Some(name), "is missing: every object has one");
        }
    }
    let named = value.pointer("/metadata/name").and_then(Value::as_str);
    if named.is_none_or(str::is_empty) && text("kind") != Some("Kustomization") {
        errors.push(node.place, Some("metadata.name"), "is missing: what has no name cannot be compared");
    }
    objects.push(Object { value, line: node.place.line, node });
}

fn member<'a>(members: &'a [(Key, Node)], name: &str) -> Option<&'a Node> {
    members.iter().find(|(key, _)| key.text == name).map(|(_, node)| node)
}

/// A node as JSON.
fn value(node: &Node, errors: &mut Errors) -> Option<Value> {
    match &node.tree {
        Tree::Scalar { text, plain: false } => Some(Value::from(text.as_str())),
        Tree::Scalar { text, plain: true } => match scalar::read(text) {
            Ok(value) => Some(value),
            Err(problem) => {
                fail(errors, node.place, problem);
                None
            }
        },
        Tree::List(items) => Some(Value::Array(items.iter().filter_map(|item| value(item, errors)).collect())),
        Tree::Map(members) => {
            let mut out = Map::new();
            for (key, node) in members {
                if let Some(value) = value(node, errors) {
                    out.insert(key.text.clone(), value);
                }
            }
            Some(Value::Object(out))
        }
    }
}

fn fail(errors: &mut Errors, place: Place, problem: String) {
    errors.push(place, None, problem);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
        - name: app
          image: nginx:1.27
          env:
            - name: A
              value: x
          ports:
            - containerPort: 80
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: one}
    data: {mode: 'on'}
---
";

    #[test]
    fn documents_and_lists_are_read_with_their_lines() {
        let objects = read(TEXT, "web.yaml").unwrap();
        let named: Vec<_> =
            objects.iter().map(|object| (object.group(), object.kind(), object.name(), object.line)).collect();
        assert_eq!(named, [("apps", "Deployment", "web", 1), ("", "ConfigMap", "one", 19)]);
        assert_eq!(objects[1].value["data"], json!({"mode": "on"}));
        let lines = [
            ("/spec/template/spec/containers/name=app/image", 9),
            ("/spec/template/spec/containers/name=app/env/name=A", 11),
            ("/spec/template/spec/containers/name=app/env/name=A/value", 12),
            ("/spec/template/spec/containers/name=app/ports/containerPort=80,protocol=TCP", 14),
            ("/spec/template/spec/containers/name=app/env/name=B", 10),
            ("/spec/replicas", 4),
        ];
        for (path, line) in lines {
            assert_eq!(objects[0].line_of(path), line, "{path}");
        }
    }

    #[test]
    fn merge_keys_are_taken_over_and_own_members_count_first() {
        let text =
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nbase: &b {a: 1, b: 2}\ndata: {<<: *b, b: 3}\n";
        assert_eq!(read(text, "f").unwrap()[0].value["data"], json!({"a": 1, "b": 3}));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let cases = [
            ("kind: A\nmetadata: {name: x}\n", "f:1:1: `apiVersion`: is missing"),
            ("apiVersion: v1\nkind: A\n", "f:1:1: `metadata.name`: is missing"),
            ("- a\n", "f:1:1: must be an object"),
            (
                "apiVersion: v1\nkind: A\nkind: B\nmetadata: {name: x}\n",
                "f:3:1: `kind`: is there twice, first in line 2",
            ),
            ("a: [\n", "broken YAML"),
            (
                "apiVersion: v1\nkind: A\nmetadata: {name: x}\nspec: .nan\n",
                "f:4:7: `.nan` is no number that JSON knows",
            ),
            ("a: &a [x, x]\nb: &b [*a, *a]\nc: {<<: *b}\n", "`<<`: must be a map or a list of maps"),
        ];
        for (text, expected) in cases {
            let errors: Vec<String> = read(text, "f").unwrap_err().iter().map(ToString::to_string).collect();
            assert!(errors.iter().any(|error| error.contains(expected)), "{text}: {errors:?}");
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..9 {
            let before = format!("*a{}", n - 1);
            text.push_str(&format!("a{n}: &a{n} [{}]\n", vec![before; 10].join(", ")));
        }
        let errors = read(&text, "f").unwrap_err();
        assert!(errors[0].to_string().contains("too much in one file"), "{errors:?}");
    }
}
