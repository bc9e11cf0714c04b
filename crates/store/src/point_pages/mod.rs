//! Reading samples of some series out of a file, without making Arrow's columns of its pages.
//!
//! The general reader gives each row its key of 16 bytes, which is then compared. Here runs of a key are taken from where the
//! file has them, and only times and values of wanted rows are decoded, into room that is used again. What is not
//! as [`crate::write`] makes it is left to the general reader, which also says what is wrong with it.

mod column;
mod delta;
mod fetched;
mod header;
mod hybrid;
mod rows;
mod unpack;

use std::ops::Range;
use std::sync::Arc;

use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use column::{Column, MAX_ROWS};
use fetched::{Fetched, joined};
use rows::{Columns, Rows};
pub(crate) use rows::{Room, Take, Wanted};

use crate::file::{self, metadata};
use crate::object::ObjectReader;
use crate::points::scale::{EXPONENT, SCALED};
use crate::store::Inner;
use crate::{FileEntry, StoreError};

/// The columns of a file of samples: keys, times, values, whole numbers, exponents.
const LEAVES: usize = 5;

/// Pages of keys and times: the number, and the rows in the row group.
type Pages = Vec<(usize, Range<usize>)>;
/// The first so many have a value in each row. Those behind have pages of their own rows, more where they have few values.
const FULL: usize = 2;

/// The part of a file that is read at once: a row group, or all of one that is not as files are written here.
pub(crate) struct Piece {
    pub file: FileEntry,
    pages: Option<(Group, Pages)>,
}

/// The same, with the bytes of its pages.
pub(crate) struct Loaded {
    pub file: FileEntry,
    pages: Option<(Columns, Pages)>,
}

impl Piece {
    /// The parts of a file that may have wanted rows.
    pub async fn of(inner: &Arc<Inner>, file: FileEntry, wanted: &Wanted) -> Vec<Self> {
        let reader = file::reader(inner, &file);
        let metadata = metadata(inner, &file, reader.clone()).await;
        let pieces = metadata.ok().and_then(|metadata| {
            let leaves = leaves(&metadata)?;
            let groups = (0..metadata.metadata().num_row_groups()).map(|n| {
                let group = Group { reader: reader.clone(), file: Arc::clone(metadata.metadata()), n, leaves };
                let pages = group.pages(wanted)?;
                let file = file.clone();
                Some((!pages.is_empty()).then(|| Self { file, pages: Some((group, pages)) }))
            });
            groups.collect::<Option<Vec<_>>>()
        });
        match pieces {
            Some(pieces) => pieces.into_iter().flatten().collect(),
            None => vec![Self { file, pages: None }],
        }
    }

    /// Fetches its pages.
    pub async fn load(self) -> Loaded {
        let pages = match self.pages {
            Some((group, pages)) => group.fetch(&pages).await.map(|columns| (columns, pages)),
            None => None,
        };
        Loaded { file: self.file, pages }
    }
}

impl Loaded {
    /// Gives `take` the samples that are wanted, those of a key in order of time. Nothing if the file has to be read by the general
    /// reader: some may have been given all the same.
    pub fn read(self, wanted: &Wanted, room: &mut Room, take: &mut Take<'_>) -> Option<Result<(), StoreError>> {
        let (columns, pages) = self.pages?;
        samples(columns, pages, wanted, room, take)
    }
}

