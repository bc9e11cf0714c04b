//! Parameters of a query: which types `$1`, `$2` and so on have, and values in their place.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use base::Limit;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, Result, ScalarValue, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

use super::PgShape;

/// The greatest `n` of `$n`, as the wire's counts have it.
const PARAMETERS: Limit = Limit::new("postgres.parameters", u16::MAX as u64);

/// What `plan` takes and gives, with the types that the client declares.
pub(super) fn shape(plan: LogicalPlan, declared: Vec<Option<DataType>>) -> Result<PgShape> {
    let inferred = inferred(&plan)?;
    let count = inferred.len().max(declared.len());
    let of = |n: usize| declared.get(n).cloned().flatten().or_else(|| inferred.get(n).cloned().flatten());
    let parameters: Vec<Option<DataType>> = (0..count).map(of).collect();
    // A value of the type stands for the one that is to come, so that the columns have their types.
    let nulls = (0..inferred.len()).map(|n| {
        let wanted = inferred.get(n).cloned().flatten().or_else(|| of(n)).unwrap_or(DataType::Utf8);
        ScalarValue::try_from(&wanted)
    });
    let plan = plan.replace_params_with_values(&ParamValues::from(nulls.collect::<Result<Vec<_>>>()?))?;
    Ok(PgShape { parameters, schema: Arc::clone(plan.schema().inner()) })
}

/// `plan` with `values` in the places of its parameters.
pub(super) fn bind(plan: LogicalPlan, values: &[ArrayRef]) -> Result<LogicalPlan> {
    let inferred = inferred(&plan)?;
    if values.len() < inferred.len() {
        return plan_err!("the query takes {} parameters, {} are given", inferred.len(), values.len());
    }
    if inferred.is_empty() {
        return Ok(plan);
    }
    let bound = inferred.iter().zip(values).map(|(wanted, value)| {
        let value = ScalarValue::try_from_array(value, 0)?;
        match wanted {
            Some(wanted) if *wanted != value.data_type() => value.cast_to(wanted),
            _ => Ok(value),
        }
    });
    plan.replace_params_with_values(&ParamValues::from(bound.collect::<Result<Vec<_>>>()?))
}

/// The types of `$1` to the last one, as far as the query tells.
fn inferred(plan: &LogicalPlan) -> Result<Vec<Option<DataType>>> {
    let mut types = BTreeMap::new();
    for (id, data_type) in plan.get_parameter_types()? {
        types.insert(number(&id)?, data_type);
    }
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::Cast(cast) = expr
                    && let Expr::Placeholder(named) = cast.expr.as_ref()
                {
                    types.entry(number(&named.id)?).or_default().get_or_insert(cast.field.data_type().clone());
                }
                if let Some((id, data_type)) = searched(node, expr) {
                    types.entry(number(id)?).or_default().get_or_insert(data_type);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    let count = types.keys().next_back().copied().unwrap_or(0);
    Ok((1..=count).map(|n| types.get(&n).cloned().flatten()).collect())
}

/// The parameter that is searched for a value (`value = ANY($1)`), a list of what is searched for.
fn searched<'a>(node: &LogicalPlan, expr: &'a Expr) -> Option<(&'a str, DataType)> {
    let Expr::ScalarFunction(call) = expr else { return None };
    let [Expr::Placeholder(list), value] = call.args.as_slice() else { return None };
    if call.name() != "array_has" {
        return None;
    }
    let found = node.inputs().first().and_then(|input| value.get_type(input.schema()).ok());
    let item = match found {
        Some(DataType::Dictionary(_, values)) => *values,
        Some(DataType::Null) | None => DataType::Utf8,
        Some(item) => item,
    };
    Some((&list.id, DataType::new_list(item, true)))
}

/// `7` of `$7`.
fn number(id: &str) -> Result<usize> {
    let number = id.strip_prefix('$').and_then(|digits| digits.parse::<u64>().ok()).filter(|number| *number > 0);
    let Some(number) = number else { return plan_err!("there is no parameter {id}: they are $1, $2 and so on") };
    PARAMETERS.check(number).map_err(|exceeded| DataFusionError::External(Box::new(exceeded)))?;
    Ok(number as usize)
}
