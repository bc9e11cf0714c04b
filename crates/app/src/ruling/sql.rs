//! Rules that ask SQL: each row is a result.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use base::Clock;
use evaluate::{EvaluateError, Vector};
use object_store::memory::InMemory;
use promql::{Labels, Value};
use query::{Engine, QueryConfig, QueryError, SqlOptions};
use rules::book::Definition;
use rules::{Place, Query};
use store::{Store, StoreConfig};

use crate::AppError;

/// The column that has the value of a result.
const VALUE: &str = "value";

/// What is wrong with the SQL of rules: it is planned over tables without rows, so that nothing is read.
///
/// # Errors
/// Each mistake with file, line and column of its rule.
pub(super) async fn check(definitions: &[Definition], config: &QueryConfig) -> Result<(), AppError> {
    let rules = definitions.iter().flat_map(|it| it.group.rules.iter().map(move |rule| (&it.file, rule)));
    let rules: Vec<_> = rules.filter(|(_, rule)| matches!(rule.query, Query::Sql(_))).collect();
    if rules.is_empty() {
        return Ok(());
    }
    let clock = Clock::system();
    let store = Store::open(StoreConfig::default(), Arc::new(InMemory::new()), clock.clone()).await?;
    let engine = Engine::new(store, config.clone(), clock);
    let mut lines = Vec::new();
    for (file, rule) in rules {
        let Query::Sql(text) = &rule.query else { continue };
        let Place { line, column } = rule.place;
        lines.extend(refused(&engine, text).await.map(|problem| format!("{file}:{line}:{column}: sql: {problem}")));
    }
    if lines.is_empty() { Ok(()) } else { Err(AppError::Manifest { problems: lines.join("\n") }) }
}

/// Why no answer to a query can be one of a rule.
async fn refused(engine: &Engine, text: &str) -> Option<String> {
    match engine.columns(text).await {
        Ok(columns) => results(&RecordBatch::new_empty(columns)).err().map(|error| error.to_string()),
        // That is not the text's fault.
        Err(
            QueryError::Busy { .. }
            | QueryError::Timeout { .. }
            | QueryError::Unavailable(_)
            | QueryError::Internal(_)
            | QueryError::Denied(_),
        ) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// What a query finds now.
pub(super) async fn instant(engine: &Engine, text: &str) -> Result<Vector, EvaluateError> {
    let rows = engine.collect(text, SqlOptions::default()).await;
    let rows = rows.map_err(|error| EvaluateError::Failed(error.to_string()))?;
    let mut vector = Vector::new();
    for batch in &rows.batches {
        vector.extend(results(batch)?);
    }
    Ok(vector)
}

/// Each row as a result: `value` is its value (1 without such a column), texts are labels, times are
/// passed over. A null is a label that is not there, and no value.
fn results(batch: &RecordBatch) -> Result<Vector, EvaluateError> {
    let (mut value, mut labels) = (None, Vec::new());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let (name, kind) = (field.name(), field.data_type());
        if name == VALUE {
            value = Some(numbers(column)?);
        } else if is_text(kind) {
            labels.push((name.as_str(), converted(name, column, &DataType::Utf8)?));
        } else if !is_time(kind) && *kind != DataType::Null {
            let problem = "a rule takes a number in `value`, texts as labels, and times";
            return Err(EvaluateError::Failed(format!(
                "the column `{name}` is of type {kind}: {problem}; cast it to a text"
            )));
        }
    }
    let row = |n: usize| {
        let text = |(name, column): &(&str, ArrayRef)| {
            let texts = column.as_string::<i32>();
            texts.is_valid(n).then(|| ((*name).to_owned(), texts.value(n).to_owned()))
        };
        let labels = Labels::new(labels.iter().filter_map(text));
        let value = match &value {
            None => 1.0,
            Some(column) => {
                let numbers = column.as_primitive::<Float64Type>();
                if numbers.is_null(n) {
                    return Err(EvaluateError::Failed(format!("`{VALUE}` of the result {labels} is null")));
                }
                numbers.value(n)
            }
        };
        Ok((labels, Value::Float(value)))
    };
    (0..batch.num_rows()).map(row).collect()
}

fn numbers(column: &ArrayRef) -> Result<ArrayRef, EvaluateError> {
    let kind = column.data_type();
    if !kind.is_numeric() && *kind != DataType::Null {
        return Err(EvaluateError::Failed(format!("the column `{VALUE}` is of type {kind}, not a number")));
    }
    converted(VALUE, column, &DataType::Float64)
}

fn converted(name: &str, column: &ArrayRef, to: &DataType) -> Result<ArrayRef, EvaluateError> {
    cast(column, to).map_err(|error| EvaluateError::Failed(format!("the column `{name}`: {error}")))
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn is_time(kind: &DataType) -> bool {
    matches!(kind, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

#[cfg(test)]
mod tests {
    use arrow::array::{BooleanArray, Int64Array, StringArray, TimestampNanosecondArray};

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap()
    }

    #[test]
    fn a_row_is_a_result_with_its_texts_as_labels() {
        let rows = batch(vec![
            ("time", Arc::new(TimestampNanosecondArray::from(vec![1, 2]))),
            ("scope", Arc::new(StringArray::from(vec![Some("host/a"), None]))),
            ("value", Arc::new(Int64Array::from(vec![3, 4]))),
        ]);
        let expected =
            vec![(Labels::new([("scope", "host/a")]), Value::Float(3.0)), (Labels::empty(), Value::Float(4.0))];
        assert_eq!(results(&rows).unwrap(), expected);
        let plain = batch(vec![("scope", Arc::new(StringArray::from(vec!["a"])) as ArrayRef)]);
        assert_eq!(results(&plain).unwrap()[0].1, Value::Float(1.0));
    }

    #[test]
    fn what_a_rule_cannot_take_is_named() {
        let wrong = |name: &str, column: ArrayRef| results(&batch(vec![(name, column)])).unwrap_err().to_string();
        assert!(wrong("resources", Arc::new(Int64Array::from(vec![1]))).contains("`resources` is of type Int64"));
        assert!(wrong("value", Arc::new(BooleanArray::from(vec![true]))).contains("not a number"));
        assert!(wrong("value", Arc::new(Int64Array::from(vec![None]))).contains("is null"));
    }
}
