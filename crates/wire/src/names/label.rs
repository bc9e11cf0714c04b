use std::borrow::Cow;

use super::{NameError, Strategy};

/// The name of a label for an attribute's key.
///
/// # Errors
/// A key of which nothing is left.
pub fn label_name(key: &str, strategy: Strategy) -> Result<Cow<'_, str>, NameError> {
    let name = if strategy.escapes() { escaped(key) } else { Cow::Borrowed(key) };
    if name.chars().all(|c| c == '_') { Err(NameError(key.to_owned())) } else { Ok(name) }
}

fn escaped(key: &str) -> Cow<'_, str> {
    let reserved = key.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    let inner = reserved.unwrap_or(key);
    let name = collapsed(inner);
    if reserved.is_some() {
        return if name == inner { Cow::Borrowed(key) } else { format!("__{name}__").into() };
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("key_{name}").into() } else { name }
}

/// With `_` for each run of what a label's name may not have.
fn collapsed(key: &str) -> Cow<'_, str> {
    let bytes = key.as_bytes();
    let fine = |window: &[u8]| window != b"__";
    if bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') && bytes.windows(2).all(fine) {
        return Cow::Borrowed(key);
    }
    let mut out = String::with_capacity(key.len());
    for c in key.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    out.into()
}

/// Makes the labels of attributes, sorted by name. Attributes whose keys become the same name become one
/// label, the values in the order of the keys with `;` between them.
///
/// # Errors
/// The first key of which nothing is left.
pub fn merge_labels<'a>(
    attributes: &mut [(&'a str, Cow<'a, str>)],
    strategy: Strategy,
    labels: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>,
) -> Result<(), NameError> {
    attributes.sort_by_key(|(key, _)| *key);
    labels.clear();
    for (key, value) in attributes.iter_mut() {
        labels.push((label_name(key, strategy)?, std::mem::take(value)));
    }
    labels.sort_by(|a, b| a.0.cmp(&b.0)); // stable: equal names stay in the order of their keys
    labels.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = format!("{};{}", kept.1, next.1).into();
        }
        same
    });
    Ok(())
}
