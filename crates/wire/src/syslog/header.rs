/// The priority in `<..>` at the beginning, at most 191, and what follows it.
pub(super) fn priority(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let rest = bytes.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let (digits, rest) = rest.split_at_checked(end)?;
    let priority = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|d| d.is_ascii_digit()))?;
    Some((priority.parse().ok().filter(|priority| *priority <= 191)?, rest.get(1..)?))
}

/// What is before the first space, and what is behind it.
pub(super) fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len());
    let (word, rest) = bytes.split_at_checked(end).unwrap_or_default();
    (word, rest.get(1..).unwrap_or_default())
}

/// Bytes that are all visible ASCII, as text.
pub(super) fn visible(bytes: &[u8]) -> Option<&str> {
    let all = bytes.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(bytes).ok().filter(|_| all)
}
