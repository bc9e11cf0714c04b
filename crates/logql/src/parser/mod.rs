//! From a query's text to its tree, and back.

mod check;
mod error;
mod filters;
mod lexer;
mod logs;
mod metrics;
mod stages;
mod token;

pub use error::ParseError;
pub use lexer::MAX_QUERY;

use re2::Room;

use crate::ast::{Expr, LogExpr};
use lexer::{Spanned, tokens};
use token::Token;

use crate::matcher::Matcher;

/// Parentheses, functions and right sides of operators may be nested so deep.
pub const MAX_DEPTH: usize = 40;
/// A query may have so many operators between expressions or conditions. A chain of them is a tree that
/// is as deep as the chain is long.
pub const MAX_OPERATORS: usize = 300;

type Parse<T> = Result<T, ParseError>;

/// Reads a query.
///
/// # Errors
/// In Loki's words, with the place; what is wrong with an expression as a whole has none. Where Loki
/// gives line 0, since its scanner forgets it behind some words, the line is given here.
pub fn parse(query: &str) -> Result<Expr, ParseError> {
    let (tokens, mistake) = tokens(query);
    let mut parser = Parser { query, tokens, at: 0, depth: 0, operators: 0, room: Room::default() };
    match parser.query() {
        Ok(expr) if mistake.is_none() => Ok(expr),
        Ok(_) => Err(mistake.unwrap_or_else(|| ParseError::whole("syntax error"))),
        // The scanner's mistake is where the parser stopped, or it stopped before.
        Err(error) => Err(match mistake {
            Some(mistake) if parser.at + 1 >= parser.tokens.len() => mistake,
            _ => error,
        }),
    }
}

/// Reads a query for lines.
///
/// # Errors
/// As [`parse`], and for a query for numbers.
pub fn parse_logs(query: &str) -> Result<LogExpr, ParseError> {
    match parse(query)? {
        Expr::Logs(logs) => Ok(logs),
        Expr::Metric(_) => Err(ParseError::whole("only log selector is supported")),
    }
}

/// Reads a selector of streams and nothing else, as the parameter `match[]` has it.
///
/// # Errors
/// As [`parse`], and for anything more than a selector.
pub fn parse_matchers(query: &str) -> Result<Vec<Matcher>, ParseError> {
    match parse(query)? {
        Expr::Logs(LogExpr { matchers, stages }) if stages.is_empty() => Ok(matchers),
        _ => Err(ParseError::whole("only label matchers is supported")),
    }
}

struct Parser<'a> {
    query: &'a str,
    tokens: Vec<Spanned>,
    at: usize,
    depth: usize,
    operators: usize,
    /// For regular expressions.
    room: Room,
}

impl Parser<'_> {
    fn query(&mut self) -> Parse<Expr> {
        let expr = self.expr(0)?;
        if *self.peek() != Token::End {
            return self.unexpected(&[]);
        }
        check::expr(&expr, &mut self.room)?;
        Ok(expr)
    }

    fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Token {
        self.tokens.get(self.at + ahead).map_or(&Token::End, |spanned| &spanned.token)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn is(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if *found == word)
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, word: &'static str) -> Parse<()> {
        if self.eat(word) { Ok(()) } else { self.unexpected(&[word]) }
    }

    fn identifier(&mut self) -> Parse<String> {
        match self.peek() {
            Token::Identifier(_) => self.take_identifier(),
            _ => self.unexpected(&["IDENTIFIER"]),
        }
    }

    /// The same where anything else may stand too, so that Loki does not say what it expected.
    fn take_identifier(&mut self) -> Parse<String> {
        match self.next() {
            Token::Identifier(name) => Ok(name),
            _ => {
                self.at -= 1;
                self.unexpected(&[])
            }
        }
    }

    fn string(&mut self) -> Parse<String> {
        match self.next() {
            Token::String(text) => Ok(text),
            _ => {
                self.at -= 1;
                self.unexpected(&["STRING"])
            }
        }
    }

    /// What Loki says of a word that cannot stand where it does.
    fn unexpected<T>(&self, expected: &[&str]) -> Parse<T> {
        let mut message = format!("syntax error: unexpected {}", self.peek().name());
        for (at, name) in expected.iter().enumerate() {
            message.push_str(if at == 0 { ", expecting " } else { " or " });
            message.push_str(name);
        }
        let at = self.tokens.get(self.at).map_or(self.query.len(), |spanned| spanned.at);
        Err(ParseError::at(self.query, at, message))
    }

    /// Goes one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        self.depth += 1;
        self.bounded("depth", self.depth, MAX_DEPTH)?;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Counts an operator.
    fn count_operator(&mut self) -> Parse<()> {
        self.operators += 1;
        self.bounded("operators", self.operators, MAX_OPERATORS)
    }

    fn bounded(&self, name: &str, got: usize, limit: usize) -> Parse<()> {
        if got <= limit {
            return Ok(());
        }
        let at = self.tokens.get(self.at).map_or(self.query.len(), |spanned| spanned.at);
        Err(ParseError::at(self.query, at, format!("query has more than the limit {name}: {limit}")))
    }

    /// Items with commas between them, one at least.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parse<T>) -> Parse<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Names in parentheses, perhaps none.
    fn names(&mut self) -> Parse<Vec<String>> {
        self.expect("(")?;
        if self.eat(")") {
            return Ok(Vec::new());
        }
        if !matches!(self.peek(), Token::Identifier(_)) {
            return self.unexpected(&["IDENTIFIER", ")"]);
        }
        let names = self.list(Self::identifier)?;
        if self.eat(")") { Ok(names) } else { self.unexpected(&[",", ")"]) }
    }
}
