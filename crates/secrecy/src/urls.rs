use base::DigestKey;

/// Addresses whose path is the secret: who knows one may post there.
const HOOKS: &[&str] =
    &["hooks.slack.com/services/", "discord.com/api/webhooks/", "discordapp.com/api/webhooks/", ".webhook.office.com/"];

/// From so many characters on a user without a password is taken for a token.
const TOKEN: usize = 20;

/// What may come after the authority of an address (RFC 3986).
const AFTER: [char; 3] = ['/', '?', '#'];

/// The text with passwords and tokens in addresses (`scheme://user:secret@host`, `redis://:secret@host`, webhooks)
/// replaced by keyed digests.
pub fn redact_urls(text: &str, key: &DigestKey) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        let length = after.find(ends).unwrap_or(after.len());
        let length = after[..length].find("://").unwrap_or(length);
        let (address, left) = after.split_at(length);
        out.push_str(before);
        out.push_str(&hide(address, key));
        rest = left;
    }
    out.push_str(rest);
    out
}

/// Whether an address in a text is over.
fn ends(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '<' | '>' | '`')
}

/// An address without its scheme.
fn hide(address: &str, key: &DigestKey) -> String {
    if let Some(at) = user_end(address) {
        let (user, rest) = address.split_at(at);
        return match user.split_once(':') {
            _ if DigestKey::is_digest(user) => address.to_owned(),
            Some((name, password)) => format!("{name}:{}{rest}", digest(password, key)),
            None if user.len() >= TOKEN => format!("{}{rest}", digest(user, key)),
            None => address.to_owned(),
        };
    }
    match HOOKS.iter().find_map(|hook| Some(address.find(hook)? + hook.len())) {
        Some(at) => format!("{}{}", &address[..at], digest(&address[at..], key)),
        None => address.to_owned(),
    }
}

/// Where user and password end: at the last `@` of the authority. A password may have slashes, as base64 has.
fn user_end(address: &str) -> Option<usize> {
    let end = address.find(AFTER).unwrap_or(address.len());
    if let Some(at) = address[..end].rfind('@') {
        return Some(at);
    }
    let colon = address[..end].find(':').filter(|_| !address.starts_with('['))?;
    let after = &address[colon + 1..end];
    let is_port = colon > 0 && !after.is_empty() && after.bytes().all(|byte| byte.is_ascii_digit());
    let first = end + address[end..].find('@').filter(|_| !is_port)?;
    let end = address[first..].find(AFTER).map_or(address.len(), |at| first + at);
    address[..end].rfind('@')
}

fn digest(secret: &str, key: &DigestKey) -> String {
    if secret.is_empty() || DigestKey::is_digest(secret) { secret.to_owned() } else { key.digest(secret.as_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_addresses_are_replaced_and_stay_so() {
        let key = DigestKey::from_bytes([1; 32]);
        for (text, before, after) in [
            ("postgres://app:swordfish@db/x", "postgres://app:", "@db/x"),
            ("redis://:swordfish@redis:6379/0", "redis://:", "@redis:6379/0"),
            ("redis://:sword/fish+==@redis:6379/0", "redis://:", "@redis:6379/0"),
            ("amqp://u:p@sword@fish:5672/v", "amqp://u:", "@fish:5672/v"),
            ("mongodb://u:sword/fi@sh@h1,h2/db?x=y", "mongodb://u:", "@h1,h2/db?x=y"),
            ("https://user:ghp_swordfish@github.com/a/b", "https://user:", "@github.com/a/b"),
            ("https://ghp_0123456789swordfish@github.com/a", "https://", "@github.com/a"),
            ("\"https://hooks.slack.com/services/T0/B0/swordfish\"", "\"https://hooks.slack.com/services/", "\""),
            ("http://a/x, tcp://:swordfish@b", "http://a/x, tcp://:", "@b"),
        ] {
            let redacted = redact_urls(text, &key);
            let middle = redacted.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            assert!(middle.is_some_and(DigestKey::is_digest), "{text}: {redacted}");
            assert_eq!(redact_urls(&redacted, &key), redacted, "{text}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let key = DigestKey::from_bytes([1; 32]);
        for text in [
            "ssh://git@github.com/a/b",
            "https://reg:5000/app@sha256:0123",
            "oci://reg/app:1.0@sha256:0123",
            "http://[::1]:80/a@b",
            "file:///C:/a@b",
            "https://app:@db/x",
            "://",
            "a@b:c",
            "http://a:80",
        ] {
            assert_eq!(redact_urls(text, &key), text);
        }
    }
}
