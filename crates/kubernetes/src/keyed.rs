//! Lists in canonical form: which become objects, and how their items are named.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::schema::{Schema, Shape};
use crate::tree::Tree;

/// Members that tell the items of a list apart where no schema says so.
const NAMES: &[&str] = &["name", "id", "key"];

/// A list of that shape, whose items are in canonical form.
pub(crate) fn listed<'a>(items: Vec<Tree<'a>>, shape: &Shape, schema: &Schema) -> Tree<'a> {
    match shape {
        Shape::Set(_) => Tree::of(items.into_iter().map(|item| (item.step(), item)).collect()),
        Shape::Keyed(keys, item) => keyed(items, |tree| name(tree, keys, item, schema)),
        Shape::Any => match NAMES.iter().find(|name| tells_apart(&items, name)) {
            Some(key) => keyed(items, |tree| tree.get(key).map(|value| named(key, value))),
            None => Tree::List(items),
        },
        _ => Tree::List(items),
    }
}

/// Of items with the same key the last counts, as it does for the kubelet.
fn keyed<'a>(mut items: Vec<Tree<'a>>, name: impl FnMut(&mut Tree<'a>) -> Option<String>) -> Tree<'a> {
    let Some(names) = items.iter_mut().map(name).collect::<Option<Vec<_>>>() else { return Tree::List(items) };
    Tree::of(names.into_iter().map(Cow::Owned).zip(items).collect())
}

/// `port=80,protocol=TCP`; a key that is absent is filled in.
fn name(item: &mut Tree<'_>, keys: &[String], shape: &Shape, schema: &Schema) -> Option<String> {
    let mut name = String::new();
    for key in keys {
        item.or_insert(key, || {
            let Shape::Object(id) = shape else { return None };
            Tree::scalar(schema.get(*id).field(key)?.default.as_ref()?)
        })?;
        if !name.is_empty() {
            name.push(',');
        }
        name.push_str(&named(key, item.get(key)?));
    }
    Some(name)
}

fn named(key: &str, value: &Tree<'_>) -> String {
    let value = value.step();
    let mut name = String::with_capacity(key.len() + 1 + value.len());
    name.push_str(key);
    name.push('=');
    name.push_str(&value);
    name
}

/// Whether every item is an object with a text of that name, each another.
fn tells_apart(items: &[Tree<'_>], name: &str) -> bool {
    let mut seen = HashSet::new();
    items.iter().all(|item| item.get(name).and_then(Tree::as_str).is_some_and(|text| seen.insert(text)))
}
