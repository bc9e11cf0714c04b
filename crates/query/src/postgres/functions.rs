//! Functions that PostgreSQL and TimescaleDB have and DataFusion has not.

use std::sync::Arc;

use arrow::array::{AsArray, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, IntervalMonthDayNanoType, IntervalUnit, TimeUnit, TimestampNanosecondType};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, create_udf,
};

use super::{POSTGRES_VERSION, PgSession, interval, settings};

/// 2000-01-03, a Monday: buckets begin there, as TimescaleDB's do.
const ORIGIN: i64 = 946_857_600_000_000_000;
const TIME: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

/// Adds what is the same in every session.
pub(super) fn register(state: &mut SessionState) -> Result<()> {
    let version = format!("PostgreSQL {POSTGRES_VERSION} (Steadfast {})", env!("CARGO_PKG_VERSION"));
    for function in [
        ScalarUDF::from(TimeBucket::new()),
        constant("version", ScalarValue::from(version.as_str())),
        constant("pg_is_in_recovery", ScalarValue::Boolean(Some(false))),
        constant("txid_current", ScalarValue::Int64(Some(1))),
        of_function("pg_function_is_visible", ScalarValue::Boolean(Some(true))),
        of_function("pg_get_function_result", ScalarValue::Utf8(None)),
        of_function("pg_get_function_arguments", ScalarValue::Utf8(None)),
        of_function("pg_get_function_identity_arguments", ScalarValue::Utf8(None)),
    ] {
        state.register_udf(Arc::new(function))?;
    }
    Ok(())
}

/// Adds what tells of `session`.
pub(super) fn of_session(state: &mut SessionState, session: &PgSession) -> Result<()> {
    let user = || ScalarValue::from(session.user.as_ref());
    for function in [constant("session_user", user()), constant("current_user", user())] {
        state.register_udf(Arc::new(function))?;
    }
    settings::register(state, &session.settings)
}

fn constant(name: &str, value: ScalarValue) -> ScalarUDF {
    let data_type = value.data_type();
    create_udf(
        name,
        Vec::new(),
        data_type,
        Volatility::Stable,
        Arc::new(move |_| Ok(ColumnarValue::Scalar(value.clone()))),
    )
}

/// What the catalog says of a function by its number: of none that it lists there is more to say.
fn of_function(name: &str, value: ScalarValue) -> ScalarUDF {
    let data_type = value.data_type();
    create_udf(
        name,
        vec![DataType::Int64],
        data_type,
        Volatility::Stable,
        Arc::new(move |_| Ok(ColumnarValue::Scalar(value.clone()))),
    )
}

/// `time_bucket(length, time)`: the beginning of the bucket of that length in which a time is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TimeBucket(Signature);

impl TimeBucket {
    fn new() -> Self {
        Self(Signature::user_defined(Volatility::Immutable))
    }
}

impl ScalarUDFImpl for TimeBucket {
    fn name(&self) -> &'static str {
        "time_bucket"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(TIME)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Interval(_), _] => Ok(vec![DataType::Interval(IntervalUnit::MonthDayNano), TIME]),
            [_, _] => Ok(vec![DataType::Utf8, TIME]),
            _ => plan_err!("time_bucket(length, time) takes a length such as '5 minutes' and a time"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
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
}

fn width(length: &ScalarValue) -> Option<i64> {
    if let ScalarValue::IntervalMonthDayNano(Some(length)) = length {
        let (months, days, nanos) = IntervalMonthDayNanoType::to_parts(*length);
        let days = i64::from(days).checked_mul(86_400_000_000_000)?;
        return days.checked_add(nanos).filter(|width| months == 0 && *width > 0);
    }
    interval::nanos(length.try_as_str()??)
}