/// Gives `take` the samples on these pages that are wanted.
fn samples(
    columns: Columns,
    pages: Pages,
    wanted: &Wanted,
    room: &mut Room,
    take: &mut Take<'_>,
) -> Option<Result<(), StoreError>> {
    let mut rows = Rows::new(columns, wanted, room)?;
    for (n, page) in pages {
        if let Err(error) = rows.read(n, page, take)? {
            return Some(Err(error));
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

/// A row group.
struct Group {
    reader: ObjectReader,
    file: Arc<ParquetMetaData>,
    n: usize,
    leaves: [usize; LEAVES],
}

impl Group {
    fn meta(&self) -> Option<&RowGroupMetaData> {
        self.file.row_groups().get(self.n)
    }

    /// Whether its rows are in order of keys, and times are on the pages of their keys.
    fn is_regular(&self) -> Option<bool> {
        let order = self.meta()?.sorting_columns()?.first()?;
        let by_keys = !order.descending && usize::try_from(order.column_idx) == Ok(self.leaves[0]);
        let first = self.locations(0)?;
        let same = |n: usize| {
            let pages = self.locations(n)?;
            let rows = |(a, b): (&PageLocation, &PageLocation)| a.first_row_index == b.first_row_index;
            Some(pages.len() == first.len() && pages.iter().zip(first).all(rows))
        };
        Some(by_keys && (1..FULL).all(|n| same(n) == Some(true)))
    }

    /// The pages of column `n`.
    fn locations(&self, n: usize) -> Option<&[PageLocation]> {
        Some(self.file.offset_index()?.get(self.n)?.get(*self.leaves.get(n)?)?.page_locations())
    }

    /// The pages that may have wanted rows, by the least and greatest key and time on them.
    fn pages(&self, wanted: &Wanted) -> Option<Pages> {
        let bounds = self.file.column_index()?.get(self.n)?;
        let [keys, times, ..] = self.leaves;
        let (ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(keys), ColumnIndexMetaData::INT64(times)) =
            (bounds.get(keys)?, bounds.get(times)?)
        else {
            return None;
        };
        if !self.is_regular()? {
            return None;
        }
        let locations = self.locations(0)?;
        let count = u64::try_from(locations.len()).ok()?;
        if keys.num_pages() != count || times.num_pages() != count {
            return None;
        }
        let mut pages = Vec::new();
        // Keys rise from page to page, so those before the first that is wanted and behind the last need not be looked at.
        let (Some(first), Some(last)) = (wanted.sorted.first(), wanted.sorted.last()) else { return Some(pages) };
        let numbers = 0..locations.len();
        let from = partition(numbers.clone(), |n| keys.max_value(n).is_some_and(|max| max < first.0.as_slice()));
        let to = partition(numbers, |n| keys.min_value(n).is_some_and(|min| min <= last.0.as_slice()));
        for n in from..to {
            let (min, max) = (keys.min_value(n)?, keys.max_value(n)?);
            let first = wanted.sorted.partition_point(|key| key.0.as_slice() < min);
            let has_key = wanted.sorted.get(first).is_some_and(|key| key.0.as_slice() <= max);
            if has_key && times.min_value(n)? <= wanted.times.end() && times.max_value(n)? >= wanted.times.start() {
                pages.push((n, self.rows_of(locations, n).filter(|rows| rows.len() <= MAX_ROWS)?));
            }
        }
        Some(pages)
    }

    /// The rows of page `n` of those in `locations`.
    fn rows_of(&self, locations: &[PageLocation], n: usize) -> Option<Range<usize>> {
        let first = locations.get(n)?.first_row_index;
        let next = locations.get(n + 1).map_or(self.meta()?.num_rows(), |page| page.first_row_index);
        Some(usize::try_from(first).ok()?..usize::try_from(next).ok()?)
    }

    /// The columns, with these pages of them.
    async fn fetch(&self, pages: &Pages) -> Option<Columns> {
        let mut ranges = Vec::new();
        for n in 0..LEAVES {
            ranges.extend(self.ranges(n, pages)?);
        }
        let ranges = joined(ranges);
        let parts = self.reader.objects.get_ranges(&self.reader.path, &ranges).await.ok()?;
        let fetched = Arc::new(Fetched::new(&ranges, parts));
        let rows = usize::try_from(self.meta()?.num_rows()).ok()?;
        let column = |n: usize| {
            let chunk = self.meta()?.columns().get(*self.leaves.get(n)?)?;
            Column::new(Arc::clone(&fetched), chunk, rows, self.locations(n)?)
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
        let start = column::start(self.meta()?.columns().get(*self.leaves.get(n)?)?)?;
        let first = u64::try_from(locations.first()?.offset).ok()?;
        let dictionary = (first > start).then_some(start..first);
        let page = |n: usize| {
            let page = locations.get(n)?;
            let start = u64::try_from(page.offset).ok()?;
            Some(start..start.checked_add(u64::try_from(page.compressed_page_size).ok()?)?)
        };
        let numbers: Vec<usize> = if n < FULL {
            pages.iter().map(|(n, _)| *n).collect()
        } else {
            let is_wanted = |own: Range<usize>| {
                let at = pages.partition_point(|(_, rows)| rows.end <= own.start);
                pages.get(at).is_some_and(|(_, rows)| rows.start < own.end)
            };
            (0..locations.len()).filter(|n| self.rows_of(locations, *n).is_some_and(is_wanted)).collect()
        };
        dictionary.map(Some).into_iter().chain(numbers.into_iter().map(page)).collect()
    }
}

/// The first of the numbers, of which some fit and those behind do not, that does not.
fn partition(numbers: Range<usize>, fits: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut to) = (numbers.start, numbers.end);
    while from < to {
        let middle = from.midpoint(to);
        if fits(middle) { from = middle + 1 } else { to = middle }
    }
    from
}

#[cfg(test)]
pub(crate) mod tests;
