//! Values for the places `$1`, `$name` and `?` of a statement.

use std::collections::{BTreeMap, HashMap};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::QueryError;

/// Writes each `?` as a numbered place, the first as `$1`: the planner knows no other.
pub fn numbered(tokens: &mut [TokenWithSpan]) {
    let is_place = |token: &Token| match token {
        Token::Question => true,
        Token::Placeholder(name) => name == "?",
        _ => false,
    };
    let places = tokens.iter_mut().filter(|token| is_place(&token.token));
    for (n, place) in places.enumerate() {
        place.token = Token::Placeholder(format!("${}", n + 1));
    }
}

/// The places of a plan, in order, with the type that each must have: text where anything fits.
pub fn places(plan: &LogicalPlan) -> Result<SchemaRef, DataFusionError> {
    let fields = plan.get_parameter_fields()?;
    let ordered: BTreeMap<(u64, &String), DataType> = fields
        .iter()
        .map(|(name, field)| {
            let kind = field.as_ref().map_or(DataType::Utf8, |field| field.data_type().clone());
            ((number(name).unwrap_or(u64::MAX), name), kind)
        })
        .collect();
    let fields = ordered.into_iter().map(|((_, name), kind)| Field::new(name, kind, true));
    Ok(SchemaRef::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// The plan with the values of the one row of `row` in its places: `$2` is the second column,
/// `$name` the one of that name.
pub fn bound(plan: LogicalPlan, row: &RecordBatch) -> Result<LogicalPlan, QueryError> {
    if row.num_rows() != 1 {
        return Err(invalid(format!("there are {} rows of parameters: a query takes one", row.num_rows())));
    }
    let explained = |error: DataFusionError| invalid(error.message().into_owned());
    let names = plan.get_parameter_names().map_err(explained)?;
    let mut values: HashMap<String, ScalarValue> = HashMap::with_capacity(names.len());
    for place in names {
        let bare = place.get(1..).unwrap_or_default();
        let column = number(&place).and_then(|n| usize::try_from(n).ok()?.checked_sub(1));
        let column = column.or_else(|| row.schema_ref().fields().iter().position(|field| field.name() == bare));
        let Some(column) = column.and_then(|column| row.columns().get(column)) else {
            return Err(invalid(format!("the parameter {place} has no value: {} were given", row.num_columns())));
        };
        let value = ScalarValue::try_from_array(column, 0).map_err(explained)?;
        values.insert(bare.to_owned(), value);
    }
    plan.with_param_values(ParamValues::from(values)).map_err(explained)
}

/// Refuses a plan with places that nothing fills.
pub fn filled(plan: &LogicalPlan) -> Result<(), QueryError> {
    let names = plan.get_parameter_names().map_err(|error| invalid(error.message().into_owned()))?;
    match names.into_iter().min() {
        Some(place) => Err(invalid(format!("the parameter {place} has no value: none were given"))),
        None => Ok(()),
    }
}

/// The number of a place such as `$2`.
fn number(place: &str) -> Option<u64> {
    place.get(1..)?.parse().ok()
}

const fn invalid(message: String) -> QueryError {
    QueryError::Invalid { message, position: None }
}
