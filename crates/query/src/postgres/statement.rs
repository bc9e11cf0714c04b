//! From a client's text to statements: what gives rows, what sets up a session, and refusals.

use std::sync::Arc;

use base::Limit;
use datafusion::sql::parser::Statement as PlannedStatement;
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Reset, Set, Statement, Value, ValueWithSpan};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::copy::{self, PgCopy};
use super::cursors::{self, PgCursor, PgFetch};
use super::dialect::Dialect;
use super::names::{self, Names};
use super::words::{Source, Words};
use crate::{QueryConfig, QueryError, arguments, check, explain};

/// Statements in one text.
const STATEMENTS: Limit = Limit::new("postgres.statements", 256);

/// A statement of a client.
#[derive(Clone, Debug)]
pub enum PgStatement {
    /// Gives rows.
    Query(PgQuery),
    /// Keeps a query, whose rows are fetched later.
    Declare(PgCursor),
    /// Gives rows of a cursor, or passes them over.
    Fetch(PgFetch),
    /// Forgets a cursor, or every one.
    Close(Option<String>),
    /// Gives all rows as one text.
    Copy(PgCopy),
    /// Sets a setting of the session; without a value, to its default.
    Set {
        /// Its name, in small letters.
        name: String,
        /// What it is to be.
        value: Option<String>,
    },
    /// Sets every setting to its default.
    ResetAll,
    /// Gives the value of a setting, by its name in small letters; `all` gives every one.
    Show(String),
    /// Begins a transaction.
    Begin,
    /// Ends it.
    Commit,
    /// Ends it, in vain.
    Rollback,
    /// Forgets a prepared statement, or every one.
    Deallocate(Option<String>),
    /// Forgets everything of the session.
    DiscardAll,
    /// Has nothing to do here; answered with this tag.
    Nothing(&'static str),
    /// Would change something, or is not understood here.
    Refused(QueryError),
}

/// A statement that gives rows.
#[derive(Clone, Debug)]
pub struct PgQuery {
    statement: Arc<Statement>,
    /// What its columns are called.
    pub(super) names: Names,
    /// How many parameters it takes.
    pub(super) places: usize,
    /// What the command is called when it has ended: `SELECT`.
    pub tag: &'static str,
}

impl PgQuery {
    fn new(mut statement: Statement, tag: &'static str) -> Self {
        let names = Names::of(&statement);
        names::separate(&mut statement);
        Self { names, places: arguments::count(&statement), statement: Arc::new(statement), tag }
    }

    pub(super) fn statement(&self) -> PlannedStatement {
        PlannedStatement::Statement(Box::new(self.statement.as_ref().clone()))
    }

    /// The query that these tokens are, within a statement of that name.
    pub(super) fn read(source: &Source<'_>, tokens: &[TokenWithSpan], within: &str) -> Result<Self, QueryError> {
        Self::of(source.parse(tokens)?, within)
    }

    /// The query that a text is.
    pub(super) fn of_text(source: &Source<'_>, text: &str) -> Result<Self, QueryError> {
        Self::of(source.parse_text(text)?, "COPY")
    }

    fn of(mut statements: Vec<Statement>, within: &str) -> Result<Self, QueryError> {
        match (statements.pop(), statements.len()) {
            (Some(query @ Statement::Query(_)), 0) => Ok(Self::new(query, "SELECT")),
            (Some(other), 0) => {
                check::allowed_sql(&other)?;
                Err(explain::syntax(&format!("{within} takes a query that gives rows of a table")))
            }
            _ => Err(explain::syntax(&format!("{within} takes one query"))),
        }
    }
}

impl PgStatement {
    /// The query that gives its rows, or those of its cursor.
    pub const fn query(&self) -> Option<&PgQuery> {
        match self {
            Self::Query(query) => Some(query),
            Self::Declare(cursor) => Some(&cursor.query),
            Self::Copy(copy) => Some(&copy.query),
            _ => None,
        }
    }
}

/// Reads `text`, within the limits of all queries.
pub(super) fn parse(text: &str, dialect: &Dialect, config: &QueryConfig) -> Result<Vec<PgStatement>, QueryError> {
    Limit::new("max_sql_bytes", config.max_sql_bytes).check(text.len() as u64)?;
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| explain::syntax(&error.to_string()))?;
    check::tokens(&tokens, config)?;
    let source = Source::new(text, dialect);
    let pieces: Vec<&[TokenWithSpan]> = tokens.split(|token| token.token == Token::SemiColon).collect();
    if !pieces.iter().any(|piece| is_read_here(piece)) {
        return classified(source.parse(&tokens)?);
    }
    STATEMENTS.check(pieces.len() as u64)?;
    let mut statements = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match is_read_here(piece) {
            true => statements.push(read_here(piece, &source)?),
            false => statements.extend(classified(source.parse(piece)?)?),
        }
    }
    Ok(statements)
}

