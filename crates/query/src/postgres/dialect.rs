//! PostgreSQL's SQL, as DataFusion can plan it.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_pg_catalog::sql::rules::{
    AliasDuplicatedProjectionRewrite, CurrentUserVariableToSessionUserFunctionCall, FixArrayLiteral,
    ResolveUnqualifiedIdentifier, RewriteArrayAnyAllOperation, RewritePgCatalogOperator, SqlStatementRewriteRule,
    StripCallableQualifier, StripCollate,
};

use super::rewrite;

/// Words by which a statement is one about the catalog, beside those that begin with `pg_`.
const OF_CATALOG: &[&str] = &["information_schema", "regclass", "regtype", "regproc", "regnamespace"];

/// Reads statements.
#[derive(Debug)]
pub(super) struct Dialect {
    /// For statements about the catalog. It takes subqueries out of what is selected, and answers some queries of clients
    /// with nothing, so that they can be planned at all: nobody who asks for data may be answered like that.
    catalog: PostgresCompatibilityParser,
    rules: Vec<Arc<dyn SqlStatementRewriteRule>>,
}

impl Dialect {
    pub fn new() -> Self {
        let rules: Vec<Arc<dyn SqlStatementRewriteRule>> = vec![
            Arc::new(AliasDuplicatedProjectionRewrite),
            Arc::new(ResolveUnqualifiedIdentifier),
            Arc::new(RewriteArrayAnyAllOperation),
            Arc::new(StripCallableQualifier),
            Arc::new(FixArrayLiteral),
            Arc::new(CurrentUserVariableToSessionUserFunctionCall),
            Arc::new(StripCollate),
            Arc::new(RewritePgCatalogOperator),
        ];
        Self { catalog: PostgresCompatibilityParser::new(), rules }
    }

    /// The statements of `text`.
    pub fn parse(&self, text: &str) -> Result<Vec<Statement>, ParserError> {
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize()?;
        let of_catalog = tokens.iter().any(is_of_catalog);
        let mut statements =
            if of_catalog { self.catalog.parse(&with_named_procedures(text))? } else { self.plain(tokens)? };
        statements.iter_mut().for_each(|statement| rewrite::statement(statement, of_catalog));
        Ok(statements)
    }

    fn plain(&self, tokens: Vec<Token>) -> Result<Vec<Statement>, ParserError> {
        let known = |token| match token {
            Token::Word(word) if word.keyword == Keyword::ABORT => Token::make_keyword("ROLLBACK"),
            other => other,
        };
        let parser = Parser::new(&PostgreSqlDialect {}).with_tokens(tokens.into_iter().map(known).collect());
        let statements = { parser }.parse_statements()?;
        let ruled = |statement| self.rules.iter().fold(statement, |statement, rule| rule.rewrite(statement));
        Ok(statements.into_iter().map(ruled).collect())
    }
}

fn is_of_catalog(token: &Token) -> bool {
    let Token::Word(word) = token else { return false };
    let name = word.value.to_ascii_lowercase();
    name.starts_with("pg_") || OF_CATALOG.contains(&name.as_str())
}

/// `'array_in'` for `'pg_catalog.array_in'::regproc`: the catalog has names where PostgreSQL has numbers of functions.
fn with_named_procedures(text: &str) -> Cow<'_, str> {
    const CASTS: [&str; 2] = ["'::regproc", "'::pg_catalog.regproc"];
    let mut out = Cow::Borrowed(text);
    for cast in CASTS {
        while let Some((begin, end)) = named_procedure(&out, cast) {
            let Some(name) = out.get(begin + 1..end) else { break };
            let bare = format!("'{}'", name.strip_prefix("pg_catalog.").unwrap_or(name));
            out.to_mut().replace_range(begin..end + cast.len(), &bare);
        }
    }
    out
}

