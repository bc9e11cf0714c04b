//! Expressions that PostgreSQL has and DataFusion has not, as others that mean the same.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, DataType, Distinct, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, OrderByKind, Query, SelectItem, SetExpr, Statement, Subscript, Value,
    ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};

use super::time_format;
use crate::{calls, zones};

/// Functions that have another name here.
const RENAMED: &[(&str, &str)] = &[
    ("clock_timestamp", "now"),
    ("statement_timestamp", "now"),
    ("transaction_timestamp", "now"),
    ("every", "bool_and"),
];

/// Types whose values are texts here.
const TEXTS: &[&str] = &["name", "pg_catalog.name", "\"char\"", "pg_catalog.\"char\""];

/// Makes the expressions of a statement fit; `of_catalog` says that it is about the catalog.
pub(super) fn statement(statement: &mut Statement, of_catalog: bool) {
    let _ = VisitMut::visit(statement, &mut Expressions { of_catalog });
}

struct Expressions {
    of_catalog: bool,
}

impl VisitorMut for Expressions {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::CompoundFieldAccess { root, access_chain } => fields(root, access_chain),
            Expr::AtTimeZone { .. } => zones::expr(expr),
            Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::LongArrow, .. } => subscript(expr),
            Expr::Cast { .. } => {
                zones::expr(expr);
                cast(expr);
            }
            Expr::Function(call) => {
                function(call);
                if is_called(call, "_pg_expandarray") {
                    *expr = calls::unary("unnest", expr.clone());
                }
            }
            Expr::Subquery(query) if self.of_catalog => one_row(query),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        by_place(query);
        ControlFlow::Continue(())
    }
}

/// Rows of which each is given once are put in order by what is selected: by its place, since it may have a name.
fn by_place(query: &mut Query) {
    let (SetExpr::Select(select), Some(order)) = (query.body.as_ref(), &mut query.order_by) else { return };
    let OrderByKind::Expressions(orders) = &mut order.kind else { return };
    if !matches!(select.distinct, Some(Distinct::Distinct)) {
        return;
    }
    let selected = select.projection.iter().map_while(|item| match item {
        SelectItem::UnnamedExpr(expr) => Some((expr, None)),
        SelectItem::ExprWithAlias { expr, alias } => Some((expr, Some(alias))),
        _ => None,
    });
    let selected: Vec<_> = selected.collect();
    for order in orders {
        let is_named = selected.iter().any(|(_, alias)| alias.is_some_and(|alias| is_word(&order.expr, alias)));
        // A number is a place.
        if is_named || matches!(order.expr, Expr::Value(_)) {
            continue;
        }
        if let Some(place) = selected.iter().position(|(expr, _)| **expr == order.expr) {
            order.expr = Expr::Value(Value::Number((place + 1).to_string(), false).with_empty_span());
        }
    }
}

fn is_word(expr: &Expr, name: &Ident) -> bool {
    matches!(expr, Expr::Identifier(word) if folded(word) == folded(name))
}

/// `(a).b` is the field of that name; in `a.b[1]` the first names are those of a column.
fn fields(root: &Expr, chain: &mut [AccessExpr]) {
    let is_name = |access: &&AccessExpr| matches!(access, AccessExpr::Dot(Expr::Identifier(_)));
    let of_column = if matches!(root, Expr::Identifier(_)) { chain.iter().take_while(is_name).count() } else { 0 };
    chain.iter_mut().skip(of_column).for_each(field);
}

fn field(access: &mut AccessExpr) {
    if let AccessExpr::Dot(name @ Expr::Identifier(_)) = access {
        let text = if let Expr::Identifier(word) = &*name { folded(word) } else { return };
        *name = Expr::Value(Value::SingleQuotedString(text).with_empty_span());
    }
}

fn folded(word: &Ident) -> String {
    if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() }
}

/// `a ->> b` is `a[b]`: what is JSON for clients is a map or a struct.
fn subscript(expr: &mut Expr) {
    let Expr::BinaryOp { left, right, .. } = &*expr else { return };
    let access = AccessExpr::Subscript(Subscript::Index { index: right.as_ref().clone() });
    *expr = match left.as_ref() {
        Expr::CompoundFieldAccess { root, access_chain } => {
            let access_chain = access_chain.iter().cloned().chain([access]).collect();
            Expr::CompoundFieldAccess { root: root.clone(), access_chain }
        }
        _ => Expr::CompoundFieldAccess { root: left.clone(), access_chain: vec![access] },
    };
}

fn cast(expr: &mut Expr) {
    let Expr::Cast { data_type, .. } = expr else { return };
    let is_text = match &*data_type {
        DataType::JSON | DataType::JSONB | DataType::Uuid => true,
        DataType::Custom(name, _) => TEXTS.contains(&name.to_string().to_lowercase().as_str()),
        _ => false,
    };
    if is_text {
        *data_type = DataType::Text;
    }
}

fn is_called(call: &Function, name: &str) -> bool {
    calls::name(call).is_some_and(|word| word.value.eq_ignore_ascii_case(name))
}

fn function(call: &mut Function) {
    for (name, other) in RENAMED {
        if is_called(call, name) {
            call.name = ObjectName::from(vec![Ident::new(*other)]);
        }
    }
    if !is_called(call, "to_char") {
        return;
    }
    if let FunctionArguments::List(FunctionArgumentList { args, .. }) = &mut call.args
        && let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] = args.as_mut_slice()
        && let Value::SingleQuotedString(format) = &mut value.value
        && let Some(known) = time_format::known(format)
    {
        *format = known;
    }
}

/// A subquery that stands for one value, and is found one row by a key, says so: another may be planned only if it says
/// that it has one row.
fn one_row(query: &mut Query) {
    let whole = query.limit_clause.is_none() && query.fetch.is_none() && query.order_by.is_none();
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    if !whole || select.distinct.is_some() || select.from.is_empty() {
        return;
    }
    let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] = select.projection.as_mut_slice()
    else {
        return;
    };
    if Visit::visit(&*expr, &mut Calls).is_continue() {
        *expr = calls::unary("first_value", expr.clone());
    }
}

/// Ends at the first call of a function, which may be one over all rows.
struct Calls;

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(_) | Expr::Subquery(_) | Expr::Value(ValueWithSpan { value: Value::Placeholder(_), .. }) => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
