//! What the columns of an answer are called: as PostgreSQL calls them, where a query does not say it. DataFusion wants a
//! name of its own for each, so that two may be called the same for a client only.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, Statement, TrimWhereField,
    Value, VisitMut, VisitorMut, visit_expressions,
};

/// What a column is called that has no name.
const NAMELESS: &str = "?column?";
/// How the columns begin that a rule of the catalog's crate gives a name of its own.
const ALIASED: &str = "__alias_";

/// What columns are called for a client, which may be other than in the plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// The first columns.
    first: Vec<String>,
    /// Those after a `*`, which are the last ones.
    last: Option<Vec<String>>,
}

impl Names {
    /// The names of what `statement` selects.
    pub fn of(statement: &Statement) -> Self {
        let Statement::Query(query) = statement else { return Self::default() };
        let Some(select) = first_select(&query.body) else { return Self::default() };
        let many = |item: &SelectItem| item_name(item).is_none();
        let items = &select.projection;
        let Some(begin) = items.iter().position(many) else {
            return Self { first: items.iter().filter_map(item_name).collect(), last: None };
        };
        let end = items.iter().rposition(many).unwrap_or(begin);
        let named = |items: Option<&[SelectItem]>| items.unwrap_or_default().iter().filter_map(item_name).collect();
        Self { first: named(items.get(..begin)), last: Some(named(items.get(end + 1..))) }
    }

    /// `schema` with these names.
    pub fn applied(&self, schema: &SchemaRef) -> SchemaRef {
        let count = schema.fields().len();
        let last = self.last.as_deref().unwrap_or_default();
        let fits = if self.last.is_some() { self.first.len() + last.len() <= count } else { self.first.len() == count };
        if !fits {
            return Arc::clone(schema);
        }
        let name = |n: usize| {
            let from_end = (n + last.len()).checked_sub(count).and_then(|n| last.get(n));
            self.first.get(n).or(from_end)
        };
        let fields = schema.fields().iter().enumerate().map(|(n, field)| match name(n) {
            Some(name) => Arc::new(field.as_ref().clone().with_name(name)),
            None => Arc::clone(field),
        });
        Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
    }
}

/// The first of the queries that a set operation joins, which gives the columns their names.
fn first_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select(&query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

/// What a column is called; nothing if it may be several columns.
fn item_name(item: &SelectItem) -> Option<String> {
    match item {
        // Of a struct it would be several.
        SelectItem::UnnamedExpr(Expr::Function(call)) if call.name.to_string().eq_ignore_ascii_case("unnest") => None,
        SelectItem::UnnamedExpr(expr) => Some(name(expr).unwrap_or_else(|| NAMELESS.to_owned())),
        SelectItem::ExprWithAlias { alias, .. } => match alias.value.strip_prefix(ALIASED) {
            Some(name) => Some(name.trim_matches('"').to_owned()),
            None => of_word(alias),
        },
        _ => None,
    }
}

fn text(name: &str) -> Option<String> {
    Some(name.to_owned())
}

fn of_word(word: &Ident) -> Option<String> {
    Some(if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() })
}

/// PostgreSQL's name of an expression: <https://github.com/postgres/postgres/blob/REL_16_STABLE/src/backend/parser/parse_target.c>,
/// `FigureColname`.
fn name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(word) => of_word(word),
        Expr::CompoundIdentifier(words) => words.last().and_then(of_word),
        Expr::Function(call) => call.name.0.last().and_then(|part| part.as_ident()).and_then(of_word),
        Expr::Cast { expr, data_type, .. } => name(expr).or_else(|| Some(type_name(&data_type.to_string()))),
        Expr::TypedString(typed) => Some(type_name(&typed.data_type.to_string())),
        Expr::Nested(expr) | Expr::Collate { expr, .. } => name(expr),
        Expr::CompoundFieldAccess { root, access_chain } => accessed(root, access_chain),
        Expr::Case { else_result, .. } => else_result.as_deref().and_then(name).or_else(|| text("case")),
        Expr::Subquery(query) => subquery(query),
        Expr::Exists { .. } => text("exists"),
        Expr::Array(_) => text("array"),
        Expr::Interval(_) => text("interval"),
        Expr::Extract { .. } => text("extract"),
        Expr::AtTimeZone { .. } => text("timezone"),
        Expr::Substring { .. } => text("substring"),
        Expr::Position { .. } => text("position"),
        Expr::Overlay { .. } => text("overlay"),
        Expr::Ceil { .. } => text("ceil"),
        Expr::Floor { .. } => text("floor"),
        Expr::Trim { trim_where: Some(TrimWhereField::Leading), .. } => text("ltrim"),
        Expr::Trim { trim_where: Some(TrimWhereField::Trailing), .. } => text("rtrim"),
        Expr::Trim { .. } => text("btrim"),
        Expr::Tuple(_) => text("row"),
        Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => text("bool"),
        _ => None,
    }
}

