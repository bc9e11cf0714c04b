//! Whole numbers as differences, packed by the bits that they need.

use super::hybrid::{bits, varint};

/// Numbers of a packed block, at most: a block of ours has 256.
const MAX_BLOCK: u64 = 1 << 16;

/// Puts the first `count` numbers of a page into `into`, in place of what was there. Nothing if there are fewer. The encoding
/// is Parquet's DELTA_BINARY_PACKED (number 5): <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.
pub(super) fn delta(mut bytes: &[u8], count: usize, into: &mut Vec<i64>) -> Option<()> {
    if count == 0 {
        into.clear();
        return Some(());
    }
    let block = varint(&mut bytes).filter(|block| *block <= MAX_BLOCK)?;
    let parts = varint(&mut bytes)?;
    let total = varint(&mut bytes)?;
    let mut value = signed(varint(&mut bytes)?);
    let part = usize::try_from(block.checked_div(parts)?).ok().filter(|part| *part > 0 && *part % 8 == 0)?;
    let parts = usize::try_from(parts).ok()?;
    if (count as u64) > total {
        return None;
    }
    into.resize(count, 0);
    let (first, mut rest) = into.split_first_mut()?;
    *first = value;
    while !rest.is_empty() {
        let least = signed(varint(&mut bytes)?);
        let (widths, behind) = bytes.split_at_checked(parts)?;
        bytes = behind;
        for width in widths {
            let end = part.min(rest.len());
            let (these, others) = std::mem::take(&mut rest).split_at_mut(end);
            rest = others;
            if these.is_empty() {
                break;
            }
            value = sums(bytes, usize::from(*width), least, value, these)?;
            bytes = bytes.get(part / 8 * usize::from(*width)..)?;
        }
    }
    Some(())
}

/// Adds up differences of `width` bits; gives the last sum.
fn sums(bytes: &[u8], width: usize, least: i64, from: i64, into: &mut [i64]) -> Option<i64> {
    /// A function for each width, so that shifts and places are known when it is compiled.
    macro_rules! by_width {
        ($($width:literal)*) => {
            match width {
                0 => line(least, from, into),
                $($width => narrow::<$width>(bytes, least, from, into),)*
                57..=64 => wide(bytes, width, least, from, into),
                _ => return None,
            }
        };
    }
    Some(
        by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40
        41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56),
    )
}

/// Where all differences are the same.
fn line(difference: i64, from: i64, into: &mut [i64]) -> i64 {
    let mut value = from;
    for sum in into {
        value = value.wrapping_add(difference);
        *sum = value;
    }
    value
}

/// Eight numbers of `WIDTH` bits, 56 at most, take as many bytes.
fn narrow<const WIDTH: usize>(bytes: &[u8], least: i64, from: i64, into: &mut [i64]) -> i64 {
    let (mut value, mut at) = (from, 0);
    for sums in into.chunks_mut(8) {
        let rest = bytes.get(at..).unwrap_or_default();
        at += WIDTH;
        let differences = match rest.first_chunk() {
            Some(word) => eight::<WIDTH>(word),
            None => eight::<WIDTH>(&padded(rest)),
        };
        for (sum, difference) in sums.iter_mut().zip(differences) {
            value = value.wrapping_add(least.wrapping_add(difference as i64));
            *sum = value;
        }
    }
    value
}

#[inline]
fn eight<const WIDTH: usize>(bytes: &[u8; 64]) -> [u64; 8] {
    std::array::from_fn(|n| {
        let word = bytes.get(n * WIDTH / 8..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or_default();
        (u64::from_le_bytes(word) >> (n * WIDTH % 8)) & ((1 << WIDTH) - 1)
    })
}

/// The last bytes, of which there are fewer, with zeros behind them.
#[cold]
fn padded(rest: &[u8]) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes.iter_mut().zip(rest).for_each(|(byte, of)| *byte = *of);
    bytes
}

/// Numbers whose bits may lie in nine bytes.
fn wide(bytes: &[u8], width: usize, least: i64, from: i64, into: &mut [i64]) -> i64 {
    let mut value = from;
    for (n, sum) in into.iter_mut().enumerate() {
        let at = n * width;
        let difference = bits(bytes, at, 32) | (bits(bytes, at + 32, width as u32 - 32) << 32);
        value = value.wrapping_add(least).wrapping_add(difference as i64);
        *sum = value;
    }
    value
}

/// Zigzag: the sign is the lowest bit.
pub(super) const fn signed(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use base::Rng;
    use bytes::Bytes;
    use parquet::basic::Encoding;
    use parquet::column::page::Page;

    use super::super::tests::pages;
    use super::*;

    /// What the library writes as a page of a column of numbers.
    fn written(numbers: &[i64]) -> Bytes {
        pages(numbers)
            .into_iter()
            .find_map(|page| match page {
                Page::DataPage { buf, encoding: Encoding::DELTA_BINARY_PACKED, .. } => Some(buf),
                _ => None,
            })
            .unwrap()
    }

    #[test]
    fn numbers_of_every_width_are_read_as_the_library_wrote_them() {
        let rng = Rng::seeded(3);
        for width in 0..=64_u32 {
            for count in [1_usize, 2, 31, 257, 1_000] {
                let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
                let numbers: Vec<i64> = (0..count).map(|_| (rng.below(u64::MAX) & mask) as i64).collect();
                let page = written(&numbers);
                let mut found = vec![7; 3];
                delta(&page, count, &mut found).unwrap();
                assert_eq!(found, numbers, "{width} bits");
                let few = count.div_ceil(2);
                delta(&page, few, &mut found).unwrap();
                assert_eq!(found, numbers[..few], "a part of them");
                assert_eq!(delta(&page, count + 1, &mut found), None);
            }
        }
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let numbers: Vec<i64> = (0..1_000).map(|n| n * n).collect();
        let page = written(&numbers);
        let mut found = Vec::new();
        for end in 0..page.len() - 1 {
            // It may end within the last bits, which are padding.
            let read = delta(&page[..end], numbers.len(), &mut found);
            assert!(read.is_none() || found == numbers, "{end}");
        }
        for (at, byte) in (0..page.len()).flat_map(|at| [0, 1, 0x80, 0xff].map(|byte| (at, byte))) {
            let mut page = page.to_vec();
            page[at] = byte;
            let _ = delta(&page, numbers.len(), &mut found);
            assert!(found.len() <= numbers.len());
        }
    }
}
