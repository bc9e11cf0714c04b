//! What tells of settings: `current_setting`, `set_config`, `pg_show_all_settings`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::datasource::MemTable;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, Volatility};

use super::udf::udf;

/// Settings by their name in small letters.
pub(super) type Values = Arc<BTreeMap<String, String>>;

/// Columns of `pg_settings` that say the same of every setting.
const OF_ALL: &[(&str, Option<&str>)] = &[
    ("unit", None),
    ("category", None),
    ("short_desc", None),
    ("extra_desc", None),
    ("context", Some("user")),
    ("vartype", Some("string")),
    ("source", Some("default")),
    ("min_val", None),
    ("max_val", None),
    ("enumvals", None),
];

/// Adds them to `state`, with the values that they have in a session.
pub(super) fn register(state: &mut SessionState, values: &Values) -> Result<()> {
    let (of_current, of_set) = (Arc::clone(values), Arc::clone(values));
    let current = move |args: &ScalarFunctionArgs| current_setting(&of_current, args);
    let set = move |args: &ScalarFunctionArgs| set_config(&of_set, args);
    for function in [
        udf("current_setting", Volatility::Stable, DataType::Utf8, current_takes, current),
        udf("set_config", Volatility::Stable, DataType::Utf8, set_takes, set),
    ] {
        state.register_udf(Arc::new(function))?;
    }
    state.register_udtf("pg_show_all_settings", Arc::new(AllSettings(Arc::clone(values))));
    Ok(())
}

fn current_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types.len() {
        1 => Ok(vec![DataType::Utf8]),
        2 => Ok(vec![DataType::Utf8, DataType::Boolean]),
        _ => plan_err!("current_setting(name [, missing_ok]) takes a name"),
    }
}

/// `current_setting(name [, missing_ok])`: a setting of the session.
fn current_setting(values: &Values, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (missing_ok, name) = match args.args.as_slice() {
        [name] => (false, name),
        [name, ColumnarValue::Scalar(ScalarValue::Boolean(Some(ok)))] => (*ok, name),
        _ => return exec_err!("current_setting(name [, missing_ok]) takes a name"),
    };
    if let ColumnarValue::Scalar(name) = name {
        let value = setting(values, name.try_as_str().flatten(), missing_ok)?;
        return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(value)));
    }
    let names = cast(&name.to_array(args.number_rows)?, &DataType::Utf8)?;
    let values = names.as_string::<i32>().iter().map(|name| setting(values, name, missing_ok));
    let values: StringArray = values.collect::<Result<Vec<_>>>()?.into_iter().collect();
    Ok(ColumnarValue::Array(Arc::new(values) as ArrayRef))
}

fn setting(values: &Values, name: Option<&str>, missing_ok: bool) -> Result<Option<String>> {
    let Some(name) = name else { return Ok(None) };
    match values.get(&name.to_lowercase()) {
        Some(value) => Ok(Some(value.clone())),
        None if missing_ok => Ok(None),
        None => exec_err!("unrecognized configuration parameter \"{name}\""),
    }
}

fn set_takes(types: &[DataType]) -> Result<Vec<DataType>> {
    match types.len() {
        3 => Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Boolean]),
        _ => plan_err!("set_config(name, value, is_local) takes a name and a value"),
    }
}

/// `set_config(name, value, is_local)`: the value, if the setting has it already. A query changes nothing here, but clients
/// make sure in this way of what they need.
fn set_config(values: &Values, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let [ColumnarValue::Scalar(name), ColumnarValue::Scalar(value), _] = args.args.as_slice() else {
        return exec_err!("set_config(name, value, is_local) takes one name and one value");
    };
    let known = setting(values, name.try_as_str().flatten(), false)?;
    let wanted = value.try_as_str().flatten().map(str::to_owned);
    if known != wanted {
        return exec_err!("set_config() cannot change a setting here: use SET");
    }
    Ok(ColumnarValue::Scalar(ScalarValue::Utf8(known)))
}

/// `pg_show_all_settings()`: the settings of the session, as far as they have names and values.
#[derive(Debug)]
struct AllSettings(Values);

impl TableFunctionImpl for AllSettings {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        if !args.exprs().is_empty() {
            return plan_err!("pg_show_all_settings() takes nothing");
        }
        let rows = table(&self.0)?;
        Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
    }
}

/// The rows of `pg_settings`.
pub(super) fn table(values: &Values) -> Result<RecordBatch> {
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(values.keys()));
    let settings: ArrayRef = Arc::new(StringArray::from_iter_values(values.values()));
    let of_all = |value: Option<&str>| -> ArrayRef { Arc::new(StringArray::from(vec![value; values.len()])) };
    let mut columns = vec![("name", names), ("setting", Arc::clone(&settings))];
    columns.extend(OF_ALL.iter().map(|(name, value)| (*name, of_all(*value))));
    columns.extend([("boot_val", Arc::clone(&settings)), ("reset_val", settings), ("sourcefile", of_all(None))]);
    columns.push(("sourceline", Arc::new(Int32Array::new_null(values.len()))));
    columns.push(("pending_restart", Arc::new(BooleanArray::from(vec![false; values.len()]))));
    let fields = columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(RecordBatch::try_new(schema, columns.into_iter().map(|(_, column)| column).collect())?)
}
