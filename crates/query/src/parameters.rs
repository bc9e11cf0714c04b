//! Values for the places `$1`, `$name` and `?` of a statement.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
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

/// The places of a plan, in order, with the type that each must have: text where anything fits. `early` are those that are
/// not in the plan, since what they are for was planned with it.
pub fn places(plan: &LogicalPlan, early: &BTreeSet<String>) -> Result<SchemaRef, DataFusionError> {
    let fields = plan.get_parameter_fields()?;
    let hints = hints(plan)?;
    let of = |name: &String| {
        let found = fields.get(name).and_then(Option::as_ref).map(|field| field.data_type());
        found.or_else(|| hints.get(name)).cloned().unwrap_or(DataType::Utf8)
    };
    let names = fields.keys().chain(early);
    let ordered: BTreeMap<(u64, &String), DataType> =
        names.map(|name| ((number(name).unwrap_or(u64::MAX), name), of(name))).collect();
    let fields = ordered.into_iter().map(|((_, name), kind)| Field::new(name, kind, true));
    Ok(SchemaRef::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// The types of places that DataFusion does not find: of one that is cast, one that says how many rows there are, and a
/// list in which something is searched (`value = ANY($1)`).
pub fn hints(plan: &LogicalPlan) -> Result<BTreeMap<String, DataType>, DataFusionError> {
    let mut types = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        let counts = matches!(node, LogicalPlan::Limit(_));
        node.apply_expressions(|expr| {
            if let Expr::Placeholder(named) = expr
                && counts
            {
                types.entry(named.id.clone()).or_insert(DataType::Int64);
            }
            expr.apply(|expr| {
                if let Expr::Cast(cast) = expr
                    && let Expr::Placeholder(named) = cast.expr.as_ref()
                {
                    types.entry(named.id.clone()).or_insert_with(|| cast.field.data_type().clone());
                }
                if let Some((id, data_type)) = searched(node, expr) {
                    types.entry(id.to_owned()).or_insert(data_type);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(types)
}

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

/// The column of `row` whose value is for `place`: `$2` is the second one, `$name` the one of that name.
pub fn column<'a>(row: &'a RecordBatch, place: &str) -> Option<&'a ArrayRef> {
    let bare = place.get(1..).unwrap_or_default();
    let found = number(place).and_then(|n| usize::try_from(n).ok()?.checked_sub(1));
    let found = found.or_else(|| row.schema_ref().fields().iter().position(|field| field.name() == bare));
    found.and_then(|column| row.columns().get(column))
}

/// That a place has no value, of which `given` were given.
pub fn missing(place: &str, given: Option<&RecordBatch>) -> QueryError {
    let given = given.map_or_else(|| "none".to_owned(), |row| row.num_columns().to_string());
    invalid(format!("the parameter {place} has no value: {given} were given"))
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
        let column = column(row, &place).ok_or_else(|| missing(&place, Some(row)))?;
        let value = ScalarValue::try_from_array(column, 0).and_then(in_utc).map_err(explained)?;
        values.insert(place.get(1..).unwrap_or_default().to_owned(), value);
    }
    plan.with_param_values(ParamValues::from(values)).map_err(explained)
}

/// A time with a zone is an instant, as all times of the tables are, which have none.
fn in_utc(value: ScalarValue) -> Result<ScalarValue, DataFusionError> {
    match value.data_type() {
        DataType::Timestamp(_, Some(_)) => value.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, None)),
        _ => Ok(value),
    }
}

/// Refuses a plan with places that nothing fills.
pub fn filled(plan: &LogicalPlan) -> Result<(), QueryError> {
    let names = plan.get_parameter_names().map_err(|error| invalid(error.message().into_owned()))?;
    match names.into_iter().min() {
        Some(place) => Err(missing(&place, None)),
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
