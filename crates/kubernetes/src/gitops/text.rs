//! Texts of objects that others write: bounded, and whatever their shape.

use serde_json::Value;

/// Characters of a text that are kept.
const LONGEST: usize = 400;

/// The text at that pointer; empty if there is none.
pub(super) fn at(object: &Value, pointer: &str) -> String {
    clean(object.pointer(pointer).and_then(Value::as_str).unwrap_or_default())
}

/// Without what could not be printed, and not too long.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// The items of a list at that pointer; none if there is no list.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A full hash of a commit.
pub(super) fn commit(text: &str) -> Option<String> {
    let hash = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    hash.then(|| text.to_ascii_lowercase())
}

/// A revision for people: of a hash its first ten letters.
pub(super) fn short(revision: &str) -> String {
    let (before, last) = match revision.rfind([':', '/', '@']) {
        Some(at) => revision.split_at(at + 1),
        None => ("", revision),
    };
    match commit(last) {
        Some(hash) => format!("{before}{}", hash.get(..10).unwrap_or_default()),
        None => revision.to_owned(),
    }
}

/// Whether two addresses are of one repository, by host and path: `git@host:a/b.git` and `https://host/a/b` are.
pub(super) fn same_repository(one: &str, other: &str) -> bool {
    !one.is_empty() && plain(one) == plain(other)
}

fn plain(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = match rest.find(['/', ':']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let path = path.trim_start_matches(':');
    // A port is no part of the name.
    let path = match path.split_once('/') {
        Some((port, rest)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => path,
    };
    let path = path.trim_matches('/');
    format!("{host}/{}", path.strip_suffix(".git").unwrap_or(path))
}
