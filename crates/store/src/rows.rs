//! Rows in order: sorting, and the newest of rows with one key.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{concat_batches, interleave_record_batch};
use arrow::datatypes::{Int64Type, SchemaRef, TimestampNanosecondType};
use arrow::row::{RowConverter, Rows, SortField};
use base::Timestamp;
use model::Key;

use crate::{StoreError, points};

/// Rows that lie one after the other in a batch are taken together if they are so many, or on the average.
const RUN_ROWS: usize = 64;
/// So many of them are written as they are, without a copy.
const SLICE_ROWS: usize = 512;

/// A batch, by its number, and a row in it.
type Place = (usize, usize);

/// Where the columns that decide about rows are in a batch, which may hold a part of the table's
/// columns.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// The sort columns.
    pub sort: Vec<usize>,
    /// Whether rows with equal sort columns are one.
    pub unique: bool,
    /// The record's offset.
    pub offset: Option<usize>,
    /// False means that nothing has this key any more.
    pub present: Option<usize>,
}

impl Order {
    /// Makes comparable bytes of the sort columns.
    pub fn converter(&self, schema: &SchemaRef) -> Result<RowConverter, StoreError> {
        let field = |&n: &usize| SortField::new(schema.field(n).data_type().clone());
        Ok(RowConverter::new(self.sort.iter().map(field).collect())?)
    }

    /// The sort columns of `batch` as comparable bytes.
    pub fn rows(&self, converter: &RowConverter, batch: &RecordBatch) -> Result<Rows, StoreError> {
        Ok(converter.convert_columns(&self.columns(batch))?)
    }

    /// The sort columns of `batch`.
    fn columns(&self, batch: &RecordBatch) -> Vec<ArrayRef> {
        self.sort.iter().map(|&n| Arc::clone(batch.column(n))).collect()
    }

    /// The offset of row `n`, or 0.
    pub fn offset_of(&self, batch: &RecordBatch, n: usize) -> i64 {
        self.offset.map_or(0, |column| batch.column(column).as_primitive::<Int64Type>().value(n))
    }

    /// Whether row `n` says that nothing has its key.
    pub fn is_tombstone(&self, batch: &RecordBatch, n: usize) -> bool {
        self.present.is_some_and(|column| !batch.column(column).as_boolean().value(n))
    }
}

/// `batches`, oldest first, as one sorted batch; of rows that are one only the newest is left.
pub(crate) fn sorted(schema: &SchemaRef, batches: &[RecordBatch], order: &Order) -> Result<RecordBatch, StoreError> {
    let points: Option<Vec<points::Columns<'_>>> = batches.iter().map(points::Columns::of).collect();
    if let Some(points) = points.filter(|_| order.unique && order.sort == [0, 1]) {
        return points::sorted(schema, &points);
    }
    let sorted = Sorted::new(schema, batches, order)?;
    sorted.rows(0..sorted.len())
}

/// Rows of batches in order, as the places where they are; of rows that are one only the newest.
pub(crate) struct Sorted<'a> {
    schema: &'a SchemaRef,
    batches: Vec<&'a RecordBatch>,
    places: Vec<Place>,
}

