//! Which stream a record is in.

use std::borrow::Cow;
use std::collections::HashMap;

use logql::{Labels, Matcher};

use super::columns::Senders;

/// Bytes of senders that are remembered; the streams of others are looked up for each of their records.
const REMEMBERED: usize = 64 << 20;

/// The label that every stream has.
pub(super) const SERVICE_NAME: &str = "service_name";
/// Its value where nobody said it, as in Loki.
pub(super) const UNKNOWN: &str = "unknown_service";

/// The streams that satisfy matchers, numbered as they come.
pub(super) struct Numbers {
    matchers: Vec<Matcher>,
    /// By service and resource, as they are stored; none if the matchers are not satisfied.
    known: HashMap<Box<[u8]>, Option<usize>>,
    by_labels: HashMap<Labels, usize>,
    labels: Vec<Labels>,
    scratch: Vec<u8>,
    /// Bytes of `known`.
    remembered: usize,
}

impl Numbers {
    pub(super) fn new(matchers: &[Matcher]) -> Self {
        let (known, by_labels) = (HashMap::new(), HashMap::new());
        Self { matchers: matchers.to_vec(), known, by_labels, labels: Vec::new(), scratch: Vec::new(), remembered: 0 }
    }

    /// The stream of a row; none if it is not wanted.
    pub(super) fn of(&mut self, senders: &Senders, row: usize) -> Option<usize> {
        self.scratch.clear();
        let mut push = |text: &str| {
            self.scratch.extend(text.as_bytes());
            // No text has it.
            self.scratch.push(0xff);
        };
        push(senders.service(row));
        for (name, value) in senders.resource(row) {
            push(name);
            push(value);
        }
        if let Some(known) = self.known.get(self.scratch.as_slice()) {
            return *known;
        }
        let number = self.number(labels(senders, row));
        if self.remembered < REMEMBERED {
            self.remembered += self.scratch.len();
            self.known.insert(self.scratch.as_slice().into(), number);
        }
        number
    }

    fn number(&mut self, labels: Labels) -> Option<usize> {
        if !self.matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name))) {
            return None;
        }
        let next = self.labels.len();
        let number = *self.by_labels.entry(labels.clone()).or_insert(next);
        if number == next {
            self.labels.push(labels);
        }
        Some(number)
    }

    /// The labels of all streams that were wanted.
    pub(super) fn labels(&self) -> &[Labels] {
        &self.labels
    }

    pub(super) fn into_labels(self) -> Vec<Labels> {
        self.labels
    }
}

fn labels(senders: &Senders, row: usize) -> Labels {
    let service = match senders.service(row) {
        "" => UNKNOWN,
        service => service,
    };
    let resource = senders.resource(row).map(|(name, value)| (label_name(name), Cow::Borrowed(value)));
    let named = std::iter::once((Cow::Borrowed(SERVICE_NAME), Cow::Borrowed(service)));
    Labels::new(
        resource
            .chain(named)
            .map(|(name, value)| (name.as_ref().into(), value.as_ref().into()))
            .collect::<Vec<(std::sync::Arc<str>, std::sync::Arc<str>)>>(),
    )
}

/// The name of a label for an attribute: `k8s.pod.name` is `k8s_pod_name`.
pub(super) fn label_name(key: &str) -> Cow<'_, str> {
    if logql::is_label_name(key) {
        return Cow::Borrowed(key);
    }
    let fine = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = key.chars().map(fine).collect();
    Cow::Owned(if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_have_names_that_loki_takes() {
        for (key, name) in [("k8s.pod.name", "k8s_pod_name"), ("app", "app"), ("2nd", "_2nd"), ("a-b", "a_b")] {
            assert_eq!(label_name(key), name);
        }
    }
}
