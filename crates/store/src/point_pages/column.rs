//! The pages of one column of a row group, unpacked one after the other.

use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use super::fetched::Fetched;
use super::header::{Kind, header};
use super::hybrid::hybrid;
use super::unpack::Unpacker;

/// Rows of a page, at most: pages of ours have less.
pub(super) const MAX_ROWS: usize = 1 << 20;

/// A column of a row group.
pub(super) struct Column {
    fetched: Arc<Fetched>,
    is_packed: bool,
    optional: bool,
    /// Where the dictionary is, if there is one.
    dictionary: Option<Range<u64>>,
    pages: Vec<Place>,
    rows: usize,
    /// The page that was read last by [`Self::pages_of`].
    last: Option<(usize, Values)>,
}

/// Where a page is, and its first row.
struct Place {
    bytes: Range<u64>,
    first: usize,
}

/// A page: which rows have a value, and the values.
pub(super) struct Values {
    /// Whether so many rows have one; nothing if all have.
    levels: Option<Vec<(bool, usize)>>,
    page: Vec<u8>,
    from: usize,
    pub encoding: Encoding,
}

impl Column {
    pub fn new(
        fetched: Arc<Fetched>,
        chunk: &ColumnChunkMetaData,
        rows: usize,
        pages: &[PageLocation],
    ) -> Option<Self> {
        let is_packed = match chunk.compression() {
            Compression::UNCOMPRESSED => false,
            Compression::ZSTD(_) => true,
            _ => return None,
        };
        let levels = chunk.column_descr();
        if levels.max_rep_level() > 0 || levels.max_def_level() > 1 {
            return None;
        }
        let pages: Vec<Place> = pages.iter().map(place).collect::<Option<_>>()?;
        let (start, first) = (start(chunk)?, pages.first()?.bytes.start);
        let dictionary = (first > start).then_some(start..first);
        let optional = levels.max_def_level() == 1;
        Some(Self { fetched, is_packed, optional, dictionary, pages, rows, last: None })
    }

    /// The values that pages refer to by number: none if there is no dictionary.
    pub fn dictionary(&self, unpacker: &mut Unpacker) -> Option<Vec<u8>> {
        let mut values = Vec::new();
        let Some(place) = &self.dictionary else { return Some(values) };
        let (of, bytes) = header(self.fetched.part(place)?)?;
        let Kind::Dictionary { encoding: Some(Encoding::PLAIN | Encoding::PLAIN_DICTIONARY) } = of.kind else {
            return None;
        };
        unpacker.unpack(self.is_packed, bytes.get(..of.packed)?, of.unpacked, &mut values)?;
        Some(values)
    }

    /// Gives `each` the pages that have these rows of the row group: the page, its first row, and which of its rows they are.
    pub fn pages_of(
        &mut self,
        rows: Range<usize>,
        unpacker: &mut Unpacker,
        mut each: impl FnMut(&Values, usize, Range<usize>) -> Option<()>,
    ) -> Option<()> {
        let mut row = rows.start;
        while row < rows.end {
            let n = self.pages.partition_point(|page| page.first <= row).checked_sub(1)?;
            let first = self.pages.get(n)?.first;
            let end = self.pages.get(n + 1).map_or(self.rows, |page| page.first);
            if self.last.as_ref().is_none_or(|(last, _)| *last != n) {
                let room = self.last.take().map(|(_, page)| page.page).unwrap_or_default();
                self.last = Some((n, self.page(n, end.checked_sub(first)?, unpacker, room)?));
            }
            let (_, page) = self.last.as_ref()?;
            let next = end.min(rows.end);
            if next <= row {
                return None;
            }
            each(page, first, row - first..next - first)?;
            row = next;
        }
        Some(())
    }