impl<'a> Sorted<'a> {
    /// Of `batches`, oldest first.
    pub fn new(schema: &'a SchemaRef, batches: &'a [RecordBatch], order: &Order) -> Result<Self, StoreError> {
        let place = |(n, batch): (usize, &RecordBatch)| (0..batch.num_rows()).map(move |row| (n, row));
        let at: Vec<Place> = batches.iter().enumerate().flat_map(place).collect();
        let count = u32::try_from(at.len()).unwrap_or(u32::MAX);
        let offset = |n: u32| order.offset_of(&batches[at[n as usize].0], at[n as usize].1);
        let numbers: Option<Vec<_>> = batches.iter().map(|batch| numbers(batch, &order.sort)).collect();
        let arranged = if let Some(keys) = numbers {
            let keys = keys.concat();
            arranged(count, order.unique, |n| keys[n as usize], offset)
        } else if let Some(keys) = ranks(batches, &order.sort) {
            arranged(count, order.unique, |n| keys[n as usize], offset)
        } else {
            let converter = order.converter(schema)?;
            let mut rows = converter.empty_rows(at.len(), 0);
            for batch in batches {
                converter.append(&mut rows, &order.columns(batch))?;
            }
            arranged(count, order.unique, |n| rows.row(n as usize), offset)
        };
        let places = arranged.into_iter().map(|n| at[n as usize]).collect();
        Ok(Self { schema, batches: batches.iter().collect(), places })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Some of the rows.
    pub fn rows(&self, range: Range<usize>) -> Result<RecordBatch, StoreError> {
        gather(self.schema, &self.batches, self.places.get(range).unwrap_or_default())
    }

    /// All rows, so many at once at most; many that lie one after the other in a batch alone, which is no copy.
    pub fn blocks(&self, most: usize) -> impl Iterator<Item = Result<RecordBatch, StoreError>> {
        let mut first = 0;
        std::iter::from_fn(move || {
            let rows = first..self.end(first, most)?;
            first = rows.end;
            Some(self.rows(rows))
        })
    }

    /// Where the block ends that begins with the row `first`.
    fn end(&self, first: usize, most: usize) -> Option<usize> {
        let rest = self.places.get(first..).filter(|rest| !rest.is_empty())?;
        let mut end = 0;
        for run in rest.chunk_by(follows) {
            if run.len() >= SLICE_ROWS && end > 0 || end >= most {
                break;
            }
            end += run.len();
            if run.len() >= SLICE_ROWS {
                break;
            }
        }
        Some(first + end.min(most))
    }
}

/// Whether a row is the next in its batch.
fn follows(one: &Place, next: &Place) -> bool {
    one.0 == next.0 && one.1 + 1 == next.1
}

/// Rows of `batches`.
pub(crate) fn gather(
    schema: &SchemaRef,
    batches: &[&RecordBatch],
    places: &[Place],
) -> Result<RecordBatch, StoreError> {
    let runs = || places.chunk_by(follows);
    if runs().count() * RUN_ROWS > places.len() {
        return Ok(interleave_record_batch(batches, places)?.with_schema(Arc::clone(schema))?);
    }
    let slice = |run: &[Place]| run.first().map(|&(batch, row)| batches[batch].slice(row, run.len()));
    let mut slices: Vec<RecordBatch> = runs().filter_map(slice).collect();
    match slices.len() {
        0 | 1 => match slices.pop() {
            Some(one) => Ok(one.with_schema(Arc::clone(schema))?),
            None => Ok(RecordBatch::new_empty(Arc::clone(schema))),
        },
        _ => Ok(concat_batches(schema, &slices)?),
    }
}

/// The sort columns as numbers, if they are keys, or keys and times: these sort several times as
/// fast as comparable bytes.
fn numbers(batch: &RecordBatch, sort: &[usize]) -> Option<Vec<(u128, i64)>> {
    let (first, second) = match sort {
        [first] => (*first, None),
        [first, second] => (*first, Some(*second)),
        _ => return None,
    };
    let keys = keys(batch.column(first))?;
    let key = |n: usize| u128::from_be_bytes(key(keys, n).0);
    let Some(second) = second else { return Some((0..keys.len()).map(|n| (key(n), 0)).collect()) };
    let times = batch.column(second).as_primitive_opt::<TimestampNanosecondType>()?;
    Some((0..keys.len()).map(|n| (key(n), times.value(n))).collect())
}

/// The sort columns as numbers, if they are texts and times: a text is its rank among those that there are.
fn ranks(batches: &[RecordBatch], sort: &[usize]) -> Option<Vec<(u32, i64)>> {
    let [text, time] = *sort else { return None };
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut keys = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        let texts = batch.column(text).as_string_opt::<i32>().filter(|texts| texts.null_count() == 0)?;
        let times = batch.column(time).as_primitive_opt::<TimestampNanosecondType>()?;
        let mut last: Option<(&str, u32)> = None;
        for (n, &time) in times.values().iter().enumerate() {
            let (text, next) = (texts.value(n), u32::try_from(numbers.len()).ok()?);
            let number = match last {
                Some((same, number)) if same == text => number,
                _ => *numbers.entry(text).or_insert(next),
            };
            last = Some((text, number));
            keys.push((number, time));
        }
    }
    let mut sorted: Vec<(&str, u32)> = numbers.into_iter().collect();
    sorted.sort_unstable();
    let mut ranks = vec![0; sorted.len()];
    sorted.iter().zip(0..).for_each(|(&(_, number), rank)| ranks[number as usize] = rank);
    keys.iter_mut().for_each(|key| key.0 = ranks[key.0 as usize]);
    Some(keys)
}

