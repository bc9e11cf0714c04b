use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, FixedSizeBinaryBuilder, Float64Array, Float64Builder,
    Int64Array, Int64Builder, ListBuilder, MapBuilder, StringArray, StringBuilder, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType};
use base::Timestamp;

use crate::{AlertState, DryRun, Fingerprint, Key, Outcome, ResourceId, ScopeState, Severity, Verdict};

/// Names and values, ordered by name.
pub type Labels = BTreeMap<String, String>;

/// A type that a column can hold.
pub trait Cell: Sized {
    /// Whether the column may hold nulls.
    const NULLABLE: bool = false;

    /// The column's type.
    fn data_type() -> DataType;

    /// A column of `values`.
    fn array(values: &mut dyn Iterator<Item = &Self>) -> ArrayRef;

    /// Value `n` of a column of that type.
    ///
    /// # Errors
    /// Says what is wrong with the value.
    fn get(array: &dyn Array, n: usize) -> Result<Self, String>;
}

impl Cell for String {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn array(values: &mut dyn Iterator<Item = &Self>) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(values))
    }

    fn get(array: &dyn Array, n: usize) -> Result<Self, String> {
        Ok(array.as_string::<i32>().value(n).to_owned())
    }
}

impl Cell for Option<String> {
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn array(values: &mut dyn Iterator<Item = &Self>) -> ArrayRef {
        Arc::new(values.map(Option::as_deref).collect::<StringArray>())
    }

    fn get(array: &dyn Array, n: usize) -> Result<Self, String> {
        let array = array.as_string::<i32>();
        Ok(array.is_valid(n).then(|| array.value(n).to_owned()))
    }
}

/// Numbers that are a value of one Arrow array type.
macro_rules! primitive {
    ($type:ty, $data_type:expr, $array:ident, $arrow:ty, $to:expr, $from:expr) => {
        impl Cell for $type {
            fn data_type() -> DataType {
                $data_type
            }

            fn array(values: &mut dyn Iterator<Item = &Self>) -> ArrayRef {
                Arc::new($array::from_iter_values(values.map($to)))
            }

            fn get(array: &dyn Array, n: usize) -> Result<Self, String> {
                Ok($from(array.as_primitive::<$arrow>().value(n)))
            }
        }

        impl Cell for Option<$type> {
            const NULLABLE: bool = true;

            fn data_type() -> DataType {
                $data_type
            }

            fn array(values: &mut dyn Iterator<Item = &Self>) -> ArrayRef {
                Arc::new(values.map(|value| value.as_ref().map($to)).collect::<$array>())
            }

            fn get(array: &dyn Array, n: usize) -> Result<Self, String> {
                Ok(array.is_valid(n).then(|| $from(array.as_primitive::<$arrow>().value(n))))
            }
        }
    };
}

primitive!(i64, DataType::Int64, Int64Array, Int64Type, |value: &i64| *value, |value| value);
primitive!(f64, DataType::Float64, Float64Array, Float64Type, |value: &f64| *value, |value| value);
primitive!(
    Timestamp,
    DataType::Timestamp(TimeUnit::Nanosecond, None),
    TimestampNanosecondArray,
    TimestampNanosecondType,
    |value: &Timestamp| value.nanos(),
    Timestamp::from_nanos
);

impl Cell for bool {
    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn array(values: &mut dyn Iterator<Item = &Self>) -> ArrayRef {
        Arc::new(BooleanArray::from(values.copied().collect::<Vec<_>>()))
    }

    fn get(array: &dyn Array, n: usize) -> Result<Self, String> {
        Ok(array.as_boolean().value(n))
    }
}

/// 16 bytes.
macro_rules! sixteen {
    ($type:ident) => {
        impl Cell for $type {
            fn data_type() -> DataType {
                DataType::FixedSizeBinary(16)
            }

            fn array(values: &mut dyn Iterator<Item = &Self>) -> ArrayRef {
                let mut builder = FixedSizeBinaryBuilder::new(16);
                for value in values {
                    // It fails only if the width is another, and both are 16.
                    let _ = builder.append_value(value.0);
                }
                Arc::new(builder.finish())
            }

            fn get(array: &dyn Array, n: usize) -> Result<Self, String> {
                let bytes = array.as_any().downcast_ref::<FixedSizeBinaryArray>().map(|array| array.value(n));
                bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| "not 16 bytes".to_owned())
            }
        }
    };
}

sixteen!(Key);
sixteen!(Fingerprint);

/// Types that are a text in a column.
macro_rules! text {
    ($($type:ty),+) => {$(
        impl Cell for $type {
            fn data_type() -> DataType {
                DataType::Utf8
            }

            fn array(values: &mut dyn Iterator<Item = &Self>) -> ArrayRef {
                Arc::new(StringArray::from_iter_values(values.map(|value| value.as_str())))
            }

            fn get(array: &dyn Array, n: usize) -> Result<Self, String> {
                array.as_string::<i32>().value(n).parse().map_err(|error: crate::ModelError| error.to_string())
            }
        }
    )+};
}

text!(ResourceId, Verdict, Severity, AlertState, ScopeState, Outcome, DryRun);

/// A list of numbers.
macro_rules! list {
    ($type:ty, $data_type:expr, $builder:ident, $arrow:ty) => {
        impl Cell for Vec<$type> {
            fn data_type() -> DataType {
                DataType::List(Arc::new(Field::new_list_field($data_type, true)))
            }

            fn array(values: &mut dyn Iterator<Item = &Self>) -> ArrayRef {
                let mut builder = ListBuilder::new($builder::new());
                for list in values {
                    builder.values().append_slice(list);
                    builder.append(true);
                }
                Arc::new(builder.finish())
            }

            fn get(array: &dyn Array, n: usize) -> Result<Self, String> {
                Ok(array.as_list::<i32>().value(n).as_primitive::<$arrow>().values().to_vec())
            }
        }
    };
}

list!(f64, DataType::Float64, Float64Builder, Float64Type);
list!(i64, DataType::Int64, Int64Builder, Int64Type);

impl Cell for Option<Labels> {
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        <Labels as Cell>::data_type()
    }

    fn array(values: &mut dyn Iterator<Item = &Self>) -> ArrayRef {
        labels_array(&mut values.map(Option::as_ref))
    }

    fn get(array: &dyn Array, n: usize) -> Result<Self, String> {
        if array.is_valid(n) { <Labels as Cell>::get(array, n).map(Some) } else { Ok(None) }
    }
}

fn labels_array(values: &mut dyn Iterator<Item = Option<&Labels>>) -> ArrayRef {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for labels in values {
        for (name, value) in labels.into_iter().flatten() {
            builder.keys().append_value(name);
            builder.values().append_value(value);
        }
        // It fails only if there are more keys than values.
        let _ = builder.append(labels.is_some());
    }
    Arc::new(builder.finish())
}

impl Cell for Labels {
    fn data_type() -> DataType {
        let entry =
            Fields::from(vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Utf8, true)]);
        DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
    }

    fn array(values: &mut dyn Iterator<Item = &Self>) -> ArrayRef {
        labels_array(&mut values.map(Some))
    }

    fn get(array: &dyn Array, n: usize) -> Result<Self, String> {
        let entries = array.as_map().value(n);
        let (names, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
        Ok((0..entries.len()).map(|i| (names.value(i).to_owned(), values.value(i).to_owned())).collect())
    }
}
