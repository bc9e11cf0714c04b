//! Which row groups of a file may hold a text within their lines, without reading the lines.
//!
//! A merged file of log records has for each row group a bloom filter of pieces of its texts, between the rows and the footer, where other
//! readers of Parquet do not look. Of each [`WINDOW`] pieces of [`PIECE`] bytes that begin one after the other the filter has one, that
//! whose hash is least (a minimizer: Schleimer, Wilkerson, Aiken, "Winnowing", 2003). So a text that is looked for has, wherever it
//! stands, the same pieces as when it was written, if it has [`LEAST`] bytes or more; no words have to be told apart.

use std::ops::Range;

use arrow::array::{AsArray, RecordBatch};
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};

use crate::groups::GroupWriter;
use crate::layout::Layout;
use crate::object::ObjectReader;

/// Columns whose texts are looked into.
const COLUMNS: &[&str] = &["body"];
/// Bytes of a piece.
const PIECE: usize = 6;
/// Pieces of which one is kept.
const WINDOW: usize = 5;
/// Bytes of the shortest text that can be looked for.
const LEAST: usize = PIECE + WINDOW - 1;
/// Bytes of a filter while it is made; then it is folded.
const FILTER_BYTES: usize = 1 << 20;
/// How often a filter may say of a piece that it is there when it is not. A text has several.
const ERROR: f64 = 0.1;
/// Pieces that were seen lately, of which lines of one program have most in common.
const SEEN: usize = 4_096;
/// The entry of a file's footer that says where the filters of a column are: `first byte:bytes:crc32`, with a comma between row groups.
const ENTRY: &str = "steadfast.pieces.";

/// Makes the filters of a file that is being written.
pub(crate) struct Pieces {
    columns: Vec<Column>,
}

struct Column {
    name: &'static str,
    number: usize,
    filter: Filter,
    done: Vec<Sbbf>,
}

struct Filter {
    pieces: Sbbf,
    seen: Vec<u64>,
}

impl Filter {
    fn new() -> Self {
        // No place begins with a piece that belongs there: zeros are six NUL bytes.
        let seen = (1..=SEEN as u64).collect();
        Self { pieces: Sbbf::new_with_num_of_bytes(FILTER_BYTES), seen }
    }

    fn add(&mut self, batch: &RecordBatch, column: usize) {
        let Some(texts) = batch.column(column).as_string_opt::<i32>() else { return };
        for text in texts.iter().flatten() {
            pieces(text.as_bytes(), |piece| {
                if let Some(seen) = self.seen.get_mut(piece as usize % SEEN)
                    && *seen != piece
                {
                    *seen = piece;
                    self.pieces.insert(&piece);
                }
            });
        }
    }

    fn done(mut self) -> Sbbf {
        self.pieces.fold_to_target_fpp(ERROR);
        self.pieces
    }
}

impl Pieces {
    /// For a file of this table.
    pub fn new(layout: &Layout) -> Self {
        let column = |name: &&'static str| {
            let number = layout.schema.index_of(name).ok()?;
            Some(Column { name, number, filter: Filter::new(), done: Vec::new() })
        };
        let is_logs = layout.def.name == "logs";
        Self { columns: COLUMNS.iter().filter(|_| is_logs).filter_map(column).collect() }
    }

    /// Adds rows that are written next.
    pub fn add(&mut self, batch: &RecordBatch) {
        for column in &mut self.columns {
            column.filter.add(batch, column.number);
        }
    }

    /// Ends the filters of a row group: what is added then is in the next.
    pub fn end(&mut self) {
        for column in &mut self.columns {
            column.done.push(std::mem::replace(&mut column.filter, Filter::new()).done());
        }
    }

    /// Writes them behind the row groups, all of which have been written.
    pub fn write(self, writer: &mut GroupWriter) -> Result<(), ParquetError> {
        for column in self.columns {
            let mut places = Vec::new();
            for filter in column.done {
                let mut bytes = Vec::new();
                filter.write_bitset(&mut bytes)?;
                places.push(format!("{}:{}:{}", writer.bytes_written(), bytes.len(), crc32fast::hash(&bytes)));
                writer.append(&bytes)?;
            }
            let key = format!("{ENTRY}{}", column.name);
            writer.annotate(KeyValue::new(key, places.join(",")));
        }
        Ok(())
    }
}

/// Of `groups` those that may have a text in `column` that holds one of `parts`; all of them if that is not known.
pub(crate) async fn holding(
    reader: &ObjectReader,
    file: &ParquetMetaData,
    column: &str,
    parts: &[String],
    groups: Vec<usize>,
) -> Vec<usize> {
    if parts.iter().any(|part| part.len() < LEAST) {
        return groups;
    }
    let Some(places) = places(file, column) else { return groups };
    let wanted: Vec<Vec<u64>> = parts.iter().map(|part| of(part)).collect();
    let found: Option<Vec<&(Range<u64>, u32)>> = groups.iter().map(|group| places.get(*group)).collect();
    let Some(found) = found else { return groups };
    let ranges: Vec<Range<u64>> = found.iter().map(|(range, _)| range.clone()).collect();
    let Ok(filters) = reader.objects.get_ranges(&reader.path, &ranges).await else { return groups };
    let may_hold = |(filter, (_, crc)): (&bytes::Bytes, &&(Range<u64>, u32))| {
        if filter.is_empty() || filter.len() % 32 != 0 || crc32fast::hash(filter) != *crc {
            return true;
        }
        let filter = Sbbf::new(filter);
        wanted.iter().any(|pieces| pieces.iter().all(|piece| filter.check(piece)))
    };
    let mut kept = filters.iter().zip(&found).map(may_hold);
    groups.into_iter().filter(|_| kept.next().unwrap_or(true)).collect()
}

