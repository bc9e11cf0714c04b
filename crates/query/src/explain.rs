//! From what DataFusion says to what a person can act on.

use std::error::Error;

use arrow::error::ArrowError;
use base::Exceeded;
use datafusion::common::utils::datafusion_strsim::levenshtein;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use store::StoreError;

use crate::config::NESTING;
use crate::error::{NO_COLUMN, NO_TABLE};
use crate::{Position, QueryConfig, QueryError};

/// A syntax error from the parser's text, which may end in ` at Line: 2, Column: 6`.
pub fn syntax(text: &str) -> QueryError {
    let (message, position) = split_position(text);
    QueryError::Syntax { message, position }
}

/// What `error` means to whoever asked; `tables` are the names that exist.
pub fn error(error: &DataFusionError, config: &QueryConfig, tables: &[String]) -> QueryError {
    use DataFusionError as E;
    let again = |inner: &DataFusionError| self::error(inner, config, tables);
    match error {
        E::Context(_, inner) => again(inner),
        E::Shared(inner) => again(inner),
        E::Diagnostic(diagnostic, inner) => {
            let place = diagnostic.span.map(|span| Position { line: span.start.line, column: span.start.column });
            placed(again(inner), place.filter(|place| place.line > 0))
        }
        E::Collection(errors) => errors.first().map_or_else(|| internal("no error"), again),
        E::SQL(error, _) => parser(error),
        E::SchemaError(error, _) => invalid(schema(error)),
        E::Plan(text) => invalid(signatures(text).unwrap_or_else(|| table_hint(text, tables))),
        E::NotImplemented(text) | E::Configuration(text) => invalid(format!("not supported: {}", first_line(text))),
        E::Execution(text) => QueryError::Data(first_line(text)),
        E::ResourcesExhausted(text) => memory(text, config),
        E::External(inner) => external(inner.as_ref()),
        E::ArrowError(inner, _) => arrow(inner, config, tables),
        E::ParquetError(inner) => QueryError::Unavailable(inner.to_string()),
        E::ObjectStore(inner) => QueryError::Unavailable(inner.to_string()),
        E::IoError(inner) => QueryError::Unavailable(inner.to_string()),
        other => internal(&other.strip_backtrace()),
    }
}

/// The refusal of what is nested too deep.
pub fn too_deep(what: &str, max: usize) -> QueryError {
    metrics::counter!("steadfast_limit_exceeded_total", "limit" => "nesting").increment(1);
    QueryError::Limit { limit: "nesting", message: format!("{what} deeper than the limit nesting = {max}") }
}

/// What the parser could not read.
pub fn parser(error: &ParserError) -> QueryError {
    match error {
        ParserError::RecursionLimitExceeded => too_deep("the query nests", NESTING),
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => syntax(text),
    }
}

fn split_position(text: &str) -> (String, Option<Position>) {
    let text = text.strip_prefix("sql parser error: ").unwrap_or(text);
    let found = text.rsplit_once(" at Line: ").and_then(|(message, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        let position = Position { line: line.parse().ok()?, column: column.trim().parse().ok()? };
        Some((message.to_owned(), (position.line > 0).then_some(position)))
    });
    found.unwrap_or_else(|| (text.to_owned(), None))
}

fn placed(error: QueryError, place: Option<Position>) -> QueryError {
    match error {
        QueryError::Invalid { message, position } => QueryError::Invalid { message, position: position.or(place) },
        QueryError::Syntax { message, position } => QueryError::Syntax { message, position: position.or(place) },
        other => other,
    }
}

const fn invalid(message: String) -> QueryError {
    QueryError::Invalid { message, position: None }
}

fn internal(text: &str) -> QueryError {
    QueryError::Internal(first_line(text))
}

