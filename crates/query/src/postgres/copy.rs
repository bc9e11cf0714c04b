//! `COPY .. TO STDOUT`: all rows of a query or a table as one text.
//! <https://www.postgresql.org/docs/current/sql-copy.html>

use datafusion::sql::sqlparser::tokenizer::Token;

use super::statement::{PgQuery, PgStatement};
use super::words::{Source, Words};
use crate::QueryError;

/// Rows that are to be copied.
#[derive(Clone, Debug)]
pub struct PgCopy {
    /// What gives them.
    pub query: PgQuery,
    /// How they are written.
    pub format: PgCopyFormat,
    /// Whether the names of the columns come first.
    pub header: bool,
}

/// How rows are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PgCopyFormat {
    /// Values between delimiters, with backslashes before what is special.
    Text {
        /// Between values.
        delimiter: char,
        /// What stands for no value.
        null: String,
    },
    /// Values between delimiters, in quotes where they need it.
    Csv {
        /// Between values.
        delimiter: char,
        /// What stands for no value.
        null: String,
        /// Around values.
        quote: char,
        /// Before a quote, or itself, within quotes.
        escape: char,
        /// Which columns are always in quotes.
        forced: PgForced,
    },
    /// PostgreSQL's own.
    Binary,
}

/// Columns whose values are always in quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PgForced {
    /// Every one.
    All,
    /// Those with these names.
    Named(Vec<String>),
}

/// What the options say, each nothing if it is not given.
#[derive(Default)]
struct Options {
    format: Option<String>,
    delimiter: Option<char>,
    null: Option<String>,
    header: Option<bool>,
    quote: Option<char>,
    escape: Option<char>,
    forced: Option<PgForced>,
}

/// After `COPY`.
pub(super) fn copy(words: &mut Words, source: &Source<'_>) -> Result<PgStatement, QueryError> {
    let query = match words.take_sign(&Token::LParen) {
        true => PgQuery::read(source, &words.within_brackets()?, "COPY")?,
        false => of_table(words, source)?,
    };
    words.expect("TO")?;
    if !words.take("STDOUT") {
        // A file or a program of the server.
        return Err(QueryError::NotAllowed("COPY".to_owned()));
    }
    let options = options(words)?;
    words.end()?;
    let header = options.header.unwrap_or(false);
    let format = format(options)?;
    if header && format == PgCopyFormat::Binary {
        return Err(wrong("cannot specify HEADER in BINARY mode"));
    }
    Ok(PgStatement::Copy(PgCopy { query, format, header }))
}

/// `table [(columns)]`, up to what follows.
fn of_table(words: &mut Words, source: &Source<'_>) -> Result<PgQuery, QueryError> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut table = quoted(&words.name()?);
    while words.take_sign(&Token::Period) {
        table = format!("{table}.{}", quoted(&words.name()?));
    }
    let mut columns = Vec::new();
    if words.take_sign(&Token::LParen) {
        columns = names(words)?.iter().map(|name| quoted(name)).collect();
    }
    if words.take("FROM") {
        return Err(QueryError::NotAllowed("COPY FROM".to_owned()));
    }
    let columns = if columns.is_empty() { "*".to_owned() } else { columns.join(", ") };
    PgQuery::of_text(source, &format!("SELECT {columns} FROM {table}"))
}

/// Names up to a closing bracket, which is passed too.
fn names(words: &mut Words) -> Result<Vec<String>, QueryError> {
    let mut names = vec![words.name()?];
    while words.take_sign(&Token::Comma) {
        names.push(words.name()?);
    }
    if words.take_sign(&Token::RParen) { Ok(names) } else { Err(words.unexpected("`,` or `)`")) }
}

fn options(words: &mut Words) -> Result<Options, QueryError> {
    let mut options = Options::default();
    words.take("WITH");
    if !words.take_sign(&Token::LParen) {
        while !words.is_done() {
            older(words, &mut options)?;
        }
        return Ok(options);
    }
    let mut listed = Words::new(&words.within_brackets()?);
    loop {
        option(&mut listed, &mut options)?;
        if !listed.take_sign(&Token::Comma) {
            listed.end()?;
            return Ok(options);
        }
    }
}

/// An option in brackets.
fn option(words: &mut Words, options: &mut Options) -> Result<(), QueryError> {
    const KNOWN: [&str; 8] = ["FORMAT", "DELIMITER", "NULL", "HEADER", "QUOTE", "ESCAPE", "FORCE_QUOTE", "ENCODING"];
    match words.take_one(&KNOWN) {
        Some("FORMAT") => options.format = Some(word(words)?.to_lowercase()),
        Some("DELIMITER") => options.delimiter = Some(character(words)?),
        Some("NULL") => options.null = Some(words.text()?),
        Some("HEADER") => options.header = Some(boolean(words)?),
        Some("QUOTE") => options.quote = Some(character(words)?),
        Some("ESCAPE") => options.escape = Some(character(words)?),
        Some("FORCE_QUOTE") => options.forced = Some(forced(words)?),
        Some(_) => encoding(words)?,
        None => return Err(words.unexpected("an option of COPY TO")),
    }
    Ok(())
}

