//! How many bytes values have, and how many values are in them.

use arrow::array::{Array, ArrayRef, AsArray, GenericListArray, OffsetSizeTrait, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use base::Limit;
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::ColumnarValue;

/// Refuses what is longer than a value may be.
pub fn check(bytes: u64, max: u64) -> Result<()> {
    Limit::new("value_bytes", max).check(bytes).map_err(|exceeded| DataFusionError::External(Box::new(exceeded)))
}

/// Bytes that a type takes in a row whatever is in it.
pub fn of_type(data_type: &DataType) -> u64 {
    match data_type {
        DataType::FixedSizeBinary(length) => u64::try_from(*length).unwrap_or(0),
        DataType::FixedSizeList(field, length) => {
            u64::try_from(*length).unwrap_or(0).saturating_mul(of_type(field.data_type()).max(1))
        }
        DataType::Struct(fields) => {
            fields.iter().fold(0u64, |sum, field| sum.saturating_add(of_type(field.data_type())))
        }
        DataType::RunEndEncoded(_, values) => of_type(values.data_type()),
        other => other.primitive_width().unwrap_or(16) as u64,
    }
}

/// Bytes of one value.
pub fn of_scalar(value: &ScalarValue) -> u64 {
    match (value.try_as_str().flatten(), value.data_type().primitive_width()) {
        (Some(text), _) => text.len() as u64,
        (None, Some(width)) => width as u64,
        (None, None) => value.size() as u64,
    }
}

/// Bytes of the rows of a column, or more.
pub fn of_array(array: &dyn Array) -> u64 {
    let views = |views: &[u128]| views.iter().map(|view| (view & u128::from(u32::MAX)) as u64).sum::<u64>();
    match array.data_type() {
        DataType::Utf8View => views(array.as_string_view().views()),
        DataType::BinaryView => views(array.as_binary_view().views()),
        DataType::Dictionary(..) => {
            let values = array.as_any_dictionary().values();
            let longest = texts(values).map_or_else(|_| of_array(values), |texts| lengths(&texts).max().unwrap_or(0));
            longest.saturating_mul(array.len() as u64)
        }
        DataType::List(_) => in_lists(array.as_list::<i32>()),
        DataType::LargeList(_) => in_lists(array.as_list::<i64>()),
        DataType::FixedSizeList(..) => of_array(array.as_fixed_size_list().values()),
        DataType::Struct(_) => of_columns(array.as_struct()),
        DataType::Map(..) => {
            let map = array.as_map();
            let (first, rows) = between(map.value_offsets());
            of_columns(&map.entries().slice(first, rows))
        }
        _ => array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size()) as u64,
    }
}

fn of_columns(rows: &StructArray) -> u64 {
    rows.columns().iter().map(|column| of_array(column)).fold(0, u64::saturating_add)
}

fn in_lists<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> u64 {
    of_array(&values(lists)).saturating_add(std::mem::size_of_val(lists.value_offsets()) as u64)
}

/// What is in the lists, as far as they are there.
fn values<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> ArrayRef {
    let (first, rows) = between(lists.value_offsets());
    lists.values().slice(first, rows)
}

/// The first of the rows that offsets lead to, and how many.
fn between<O: OffsetSizeTrait>(offsets: &[O]) -> (usize, usize) {
    let place = |offset: Option<&O>| offset.map_or(0, |offset| offset.as_usize());
    let first = place(offsets.first());
    (first, place(offsets.last()).saturating_sub(first))
}

/// Bytes of a value in so many rows, where it is in each.
pub fn total(value: &ColumnarValue, rows: usize) -> u64 {
    match value {
        ColumnarValue::Array(array) => of_array(array),
        ColumnarValue::Scalar(value) => of_scalar(value).saturating_mul(rows as u64),
    }
}

/// Bytes of the longest text.
pub fn longest(value: &ColumnarValue) -> Result<u64> {
    Ok(lengths(&texts(&value.to_array(1)?)?).max().unwrap_or(0))
}

/// Bytes of the shortest text.
pub fn shortest(value: &ColumnarValue) -> Result<u64> {
    Ok(lengths(&texts(&value.to_array(1)?)?).min().unwrap_or(0))
}

/// All numbers in so many rows, without those below zero.
pub fn sum(counts: &ColumnarValue, rows: usize) -> Result<u64> {
    let array = cast(&counts.to_array(1)?, &DataType::Int64)?;
    let counts = array.as_primitive::<Int64Type>();
    let sum = counts.iter().flatten().fold(0u64, |sum, count| sum.saturating_add(u64::try_from(count).unwrap_or(0)));
    Ok(if counts.len() == 1 { sum.saturating_mul(rows as u64) } else { sum })
}

/// How many values are in lists in so many rows, and whether they are texts.
pub fn leaves(value: &ColumnarValue, rows: usize) -> Result<(u64, bool)> {
    let (count, texts) = leaves_of(&value.to_array(1)?);
    let scalar = matches!(value, ColumnarValue::Scalar(_));
    Ok((if scalar { count.saturating_mul(rows as u64) } else { count }, texts))
}

fn leaves_of(array: &ArrayRef) -> (u64, bool) {
    match array.data_type() {
        DataType::List(_) => leaves_of(&values(array.as_list::<i32>())),
        DataType::LargeList(_) => leaves_of(&values(array.as_list::<i64>())),
        DataType::FixedSizeList(..) => leaves_of(array.as_fixed_size_list().values()),
        other => (array.len() as u64, matches!(other, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)),
    }
}

fn texts(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(cast(array, &DataType::Utf8)?)
}

fn lengths(texts: &ArrayRef) -> impl Iterator<Item = u64> + '_ {
    texts.as_string::<i32>().iter().flatten().map(|text| text.len() as u64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, Int32Array, ListArray, StringArray, StringViewArray};
    use arrow::datatypes::{Field, Int32Type};

    use super::*;

    #[test]
    fn only_the_rows_of_a_slice_count() {
        let long = "x".repeat(1_000);
        let texts = [long.as_str(), "y"];
        let arrays: [ArrayRef; 2] =
            [Arc::new(StringArray::from(texts.to_vec())), Arc::new(StringViewArray::from(texts.to_vec()))];
        for array in arrays {
            assert!(of_array(&array) >= 1_001);
            assert!(of_array(&array.slice(1, 1)) < 20);
        }
        let shared = DictionaryArray::<Int32Type>::new(
            Int32Array::from(vec![0; 9]),
            Arc::new(StringArray::from(vec![long.as_str()])),
        );
        assert_eq!(of_array(&shared), 9_000, "each row has the text");
    }

    #[test]
    fn values_in_lists_are_counted() {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), Some(vec![Some(2)])]);
        assert!(of_array(&list.slice(1, 1)) < of_array(&list));
        let column = ColumnarValue::Array(Arc::new(list.slice(1, 1)));
        assert_eq!(leaves(&column, 1).unwrap(), (1, false));
        let once = ColumnarValue::Scalar(ScalarValue::List(Arc::new(list.slice(0, 1))));
        assert_eq!(leaves(&once, 10).unwrap(), (20, false));
    }

    #[test]
    fn a_type_can_be_wide() {
        let field = Field::new("item", DataType::FixedSizeBinary(1 << 20), true);
        assert_eq!(of_type(&DataType::FixedSizeList(Arc::new(field), 1 << 20)), 1 << 40);
        assert_eq!(of_type(&DataType::Int64), 8);
    }
}
