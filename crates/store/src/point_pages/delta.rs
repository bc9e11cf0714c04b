//! Whole numbers as differences, packed by the bits that they need.

use super::hybrid::{bits, varint};

/// Numbers of a packed block, at most: a block of ours has 256.
const MAX_BLOCK: u64 = 1 << 16;

/// Puts the first `count` numbers of a page into `into`, in place of what was there. Nothing if there are fewer. The encoding
/// is Parquet's DELTA_BINARY_PACKED (number 5): <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.
pub(super) fn delta(mut bytes: &[u8], count: usize, into: &mut Vec<i64>) -> Option<()> {
    into.clear();
    if count == 0 {
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
    into.reserve(count);
    into.push(value);
    while into.len() < count {
        let least = signed(varint(&mut bytes)?);
        let (widths, rest) = bytes.split_at_checked(parts)?;
        bytes = rest;
        for width in widths {
            let wanted = part.min(count - into.len());
            if wanted == 0 {
                break;
            }
            let len = part / 8 * usize::from(*width);
            value = unpacked(bytes, usize::from(*width), wanted, least, value, into)?;
            bytes = bytes.get(len..)?;
        }
    }
    Some(())
}

/// Adds up `count` differences of `width` bits; gives the last sum.
fn unpacked(bytes: &[u8], width: usize, count: usize, least: i64, from: i64, into: &mut Vec<i64>) -> Option<i64> {
    let mut value = from;
    let mut sum = |difference: u64| {
        value = value.wrapping_add(least).wrapping_add(difference as i64);
        value
    };
    match width {
        0 => into.extend((0..count).map(|_| sum(0))),
        1..=56 => into.extend((0..count).map(|n| sum(bits(bytes, n * width, width as u32)))),
        57..=64 => into.extend((0..count).map(|n| sum(wide(bytes, n * width, width)))),
        _ => return None,
    }
    Some(value)
}

/// Bits that may lie in nine bytes.
fn wide(bytes: &[u8], at: usize, width: usize) -> u64 {
    bits(bytes, at, 32) | (bits(bytes, at + 32, width as u32 - 32) << 32)
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
