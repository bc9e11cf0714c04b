//! How values are in files: as whole numbers and a power of ten where that is exact, else as they are.
//!
//! Differences of whole numbers take few bits. A file of samples has the columns `series_id`, `ts`,
//! `value`, `scaled` and `exponent`: a row's value is `value`, or where that is null
//! `scaled / 10^exponent`, a division of two numbers that doubles hold exactly, whose result is
//! the double that was sent, bit for bit. Other programs read it as
//! `coalesce(value, scaled / power(10, exponent))`.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, RecordBatch};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Int64Type, Schema, SchemaRef};

use super::Columns;
use crate::StoreError;

/// The column of whole numbers.
pub(crate) const SCALED: &str = "scaled";
/// The column of powers.
pub(crate) const EXPONENT: &str = "exponent";

/// 10 to these powers is exact, and so is a double that is a whole number of this size.
const POWERS: [f64; 13] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
const WHOLE: f64 = 9_007_199_254_740_992.0;
/// What whole numbers are divided by.
pub(crate) fn power(exponent: i32) -> f64 {
    usize::try_from(exponent).ok().and_then(|at| POWERS.get(at)).copied().unwrap_or(f64::NAN)
}

/// Values of a series by which its exponent is chosen.
const PROBES: usize = 8;

/// The columns of files of samples.
pub(crate) fn file_schema(table: &Schema) -> SchemaRef {
    static MORE: LazyLock<[Arc<Field>; 2]> = LazyLock::new(|| {
        [Arc::new(Field::new(SCALED, DataType::Int64, true)), Arc::new(Field::new(EXPONENT, DataType::Int32, true))]
    });
    let own = table.fields().iter().map(|field| match field.data_type() {
        DataType::Float64 => Arc::new(field.as_ref().clone().with_nullable(true)),
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(own.chain(MORE.iter().cloned()).collect::<Vec<_>>()))
}

/// The whole number that `value` is when multiplied by `power`, if nothing is lost by that.
fn whole(value: f64, power: f64) -> Option<i64> {
    let scaled = (value * power).round_ties_even();
    let number = scaled as i64;
    // By way of the whole number: it has no zero below zero.
    let exact = scaled.abs() < WHOLE && (number as f64 / power).to_bits() == value.to_bits();
    exact.then_some(number)
}

/// The least exponent by which the probes of a series are whole, if most are with any.
fn exponent(values: &[f64]) -> Option<usize> {
    let step = values.len().div_ceil(PROBES).max(1);
    let (mut least, mut wholes, mut probes) = (0, 0, 0);
    for value in values.iter().step_by(step) {
        probes += 1;
        let fits = |at: &usize| POWERS.get(*at).is_some_and(|power| whole(*value, *power).is_some());
        if let Some(at) = (least..POWERS.len()).find(fits) {
            least = at;
            wholes += 1;
        }
    }
    (4 * wholes >= 3 * probes).then_some(least)
}

/// Sorted samples with the columns of a file.
///
/// # Errors
/// Only if Arrow refuses the columns.
pub(crate) fn to_file(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
    let Some(columns) = Columns::of(batch) else { return Ok(batch.clone()) };
    let rows = columns.len();
    let (mut scaled, mut exponents) = (vec![0; rows], vec![0; rows]);
    let (mut is_whole, mut has_exponent) = (vec![false; rows], vec![false; rows]);
    let mut from = 0;
    for same in columns.keys.chunk_by(|a, b| a == b) {
        let to = from + same.len();
        let values = columns.values.get(from..to).unwrap_or_default();
        if let Some((at, power)) = exponent(values).and_then(|at| Some((at, POWERS.get(at)?))) {
            for (n, value) in (from..).zip(values) {
                if let Some(number) = whole(*value, *power)
                    && let (Some(place), Some(flag)) = (scaled.get_mut(n), is_whole.get_mut(n))
                {
                    (*place, *flag) = (number, true);
                }
            }
            let exponent = i32::try_from(at).unwrap_or(0);
            exponents.get_mut(from..to).unwrap_or_default().fill(exponent);
            has_exponent.get_mut(from..to).unwrap_or_default().fill(true);
        }
        from = to;
    }
    let not_whole: Vec<bool> = is_whole.iter().map(|whole| !whole).collect();
    let [keys, times, values] = batch.columns() else { return Ok(batch.clone()) };
    let values = values.as_primitive::<Float64Type>().values().clone();
    let values: ArrayRef = Arc::new(Float64Array::new(values, Some(NullBuffer::from(not_whole))));
    let scaled: ArrayRef = Arc::new(Int64Array::new(ScalarBuffer::from(scaled), Some(NullBuffer::from(is_whole))));
    let exponents: ArrayRef =
        Arc::new(Int32Array::new(ScalarBuffer::from(exponents), Some(NullBuffer::from(has_exponent))));
    let columns = vec![Arc::clone(keys), Arc::clone(times), values, scaled, exponents];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Rows of a file with the columns that say what its values are, as rows with the values.
///
/// # Errors
/// Only if Arrow refuses the columns.
pub(crate) fn from_file(batch: RecordBatch) -> Result<RecordBatch, StoreError> {
    let Some(values) = values(&batch) else { return Ok(batch) };
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.name() == SCALED || field.name() == EXPONENT {
            continue;
        }
        let is_value = *field.data_type() == DataType::Float64;
        fields.push(if is_value { Arc::new(field.as_ref().clone().with_nullable(false)) } else { Arc::clone(field) });
        columns.push(if is_value { Arc::clone(&values) } else { Arc::clone(column) });
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The values, if the batch has all columns for them.
fn values(batch: &RecordBatch) -> Option<ArrayRef> {
    let plain = batch.columns().iter().find_map(|column| column.as_primitive_opt::<Float64Type>())?;
    let scaled = batch.column_by_name(SCALED)?.as_primitive_opt::<Int64Type>()?;
    let exponents = batch.column_by_name(EXPONENT)?.as_primitive_opt::<Int32Type>()?;
    let mut values = Vec::with_capacity(scaled.len());
    // A series has one exponent: divided by one number, many are divided at once.
    for same in exponents.values().chunk_by(|a, b| a == b) {
        let power = same.first().map_or(f64::NAN, |exponent| power(*exponent));
        let numbers = scaled.values().get(values.len()..values.len() + same.len()).unwrap_or_default();
        values.extend(numbers.iter().map(|number| *number as f64 / power));
    }
    if scaled.null_count() > 0 {
        for (n, value) in values.iter_mut().enumerate().filter(|(n, _)| scaled.is_null(*n)) {
            *value = plain.value(n);
        }
    }
    Some(Arc::new(Float64Array::from(values)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{Rng, Timestamp};
    use model::rows::Sample;
    use model::{Key, Row};

    /// The bits of values that went to a file and back, and how many were whole.
    fn there_and_back(series: &[Vec<f64>]) -> (Vec<u64>, usize) {
        let rows: Vec<Sample> = series
            .iter()
            .zip(0_u8..)
            .flat_map(|(values, n)| {
                values.iter().zip(0..).map(move |(value, t)| Sample {
                    series_id: Key([n; 16]),
                    ts: Timestamp::from_secs(t),
                    value: *value,
                })
            })
            .collect();
        let schema = file_schema(&Sample::schema());
        let stored = to_file(&schema, &Sample::encode(&rows).unwrap()).unwrap();
        let wholes = stored.num_rows() - stored.column_by_name(SCALED).unwrap().null_count();
        let back = from_file(stored).unwrap();
        assert_eq!(back.schema().fields(), Sample::schema().fields());
        (Sample::decode(&back).unwrap().iter().map(|row| row.value.to_bits()).collect(), wholes)
    }

    fn bits(series: &[Vec<f64>]) -> Vec<u64> {
        series.iter().flatten().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn every_value_comes_back_bit_for_bit() {
        let stale = f64::from_bits(0x7ff0_0000_0000_0002);
        let odd = f64::from_bits(0x7ff8_0000_dead_beef);
        let series = vec![
            vec![1.0, 2.0, 3.0, stale, 4.0, -0.0, 0.0],
            vec![0.1, 0.2, 0.30000000000000004, 1e-7, 12.5],
            vec![f64::INFINITY, f64::NEG_INFINITY, odd, f64::MIN_POSITIVE, f64::MAX],
            vec![9_007_199_254_740_991.0, 9_007_199_254_740_993.0, 1e300, 5e-324],
            vec![123_456.78, 123_456.79, 123_457.01],
            Vec::new(),
            vec![std::f64::consts::PI],
        ];
        assert_eq!(there_and_back(&series).0, bits(&series));
    }

    #[test]
    fn what_looks_like_decimals_is_whole_and_what_is_random_is_not() {
        let rng = Rng::seeded(7);
        let random = |from: fn(u64) -> f64| (0..1_000).map(|_| from(rng.below(1 << 40))).collect::<Vec<f64>>();
        type Make = fn(u64) -> f64;
        let cases: [(Make, bool); 4] = [
            (|n| (n % 101) as f64, true),
            (|n| (n % 100_000) as f64 / 1_000.0, true),
            (|n| n as f64 / 100.0, true),
            (|n| (n as f64).sqrt(), false),
        ];
        for (from, whole) in cases {
            let series = vec![random(from)];
            let (back, wholes) = there_and_back(&series);
            assert_eq!(back, bits(&series));
            assert_eq!(wholes > 990, whole, "{wholes} of 1000");
        }
    }
}
