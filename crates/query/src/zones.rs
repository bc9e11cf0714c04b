//! `AT TIME ZONE` as PostgreSQL has it. Times of tables have no zone, and are in UTC: put into a zone they are the same
//! instants, not times of that zone.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{DataType, Expr, Function, TimezoneInfo, Value, VisitMut, VisitorMut};

use crate::calls;

/// What gives the hours and days that an instant has in its zone.
const LOCAL: &str = "to_local_time";

/// Makes the expressions of a statement mean that.
pub fn statement(statement: &mut Statement) {
    match statement {
        Statement::Statement(statement) => drop(VisitMut::visit(statement.as_mut(), &mut Expressions)),
        Statement::Explain(explained) => self::statement(&mut explained.statement),
        _ => {}
    }
}

struct Expressions;

impl VisitorMut for Expressions {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self::expr(expr);
        ControlFlow::Continue(())
    }
}

/// Makes an expression mean that, whose parts do already.
pub fn expr(expr: &mut Expr) {
    match expr {
        Expr::AtTimeZone { timestamp, .. } if !has_zone(timestamp) => in_utc(timestamp),
        Expr::Cast { expr: time, data_type, .. } if is_local(data_type) && is_instant_in_zone(time) => {
            **time = calls::unary(LOCAL, time.as_ref().clone());
        }
        _ => {}
    }
}

fn is_local(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone))
}

/// Whether a time is of the zone that it is put into, as it is written, or has one.
fn has_zone(time: &Expr) -> bool {
    match time {
        Expr::Nested(inner) => has_zone(inner),
        Expr::TypedString(typed) => is_local(&typed.data_type),
        Expr::Cast { data_type, .. } => is_local(data_type),
        Expr::AtTimeZone { .. } => true,
        Expr::Function(call) => is_called(call, LOCAL),
        _ => false,
    }
}

/// Whether a time was put into a zone: an instant, for PostgreSQL the hours and days that it has there.
fn is_instant_in_zone(time: &Expr) -> bool {
    match time {
        Expr::Nested(inner) => is_instant_in_zone(inner),
        Expr::AtTimeZone { timestamp, .. } => matches!(**timestamp, Expr::AtTimeZone { .. }),
        _ => false,
    }
}

fn is_called(call: &Function, name: &str) -> bool {
    calls::name(call).is_some_and(|word| word.value.eq_ignore_ascii_case(name))
}

fn in_utc(time: &mut Expr) {
    let zone = Box::new(Expr::Value(Value::SingleQuotedString("UTC".to_owned()).with_empty_span()));
    *time = Expr::AtTimeZone { timestamp: Box::new(time.clone()), time_zone: zone };
}
