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

/// As with Prometheus' defaults: `_` for each character that a classic name may not have, and `key` before what it may not begin with,
/// or should not.
fn escaped(key: &str) -> Cow<'_, str> {
    let is_classic = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = match key.chars().all(is_classic) {
        true => Cow::Borrowed(key),
        false => key.chars().map(|c| if is_classic(c) { c } else { '_' }).collect::<String>().into(),
    };
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("key_{name}").into();
    }
    // Two of them are reserved, and stay.
    if name.starts_with('_') && !name.starts_with("__") { format!("key{name}").into() } else { name }
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
