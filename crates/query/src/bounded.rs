//! Keeps functions from making a column of gigabytes out of a short query: the memory pool of
//! DataFusion counts what operators hold, not what an expression makes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::compute::kernels::concat_elements::concat_elements_utf8;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use base::Limit;
use datafusion::common::{DFSchema, ExprSchema, Result, exec_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// A function whose answer is checked, before it is made where that can be known, else after.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Bounded {
    inner: Arc<ScalarUDF>,
    max: u64,
}

impl Bounded {
    pub const fn new(inner: Arc<ScalarUDF>, max: u64) -> Self {
        Self { inner, max }
    }

    /// Bytes that the answer may have, as far as the arguments tell.
    fn estimate(&self, args: &ScalarFunctionArgs) -> Result<u64> {
        let rows = args.number_rows;
        match (self.inner.name(), args.args.as_slice()) {
            ("repeat", [text, count]) => Ok(longest(text)?.saturating_mul(sum(count, rows)?)),
            ("lpad" | "rpad", [_, count, ..]) => sum(count, rows),
            ("replace", [text, from, to]) => {
                // Each byte of the text may be a match; an empty `from` matches nothing.
                let per_byte = longest(to)?.div_ceil(shortest(from)?.max(1));
                Ok(total(text, rows)?.saturating_mul(per_byte.max(1)))
            }
            _ => Ok(0),
        }
    }
}

fn check(bytes: u64, max: u64) -> Result<()> {
    Limit::new("value_bytes", max).check(bytes).map_err(|exceeded| DataFusionError::External(Box::new(exceeded)))
}

fn texts(value: &ColumnarValue) -> Result<ArrayRef> {
    Ok(cast(&value.to_array(1)?, &DataType::Utf8)?)
}

fn lengths(value: &ColumnarValue) -> Result<Vec<u64>> {
    let texts = texts(value)?;
    Ok(texts.as_string::<i32>().iter().flatten().map(|text| text.len() as u64).collect())
}

fn longest(value: &ColumnarValue) -> Result<u64> {
    Ok(lengths(value)?.into_iter().max().unwrap_or(0))
}

fn shortest(value: &ColumnarValue) -> Result<u64> {
    Ok(lengths(value)?.into_iter().min().unwrap_or(0))
}

fn total(value: &ColumnarValue, rows: usize) -> Result<u64> {
    let sum: u64 = lengths(value)?.into_iter().sum();
    Ok(if is_scalar(value) { sum.saturating_mul(rows as u64) } else { sum })
}

fn sum(counts: &ColumnarValue, rows: usize) -> Result<u64> {
    let array = cast(&counts.to_array(1)?, &DataType::Int64)?;
    let counts = array.as_primitive::<Int64Type>();
    let sum = counts.iter().flatten().fold(0u64, |sum, count| sum.saturating_add(u64::try_from(count).unwrap_or(0)));
    Ok(if counts.len() == 1 { sum.saturating_mul(rows as u64) } else { sum })
}

const fn is_scalar(value: &ColumnarValue) -> bool {
    matches!(value, ColumnarValue::Scalar(_))
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        check(self.estimate(&args)?, self.max)?;
        let value = self.inner.invoke_with_args(args)?;
        if let ColumnarValue::Array(array) = &value {
            check(array.get_array_memory_size() as u64, self.max)?;
        }
        if let ColumnarValue::Scalar(scalar) = &value {
            check(scalar.size() as u64, self.max)?;
        }
        Ok(value)
    }
}

/// `a || b` for texts, checked before it is made.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Joined {
    signature: Signature,
    max: u64,
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &'static str {
        "||"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect::<Vec<_>>().join(" || "))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else { return exec_err!("|| takes two texts") };
        let rows = args.number_rows;
        check(total(left, rows)?.saturating_add(total(right, rows)?), self.max)?;
        let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
        let (left, right) = (cast(&left, &DataType::Utf8)?, cast(&right, &DataType::Utf8)?);
        let joined = concat_elements_utf8(left.as_string::<i32>(), right.as_string::<i32>())?;
        Ok(ColumnarValue::Array(Arc::new(joined)))
    }
}

/// Puts [`Joined`] in the place of `||` between texts.
#[derive(Debug)]
pub struct JoinPlanner(Arc<ScalarUDF>);

impl JoinPlanner {
    pub fn new(max: u64) -> Self {
        let signature = Signature::any(2, Volatility::Immutable);
        Self(Arc::new(ScalarUDF::from(Joined { signature, max })))
    }
}

impl ExprPlanner for JoinPlanner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if !matches!(expr.op, BinaryOperator::StringConcat) || !(text(&expr.left, schema) || text(&expr.right, schema))
        {
            return Ok(PlannerResult::Original(expr));
        }
        let call = ScalarFunction { func: Arc::clone(&self.0), args: vec![expr.left, expr.right] };
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

fn text(expr: &Expr, schema: &dyn ExprSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| {
        matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null)
    })
}
