use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// 128 bits that stand for a text: BLAKE3, cut. Equal texts have equal keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub [u8; 16]);

/// The key of a series: its canonical labels, hashed.
pub type SeriesId = Key;

impl Key {
    /// The key of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
        Self(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// `provider/scope/kind/namespace/name`; stable across versions of an API. The name may hold
/// slashes, the other parts may not; the namespace may be empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceId(String);

impl ResourceId {
    /// Joins the parts. `name` should have been through [`escape_name`] if it may not be UTF-8.
    ///
    /// # Errors
    /// If a part but the name holds a slash, or provider, scope, kind or name is empty.
    pub fn new(provider: &str, scope: &str, kind: &str, namespace: &str, name: &str) -> Result<Self, ModelError> {
        format!("{provider}/{scope}/{kind}/{namespace}/{name}").parse().and_then(|id: Self| {
            let parts = [id.provider(), id.scope_name(), id.kind(), id.namespace(), id.name()];
            if parts == [provider, scope, kind, namespace, name] { Ok(id) } else { Err(ModelError::ResourceId(id.0)) }
        })
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its key.
    pub fn key(&self) -> Key {
        Key::of(self.0.as_bytes())
    }

    /// Which kind of system it lives in: `host`, `k8s`.
    pub fn provider(&self) -> &str {
        self.part(0)
    }

    /// `provider/scope`, as records and rights name a scope.
    pub fn scope(&self) -> &str {
        let end = self.provider().len() + 1 + self.scope_name().len();
        &self.0[..end]
    }

    /// The scope without its provider: a cluster's or host's name.
    pub fn scope_name(&self) -> &str {
        self.part(1)
    }

    /// The kind: `file`, `apps.Deployment`.
    pub fn kind(&self) -> &str {
        self.part(2)
    }

    /// The namespace; may be empty.
    pub fn namespace(&self) -> &str {
        self.part(3)
    }

    /// The name; for files the path without its first slash.
    pub fn name(&self) -> &str {
        self.part(4)
    }

    fn part(&self, n: usize) -> &str {
        self.0.splitn(5, '/').nth(n).unwrap_or_default()
    }
}

impl FromStr for ResourceId {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let parts: Vec<&str> = text.splitn(5, '/').collect();
        let complete = parts.len() == 5 && [0, 1, 2, 4].iter().all(|&n| !parts[n].is_empty());
        if complete { Ok(Self(text.to_owned())) } else { Err(ModelError::ResourceId(text.to_owned())) }
    }
}

impl TryFrom<String> for ResourceId {
    type Error = ModelError;

    fn try_from(text: String) -> Result<Self, ModelError> {
        text.parse()
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> Self {
        id.0
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name of any bytes as UTF-8: `%`, control characters and bytes that are not UTF-8 become
/// `%XX`, so that different names stay different.
pub fn escape_name(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '%' || c.is_ascii_control() { push_escaped(&mut out, c as u8) } else { out.push(c) }
        }
        chunk.invalid().iter().for_each(|&byte| push_escaped(&mut out, byte));
    }
    out
}

fn push_escaped(out: &mut String, byte: u8) {
    out.push('%');
    out.push_str(&hex::encode_upper([byte]));
}

/// The bytes that [`escape_name`] was given.
pub fn unescape_name(name: &str) -> Vec<u8> {
    let bytes = name.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let escaped = bytes.get(i + 1..i + 3).filter(|_| bytes[i] == b'%').and_then(|digits| hex::decode(digits).ok());
        match escaped {
            Some(byte) => {
                out.extend(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_five_parts_and_its_name_may_hold_slashes() {
        let id: ResourceId = "host/web-1/file//etc/nginx/nginx.conf".parse().unwrap();
        assert_eq!((id.provider(), id.scope(), id.kind()), ("host", "host/web-1", "file"));
        assert_eq!((id.namespace(), id.name()), ("", "etc/nginx/nginx.conf"));
        for bad in ["", "host/web-1/file/x", "host//file/n/x", "/a/b/c/d"] {
            assert!(bad.parse::<ResourceId>().is_err(), "{bad}");
        }
        assert!(ResourceId::new("host", "a/b", "file", "", "x").is_err());
    }

    #[test]
    fn names_of_any_bytes_stay_different() {
        let names: [&[u8]; 5] = [b"a\xffb", b"a%FFb", b"a%25b", b"tab\there", "größe".as_bytes()];
        for name in names {
            assert_eq!(unescape_name(&escape_name(name)), name);
        }
        assert_ne!(escape_name(names[0]), escape_name(names[1]));
    }
}