/// Where the filters of the row groups are, and their checksums.
fn places(file: &ParquetMetaData, column: &str) -> Option<Vec<(Range<u64>, u32)>> {
    let entries = file.file_metadata().key_value_metadata()?;
    let is_of = |entry: &&KeyValue| entry.key.strip_prefix(ENTRY) == Some(column);
    let text = entries.iter().find(is_of)?.value.as_deref()?;
    let place = |place: &str| {
        let mut numbers = place.split(':');
        let (from, bytes): (u64, u64) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        let crc = numbers.next()?.parse().ok()?;
        (bytes <= FILTER_BYTES as u64).then_some((from..from.checked_add(bytes)?, crc))
    };
    text.split(',').map(place).collect()
}

/// The pieces of a text that is looked for; none if it is too short.
fn of(text: &str) -> Vec<u64> {
    let mut found = Vec::new();
    pieces(text.as_bytes(), |piece| found.push(piece));
    found
}

/// Gives `each` the hashes of the pieces of a text that are kept, some of them more than once.
#[inline]
fn pieces(text: &[u8], mut each: impl FnMut(u64)) {
    let Some((first, rest)) = text.split_at_checked(PIECE - 1) else { return };
    let mut bytes = first.iter().fold(0_u64, |bytes, byte| bytes >> 8 | u64::from(*byte) << 40);
    // The last hashes, by the number of their piece.
    let mut window = [u64::MAX; WINDOW];
    let (mut least, mut at) = (u64::MAX, 0);
    for (n, byte) in rest.iter().enumerate() {
        bytes = bytes >> 8 | u64::from(*byte) << 40;
        // An odd number: different pieces have different hashes.
        let hash = bytes.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if let Some(place) = window.get_mut(n % WINDOW) {
            *place = hash;
        }
        let before = least;
        if hash <= least {
            (least, at) = (hash, n);
        } else if at + WINDOW <= n {
            least = u64::MAX;
            for of in n + 1 - WINDOW..=n {
                let other = window.get(of % WINDOW).copied().unwrap_or(u64::MAX);
                if other <= least {
                    (least, at) = (other, of);
                }
            }
        }
        if n + 1 == WINDOW || (n >= WINDOW && least != before) {
            each(least);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};
    use base::Rng;

    use super::*;

    impl Pieces {
        /// The bytes of the first filter of the first column.
        pub fn first_filter(&self) -> Vec<u8> {
            let mut bytes = Vec::new();
            self.columns[0].done[0].write_bitset(&mut bytes).unwrap();
            bytes
        }
    }

    /// The pieces that are kept, by definition.
    fn slowly(text: &[u8]) -> BTreeSet<u64> {
        let hash = |piece: &[u8]| {
            let bytes = piece.iter().rev().fold(0, |bytes: u64, byte| bytes << 8 | u64::from(*byte));
            bytes.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        let hashes: Vec<u64> = text.windows(PIECE).map(hash).collect();
        hashes.windows(WINDOW).filter_map(|window| window.iter().min().copied()).collect()
    }

    #[test]
    fn of_each_window_the_least_piece_is_kept() {
        let rng = Rng::seeded(4);
        for len in (0..40).chain([1_000]) {
            for letters in [1, 2, 26] {
                let text: Vec<u8> = (0..len).map(|_| b'a' + rng.below(letters) as u8).collect();
                let mut found = BTreeSet::new();
                pieces(&text, |piece| {
                    found.insert(piece);
                });
                assert_eq!(found, slowly(&text), "{}", String::from_utf8_lossy(&text));
            }
        }
    }

    #[test]
    fn every_piece_of_the_texts_is_in_their_filter() {
        let texts = ["\0".repeat(40), "a hole".to_owned() + &"\0".repeat(9), "a line as others are".to_owned()];
        for text in texts {
            let column: ArrayRef = Arc::new(StringArray::from(vec![text.as_str()]));
            let mut filter = Filter::new();
            filter.add(&RecordBatch::try_from_iter([("body", column)]).unwrap(), 0);
            let filter = filter.done();
            assert!(!of(&text).is_empty() && of(&text).iter().all(|piece| filter.check(piece)), "{text:?}");
        }
    }

    #[test]
    fn a_part_of_a_text_has_no_other_pieces() {
        let rng = Rng::seeded(5);
        let text: String = (0..500).map(|_| char::from(b' ' + rng.below(90) as u8)).collect();
        let all = slowly(text.as_bytes());
        for _ in 0..500 {
            let from = rng.below(480) as usize;
            let part = &text[from..from + rng.below(20) as usize];
            let pieces = of(part);
            assert_eq!(pieces.is_empty(), part.len() < LEAST, "{part}");
            assert!(pieces.iter().all(|piece| all.contains(piece)), "{part}");
        }
    }
}
