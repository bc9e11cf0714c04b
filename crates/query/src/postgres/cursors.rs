//! `DECLARE`, `FETCH`, `MOVE` and `CLOSE`.

use super::statement::{PgQuery, PgStatement};
use super::words::{Source, Words};
use crate::QueryError;

/// A cursor that is to be.
#[derive(Clone, Debug)]
pub struct PgCursor {
    /// What it is called.
    pub name: String,
    /// Whose rows it gives.
    pub query: PgQuery,
    /// Whether it outlives its transaction (`WITH HOLD`).
    pub hold: bool,
    /// Whether its rows are binary in the simple protocol too.
    pub binary: bool,
}

/// Rows that are asked of a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PgFetch {
    /// The cursor's name.
    pub cursor: String,
    /// Which rows.
    pub rows: PgRows,
    /// Whether they are passed over (`MOVE`) instead of given.
    pub skips: bool,
}

/// Which rows of a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PgRows {
    /// The next so many.
    Next(u64),
    /// All that are left.
    All,
    /// Others than the next, which no cursor can give.
    Back,
}

/// After `DECLARE`.
pub(super) fn declare(words: &mut Words, source: &Source<'_>) -> Result<PgStatement, QueryError> {
    let name = words.name()?;
    let (mut binary, mut scroll) = (false, false);
    while let Some(option) = words.take_one(&["BINARY", "ASENSITIVE", "INSENSITIVE", "SCROLL", "NO"]) {
        match option {
            "BINARY" => binary = true,
            "SCROLL" => scroll = true,
            "NO" => words.expect("SCROLL")?,
            // Every query sees one moment of the tables.
            _ => {}
        }
    }
    words.expect("CURSOR")?;
    let hold = words.take_one(&["WITH", "WITHOUT"]);
    if hold.is_some() {
        words.expect("HOLD")?;
    }
    words.expect("FOR")?;
    let query = PgQuery::read(source, &words.rest(), "DECLARE CURSOR")?;
    if scroll {
        return Err(QueryError::NotAllowed("DECLARE with SCROLL".to_owned()));
    }
    Ok(PgStatement::Declare(PgCursor { name, query, hold: hold == Some("WITH"), binary }))
}

/// After `FETCH`, or `MOVE` if it `skips`.
pub(super) fn fetch(words: &mut Words, skips: bool) -> Result<PgStatement, QueryError> {
    let rows = rows(words)?;
    if words.take_one(&["FROM", "IN"]).is_none() && words.is_done() {
        return Err(words.unexpected("the name of a cursor"));
    }
    let cursor = words.name()?;
    words.end()?;
    Ok(PgStatement::Fetch(PgFetch { cursor, rows, skips }))
}

fn rows(words: &mut Words) -> Result<PgRows, QueryError> {
    let forward = |count: i64| u64::try_from(count).ok().filter(|count| *count > 0);
    let some = |count: i64| forward(count).map_or(PgRows::Back, PgRows::Next);
    if let Some(count) = words.number() {
        return Ok(some(count));
    }
    let directions = ["NEXT", "ALL", "FORWARD", "PRIOR", "FIRST", "LAST", "BACKWARD", "ABSOLUTE", "RELATIVE"];
    Ok(match words.take_one(&directions) {
        None | Some("NEXT") => PgRows::Next(1),
        Some("ALL") => PgRows::All,
        Some("FORWARD") => match words.number() {
            Some(count) => some(count),
            None if words.take("ALL") => PgRows::All,
            None => PgRows::Next(1),
        },
        Some("ABSOLUTE" | "RELATIVE") => match words.number() {
            Some(_) => PgRows::Back,
            None => return Err(words.unexpected("a number")),
        },
        Some(_) => {
            let _ = words.number().is_some() || words.take("ALL");
            PgRows::Back
        }
    })
}

/// After `CLOSE`.
pub(super) fn close(words: &mut Words) -> Result<PgStatement, QueryError> {
    let name = if words.take("ALL") { None } else { Some(words.name()?) };
    words.end()?;
    Ok(PgStatement::Close(name))
}
