use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use query::{PgScalar, PgType};

/// The values of a column, in one of the few forms that are written.
pub enum Cells {
    Bool(BooleanArray),
    Int2(Int16Array),
    Int4(Int32Array),
    Int8(Int64Array),
    Float4(Float32Array),
    Float8(Float64Array),
    /// In decimal digits.
    Numeric(StringArray),
    Text(StringArray),
    Bytes(BinaryArray),
    Date(Date32Array),
    Time(Time64MicrosecondArray),
    /// Microseconds since 1970 in UTC.
    Instant(TimestampMicrosecondArray),
    Interval(IntervalMonthDayNanoArray),
    Json(ArrayRef),
    /// With the number of its elements' type.
    List(ListArray, u32, Box<Cells>),
}

impl Cells {
    /// The values of `array`, which has that type.
    pub fn new(array: &ArrayRef, of: PgType) -> Result<Self, ArrowError> {
        if let DataType::Dictionary(_, values) = array.data_type() {
            return Self::new(&cast(array, values)?, of);
        }
        if of.array { Self::list(array, of) } else { Self::scalars(array, of.scalar) }
    }

    fn scalars(array: &ArrayRef, scalar: PgScalar) -> Result<Self, ArrowError> {
        let to = |data_type| cast(array, &data_type);
        Ok(match scalar {
            PgScalar::Bool => Self::Bool(to(DataType::Boolean)?.as_boolean().clone()),
            PgScalar::Int2 => Self::Int2(to(DataType::Int16)?.as_primitive().clone()),
            PgScalar::Int4 | PgScalar::Oid => Self::Int4(to(DataType::Int32)?.as_primitive().clone()),
            PgScalar::Int8 => Self::Int8(to(DataType::Int64)?.as_primitive().clone()),
            PgScalar::Float4 => Self::Float4(to(DataType::Float32)?.as_primitive().clone()),
            PgScalar::Float8 => Self::Float8(to(DataType::Float64)?.as_primitive().clone()),
            PgScalar::Numeric => Self::Numeric(to(DataType::Utf8)?.as_string().clone()),
            PgScalar::Bytea => Self::Bytes(to(DataType::Binary)?.as_binary().clone()),
            PgScalar::Date => Self::Date(to(DataType::Date32)?.as_primitive().clone()),
            PgScalar::Time => Self::Time(to(DataType::Time64(TimeUnit::Microsecond))?.as_primitive().clone()),
            PgScalar::Timestamp | PgScalar::Timestamptz => Self::Instant(instants(array)?),
            PgScalar::Interval => {
                Self::Interval(to(DataType::Interval(IntervalUnit::MonthDayNano))?.as_primitive().clone())
            }
            PgScalar::Json | PgScalar::Jsonb => Self::Json(Arc::clone(array)),
            _ => Self::Text(texts(array)?),
        })
    }

    fn list(array: &ArrayRef, of: PgType) -> Result<Self, ArrowError> {
        let item = match array.data_type() {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => item.data_type(),
            other => return Err(ArrowError::CastError(format!("{other} is no list"))),
        };
        let list = cast(array, &DataType::List(Arc::new(Field::new_list_field(item.clone(), true))))?;
        let list = list.as_list::<i32>().clone();
        let scalar = PgType::scalar(of.scalar);
        let values = Self::new(list.values(), scalar)?;
        Ok(Self::List(list, scalar.oid(), Box::new(values)))
    }

    /// Whether there is no value in that row.
    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Bool(array) => array.is_null(row),
            Self::Int2(array) => array.is_null(row),
            Self::Int4(array) => array.is_null(row),
            Self::Int8(array) => array.is_null(row),
            Self::Float4(array) => array.is_null(row),
            Self::Float8(array) => array.is_null(row),
            Self::Numeric(array) | Self::Text(array) => array.is_null(row),
            Self::Bytes(array) => array.is_null(row),
            Self::Date(array) => array.is_null(row),
            Self::Time(array) => array.is_null(row),
            Self::Instant(array) => array.is_null(row),
            Self::Interval(array) => array.is_null(row),
            Self::Json(array) => array.is_null(row),
            Self::List(array, ..) => array.is_null(row),
        }
    }
}

/// Microseconds; what zone the times are shown in is left as it is.
fn instants(array: &ArrayRef) -> Result<TimestampMicrosecondArray, ArrowError> {
    let zone = match array.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    Ok(cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone))?.as_primitive().clone())
}

/// As text, whatever it is.
fn texts(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    if let Ok(texts) = cast(array, &DataType::Utf8) {
        return Ok(texts.as_string().clone());
    }
    let options = FormatOptions::default().with_display_error(true);
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
    Ok((0..array.len()).map(|row| array.is_valid(row).then(|| formatter.value(row).to_string())).collect())
}
