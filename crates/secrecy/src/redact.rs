use std::sync::LazyLock;

use base::DigestKey;
use regex::{Captures, Regex};

/// Whether a private key in PEM begins in `bytes` (RFC 7468, and OpenSSH's and PGP's like).
pub fn holds_private_key(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const KEY: &[u8] = b"PRIVATE KEY";
    let begins = bytes.windows(BEGIN.len()).enumerate().filter(|(_, window)| *window == BEGIN);
    let mut labels = begins.map(|(at, _)| &bytes[at + BEGIN.len()..bytes.len().min(at + BEGIN.len() + 40)]);
    labels.any(|label| {
        let line = label.split(|&byte| byte == b'\n').next().unwrap_or_default();
        line.windows(KEY.len()).any(|window| window == KEY)
    })
}

const NAME: &str = r#"[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|preshared[_-]?key|credential)[\w.-]*"#;

static SECRET_NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!("(?i)^(?:{NAME}|.*(?:[_-]pass|pwd))$")).ok());

/// Whether a member or variable of this name holds a secret: `DB_PASSWORD`, `api-token`.
pub fn is_secret_name(name: &str) -> bool {
    SECRET_NAME.as_ref().is_none_or(|secret| secret.is_match(name))
}

/// A member whose name says that its value is a secret: `db_password = x`, `"apiToken": "x"`, and
/// the user's part of `scheme://user:secret@host`.
static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(r#"(?im)({NAME}["']?[ \t]*[:=][ \t]*)([^\s#][^\n]*)|(://[^\s/:@]+:)([^\s/@]+)(@)"#)).ok()
});

/// The text with the values of members that are named like secrets replaced by keyed digests, so
/// that a diff shows that one changed and not what it is.
pub fn redact(text: &str, key: &DigestKey) -> String {
    let Some(assignment) = ASSIGNMENT.as_ref() else { return String::new() };
    let replaced = assignment.replace_all(text, |found: &Captures<'_>| {
        let part = |n: usize| found.get(n).map_or("", |part| part.as_str());
        let value = if part(2).is_empty() { part(4) } else { part(2).trim_end() };
        let digest = if DigestKey::is_digest(value) { value.to_owned() } else { key.digest(value.as_bytes()) };
        format!("{}{}{digest}{}", part(1), part(3), part(5))
    });
    replaced.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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
