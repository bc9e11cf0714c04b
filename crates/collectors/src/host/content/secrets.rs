use std::path::Path;
use std::sync::LazyLock;

use base::DigestKey;
use collect::CollectError;
use regex::{Captures, Regex};

use crate::host::pattern::{Pattern, Patterns};

/// Names of files that hold secrets on every host.
pub(crate) const SECRET_NAMES: &[&str] = &[
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

/// How much of a content may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// A digest, and the text with the secrets in it replaced.
    Open,
    /// A digest: not every user of the host may read it, so not every user of the store may.
    Private,
    /// A keyed digest only.
    Secret,
}

/// Which files hold secrets.
pub(crate) struct SecretRules {
    secret: Patterns,
    not_secret: Patterns,
    shown: Patterns,
}

impl SecretRules {
    /// `secret`: patterns beside those that are always there; `shown`: files whose text is kept
    /// though not everyone on the host may read them.
    ///
    /// # Errors
    /// If the patterns are too large.
    pub(crate) fn new(secret: &[Pattern], shown: &[Pattern]) -> Result<Self, CollectError> {
        let secret = [Pattern::list(SECRET_NAMES), secret.to_vec()].concat();
        Ok(Self {
            secret: Patterns::new(&secret)?,
            not_secret: Patterns::new(&Pattern::list(NOT_SECRET))?,
            shown: Patterns::new(shown)?,
        })
    }

    /// By the name and mode of a file; its content may still say more, see [`holds_private_key`].
    pub(crate) fn of(&self, path: &Path, mode: u32) -> Secrecy {
        if self.secret.matches(path) && !self.not_secret.matches(path) {
            Secrecy::Secret
        } else if mode & 0o004 == 0 && !self.shown.matches(path) {
            Secrecy::Private
        } else {
            Secrecy::Open
        }
    }
}

/// Whether a private key in PEM begins in `bytes` (RFC 7468, and OpenSSH's and PGP's like).
pub(crate) fn holds_private_key(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const KEY: &[u8] = b"PRIVATE KEY";
    let begins = bytes.windows(BEGIN.len()).enumerate().filter(|(_, window)| *window == BEGIN);
    let mut labels = begins.map(|(at, _)| &bytes[at + BEGIN.len()..bytes.len().min(at + BEGIN.len() + 40)]);
    labels.any(|label| {
        let line = label.split(|&byte| byte == b'\n').next().unwrap_or_default();
        line.windows(KEY.len()).any(|window| window == KEY)
    })
}

/// A member whose name says that its value is a secret: `db_password = x`, `"apiToken": "x"`, and
/// the user's part of `scheme://user:secret@host`.
static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = r#"[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|preshared[_-]?key|credential)[\w.-]*"#;
    Regex::new(&format!(r#"(?im)({name}["']?[ \t]*[:=][ \t]*)([^\s#][^\n]*)|(://[^\s/:@]+:)([^\s/@]+)(@)"#)).ok()
});

/// The text with the values of members that are named like secrets replaced by keyed digests, so
/// that a diff shows that one changed and not what it is.
pub(crate) fn redact(text: &str, key: &DigestKey) -> String {
    let Some(assignment) = ASSIGNMENT.as_ref() else { return String::new() };
    let replaced = assignment.replace_all(text, |found: &Captures<'_>| {
        let part = |n: usize| found.get(n).map_or("", |part| part.as_str());
        let value = if part(2).is_empty() { part(4) } else { part(2).trim_end() };
        format!("{}{}{}{}", part(1), part(3), key.digest(value.as_bytes()), part(5))
    });
    replaced.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> SecretRules {
        SecretRules::new(&Pattern::list(&["/opt/app/vault"]), &Pattern::list(&["/etc/sudoers"])).unwrap()
    }

    #[test]
    fn names_and_modes_say_what_may_be_kept() {
        let secret = [
            "/etc/shadow",
            "/etc/shadow-",
            "/etc/gshadow",
            "/a/tls.key",
            "/etc/ssh/ssh_host_rsa_key",
            "/root/.ssh/id_rsa",
        ];
        let more = [
            "/a/x.p12",
            "/a/.netrc",
            "/home/a/.aws/credentials",
            "/a/.env",
            "/opt/app/vault",
            "/etc/wireguard/wg0.conf",
        ];
        for path in secret.iter().chain(&more) {
            assert_eq!(rules().of(Path::new(path), 0o644), Secrecy::Secret, "{path}");
        }
        for path in ["/etc/passwd", "/etc/ssh/ssh_host_rsa_key.pub", "/etc/ssl/certs/ca.pem", "/etc/environment"] {
            assert_eq!(rules().of(Path::new(path), 0o644), Secrecy::Open, "{path}");
        }
        assert_eq!(rules().of(Path::new("/etc/at.deny"), 0o640), Secrecy::Private);
        assert_eq!(rules().of(Path::new("/etc/sudoers"), 0o440), Secrecy::Open);
    }

    #[test]
    fn private_keys_are_known_by_their_first_line() {
        for label in
            ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
        {
            assert!(holds_private_key(format!("x\n-----BEGIN {label}-----\nAAA").as_bytes()), "{label}");
        }
        assert!(!holds_private_key(b"-----BEGIN CERTIFICATE-----\nPRIVATE KEY"));
        assert!(!holds_private_key(b"-----BEGIN "));
    }

    #[test]
    fn values_of_members_named_like_secrets_are_replaced() {
        let key = DigestKey::from_bytes([1; 32]);
        let text = "user = app\npassword = hunter2\n\"api_token\": \"hunter2\",\nurl=postgres://app:hunter2@db/x\nPasswordAuthentication no\nDB_PASSWD=hunter2 \n";
        let redacted = redact(text, &key);
        assert!(!redacted.contains("hunter2"), "{redacted}");
        for kept in
            ["user = app\n", "PasswordAuthentication no\n", "postgres://app:keyed:", "@db/x\n", "password = keyed:"]
        {
            assert!(redacted.contains(kept), "{kept}: {redacted}");
        }
        assert_ne!(redact("password=a", &key), redact("password=b", &key));
        assert_eq!(redact("no members here: at all", &key), "no members here: at all");
    }
}
