//! The parts of an object that were fetched.

use std::ops::Range;

use bytes::Bytes;

/// Parts of an object, by where they begin.
pub(super) struct Fetched(Vec<(u64, Bytes)>);

impl Fetched {
    /// What was fetched for `ranges`, which are in order.
    pub fn new(ranges: &[Range<u64>], parts: Vec<Bytes>) -> Self {
        Self(ranges.iter().map(|range| range.start).zip(parts).collect())
    }

    /// The bytes of a range, if all of them were.
    pub fn part(&self, range: &Range<u64>) -> Option<&[u8]> {
        let after = self.0.partition_point(|(from, _)| *from <= range.start);
        let (from, bytes) = self.0.get(after.checked_sub(1)?)?;
        let within = |at: u64| usize::try_from(at.checked_sub(*from)?).ok();
        bytes.get(within(range.start)?..within(range.end)?)
    }
}

/// Ranges in order, those that touch as one.
pub(super) fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let touches = next.start <= last.end;
        if touches {
            last.end = last.end.max(next.end);
        }
        touches
    });
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_fetched_is_found_and_nothing_else() {
        let ranges = joined(vec![30..32, 10..14, 14..16, 12..13]);
        assert_eq!(ranges, [10..16, 30..32]);
        let fetched = Fetched::new(&ranges, vec![Bytes::from_static(b"abcdef"), Bytes::from_static(b"xy")]);
        assert_eq!(fetched.part(&(12..15)), Some(b"cde".as_slice()));
        assert_eq!(fetched.part(&(30..32)), Some(b"xy".as_slice()));
        for range in [9..10, 12..17, 17..18, 31..33, 33..34, Range { start: 15, end: 12 }] {
            assert_eq!(fetched.part(&range), None);
        }
    }
}
