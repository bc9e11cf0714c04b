//! The labels of streams and series.

use std::fmt;
use std::sync::Arc;

use go_template::quote;

/// A name and a value.
pub type Label = (Arc<str>, Arc<str>);

/// Labels in order of their names, each name once. A clone shares them.
///
/// Other than in Prometheus a value may be empty: a parser that does not find what an expression asks
/// for sets an empty label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Labels(Arc<[Label]>);

impl Labels {
    /// No labels.
    pub fn empty() -> Self {
        Self::default()
    }

    /// From names and values in any order; of a name that comes twice the last value counts.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut labels: Vec<Label> = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        // The sort is stable: of the same names the last one stays last.
        labels.sort_by(|a, b| a.0.cmp(&b.0));
        labels.reverse();
        labels.dedup_by(|a, b| a.0 == b.0);
        labels.reverse();
        Self(labels.into())
    }

    /// The labels in order of their names.
    pub fn iter(&self) -> std::slice::Iter<'_, Label> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a label, if there is one.
    pub fn find(&self, name: &str) -> Option<&Arc<str>> {
        let at = self.0.binary_search_by(|label| (*label.0).cmp(name)).ok()?;
        self.0.get(at).map(|label| &label.1)
    }

    /// The value of a label, empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.find(name).map_or("", |value| value)
    }

    /// The labels whose names are wanted.
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        if self.iter().all(|label| keep(&label.0)) {
            return self.clone();
        }
        Self(self.iter().filter(|label| keep(&label.0)).cloned().collect())
    }

    /// With one label set, or taken away by an empty value.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let others = self.iter().filter(|label| *label.0 != *name).cloned();
        let set = (!value.is_empty()).then(|| (Arc::from(name), Arc::from(value)));
        Self::new(others.chain(set))
    }
}

/// As Loki writes them: `{app="a", job="b"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={}", quote(value))?;
        }
        f.write_str("}")
    }
}

/// A JSON object.
impl serde::Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, value)| (&**name, &**value)))
    }
}

/// Whether a name is one that a label may have: letters, digits and underscores, no digit first.
pub fn is_label_name(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    first && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_the_last_of_the_same_name_counts() {
        let labels = Labels::new([("b", "1"), ("a", "2"), ("b", "3")]);
        assert_eq!(labels.to_string(), r#"{a="2", b="3"}"#);
        assert_eq!(labels.with("b", "").with("c", "\n").to_string(), r#"{a="2", c="\n"}"#);
        assert_eq!(labels.get("missing"), "");
    }
}
