//! Which row groups and pages of a file may hold what is looked for.

use arrow::array::{Array, ArrayRef, UInt64Array};
use model::Key;
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelector};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;

use crate::file::FileScan;
use crate::object::ObjectReader;
use crate::rows;

/// Row groups, and of their rows those on pages that may hold a key.
type Pruned = (Vec<usize>, Option<RowSelection>);

/// Finds the row groups by their statistics and bloom filters, and the pages by the page index.
pub(crate) async fn prune(
    builder: &mut ParquetRecordBatchStreamBuilder<ObjectReader>,
    metadata: &ArrowReaderMetadata,
    scan: &FileScan,
) -> Result<Pruned, ParquetError> {
    let mut groups: Vec<usize> = (0..metadata.metadata().num_row_groups()).collect();
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
    let (Some(keys), Some(column)) = (&scan.keys, scan.layout.key) else { return Ok((groups, None)) };
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
        let keys = in_bloom(builder, metadata, group, name, keys).await?;
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

/// The keys that the row group's bloom filter does not exclude.
async fn in_bloom(
    builder: &mut ParquetRecordBatchStreamBuilder<ObjectReader>,
    metadata: &ArrowReaderMetadata,
    group: usize,
    column: &str,
    mut keys: Vec<Key>,
) -> Result<Vec<Key>, ParquetError> {
    let leaves = metadata.parquet_schema().columns();
    let Some(leaf) = leaves.iter().position(|leaf| leaf.path().string() == column) else { return Ok(keys) };
    if let Some(filter) = builder.get_row_group_column_bloom_filter(group, leaf).await? {
        keys.retain(|key| filter.check(&key.0[..]));
    }
    Ok(keys)
}

/// The rows on pages that may hold one of the keys of their row group.
fn pages(
    metadata: &ArrowReaderMetadata,
    column: &str,
    found: &[(usize, Vec<Key>)],
) -> Result<Option<RowSelection>, ParquetError> {
    let file = metadata.metadata();
    let (Some(columns), Some(offsets)) = (file.column_index(), file.offset_index()) else { return Ok(None) };
    let converter = StatisticsConverter::try_new(column, metadata.schema(), metadata.parquet_schema())?;
    let mut selectors = Vec::new();
    for (group, keys) in found {
        let mins = converter.data_page_mins(columns, offsets, [group])?;
        let maxes = converter.data_page_maxes(columns, offsets, [group])?;
        let counts = converter.data_page_row_counts(offsets, file.row_groups(), [group])?;
        let Some(counts): Option<UInt64Array> = counts else { return Ok(None) };
        for (n, rows) in counts.values().iter().enumerate() {
            let rows = usize::try_from(*rows).unwrap_or(usize::MAX);
            let wanted = !within(keys, &mins, &maxes, n).is_empty();
            selectors.push(if wanted { RowSelector::select(rows) } else { RowSelector::skip(rows) });
        }
    }
    Ok(Some(RowSelection::from(selectors)))
}
