//! A scalar function, made of what it takes, what it gives and what it does.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// The types that arguments are converted to, by those that they have.
pub(super) type Takes = fn(&[DataType]) -> Result<Vec<DataType>>;
type Does = dyn Fn(&ScalarFunctionArgs) -> Result<ColumnarValue> + Send + Sync;

/// The function of that name.
pub(super) fn udf(
    name: &'static str,
    volatility: Volatility,
    gives: DataType,
    takes: Takes,
    does: impl Fn(&ScalarFunctionArgs) -> Result<ColumnarValue> + Send + Sync + 'static,
) -> ScalarUDF {
    let signature = Signature::user_defined(volatility);
    ScalarUDF::from(Function { name, signature, gives, takes, does: Arc::new(does) })
}

/// A function that gives the same whatever it is called with.
pub(super) fn always(name: &'static str, value: ScalarValue) -> ScalarUDF {
    let gives = value.data_type();
    let does = move |_: &ScalarFunctionArgs| Ok(ColumnarValue::Scalar(value.clone()));
    udf(name, Volatility::Stable, gives, |types| Ok(types.to_vec()), does)
}

struct Function {
    name: &'static str,
    signature: Signature,
    gives: DataType,
    takes: Takes,
    does: Arc<Does>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

// Within a query a name is that of one function.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.gives.clone())
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        (self.takes)(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.does)(&args)
    }
}
