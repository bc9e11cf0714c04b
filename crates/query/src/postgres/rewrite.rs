//! Expressions that PostgreSQL has and DataFusion has not, as others that mean the same.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, Query, SelectItem, SetExpr, Statement, Subscript, Value, ValueWithSpan,
    Visit, VisitMut, Visitor, VisitorMut,
};

use super::time_format;

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
            Expr::CompoundFieldAccess { access_chain, .. } => access_chain.iter_mut().for_each(field),
            Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::LongArrow, .. } => subscript(expr),
            Expr::Cast { data_type, .. } => cast(data_type),
            Expr::Function(call) => {
                function(call);
                if is_called(call, "_pg_expandarray") {
                    *expr = unary("unnest", expr.clone());
                }
            }
            Expr::Subquery(query) if self.of_catalog => one_row(query),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// `(a).b` is the field of that name.
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

fn cast(data_type: &mut DataType) {
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
    let last = call.name.0.last().and_then(|part| part.as_ident());
    last.is_some_and(|word| word.value.eq_ignore_ascii_case(name))
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

/// `name(argument)`.
fn unary(name: &str, argument: Expr) -> Expr {
    let args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))];
    let args = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(args),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
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
        *expr = unary("first_value", expr.clone());
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
