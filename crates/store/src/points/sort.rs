use std::sync::Arc;

use arrow::array::{FixedSizeBinaryArray, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;

use super::{Columns, KEY};
use crate::StoreError;

/// Rows of several batches under one number, the oldest batch first.
struct Rows {
    keys: Vec<[u8; KEY]>,
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Rows {
    fn of(parts: &[Columns<'_>]) -> Self {
        let total = parts.iter().map(Columns::len).sum();
        let mut rows = Self {
            keys: Vec::with_capacity(total),
            times: Vec::with_capacity(total),
            values: Vec::with_capacity(total),
        };
        for part in parts {
            rows.keys.extend_from_slice(part.keys);
            rows.times.extend_from_slice(part.times);
            rows.values.extend_from_slice(part.values);
        }
        rows
    }

    fn columns(&self) -> Columns<'_> {
        Columns { keys: &self.keys, times: &self.times, values: &self.values }
    }

    fn into_batch(self, schema: &SchemaRef) -> Result<RecordBatch, StoreError> {
        let keys = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(self.keys.into_flattened()), None)?;
        let times = TimestampNanosecondArray::from(self.times);
        let values = Float64Array::from(self.values);
        Ok(RecordBatch::try_new(Arc::clone(schema), vec![Arc::new(keys), Arc::new(times), Arc::new(values)])?)
    }

    fn pick(&self, order: &[u32]) -> Self {
        let at = |n: &u32| *n as usize;
        Self {
            keys: order.iter().filter_map(|n| self.keys.get(at(n)).copied()).collect(),
            times: order.iter().filter_map(|n| self.times.get(at(n)).copied()).collect(),
            values: order.iter().filter_map(|n| self.values.get(at(n)).copied()).collect(),
        }
    }
}

/// The rows of `parts`, the oldest part first, in order of key and time; of rows with one key and
/// time only the newest is left.
///
/// # Errors
/// Only if Arrow refuses the columns.
pub(crate) fn sorted(schema: &SchemaRef, parts: &[Columns<'_>]) -> Result<RecordBatch, StoreError> {
    let rows = Rows::of(parts);
    if rows.columns().is_sorted() {
        return rows.into_batch(schema);
    }
    let order = order(&rows);
    rows.pick(&order).into_batch(schema)
}

/// So many are sorted at once.
const FEW: usize = 64;
/// Bits by which rows are dealt out at once: to more places they would be too far apart in memory.
const BITS: u32 = 8;

/// The first eight bytes of a key, and where it is.
type Head = (u64, u32);

/// The first eight bytes of each key as a number, and where the key is, in order.
fn heads(keys: &[[u8; KEY]]) -> Vec<Head> {
    let head = |key: &[u8; KEY]| key.first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head));
    let mut heads: Vec<Head> = keys.iter().map(head).zip(0..).collect();
    let mut dealt = heads.clone();
    deal(&mut heads, &mut dealt, u64::BITS - BITS);
    heads
}

/// Sorts `heads`, which are in order of where they are and whose bits above `shift` and the next are equal. Keys are
/// hashes: dealt out by some of their bits a few times, only a few of them are left to be compared.
fn deal(heads: &mut [Head], dealt: &mut [Head], shift: u32) {
    if heads.len() <= FEW {
        return heads.sort_unstable();
    }
    let place = |head: &Head| (head.0 >> shift) as usize & ((1 << BITS) - 1);
    let mut ends = [0_usize; 1 << BITS];
    heads.iter().for_each(|head| ends[place(head)] += 1);
    let mut before = 0;
    for end in &mut ends {
        before += std::mem::replace(end, before);
    }
    for head in heads.iter() {
        let end = &mut ends[place(head)];
        dealt[*end] = *head;
        *end += 1;
    }
    heads.copy_from_slice(dealt);
    let mut first = 0;
    for end in ends {
        if shift > 0 && end - first > 1 {
            deal(&mut heads[first..end], &mut dealt[first..end], shift - BITS);
        }
        first = end;
    }
}

/// The first eight bytes of a key nearly always decide.
fn order(rows: &Rows) -> Vec<u32> {
    let heads = heads(&rows.keys);
    let mut order = Vec::with_capacity(heads.len());
    let mut group = Vec::new();
    for same in heads.chunk_by(|a, b| a.0 == b.0) {
        group.clear();
        group.extend(same.iter().map(|(_, n)| *n));
        if group.len() > 1 {
            settle(rows, &mut group);
        }
        order.extend_from_slice(&group);
    }
    order
}

