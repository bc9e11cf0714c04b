//! The pages of one column of a row group, decompressed one after the other.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::serialized_reader::SerializedPageReader;

use super::fetched::Fetched;
use super::hybrid::hybrid;

/// Rows of a page, at most: pages of ours have less.
pub(super) const MAX_ROWS: usize = 1 << 20;

/// A column of a row group.
pub(super) struct Column {
    pages: SerializedPageReader<Fetched>,
    /// The number of the page that comes next.
    next: usize,
    optional: bool,
    /// The first row of each page.
    firsts: Vec<usize>,
    rows: usize,
    /// The page that was read last by [`Self::pages_of`].
    last: Option<(usize, Values)>,
    /// The values that pages refer to by number.
    pub dictionary: Option<Bytes>,
}

/// A page: which rows have a value, and the values.
pub(super) struct Values {
    /// Whether so many rows have one; nothing if all have.
    levels: Option<Vec<(bool, usize)>>,
    page: Bytes,
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
        let firsts: Vec<usize> =
            pages.iter().map(|page| usize::try_from(page.first_row_index).ok()).collect::<Option<_>>()?;
        // The library subtracts these from each other, and from the number of rows.
        let first = u64::try_from(pages.first()?.offset).ok()?;
        if !firsts.is_sorted() || firsts.last().is_some_and(|last| *last > rows) || first < start(chunk)? {
            return None;
        }
        let mut reader = SerializedPageReader::new(fetched, chunk, rows, Some(pages.to_vec())).ok()?;
        let is_dictionary = reader.peek_next_page().ok()?.is_some_and(|page| page.is_dict);
        let dictionary = match is_dictionary.then(|| reader.get_next_page().ok().flatten()) {
            None => None,
            Some(Some(Page::DictionaryPage {
                buf, encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY, ..
            })) => Some(buf),
            Some(_) => return None,
        };
        let levels = chunk.column_descr();
        if levels.max_rep_level() > 0 || levels.max_def_level() > 1 {
            return None;
        }
        let optional = levels.max_def_level() == 1;
        Some(Self { pages: reader, next: 0, optional, firsts, rows, last: None, dictionary })
    }

    /// Gives `each` the pages that have these rows of the row group: the page, its first row, and which of its rows they are. None
    /// may lie before those that were asked for last.
    pub fn pages_of(
        &mut self,
        rows: Range<usize>,
        mut each: impl FnMut(&Values, usize, Range<usize>) -> Option<()>,
    ) -> Option<()> {
        let mut row = rows.start;
        while row < rows.end {
            let n = self.firsts.partition_point(|first| *first <= row).checked_sub(1)?;
            let first = *self.firsts.get(n)?;
            let end = self.firsts.get(n + 1).copied().unwrap_or(self.rows);
            if self.last.as_ref().is_none_or(|(last, _)| *last != n) {
                self.last = Some((n, self.page(n, end.checked_sub(first)?)?));
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

    /// Page `n`, which has `rows` rows; not one that was passed.
    pub fn page(&mut self, n: usize, rows: usize) -> Option<Values> {
        while self.next < n {
            self.pages.skip_next_page().ok()?;
            self.next += 1;
        }
        let page = if self.next == n { self.pages.get_next_page().ok()? } else { None };
        self.next += 1;
        let (page, encoding, count, levels) = match page? {
            Page::DataPage { buf, num_values, encoding, def_level_encoding: Encoding::RLE, .. } => {
                let len = if self.optional { u32::from_le_bytes(*buf.first_chunk()?) as usize + 4 } else { 0 };
                (buf, encoding, num_values, 4.min(len)..len)
            }
            Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len: 0, .. } => {
                (buf, encoding, num_values, 0..def_levels_byte_len as usize)
            }
            _ => return None,
        };
        // Before room is made for so many.
        if count as usize != rows || rows > MAX_ROWS {
            return None;
        }
        let from = levels.end;
        let levels = if self.optional { present(page.get(levels)?, rows)? } else { Vec::new() };
        let levels = (self.optional && levels != [(true, rows)]).then_some(levels);
        Some(Values { levels, page, from, encoding })
    }
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
