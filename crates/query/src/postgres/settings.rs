//! What tells of settings: `current_setting`, `set_config`, `pg_show_all_settings`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::datasource::MemTable;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// Settings by their name in small letters.
type Values = Arc<BTreeMap<String, String>>;

/// Adds them to `state`, with the values that they have in a session.
pub(super) fn register(state: &mut SessionState, values: &Values) -> Result<()> {
    let signature = || Signature::user_defined(Volatility::Stable);
    let current = CurrentSetting { signature: signature(), values: Arc::clone(values) };
    let set = SetConfig { signature: signature(), values: Arc::clone(values) };
    state.register_udf(Arc::new(ScalarUDF::from(current)))?;
    state.register_udf(Arc::new(ScalarUDF::from(set)))?;
    state.register_udtf("pg_show_all_settings", Arc::new(AllSettings(Arc::clone(values))));
    Ok(())
}

/// `current_setting(name [, missing_ok])`: a setting of the session.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CurrentSetting {
    signature: Signature,
    values: Values,
}

impl ScalarUDFImpl for CurrentSetting {
    fn name(&self) -> &'static str {
        "current_setting"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types.len() {
            1 => Ok(vec![DataType::Utf8]),
            2 => Ok(vec![DataType::Utf8, DataType::Boolean]),
            _ => plan_err!("current_setting(name [, missing_ok]) takes a name"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (missing_ok, name) = match args.args.as_slice() {
            [name] => (false, name),
            [name, ColumnarValue::Scalar(ScalarValue::Boolean(Some(ok)))] => (*ok, name),
            _ => return exec_err!("current_setting(name [, missing_ok]) takes a name"),
        };
        if let ColumnarValue::Scalar(name) = name {
            let value = setting(&self.values, name.try_as_str().flatten(), missing_ok)?;
            return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(value)));
        }
        let names = cast(&name.to_array(args.number_rows)?, &DataType::Utf8)?;
        let values = names.as_string::<i32>().iter().map(|name| setting(&self.values, name, missing_ok));
        let values: StringArray = values.collect::<Result<Vec<_>>>()?.into_iter().collect();
        Ok(ColumnarValue::Array(Arc::new(values) as ArrayRef))
    }
}

fn setting(values: &Values, name: Option<&str>, missing_ok: bool) -> Result<Option<String>> {
    let Some(name) = name else { return Ok(None) };
    match values.get(&name.to_lowercase()) {
        Some(value) => Ok(Some(value.clone())),
        None if missing_ok => Ok(None),
        None => exec_err!("unrecognized configuration parameter \"{name}\""),
    }
}

/// `set_config(name, value, is_local)`: the value, if the setting has it already. A query changes nothing here, but clients
/// make sure in this way of what they need.
#[derive(Debug, PartialEq, Eq, Hash)]
struct SetConfig {
    signature: Signature,
    values: Values,
}

impl ScalarUDFImpl for SetConfig {
    fn name(&self) -> &'static str {
        "set_config"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types.len() {
            3 => Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Boolean]),
            _ => plan_err!("set_config(name, value, is_local) takes a name and a value"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Scalar(name), ColumnarValue::Scalar(value), _] = args.args.as_slice() else {
            return exec_err!("set_config(name, value, is_local) takes one name and one value");
        };
        let known = setting(&self.values, name.try_as_str().flatten(), false)?;
        let wanted = value.try_as_str().flatten().map(str::to_owned);
        if known != wanted {
            return exec_err!("set_config() cannot change a setting here: use SET");
        }
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(known)))
    }
}

/// `pg_show_all_settings()`: the settings of the session, as far as they have names and values.
#[derive(Debug)]
struct AllSettings(Values);

impl TableFunctionImpl for AllSettings {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        if !args.exprs().is_empty() {
            return plan_err!("pg_show_all_settings() takes nothing");
        }
        let texts = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        let rows = RecordBatch::try_from_iter([
            ("name", texts(self.0.keys().map(String::as_str).collect())),
            ("setting", texts(self.0.values().map(String::as_str).collect())),
        ])?;
        Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?))
    }
}
