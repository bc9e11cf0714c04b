use base::Limit;
use yaml::{Limits, Node, Problem};

use crate::Labels;
use crate::labels::ADDRESS;
use crate::mistakes::Mistakes;

/// A file of targets is no larger.
const LIMITS: Limits =
    Limits { bytes: Limit::new("scrape_file_bytes", 64 << 20), nodes: Limit::new("scrape_file_nodes", 5_000_000) };

/// Targets that have labels in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The labels of each target, its address among them.
    pub targets: Vec<Labels>,
    /// Labels of all of them that do not have them already.
    pub labels: Labels,
}

impl Group {
    /// The labels of each target, those of the group included.
    pub fn labels(&self) -> impl Iterator<Item = Labels> {
        self.targets.iter().map(|target| {
            let mut labels = self.labels.clone();
            labels.extend(target.iter().map(|(name, value)| (name.clone(), value.clone())));
            labels
        })
    }
}

/// Reads `targets` and `labels`.
pub(crate) fn group(node: &Node, mistakes: &mut Mistakes) -> Option<Group> {
    let fields = mistakes.fields(node, "a group of targets", &["targets", "labels"], &[])?;
    let mut group = Group::default();
    for address in mistakes.texts(&fields, "targets") {
        if address.contains('/') {
            mistakes.of(&fields, "targets", format!("{address:?} is not a valid hostname"));
        }
        group.targets.push(Labels::from([(ADDRESS.to_owned(), address)]));
    }
    for (key, value) in mistakes.read(&fields, "labels", Node::texts).unwrap_or_default() {
        if key.text.is_empty() {
            mistakes.add(key.place, "labels", "a label has no name");
        }
        group.labels.insert(key.text, value);
    }
    Some(group)
}

/// Reads a file of targets, YAML or JSON; `path` becomes a label of each.
///
/// # Errors
/// All of its mistakes; then nothing of it is to be used.
pub fn file(text: &str, path: &str) -> Result<Vec<Group>, Vec<Problem>> {
    let Some(root) = yaml::parse(text, LIMITS).map_err(|problem| vec![problem])? else { return Ok(Vec::new()) };
    let mut mistakes = Mistakes::default();
    let nodes = mistakes.take(root.list("a file of targets")).unwrap_or_default();
    let mut groups: Vec<Group> = nodes.iter().filter_map(|node| group(node, &mut mistakes)).collect();
    for group in &mut groups {
        group.labels.insert("__meta_filepath".to_owned(), path.to_owned());
    }
    if mistakes.list.is_empty() { Ok(groups) } else { Err(mistakes.list) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_yaml_or_json_and_names_itself() {
        let yaml = file("- targets: [a:1, b:2]\n  labels: {env: x}\n", "t.yml").unwrap();
        let json = file(r#"[{"targets": ["a:1", "b:2"], "labels": {"env": "x"}}]"#, "t.yml").unwrap();
        assert_eq!(yaml, json);
        let labels: Vec<_> = yaml[0].labels().collect();
        assert_eq!(labels[1]["__address__"], "b:2");
        assert_eq!((labels[1]["env"].as_str(), labels[1]["__meta_filepath"].as_str()), ("x", "t.yml"));
    }

    #[test]
    fn a_mistake_in_a_file_has_its_line() {
        let wrong = |text| file(text, "t").unwrap_err()[0].to_string();
        assert!(wrong("- targets: [a]\n- tragets: [b]\n").starts_with("2:3: tragets: is not a field"));
        assert!(wrong("- targets: [http://a/b]\n").contains("not a valid hostname"));
        assert!(wrong("{}").contains("expected a list"));
    }
}
