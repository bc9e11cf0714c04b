//! The parts of an object that were fetched.

use std::ops::Range;

use bytes::{Buf, Bytes, buf::Reader};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Parts of an object, by where they begin.
pub(super) struct Fetched {
    size: u64,
    parts: Vec<(u64, Bytes)>,
}

impl Fetched {
    /// What was fetched for `ranges`, which are in order.
    pub fn new(size: u64, ranges: &[Range<u64>], parts: Vec<Bytes>) -> Self {
        Self { size, parts: ranges.iter().map(|range| range.start).zip(parts).collect() }
    }

    fn from(&self, start: u64) -> Result<Bytes> {
        let after = self.parts.partition_point(|(from, _)| *from <= start);
        let part = after.checked_sub(1).and_then(|at| self.parts.get(at));
        let rest = part.and_then(|(from, bytes)| {
            let skipped = usize::try_from(start - from).ok().filter(|skipped| *skipped <= bytes.len())?;
            Some(bytes.slice(skipped..))
        });
        rest.ok_or_else(|| ParquetError::General(format!("byte {start} was not fetched")))
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

impl Length for Fetched {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Fetched {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.from(start).map(Buf::reader)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let rest = self.from(start)?;
        if length > rest.len() {
            return Err(ParquetError::General(format!("{length} bytes at {start} were not fetched")));
        }
        Ok(rest.slice(..length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_fetched_is_found_and_nothing_else() {
        let ranges = joined(vec![30..32, 10..14, 14..16, 12..13]);
        assert_eq!(ranges, [10..16, 30..32]);
        let fetched = Fetched::new(100, &ranges, vec![Bytes::from_static(b"abcdef"), Bytes::from_static(b"xy")]);
        assert_eq!(fetched.get_bytes(12, 3).unwrap(), "cde");
        assert_eq!(fetched.get_bytes(30, 2).unwrap(), "xy");
        for (start, length) in [(9, 1), (12, 5), (17, 1), (31, 2), (33, 1)] {
            fetched.get_bytes(start, length).unwrap_err();
        }
    }
}
