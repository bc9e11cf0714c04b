use base::Limit;
use yaml::{Limits, Node, Problem};

/// A file is no larger.
const LIMITS: Limits =
    Limits { bytes: Limit::new("rule_file_bytes", 32 << 20), nodes: Limit::new("rule_file_nodes", 5_000_000) };

/// The first document of a file; none if there is nothing in it.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Problem> {
    yaml::parse(text, LIMITS)
}

/// A number.
pub(crate) fn number(node: &Node, key: &str) -> Result<f64, Problem> {
    let text = node.text(key)?;
    // YAML writes what is no number, and infinity, with a dot before it.
    let lower = text.to_ascii_lowercase();
    let bare = if lower.ends_with("nan") || lower.ends_with("inf") { text.replacen('.', "", 1) } else { text.clone() };
    promql::text::parse_float(&bare)
        .ok_or_else(|| Problem::new(node.place, key, format!("expected a number, got {text:?}")))
}

/// A duration such as `1h30m`, in milliseconds.
pub(crate) fn duration(node: &Node, key: &str) -> Result<i64, Problem> {
    let text = node.text(key)?;
    promql::text::parse_duration(&text).map_err(|error| Problem::new(node.place, key, error.to_string()))
}
