use base::DigestKey;
use secrecy::{Names, holds_private_key, redact};

/// Which declared files are secrets, and the key for their digests. The live side must have the
/// same of both: a digest that one side keys and the other does not would be drift that is none.
#[derive(Clone, Debug)]
pub struct Secrets {
    key: DigestKey,
    names: Names,
}

impl Secrets {
    /// Files that are so named are secrets.
    pub const fn new(key: DigestKey, names: Names) -> Self {
        Self { key, names }
    }

    /// Whether the file at `path` (with its first slash) is a secret.
    pub fn is_secret(&self, path: &str) -> bool {
        self.names.is_secret(path)
    }

    /// Whether a file with that content is one: by its path, or because a private key begins in it.
    pub(crate) fn holds(&self, path: &str, content: &[u8]) -> bool {
        self.is_secret(path) || holds_private_key(content)
    }

    /// The key for digests.
    pub(crate) const fn key(&self) -> &DigestKey {
        &self.key
    }

    /// The keyed digest of a secret value.
    pub fn digest(&self, value: &[u8]) -> String {
        self.key.digest(value)
    }

    /// The text with the values of members that are named like secrets replaced by keyed digests.
    pub(crate) fn redact(&self, text: &str) -> String {
        redact(text, &self.key)
    }
}
