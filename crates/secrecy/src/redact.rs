use std::sync::LazyLock;

use base::DigestKey;
use regex::Regex;

use crate::urls::redact_urls;

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

/// What a name of a secret holds, wherever it stands.
const WITHIN: &str =
    "passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|preshared[_-]?key|credential";
/// What a name of a secret may end with.
const ENDS: &str = "[_-]pass|pwd|authorization|cookie|bearer|dsn|connection[_-]?string";

static SECRET_NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!(r"(?i)^(?:[\w.-]*(?:{WITHIN})[\w.-]*|.*(?:{ENDS}))$")).ok());

/// Whether a member or variable of this name holds a secret: `DB_PASSWORD`, `api-token`.
pub fn is_secret_name(name: &str) -> bool {
    SECRET_NAME.as_ref().is_none_or(|secret| secret.is_match(name))
}

/// A member whose name says that its value is a secret: `db_password = x`, `"apiToken": "x"`.
static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = format!(r"[\w.-]*(?:(?:{WITHIN})[\w.-]*|(?:{ENDS}))");
    Regex::new(&format!(r#"(?i)({name}["']?[ \t]*[:=][ \t]*)([^\s#][^\n]*)"#)).ok()
});

/// The text with the values of members that are named like secrets, and with secrets in addresses, replaced by keyed
/// digests, so that a diff shows that one changed and not what it is. A value may be a block of YAML.
pub fn redact(text: &str, key: &DigestKey) -> String {
    let Some(assignment) = ASSIGNMENT.as_ref() else { return String::new() };
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let Some((name, value)) = assignment.captures(line).and_then(|found| found.get(1).zip(found.get(2))) else {
            out.push_str(&redact_urls(line, key));
            continue;
        };
        out.push_str(&redact_urls(&line[..value.start()], key));
        let value = value.as_str().trim_end();
        out.push_str(&if is_block(value) { value.to_owned() } else { digest(value, key) });
        out.push_str(if line.ends_with('\n') { "\n" } else { "" });
        if is_block(value) {
            let depth = depth(&line[..name.start()]);
            let mut block = String::new();
            while let Some(line) = lines.next_if(|line| line.trim().is_empty() || indent(line) > depth) {
                block.push_str(line);
            }
            out.push_str(&hidden_block(&block, key));
        }
    }
    out
}

fn digest(value: &str, key: &DigestKey) -> String {
    if DigestKey::is_digest(value) { value.to_owned() } else { key.digest(value.as_bytes()) }
}

/// Whether the value is in the next lines, which are indented deeper: `|`, `>-`, `|2 # why`.
fn is_block(value: &str) -> bool {
    let rest = value.strip_prefix(['|', '>']);
    let rest = rest.map(|rest| rest.trim_start_matches(|c: char| c == '+' || c == '-' || c.is_ascii_digit()));
    rest.is_some_and(|rest| rest.is_empty() || rest.trim_start_matches([' ', '\t']).starts_with('#'))
}

/// How deep the name after `before` stands, also that of an item's first member.
fn depth(before: &str) -> usize {
    let name = before.trim_end_matches(['"', '\'']);
    if name.chars().all(|c| c == ' ' || c == '-') { name.len() } else { indent(before) }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// A block with its first line's indentation, and a digest instead of all of it.
fn hidden_block(block: &str, key: &DigestKey) -> String {
    let value = block.trim();
    if value.is_empty() {
        return block.to_owned();
    }
    let first = block.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let end = if block.ends_with('\n') { "\n" } else { "" };
    format!("{}{}{end}", " ".repeat(indent(first)), digest(value, key))
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

    /// Whatever is hidden as a member is hidden in a text, too.
    #[test]
    fn a_name_of_a_secret_hides_its_value_in_a_text() {
        let key = DigestKey::from_bytes([1; 32]);
        let words = [
            "password",
            "passwd",
            "passphrase",
            "secret",
            "token",
            "api_key",
            "apikey",
            "access-key",
            "private_key",
            "preshared-key",
            "credential",
            "credentials",
            "_pass",
            "-pass",
            "pwd",
            "authorization",
            "cookie",
            "bearer",
            "dsn",
            "connectionString",
            "connection_string",
        ];
        for word in words {
            for name in
                [word.to_owned(), format!("db.{word}"), format!("SMTP_{}", word.to_uppercase()), format!("--{word}")]
            {
                assert!(is_secret_name(&name), "{name}");
                for text in [
                    format!("{name}=swordfish"),
                    format!("  {name}: swordfish\n"),
                    format!("\"{name}\" : \"swordfish\""),
                ] {
                    let redacted = redact(&text, &key);
                    assert!(!redacted.contains("swordfish"), "{redacted}");
                }
            }
        }
        for name in ["authorization-mode", "cookies_enabled", "pass", "bypass", "compass", "mode", "username"] {
            assert!(!is_secret_name(name), "{name}");
            assert_eq!(redact(&format!("{name}=on"), &key), format!("{name}=on"));
        }
    }

    #[test]
    fn a_block_is_hidden_as_a_whole() {
        let key = DigestKey::from_bytes([1; 32]);
        let text = "db:\n  password: |-\n    blue\n\n    whale\n  user: app\nusers:\n- token: > # why\n    bluewhale\n  name: a\n";
        let redacted = redact(text, &key);
        assert!(!redacted.contains("blue") && !redacted.contains("whale"), "{redacted}");
        for kept in
            ["db:\n  password: |-\n    keyed:", "\n  user: app\nusers:\n- token: > # why\n    keyed:", "\n  name: a\n"]
        {
            assert!(redacted.contains(kept), "{kept}: {redacted}");
        }
        assert_eq!(redact(&redacted, &key), redacted);
        assert_eq!(redact("secret: |\nmode: on\n", &key), "secret: |\nmode: on\n", "an empty one");
    }
}
