//! Writing columns of maps of texts: labels and attributes, which are mostly those of the row before.
//!
//! Parquet's own writer hashes each key and each value, and goes through all levels twice. Here a text is first compared with the one at its
//! place in the row before, and rows are gone through once for both leaves. What is written is what any reader of Parquet knows: pages
//! of version 1 with a dictionary, and plain pages once that is full.

mod dictionary;
mod hybrid;
mod leaf;

use arrow::array::{Array, AsArray, MapArray, StringArray};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

pub(crate) use self::leaf::Chunk;
use self::leaf::Leaf;

/// Where a page, and a dictionary, ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub page_rows: usize,
    pub page_bytes: usize,
    pub dictionary_bytes: usize,
}

/// A column of maps in a row group that is being written.
pub(crate) struct MapColumn {
    limits: Limits,
    keys: Leaf,
    values: Leaf,
    /// Of each entry of the page, and of each row without entries: 1 unless the row begins with it.
    repetitions: Vec<u8>,
    rows: usize,
    /// The numbers of the last key and value at each place within a row.
    last: Vec<(u32, u32)>,
    /// The levels of a row whose map has no entry, and of a value.
    empty: u8,
    value: u8,
}

impl MapColumn {
    /// Of the column with these two leaves, whose maps are there always, or not (`nullable`).
    pub fn new(keys: ColumnDescPtr, values: ColumnDescPtr, nullable: bool, limits: Limits) -> Self {
        let value = values.max_def_level() as u8;
        Self {
            limits,
            keys: Leaf::new(keys),
            values: Leaf::new(values),
            repetitions: Vec::new(),
            rows: 0,
            last: Vec::new(),
            empty: u8::from(nullable),
            value,
        }
    }

    /// Adds rows.
    ///
    /// # Errors
    /// [`ParquetError`] if they are no maps of texts.
    pub fn write(&mut self, rows: &dyn Array, zstd: &mut Compressor<'static>) -> Result<(), ParquetError> {
        let no_maps = || ParquetError::General("no maps of texts".to_owned());
        let maps = rows.as_map_opt().ok_or_else(no_maps)?;
        let keys = maps.keys().as_string_opt::<i32>().ok_or_else(no_maps)?;
        let values = maps.values().as_string_opt::<i32>().ok_or_else(no_maps)?;
        for row in 0..maps.len() {
            self.row(maps, keys, values, row);
            self.rows += 1;
            let is_full =
                |leaf: &Leaf| leaf.is_full(self.limits.dictionary_bytes) || leaf.page_bytes() >= self.limits.page_bytes;
            if self.rows >= self.limits.page_rows || is_full(&self.keys) || is_full(&self.values) {
                self.end_page(zstd)?;
            }
        }
        Ok(())
    }

    fn row(&mut self, maps: &MapArray, keys: &StringArray, values: &StringArray, row: usize) {
        let offsets = maps.value_offsets();
        let entries = offsets[row] as usize..offsets[row + 1] as usize;
        if maps.is_null(row) || entries.is_empty() {
            let level = if maps.is_null(row) { 0 } else { self.empty };
            self.repetitions.push(0);
            self.keys.skip(level);
            self.values.skip(level);
            return;
        }
        if self.last.len() < entries.len() {
            self.last.resize(entries.len(), (0, 0));
        }
        let level = self.empty + 1;
        for ((entry, last), place) in entries.zip(&mut self.last).zip(0..) {
            self.repetitions.push(u8::from(place > 0));
            last.0 = self.keys.push(level, keys.value(entry).as_bytes(), last.0);
            if values.is_null(entry) {
                self.values.skip(level);
            } else {
                last.1 = self.values.push(self.value, values.value(entry).as_bytes(), last.1);
            }
        }
    }

    fn end_page(&mut self, zstd: &mut Compressor<'static>) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        for leaf in [&mut self.keys, &mut self.values] {
            leaf.end_page(&self.repetitions, self.rows, zstd)?;
            if leaf.is_full(self.limits.dictionary_bytes) {
                leaf.end_dictionary(zstd)?;
            }
        }
        self.repetitions.clear();
        self.rows = 0;
        Ok(())
    }

    /// Bytes so far, about.
    pub fn size(&self) -> usize {
        self.keys.size() + self.values.size()
    }

    /// The keys and the values.
    ///
    /// # Errors
    /// [`ParquetError`] if they are more than a file may have.
    pub fn finish(
        mut self,
        compression: Compression,
        zstd: &mut Compressor<'static>,
    ) -> Result<[Chunk; 2], ParquetError> {
        self.end_page(zstd)?;
        self.keys.end_dictionary(zstd)?;
        self.values.end_dictionary(zstd)?;
        Ok([self.keys.finish(compression)?, self.values.finish(compression)?])
    }
}
