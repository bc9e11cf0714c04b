//! Places such as `$1` that are arguments of functions of tables: their values are needed before a statement can be planned.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Statement as Parsed, TableFactor, TableFunctionArgs, Value, ValueWithSpan,
    Visit, VisitMut, Visitor, VisitorMut,
};

/// The greatest `n` of the places `$n` of a statement.
pub fn count(statement: &Parsed) -> usize {
    let mut places = Places::default();
    let _ = Visit::visit(statement, &mut places);
    places.0.iter().filter_map(|name| name.strip_prefix('$')?.parse().ok()).max().unwrap_or(0)
}

/// The places that are arguments of functions of tables, by their names.
pub fn places(statement: &mut Statement) -> BTreeSet<String> {
    let mut places = Places::default();
    each(statement, &mut |argument| {
        let _ = Visit::visit(&*argument, &mut places);
    });
    places.0
}

/// Puts values in those places for which `value` has one: an array whose first value it is.
pub fn fill<'a>(statement: &mut Statement, value: impl Fn(&str) -> Option<&'a ArrayRef>) {
    each(statement, &mut |argument| {
        let _ = VisitMut::visit(argument, &mut Filler(&value));
    });
}

fn each(statement: &mut Statement, work: &mut dyn FnMut(&mut Expr)) {
    match statement {
        Statement::Statement(parsed) => {
            let _ = VisitMut::visit(parsed.as_mut(), &mut Arguments(work));
        }
        Statement::Explain(explained) => each(&mut explained.statement, work),
        _ => {}
    }
}

/// Looks at each argument of a function of tables.
struct Arguments<'a>(&'a mut dyn FnMut(&mut Expr));

impl VisitorMut for Arguments<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<()> {
        let (TableFactor::Table { args: Some(TableFunctionArgs { args, .. }), .. }
        | TableFactor::Function { args, .. }) = table
        else {
            return ControlFlow::Continue(());
        };
        for argument in args {
            if let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument {
                (self.0)(argument);
            }
        }
        ControlFlow::Continue(())
    }
}

#[derive(Default)]
struct Places(BTreeSet<String>);

impl Visitor for Places {
    type Break = ();

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
        if let Value::Placeholder(name) = &value.value {
            self.0.insert(name.clone());
        }
        ControlFlow::Continue(())
    }
}

struct Filler<'a, F>(&'a F);

impl<'a, F: Fn(&str) -> Option<&'a ArrayRef>> VisitorMut for Filler<'_, F> {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if let Value::Placeholder(name) = &value.value
            && let Some(literal) = (self.0)(name).and_then(literal)
        {
            value.value = literal;
        }
        ControlFlow::Continue(())
    }
}

/// A value as it is written; nothing of a type that has no such form.
fn literal(array: &ArrayRef) -> Option<Value> {
    if array.is_empty() || array.is_null(0) {
        return Some(Value::Null);
    }
    let text = array_value_to_string(array, 0).ok()?;
    match array.data_type() {
        DataType::Boolean => Some(Value::Boolean(text == "true")),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Date32 => {
            Some(Value::SingleQuotedString(text))
        }
        // Of no zone are times in UTC.
        DataType::Timestamp(_, None) => Some(Value::SingleQuotedString(format!("{text}Z"))),
        DataType::Timestamp(..) => Some(Value::SingleQuotedString(text)),
        other => other.is_numeric().then_some(Value::Number(text, false)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, StringArray, TimestampMicrosecondArray};
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn read(sql: &str) -> Statement {
        Statement::Statement(Box::new(Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0)))
    }

    #[test]
    fn values_are_put_into_arguments_of_functions_of_tables_only() {
        let values: [ArrayRef; 3] = [
            Arc::new(StringArray::from(vec!["it's"])),
            Arc::new(TimestampMicrosecondArray::from(vec![1_795_597_200_000_000])),
            Arc::new(Int32Array::from(vec![7])),
        ];
        let mut statement = read("SELECT $1 FROM prom_instant($1, $2), generate_series(1, $3 + 1), a($4) WHERE b = $5");
        let names: Vec<String> = places(&mut statement).into_iter().collect();
        assert_eq!(names, ["$1", "$2", "$3", "$4"]);
        let Statement::Statement(parsed) = &statement else { panic!("no statement") };
        assert_eq!(count(parsed), 5);
        fill(&mut statement, |name| values.get(name[1..].parse::<usize>().unwrap() - 1));
        let expected = "SELECT $1 FROM prom_instant('it''s', '2026-11-25T09:00:00Z'), generate_series(1, 7 + 1), a($4) \
                        WHERE b = $5";
        assert_eq!(statement.to_string(), expected);
    }
}
