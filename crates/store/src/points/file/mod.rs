//! Reading samples of some series out of a file, without making Arrow's columns of its pages.
//!
//! The general reader gives each row its key of 16 bytes, which is then compared. Here runs of a key are taken from where the
//! file has them, and only times and values of wanted rows are decoded, into room that is used again. What is not
//! as [`crate::write`] makes it is left to the general reader, which also says what is wrong with it.

mod column;
mod delta;
mod fetched;
mod hybrid;
mod rows;

use std::ops::Range;
use std::sync::Arc;

use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::{OffsetIndexMetaData, PageLocation};

use column::Column;
use fetched::{Fetched, joined};
use rows::{Columns, Rows};
pub(crate) use rows::{Take, Wanted};

use super::scale::{EXPONENT, SCALED};
use crate::StoreError;
use crate::object::ObjectReader;

/// Rows of a page, at most: pages of ours have less.
const MAX_ROWS: usize = 1 << 20;
/// The columns of a file of samples: keys, times, values, whole numbers, exponents.
const LEAVES: usize = 5;

/// A page of each column: its number and rows.
type Pages = Vec<(usize, usize)>;

/// Gives `take` the samples that are wanted, those of a key in order of time. Nothing if the file is not as it is written here:
/// some may have been given all the same.
pub(crate) async fn read(
    reader: &ObjectReader,
    metadata: &ArrowReaderMetadata,
    wanted: &Wanted,
    take: &mut Take<'_>,
) -> Option<Result<(), StoreError>> {
    let file = metadata.metadata();
    let leaves = leaves(metadata)?;
    for group in 0..file.num_row_groups() {
        let group = Group::new(file, group, leaves)?;
        let pages = group.pages(wanted)?;
        if pages.is_empty() {
            continue;
        }
        let columns = group.fetch(reader, &pages).await?;
        let mut rows = Rows::new(columns, wanted);
        for (n, count) in pages {
            if let Err(error) = rows.read(n, count, take)? {
                return Some(Err(error));
            }
        }
    }
    Some(Ok(()))
}

/// The numbers of the columns.
fn leaves(metadata: &ArrowReaderMetadata) -> Option<[usize; LEAVES]> {
    let schema = metadata.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str()).take(3).chain([SCALED, EXPONENT]);
    let columns = metadata.parquet_schema().columns();
    let leaf = |name: &str| columns.iter().position(|column| column.path().parts() == [name]);
    let found: Option<Vec<usize>> = names.map(leaf).collect();
    found?.try_into().ok()
}

/// A row group, with what is known of its pages.
struct Group<'a> {
    meta: &'a RowGroupMetaData,
    leaves: [usize; LEAVES],
    bounds: &'a [ColumnIndexMetaData],
    places: &'a [OffsetIndexMetaData],
}

impl<'a> Group<'a> {
    /// Nothing if its columns have not the same rows on their pages.
    fn new(file: &'a ParquetMetaData, n: usize, leaves: [usize; LEAVES]) -> Option<Self> {
        let meta = file.row_groups().get(n)?;
        let (bounds, places) = (file.column_index()?.get(n)?, file.offset_index()?.get(n)?);
        let group = Self { meta, leaves, bounds, places };
        let first = group.locations(0)?;
        let rows = |pages: &[PageLocation]| pages.iter().map(|page| page.first_row_index).collect::<Vec<_>>();
        let same = |n: usize| Some(rows(group.locations(n)?) == rows(first));
        (1..LEAVES).map(same).all(|same| same == Some(true)).then_some(group)
    }

    /// The pages of column `n`.
    fn locations(&self, n: usize) -> Option<&'a [PageLocation]> {
        Some(self.places.get(*self.leaves.get(n)?)?.page_locations())
    }

    /// The pages that may have wanted rows, by the least and greatest key and time on them.
    fn pages(&self, wanted: &Wanted) -> Option<Pages> {
        let [keys, times, ..] = self.leaves;
        let (ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(keys), ColumnIndexMetaData::INT64(times)) =
            (self.bounds.get(keys)?, self.bounds.get(times)?)
        else {
            return None;
        };
        let all = i64::try_from(self.rows()).ok()?;
        let locations = self.locations(0)?;
        let mut pages = Vec::new();
        for (n, page) in locations.iter().enumerate() {
            let (min, max) = (keys.min_value(n)?, keys.max_value(n)?);
            let first = wanted.sorted.partition_point(|key| key.0.as_slice() < min);
            let has_key = wanted.sorted.get(first).is_some_and(|key| key.0.as_slice() <= max);
            if has_key && times.min_value(n)? <= wanted.times.end() && times.max_value(n)? >= wanted.times.start() {
                let next = locations.get(n + 1).map_or(all, |page| page.first_row_index);
                let rows = usize::try_from(next.checked_sub(page.first_row_index)?).ok();
                pages.push((n, rows.filter(|rows| *rows <= MAX_ROWS)?));
            }
        }
        Some(pages)
    }

    fn rows(&self) -> usize {
        usize::try_from(self.meta.num_rows()).unwrap_or(usize::MAX)
    }

    /// The columns, with these pages of them.
    async fn fetch(&self, reader: &ObjectReader, pages: &Pages) -> Option<Columns> {
        let mut ranges = Vec::new();
        for n in 0..LEAVES {
            ranges.extend(self.ranges(n, pages)?);
        }
        let ranges = joined(ranges);
        let parts = reader.objects.get_ranges(&reader.path, &ranges).await.ok()?;
        let fetched = Arc::new(Fetched::new(reader.size, &ranges, parts));
        let column = |n: usize| {
            let chunk = self.meta.columns().get(*self.leaves.get(n)?)?;
            Column::new(Arc::clone(&fetched), chunk, self.rows(), self.locations(n)?)
        };
        Some(Columns {
            keys: column(0)?,
            times: column(1)?,
            plain: column(2)?,
            scaled: column(3)?,
            exponents: column(4)?,
        })
    }

    /// Where the dictionary, if there is one, and these pages of column `n` are.
    fn ranges(&self, n: usize, pages: &Pages) -> Option<Vec<Range<u64>>> {
        let locations = self.locations(n)?;
        let (start, _) = self.meta.columns().get(*self.leaves.get(n)?)?.byte_range();
        let first = u64::try_from(locations.first()?.offset).ok()?;
        let dictionary = (first > start).then_some(start..first);
        let page = |(n, _): &(usize, usize)| {
            let page = locations.get(*n)?;
            let start = u64::try_from(page.offset).ok()?;
            Some(start..start.checked_add(u64::try_from(page.compressed_page_size).ok()?)?)
        };
        dictionary.map(Some).into_iter().chain(pages.iter().map(page)).collect()
    }
}

#[cfg(test)]
mod tests;
