//! Secrets where Kubernetes expects none: in variables, arguments and ConfigMaps.

use base::DigestKey;
use secrecy::{holds_private_key, is_secret_name, redact, redact_urls};
use serde_json::Value;

/// Replaces them by keyed digests in the canonical tree of an object of that kind.
pub(crate) fn hide(tree: &mut Value, kind: &str, key: &DigestKey) {
    if kind == "ConfigMap" {
        for member in ["data", "binaryData"] {
            let Some(Value::Object(data)) = tree.get_mut(member) else { continue };
            data.iter_mut().for_each(|(name, value)| hide_text(value, is_secret_name(name), key));
        }
    } else {
        below(tree, key);
    }
}

fn below(value: &mut Value, key: &DigestKey) {
    match value {
        Value::Object(members) => {
            // `{name: DB_PASSWORD, value: x}`.
            let secret = members.get("name").and_then(Value::as_str).is_some_and(is_secret_name);
            for (name, member) in members {
                match name.as_str() {
                    "value" => hide_text(member, secret, key),
                    "args" | "command" => texts(member, key),
                    name if member.is_string() && is_secret_member(name) => hide_text(member, true, key),
                    _ => below(member, key),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| below(item, key)),
        Value::String(text) => any_text(text, key),
        _ => {}
    }
}

/// A text of which the name says nothing. Only where it is more than a word may a part of it be named like a secret:
/// `secret-store:v1` is an image.
fn any_text(text: &mut String, key: &DigestKey) {
    if holds_private_key(text.as_bytes()) {
        *text = key.digest(text.as_bytes());
    } else if text.contains(['=', '\n']) {
        *text = redact(text, key);
    } else if text.contains("://") {
        *text = redact_urls(text, key);
    }
}

/// `adminPassword` holds a secret; `secretName`, `tokenPath` and `secretKeyRef` say where one is.
fn is_secret_member(name: &str) -> bool {
    const PLACES: &[&str] = &["Name", "Ref", "Key", "Path", "File", "Namespace", "Id", "ID", "Type", "URL", "Url"];
    is_secret_name(name) && !["secret", "token"].contains(&name) && !PLACES.iter().any(|end| name.ends_with(end))
}

fn texts(value: &mut Value, key: &DigestKey) {
    match value {
        Value::Array(items) => {
            // `--password`, `x`.
            let mut secret = false;
            for item in items {
                hide_text(item, secret, key);
                secret = item.as_str().is_some_and(|text| text.starts_with('-') && is_secret_name(text));
            }
        }
        Value::Object(_) => below(value, key),
        _ => {}
    }
}

fn hide_text(value: &mut Value, whole: bool, key: &DigestKey) {
    let Value::String(text) = value else { return };
    if (whole || holds_private_key(text.as_bytes())) && !text.is_empty() && !DigestKey::is_digest(text) {
        *text = key.digest(text.as_bytes());
    } else if text.contains([':', '=']) {
        *text = redact(text, key);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_a_digest_and_stays_one() {
        let key = DigestKey::from_bytes([1; 32]);
        let mut pod = json!({"spec": {"containers": {"name=app": {
            "env": {"name=DB_PASSWORD": {"name": "DB_PASSWORD", "value": "swordfish"},
                    "name=URL": {"name": "URL", "value": "postgres://app:swordfish@db/x"},
                    "name=FROM": {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token"}}},
                    "name=MODE": {"name": "MODE", "value": "on"}},
            "args": ["--password=swordfish", "--mode=on", "--db-password", "swordfish"]}}}});
        let before = pod.clone();
        hide(&mut pod, "Pod", &key);
        assert!(!pod.to_string().contains("swordfish"), "{pod:#}");
        let env = |pod: &Value, name: &str| pod["spec"]["containers"]["name=app"]["env"][name].clone();
        for same in ["name=FROM", "name=MODE"] {
            assert_eq!(env(&pod, same), env(&before, same));
        }
        assert_eq!(pod["spec"]["containers"]["name=app"]["args"][1], "--mode=on");
        let mut custom =
            json!({"spec": {"adminPassword": "swordfish", "secretName": "db", "secret": "db", "tokenPath": "/x"}});
        hide(&mut custom, "Database", &key);
        assert!(!custom.to_string().contains("swordfish"), "{custom}");
        assert_eq!((&custom["spec"]["secretName"], &custom["spec"]["secret"]), (&json!("db"), &json!("db")));
        let once = pod.clone();
        hide(&mut pod, "Pod", &key);
        assert_eq!(pod, once);
        let mut application = json!({"metadata": {"annotations": {"note": "token = swordfish"}}, "spec": {
            "source": {"repoURL": "https://user:swordfish@github.com/a/b"}, "connectionString": "swordfish",
            "db": {"url": "Server=db;Password=swordfish"}, "dsn": "swordfish",
            "probe": {"httpHeaders": {"name=Authorization": {"name": "Authorization", "value": "Bearer swordfish"}}},
            "cache": ["redis://:swordfish@redis:6379/0"], "image": "ghcr.io/token-app/secret-store:v1"}});
        hide(&mut application, "Application", &key);
        assert!(!application.to_string().contains("swordfish"), "{application:#}");
        assert_eq!(application["spec"]["image"], "ghcr.io/token-app/secret-store:v1");
        let once = application.clone();
        hide(&mut application, "Application", &key);
        assert_eq!(application, once);
        let mut settings =
            json!({"data": {"mode": "on", "token": "swordfish", "app.ini": "user = a\npassword = swordfish\n"}});
        hide(&mut settings, "ConfigMap", &key);
        assert!(!settings.to_string().contains("swordfish") && settings.to_string().contains("user = a"), "{settings}");
    }
}
