use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::page_index::offset_index::{OffsetIndexMetaData, PageLocation};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use super::dictionary::Dictionary;
use super::hybrid::{encode, width};

/// The texts of a row group in one leaf of a column of maps, as they become pages.
pub(super) struct Leaf {
    column: ColumnDescPtr,
    /// Nothing once it had no more room: what comes then is written as it is.
    dictionary: Option<Dictionary>,
    /// The dictionary page, which stands before the others.
    dictionary_page: Option<CompressedPage>,
    /// Of each entry, and of each row without entries, how much of the path to the leaf is there.
    levels: Vec<u8>,
    /// The texts of the page, by number or as they are.
    numbers: Vec<u32>,
    plain: Vec<u8>,
    pages: Vec<(CompressedPage, usize)>,
    /// Bytes of the pages.
    bytes: usize,
    slots: usize,
}

/// A leaf's part of a row group, as it stands in a file.
pub(crate) struct Chunk {
    pub bytes: Bytes,
    pub close: ColumnCloseResult,
}

impl Leaf {
    pub fn new(column: ColumnDescPtr) -> Self {
        Self {
            column,
            dictionary: Some(Dictionary::default()),
            dictionary_page: None,
            levels: Vec::new(),
            numbers: Vec::new(),
            plain: Vec::new(),
            pages: Vec::new(),
            bytes: 0,
            slots: 0,
        }
    }

    /// Adds a place without a text.
    pub fn skip(&mut self, level: u8) {
        self.levels.push(level);
    }

    /// Adds a text, which may be the one with the number `like`, and gives its number.
    #[inline]
    pub fn push(&mut self, level: u8, text: &[u8], like: u32) -> u32 {
        self.levels.push(level);
        if let Some(dictionary) = &mut self.dictionary {
            let number = dictionary.number(text, like);
            self.numbers.push(number);
            return number;
        }
        // The length of a text of Arrow has 31 bits.
        self.plain.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.plain.extend_from_slice(text);
        like
    }

    /// Whether there are as many different texts as may be.
    pub fn is_full(&self, dictionary_bytes: usize) -> bool {
        self.dictionary.as_ref().is_some_and(|dictionary| dictionary.bytes() >= dictionary_bytes)
    }

    /// Bytes of the page so far, about.
    pub fn page_bytes(&self) -> usize {
        let bits = self.dictionary.as_ref().map_or(0, |dictionary| width(dictionary.len()) as usize);
        self.plain.len() + self.numbers.len() * bits / 8 + self.levels.len() / 4
    }

    /// Bytes of all so far, about.
    pub fn size(&self) -> usize {
        self.bytes + self.page_bytes() + self.dictionary.as_ref().map_or(0, Dictionary::bytes)
    }

    /// Ends a page of so many rows, with the levels that say where rows begin.
    pub fn end_page(
        &mut self,
        repetitions: &[u8],
        rows: usize,
        zstd: &mut Compressor<'static>,
    ) -> Result<(), ParquetError> {
        let mut page = Vec::with_capacity(self.plain.len() + self.numbers.len() + self.levels.len());
        levels(repetitions, self.column.max_rep_level(), &mut page);
        levels(&self.levels, self.column.max_def_level(), &mut page);
        let encoding = match &self.dictionary {
            Some(dictionary) => {
                let width = width(dictionary.len());
                page.push(width as u8);
                encode(&self.numbers, width, &mut page);
                Encoding::RLE_DICTIONARY
            }
            None => {
                page.extend_from_slice(&self.plain);
                Encoding::PLAIN
            }
        };
        let packed = Page::DataPage {
            buf: zstd.compress(&page)?.into(),
            num_values: u32::try_from(self.levels.len()).map_err(|error| ParquetError::External(error.into()))?,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let packed = CompressedPage::new(packed, page.len());
        self.bytes += packed.compressed_size();
        self.slots += self.levels.len();
        self.pages.push((packed, rows));
        self.levels.clear();
        self.numbers.clear();
        self.plain.clear();
        Ok(())
    }

    /// Takes no more texts into the dictionary; between two pages.
    pub fn end_dictionary(&mut self, zstd: &mut Compressor<'static>) -> Result<(), ParquetError> {
        let Some(dictionary) = self.dictionary.take() else { return Ok(()) };
        let count = dictionary.len();
        let page = dictionary.into_page();
        let packed = Page::DictionaryPage {
            buf: zstd.compress(&page)?.into(),
            num_values: u32::try_from(count).map_err(|error| ParquetError::External(error.into()))?,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let packed = CompressedPage::new(packed, page.len());
        self.bytes += packed.compressed_size();
        self.dictionary_page = Some(packed);
        Ok(())
    }

    /// The pages, the dictionary first. All have been ended.
    pub fn finish(mut self, compression: Compression) -> Result<Chunk, ParquetError> {
        let mut file = TrackedWrite::new(Vec::with_capacity(self.bytes + 64 * (self.pages.len() + 1)));
        let mut writer = SerializedPageWriter::new(&mut file);
        let mut sizes = (0, 0);
        let mut write = |page: CompressedPage| -> Result<PageWriteSpec, ParquetError> {
            let written = writer.write_page(page)?;
            sizes = (sizes.0 + written.compressed_size, sizes.1 + written.uncompressed_size);
            Ok(written)
        };
        let dictionary = self.dictionary_page.take().map(&mut write).transpose()?;
        let (mut places, mut row, mut encodings) = (Vec::new(), 0, [0, 0]);
        for (page, rows) in self.pages {
            encodings[usize::from(page.encoding() == Encoding::PLAIN)] += 1;
            let written = write(page)?;
            places.push(PageLocation {
                offset: number(written.offset as usize)?,
                compressed_page_size: i32::try_from(written.compressed_size).map_err(too_large)?,
                first_row_index: number(row)?,
            });
            row += rows;
        }
        let stats = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        let stats = [
            stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, i32::from(dictionary.is_some())),
            stats(PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, encodings[0]),
            stats(PageType::DATA_PAGE, Encoding::PLAIN, encodings[1]),
        ];
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(compression)
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_page_encoding_stats(stats.into_iter().filter(|stats| stats.count > 0).collect())
            .set_total_compressed_size(number(sizes.0)?)
            .set_total_uncompressed_size(number(sizes.1)?)
            .set_num_values(number(self.slots)?)
            .set_dictionary_page_offset(dictionary.map(|page| page.offset as i64))
            .set_data_page_offset(places.first().map_or(0, |place| place.offset))
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: sizes.0 as u64,
            rows_written: row as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(OffsetIndexMetaData { page_locations: places, unencoded_byte_array_data_bytes: None }),
        };
        Ok(Chunk { bytes: file.into_inner()?.into(), close })
    }
}

/// Appends levels of a page as it has them in the first version of Parquet: their length, then themselves.
fn levels(levels: &[u8], most: i16, page: &mut Vec<u8>) {
    let start = page.len();
    page.extend([0; 4]);
    encode(levels, width(usize::from(most.unsigned_abs()) + 1), page);
    // Less than a page may have.
    let length = (page.len() - start - 4) as u32;
    page[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

fn number(number: usize) -> Result<i64, ParquetError> {
    i64::try_from(number).map_err(too_large)
}

fn too_large(error: std::num::TryFromIntError) -> ParquetError {
    ParquetError::External(error.into())
}
