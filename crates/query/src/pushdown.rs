//! What of a WHERE clause a scan can use: bounds on the table's time, keys, and texts.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use base::Timestamp;
use datafusion::common::{Column, ScalarValue};
use datafusion::functions::core::getfield::GetFieldFunc;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, Like, Operator};
use model::Key;
use store::{TableDef, Text, TextTest, is_map_of_texts};

/// More keys than these are not looked up one by one. A thousand rows and one, to see whether there
/// are more, is what a page of an answer asks for.
pub const MAX_KEYS: usize = 1_024;

/// Which columns of a table a scan can select by.
#[derive(Clone, Debug)]
pub struct Columns {
    /// The time that rows and files are bounded by.
    time: Option<&'static str>,
    /// The key, and the text that it is the hash of.
    key: Option<(&'static str, Option<&'static str>)>,
    /// The columns of texts, with their numbers; of a table in which a row may take the place of another those of its key.
    texts: Arc<[(String, usize)]>,
    /// The columns of maps of texts; none of a table in which a row may take the place of another.
    maps: Arc<[(String, usize)]>,
}

/// A column, and the key in it if it holds maps.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    column: usize,
    key: Option<String>,
}

impl Columns {
    pub fn of(def: &TableDef) -> Self {
        let first = def.sort.first().copied();
        let key = first.filter(|column| matches!(*column, "key" | "series_id"));
        let schema = def.schema();
        let of = |holds: fn(&DataType) -> bool| -> Arc<[(String, usize)]> {
            let columns = schema.fields().iter().zip(0..).filter(move |(field, _)| holds(field.data_type()));
            let columns = columns.map(|(field, n)| (field.name().clone(), n));
            columns.filter(|(name, _)| !def.unique() || def.sort.contains(&name.as_str())).collect()
        };
        let (texts, maps) = (of(|held: &DataType| *held == DataType::Utf8), of(is_map_of_texts));
        Self { time: Some(def.time), key: key.map(|key| (key, text_of(def.name))), texts, maps }
    }

    /// Where a text is: in a column of texts, or under a key of a column of maps.
    fn text(&self, expr: &Expr) -> Option<Place> {
        let number = |of: &[(String, usize)], name: &str| of.iter().find(|(known, _)| known == name).map(|(_, n)| *n);
        if let Some((map, key)) = looked_up(expr) {
            return Some(Place { column: number(&self.maps, map)?, key: Some(key.to_owned()) });
        }
        let Expr::Column(column) = expr else { return None };
        Some(Place { column: number(&self.texts, &column.name)?, key: None })
    }

    /// The column of the key.
    pub fn key(&self) -> Option<&'static str> {
        self.key.map(|(key, _)| key)
    }

    /// Whether `filter` narrows a scan.
    pub fn selects(&self, filter: &Expr) -> bool {
        let selection = Selection::of(self, std::slice::from_ref(filter));
        selection.time.is_some() || selection.keys.is_some() || !selection.texts.is_empty()
    }
}

/// The column whose text a table's key is the hash of.
fn text_of(table: &str) -> Option<&'static str> {
    match table {
        "resources" | "resource_history" | "desired" | "desired_history" | "drift" | "drift_history" => Some("id"),
        "findings" | "finding_history" => Some("finding"),
        "alerts" | "alert_history" => Some("incident"),
        "intents" | "receipts" => Some("intent"),
        _ => None,
    }
}

/// Which rows a scan must give at least.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// First and last time, both included.
    pub time: Option<(Timestamp, Timestamp)>,
    /// The keys, in order, each once.
    pub keys: Option<Vec<Key>>,
    /// Conditions on texts.
    pub texts: Vec<TextTest>,
}

impl Selection {
    /// What all of `filters` leave.
    pub fn of(columns: &Columns, filters: &[Expr]) -> Self {
        let mut selection = Self::default();
        for filter in filters {
            if let Some((from, to)) = columns.time.and_then(|time| bounds(filter, time)) {
                let (first, last) = selection.time.unwrap_or((Timestamp::from_nanos(i64::MIN), Timestamp::MAX));
                selection.time = Some((first.max(from), last.min(to)));
            }
            let keys = columns.key.and_then(|(key, text)| keys(filter, key, text));
            if let Some(mut keys) = keys.filter(|keys| keys.len() <= MAX_KEYS) {
                keys.sort_unstable();
                keys.dedup();
                selection.keys = Some(match selection.keys.take() {
                    Some(old) => old.into_iter().filter(|key| keys.contains(key)).collect(),
                    None => keys,
                });
            }
            add_texts(filter, columns, &mut selection.texts);
        }
        selection
    }

