//! The lines of a file, by their bytes. No I/O.

/// What a file's unread bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A line without its end.
    Line { bytes: &'a [u8], consumed: usize },
    /// The beginning of a line that is longer than the limit; [`rest`] is to be passed over.
    Cut { bytes: &'a [u8], consumed: usize },
    /// The last line has no end so far.
    More,
}

/// The first line; at most `limit` bytes of it.
pub(super) fn next(buffer: &[u8], limit: usize) -> Piece<'_> {
    let end = memchr::memchr(b'\n', buffer.get(..buffer.len().min(limit + 1)).unwrap_or_default());
    match end {
        Some(end) => {
            let bytes = buffer.get(..end).unwrap_or_default();
            Piece::Line { bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes), consumed: end + 1 }
        }
        None if buffer.len() > limit => Piece::Cut { bytes: buffer.get(..limit).unwrap_or_default(), consumed: limit },
        None => Piece::More,
    }
}

/// How many bytes are the rest of a line that was cut, and whether that ends in them.
pub(super) fn rest(buffer: &[u8]) -> (usize, bool) {
    memchr::memchr(b'\n', buffer).map_or((buffer.len(), false), |end| (end + 1, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_are_cut_and_wait() {
        assert_eq!(next(b"a b\r\nc", 10), Piece::Line { bytes: b"a b", consumed: 5 });
        assert_eq!(next(b"\n", 10), Piece::Line { bytes: b"", consumed: 1 });
        assert_eq!(next(b"0123456789\n", 10), Piece::Line { bytes: b"0123456789", consumed: 11 });
        assert_eq!(next(b"0123456789a\n", 10), Piece::Cut { bytes: b"0123456789", consumed: 10 });
        assert_eq!(next(b"0123456789", 10), Piece::More);
        assert_eq!((rest(b"xx\ny"), rest(b"xx"), rest(b"")), ((3, true), (2, false), (0, false)));
    }
}
