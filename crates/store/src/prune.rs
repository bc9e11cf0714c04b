//! Which row groups and pages of a file may hold what is looked for.

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use model::Key;
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelector};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;

use crate::file::FileScan;
use crate::filter::{Text, TextTest};
use crate::object::ObjectReader;
use crate::{rows, search};

/// Row groups, and of their rows those on pages that may hold a key.
type Pruned = (Vec<usize>, Option<RowSelection>);

/// Finds the row groups by their statistics and bloom filters, and the pages by the page index.
pub(crate) async fn prune(
    builder: &mut ParquetRecordBatchStreamBuilder<ObjectReader>,
    reader: &ObjectReader,
    metadata: &ArrowReaderMetadata,
    scan: &FileScan,
) -> Result<Pruned, ParquetError> {
    let mut groups: Vec<usize> = (0..metadata.metadata().num_row_groups()).filter(|&n| scan.share.has(n)).collect();
    if let Some((first, last)) = scan.time {
        let time = scan.layout.schema.field(scan.layout.time).name();
        let (mins, maxes) = bounds(metadata, time, &groups)?;
        let range = |array: &ArrayRef, n: usize| rows::time_range(&array.slice(n, 1));
        let mut at = 0..;
        groups.retain(|_| {
            let n = at.next().unwrap_or(0);
            let (min, max) = (range(&mins, n), range(&maxes, n));
            min.is_none_or(|(min, _)| min <= last) && max.is_none_or(|(max, _)| max >= first)
        });
    }
    for test in scan.texts.iter() {
        groups = with_text(builder, reader, metadata, scan, test, groups).await?;
    }
    let (Some(keys), Some(column)) = (&scan.keys, scan.layout.key) else {
        let selection = pages_of_others(metadata, scan, &groups)?;
        return Ok((groups, selection));
    };
    let name = scan.layout.schema.field(column).name();
    let (mins, maxes) = bounds(metadata, name, &groups)?;
    let candidates: Vec<(usize, Vec<Key>)> = groups
        .iter()
        .enumerate()
        .map(|(n, &group)| (group, within(&keys.sorted, &mins, &maxes, n).to_vec()))
        .filter(|(_, keys)| !keys.is_empty())
        .collect();
    let mut found = Vec::new();
    for (group, keys) in candidates {
        let keys = in_bloom(builder, metadata, group, name, keys, |key| &key.0).await?;
        if !keys.is_empty() {
            found.push((group, keys));
        }
    }
    let selection = pages(metadata, name, &found)?;
    Ok((found.into_iter().map(|(group, _)| group).collect(), selection))
}

/// The lowest and highest value of a column in each of the row groups.
fn bounds(
    metadata: &ArrowReaderMetadata,
    column: &str,
    groups: &[usize],
) -> Result<(ArrayRef, ArrayRef), ParquetError> {
    let converter = StatisticsConverter::try_new(column, metadata.schema(), metadata.parquet_schema())?;
    let of = |groups: &[usize]| -> Vec<&RowGroupMetaData> {
        groups.iter().map(|&n| metadata.metadata().row_group(n)).collect()
    };
    Ok((converter.row_group_mins(of(groups))?, converter.row_group_maxes(of(groups))?))
}

/// The keys between entry `n` of `mins` and of `maxes`; all if those are not known.
fn within<'a>(keys: &'a [Key], mins: &ArrayRef, maxes: &ArrayRef, n: usize) -> &'a [Key] {
    let at = |array: &ArrayRef| rows::keys(array).filter(|array| array.is_valid(n)).map(|array| rows::key(array, n));
    let from = at(mins).map_or(0, |min| keys.partition_point(|key| *key < min));
    let to = at(maxes).map_or(keys.len(), |max| keys.partition_point(|key| *key <= max));
    keys.get(from..to).unwrap_or_default()
}

/// The values that the row group's bloom filter does not exclude.
async fn in_bloom<T>(
    builder: &mut ParquetRecordBatchStreamBuilder<ObjectReader>,
    metadata: &ArrowReaderMetadata,
    group: usize,
    column: &str,
    mut values: Vec<T>,
    bytes: impl Fn(&T) -> &[u8],
) -> Result<Vec<T>, ParquetError> {
    let leaves = metadata.parquet_schema().columns();
    let Some(leaf) = leaves.iter().position(|leaf| leaf.path().string() == column) else { return Ok(values) };
    if let Some(filter) = builder.get_row_group_column_bloom_filter(group, leaf).await? {
        values.retain(|value| filter.check(bytes(value)));
    }
    Ok(values)
}