fn schema(error: &SchemaError) -> String {
    let SchemaError::FieldNotFound { field, valid_fields } = error else { return error.to_string() };
    let names: Vec<&str> = valid_fields.iter().map(Column::name).collect();
    match nearest(&field.name, &names) {
        Some(near) => format!("{NO_COLUMN} `{}`; did you mean `{near}`?", field.name),
        None if names.is_empty() => format!("{NO_COLUMN} `{}`", field.name),
        None => format!("{NO_COLUMN} `{}`; there are {}", field.name, listed(&names)),
    }
}

fn table_hint(text: &str, tables: &[String]) -> String {
    let named = text.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found"));
    let Some(name) = named else { return first_line(text) };
    let name = name.rsplit('.').next().unwrap_or(name);
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    match nearest(name, &tables) {
        Some(near) => format!("{NO_TABLE} `{name}`; did you mean `{near}`?"),
        None => format!("{NO_TABLE} `{name}`; there are {}", listed(&tables)),
    }
}

/// Which types a function takes, where it is given others: DataFusion says before that what it tried, as an internal error.
fn signatures(text: &str) -> Option<String> {
    let (_, tried) = text.split_once("Internal error: Function '")?;
    let (_, rest) = tried.split_once("No function matches the given name and argument types '")?;
    let (call, rest) = rest.split_once('\'')?;
    let (_, candidates) = rest.split_once("Candidate functions:")?;
    let candidates: Vec<&str> = candidates.lines().skip(1).map(str::trim).take_while(|line| !line.is_empty()).collect();
    Some(format!("there is no `{call}`; there are {}", listed(&candidates)))
}

/// Says how texts are written, where one in double quotes was taken for a column.
pub fn quoted(error: QueryError, text: &str) -> QueryError {
    match error {
        QueryError::Invalid { message, position: Some(place) }
            if message.starts_with(NO_COLUMN) && sign(text, place) == Some('"') =>
        {
            let message = format!("{message}; a text is written in single quotes");
            QueryError::Invalid { message, position: Some(place) }
        }
        other => other,
    }
}

/// The sign of `text` at a place.
fn sign(text: &str, place: Position) -> Option<char> {
    let before = |number: u64| usize::try_from(number).ok()?.checked_sub(1);
    text.split('\n').nth(before(place.line)?)?.chars().nth(before(place.column)?)
}

fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > SHOWN { " and more" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// The name that differs from `name` in the fewest letters, if that is about a third of them.
pub fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let (distance, near) = names.iter().map(|near| (levenshtein(&lower, near), *near)).min()?;
    (distance <= name.chars().count().div_ceil(3)).then_some(near)
}

fn memory(text: &str, config: &QueryConfig) -> QueryError {
    metrics::counter!("steadfast_limit_exceeded_total", "limit" => "memory_bytes").increment(1);
    let what = text.lines().next().unwrap_or_default();
    let message = format!("the query needs more than the limit memory_bytes = {}: {what}", config.memory_bytes);
    QueryError::Limit { limit: "memory_bytes", message }
}

fn external(error: &(dyn Error + Send + Sync + 'static)) -> QueryError {
    if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
        return exceeded.clone().into();
    }
    if let Some(error) = error.downcast_ref::<QueryError>() {
        return error.clone();
    }
    match error.downcast_ref::<StoreError>() {
        Some(error) => QueryError::Unavailable(error.to_string()),
        None => internal(&error.to_string()),
    }
}

fn arrow(error: &ArrowError, config: &QueryConfig, tables: &[String]) -> QueryError {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => self::error(inner, config, tables),
            None => external(inner.as_ref()),
        },
        other => QueryError::Data(first_line(&other.to_string())),
    }
}

/// The first line only: what follows is a back trace or advice to report a bug of DataFusion.
fn first_line(text: &str) -> String {
    const LONGEST: usize = 600;
    let text = text.split("\n\nbacktrace").next().unwrap_or_default();
    let text = text.split(".\nThis issue was likely caused").next().unwrap_or_default().trim_end();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}
