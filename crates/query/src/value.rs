//! One value of a column as JSON or as text, as every way to ask answers it.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base::Timestamp;
use serde_json::{Map, Number, Value};

/// What a column holds, in SQL's words.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "null".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Float32 | DataType::Float64 => "double".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "bytes".to_owned()
        }
        DataType::Map(..) => "map".to_owned(),
        DataType::Dictionary(_, values) => type_name(values),
        integer if integer.is_integer() => "bigint".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

/// Value `n` as JSON: numbers as numbers, but NaN and infinities as texts; times in RFC 3339;
/// bytes in hexadecimal digits; maps and structs as objects.
pub fn json(array: &dyn Array, n: usize) -> Value {
    if array.is_null(n) {
        return Value::Null;
    }
    match array.data_type() {
        // Such an array has no bits that say so.
        DataType::Null => Value::Null,
        DataType::Boolean => array.as_boolean().value(n).into(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(n).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(n).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(n).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(n).into(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(n).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(n).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(n).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(n).into(),
        DataType::Float32 => float(array.as_primitive::<Float32Type>().value(n).into()),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(n)),
        DataType::List(_) => items(array.as_list::<i32>().value(n).as_ref()),
        DataType::LargeList(_) => items(array.as_list::<i64>().value(n).as_ref()),
        DataType::FixedSizeList(..) => items(array.as_fixed_size_list().value(n).as_ref()),
        DataType::Map(..) => {
            let entries = array.as_map().value(n);
            let (names, values) = (entries.column(0), entries.column(1));
            let member = |i| (plain(names.as_ref(), i).unwrap_or_default(), json(values.as_ref(), i));
            Value::Object((0..entries.len()).map(member).collect())
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let members = fields.iter().zip(columns).map(|(field, column)| (field.name().clone(), json(column, n)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        _ => Value::String(text(array, n)),
    }
}

fn float(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number)
}

fn items(array: &dyn Array) -> Value {
    (0..array.len()).map(|n| json(array, n)).collect()
}

/// Value `n` as text, as a table or a CSV file shows it; nothing if it is null.
pub fn plain(array: &dyn Array, n: usize) -> Option<String> {
    match json(array, n) {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn text(array: &dyn Array, n: usize) -> String {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(n).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(n).to_owned(),
        DataType::Utf8View => array.as_string_view().value(n).to_owned(),
        _ if time(array, n).is_some() => time(array, n).map(|time| time.to_string()).unwrap_or_default(),
        _ => ArrayFormatter::try_new(array, &FormatOptions::default().with_display_error(true))
            .map(|formatter| formatter.value(n).to_string())
            .unwrap_or_default(),
    }
}

/// Value `n` of a column of times; nothing if it is null or no nanoseconds can say it.
pub fn time(array: &dyn Array, n: usize) -> Option<Timestamp> {
    let DataType::Timestamp(unit, _) = array.data_type() else { return None };
    let (value, per) = match unit {
        TimeUnit::Second => (at::<TimestampSecondType>(array, n), 1_000_000_000),
        TimeUnit::Millisecond => (at::<TimestampMillisecondType>(array, n), 1_000_000),
        TimeUnit::Microsecond => (at::<TimestampMicrosecondType>(array, n), 1_000),
        TimeUnit::Nanosecond => (at::<TimestampNanosecondType>(array, n), 1),
    };
    value?.checked_mul(per).map(Timestamp::from_nanos)
}

fn at<T: ArrowPrimitiveType<Native = i64>>(array: &dyn Array, n: usize) -> Option<i64> {
    let values = array.as_primitive_opt::<T>()?;
    values.is_valid(n).then(|| values.value(n))
}
