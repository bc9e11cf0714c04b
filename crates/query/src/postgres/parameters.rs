//! Parameters of a query: which types `$1`, `$2` and so on have, and values in their place.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use base::Limit;
use datafusion::common::{ParamValues, Result, ScalarValue, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;

use super::PgShape;
use crate::parameters;

/// The greatest `n` of `$n`, as the wire's counts have it.
const PARAMETERS: Limit = Limit::new("postgres.parameters", u16::MAX as u64);

/// What `plan` takes and gives, with the types that the client declares. `places` is how many parameters the statement has:
/// those of functions of tables are not in a plan.
pub(super) fn shape(plan: LogicalPlan, declared: Vec<Option<DataType>>, places: usize) -> Result<PgShape> {
    let inferred = inferred(&plan)?;
    PARAMETERS.check(places as u64).map_err(|exceeded| DataFusionError::External(Box::new(exceeded)))?;
    let count = inferred.len().max(declared.len()).max(places);
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
pub(super) fn bind(plan: LogicalPlan, values: &[ArrayRef], places: usize) -> Result<LogicalPlan> {
    let inferred = inferred(&plan)?;
    let count = inferred.len().max(places);
    if values.len() < count {
        return plan_err!("the query takes {count} parameters, {} are given", values.len());
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
    for (id, data_type) in parameters::hints(plan)? {
        types.entry(number(&id)?).or_default().get_or_insert(data_type);
    }
    let count = types.keys().next_back().copied().unwrap_or(0);
    Ok((1..=count).map(|n| types.get(&n).cloned().flatten()).collect())
}

/// `7` of `$7`.
pub(super) fn number(id: &str) -> Result<usize> {
    let number = id.strip_prefix('$').and_then(|digits| digits.parse::<u64>().ok()).filter(|number| *number > 0);
    let Some(number) = number else { return plan_err!("there is no parameter {id}: they are $1, $2 and so on") };
    PARAMETERS.check(number).map_err(|exceeded| DataFusionError::External(Box::new(exceeded)))?;
    Ok(number as usize)
}
