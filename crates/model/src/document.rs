use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ModelError;

/// 128 bits of BLAKE3 over a canonical document: equal documents have equal fingerprints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// Stands for "there is no document".
    pub const ABSENT: Self = Self([0; 16]);
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A resource's canonical tree: already normalised, its secrets replaced by keyed digests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(Value);

impl Document {
    /// Takes `tree` as canonical.
    pub const fn new(tree: Value) -> Self {
        Self(tree)
    }

    /// The tree.
    pub const fn tree(&self) -> &Value {
        &self.0
    }

    /// Its fingerprint: BLAKE3 over a length-prefixed encoding in which members are sorted by name,
    /// so that neither their order nor the text around them matters.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        hash(&self.0, &mut hasher);
        let mut out = [0; 16];
        out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Fingerprint(out)
    }

    /// The tree as JSON, for a column or a page.
    pub fn to_json(&self) -> String {
        self.0.to_string()
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// If `text` is not JSON.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        Ok(Self(serde_json::from_str(text)?))
    }
}

fn hash(value: &Value, hasher: &mut blake3::Hasher) {
    match value {
        Value::Null => _ = hasher.update(b"n"),
        Value::Bool(b) => _ = hasher.update(if *b { b"t" } else { b"f" }),
        Value::Number(n) => tagged(b"#", n.to_string().as_bytes(), hasher),
        Value::String(s) => tagged(b"s", s.as_bytes(), hasher),
        Value::Array(items) => {
            counted(b"[", items.len(), hasher);
            items.iter().for_each(|item| hash(item, hasher));
        }
        Value::Object(members) => {
            counted(b"{", members.len(), hasher);
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            for (name, member) in sorted {
                tagged(b"k", name.as_bytes(), hasher);
                hash(member, hasher);
            }
        }
    }
}

fn tagged(tag: &[u8; 1], bytes: &[u8], hasher: &mut blake3::Hasher) {
    counted(tag, bytes.len(), hasher);
    hasher.update(bytes);
}

fn counted(tag: &[u8; 1], count: usize, hasher: &mut blake3::Hasher) {
    hasher.update(tag).update(&(count as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_members_does_not_matter_and_everything_else_does() {
        let print = |text: &str| Document::from_json(text).unwrap().fingerprint();
        assert_eq!(print(r#"{"a":1,"b":[true,null]}"#), print(r#"{ "b":[true,null], "a":1 }"#));
        let different =
            [r#"{"a":"1"}"#, r#"{"a":1}"#, r#"{"a":[1]}"#, r#"["a",1]"#, r#"{"a":{}}"#, r#"["ab"]"#, r#"["a","b"]"#];
        for (n, a) in different.iter().enumerate() {
            for b in &different[n + 1..] {
                assert_ne!(print(a), print(b), "{a} {b}");
            }
        }
    }
}