/// An option as it was written before there were brackets, and as `\copy` still sends it.
fn older(words: &mut Words, options: &mut Options) -> Result<(), QueryError> {
    const KNOWN: [&str; 9] = ["BINARY", "CSV", "HEADER", "DELIMITER", "NULL", "QUOTE", "ESCAPE", "FORCE", "ENCODING"];
    match words.take_one(&KNOWN) {
        Some(format @ ("BINARY" | "CSV")) => options.format = Some(format.to_lowercase()),
        Some("HEADER") => options.header = Some(true),
        Some("DELIMITER") => options.delimiter = Some(character(words)?),
        Some("NULL") => options.null = Some(words.text()?),
        Some("QUOTE") => options.quote = Some(character(words)?),
        Some("ESCAPE") => options.escape = Some(character(words)?),
        Some("FORCE") => {
            words.expect("QUOTE")?;
            options.forced = Some(forced(words)?);
        }
        Some(_) => encoding(words)?,
        None => return Err(words.unexpected("an option of COPY TO")),
    }
    Ok(())
}

fn word(words: &mut Words) -> Result<String, QueryError> {
    words.text().or_else(|_| words.name())
}

fn boolean(words: &mut Words) -> Result<bool, QueryError> {
    if let Some(number) = words.number() {
        return Ok(number != 0);
    }
    match word(words) {
        Err(_) => Ok(true),
        Ok(text) => match text.to_lowercase().as_str() {
            "true" | "on" => Ok(true),
            "false" | "off" => Ok(false),
            _ => Err(wrong("header requires a Boolean value")),
        },
    }
}

/// `*`, or names in brackets or not.
fn forced(words: &mut Words) -> Result<PgForced, QueryError> {
    if words.take_sign(&Token::Mul) {
        return Ok(PgForced::All);
    }
    if words.take_sign(&Token::LParen) {
        return Ok(PgForced::Named(names(words)?));
    }
    let mut names = vec![words.name()?];
    while words.take_sign(&Token::Comma) {
        names.push(words.name()?);
    }
    Ok(PgForced::Named(names))
}

fn character(words: &mut Words) -> Result<char, QueryError> {
    let text = words.text()?;
    let mut all = text.chars();
    match (all.next(), all.next()) {
        (Some(one), None) if one.is_ascii() && !matches!(one, '\n' | '\r') => Ok(one),
        _ => Err(wrong("a delimiter, quote or escape of COPY must be a single one-byte character")),
    }
}

fn encoding(words: &mut Words) -> Result<(), QueryError> {
    let encoding = word(words)?;
    let plain: String = encoding.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    if plain == "utf8" { Ok(()) } else { Err(wrong("the encoding of COPY is UTF8")) }
}

fn format(options: Options) -> Result<PgCopyFormat, QueryError> {
    let Options { format, delimiter, null, quote, escape, forced, .. } = options;
    let is_csv = format.as_deref() == Some("csv");
    if !is_csv && (quote.is_some() || escape.is_some() || forced.is_some()) {
        return Err(wrong("QUOTE, ESCAPE and FORCE_QUOTE are of COPY in CSV mode"));
    }
    let special = |text: &str| text.contains(['\n', '\r']);
    if null.as_deref().is_some_and(special) {
        return Err(wrong("COPY null representation cannot use newline or carriage return"));
    }
    match format.as_deref() {
        None | Some("text") => {
            let delimiter = delimiter.unwrap_or('\t');
            // As PostgreSQL, which reads these after a backslash.
            if delimiter.is_ascii_lowercase() || delimiter.is_ascii_digit() || matches!(delimiter, '\\' | '.') {
                return Err(wrong(&format!("COPY delimiter cannot be \"{delimiter}\"")));
            }
            Ok(PgCopyFormat::Text { delimiter, null: null.unwrap_or_else(|| "\\N".to_owned()) })
        }
        Some("csv") => {
            let (delimiter, quote) = (delimiter.unwrap_or(','), quote.unwrap_or('"'));
            if delimiter == quote {
                return Err(wrong("COPY delimiter and quote must be different"));
            }
            let forced = forced.unwrap_or_else(|| PgForced::Named(Vec::new()));
            let (null, escape) = (null.unwrap_or_default(), escape.unwrap_or(quote));
            Ok(PgCopyFormat::Csv { delimiter, null, quote, escape, forced })
        }
        Some("binary") if delimiter.is_none() && null.is_none() => Ok(PgCopyFormat::Binary),
        Some("binary") => Err(wrong("cannot specify DELIMITER or NULL in BINARY mode")),
        Some(other) => Err(wrong(&format!("COPY format \"{other}\" not recognized"))),
    }
}

fn wrong(message: &str) -> QueryError {
    QueryError::Syntax { message: message.to_owned(), position: None }
}
