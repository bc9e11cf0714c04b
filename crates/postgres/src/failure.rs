//! Why a client's statement has no answer, with the SQLSTATE by which drivers know what to do.
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>

use base::Exceeded;
use query::{Missing, Position, QueryError};

/// An error as a client is told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its SQLSTATE.
    pub code: &'static str,
    /// What a person reads.
    pub message: String,
    /// The character of the statement's text that it is about, from 1.
    pub position: Option<usize>,
    /// Whether the connection ends with it.
    pub fatal: bool,
}

impl Failure {
    /// One that ends the statement.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), position: None, fatal: false }
    }

    /// One that ends the connection.
    pub fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self { fatal: true, ..Self::new(code, message) }
    }

    /// The wire was broken in that way.
    pub fn protocol(message: impl Into<String>) -> Self {
        Self::fatal("08P01", message)
    }

    /// Somebody cancelled the statement.
    pub fn cancelled() -> Self {
        Self::new("57014", "canceling statement due to user request")
    }

    /// The word for how bad it is.
    pub const fn severity(&self) -> &'static str {
        if self.fatal { "FATAL" } else { "ERROR" }
    }

    /// What `error` means, of a statement whose text is `text`.
    pub fn of(error: &QueryError, text: &str) -> Self {
        let position = error.position().map(|position| character(text, position));
        Self { position, ..Self::new(code(error), error.to_string()) }
    }
}

impl From<Exceeded> for Failure {
    fn from(exceeded: Exceeded) -> Self {
        Self::new("54000", exceeded.to_string())
    }
}

fn code(error: &QueryError) -> &'static str {
    match error {
        QueryError::Syntax { .. } => "42601",
        QueryError::Invalid { .. } => match error.missing() {
            Some(Missing::Table) => "42P01",
            Some(Missing::Column) => "42703",
            Some(Missing::Function) => "42883",
            None => "42000",
        },
        QueryError::NotAllowed(what) => refused(what),
        QueryError::Denied(_) => "42501",
        QueryError::Limit { limit: "memory_bytes", .. } => "53200",
        QueryError::Limit { limit: "nesting", .. } => "54001",
        QueryError::Limit { .. } => "54000",
        QueryError::Data(message) => data(message),
        QueryError::Timeout { .. } => "57014",
        QueryError::Busy { .. } => "53400",
        QueryError::Unavailable(_) => "58030",
        QueryError::Internal(_) => "XX000",
    }
}

/// What is no reading is refused as in a read-only transaction; what PostgreSQL would allow there is
/// not supported.
fn refused(what: &str) -> &'static str {
    const UNSUPPORTED: &[&str] =
        &["PREPARE", "EXECUTE", "DECLARE", "FETCH", "LISTEN", "NOTIFY", "CLOSE", "COPY", "SET"];
    let word = what.split_whitespace().next().unwrap_or_default();
    if what == "COPY FROM" {
        return "25006";
    }
    if UNSUPPORTED.contains(&word) { "0A000" } else { "25006" }
}

/// By the words of Arrow and DataFusion, which have no kinds for these.
fn data(message: &str) -> &'static str {
    let message = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&["divide by zero", "division by zero"]) {
        "22012"
    } else if has(&["overflow", "out of range"]) {
        "22003"
    } else if has(&["unrecognized configuration parameter"]) {
        "42704"
    } else if has(&["timestamp", "date"]) && has(&["parsing", "parse"]) {
        "22007"
    } else if has(&["cast", "parse", "parsing", "invalid"]) {
        "22P02"
    } else {
        "22000"
    }
}

/// The place as PostgreSQL counts it: characters from the beginning of the text.
fn character(text: &str, place: Position) -> usize {
    let before: usize =
        text.split('\n').take(place.line.saturating_sub(1) as usize).map(|line| line.chars().count() + 1).sum();
    (before + place.column.max(1) as usize).min(text.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_codes_that_drivers_react_to() {
        let invalid = |message: &str| QueryError::Invalid { message: message.to_owned(), position: None };
        for (error, expected) in [
            (invalid("there is no table `x`; did you mean `y`?"), "42P01"),
            (invalid("there is no column `x`"), "42703"),
            (invalid("Invalid function 'nope'"), "42883"),
            (QueryError::NotAllowed("INSERT INTO".to_owned()), "25006"),
            (QueryError::NotAllowed("DECLARE with SCROLL".to_owned()), "0A000"),
            (QueryError::NotAllowed("COPY".to_owned()), "0A000"),
            (QueryError::NotAllowed("COPY FROM".to_owned()), "25006"),
            (QueryError::Limit { limit: "memory_bytes", message: String::new() }, "53200"),
            (QueryError::Limit { limit: "max_rows", message: String::new() }, "54000"),
            (QueryError::Data("Divide by zero error".to_owned()), "22012"),
            (QueryError::Data("Cannot cast string 'x' to value of Int64 type".to_owned()), "22P02"),
            (QueryError::Data("Parser error: Error parsing timestamp from 'x'".to_owned()), "22007"),
            (QueryError::Timeout { limit: std::time::Duration::from_secs(1) }, "57014"),
        ] {
            assert_eq!(code(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn a_place_is_a_character_of_the_text() {
        assert_eq!(character("SELECT é\nFORM x", Position { line: 2, column: 1 }), 10);
        assert_eq!(character("SELECT x", Position { line: 1, column: 8 }), 8);
        assert_eq!(character("", Position { line: 9, column: 0 }), 1);
    }
}
