//! The labels of series.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use crate::text::quote;
use crate::xxhash::xxh64;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";
/// The label that holds the upper bound of a classic histogram's bucket.
pub const BUCKET: &str = "le";
/// Labels that describe what a metric is; they go when its name goes.
pub const METADATA: [&str; 3] = [METRIC_NAME, "__type__", "__unit__"];

/// One label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// Its name, any UTF-8 but empty.
    pub name: Arc<str>,
    /// Its value, never empty: an empty value is a label that is not there.
    pub value: Arc<str>,
}

struct Set {
    labels: Box<[Label]>,
    hash: u64,
    text: OnceLock<Box<str>>,
}

/// The labels of a series: sorted by name, each name once, no value empty. A clone shares them, and
/// equality and hashing look at a digest first.
#[derive(Clone)]
pub struct Labels(Arc<Set>);

impl Labels {
    /// No labels.
    pub fn empty() -> Self {
        static EMPTY: OnceLock<Labels> = OnceLock::new();
        EMPTY.get_or_init(|| Self::sorted(Vec::new())).clone()
    }

    /// From names and values in any order; of a name that comes twice the last value counts.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = Builder::default();
        for (name, value) in pairs {
            builder.set(name, value);
        }
        builder.build()
    }

    fn sorted(labels: Vec<Label>) -> Self {
        let hash = xxh64(&encoded(&labels));
        Self(Arc::new(Set { labels: labels.into_boxed_slice(), hash, text: OnceLock::new() }))
    }

    /// The labels in order of their names.
    pub fn iter(&self) -> std::slice::Iter<'_, Label> {
        self.0.labels.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.labels.is_empty()
    }

    /// The value of a label, empty if it is not there.
    pub fn get(&self, name: &str) -> &str {
        self.find(name).map_or("", |label| &label.value)
    }

    /// The same, without a copy of it.
    pub(crate) fn shared(&self, name: &str) -> Arc<str> {
        self.find(name).map_or_else(|| Arc::from(""), |label| Arc::clone(&label.value))
    }

    /// The metric's name, empty if there is none.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    fn find(&self, name: &str) -> Option<&Label> {
        let labels = &self.0.labels;
        labels.binary_search_by(|label| (*label.name).cmp(name)).ok().and_then(|at| labels.get(at))
    }

    /// The digest that Prometheus gives them (XXH64 over lengths and texts), by which `limit_ratio`
    /// decides.
    pub fn digest(&self) -> u64 {
        self.0.hash
    }

    /// Only the labels with these names.
    pub fn only(&self, names: &[Arc<str>]) -> Self {
        self.filtered(|name| names.iter().any(|kept| **kept == *name))
    }

    /// Without the labels with these names.
    pub fn without(&self, names: &[Arc<str>]) -> Self {
        self.filtered(|name| !names.iter().any(|gone| **gone == *name))
    }

    /// Without one label.
    pub fn without_one(&self, name: &str) -> Self {
        self.filtered(|other| other != name)
    }

    /// Without name, type and unit of the metric.
    pub fn without_metadata(&self) -> Self {
        self.filtered(|name| !METADATA.contains(&name))
    }

    fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        if self.iter().all(|label| keep(&label.name)) {
            return self.clone();
        }
        Self::sorted(self.iter().filter(|label| keep(&label.name)).cloned().collect())
    }

    /// With one label set, or taken away by an empty value.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut builder = Builder::from(self);
        builder.set(name, value);
        builder.build()
    }
}

/// Makes labels, from none or from others.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    labels: Vec<Label>,
}

impl From<&Labels> for Builder {
    fn from(labels: &Labels) -> Self {
        Self { labels: labels.iter().cloned().collect() }
    }
}

impl Builder {
    /// Sets a label; an empty value takes it away.
    pub fn set(&mut self, name: impl Into<Arc<str>>, value: impl Into<Arc<str>>) {
        let (name, value) = (name.into(), value.into());
        match self.labels.binary_search_by(|label| label.name.cmp(&name)) {
            Ok(at) if value.is_empty() => {
                self.labels.remove(at);
            }
            Ok(at) => {
                if let Some(label) = self.labels.get_mut(at) {
                    label.value = value;
                }
            }
            Err(_) if value.is_empty() => {}
            Err(at) => self.labels.insert(at, Label { name, value }),
        }
    }

    /// The value of a label, empty if it is not set.
    pub fn get(&self, name: &str) -> &str {
        self.labels.iter().find(|label| &*label.name == name).map_or("", |label| &label.value)
    }

    /// What was set.
    pub fn build(self) -> Labels {
        if self.labels.is_empty() { Labels::empty() } else { Labels::sorted(self.labels) }
    }
}

// Lengths under 255 take one byte, longer ones three more, low byte first: the digest is to be
// the one that Prometheus computes.
fn encoded(labels: &[Label]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(labels.len() * 24);
    for label in labels {
        for part in [&label.name, &label.value] {
            match u8::try_from(part.len()) {
                Ok(short) if short < 255 => bytes.push(short),
                _ => {
                    bytes.push(255);
                    bytes.extend(part.len().to_le_bytes().into_iter().take(3));
                }
            }
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    bytes
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.hash == other.0.hash && self.0.labels == other.0.labels)
    }
}

impl Eq for Labels {}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.labels.cmp(&other.0.labels)
    }
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

/// As Prometheus prints label sets in messages: `{__name__="up", job="a"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.text.get_or_init(|| {
            let parts: Vec<String> =
                self.iter().map(|label| format!("{}={}", label_name(&label.name), quote(&label.value))).collect();
            format!("{{{}}}", parts.join(", ")).into_boxed_str()
        });
        f.write_str(text)
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A label's name as it is written in an expression: quoted unless it is a classic name.
pub fn label_name(name: &str) -> String {
    if is_classic_name(name, false) { name.to_owned() } else { quote(name) }
}

/// Whether a name can be written without quotes; the names of metrics may have colons.
pub fn is_classic_name(name: &str, metric: bool) -> bool {
    let allowed = |c: char, first: bool| {
        c == '_' || c.is_ascii_alphabetic() || (metric && c == ':') || (!first && c.is_ascii_digit())
    };
    !name.is_empty() && name.chars().enumerate().all(|(at, c)| allowed(c, at == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_an_empty_value_is_no_label() {
        let labels = Labels::new([("job", "a"), ("__name__", "up"), ("zone", "")]);
        assert_eq!(labels.to_string(), r#"{__name__="up", job="a"}"#);
        assert_eq!(labels.get("zone"), "");
    }

    #[test]
    fn the_same_labels_are_equal_however_they_were_made() {
        let one = Labels::new([("a", "1"), ("b", "2")]);
        let other = Labels::new([("b", "2")]).with("a", "1");
        assert_eq!(one, other);
        assert_eq!(one.digest(), other.digest());
        assert_ne!(one, one.without_one("a"));
    }

    #[test]
    fn names_that_are_not_classic_are_quoted() {
        assert_eq!(Labels::new([("a.b", "x\n")]).to_string(), "{\"a.b\"=\"x\\n\"}");
    }
}
