//! Which file is which: what is decided when files are rotated. No I/O.

use serde::{Deserialize, Serialize};

/// Bytes of a file's beginning by which it is known again.
pub(super) const HEAD: usize = 1_024;

/// A file of a file system. The number may be another file's once it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct FileId {
    pub device: u64,
    pub inode: u64,
}

/// How a file begins: a digest of so many bytes, at most [`HEAD`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    length: u64,
    digest: u64,
}

impl Head {
    /// Of a file that begins with these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let bytes = bytes.get(..bytes.len().min(HEAD)).unwrap_or_default();
        let digest = blake3::hash(bytes).as_bytes().first_chunk::<8>().map_or(0, |head| u64::from_le_bytes(*head));
        Self { length: bytes.len() as u64, digest }
    }

    /// Whether a file that begins with these bytes began so before.
    pub(super) fn begins(self, bytes: &[u8]) -> bool {
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        bytes.get(..length).is_some_and(|bytes| Self::of(bytes) == self)
    }

    /// Of how many bytes it is.
    pub(super) const fn length(self) -> u64 {
        self.length
    }

    /// Whether it says less than it could.
    pub(super) const fn is_short(self) -> bool {
        self.length < HEAD as u64
    }

    /// Whether it says enough to tell two files apart.
    const fn tells(self) -> bool {
        self.length >= 16
    }
}

/// What a file is to what was read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on.
    Same,
    /// It was emptied, or another one has its number: it begins anew.
    Anew,
}

/// Compares a file with what was read: up to the byte `read`, when it began with `head`. `bytes` is how it begins now.
pub(super) fn judge(head: Head, read: u64, size: u64, bytes: &[u8]) -> Verdict {
    if size < read || !head.begins(bytes) { Verdict::Anew } else { Verdict::Same }
}

/// What is known of a file when a copy of it may turn up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Original {
    pub head: Head,
    pub read: u64,
    /// Of the last bytes before `read`; of none if they are not known.
    pub last: Head,
}

impl Original {
    /// Whether a file that begins so and is shorter may become a copy of it.
    pub(super) fn goes_on(&self, bytes: &[u8]) -> bool {
        (bytes.len() as u64) < self.head.length || self.head.begins(bytes)
    }
}

/// Whether a file's name may be that of a copy of another one: `app.log.1` or `app-20261126.log` of `app.log`.
pub(super) fn is_rotated(name: &str, of: &str) -> bool {
    let between = |rest: &str| rest.starts_with(['.', '-', '_']);
    let dated = || {
        let (stem, ending) = of.rsplit_once('.')?;
        name.strip_prefix(stem)?.strip_suffix(ending)?.strip_suffix('.').filter(|rest| between(rest))
    };
    name.strip_prefix(of).is_some_and(between) || dated().is_some()
}

/// Whether a new file, with a name that [`is_rotated`], is a copy of one, made before that was emptied: then what was
/// read of the original need not be read again, and what was not is in the copy only. `bytes` is how the new one
/// begins, `before` what it has before the byte `original.read`.
pub(super) fn is_copy(original: &Original, bytes: &[u8], before: &[u8]) -> bool {
    original.read > 0 && original.head.tells() && original.head.begins(bytes) && original.last == Head::of(before)
}

/// Names of files that were compressed when they were rotated.
pub(super) fn is_compressed(name: &str) -> bool {
    const ENDINGS: [&str; 8] = [".gz", ".zst", ".xz", ".bz2", ".lz4", ".zip", ".Z", ".lzma"];
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether bytes are of a compressed file: gzip, zstd, xz, bzip2.
pub(super) fn begins_compressed(bytes: &[u8]) -> bool {
    const MAGIC: [&[u8]; 4] = [b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh"];
    MAGIC.iter().any(|magic| bytes.starts_with(magic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_on_while_it_begins_as_before_and_is_not_shorter() {
        let head = Head::of(b"one\ntwo\n");
        let cases: [(u64, u64, &[u8], Verdict); 6] = [
            (8, 8, b"one\ntwo\n", Verdict::Same),
            (8, 14, b"one\ntwo\nthree\n", Verdict::Same),
            (4, 8, b"one\ntwo\n", Verdict::Same),
            (8, 0, b"", Verdict::Anew),
            (8, 14, b"one\nTWO\nthree\n", Verdict::Anew),
            (12, 8, b"one\ntwo\n", Verdict::Anew),
        ];
        for (read, size, bytes, expected) in cases {
            assert_eq!(judge(head, read, size, bytes), expected, "{read} {size} {bytes:?}");
        }
        assert_eq!(judge(Head::of(b""), 0, 9, b"something"), Verdict::Same, "of an empty file nothing was read");
        assert_eq!(judge(Head::of(&[7; 2000]), 2000, 2001, &[7; HEAD]), Verdict::Same);
    }

    #[test]
    fn a_copy_has_the_beginning_and_the_end_of_what_was_read() {
        let original = Original { head: Head::of(b"the first line\nsecond\n"), read: 22, last: Head::of(b"second\n") };
        let (bytes, before) = (&b"the first line\nsecond\nthird\n"[..], &b"second\n"[..]);
        assert!(is_copy(&original, bytes, before));
        assert!(!is_copy(&original, b"The first line\nsecond\n", before));
        assert!(!is_copy(&original, bytes, b"fourth\n"));
        assert!(!is_copy(&original, bytes, b""));
        assert!(!is_copy(&Original::default(), bytes, b""), "nothing was read");
        let unknown = Original { last: Head::default(), ..original };
        assert!(!is_copy(&unknown, bytes, b"") && !is_copy(&unknown, bytes, before), "how it ended is not known");
    }

    #[test]
    fn names_of_copies() {
        for name in ["app.log.1", "app.log-20261126", "app-20261126.log", "app.1.log", "app.log.2026-11-26"] {
            assert!(is_rotated(name, "app.log"), "{name}");
        }
        for name in ["app.log", "other.log.1", "application.log", "app.logger", "app2.log", "app-1.txt"] {
            assert!(!is_rotated(name, "app.log"), "{name}");
        }
        assert!(is_rotated("syslog.1", "syslog"));
    }

    #[test]
    fn what_is_compressed_is_known_by_name_or_beginning() {
        assert!(is_compressed("app.log.2.gz") && !is_compressed("app.log"));
        assert!(begins_compressed(b"\x1f\x8b\x08\0") && !begins_compressed(b"BZ is a zone"));
    }
}