    /// Whether a file with rows of these times may hold one of the selection.
    pub fn overlaps(&self, min: Timestamp, max: Timestamp) -> bool {
        self.time.is_none_or(|(from, to)| min <= to && max >= from)
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((from, to)) = self.time {
            write!(f, ", time=[{from}, {to}]")?;
        }
        if let Some(keys) = &self.keys {
            write!(f, ", keys={}", keys.len())?;
        }
        match self.texts.len() {
            0 => Ok(()),
            texts => write!(f, ", texts={texts}"),
        }
    }
}

/// The bounds that `filter` puts on the column `time`.
fn bounds(filter: &Expr, time: &str) -> Option<(Timestamp, Timestamp)> {
    let (low, high) = (Timestamp::from_nanos(i64::MIN), Timestamp::MAX);
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            match (bounds(left, time), bounds(right, time)) {
                (Some((a, b)), Some((c, d))) => Some((a.max(c), b.min(d))),
                (one, other) => one.or(other),
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (op, value) = match (is_time(left, time), is_time(right, time)) {
                (true, false) => (*op, instant(right)?),
                (false, true) => (op.swap()?, instant(left)?),
                _ => return None,
            };
            match op {
                Operator::Eq => Some((value, value)),
                Operator::Gt | Operator::GtEq => Some((value, high)),
                Operator::Lt | Operator::LtEq => Some((low, value)),
                _ => None,
            }
        }
        Expr::Between(Between { expr, negated: false, low, high }) if is_time(expr, time) => {
            Some((instant(low)?, instant(high)?))
        }
        _ => None,
    }
}

/// Whether `expr` is the column, possibly with a time zone put on it: the instant is the same.
fn is_time(expr: &Expr, time: &str) -> bool {
    match expr {
        Expr::Column(column) => column.name == time,
        Expr::Cast(Cast { expr, field }) => {
            let utc = match field.data_type() {
                DataType::Timestamp(TimeUnit::Nanosecond, zone) => zone.as_deref().is_none_or(is_utc),
                _ => false,
            };
            utc && matches!(expr.as_ref(), Expr::Column(column) if column.name == time)
        }
        _ => false,
    }
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "+00:00" | "Z")
}

/// The value of a literal time.
fn instant(expr: &Expr) -> Option<Timestamp> {
    let Expr::Literal(value, _) = expr else { return None };
    let (value, per) = match value {
        ScalarValue::TimestampNanosecond(value, _) => (*value, 1),
        ScalarValue::TimestampMicrosecond(value, _) => (*value, 1_000),
        ScalarValue::TimestampMillisecond(value, _) => (*value, 1_000_000),
        ScalarValue::TimestampSecond(value, _) => (*value, 1_000_000_000),
        _ => return None,
    };
    Some(Timestamp::from_nanos(value?.saturating_mul(per)))
}

/// A literal time, or a text that is one.
pub fn time(expr: &Expr) -> Option<Timestamp> {
    let text = |value: &ScalarValue| value.try_as_str().flatten().and_then(|text| text.trim().parse().ok());
    match expr {
        Expr::Literal(value, _) => instant(expr).or_else(|| text(value)),
        _ => None,
    }
}

/// The keys that `filter` asks for by the key itself or by its text.
fn keys(filter: &Expr, key: &str, text: Option<&str>) -> Option<Vec<Key>> {
    let one = |column: &Column, value: &Expr| match value {
        Expr::Literal(value, _) if column.name == key => bytes(value),
        Expr::Literal(value, _) if Some(column.name.as_str()) == text => hash(value),
        _ => None,
    };
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), value) | (value, Expr::Column(column)) => one(column, value).map(|key| vec![key]),
            _ => None,
        },
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (mut left, right) = (keys(left, key, text)?, keys(right, key, text)?);
            left.extend(right);
            Some(left)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            keys(left, key, text).or_else(|| keys(right, key, text))
        }
        Expr::InList(InList { expr, list, negated: false }) => match expr.as_ref() {
            Expr::Column(column) => list.iter().map(|value| one(column, value)).collect(),
            _ => None,
        },
        _ => None,
    }
}

