//! Where settings are in the text of a configuration.

use std::fmt::Write as _;

use base::Limit;
use yaml::{Limits, Node, Place, Tree};

use super::skipping::Step;

/// What tells items of a list apart.
const NAMES: [&str; 4] = ["name", "cluster", "listen", "job_name"];

/// What is in a configuration, with its places.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Option<Node>);

impl Places {
    /// Nothing is known of a text that is no YAML.
    pub(super) fn of(text: &str) -> Self {
        let (bytes, nodes) = (Limit::new("config_bytes", 1 << 20), Limit::new("config_nodes", 1 << 20));
        Self(yaml::parse(text, Limits { bytes, nodes }).ok().flatten())
    }

    /// Where the value of a setting begins.
    pub(super) fn value(&self, path: &[Step]) -> Option<Place> {
        path.iter().try_fold(self.0.as_ref()?, |node, step| down(node, step)).map(|node| node.place)
    }

    /// Where the last key of a path is.
    pub(super) fn key(&self, path: &[Step]) -> Option<Place> {
        let (Step::Key(last), above) = path.split_last()? else { return None };
        let node = above.iter().try_fold(self.0.as_ref()?, |node, step| down(node, step))?;
        let Tree::Map(members) = &node.tree else { return None };
        members.iter().find(|(key, _)| key.text == *last).map(|(key, _)| key.place)
    }

    /// Where a setting is that is called like `desired.git.infra.url`, `syslog[0].tls` or `receivers.on-call`: as much
    /// of it as is written.
    pub(super) fn named(&self, name: &str) -> Option<Place> {
        let mut node = self.0.as_ref()?;
        let (mut found, mut rest) = (None, name);
        while let Some((place, next, left)) = member(node, rest) {
            (found, node, rest) = (Some(place), next, left);
        }
        found
    }
}

fn down<'n>(node: &'n Node, step: &Step) -> Option<&'n Node> {
    match (&node.tree, step) {
        (Tree::Map(members), Step::Key(name)) => {
            members.iter().find(|(key, _)| key.text == *name).map(|(_, value)| value)
        }
        (Tree::List(items), Step::Index(index)) => items.get(*index),
        _ => None,
    }
}

/// What the begin of a name means below a node: its place, itself, and what is left of the name.
fn member<'n, 't>(node: &'n Node, name: &'t str) -> Option<(Place, &'n Node, &'t str)> {
    let name = name.strip_prefix('.').unwrap_or(name);
    match &node.tree {
        Tree::Map(members) => {
            let found = members.iter().find_map(|(key, value)| Some((value, rest(name, &key.text)?)));
            // One thing may stand where a list of them may.
            let itself = || rest(name, "[0]").or_else(|| is_called(node, name)).map(|left| (node, left));
            let (value, left) = found.or_else(itself)?;
            Some((value.place, value, left))
        }
        Tree::List(items) => {
            let numbered = |(n, item)| Some((item, rest(name, &format!("[{n}]"))?));
            let found = items.iter().enumerate().find_map(numbered);
            let (item, left) = found.or_else(|| items.iter().find_map(|item| Some((item, is_called(item, name)?))))?;
            Some((item.place, item, left))
        }
        Tree::Scalar { .. } => None,
    }
}

/// What is left of a name after one that it begins with.
fn rest<'t>(name: &'t str, first: &str) -> Option<&'t str> {
    let left = name.strip_prefix(first).filter(|_| !first.is_empty())?;
    (left.is_empty() || left.starts_with(['.', '['])).then_some(left)
}

/// What is left of a name that begins with what an item is called.
fn is_called<'t>(item: &Node, name: &'t str) -> Option<&'t str> {
    let Tree::Map(members) = &item.tree else { return None };
    members.iter().filter(|(key, _)| NAMES.contains(&key.text.as_str())).find_map(|(_, value)| match &value.tree {
        Tree::Scalar { text, .. } => rest(name, text),
        _ => None,
    })
}

/// A path as people write it: `desired.git[0].url`.
pub(super) fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => _ = write!(text, ".{key}"),
            Step::Index(index) => _ = write!(text, "[{index}]"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_found_by_its_name_or_the_number_of_its_item() {
        let text = "server: {listen: x}\ndesired:\n  git:\n  - name: a.b\n    url: /x\n  - {name: c, url: /y}\nkubernetes: {cluster: prod, uid: u}\n";
        let places = Places::of(text);
        for (name, line, column) in [
            ("server.listen", 1, 18),
            ("desired.git.a.b.url", 5, 10),
            ("desired.git[1].url", 6, 20),
            ("desired.git.c.branch", 6, 5),
            ("kubernetes.prod.uid", 7, 34),
            ("kubernetes[0].uid", 7, 34),
        ] {
            assert_eq!(places.named(name), Some(Place { line, column }), "{name}");
        }
        assert_eq!(places.named("scrape"), None);
    }
}
