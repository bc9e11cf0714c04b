//! Manifests of other systems that were put where host manifests are read.

use crate::yaml::{Key, Node, Tree};

/// What a source of manifests reads.
pub(crate) const READS: &str =
    "host manifests, which begin with `host:`, and objects of the cluster that its `kubernetes.cluster` names";

/// Whose manifest a document is, if it is one of another system that we know.
pub(crate) fn whose(members: &[(Key, Node)]) -> Option<String> {
    let get = |name: &str| members.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
    let text = |name: &str| match get(name).map(|node| &node.tree) {
        Some(Tree::Scalar { text, .. }) => Some(text.as_str()),
        _ => None,
    };
    let is_map = |name: &str| matches!(get(name).map(|node| &node.tree), Some(Tree::Map(_)));
    if let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) {
        return Some(format!("a Kubernetes manifest ({version} {kind})"));
    }
    if get("AWSTemplateFormatVersion").is_some() || is_map("Resources") {
        return Some("a CloudFormation template".to_owned());
    }
    if get("terraform_version").is_some() {
        return Some("a Terraform state".to_owned());
    }
    if is_map("services") && get("host").is_none() {
        return Some("a Compose file".to_owned());
    }
    if text("runtime").is_some() && text("name").is_some() {
        return Some("a Pulumi project".to_owned());
    }
    None
}

/// The same for a document that is a list.
pub(crate) fn whose_list(items: &[Node]) -> Option<&'static str> {
    let has = |item: &Node, names: &[&str]| match &item.tree {
        Tree::Map(members) => members.iter().any(|(key, _)| names.contains(&key.text.as_str())),
        _ => false,
    };
    let tasks = ["tasks", "roles", "ansible.builtin.import_playbook", "import_playbook"];
    items.iter().any(|item| has(item, &tasks)).then_some("an Ansible playbook")
}
