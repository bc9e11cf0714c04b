//! Texts that are not what their protocol says, UTF-8: who sends them has others that are.

use std::borrow::Cow;

use base::{Exceeded, Limit};

/// `bytes` as text, with U+FFFD in place of what is not UTF-8; only then it is copied, and is three times as large at most.
#[inline]
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    // It is many times faster than to look for what is wrong.
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// [`lossy`] of bytes that may be many: how large the copy becomes is held to `limit` before it is made.
///
/// # Errors
/// A copy that is larger.
pub fn lossy_within(bytes: &[u8], limit: Limit) -> Result<Cow<'_, str>, Exceeded> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    let size: usize = replaced(bytes).map(str::len).sum();
    limit.check(size as u64)?;
    let mut text = String::with_capacity(size);
    text.extend(replaced(bytes));
    Ok(Cow::Owned(text))
}

/// Pieces of the text that is made of bytes.
fn replaced(bytes: &[u8]) -> impl Iterator<Item = &str> {
    bytes.utf8_chunks().flat_map(|chunk| [chunk.valid(), if chunk.invalid().is_empty() { "" } else { "\u{fffd}" }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutate;

    const LIMIT: Limit = Limit::new("test_text_bytes", 64);

    #[test]
    fn a_copy_is_as_large_as_it_has_to_be_and_within_its_limit() {
        let (good, bad) = ([b'a'; 80], [0xff; 21]);
        assert_eq!(lossy_within(&good, LIMIT).map(|text| text.len()), Ok(80), "nothing is copied");
        let text = lossy_within(&bad, LIMIT).unwrap().into_owned();
        assert_eq!((text.len(), text.capacity()), (63, 63));
        assert_eq!(lossy_within(&[0xff; 22], LIMIT).unwrap_err().got, 66);
        mutate::each("caf\u{e9} \u{20ac} \u{1f600}".as_bytes(), 2000, |bytes| {
            assert_eq!(lossy_within(bytes, Limit::new("test_text_bytes", 1 << 20)).unwrap(), lossy(bytes));
        });
    }
}
