//! Small numbers as runs and packed bits: definition levels, and indexes into a dictionary.

/// Gives `each` the first `count` numbers, of `width` bits, in runs: a number and how often it follows. Nothing if they
/// end early. The encoding is Parquet's RLE (number 3): <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.
pub(super) fn hybrid(
    mut bytes: &[u8],
    width: usize,
    count: usize,
    mut each: impl FnMut(usize, usize) -> Option<()>,
) -> Option<()> {
    if width > 32 {
        return None;
    }
    let mut left = count;
    while left > 0 {
        let header = usize::try_from(varint(&mut bytes)?).ok()?;
        if header & 1 == 0 {
            let (value, rest) = bytes.split_at_checked(width.div_ceil(8))?;
            bytes = rest;
            let value = value.iter().rev().fold(0, |value, byte| value << 8 | usize::from(*byte));
            let run = left.min(header >> 1);
            if run == 0 {
                return None;
            }
            each(value, run)?;
            left -= run;
        } else {
            let groups = header >> 1;
            let (packed, rest) = bytes.split_at_checked(groups.checked_mul(width)?)?;
            bytes = rest;
            let values = left.min(groups.checked_mul(8)?);
            if values == 0 {
                return None;
            }
            for n in 0..values {
                each(usize::try_from(bits(packed, n * width, width as u32)).ok()?, 1)?;
            }
            left -= values;
        }
    }
    Some(())
}

/// A number of 7 bits a byte, the lowest first.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The `width` bits, 57 at most, from bit `at` on; zeros behind the end.
#[inline]
pub(super) fn bits(bytes: &[u8], at: usize, width: u32) -> u64 {
    let word = match bytes.get(at / 8..).and_then(|bytes| bytes.first_chunk()) {
        Some(word) => u64::from_le_bytes(*word),
        None => last(bytes, at / 8),
    };
    (word >> (at % 8)) & ((1 << width) - 1)
}

/// The bytes from `at` on, of which there are fewer than eight.
#[cold]
fn last(bytes: &[u8], at: usize) -> u64 {
    let tail = bytes.get(at..).unwrap_or_default();
    tail.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], width: usize, count: usize) -> Option<Vec<usize>> {
        let mut found = Vec::new();
        hybrid(bytes, width, count, |value, len| {
            found.extend(std::iter::repeat_n(value, len));
            Some(())
        })?;
        Some(found)
    }

    #[test]
    fn runs_and_packed_bits_follow_each_other() {
        // The specification's example: 0 to 7 in three bits each; before it 4 times 5.
        let bytes = [8, 5, 3, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        assert_eq!(read(&bytes, 3, 12).unwrap(), [5, 5, 5, 5, 0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(read(&bytes, 3, 6).unwrap(), [5, 5, 5, 5, 0, 1], "the rest is padding");
        assert_eq!(read(&[200, 1, 0x34, 0x12], 13, 100).unwrap(), [0x1234; 100]);
        assert_eq!(read(&[6], 0, 3).unwrap(), [0; 3], "one entry takes no bits");
    }

    #[test]
    fn what_ends_early_or_never_is_refused() {
        for (bytes, width) in [
            (&[][..], 1),
            (&[8], 3),
            (&[3, 0, 0], 3),
            (&[0, 1], 1),
            (&[1], 1),
            (&[0xff; 11], 1),
            (&[255, 255, 255, 255, 255, 255, 255, 255, 127], 32),
            (&[2, 0, 0, 0, 0, 0], 40),
        ] {
            assert_eq!(read(bytes, width, 5), None, "{bytes:?}");
        }
    }
}
