//! Secrets in files: a value of a member that is named like a secret never stays, whatever is around it.

use std::sync::LazyLock;

use base::DigestKey;
use secrecy::{Names, Pattern, holds_private_key, is_secret_name, redact};

use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::of(&[
        "user = app\npassword = x1\n\"api_token\": \"x2\",\nurl=postgres://app:x3@db/x\nDB_PASSWD=x4 \n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAA",
        "/etc/ssl/private/a.key",
        "*.key",
        "a/[b-",
    ]);
    seeds.push(seeds::growing("", "password=", "x"));
    seeds.push(seeds::growing("", "-----BEGIN ", ""));
    seeds.push(seeds::growing("://", "a", ":b@"));
    seeds.push(seeds::growing("", "a.", "secret"));
    seeds
}

static KEY: LazyLock<DigestKey> = LazyLock::new(|| DigestKey::from_bytes([7; 32]));
static NAMES: LazyLock<Names> = LazyLock::new(|| Names::new(&[]).expect("patterns"));
const SECRET: &str = "hunter2-hunter2";

pub fn run(data: &[u8]) {
    let data = &*input::grown(data);
    let key = holds_private_key(data);
    let more = [b"x\n-----BEGIN RSA PRIVATE KEY-----\n", data].concat();
    assert!(holds_private_key(&more), "whatever follows");
    assert!(!key || holds_private_key(&[b"x\n", data].concat()), "whatever is before");
    let Ok(text) = std::str::from_utf8(data) else { return };
    let redacted = redact(text, &KEY);
    assert_eq!(redact(&redacted, &KEY), redacted, "{text:?}");
    for line in [format!("db_password = {SECRET}"), format!("\"apiToken\": \"{SECRET}\""), format!("a://b:{SECRET}@c")]
    {
        let around = redact(&format!("{text}\n{line}\n{text}"), &KEY);
        assert!(text.contains(SECRET) || !around.contains(SECRET), "{around:?}");
    }
    for name in text.split(['=', ':', '\n']).take(20) {
        if is_secret_name(name) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            let assigned = redact(&format!("{name}={SECRET}"), &KEY);
            assert!(!assigned.contains(SECRET), "{assigned}");
        }
    }
    for path in text.lines().take(20) {
        let _ = NAMES.is_secret(path);
        if let Ok(pattern) = Pattern::try_from(path.to_owned()) {
            assert!(!pattern.glob().is_empty());
            let _ = Names::new(&[pattern]).map(|names| names.is_secret("/etc/a"));
        }
    }
}