fn classified(statements: Vec<Statement>) -> Result<Vec<PgStatement>, QueryError> {
    STATEMENTS.check(statements.len() as u64)?;
    Ok(statements.into_iter().map(|one| classify(one).unwrap_or_else(PgStatement::Refused)).collect())
}

/// How statements begin that are read word by word, since the parser knows only some of their forms.
const READ_HERE: [&str; 5] = ["DECLARE", "FETCH", "MOVE", "CLOSE", "COPY"];

fn is_read_here(piece: &[TokenWithSpan]) -> bool {
    let first = piece.iter().map(|token| &token.token).find(|token| !matches!(token, Token::Whitespace(_)));
    matches!(first, Some(Token::Word(word))
        if word.quote_style.is_none() && READ_HERE.iter().any(|known| word.value.eq_ignore_ascii_case(known)))
}

fn read_here(piece: &[TokenWithSpan], source: &Source<'_>) -> Result<PgStatement, QueryError> {
    let mut words = Words::new(piece);
    let read = match words.take_one(&READ_HERE) {
        Some("DECLARE") => cursors::declare(&mut words, source),
        Some("FETCH") => cursors::fetch(&mut words, false),
        Some("MOVE") => cursors::fetch(&mut words, true),
        Some("CLOSE") => cursors::close(&mut words),
        _ => copy::copy(&mut words, source),
    };
    // What is understood and not to be done is refused when its turn comes.
    match read {
        Err(refused @ QueryError::NotAllowed(_)) => Ok(PgStatement::Refused(refused)),
        read => read,
    }
}

fn classify(statement: Statement) -> Result<PgStatement, QueryError> {
    Ok(match statement {
        Statement::Set(set) => setting(set)?,
        Statement::Reset(reset) => match reset.reset {
            Reset::ALL => PgStatement::ResetAll,
            Reset::ConfigurationParameter(name) => PgStatement::Set { name: plain(&name), value: None },
        },
        Statement::ShowVariable { variable } => {
            let words: Vec<String> = variable.iter().map(|word| word.value.to_lowercase()).collect();
            PgStatement::Show(named(&words.join(" ")))
        }
        Statement::StartTransaction { .. } => PgStatement::Begin,
        Statement::Commit { .. } => PgStatement::Commit,
        Statement::Rollback { savepoint: None, .. } => PgStatement::Rollback,
        Statement::Rollback { .. } => PgStatement::Nothing("ROLLBACK"),
        Statement::Savepoint { .. } => PgStatement::Nothing("SAVEPOINT"),
        Statement::ReleaseSavepoint { .. } => PgStatement::Nothing("RELEASE"),
        Statement::UNLISTEN { .. } => PgStatement::Nothing("UNLISTEN"),
        Statement::Discard { .. } => PgStatement::DiscardAll,
        Statement::Deallocate { name, .. } if name.value.eq_ignore_ascii_case("all") => PgStatement::Deallocate(None),
        Statement::Deallocate { name, .. } => PgStatement::Deallocate(Some(name.value)),
        other => {
            check::allowed_sql(&other)?;
            let tag = if matches!(other, Statement::Explain { .. }) { "EXPLAIN" } else { "SELECT" };
            PgStatement::Query(PgQuery::new(other, tag))
        }
    })
}

