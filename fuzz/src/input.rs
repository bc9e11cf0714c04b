//! What is made of the fuzzer's bytes.

use std::borrow::Cow;

/// Parts of an input that is to grow are parted by this byte, which is in no UTF-8 text.
const PARTED: u8 = 0xff;

/// How large an input grows, in bytes: enough that what takes quadratic time is seen.
const GROWN: usize = 60_000;

/// Of `a ÿ b ÿ c` it makes a, then b again and again, then c: so that a small input finds what grows too fast.
/// Without both marks it is as it came.
pub fn grown(data: &[u8]) -> Cow<'_, [u8]> {
    let parts: Vec<&[u8]> = data.splitn(3, |byte| *byte == PARTED).collect();
    match parts.as_slice() {
        [before, part, after] if !part.is_empty() => {
            let times = GROWN / part.len().min(GROWN) + 1;
            [*before, &part.repeat(times), *after].concat().into()
        }
        _ => data.into(),
    }
}

/// [`grown`], if it is text.
pub fn text(data: &[u8]) -> Option<Cow<'_, str>> {
    match grown(data) {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

/// The first byte, for a choice, and the rest.
pub fn choice(data: &[u8]) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (*first, rest))
}

/// Fails if a place is not in a text.
pub fn assert_place(text: &str, line: usize, column: usize) {
    let lines = text.split('\n').count();
    assert!((1..=lines + 1).contains(&line), "line {line} of {lines}");
    assert!(column >= 1, "column {column}");
}