/// The last field by its name, or what it is in.
fn accessed(root: &Expr, chain: &[AccessExpr]) -> Option<String> {
    let field = chain.iter().rev().find_map(|access| match access {
        AccessExpr::Dot(Expr::Identifier(word)) => of_word(word),
        AccessExpr::Dot(Expr::Value(value)) => match &value.value {
            Value::SingleQuotedString(name) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    });
    field.or_else(|| name(root))
}

fn subquery(query: &Query) -> Option<String> {
    let select = first_select(&query.body)?;
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(expr)] => name(expr),
        [SelectItem::ExprWithAlias { alias, .. }] => of_word(alias),
        _ => None,
    }
}

fn type_name(sql: &str) -> String {
    let lower = sql.to_lowercase();
    let bare = lower.strip_prefix("pg_catalog.").unwrap_or(&lower);
    let bare = bare.split('(').next().unwrap_or(bare).trim();
    match bare {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "boolean" => "bool",
        "real" => "float4",
        "double precision" | "double" | "float" => "float8",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "character varying" => "varchar",
        "decimal" => "numeric",
        other => other,
    }
    .to_owned()
}

/// Gives those columns names of their own that would have the same.
pub(super) fn separate(statement: &mut Statement) {
    let _ = VisitMut::visit(statement, &mut Separate);
}

struct Separate;

impl VisitorMut for Separate {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = query.body.as_mut() {
            columns(select, ordered_by(query.order_by.as_ref()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        columns(select, HashSet::new());
        ControlFlow::Continue(())
    }
}

/// Names that an order goes by within an expression: they are of columns before the selection, where a name alone may be
/// that of what is selected.
fn ordered_by(order: Option<&OrderBy>) -> HashSet<String> {
    let mut names = HashSet::new();
    if let Some(OrderBy { kind: OrderByKind::Expressions(orders), .. }) = order {
        let within = orders.iter().filter(|order| !matches!(order.expr, Expr::Identifier(_)));
        within.for_each(|order| mentioned(&order.expr, &mut names));
    }
    names
}

fn mentioned(expr: &Expr, names: &mut HashSet<String>) {
    let _: ControlFlow<()> = visit_expressions(expr, |part| {
        names.extend(column(part));
        ControlFlow::Continue(())
    });
}

/// The name of what is a column as it is.
fn column(expr: &Expr) -> Option<String> {
    matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)).then(|| name(expr)).flatten()
}

/// `of_others` are names of columns that are not selected, but needed.
fn columns(select: &mut Select, of_others: HashSet<String>) {
    let mut seen = Seen { taken: of_others, ..Seen::default() };
    if let Some(having) = &select.having {
        mentioned(having, &mut seen.taken);
    }
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => seen.taken.extend(column(expr)),
            SelectItem::ExprWithAlias { alias, .. } => {
                seen.aliases.insert(alias.to_string());
                seen.taken.extend(of_word(alias));
            }
            _ => seen.beside_others = true,
        }
    }
    for (n, item) in select.projection.iter_mut().enumerate() {
        if let Some(name) = seen.of_cast(item) {
            rename(item, name);
        } else if let Some(name) = seen.again(item) {
            rename(item, format!("{name} {}", n + 1));
        }
    }
}

/// What is converted, if that is all that happens to it: DataFusion calls it as what it was before.
fn is_cast(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_cast(inner),
        Expr::Cast { .. } | Expr::AtTimeZone { .. } | Expr::TypedString(_) => true,
        _ => false,
    }
}

/// What was selected so far.
#[derive(Default)]
struct Seen {
    aliases: HashSet<String>,
    /// Names that a cast may not have.
    taken: HashSet<String>,
    /// Whether there is a `*`, which may have any name.
    beside_others: bool,
    /// Columns without and with their table: they may be the same, which is not known before all is planned.
    bare: HashSet<String>,
    qualified: HashSet<String>,
    texts: HashSet<String>,
}

impl Seen {
    /// The name of a cast, if no other column is called so.
    fn of_cast(&mut self, item: &SelectItem) -> Option<String> {
        let SelectItem::UnnamedExpr(expr) = item else { return None };
        let name = name(expr).filter(|_| is_cast(expr) && !self.beside_others)?;
        self.taken.insert(name.clone()).then_some(name)
    }

    /// What `item` is called, if something else is called the same.
    fn again(&mut self, item: &SelectItem) -> Option<String> {
        let (text, taken) = match item {
            SelectItem::UnnamedExpr(Expr::Identifier(word)) => {
                let word = word.to_string();
                self.bare.insert(word.clone());
                let taken = self.aliases.contains(&word) || self.qualified.contains(&word);
                (word, taken)
            }
            SelectItem::UnnamedExpr(expr @ Expr::CompoundIdentifier(words)) => {
                let word = words.last().map(ToString::to_string).unwrap_or_default();
                let taken = self.aliases.contains(&word) || self.bare.contains(&word);
                self.qualified.insert(word);
                (expr.to_string(), taken)
            }
            SelectItem::UnnamedExpr(expr) => (expr.to_string(), is_cast(expr)),
            SelectItem::ExprWithAlias { alias, .. } => (alias.to_string(), false),
            _ => return None,
        };
        (taken || !self.texts.insert(text.clone())).then_some(text)
    }
}

