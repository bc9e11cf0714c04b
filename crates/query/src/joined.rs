//! `a || b` of texts, whose length is looked at before it is made.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::compute::kernels::concat_elements::concat_elements_utf8;
use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ExprSchema, Result, exec_err, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::sizes::{check, total};

#[derive(Debug, PartialEq, Eq, Hash)]
struct Joined {
    signature: Signature,
    max: u64,
}

/// The function, of answers of `max` bytes.
pub fn function(max: u64) -> Arc<ScalarUDF> {
    let signature = Signature::any(2, Volatility::Immutable);
    Arc::new(ScalarUDF::from(Joined { signature, max }))
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

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let bytes = |of: &DataType| matches!(of, DataType::Binary | DataType::BinaryView | DataType::LargeBinary);
        if types.iter().all(bytes) || types.iter().any(DataType::is_nested) {
            return plan_err!("|| joins texts, or two lists, and not {types:?}");
        }
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else { return exec_err!("|| takes two texts") };
        let rows = args.number_rows;
        check(total(left, rows).saturating_add(total(right, rows)), self.max)?;
        let (left, right) = (left.to_array(rows)?, right.to_array(rows)?);
        let (left, right) = (cast(&left, &DataType::Utf8)?, cast(&right, &DataType::Utf8)?);
        let joined = concat_elements_utf8(left.as_string::<i32>(), right.as_string::<i32>())?;
        Ok(ColumnarValue::Array(Arc::new(joined)))
    }
}

/// Puts the function in the place of `||` between texts.
#[derive(Debug)]
pub struct JoinPlanner(Arc<ScalarUDF>);

impl JoinPlanner {
    pub fn new(max: u64) -> Self {
        Self(function(max))
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