/// The row groups that may hold a text that is wanted.
async fn with_text(
    builder: &mut ParquetRecordBatchStreamBuilder<ObjectReader>,
    reader: &ObjectReader,
    metadata: &ArrowReaderMetadata,
    scan: &FileScan,
    test: &TextTest,
    groups: Vec<usize>,
) -> Result<Vec<usize>, ParquetError> {
    let name = scan.layout.schema.field(test.column).name();
    let texts = match (&test.text, &test.key) {
        (Text::OneOf(texts), None) => texts,
        (Text::Holding(parts), None) => {
            return Ok(search::holding(reader, metadata.metadata(), name, parts, groups).await);
        }
        (_, Some(_)) => return Ok(groups),
    };
    if metadata.schema().index_of(name).is_err() {
        return Ok(groups);
    }
    let (mins, maxes) = bounds(metadata, name, &groups)?;
    let mut found = Vec::new();
    for (n, group) in groups.into_iter().enumerate() {
        let candidates: Vec<&String> = texts.iter().filter(|text| is_within(text, &mins, &maxes, n)).collect();
        if candidates.is_empty() {
            continue;
        }
        let left = in_bloom(builder, metadata, group, name, candidates, |text| text.as_bytes()).await?;
        if !left.is_empty() {
            found.push(group);
        }
    }
    Ok(found)
}

/// Whether a text is between entry `n` of `mins` and of `maxes`, as far as those are known. A bound that was
/// cut is farther out, never farther in.
fn is_within(text: &str, mins: &ArrayRef, maxes: &ArrayRef, n: usize) -> bool {
    let bound = |of: &ArrayRef, holds: &dyn Fn(&str) -> bool| {
        of.as_string_opt::<i32>().filter(|of| of.is_valid(n)).is_none_or(|of| holds(of.value(n)))
    };
    bound(mins, &|min| min <= text) && bound(maxes, &|max| max >= text)
}

/// The rows on pages that may hold one of the keys of their row group.
fn pages(
    metadata: &ArrowReaderMetadata,
    column: &str,
    found: &[(usize, Vec<Key>)],
) -> Result<Option<RowSelection>, ParquetError> {
    let groups: Vec<usize> = found.iter().map(|(group, _)| *group).collect();
    let keys = |at: usize| found.get(at).map(|(_, keys)| keys.as_slice()).unwrap_or_default();
    by_pages(metadata, column, &groups, |at, mins, maxes, n| !within(keys(at), mins, maxes, n).is_empty())
}

/// The rows on pages that may hold a time and the texts that are wanted.
fn pages_of_others(
    metadata: &ArrowReaderMetadata,
    scan: &FileScan,
    groups: &[usize],
) -> Result<Option<RowSelection>, ParquetError> {
    // Samples are read by whole row groups.
    if scan.layout.points {
        return Ok(None);
    }
    let mut all: Option<RowSelection> = None;
    let mut and = |more: Option<RowSelection>| {
        all = match (all.take(), more) {
            (Some(all), Some(more)) => Some(all.intersection(&more)),
            (one, other) => one.or(other),
        };
    };
    if let Some((first, last)) = scan.time {
        let time = scan.layout.schema.field(scan.layout.time).name();
        let range = |array: &ArrayRef, n: usize| rows::time_range(&array.slice(n, 1));
        and(by_pages(metadata, time, groups, |_, mins, maxes, n| {
            range(mins, n).is_none_or(|(min, _)| min <= last) && range(maxes, n).is_none_or(|(_, max)| max >= first)
        })?);
    }
    for test in scan.texts.iter() {
        let name = scan.layout.schema.field(test.column).name();
        let (Text::OneOf(texts), None) = (&test.text, &test.key) else { continue };
        if metadata.schema().index_of(name).is_ok() {
            and(by_pages(metadata, name, groups, |_, mins, maxes, n| {
                texts.iter().any(|text| is_within(text, mins, maxes, n))
            })?);
        }
    }
    Ok(all)
}

/// The rows on wanted pages of a column; nothing if the pages are not known. `wanted` is asked about a row
/// group by its place in `groups`, and a page of it.
fn by_pages(
    metadata: &ArrowReaderMetadata,
    column: &str,
    groups: &[usize],
    wanted: impl Fn(usize, &ArrayRef, &ArrayRef, usize) -> bool,
) -> Result<Option<RowSelection>, ParquetError> {
    let file = metadata.metadata();
    let (Some(columns), Some(offsets)) = (file.column_index(), file.offset_index()) else { return Ok(None) };
    let converter = StatisticsConverter::try_new(column, metadata.schema(), metadata.parquet_schema())?;
    let mut selectors = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let mins = converter.data_page_mins(columns, offsets, [group])?;
        let maxes = converter.data_page_maxes(columns, offsets, [group])?;
        let counts = converter.data_page_row_counts(offsets, file.row_groups(), [group])?;
        let Some(counts): Option<UInt64Array> = counts else { return Ok(None) };
        for (n, rows) in counts.values().iter().enumerate() {
            let rows = usize::try_from(*rows).unwrap_or(usize::MAX);
            let selector = if wanted(at, &mins, &maxes, n) { RowSelector::select } else { RowSelector::skip };
            selectors.push(selector(rows));
        }
    }
    Ok(Some(RowSelection::from(selectors)))
}
