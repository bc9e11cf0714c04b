use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// A text that is never printed: `Debug` and `Display` show `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being printed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that must send or compare it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a configuration finds a secret: `{env: NAME}` or `{file: PATH}`, never the text itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; white space at its end is cut.
    File(PathBuf),
    /// Known already, from elsewhere than a configuration of ours.
    #[serde(skip)]
    Given(Secret),
}

/// A secret that could not be read; never holds a part of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set or not UTF-8.
    #[error("the environment variable {0} is not set")]
    Env(String),
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{0} is empty")]
    Empty(String),
}

impl SecretRef {
    /// Reads the secret.
    ///
    /// # Errors
    /// If it is not there, not readable or empty.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        let (text, place) = match self {
            Self::Given(secret) => (secret.expose().to_owned(), "the secret".to_owned()),
            Self::Env(name) => (
                std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?,
                format!("the environment variable {name}"),
            ),
            Self::File(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| SecretError::File { path: path.clone(), source })?;
                (text, path.display().to_string())
            }
        };
        let text = text.trim_end();
        if text.is_empty() { Err(SecretError::Empty(place)) } else { Ok(Secret::new(text)) }
    }
}

/// The key under which secret values are digested, so that a digest can be compared, stored and
/// shown, but not looked up in a table of common secrets.
#[derive(Clone)]
pub struct DigestKey([u8; 32]);

impl DigestKey {
    /// A new random key from the operating system.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn generate() -> std::io::Result<Self> {
        use std::io::Read;
        let mut key = [0; 32];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
        Ok(Self(key))
    }

    /// From 32 bytes that were kept.
    pub const fn from_bytes(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// From 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut key = [0; 32];
        hex::decode_to_slice(text, &mut key).ok()?;
        Some(Self(key))
    }

    /// The bytes, to keep them in a file that only we can read.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A hasher under this key, for values that are read as a stream.
    pub fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }

    /// The digest of `value` as it is stored and shown: `keyed:` and 32 hexadecimal digits.
    pub fn digest(&self, value: &[u8]) -> String {
        Self::render(&blake3::keyed_hash(&self.0, value))
    }

    /// Whether a text is such a digest.
    pub fn is_digest(text: &str) -> bool {
        let digits = text.strip_prefix("keyed:");
        digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// How a keyed hash is stored and shown.
    pub fn render(hash: &blake3::Hash) -> String {
        format!("keyed:{}", hex::encode(&hash.as_bytes()[..16]))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
    }

    #[test]
    fn a_file_is_trimmed_and_must_not_be_empty() {
        let path = std::env::temp_dir().join(format!("steadfast-secret-{}", std::process::id()));
        std::fs::write(&path, "key\n").unwrap();
        assert_eq!(SecretRef::File(path.clone()).resolve().unwrap().expose(), "key");
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(SecretRef::File(path.clone()).resolve(), Err(SecretError::Empty(_))));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn digests_differ_by_key_and_by_value() {
        let (a, b) = (DigestKey::from_bytes([1; 32]), DigestKey::from_bytes([2; 32]));
        assert_eq!(a.digest(b"x"), a.digest(b"x"));
        assert_ne!(a.digest(b"x"), b.digest(b"x"));
        assert_ne!(a.digest(b"x"), a.digest(b"y"));
    }
}
