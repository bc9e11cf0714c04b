//! Small numbers as runs and packed bits: levels, and indexes into a dictionary.

/// Numbers that are alike become a run if they are so many; fewer are packed.
const LEAST_RUN: usize = 8;
/// Numbers are packed so many at once.
const GROUP: usize = 8;

/// Appends numbers of `width` bits, 32 at most. The encoding is Parquet's RLE (number 3):
/// <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.
pub(super) fn encode<N: Copy + PartialEq + Into<u32>>(numbers: &[N], width: u32, out: &mut Vec<u8>) {
    // What comes before `first` is written; what comes after it and before `at` is to be packed.
    let (mut first, mut at) = (0, 0);
    for run in numbers.chunk_by(PartialEq::eq) {
        let end = at + run.len();
        // Numbers of the run that fill up the group before it.
        let missing = (at - first).next_multiple_of(GROUP) - (at - first);
        if run.len() >= missing + LEAST_RUN {
            pack(&numbers[first..at + missing], width, out);
            varint(((run.len() - missing) as u64) << 1, out);
            let value: u32 = run[0].into();
            out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
            first = end;
        }
        at = end;
    }
    pack(&numbers[first..], width, out);
}

/// Appends numbers bit by bit, with zeros behind them up to a whole group.
fn pack<N: Copy + Into<u32>>(numbers: &[N], width: u32, out: &mut Vec<u8>) {
    if numbers.is_empty() {
        return;
    }
    let groups = numbers.len().div_ceil(GROUP);
    varint((groups as u64) << 1 | 1, out);
    let end = out.len() + groups * width as usize;
    let (mut bits, mut count) = (0_u64, 0);
    for &number in numbers {
        bits |= u64::from(number.into()) << count;
        count += width;
        if count >= 32 {
            out.extend_from_slice(&(bits as u32).to_le_bytes());
            (bits, count) = (bits >> 32, count - 32);
        }
    }
    out.extend_from_slice(&bits.to_le_bytes()[..count.div_ceil(8) as usize]);
    out.resize(end, 0);
}

/// Appends a number of 7 bits a byte, the lowest first.
fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Bits of the numbers below `count`.
pub(super) const fn width(count: usize) -> u32 {
    match count {
        0 | 1 => 0,
        _ => usize::BITS - (count - 1).leading_zeros(),
    }
}

#[cfg(test)]
mod tests {
    use base::Rng;

    use super::*;

    fn decode(mut bytes: &[u8], width: usize) -> Vec<u32> {
        let mut numbers = Vec::new();
        while !bytes.is_empty() {
            let length = 1 + bytes.iter().take_while(|byte| **byte >= 0x80).count();
            let header = bytes[..length].iter().rev().fold(0, |header, byte| header << 7 | usize::from(byte & 0x7f));
            let size = if header & 1 == 0 { width.div_ceil(8) } else { (header >> 1) * width };
            let (part, rest) = bytes[length..].split_at(size);
            let bit = |n: usize, place: usize| u32::from(part[n / 8] >> (n % 8) & 1) << place;
            let number = |at: usize| (0..width).fold(0, |number, place| number | bit(at * width + place, place));
            match header & 1 {
                0 => numbers.extend(std::iter::repeat_n(number(0), header >> 1)),
                _ => numbers.extend((0..(header >> 1) * 8).map(number)),
            }
            bytes = rest;
        }
        numbers
    }

    fn round_trip(numbers: &[u32], width: u32) -> usize {
        let mut bytes = Vec::new();
        encode(numbers, width, &mut bytes);
        let found = decode(&bytes, width as usize);
        let (found, zeros) = found.split_at(numbers.len());
        assert!(found == numbers && zeros.iter().all(|zero| *zero == 0), "{numbers:?} of {width} bits");
        assert!(zeros.len() < GROUP);
        bytes.len()
    }

    #[test]
    fn runs_and_packed_numbers_are_read_as_they_were_written() {
        let rng = Rng::seeded(9);
        for width in 0..=32 {
            for _ in 0..100 {
                let mut numbers = Vec::new();
                for _ in 0..rng.below(20) {
                    let number = (rng.below(1 << 32) & ((1 << width) - 1)) as u32;
                    numbers.extend(std::iter::repeat_n(number, 1 + rng.below(30) as usize));
                }
                round_trip(&numbers, width);
            }
        }
    }

    #[test]
    fn numbers_that_are_alike_take_a_few_bytes() {
        assert_eq!(round_trip(&[3; 100_000], 2), 4);
        assert_eq!(round_trip(&[0; 100_000], 0), 3);
        assert_eq!(round_trip(&[0, 1, 1, 1].repeat(2_000), 1), 1_002);
        assert_eq!(round_trip(&[], 5), 0);
        assert_eq!([0, 1, 2, 3, 4, 5, 256, 257].map(width), [0, 0, 1, 2, 2, 3, 8, 9]);
    }
}
