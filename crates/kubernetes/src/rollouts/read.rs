//! Members of objects that others write: bounded, and whatever their shape.

use std::collections::BTreeMap;

use serde_json::Value;

/// Names and values of labels.
pub(super) type Labels = BTreeMap<String, String>;

/// Labels of an object that are read.
const LABELS: usize = 64;
/// Bytes of a label's name: prefix, slash and name.
const LABEL: usize = 317;
/// Bytes of a label's value.
const VALUE: usize = 63;
/// The largest weight that is one: that of the Gateway API.
const WEIGHT: u64 = 1_000_000;

/// The text at that pointer.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str)
}

/// The name at that pointer; nothing if the text there cannot be one.
pub(super) fn name(object: &Value, pointer: &str) -> Option<String> {
    text(object, pointer).filter(|text| is_name(text)).map(str::to_owned)
}

/// Whether it can be the name of an object.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    (1..=253).contains(&text.len()) && text.bytes().all(plain)
}

/// Whether it can be the hash of a template.
pub(super) fn is_hash(text: &str) -> bool {
    (1..=VALUE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The hash at that pointer; empty if there is none.
pub(super) fn hash(object: &Value, pointer: &str) -> String {
    text(object, pointer).filter(|text| is_hash(text)).unwrap_or_default().to_owned()
}

/// The count at that pointer; 0 if there is none.
pub(super) fn count(object: &Value, pointer: &str) -> u64 {
    object.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// The items of a list at that pointer; none if there is no list.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The labels at that pointer; those of another form are left out.
pub(super) fn labels(object: &Value, pointer: &str) -> Labels {
    let members = object.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
    let texts = members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    texts.filter(|(name, value)| name.len() <= LABEL && value.len() <= VALUE).take(LABELS).collect()
}

/// A weight; `default` if there is none, nothing if it is no whole number from 0.
pub(super) fn weight(value: Option<&Value>, default: Option<u64>) -> Option<u64> {
    match value {
        None | Some(Value::Null) => default,
        Some(value) => value.as_u64().filter(|weight| *weight <= WEIGHT),
    }
}

/// The kind and name of the controller of an object.
pub(super) fn owner(object: &Value) -> Option<(&str, String)> {
    let owners = list(object, "/metadata/ownerReferences").iter();
    let mut controllers = owners.filter(|owner| owner.get("controller") == Some(&Value::Bool(true)));
    controllers.find_map(|owner| Some((text(owner, "/kind")?, name(owner, "/name")?)))
}
