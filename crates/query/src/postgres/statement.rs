//! From a client's text to statements: what gives rows, what sets up a session, and refusals.

use std::sync::Arc;

use base::Limit;
use datafusion::sql::parser::Statement as PlannedStatement;
use datafusion::sql::sqlparser::ast::{CloseCursor, Expr, ObjectName, Reset, Set, Statement, Value, ValueWithSpan};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{TokenWithSpan, Tokenizer};
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;

use crate::config::NESTING;
use crate::{QueryConfig, QueryError, check, explain};

/// Statements in one text.
const STATEMENTS: Limit = Limit::new("postgres.statements", 256);

/// A statement of a client.
#[derive(Clone, Debug)]
pub enum PgStatement {
    /// Gives rows.
    Query(PgQuery),
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
    /// What the command is called when it has ended: `SELECT`.
    pub tag: &'static str,
}

impl PgQuery {
    pub(super) fn statement(&self) -> PlannedStatement {
        PlannedStatement::Statement(Box::new(self.statement.as_ref().clone()))
    }
}

/// Reads `text`, within the limits of all queries.
pub(super) fn parse(
    text: &str,
    parser: &PostgresCompatibilityParser,
    config: &QueryConfig,
) -> Result<Vec<PgStatement>, QueryError> {
    Limit::new("max_sql_bytes", config.max_sql_bytes).check(text.len() as u64)?;
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| explain::syntax(&error.to_string()))?;
    check::tokens(&tokens, config)?;
    let statements = parser.parse(text).map_err(|error| located(tokens, &error))?;
    STATEMENTS.check(statements.len() as u64)?;
    Ok(statements.into_iter().map(|one| classify(one).unwrap_or_else(PgStatement::Refused)).collect())
}

/// What rewrites queries forgets their places, so that the original is asked where it is wrong.
fn located(tokens: Vec<TokenWithSpan>, error: &ParserError) -> QueryError {
    let again = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(NESTING).with_tokens_with_locations(tokens);
    let again = { again }.parse_statements();
    explain::parser(again.err().as_ref().unwrap_or(error))
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
        Statement::Close { cursor: CloseCursor::All } => PgStatement::Nothing("CLOSE CURSOR ALL"),
        Statement::Discard { .. } => PgStatement::DiscardAll,
        Statement::Deallocate { name, .. } if name.value.eq_ignore_ascii_case("all") => PgStatement::Deallocate(None),
        Statement::Deallocate { name, .. } => PgStatement::Deallocate(Some(name.value)),
        other => {
            check::allowed_sql(&other)?;
            let tag = if matches!(other, Statement::Explain { .. }) { "EXPLAIN" } else { "SELECT" };
            PgStatement::Query(PgQuery { statement: Arc::new(other), tag })
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
    use super::*;

    fn parsed(text: &str) -> Result<Vec<PgStatement>, QueryError> {
        parse(text, &PostgresCompatibilityParser::new(), &QueryConfig::default())
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
            ("CLOSE ALL", r#"Nothing("CLOSE CURSOR ALL")"#),
            ("UNLISTEN *", r#"Nothing("UNLISTEN")"#),
            ("SELECT 1;", "SELECT"),
            ("EXPLAIN SELECT 1", "EXPLAIN"),
            ("SHOW TABLES", "SELECT"),
        ] {
            assert_eq!(one(text), meaning, "{text}");
        }
    }

    #[test]
    fn several_statements_are_read_in_order_and_none_is_none() {
        assert_eq!(parsed("BEGIN; SELECT 1; COMMIT;").unwrap().len(), 3);
        for nothing in ["", ";", " -- a comment\n", ";;"] {
            assert!(parsed(nothing).unwrap().is_empty(), "{nothing}");
        }
        let many = "SELECT 1;".repeat(257);
        assert!(matches!(parsed(&many), Err(QueryError::Limit { limit: "postgres.statements", .. })));
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