fn setting(set: Set) -> Result<PgStatement, QueryError> {
    let to = |name: &str, value: Option<String>| PgStatement::Set { name: named(name), value };
    Ok(match set {
        Set::SingleAssignment { variable, values, .. } => {
            let texts: Vec<String> = values.iter().map(value).collect();
            let text = texts.join(", ");
            to(&plain(&variable), (!text.eq_ignore_ascii_case("default")).then_some(text))
        }
        Set::SetTimeZone { value: zone, .. } => to("timezone", Some(value(&zone))),
        Set::SetNames { charset_name, .. } => to("client_encoding", Some(charset_name.value)),
        Set::SetTransaction { .. } | Set::SetSessionParam(_) => PgStatement::Nothing("SET"),
        other => return Err(QueryError::NotAllowed(format!("SET as in `{other}`"))),
    })
}

fn plain(name: &ObjectName) -> String {
    name.to_string().replace('"', "").to_lowercase()
}

/// What settings of two words are called as one.
fn named(name: &str) -> String {
    match name {
        "time zone" => "timezone".to_owned(),
        "transaction isolation level" => "transaction_isolation".to_owned(),
        other => other.to_lowercase(),
    }
}

fn value(expr: &Expr) -> String {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => text.clone(),
        Expr::Identifier(word) => word.value.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cursors::PgRows;
    use super::*;

    fn parsed(text: &str) -> Result<Vec<PgStatement>, QueryError> {
        parse(text, &Dialect::new(), &QueryConfig::default())
    }

    fn one(text: &str) -> String {
        let statements = parsed(text).unwrap();
        let [statement] = statements.as_slice() else { panic!("{text}: {statements:?}") };
        match statement {
            PgStatement::Query(query) => query.tag.to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_clients_send_at_their_start_is_understood() {
        for (text, meaning) in [
            ("SET client_encoding = 'UTF8'", r#"Set { name: "client_encoding", value: Some("UTF8") }"#),
            ("SET extra_float_digits TO 3", r#"Set { name: "extra_float_digits", value: Some("3") }"#),
            ("SET SESSION statement_timeout = '10s'", r#"Set { name: "statement_timeout", value: Some("10s") }"#),
            ("SET TIME ZONE 'UTC'", r#"Set { name: "timezone", value: Some("UTC") }"#),
            (
                "SET search_path TO public, pg_catalog",
                r#"Set { name: "search_path", value: Some("public, pg_catalog") }"#,
            ),
            ("SET datestyle TO DEFAULT", r#"Set { name: "datestyle", value: None }"#),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", r#"Nothing("SET")"#),
            ("SHOW transaction_isolation", r#"Show("transaction_isolation")"#),
            ("SHOW TRANSACTION ISOLATION LEVEL", r#"Show("transaction_isolation")"#),
            ("SHOW TIME ZONE", r#"Show("timezone")"#),
            ("BEGIN", "Begin"),
            ("BEGIN TRANSACTION READ ONLY", "Begin"),
            ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", "Begin"),
            ("COMMIT", "Commit"),
            ("END", "Commit"),
            ("ROLLBACK", "Rollback"),
            ("ABORT", "Rollback"),
            ("SAVEPOINT a", r#"Nothing("SAVEPOINT")"#),
            ("DISCARD ALL", "DiscardAll"),
            ("DEALLOCATE ALL", "Deallocate(None)"),
            ("DEALLOCATE a", r#"Deallocate(Some("a"))"#),
            ("RESET ALL", "ResetAll"),
            ("CLOSE ALL", "Close(None)"),
            ("CLOSE \"C\"", r#"Close(Some("C"))"#),
            ("UNLISTEN *", r#"Nothing("UNLISTEN")"#),
            ("SELECT 1;", "SELECT"),
            ("EXPLAIN SELECT 1", "EXPLAIN"),
            ("SHOW TABLES", "SELECT"),
        ] {
            assert_eq!(one(text), meaning, "{text}");
        }
    }

    #[test]
    fn cursors_are_read_as_postgresql_writes_them() {
        let declared = |text: &str| match parsed(text).unwrap().as_slice() {
            [PgStatement::Declare(cursor)] => (cursor.name.clone(), cursor.hold, cursor.binary),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(
            declared("DECLARE _psql_cursor NO SCROLL CURSOR FOR\nSELECT 1"),
            ("_psql_cursor".into(), false, false)
        );
        assert_eq!(
            declared("declare \"A b\" binary insensitive cursor with hold for values (';')"),
            ("A b".into(), true, true)
        );
        assert_eq!(
            declared("DECLARE C CURSOR WITHOUT HOLD FOR WITH a AS (SELECT 1) TABLE a;"),
            ("c".into(), false, false)
        );
        let fetched = |text: &str| match parsed(text).unwrap().as_slice() {
            [PgStatement::Fetch(fetch)] => (fetch.cursor.clone(), fetch.rows, fetch.skips),
            other => panic!("{text}: {other:?}"),
        };
        for (text, rows, skips) in [
            ("FETCH c", PgRows::Next(1), false),
            ("FETCH FROM c", PgRows::Next(1), false),
            ("FETCH NEXT IN c", PgRows::Next(1), false),
            ("FETCH 5 c", PgRows::Next(5), false),
            ("FETCH FORWARD 100 FROM \"c\"", PgRows::Next(100), false),
            ("FETCH FORWARD FROM c", PgRows::Next(1), false),
            ("FETCH ALL FROM c", PgRows::All, false),
            ("fetch forward all in c", PgRows::All, false),
            ("MOVE 3 FROM c", PgRows::Next(3), true),
            ("MOVE FORWARD ALL IN c", PgRows::All, true),
            ("FETCH 0 FROM c", PgRows::Back, false),
            ("FETCH -1 FROM c", PgRows::Back, false),
            ("FETCH PRIOR FROM c", PgRows::Back, false),
            ("FETCH BACKWARD ALL FROM c", PgRows::Back, false),
            ("FETCH ABSOLUTE -3 FROM c", PgRows::Back, false),
        ] {
            assert_eq!(fetched(text), ("c".to_owned(), rows, skips), "{text}");
        }
        for text in ["FETCH", "FETCH 1", "FETCH ABSOLUTE FROM c", "FETCH 1 FROM c d", "DECLARE c CURSOR", "CLOSE"] {
            assert!(matches!(parsed(text), Err(QueryError::Syntax { .. })), "{text}");
        }
        assert_eq!(one("DECLARE c SCROLL CURSOR FOR SELECT 1"), r#"Refused(NotAllowed("DECLARE with SCROLL"))"#);
        assert_eq!(one("DECLARE c CURSOR FOR DELETE FROM drift"), r#"Refused(NotAllowed("DELETE FROM"))"#);
        let Err(QueryError::Syntax { position: Some(place), .. }) =
            parsed("SELECT 1;\nDECLARE c CURSOR FOR SELECT * FORM x")
        else {
            panic!("no place");
        };
        assert_eq!(place.line, 2);
    }

    #[test]
    fn copies_are_read_with_their_options() {
        use super::super::copy::{PgCopyFormat, PgForced};
        let copied = |text: &str| match parsed(text).unwrap().as_slice() {
            [PgStatement::Copy(copy)] => (copy.format.clone(), copy.header),
            other => panic!("{text}: {other:?}"),
        };
        let text = |delimiter: char, null: &str| PgCopyFormat::Text { delimiter, null: null.to_owned() };
        let csv = |delimiter: char, forced: PgForced| PgCopyFormat::Csv {
            delimiter,
            null: String::new(),
            quote: '"',
            escape: '"',
            forced,
        };
        let none = || PgForced::Named(Vec::new());
        for (sql, expected, header) in [
            ("COPY (SELECT 1) TO STDOUT", text('\t', "\\N"), false),
            ("COPY drift TO STDOUT WITH (FORMAT text, DELIMITER '|', NULL 'none')", text('|', "none"), false),
            ("copy (select ')' as a) to stdout csv header", csv(',', none()), true),
            ("COPY drift (id, verdict) TO STDOUT (FORMAT CSV, HEADER)", csv(',', none()), true),
            ("COPY public.drift TO STDOUT (FORMAT 'csv', HEADER off, DELIMITER E'\\t')", csv('\t', none()), false),
            ("COPY drift TO STDOUT (FORMAT csv, FORCE_QUOTE *, ENCODING 'UTF-8')", csv(',', PgForced::All), false),
            ("COPY drift TO STDOUT WITH CSV HEADER FORCE QUOTE id", csv(',', PgForced::Named(vec!["id".into()])), true),
            ("COPY drift TO STDOUT (FORMAT binary)", PgCopyFormat::Binary, false),
        ] {
            assert_eq!(copied(sql), (expected, header), "{sql}");
        }
        for sql in [
            "COPY (SELECT 1) TO STDOUT (FORMAT xml)",
            "COPY (SELECT 1) TO STDOUT (DELIMITER 'ab')",
            "COPY (SELECT 1) TO STDOUT (DELIMITER 'a')",
            "COPY (SELECT 1) TO STDOUT (QUOTE '!')",
            "COPY (SELECT 1) TO STDOUT (FORMAT binary, HEADER)",
            "COPY (SELECT 1) TO STDOUT (FREEZE)",
            "COPY (SELECT 1 TO STDOUT",
            "COPY (SELECT 1) TO STDOUT (ENCODING latin1)",
        ] {
            assert!(matches!(parsed(sql), Err(QueryError::Syntax { .. })), "{sql}");
        }
        assert_eq!(one("COPY drift FROM STDIN"), r#"Refused(NotAllowed("COPY FROM"))"#);
        assert_eq!(one("COPY drift TO PROGRAM 'sh'"), r#"Refused(NotAllowed("COPY"))"#);
        assert_eq!(one("COPY (DELETE FROM drift) TO STDOUT"), r#"Refused(NotAllowed("DELETE FROM"))"#);
    }

    #[test]
    fn several_statements_are_read_in_order_and_none_is_none() {
        assert_eq!(parsed("BEGIN; SELECT 1; COMMIT;").unwrap().len(), 3);
        assert_eq!(parsed("BEGIN; DECLARE a CURSOR FOR SELECT ';'; FETCH ALL FROM a; COMMIT;").unwrap().len(), 4);
        for nothing in ["", ";", " -- a comment\n", ";;"] {
            assert!(parsed(nothing).unwrap().is_empty(), "{nothing}");
        }
        for one in ["SELECT 1;", "FETCH c;"] {
            let many = one.repeat(257);
            assert!(matches!(parsed(&many), Err(QueryError::Limit { limit: "postgres.statements", .. })), "{one}");
        }
    }

    #[test]
    fn what_changes_something_is_refused_by_its_name() {
        for (text, name) in [
            ("INSERT INTO resources VALUES (1)", "INSERT INTO"),
            ("DELETE FROM resources", "DELETE FROM"),
            ("CREATE TABLE a (b int)", "CREATE TABLE"),
            ("COPY resources TO '/tmp/x'", "COPY"),
            ("EXPLAIN DELETE FROM resources", "DELETE FROM"),
        ] {
            let refused = one(text);
            assert_eq!(refused, format!("Refused(NotAllowed({name:?}))"), "{text}");
        }
    }

    #[test]
    fn a_syntax_error_has_its_place_in_the_text_as_it_was() {
        let Err(QueryError::Syntax { position: Some(position), .. }) = parsed("SELECT 1;\nSELECT  * FORM x y") else {
            panic!("no place");
        };
        assert_eq!(position.line, 2);
        let deep = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(matches!(parsed(&deep), Err(QueryError::Limit { limit: "nesting", .. })));
    }
}