fn rename(item: &mut SelectItem, name: String) {
    let alias = Ident::with_quote('"', name.replace('"', ""));
    match item {
        SelectItem::UnnamedExpr(expr) => *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias },
        SelectItem::ExprWithAlias { alias: old, .. } => *old = alias,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn read(sql: &str) -> Statement {
        Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap().remove(0)
    }

    fn names(sql: &str, columns: &[&str]) -> String {
        let fields = columns.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect::<Vec<_>>();
        let schema = Names::of(&read(sql)).applied(&Arc::new(Schema::new(fields)));
        schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn columns_without_a_name_are_called_as_postgresql_calls_them() {
        for (selected, expected) in [
            ("count(*)", "count"),
            ("pg_catalog.now()", "now"),
            ("1 + 1", "?column?"),
            ("'x'", "?column?"),
            ("true", "bool"),
            ("value::int", "value"),
            ("'5'::int", "int4"),
            ("CAST('x' AS pg_catalog.text)", "text"),
            ("'1'::numeric(10, 2)", "numeric"),
            ("labels['mode']", "labels"),
            ("s.labels['mode']", "labels"),
            ("t.\"Value\"", "Value"),
            ("CASE WHEN true THEN 1 ELSE 2 END", "case"),
            ("CASE WHEN true THEN 1 ELSE Value END", "value"),
            ("(SELECT max(a) FROM b)", "max"),
            ("EXISTS (SELECT 1)", "exists"),
            ("extract(hour FROM ts)", "extract"),
            ("ts AT TIME ZONE 'UTC'", "timezone"),
            ("a AS B", "b"),
            ("a AS \"B\"", "B"),
            ("a AS \"__alias_a\"", "a"),
        ] {
            assert_eq!(names(&format!("SELECT {selected} FROM t"), &["x"]), expected, "{selected}");
        }
    }

    #[test]
    fn columns_beside_a_star_are_found() {
        assert_eq!(names("SELECT count(*), max(a) FROM t", &["x", "y"]), "count,max");
        assert_eq!(names("SELECT 1, t.*, 2 + 1 FROM t", &["x", "a", "b", "y"]), "?column?,a,b,?column?");
        assert_eq!(names("SELECT * FROM t", &["a", "b"]), "a,b");
        assert_eq!(names("SELECT 1, 2 UNION ALL SELECT 3, 4", &["x", "y"]), "?column?,?column?");
        assert_eq!(names("VALUES (1)", &["column1"]), "column1");
        // What became more columns than were written keeps their names.
        assert_eq!(names("SELECT count(*) FROM t", &["x", "y"]), "x,y");
    }

    #[test]
    fn columns_with_the_same_name_get_others() {
        for (selected, expected) in [
            ("a, b", "a, b"),
            ("a, a", r#"a, a AS "a 2""#),
            ("1, 1, 1", r#"1, 1 AS "1 2", 1 AS "1 3""#),
            ("a, t.a", r#"a, t.a AS "t.a 2""#),
            ("t.a, u.a", "t.a, u.a"),
            ("b AS a, a", r#"b AS a, a AS "a 2""#),
            ("a, b AS a", r#"a AS "a 1", b AS a"#),
            ("b AS a, c AS a", r#"b AS a, c AS "a 2""#),
            ("NULL, NULL", r#"NULL, NULL AS "NULL 2""#),
            ("a::INT", r#"a::INT AS "a""#),
            ("a::INT, a", r#"a::INT AS "a::INT 1", a"#),
            ("t.a::INT, b", r#"t.a::INT AS "a", b"#),
            ("a::INT, a::TEXT", r#"a::INT AS "a", a::TEXT AS "a::TEXT 2""#),
            ("a::INT, *", r#"a::INT AS "a::INT 1", *"#),
            ("ts AT TIME ZONE 'UTC', ts", r#"ts AT TIME ZONE 'UTC' AS "timezone", ts"#),
            ("a::INT ORDER BY a", r#"a::INT AS "a" ORDER BY a"#),
            ("a::INT FROM t ORDER BY t.a", r#"a::INT AS "a::INT 1" FROM t ORDER BY t.a"#),
            ("a::INT GROUP BY a HAVING a > 1", r#"a::INT AS "a::INT 1" GROUP BY a HAVING a > 1"#),
            ("x FROM (SELECT a::INT)", r#"x FROM (SELECT a::INT AS "a")"#),
        ] {
            let mut statement = read(&format!("SELECT {selected}"));
            separate(&mut statement);
            assert_eq!(statement.to_string(), format!("SELECT {expected}"));
        }
    }
}