/// The numbers of rows in order if they are few runs that are in order and beside each other, such as requests that came in turn.
fn of_runs<K: Ord>(count: u32, key: &impl Fn(u32) -> K) -> Option<Vec<u32>> {
    let mut runs: Vec<Range<u32>> = Vec::new();
    for n in 0..count {
        let are_many = runs.len() * RUN_ROWS > count as usize;
        match runs.last_mut() {
            Some(run) if key(n - 1) <= key(n) => run.end = n + 1,
            _ if are_many => return None,
            _ => runs.push(n..n + 1),
        }
    }
    runs.sort_unstable_by(|a, b| key(a.start).cmp(&key(b.start)).then(a.start.cmp(&b.start)));
    let is_before = |a: &Range<u32>, b: &Range<u32>| match key(a.end - 1).cmp(&key(b.start)) {
        Ordering::Less => true,
        Ordering::Equal => a.start < b.start,
        Ordering::Greater => false,
    };
    runs.is_sorted_by(is_before).then(|| runs.into_iter().flatten().collect())
}

/// The numbers of rows in order; of those that are one row only the newest.
fn arranged<K: Ord>(count: u32, unique: bool, key: impl Fn(u32) -> K, offset: impl Fn(u32) -> i64) -> Vec<u32> {
    if !unique && let Some(rows) = of_runs(count, &key) {
        return rows;
    }
    let mut rows: Vec<(K, u32)> = (0..count).map(|n| (key(n), n)).collect();
    rows.sort_unstable();
    if !unique {
        return rows.into_iter().map(|(_, n)| n).collect();
    }
    let mut kept: Vec<(K, u32)> = Vec::with_capacity(rows.len());
    for (key, n) in rows {
        match kept.last_mut() {
            Some(last) if last.0 == key => {
                if offset(n) >= offset(last.1) {
                    last.1 = n;
                }
            }
            _ => kept.push((key, n)),
        }
    }
    kept.into_iter().map(|(_, n)| n).collect()
}

/// Bytes that the rows take, not counting what they share with others.
pub(crate) fn bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| column_bytes(column)).sum()
}

fn column_bytes(column: &dyn Array) -> usize {
    let Some(maps) = column.as_map_opt() else { return column.to_data().get_slice_memory_size().unwrap_or(0) };
    // Arrow counts the entries of all rows, of which these may be some.
    let offsets = maps.value_offsets();
    let place = |offset: Option<&i32>| offset.and_then(|&n| usize::try_from(n).ok()).unwrap_or(0);
    let (first, end) = (place(offsets.first()), place(offsets.last()));
    let entries = maps.entries().slice(first, end.saturating_sub(first));
    let nulls = maps.nulls().map_or(0, |nulls| nulls.len().div_ceil(8));
    size_of_val(offsets) + nulls + entries.columns().iter().map(|column| column_bytes(column)).sum::<usize>()
}

/// The key in row `n` of a column of 16 bytes.
pub(crate) fn key(column: &FixedSizeBinaryArray, n: usize) -> Key {
    let mut key = [0; 16];
    let bytes = column.value(n);
    if bytes.len() == key.len() {
        key.copy_from_slice(bytes);
    }
    Key(key)
}

/// The column of keys, if it is one.
pub(crate) fn keys(column: &dyn Array) -> Option<&FixedSizeBinaryArray> {
    column.as_any().downcast_ref::<FixedSizeBinaryArray>().filter(|array| array.value_length() == 16)
}

/// The earliest and latest time of a column of times.
pub(crate) fn time_range(column: &dyn Array) -> Option<(Timestamp, Timestamp)> {
    let times = column.as_primitive_opt::<TimestampNanosecondType>()?;
    let (min, max) = (arrow::compute::min(times)?, arrow::compute::max(times)?);
    Some((Timestamp::from_nanos(min), Timestamp::from_nanos(max)))
}

