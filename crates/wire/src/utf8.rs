//! Texts that are not what their protocol says, UTF-8: who sends them has others that are.

use std::borrow::Cow;

/// `bytes` as text, with U+FFFD in place of what is not UTF-8; only then it is copied, and is three times as large at most.
#[inline]
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    // It is many times faster than to look for what is wrong.
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
