use serde_json::Value;

use super::schema::{FILE_TYPES, Type};
use super::suggest;
use crate::yaml::{Node, Tree};

/// What a node says as a value of a type.
///
/// # Errors
/// What is wrong with it and what was meant. Never holds a password.
pub(crate) fn value(node: &Node, of: Type) -> Result<Value, String> {
    if of == Type::Names {
        return names(node);
    }
    let text = scalar(node)?;
    match of {
        Type::Text => Ok(Value::from(text)),
        Type::Number => {
            text.parse::<u64>().map(Value::from).map_err(|_| format!("`{text}` is no whole number, such as 1001"))
        }
        Type::Sort if FILE_TYPES.contains(&text) => Ok(Value::from(text)),
        Type::Sort => Err(format!("`{text}` is no type of file, {}", suggest::meant(text, FILE_TYPES.iter().copied()))),
        Type::Mode => mode(text).map(Value::from),
        Type::Digest => digest(text).map(Value::from),
        Type::Password => password(text).map(Value::from),
        Type::Names => names(node),
    }
}

/// The text of a scalar.
///
/// # Errors
/// If it is a list, a map or nothing.
pub(crate) fn scalar(node: &Node) -> Result<&str, String> {
    match &node.tree {
        Tree::Scalar { text, .. } if !node.is_null() => Ok(text),
        _ if node.is_null() => Err("has no value: leave it out, or write \"\" for an empty one".to_owned()),
        _ => Err(format!("must be a single value, not {}", node.kind())),
    }
}

/// A list of texts in the order of a set: sorted, each once.
fn names(node: &Node) -> Result<Value, String> {
    let Tree::List(items) = &node.tree else {
        return Err(format!("must be a list such as [alice, bob], not {}", node.kind()));
    };
    let mut names = items.iter().map(|item| scalar(item).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
    names.sort_unstable();
    names.dedup();
    Ok(Value::from(names))
}

/// Permission bits in four octal digits. YAML 1.1 reads `0644` as a number; the text is what counts here.
fn mode(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = (3..=5).contains(&digits.len()) && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    match u32::from_str_radix(digits, 8) {
        Ok(bits) if octal && bits <= 0o7777 => Ok(format!("{bits:04o}")),
        _ => Err(format!("`{text}` is no mode: permission bits in octal, such as \"0644\"")),
    }
}

/// An algorithm and as many hexadecimal digits as it has.
pub(crate) fn digest(text: &str) -> Result<String, String> {
    let digits = |name: &str| match name {
        "blake3" | "sha256" => Some(64),
        "keyed" | "md5" => Some(32),
        _ => None,
    };
    let hexadecimal = |text: &str| text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    match text.split_once(':').map(|(name, rest)| (digits(name), rest)) {
        Some((Some(count), rest)) if rest.len() == count && hexadecimal(rest) => Ok(text.to_owned()),
        Some((Some(count), _)) => Err(format!("a digest has {count} lower-case hexadecimal digits after its colon")),
        _ => Err("is no digest: `blake3:` and 64 hexadecimal digits, or `keyed:` and 32".to_owned()),
    }
}

/// How an account's password is, as the collector of accounts says it: nothing more is known of it.
const PASSWORDS: &[&str] = &["locked", "set", "empty"];

/// What is not one of the words stays out of the message: it may be a password.
fn password(text: &str) -> Result<String, String> {
    if PASSWORDS.contains(&text) {
        return Ok(text.to_owned());
    }
    Err("must be `locked`, `set` or `empty`; a password or its hash does not belong here".to_owned())
}

/// A node as JSON: a scalar in quotes is a text, a plain one what JSON makes of it.
///
/// # Errors
/// If a plain scalar is no JSON.
pub(crate) fn json(node: &Node) -> Result<Value, String> {
    match &node.tree {
        Tree::Scalar { text, plain: false } => Ok(Value::from(text.as_str())),
        Tree::Scalar { text, .. } if text.is_empty() => Ok(Value::Null),
        Tree::Scalar { text, .. } => match serde_json::from_str(text) {
            Ok(value) => Ok(value),
            Err(_) => Ok(Value::from(text.as_str())),
        },
        Tree::List(items) => items.iter().map(json).collect::<Result<Vec<_>, _>>().map(Value::from),
        Tree::Map(members) => members
            .iter()
            .map(|(key, node)| Ok((key.text.clone(), json(node)?)))
            .collect::<Result<serde_json::Map<_, _>, String>>()
            .map(Value::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_however_they_are_written() {
        for (text, bits) in [("0644", "0644"), ("644", "0644"), ("0o755", "0755"), ("4755", "4755"), ("01777", "1777")]
        {
            assert_eq!(mode(text).unwrap(), bits, "{text}");
        }
        for bad in ["", "0888", "rw-r--r--", "44", "77777", "+644", "-644"] {
            assert!(mode(bad).unwrap_err().contains("0644"), "{bad}");
        }
    }

    #[test]
    fn digests_have_a_known_algorithm_and_its_length() {
        assert!(digest(&format!("blake3:{}", "a".repeat(64))).is_ok());
        assert!(digest(&format!("keyed:{}", "0".repeat(32))).is_ok());
        for bad in ["", "blake3:", "blake3:zz", "sha1:aa", "keyed:AA"] {
            assert!(digest(bad).is_err(), "{bad}");
        }
    }
}