/// Where the quotes are around the first name that is cast like that.
fn named_procedure(text: &str, cast: &str) -> Option<(usize, usize)> {
    let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.');
    text.match_indices(cast).find_map(|(end, _)| {
        let before = text.get(..end)?;
        let begin = before.rfind('\'')?;
        let name = before.get(begin + 1..)?;
        let after = text.get(end + cast.len()..)?.chars().next();
        let whole = !name.is_empty() && name.chars().all(is_name) && !after.is_some_and(is_name);
        let quoted = text.get(..begin)?.ends_with(['\'', '\\']);
        (whole && !quoted).then_some((begin, end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let statements = Dialect::new().parse(text).unwrap();
        statements.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_is_asked_of_data_is_asked_as_it_is() {
        for (text, expected) in [
            ("SELECT a, (SELECT max(b) FROM t WHERE t.c = s.c) FROM s", None),
            ("SELECT (SELECT max(b) FROM t WHERE b < $1) AS n", None),
            ("SELECT (SELECT b FROM t) FROM s", None),
            ("ABORT", Some("ROLLBACK")),
            ("SELECT labels ->> 'mode'", Some("SELECT labels['mode']")),
            ("SELECT labels -> 'a' ->> 'b'", Some("SELECT labels['a']['b']")),
            ("SELECT (a).b", Some("SELECT (a).'b'")),
            ("SELECT s.labels['mode'], (s.a).b[1]", Some("SELECT s.labels['mode'], (s.a).'b'[1]")),
            ("SELECT ts AT TIME ZONE 'a/b'", Some("SELECT ts AT TIME ZONE 'UTC' AT TIME ZONE 'a/b'")),
            (
                "SELECT ts AT TIME ZONE 'UTC' AT TIME ZONE 'a/b'",
                Some("SELECT ts AT TIME ZONE 'UTC' AT TIME ZONE 'UTC' AT TIME ZONE 'a/b'"),
            ),
            ("SELECT x::TIMESTAMP AT TIME ZONE 'a/b'", None),
            ("SELECT TIMESTAMP '2026-11-25 10:00:00' AT TIME ZONE 'a/b'", None),
            (
                "SELECT (ts AT TIME ZONE 'a/b')::TIMESTAMP AT TIME ZONE 'a/b'",
                Some("SELECT to_local_time((ts AT TIME ZONE 'UTC' AT TIME ZONE 'a/b'))::TIMESTAMP AT TIME ZONE 'a/b'"),
            ),
            ("SELECT (x::TIMESTAMP AT TIME ZONE 'a/b')::TIMESTAMP", None),
            (
                "SELECT DISTINCT lower(a) AS m FROM t ORDER BY lower(a) DESC",
                Some("SELECT DISTINCT lower(a) AS m FROM t ORDER BY 1 DESC"),
            ),
            ("SELECT DISTINCT a AS b, b AS a FROM t ORDER BY a, b", None),
            ("SELECT DISTINCT *, lower(a) FROM t ORDER BY lower(a)", None),
            ("SELECT lower(a) FROM t ORDER BY lower(a)", None),
            ("SELECT 'x'::uuid, $1::jsonb", Some("SELECT 'x'::TEXT, $1::TEXT")),
            ("SELECT clock_timestamp()", Some("SELECT now()")),
            ("SELECT to_char(ts, 'YYYY-MM-DD HH24:MI')", Some("SELECT to_char(ts, '%Y-%m-%d %H:%M')")),
            ("SELECT to_char(ts, '%Y')", None),
        ] {
            assert_eq!(read(text), expected.unwrap_or(text));
        }
    }

    #[test]
    fn what_is_asked_of_the_catalog_is_made_to_fit() {
        for (text, part) in [
            ("SELECT typinput='pg_catalog.array_in'::regproc FROM pg_type", "typinput = 'array_in' FROM"),
            ("SELECT 'a''b''::regproc' FROM pg_type", "'a''b''::regproc'"),
            (
                "SELECT (information_schema._pg_expandarray(conkey)).n FROM pg_constraint",
                "(unnest(_pg_expandarray(conkey))).'n'",
            ),
            (
                "SELECT 1 FROM pg_type t WHERE (SELECT c.relkind = 'c' FROM pg_class c WHERE c.oid = t.typrelid)",
                "WHERE (SELECT first_value(c.relkind = 'c') FROM",
            ),
            ("SELECT 1 FROM pg_type WHERE oid = (SELECT max(oid) FROM pg_type)", "(SELECT max(oid) FROM"),
        ] {
            let seen = read(text);
            assert!(seen.contains(part), "{seen}");
        }
    }
}