/// The rows for which `keep` says so.
pub(crate) fn select(batch: RecordBatch, keep: impl Fn(usize) -> bool) -> Result<RecordBatch, StoreError> {
    let keep = BooleanArray::new(BooleanBuffer::collect_bool(batch.num_rows(), keep), None);
    if keep.true_count() == batch.num_rows() {
        return Ok(batch);
    }
    Ok(arrow::compute::filter_record_batch(&batch, &keep)?)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, MapBuilder, StringArray, StringBuilder, TimestampNanosecondArray};
    use base::Rng;

    use super::*;

    /// A service, a time and a number that no other row has, and labels of as many as the number says in its last digit.
    fn batch(rows: &[(&str, i64, i64)]) -> RecordBatch {
        let services: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>());
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.1)));
        let numbers: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Int64Array>());
        let mut labels = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for (_, _, number) in rows {
            for n in 0..number % 10 {
                labels.keys().append_value(format!("key{n}"));
                labels.values().append_value(number.to_string());
            }
            labels.append(true).unwrap();
        }
        let labels: ArrayRef = Arc::new(labels.finish());
        RecordBatch::try_from_iter([("service", services), ("ts", times), ("n", numbers), ("labels", labels)]).unwrap()
    }

    fn in_order(batches: &[RecordBatch], most: usize) -> Vec<RecordBatch> {
        let schema = batches[0].schema();
        let order = Order { sort: vec![0, 1], unique: false, offset: None, present: None };
        let sorted = Sorted::new(&schema, batches, &order).unwrap();
        sorted.blocks(most).map(Result::unwrap).collect()
    }

    /// Batches of rows with such services and times are put in order as a stable sort of all of them does.
    fn check(batches: &[Vec<(&str, i64)>], most: usize) -> Vec<usize> {
        let mut numbers = 0..;
        let mut number = |rows: &Vec<(_, _)>| rows.iter().map(|row| (row.0, row.1, numbers.next().unwrap())).collect();
        let rows: Vec<Vec<(&str, i64, i64)>> = batches.iter().map(&mut number).collect();
        let found = in_order(&rows.iter().map(|rows| batch(rows)).collect::<Vec<_>>(), most);
        let mut expected = rows.concat();
        expected.sort_by_key(|row| (row.0, row.1));
        let all = concat_batches(&found[0].schema(), &found).unwrap();
        assert_eq!(all, batch(&expected));
        found.iter().map(RecordBatch::num_rows).collect()
    }

    #[test]
    fn rows_that_came_in_any_order_are_put_in_order() {
        let rng = Rng::seeded(4);
        let services = ["shop", "", "cart", "a service whose name is longer than a block of comparable bytes"];
        for _ in 0..50 {
            let row = || (services[rng.below(4) as usize], rng.below(50) as i64 - 25);
            let batches: Vec<Vec<_>> = (0..4).map(|_| (0..rng.below(200)).map(|_| row()).collect()).collect();
            check(&batches, 1 + rng.below(300) as usize);
        }
    }

    #[test]
    fn runs_that_lie_beside_each_other_are_given_as_they_are() {
        let run = |service, from: i64, to: i64| (from..to).map(move |time| (service, time / 3)).collect::<Vec<_>>();
        let late = vec![run("cart", 3_000, 6_000), run("cart", 0, 3_000), run("shop", 0, 900)];
        assert_eq!(check(&late, 2_000), [2_000, 1_000, 2_000, 1_000, 900]);
        let mixed = vec![[run("shop", 0, 700), run("cart", 0, 700)].concat(), run("cart", 2_100, 2_800)];
        assert_eq!(check(&mixed, 2_000), [700, 700, 700]);
        // The time of an earlier batch's first row is that of a later batch's last row.
        let equal = vec![run("cart", 2_998, 4_000), run("cart", 0, 3_000)];
        assert_eq!(check(&equal, 5_000).iter().sum::<usize>(), 4_002);
        let few = vec![run("cart", 0, 100), run("cart", 100, 200), run("cart", 200, 1_000), run("shop", 0, 9)];
        assert_eq!(check(&few, 2_000), [200, 800, 9]);
    }

    #[test]
    fn bytes_of_some_rows_are_theirs_alone() {
        let rows: Vec<(&str, i64, i64)> = (0..1_000).map(|n| ("shop", n, n)).collect();
        let (all, part) = (batch(&rows), batch(&rows[500..600]));
        let alone = concat_batches(&part.schema(), [&part]).unwrap();
        assert_eq!(bytes(&all.slice(500, 100)), bytes(&alone));
        assert!(bytes(&all.slice(0, 500)) + bytes(&all.slice(500, 500)) < bytes(&all) + 64);
    }
}