/// Adds what `filter` demands of texts.
fn add_texts(filter: &Expr, columns: &Columns, tests: &mut Vec<TextTest>) {
    if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) = filter {
        add_texts(left, columns, tests);
        add_texts(right, columns, tests);
        return;
    }
    let one_of = |(place, texts): (Place, _)| place.test(Text::one_of(texts));
    tests.extend(texts_of(filter, columns).map(one_of).or_else(|| holding(filter, columns)));
}

/// The texts that `filter` allows in a column.
fn texts_of(filter: &Expr, columns: &Columns) -> Option<(Place, Vec<String>)> {
    let (column, texts) = match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match columns.text(left) {
            Some(column) => (column, vec![literal(right)?]),
            None => (columns.text(right)?, vec![literal(left)?]),
        },
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let ((column, mut texts), (other, more)) = (texts_of(left, columns)?, texts_of(right, columns)?);
            if column != other {
                return None;
            }
            texts.extend(more);
            (column, texts)
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            (columns.text(expr)?, list.iter().map(literal).collect::<Option<_>>()?)
        }
        _ => return None,
    };
    (texts.len() <= MAX_KEYS).then_some((column, texts))
}

impl Place {
    fn test(self, text: Text) -> TextTest {
        TextTest { column: self.column, key: self.key, text }
    }
}

/// The name of the column and the key, if `expr` looks one up by a literal.
fn looked_up(expr: &Expr) -> Option<(&str, &str)> {
    let Expr::ScalarFunction(call) = expr else { return None };
    if !call.func.inner().is::<GetFieldFunc>() {
        return None;
    }
    match call.args.as_slice() {
        [Expr::Column(column), Expr::Literal(key, _)] => Some((&column.name, key.try_as_str().flatten()?)),
        _ => None,
    }
}

/// The text that has to be a part of those in a column: `LIKE '%text%'`.
fn holding(filter: &Expr, columns: &Columns) -> Option<TextTest> {
    let Expr::Like(Like { negated: false, expr, pattern, escape_char: None, case_insensitive: false }) = filter else {
        return None;
    };
    let pattern = literal(pattern)?;
    let text = pattern.strip_prefix('%')?.strip_suffix('%')?;
    let plain = !text.is_empty() && !text.contains(['%', '_', '\\']);
    let place = columns.text(expr).filter(|_| plain)?;
    Some(place.test(Text::Holding(vec![text.to_owned()])))
}

fn literal(expr: &Expr) -> Option<String> {
    let Expr::Literal(value, _) = expr else { return None };
    value.try_as_str().flatten().map(str::to_owned)
}

/// The key that a value of 16 bytes is.
pub fn bytes(value: &ScalarValue) -> Option<Key> {
    match value {
        ScalarValue::Binary(Some(bytes))
        | ScalarValue::BinaryView(Some(bytes))
        | ScalarValue::LargeBinary(Some(bytes))
        | ScalarValue::FixedSizeBinary(16, Some(bytes)) => bytes.as_slice().try_into().ok().map(Key),
        _ => None,
    }
}

