//! Keeps functions from making a column of gigabytes out of a short query: the memory pool of
//! DataFusion counts what operators hold, not what an expression makes.

use std::any::Any;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};

use crate::growth::{self, Growth};
use crate::sizes::check;
use crate::{joined, sizes};

/// Rows of a batch, as far as a plan tells.
pub const BATCH: u64 = 8_192;
/// In so many pieces, each of the bytes of a value, a batch may be worked on.
const PIECES: u64 = 64;

/// A function whose answer is looked at, before it is made and after.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
    max: u64,
}

impl Bounded {
    /// The function, of answers of `max` bytes.
    pub fn function(inner: Arc<ScalarUDF>, growth: Growth, max: u64) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(Self { inner, growth, max }))
    }

    /// Whether a function is one.
    pub fn is(function: &ScalarUDF) -> bool {
        let inner: &dyn Any = function.inner().as_ref();
        inner.is::<Self>()
    }

    /// What all rows have in common is worked on once.
    fn once(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        check(self.growth.estimate(&args.args, 1)?, self.max)?;
        let value = self.inner.invoke_with_args(ScalarFunctionArgs { number_rows: 1, ..args })?;
        let value = match value {
            ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0)?,
            ColumnarValue::Scalar(value) => value,
        };
        check(sizes::of_scalar(&value), self.max)?;
        Ok(ColumnarValue::Scalar(value))
    }

    /// In pieces of so many rows as may become `max` bytes: an estimate may be far more than what is made.
    fn in_pieces(&self, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        check(growth::of_constants(&args.args, args.number_rows) / PIECES, self.max)?;
        let (mut pieces, mut bytes): (Vec<ArrayRef>, u64) = (Vec::new(), 0);
        let mut waiting = vec![(0, args.number_rows)];
        while let Some((start, rows)) = waiting.pop() {
            let part = part(args, start, rows);
            let estimate = self.growth.estimate(&part.args, rows)?;
            if rows > 1 && estimate > self.max {
                let half = rows / 2;
                waiting.extend([(start + half, rows - half), (start, half)]);
                continue;
            }
            check(estimate, self.max)?;
            let piece = self.inner.invoke_with_args(part)?.into_array(rows)?;
            bytes = bytes.saturating_add(sizes::of_array(&piece));
            check(bytes, self.max)?;
            pieces.push(piece);
        }
        let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(concat(&pieces)?))
    }
}

fn part(args: &ScalarFunctionArgs, start: usize, rows: usize) -> ScalarFunctionArgs {
    let slice = |arg: &ColumnarValue| match arg {
        ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(start, rows)),
        ColumnarValue::Scalar(value) => ColumnarValue::Scalar(value.clone()),
    };
    ScalarFunctionArgs {
        args: args.args.iter().map(slice).collect(),
        arg_fields: args.arg_fields.clone(),
        number_rows: rows,
        return_field: Arc::clone(&args.return_field),
        config_options: Arc::clone(&args.config_options),
    }
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
        let field = self.inner.return_field_from_args(args)?;
        check_type(field.data_type(), self.max)?;
        Ok(field)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match self.growth {
            Growth::Cast => self.inner.simplify(args, info),
            // It could become another function, which is not bounded.
            _ => Ok(ExprSimplifyResult::Original(args)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if !args.args.is_empty() && args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_))) {
            return self.once(args);
        }
        if self.growth.estimate(&args.args, args.number_rows)? > self.max {
            return self.in_pieces(&args);
        }
        let value = self.inner.invoke_with_args(args)?;
        match (&value, self.growth) {
            (_, Growth::Kept | Growth::Cast) => {}
            (ColumnarValue::Array(array), _) => check(sizes::of_array(array), self.max)?,
            (ColumnarValue::Scalar(scalar), _) => check(sizes::of_scalar(scalar), self.max)?,
        }
        Ok(value)
    }
}

/// A value of the type is there in each row of a batch, also where it is null.
fn check_type(data_type: &DataType, max: u64) -> Result<()> {
    check(sizes::of_type(data_type).saturating_mul(BATCH), max)
}

/// The plan with every function bounded that grows: operators and brackets become functions that no registry has.
pub fn functions(plan: LogicalPlan, max: u64) -> Result<LogicalPlan> {
    let concat = joined::function(max);
    rewritten(plan, |expr| match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
            Ok(called(Arc::clone(&concat), vec![*left, *right]))
        }
        Expr::Cast(cast) => {
            check_type(cast.field.data_type(), max)?;
            Ok(Transformed::no(Expr::Cast(cast)))
        }
        Expr::TryCast(cast) => {
            check_type(cast.field.data_type(), max)?;
            Ok(Transformed::no(Expr::TryCast(cast)))
        }
        Expr::ScalarFunction(call) if !Bounded::is(&call.func) => Ok(match growth::of(call.name()) {
            Some(Growth::Kept | Growth::Cast) | None => Transformed::no(Expr::ScalarFunction(call)),
            Some(growth) => called(Bounded::function(call.func, growth, max), call.args),
        }),
        other => Ok(Transformed::no(other)),
    })
}

/// The plan with every expression rewritten, from its leaves on.
pub fn rewritten(plan: LogicalPlan, with: impl Fn(Expr) -> Result<Transformed<Expr>>) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let rewritten = expr.transform_up(&with)?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(rewritten.data)
}

/// The call of a function in the place of something else.
pub fn called(func: Arc<ScalarUDF>, args: Vec<Expr>) -> Transformed<Expr> {
    Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args }))
}
