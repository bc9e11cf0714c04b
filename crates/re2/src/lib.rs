//! Regular expressions in RE2's syntax as Go reads it, which Prometheus, Loki and Alertmanager take, through a library that reads
//! them a little differently. Expressions are hostile: each has a length, a depth and a size, and those of one query have room
//! together.

mod alternatives;
mod class;
mod escape;
mod literals;
mod syntax;
mod translate;

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;

use alternatives::{alternatives, size};
pub use literals::literals;

/// An expression may be so long, in bytes.
const MAX_LENGTH: usize = 64 << 10;
/// The compiled form of one may take so much memory, in bytes.
const MAX_SIZE: usize = 8 << 20;
/// What the expressions of one query may take together when they are compiled, in bytes.
const MAX_ROOM: usize = 32 << 20;
/// Groups in one may be nested so deep.
const MAX_DEPTH: u32 = 200;
/// What one is given at first when it is compiled, in bytes; four times as much each time that this is too little.
const LEAST_SIZE: usize = 16 << 10;

/// Why an expression is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is too long.
    #[error("expression is longer than {limit} bytes")]
    TooLong {
        /// How long it may be.
        limit: usize,
    },
    /// It is too large when it is compiled.
    #[error("expression needs more than {limit} bytes when compiled")]
    TooLarge {
        /// How large it may be.
        limit: usize,
    },
    /// It and those before it are too large together.
    #[error("the expressions of a query need more than {limit} bytes together")]
    NoRoom {
        /// What they may take.
        limit: usize,
    },
    /// Go does not know its syntax.
    #[error("{0}")]
    Syntax(String),
}

/// Room for compiled expressions, those of one query for example: each may be large, but not all of thousands.
#[derive(Debug)]
pub struct Room {
    each: usize,
    most: usize,
    left: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self::new(MAX_SIZE, MAX_ROOM)
    }
}

impl Room {
    /// Room for expressions that take `each` bytes at most when they are compiled, and `most` together.
    pub const fn new(each: usize, most: usize) -> Self {
        Self { each, most, left: most }
    }

    /// Compiles an expression that has to match the whole text; a dot matches a line feed too.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn whole(&mut self, pattern: &str) -> Result<Regex, Error> {
        self.compile(pattern, |translated| format!("^(?s:{translated})$"))
    }

    /// Compiles an expression that may match anywhere.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn anywhere(&mut self, pattern: &str) -> Result<Regex, Error> {
        self.compile(pattern, str::to_owned)
    }

    /// The texts that an expression matches as a whole, in order, if these are few: those of `a|b[0-2]` are four. Nothing is
    /// said of others. They take room as a compiled form would.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn alternatives(&mut self, pattern: &str) -> Result<Option<Vec<String>>, Error> {
        let Some(texts) = alternatives(pattern)? else { return Ok(None) };
        self.left = self.left.checked_sub(size(&texts).max(LEAST_SIZE)).ok_or(Error::NoRoom { limit: self.most })?;
        Ok(Some(texts))
    }

    fn compile(&mut self, pattern: &str, form: impl Fn(&str) -> String) -> Result<Regex, Error> {
        let translated = translate::translated(pattern)?;
        // Alone first: a bracket too many could close ours.
        parsed(&translated)?;
        let (text, mut size) = (form(&translated), LEAST_SIZE.min(self.each));
        loop {
            if size > self.left {
                return Err(Error::NoRoom { limit: self.most });
            }
            match RegexBuilder::new(&text).size_limit(size).nest_limit(MAX_DEPTH + 1).build() {
                Err(regex::Error::CompiledTooBig(_)) if size < self.each => size = (4 * size).min(self.each),
                Err(regex::Error::CompiledTooBig(limit)) => return Err(Error::TooLarge { limit }),
                Err(error) => return Err(syntax(&error.to_string())),
                Ok(regex) => {
                    self.left -= size;
                    return Ok(regex);
                }
            }
        }
    }
}

/// Compiles an expression that has to match the whole text; a dot matches a line feed too.
///
/// # Errors
/// See [`Error`].
pub fn whole(pattern: &str) -> Result<Regex, Error> {
    Room::default().whole(pattern)
}

/// Compiles an expression that may match anywhere.
///
/// # Errors
/// See [`Error`].
pub fn anywhere(pattern: &str) -> Result<Regex, Error> {
    Room::default().anywhere(pattern)
}

/// What a translated expression means.
fn parsed(translated: &str) -> Result<Hir, Error> {
    let mut parser = ParserBuilder::new().nest_limit(MAX_DEPTH).build();
    parser.parse(translated).map_err(|error| syntax(&error.to_string()))
}

/// The last line of what the library says; those before draw the expression.
fn syntax(said: &str) -> Error {
    Error::Syntax(said.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
}

#[cfg(test)]
mod tests;
