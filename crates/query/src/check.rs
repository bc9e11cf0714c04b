use base::Limit;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::config::NESTING;
use crate::{QueryConfig, QueryError, chain, explain, parameters, zones};

/// Operators in a row before the plan is made; what is left is bounded again by `depth`.
const MAX_CHAIN: usize = 250;

/// Reads the one statement of `text`, if it only reads.
pub fn parse(text: &str, config: &QueryConfig) -> Result<Statement, QueryError> {
    Limit::new("max_sql_bytes", config.max_sql_bytes).check(text.len() as u64)?;
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize_with_location();
    let mut tokens = tokens.map_err(|error| explain::syntax(&error.to_string()))?;
    parameters::numbered(&mut tokens);
    self::tokens(&tokens, config)?;
    let mut statements = DFParserBuilder::new(tokens)
        .with_dialect(&dialect)
        .with_recursion_limit(NESTING)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| explain::error(&error, config, &[]))?;
    match (statements.pop_front(), statements.len()) {
        (Some(mut statement), 0) => {
            allowed(&statement)?;
            zones::statement(&mut statement);
            Ok(statement)
        }
        (Some(_), more) => Err(QueryError::NotAllowed(format!("a text of {} statements", more + 1))),
        (None, _) => Err(explain::syntax("the query is empty")),
    }
}

/// Refuses what no tree could be made of within the limits.
pub fn tokens(tokens: &[TokenWithSpan], config: &QueryConfig) -> Result<(), QueryError> {
    if chain::depth(tokens.iter().map(|token| &token.token)) > MAX_CHAIN {
        return Err(explain::too_deep("an expression (of a list of alternatives, write IN) is", MAX_CHAIN));
    }
    let terms = tokens.iter().filter(|token| is_term(&token.token)).count();
    Limit::new("max_sql_terms", config.max_sql_terms).check(terms as u64)?;
    Ok(())
}

fn is_term(token: &Token) -> bool {
    match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword && word.quote_style.is_none(),
        Token::EOF
        | Token::Whitespace(_)
        | Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::RParen
        | Token::RBracket
        | Token::RBrace
        | Token::LParen => false,
        token => !is_literal(token),
    }
}

fn is_literal(token: &Token) -> bool {
    matches!(
        token,
        Token::Number(..)
            | Token::Char(_)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
    )
}

fn allowed(statement: &Statement) -> Result<(), QueryError> {
    let refused = |what: &str| Err(QueryError::NotAllowed(what.to_owned()));
    match statement {
        Statement::Statement(statement) => allowed_sql(statement),
        Statement::Explain(explained) => allowed(&explained.statement),
        Statement::CreateExternalTable(_) => refused("CREATE EXTERNAL TABLE"),
        Statement::CopyTo(_) => refused("COPY"),
        Statement::Reset(_) => refused("RESET"),
    }
}

/// Lets a statement through that only reads.
pub fn allowed_sql(statement: &SqlStatement) -> Result<(), QueryError> {
    match statement {
        SqlStatement::Query(_)
        | SqlStatement::ShowTables { .. }
        | SqlStatement::ShowColumns { .. }
        | SqlStatement::ExplainTable { .. } => Ok(()),
        SqlStatement::Explain { statement, .. } => allowed_sql(statement),
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            Err(QueryError::NotAllowed(first_words(&words)))
        }
    }
}

/// `CREATE TABLE`, `SET`, `INSERT INTO`: the words of a statement that say what it is.
fn first_words(words: &[&str]) -> String {
    let known = |word: &&&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
    words.iter().take_while(known).copied().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), QueryError> {
        parse(text, &QueryConfig::default()).map(|_| ())
    }

    #[test]
    fn what_reads_is_allowed() {
        let texts =
            ["SELECT 1", "select 1;", "WITH a AS (SELECT 1) SELECT * FROM a", "SHOW TABLES", "EXPLAIN SELECT 1"];
        for text in texts.into_iter().chain(["DESCRIBE resources", "VALUES (1)", "SHOW COLUMNS FROM x"]) {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_changes_something_is_refused_by_its_name() {
        for (text, name) in [
            ("CREATE TABLE a AS SELECT 1", "CREATE TABLE"),
            ("INSERT INTO resources VALUES (1)", "INSERT INTO"),
            ("UPDATE resources SET kind = 'x'", "UPDATE"),
            ("DELETE FROM resources", "DELETE FROM"),
            ("DROP TABLE resources", "DROP TABLE"),
            ("SET datafusion.execution.batch_size = 1", "SET"),
            ("COPY resources TO '/tmp/x.csv'", "COPY"),
            ("EXPLAIN COPY resources TO '/tmp/x.csv'", "COPY"),
            ("CREATE EXTERNAL TABLE a STORED AS CSV LOCATION '/etc/passwd'", "CREATE EXTERNAL TABLE"),
            ("EXPLAIN ANALYZE DELETE FROM resources", "DELETE FROM"),
            ("PREPARE a AS SELECT 1", "PREPARE"),
            ("SELECT 1; DROP TABLE resources", "a text of 2 statements"),
        ] {
            assert_eq!(check(text), Err(QueryError::NotAllowed(name.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        let Err(QueryError::Syntax { message, position: Some(position) }) = check("SELECT *\nFORM resources") else {
            panic!("no syntax error");
        };
        assert_eq!((position.line, position.column), (2, 1), "{message}");
        assert!(!message.contains("Line"), "{message}");
        assert!(matches!(check("SELECT 'open"), Err(QueryError::Syntax { position: Some(_), .. })));
        assert!(matches!(check(" -- nothing"), Err(QueryError::Syntax { .. })));
    }

    #[test]
    fn long_chains_and_deep_nesting_are_refused() {
        let chain = format!("SELECT 1{}", "+1".repeat(100_000));
        assert!(matches!(check(&chain), Err(QueryError::Limit { limit: "nesting", .. })));
        let unions = vec!["SELECT 1"; 3_000].join(" UNION ALL ");
        assert!(matches!(check(&unions), Err(QueryError::Limit { limit: "max_sql_terms", .. })));
        let deep = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(matches!(check(&deep), Err(QueryError::Limit { limit: "nesting", .. })));
        let long = format!("SELECT '{}'", "x".repeat(1 << 20));
        assert!(matches!(check(&long), Err(QueryError::Limit { limit: "max_sql_bytes", .. })));
        let list = format!("SELECT 1 IN ({}1)", "1,".repeat(50_000));
        assert_eq!(check(&list), Ok(()));
    }
}
