//! Names of labels from keys of lines.

use crate::labels::is_label_name;

/// Bytes of the name of a label that a parser finds.
pub(super) const MAX_NAME: usize = 1_024;

/// Buffers in which names are made.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The keys of the objects around a member, joined.
    pub(super) prefix: String,
    /// A name.
    pub(super) name: String,
    /// A text without its escapes.
    pub(super) text: String,
}

/// Writes a key as the name of a label, or as a part of one: what may not be in a name becomes an
/// underscore, and one goes before a digit that a name would begin with. Of what is longer than a name may be one byte too many is
/// written.
pub(super) fn sanitize(key: &str, begins: bool, out: &mut String) {
    let key = key.trim();
    let room = (MAX_NAME + 1).saturating_sub(out.len());
    if key.len() <= room && is_label_name(key) {
        return out.push_str(key);
    }
    if begins && key.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(key.chars().take(room).map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_names() {
        for (key, name) in [("a.b", "a_b"), ("1x", "_1x"), (" a-b ", "a_b"), ("é", "_"), ("", "")] {
            let mut out = String::new();
            sanitize(key, true, &mut out);
            assert_eq!(out, name);
        }
    }
}
