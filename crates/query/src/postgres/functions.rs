//! Functions that PostgreSQL and TimescaleDB have and DataFusion has not.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray, StructArray, TimestampNanosecondArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, Fields, IntervalMonthDayNanoType, IntervalUnit, TimeUnit, TimestampNanosecondType,
};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, Volatility};

use super::udf::{always, udf};
use super::{POSTGRES_VERSION, PgSession, interval, settings};

/// 2000-01-03, a Monday: buckets begin there, as TimescaleDB's do.
const ORIGIN: i64 = 946_857_600_000_000_000;
const TIME: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

/// Functions that tell of what is not here, or not told: they are answered with nothing.
const NOTHING: &[&str] = &[
    "obj_description",
    "col_description",
    "shobj_description",
    "pg_get_function_result",
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_indexdef",
    "pg_get_viewdef",
    "pg_get_ruledef",
    "pg_get_triggerdef",
    "pg_get_functiondef",
    "pg_get_serial_sequence",
    "inet_server_addr",
    "inet_client_addr",
];
const NO_SIZE: &[&str] = &["pg_database_size", "pg_tablespace_size", "pg_table_size", "pg_indexes_size"];
const NO_NUMBER: &[&str] = &["inet_server_port", "pg_my_temp_schema"];
const NO_TIME: &[&str] = &["pg_postmaster_start_time", "pg_conf_load_time"];
/// Questions that have one answer here.
const YES: &[&str] =
    &["pg_type_is_visible", "pg_function_is_visible", "has_function_privilege", "has_column_privilege", "pg_has_role"];
const NO: &[&str] = &["pg_is_in_recovery", "pg_is_other_temp_schema"];
const ENCODING: &[&str] = &["pg_client_encoding", "getdatabaseencoding"];

/// Adds what is the same in every session.
pub(super) fn register(state: &mut SessionState) -> Result<()> {
    let version = format!("PostgreSQL {POSTGRES_VERSION} (Steadfast {})", env!("CARGO_PKG_VERSION"));
    for (names, value) in [
        (&["version"][..], ScalarValue::from(version.as_str())),
        (&["txid_current"][..], ScalarValue::Int64(Some(1))),
        (ENCODING, ScalarValue::from("UTF8")),
        (NOTHING, ScalarValue::Utf8(None)),
        (NO_SIZE, ScalarValue::Int64(None)),
        (NO_TIME, ScalarValue::TimestampNanosecond(None, None)),
        (YES, ScalarValue::Boolean(Some(true))),
        (NO, ScalarValue::Boolean(Some(false))),
        (NO_NUMBER, ScalarValue::Int32(None)),
    ] {
        for name in names {
            state.register_udf(Arc::new(always(name, value.clone())))?;
        }
    }
    let bucket = udf("time_bucket", Volatility::Immutable, TIME, bucket_takes, time_bucket);
    state.register_udf(Arc::new(bucket))?;
    let items = DataType::new_list(DataType::Struct(item_fields()), true);
    let expand = udf("_pg_expandarray", Volatility::Immutable, items, expand_takes, expand_array);
    state.register_udf(Arc::new(expand))?;
    Ok(())
}

/// Adds what tells of `session`.
pub(super) fn of_session(state: &mut SessionState, session: &PgSession) -> Result<()> {
    for name in ["session_user", "current_user"] {
        state.register_udf(Arc::new(always(name, ScalarValue::from(session.user.as_ref()))))?;
    }
    settings::register(state, &session.settings)
}

fn item_fields() -> Fields {
    Fields::from(vec![Field::new("x", DataType::Int32, true), Field::new("n", DataType::Int32, true)])
}

fn expand_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [_] => Ok(vec![DataType::new_list(DataType::Int32, true)]),
        _ => plan_err!("_pg_expandarray(list) takes a list of numbers"),
    }
}

/// `_pg_expandarray(list)`: its elements with their places, a list of `{x, n}` of which rows are made.
fn expand_array(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let [lists] = args.args.as_slice() else { return exec_err!("_pg_expandarray(list) takes a list") };
    let lists = lists.to_array(args.number_rows)?;
    let lists = lists.as_list::<i32>();
    let (first, last) = (lists.value_offsets().first(), lists.value_offsets().last());
    let (first, last) = (first.copied().unwrap_or(0), last.copied().unwrap_or(0));
    let values = lists.values().slice(first as usize, (last - first) as usize);
    let offsets = lists.value_offsets().iter().map(|offset| offset - first).collect::<Vec<_>>();
    let length = |pair: &[i32]| match pair {
        [begin, end] => end - begin,
        _ => 0,
    };
    let places = lists.value_offsets().windows(2).flat_map(|pair| 1..=length(pair));
    let places: ArrayRef = Arc::new(Int32Array::from_iter_values(places));
    let items = StructArray::try_new(item_fields(), vec![values, places], None)?;
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    let offsets = OffsetBuffer::new(offsets.into());
    let expanded = ListArray::try_new(field, offsets, Arc::new(items), lists.nulls().cloned())?;
    Ok(ColumnarValue::Array(Arc::new(expanded)))
}

fn bucket_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Interval(_), _] => Ok(vec![DataType::Interval(IntervalUnit::MonthDayNano), TIME]),
        [_, _] => Ok(vec![DataType::Utf8, TIME]),
        _ => plan_err!("time_bucket(length, time) takes a length such as '5 minutes' and a time"),
    }
}

/// `time_bucket(length, time)`: the beginning of the bucket of that length in which a time is.
fn time_bucket(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let [ColumnarValue::Scalar(length), times] = args.args.as_slice() else {
        return exec_err!("time_bucket(length, time) takes one length for all times");
    };
    let Some(width) = width(length) else {
        return exec_err!("{length} is no length of time that buckets can have, such as '5 minutes' or '60.000s'");
    };
    let times = cast(&times.to_array(args.number_rows)?, &TIME)?;
    let times = times.as_primitive::<TimestampNanosecondType>();
    let begun = |at: i64| at.checked_sub(ORIGIN).map(|since| at.saturating_sub(since.rem_euclid(width)));
    let begun: TimestampNanosecondArray = times.iter().map(|at| at.and_then(begun)).collect();
    Ok(ColumnarValue::Array(Arc::new(begun)))
}

fn width(length: &ScalarValue) -> Option<i64> {
    if let ScalarValue::IntervalMonthDayNano(Some(length)) = length {
        let (months, days, nanos) = IntervalMonthDayNanoType::to_parts(*length);
        let days = i64::from(days).checked_mul(86_400_000_000_000)?;
        return days.checked_add(nanos).filter(|width| months == 0 && *width > 0);
    }
    interval::nanos(length.try_as_str()??)
}