fn hash(value: &ScalarValue) -> Option<Key> {
    value.try_as_str().flatten().map(|text| Key::of(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use datafusion::functions::expr_fn::get_field;
    use datafusion::logical_expr::{cast, col, lit};

    use super::*;

    fn columns() -> Columns {
        let texts = [("kind".to_owned(), 3), ("text".to_owned(), 5)].into();
        let maps = [("attributes".to_owned(), 6)].into();
        Columns { time: Some("time"), key: Some(("key", Some("id"))), texts, maps }
    }

    fn at(nanos: i64) -> Expr {
        lit(ScalarValue::TimestampNanosecond(Some(nanos), None))
    }

    #[test]
    fn bounds_of_time_are_found_on_either_side() {
        let zoned = cast(col("time"), DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())));
        let filters = [col("time").gt(at(5)).and(col("kind").eq(lit("file"))), at(90).gt_eq(zoned)];
        let selection = Selection::of(&columns(), &filters);
        assert_eq!(selection.time, Some((Timestamp::from_nanos(5), Timestamp::from_nanos(90))));
        assert!(selection.overlaps(Timestamp::from_nanos(90), Timestamp::from_nanos(95)));
        assert!(!selection.overlaps(Timestamp::from_nanos(91), Timestamp::from_nanos(95)));
    }

    #[test]
    fn an_alternative_bounds_nothing() {
        let either = col("time").gt(at(5)).or(col("kind").eq(lit("file")));
        assert!(!columns().selects(&either));
        assert!(!columns().selects(&col("kind").eq(lit("file")).or(col("text").eq(lit("file")))));
        assert!(!columns().selects(&col("time").not_eq(at(5))));
        assert!(!columns().selects(&col("id").eq(lit("a")).or(col("kind").eq(lit("file")))));
        let paris = cast(col("time"), DataType::Timestamp(TimeUnit::Nanosecond, Some("Europe/Paris".into())));
        assert!(!columns().selects(&paris.gt(at(5))));
    }

    #[test]
    fn keys_are_found_by_their_text() {
        let filters = [col("id").in_list(vec![lit("a"), lit("b")], false), col("id").eq(lit("b"))];
        assert_eq!(Selection::of(&columns(), &filters).keys, Some(vec![Key::of(b"b")]));
        let key = ScalarValue::FixedSizeBinary(16, Some(vec![7; 16]));
        assert_eq!(Selection::of(&columns(), &[lit(key).eq(col("key"))]).keys, Some(vec![Key([7; 16])]));
        assert!(!columns().selects(&col("id").in_list(vec![lit("a")], true)));
    }

    #[test]
    fn texts_are_found_alone_in_lists_and_as_parts() {
        let kinds = |texts: &[&str]| TextTest {
            column: 3,
            key: None,
            text: Text::one_of(texts.iter().map(|text| (*text).to_owned()).collect()),
        };
        let tests = |filter: Expr| Selection::of(&columns(), &[filter]).texts;
        let (file, unit) = (|| col("kind").eq(lit("file")), || lit("unit").eq(col("kind")));
        assert_eq!(tests(file().or(unit())), [kinds(&["file", "unit"])]);
        assert_eq!(tests(col("kind").in_list(vec![lit("a"), lit("b")], false)), [kinds(&["a", "b"])]);
        let part = TextTest { column: 5, key: None, text: Text::Holding(vec!["oops".to_owned()]) };
        assert_eq!(tests(file().and(col("text").like(lit("%oops%")))), [kinds(&["file"]), part]);
        let nothing: [TextTest; 0] = [];
        for filter in [
            col("text").like(lit("oops%")),
            col("text").like(lit("%oo_s%")),
            col("text").ilike(lit("%oops%")),
            col("text").not_like(lit("%oops%")),
            col("kind").not_eq(lit("file")),
            col("other").eq(lit("file")),
            file().or(col("kind").eq(col("text"))),
        ] {
            assert_eq!(tests(filter.clone()), nothing, "{filter}");
        }
    }

    #[test]
    fn texts_are_found_under_keys_of_maps() {
        let host = |key: &str| get_field(col("attributes"), key);
        let tests = |filter: Expr| Selection::of(&columns(), &[filter]).texts;
        let test = |text| TextTest { column: 6, key: Some("host".to_owned()), text };
        let (a, ab) = (vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(tests(lit("a").eq(host("host"))), [test(Text::one_of(a))]);
        assert_eq!(tests(host("host").in_list(vec![lit("a"), lit("b")], false)), [test(Text::one_of(ab.clone()))]);
        assert_eq!(tests(host("host").eq(lit("b")).or(host("host").eq(lit("a")))), [test(Text::one_of(ab))]);
        assert_eq!(tests(host("host").like(lit("%a%"))), [test(Text::Holding(vec!["a".to_owned()]))]);
        let nothing: [TextTest; 0] = [];
        for filter in [
            host("host").eq(lit("a")).or(host("zone").eq(lit("a"))),
            host("host").not_eq(lit("a")),
            host("host").eq(host("zone")),
            get_field(col("kind"), "host").eq(lit("a")),
            get_field(host("host"), "deeper").eq(lit("a")),
        ] {
            assert_eq!(tests(filter.clone()), nothing, "{filter}");
        }
    }

    #[test]
    fn texts_select_only_where_no_row_takes_the_place_of_another() {
        let of = |name: &str| Columns::of(store::tables().iter().find(|table| table.name == name).unwrap());
        assert!(of("spans").selects(&col("trace_id").eq(lit("a"))));
        assert!(!of("resources").selects(&col("kind").eq(lit("file"))));
        assert!(of("series").selects(&col("metric").eq(lit("up"))), "rows of another key take no row's place");
    }
}
