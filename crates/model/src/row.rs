use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::{ModelError, Stream};

/// A struct that is a row of a stream. [`rows!`](crate::rows) implements it.
pub trait Row: Sized {
    /// The stream whose batches hold such rows.
    const STREAM: Stream;

    /// The columns, in the order of the fields.
    fn schema() -> SchemaRef;

    /// Rows to columns.
    ///
    /// # Errors
    /// Only if Arrow refuses the columns, which would be a bug.
    fn encode(rows: &[Self]) -> Result<RecordBatch, ModelError>;

    /// Columns to rows.
    ///
    /// # Errors
    /// Names the column that is not there, has another type, or holds what it must not.
    fn decode(batch: &RecordBatch) -> Result<Vec<Self>, ModelError>;
}

macro_rules! row {
    ($(#[$meta:meta])* $name:ident in $stream:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[$doc])* pub $field: $type,)+ }

        impl $crate::Row for $name {
            const STREAM: $crate::Stream = $crate::Stream::$stream;

            fn schema() -> arrow::datatypes::SchemaRef {
                static SCHEMA: std::sync::LazyLock<arrow::datatypes::SchemaRef> = std::sync::LazyLock::new(|| {
                    std::sync::Arc::new(arrow::datatypes::Schema::new(vec![$(
                        arrow::datatypes::Field::new(
                            stringify!($field),
                            <$type as $crate::Cell>::data_type(),
                            <$type as $crate::Cell>::NULLABLE,
                        ),
                    )+]))
                });
                std::sync::Arc::clone(&SCHEMA)
            }

            fn encode(rows: &[Self]) -> Result<arrow::array::RecordBatch, $crate::ModelError> {
                let columns = vec![$(<$type as $crate::Cell>::array(&mut rows.iter().map(|row| &row.$field)),)+];
                Ok(arrow::array::RecordBatch::try_new(Self::schema(), columns)?)
            }

            fn decode(batch: &arrow::array::RecordBatch) -> Result<Vec<Self>, $crate::ModelError> {
                $(let $field = $crate::row::column::<$type>(batch, Self::STREAM, stringify!($field))?;)+
                (0..batch.num_rows()).map(|n| Ok(Self {
                    $($field: $crate::row::cell::<$type>($field, n, Self::STREAM, stringify!($field))?,)+
                })).collect()
            }
        }
    };
}
pub(crate) use row;

pub(crate) fn column<'a, T: crate::Cell>(
    batch: &'a RecordBatch,
    stream: Stream,
    column: &'static str,
) -> Result<&'a dyn arrow::array::Array, ModelError> {
    let problem = |problem: String| ModelError::Column { stream: stream.as_str(), column, problem };
    let array = batch.column_by_name(column).ok_or_else(|| problem("it is not there".to_owned()))?;
    if *array.data_type() == T::data_type() {
        Ok(array.as_ref())
    } else {
        Err(problem(format!("its type is {}, not {}", array.data_type(), T::data_type())))
    }
}

pub(crate) fn cell<T: crate::Cell>(
    array: &dyn arrow::array::Array,
    n: usize,
    stream: Stream,
    column: &'static str,
) -> Result<T, ModelError> {
    T::get(array, n).map_err(|problem| ModelError::Column { stream: stream.as_str(), column, problem })
}