    /// Page `n`, which has `rows` rows, in the room that is given.
    pub fn page(&self, n: usize, rows: usize, unpacker: &mut Unpacker, mut room: Vec<u8>) -> Option<Values> {
        let (of, bytes) = header(self.fetched.part(&self.pages.get(n)?.bytes)?)?;
        let stored = bytes.get(..of.packed)?;
        // Before room is made for so many.
        let is_of = |values: usize| (values == rows && rows <= MAX_ROWS).then_some(());
        let (levels, encoding) = match of.kind {
            Kind::First { values, encoding } => {
                is_of(values)?;
                unpacker.unpack(self.is_packed, stored, of.unpacked, &mut room)?;
                let len = if self.optional { u32::from_le_bytes(*room.first_chunk()?) as usize + 4 } else { 0 };
                (4.min(len)..len, encoding?)
            }
            Kind::Second { values, encoding, definitions, repetitions: 0, packed } => {
                is_of(values)?;
                let (levels, stored) = stored.split_at_checked(definitions)?;
                let unpacked = of.unpacked.checked_sub(definitions)?;
                unpacker.unpack(self.is_packed && packed, stored, unpacked, &mut room)?;
                let levels = self.levels(levels, rows)?;
                return Some(Values { levels, page: room, from: 0, encoding: encoding? });
            }
            _ => return None,
        };
        let from = levels.end;
        let levels = self.levels(room.get(levels)?, rows)?;
        Some(Values { levels, page: room, from, encoding })
    }

    /// Which of so many rows have a value, if not all have.
    fn levels(&self, levels: &[u8], rows: usize) -> Option<Option<Vec<(bool, usize)>>> {
        let levels = if self.optional { present(levels, rows)? } else { Vec::new() };
        Some((self.optional && levels != [(true, rows)]).then_some(levels))
    }
}

fn place(page: &PageLocation) -> Option<Place> {
    let start = u64::try_from(page.offset).ok()?;
    let end = start.checked_add(u64::try_from(page.compressed_page_size).ok()?)?;
    Some(Place { bytes: start..end, first: usize::try_from(page.first_row_index).ok()? })
}

/// Where the pages of a column begin, the dictionary among them.
pub(super) fn start(chunk: &ColumnChunkMetaData) -> Option<u64> {
    // The library's own panics for what is below zero.
    u64::try_from(chunk.compressed_size()).ok()?;
    u64::try_from(chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset())).ok()
}

/// In runs, whether rows have a value.
fn present(levels: &[u8], rows: usize) -> Option<Vec<(bool, usize)>> {
    let mut runs: Vec<(bool, usize)> = Vec::new();
    hybrid(levels, 1, rows, |level, run| {
        match runs.last_mut() {
            Some((present, before)) if *present == (level == 1) => *before += run,
            _ => runs.push((level == 1, run)),
        }
        Some(())
    })?;
    Some(runs)
}

impl Values {
    /// The room that it took.
    pub fn into_room(self) -> Vec<u8> {
        self.page
    }

    /// The encoded values of the rows that have one.
    pub fn bytes(&self) -> &[u8] {
        self.page.get(self.from..).unwrap_or_default()
    }

    /// Whether every row has one.
    pub const fn is_full(&self) -> bool {
        self.levels.is_none()
    }

    /// How many of the first `rows` rows have one.
    pub fn count(&self, rows: usize) -> usize {
        let mut count = 0;
        self.present(0, rows, |_, run| count += run);
        count
    }

    /// Gives `each` the rows from `lo` to before `hi` that have a value, in runs: the first row and how many follow.
    pub fn present(&self, lo: usize, hi: usize, mut each: impl FnMut(usize, usize)) {
        let Some(levels) = &self.levels else {
            if lo < hi {
                each(lo, hi - lo);
            }
            return;
        };
        let mut row = 0;
        for (present, run) in levels {
            let (from, to) = (row.max(lo), (row + run).min(hi));
            row += run;
            if *present && from < to {
                each(from, to - from);
            }
            if row >= hi {
                return;
            }
        }
    }
}
