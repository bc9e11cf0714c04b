//! The scalar functions of a query: DataFusion's without those that no limit can hold, and a few
//! of our own.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::bounded::Bounded;
use crate::growth::{self, Growth};

/// Every scalar function of known growth; a column of one batch may not grow beyond `value_bytes`.
pub fn scalar(value_bytes: u64) -> Vec<Arc<ScalarUDF>> {
    let own = [ScalarUDF::from(Hex::new()), ScalarUDF::from(JsonGet::new())].map(Arc::new);
    let functions = SessionStateDefaults::default_scalar_functions().into_iter().chain(own);
    functions
        .filter_map(|function| match growth::of(function.name())? {
            Growth::Kept => Some(function),
            growth => Some(Bounded::function(function, growth, value_bytes)),
        })
        .collect()
}

/// `hex(bytes)`: bytes as hexadecimal digits, as keys and fingerprints are written.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Hex(Signature);

impl Hex {
    fn new() -> Self {
        Self(Signature::user_defined(Volatility::Immutable))
    }
}

impl ScalarUDFImpl for Hex {
    fn name(&self) -> &'static str {
        "hex"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        use DataType::{Binary, BinaryView, FixedSizeBinary, LargeBinary, Null};
        match types {
            [Binary | BinaryView | LargeBinary | FixedSizeBinary(_) | Null] => Ok(vec![Binary]),
            _ => plan_err!("hex(bytes) takes one binary value, such as a key or a fingerprint"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [bytes] = args.args.as_slice() else { return exec_err!("hex takes one value") };
        let bytes = cast(&bytes.to_array(args.number_rows)?, &DataType::Binary)?;
        let mut out = StringBuilder::with_capacity(bytes.len(), bytes.len() * 32);
        for value in bytes.as_binary::<i32>() {
            out.append_option(value.map(digits));
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish())))
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// `json_get(text, path)`: a member of a JSON document as text. The path is the name of a member,
/// or a JSON pointer if it begins with `/` (RFC 6901). Null if it is not there.
#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonGet(Signature);

impl JsonGet {
    fn new() -> Self {
        Self(Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable))
    }
}

impl ScalarUDFImpl for JsonGet {
    fn name(&self) -> &'static str {
        "json_get"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [text, path] = arrays.as_slice() else { return exec_err!("json_get takes a text and a path") };
        let (texts, paths) = (cast(text, &DataType::Utf8)?, cast(path, &DataType::Utf8)?);
        let mut out = StringBuilder::new();
        for (text, path) in texts.as_string::<i32>().iter().zip(paths.as_string::<i32>()) {
            out.append_option(text.zip(path).and_then(|(text, path)| member(text, path)));
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish())))
    }
}

fn member(text: &str, path: &str) -> Option<String> {
    let tree: serde_json::Value = serde_json::from_str(text).ok()?;
    let found = if path.starts_with('/') { tree.pointer(path) } else { tree.get(path) };
    match found? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Their work or their answer has no bound that a batch could be checked against.
    const LEFT_OUT: &[&str] =
        &["levenshtein", "array_repeat", "array_resize", "range", "generate_series", "arrays_zip"];

    #[test]
    fn of_every_function_it_is_known_how_it_grows() {
        // Who updates DataFusion says of each new function how long its answers may become.
        for function in SessionStateDefaults::default_scalar_functions() {
            let name = function.name();
            assert_ne!(growth::of(name).is_some(), LEFT_OUT.contains(&name), "{name}");
        }
    }
}
