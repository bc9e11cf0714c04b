//! How columns are given to clients of Flight: times say that they are in UTC, and entries of maps have the names by which
//! Arrow's Java library looks for them. <https://arrow.apache.org/docs/format/Columnar.html#map-layout>

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;

/// The zone of all times.
const UTC: &str = "UTC";

/// The columns of an answer, as they are given.
pub fn columns(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(field).collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The places of a statement, as they are told. Arrow's JDBC driver puts milliseconds into a time whatever its unit is
/// (18.3), so that it must be told that unit; others send times of their own unit.
pub fn places(schema: &Schema) -> Schema {
    let place = |field: &FieldRef| match field.data_type() {
        DataType::Timestamp(..) => {
            let data_type = DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into()));
            field.as_ref().clone().with_data_type(data_type)
        }
        _ => field.as_ref().clone(),
    };
    Schema::new(schema.fields().iter().map(place).collect::<Vec<_>>())
}

/// `batch` as its columns are given.
///
/// # Errors
/// If an array is not what its type says.
pub fn batch(batch: &RecordBatch, given: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let arrays = batch.columns().iter().zip(given.fields()).map(|(array, field)| column(array, field.data_type()));
    RecordBatch::try_new(Arc::clone(given), arrays.collect::<Result<_, _>>()?)
}

fn field(field: &FieldRef) -> FieldRef {
    let data_type = form(field.data_type());
    if data_type == *field.data_type() {
        return Arc::clone(field);
    }
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

fn form(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(unit, None) => DataType::Timestamp(*unit, Some(UTC.into())),
        DataType::List(item) => DataType::List(field(item)),
        DataType::LargeList(item) => DataType::LargeList(field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::Dictionary(key, value) => DataType::Dictionary(key.clone(), Box::new(form(value))),
        DataType::Map(entries, sorted) => match entries.data_type() {
            DataType::Struct(entry) => DataType::Map(Arc::new(self::entries(entry)), *sorted),
            _ => data_type.clone(),
        },
        other => other.clone(),
    }
}

fn entries(entry: &Fields) -> Field {
    let named = entry.iter().zip(["key", "value"]).map(|(part, name)| field(part).as_ref().clone().with_name(name));
    Field::new("entries", DataType::Struct(named.collect()), false)
}

fn column(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    // The values are the same.
    Ok(match array.data_type() {
        DataType::Timestamp(Second, None) => {
            Arc::new(array.as_primitive::<TimestampSecondType>().clone().with_timezone(UTC))
        }
        DataType::Timestamp(Millisecond, None) => {
            Arc::new(array.as_primitive::<TimestampMillisecondType>().clone().with_timezone(UTC))
        }
        DataType::Timestamp(Microsecond, None) => {
            Arc::new(array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone(UTC))
        }
        DataType::Timestamp(Nanosecond, None) => {
            Arc::new(array.as_primitive::<TimestampNanosecondType>().clone().with_timezone(UTC))
        }
        _ => cast(array, to)?,
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, MapBuilder, StringBuilder, TimestampNanosecondArray};

    use super::*;

    #[test]
    fn times_say_their_zone_and_entries_their_names() {
        let mut labels = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        labels.keys().append_value("job");
        labels.values().append_value("web");
        labels.append(true).unwrap();
        labels.append(false).unwrap();
        let labels: ArrayRef = Arc::new(labels.finish());
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![Some(7), None]));
        let rows = RecordBatch::try_from_iter([("t", times), ("labels", labels)]).unwrap();
        let given = columns(rows.schema_ref());
        let shown = batch(&rows, &given).unwrap();
        assert_eq!(shown.schema(), given);
        assert_eq!(shown.column(0).as_primitive::<TimestampNanosecondType>().value(0), 7);
        assert_eq!(shown.column(0).data_type(), &DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())));
        let labels = shown.column(1).as_map();
        assert_eq!(labels.entries().column_names(), ["key", "value"]);
        assert_eq!((labels.value_length(0), labels.is_null(1)), (1, true));
        assert_eq!(columns(&given), given, "what has its form keeps it");
    }
}