/// Puts rows, given in order of age, in order of key and time, and leaves the newest of each.
fn settle(rows: &Rows, group: &mut Vec<u32>) {
    let row = |n: u32| (rows.keys.get(n as usize), rows.times.get(n as usize));
    if group.is_sorted_by(|a, b| row(*a) < row(*b)) {
        return;
    }
    group.sort_by(|a, b| row(*a).cmp(&row(*b)));
    let mut kept = 0;
    for at in 0..group.len() {
        let newest = group.get(at + 1).is_none_or(|next| group.get(at).is_some_and(|n| row(*n) != row(*next)));
        if newest {
            group.swap(kept, at);
            kept += 1;
        }
    }
    group.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Timestamp;
    use model::Key;
    use model::Row;
    use model::rows::Sample;

    fn sample(key: u8, t: i64, value: f64) -> Sample {
        let mut id = [7; 16];
        id[15] = key;
        id[0] = key / 4;
        Sample { series_id: Key(id), ts: Timestamp::from_nanos(t), value }
    }

    fn sorted_rows(parts: &[Vec<Sample>]) -> Vec<(u8, i64, f64)> {
        let batches: Vec<_> = parts.iter().map(|rows| Sample::encode(rows).unwrap()).collect();
        let columns: Vec<_> = batches.iter().map(|batch| Columns::of(batch).unwrap()).collect();
        let batch = sorted(&Sample::schema(), &columns).unwrap();
        assert!(Columns::of(&batch).unwrap().is_sorted());
        let rows = Sample::decode(&batch).unwrap();
        rows.into_iter().map(|row| (row.series_id.0[15], row.ts.nanos(), row.value)).collect()
    }

    #[test]
    fn rows_are_in_order_of_key_and_time_and_the_newest_wins() {
        let old = vec![sample(5, 3, 1.0), sample(1, 2, 1.0), sample(5, 1, 1.0), sample(2, 1, 1.0)];
        let new = vec![sample(2, 1, 2.0), sample(5, 3, 2.0), sample(5, 2, 2.0), sample(5, 3, 3.0)];
        let rows = sorted_rows(&[old, new]);
        assert_eq!(rows, [(1, 2, 1.0), (2, 1, 2.0), (5, 1, 1.0), (5, 2, 2.0), (5, 3, 3.0)]);
    }

    #[test]
    fn many_keys_are_in_the_order_of_their_bytes_however_they_are_spread() {
        let rng = base::Rng::seeded(5);
        for (count, spread) in [(0, 1), (1, 1), (63, 9), (20_000, 1), (20_000, u64::MAX), (50_000, 300)] {
            let keys: Vec<[u8; KEY]> = (0..count)
                .map(|n: u32| {
                    let head = rng.below(spread).wrapping_mul(if n.is_multiple_of(3) { 1 << 40 } else { 1 });
                    let mut key = [0; KEY];
                    key[..8].copy_from_slice(&head.to_be_bytes());
                    key
                })
                .collect();
            let mut sorted: Vec<_> = keys.iter().copied().zip(0_u32..).collect();
            sorted.sort();
            let found: Vec<_> = heads(&keys).into_iter().map(|(_, n)| (keys[n as usize], n)).collect();
            assert_eq!(found, sorted, "{count} keys of {spread}");
        }
    }

    #[test]
    fn keys_that_begin_alike_are_told_apart() {
        let rows = vec![sample(2, 1, 2.0), sample(1, 5, 1.0), sample(3, 0, 3.0), sample(2, 0, 2.0)];
        assert_eq!(sorted_rows(&[rows]), [(1, 5, 1.0), (2, 0, 2.0), (2, 1, 2.0), (3, 0, 3.0)]);
    }

    #[test]
    fn rows_of_a_key_are_found() {
        let rows: Vec<_> = [(1, 1), (2, 3), (4, 9), (7, 1)]
            .iter()
            .flat_map(|&(key, count)| (0..count).map(move |t| sample(key, t, 0.0)))
            .collect();
        let batch = Sample::encode(&rows).unwrap();
        let columns = Columns::of(&batch).unwrap();
        let count = |key| columns.rows_of(&sample(key, 0, 0.0).series_id).len();
        assert_eq!((0..9).map(count).collect::<Vec<_>>(), [0, 1, 3, 0, 9, 0, 0, 1, 0]);
    }
}
