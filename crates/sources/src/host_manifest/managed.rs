//! `manage:`, the places whose every resource must be declared.

use std::collections::BTreeMap;

use desired::Managed;

use super::file;
use super::schema::{KINDS, Kind};
use super::suggest;
use super::value::scalar;
use crate::yaml::{Errors, Key, Node, Tree};

/// Reads `- file: /etc/nginx/` (what begins so) and `- users` (all of a kind).
pub(crate) fn read(
    hosts: &[String],
    key: &Key,
    node: &Node,
    out: &mut BTreeMap<String, Vec<Managed>>,
    errors: &mut Errors,
) {
    let Tree::List(items) = &node.tree else {
        let problem = format!("must be a list such as [file: /etc/nginx/, users], not {}", node.kind());
        return errors.push(key.place, Some(&key.text), problem);
    };
    for item in items {
        match place(item) {
            Ok(managed) => {
                for host in hosts {
                    let places = out.entry(format!("host/{host}")).or_default();
                    if !places.contains(&managed) {
                        places.push(managed.clone());
                    }
                }
            }
            Err(problem) => errors.push(item.place, Some(&key.text), problem),
        }
    }
}

fn place(item: &Node) -> Result<Managed, String> {
    let (word, node) = match &item.tree {
        Tree::Map(members) => match members.as_slice() {
            [(key, node)] => (key.text.as_str(), Some(node)),
            _ => return Err("an entry names one place: `- file: /etc/nginx/`".to_owned()),
        },
        _ => (scalar(item)?, None),
    };
    let kind = kind(word)?;
    let prefix = match node {
        Some(node) => prefix(kind, scalar(node)?)?,
        None if kind.kind == "file" => return Err("say which files: `- file: /etc/nginx/`".to_owned()),
        None => String::new(),
    };
    Ok(Managed { kind: kind.kind.to_owned(), namespace: None, prefix })
}

fn kind(word: &str) -> Result<&'static Kind, String> {
    let found = KINDS.iter().find(|kind| kind.kind == word || kind.group == word);
    let known = KINDS.iter().map(|kind| kind.group);
    found.ok_or_else(|| format!("`{word}` is no kind, {}", suggest::meant(word, known)))
}

fn prefix(kind: &Kind, text: &str) -> Result<String, String> {
    if kind.kind != "file" {
        return Ok(text.to_owned());
    }
    // Without the slash, /etc/nginx would mean /etc/nginx-old too.
    match text.strip_suffix('/') {
        Some(folder) => Ok(format!("{}/", file::name(folder)?)),
        None => Err(format!("`{text}` must end with a slash: `{text}/` is all below it")),
    }
}
