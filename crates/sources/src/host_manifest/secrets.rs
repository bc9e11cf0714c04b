//! What is a secret in a declared file. The same rules as those of the collectors of hosts: a
//! digest that one side keys and the other does not would be drift that is none.

use std::sync::LazyLock;

use base::DigestKey;
use globset::GlobSet;
use regex::{Captures, Regex};

use crate::pattern::{self, Pattern};

/// Names of files that hold secrets on every host: of these a manifest keeps a keyed digest only.
pub const SECRET_PATTERNS: &[&str] = &[
    "/etc/shadow*",
    "/etc/gshadow*",
    "/etc/security/opasswd",
    "/etc/krb5.keytab",
    "*.keytab",
    "*.key",
    "*_key",
    "*-key.pem",
    "privkey*.pem",
    "id_*",
    "/etc/ssl/private/**",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.kdbx",
    ".netrc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".git-credentials",
    "*credentials*",
    ".env",
    "*.env",
    ".env.*",
    "*secret*",
    "*.ovpn",
    "/etc/wireguard/**",
    "/etc/ppp/*-secrets",
];

/// Names that look like those but hold none: public keys.
const NOT_SECRET: &[&str] = &["id_*.pub", "*_key.pub"];

/// Which files are secrets, and the key for their digests.
#[derive(Clone, Debug)]
pub struct Secrets {
    key: DigestKey,
    secret: GlobSet,
    not_secret: GlobSet,
}

impl Secrets {
    /// Files whose path (with its first slash) matches one of `patterns` are secrets, but for
    /// public keys.
    ///
    /// # Errors
    /// If a pattern is no glob; names it.
    pub fn new<S: AsRef<str>>(key: DigestKey, patterns: &[S]) -> Result<Self, String> {
        let set = |patterns: &[Pattern]| pattern::set(patterns);
        Ok(Self { key, secret: set(&Pattern::list(patterns)?)?, not_secret: set(&Pattern::list(NOT_SECRET)?)? })
    }

    /// Whether the file at `path` (with its first slash) is a secret.
    pub fn is_secret(&self, path: &str) -> bool {
        self.secret.is_match(path) && !self.not_secret.is_match(path)
    }

    /// Whether a file with that content is one: by its path, or because a private key begins in it.
    pub(crate) fn holds(&self, path: &str, content: &[u8]) -> bool {
        self.is_secret(path) || holds_private_key(content)
    }

    /// The keyed digest of a secret value.
    pub fn digest(&self, value: &[u8]) -> String {
        self.key.digest(value)
    }

    /// The text with the values of members that are named like secrets replaced by keyed digests,
    /// so that a diff shows that one changed and not what it is.
    pub(crate) fn redact(&self, text: &str) -> String {
        let Some(assignment) = ASSIGNMENT.as_ref() else { return String::new() };
        let replaced = assignment.replace_all(text, |found: &Captures<'_>| {
            let part = |n: usize| found.get(n).map_or("", |part| part.as_str());
            let value = if part(2).is_empty() { part(4) } else { part(2).trim_end() };
            format!("{}{}{}{}", part(1), part(3), self.digest(value.as_bytes()), part(5))
        });
        replaced.into_owned()
    }
}

/// A member whose name says that its value is a secret: `db_password = x`, `"apiToken": "x"`, and
/// the user's part of `scheme://user:secret@host`.
static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = r#"[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|preshared[_-]?key|credential)[\w.-]*"#;
    Regex::new(&format!(r#"(?im)({name}["']?[ \t]*[:=][ \t]*)([^\s#][^\n]*)|(://[^\s/:@]+:)([^\s/@]+)(@)"#)).ok()
});

/// Whether a private key in PEM begins in `bytes` (RFC 7468, and OpenSSH's and PGP's like).
fn holds_private_key(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut labels = text.split("-----BEGIN ").skip(1);
    labels.any(|label| {
        label.lines().next().unwrap_or_default().chars().take(40).collect::<String>().contains("PRIVATE KEY")
    })
}
