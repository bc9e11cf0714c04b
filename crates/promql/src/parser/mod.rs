//! Expressions: from text to a tree, checked for types, and back to text.

pub mod ast;
mod check;
mod durations;
mod error;
mod expressions;
mod functions;
mod layout;
mod lexer;
mod print;
mod selectors;
#[cfg(test)]
mod tests;
mod token;

use ast::{Expr, Span};
use token::{Spanned, Token};

pub use error::ParseError;
pub use functions::{FUNCTIONS, Function, function};
pub use lexer::MAX_QUERY;
pub(crate) use lexer::{as_invalid_byte, quoted_bytes};

use re2::Room;

use crate::labels::{Builder, Labels};
use crate::matcher::Matcher;

/// Expressions may be nested so deep.
pub const MAX_DEPTH: usize = 128;

/// A token that is longer is told by its beginning, so many signs of it.
const LONG_TOKEN: usize = 10;

/// The most levels of a tree, which all that goes through it takes room on its stack for.
const MAX_HEIGHT: usize = 400;

/// Reads an expression.
///
/// # Errors
/// What is wrong and where; the texts are those of Prometheus where it has one for the mistake.
pub fn parse(query: &str) -> Result<Expr, ParseError> {
    parse_within(query, &mut Room::default())
}

fn parse_within(query: &str, room: &mut Room) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(query, room);
    if parser.peek() == &Token::End {
        return Err(ParseError::new(query, Span::default(), "no expression found in input"));
    }
    let expr = parser.expression(0)?;
    parser.expect_end()?;
    check::check(query, &expr)?;
    Ok(expr)
}

/// Reads a selector such as `up{job="a"}` for its conditions, of which there may be none.
///
/// # Errors
/// As [`parse`], and for an expression that is no plain selector.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    parse_selector_within(text, &mut Room::default())
}

/// Reads several selectors, whose regular expressions share the room that those of one query have.
///
/// # Errors
/// As [`parse_selector`], of the first that is none.
pub fn parse_selectors<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<Vec<Matcher>>, ParseError> {
    let mut room = Room::default();
    texts.into_iter().map(|text| parse_selector_within(text, &mut room)).collect()
}

fn parse_selector_within(text: &str, room: &mut Room) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(text, room);
    let expr = match parser.peek().clone() {
        Token::Word(name) => parser.selector(Some(name.as_str()))?,
        Token::LeftBrace => parser.selector(None)?,
        _ => return parser.misplaced(),
    };
    parser.expect_end()?;
    match expr.kind {
        ast::ExprKind::Vector(selector) => Ok(selector.matchers),
        _ => Err(ParseError::new(text, expr.span, "expected a series selector")),
    }
}

/// Reads the labels of a series, `up{job="a"}`, from the beginning of a text. Gives what follows too.
///
/// # Errors
/// What is wrong and where.
pub fn parse_series_labels(text: &str) -> Result<(Labels, &str), ParseError> {
    let end = labels_end(text);
    let mut room = Room::default();
    let mut parser = Parser::new(text.get(..end).unwrap_or(text), &mut room);
    let mut builder = Builder::default();
    parser.labels(&mut builder)?;
    parser.expect_end()?;
    Ok((builder.build(), text.get(end..).unwrap_or_default()))
}

/// Where the labels end that a text begins with: behind the closing brace, or behind the name.
fn labels_end(text: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    let mut within = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some('"' | '\''), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') if within => quote = Some(c),
            (None, '{') => within = true,
            (None, '}') if within => return at + 1,
            (None, c) if c.is_whitespace() && !within => {
                // A blank may stand between the name and the brace.
                let rest = text.get(at..).unwrap_or_default().trim_start();
                if !rest.starts_with('{') || rest.starts_with("{{") {
                    return at;
                }
            }
            (None, _) => {}
        }
    }
    text.len()
}

struct Parser<'a> {
    query: &'a str,
    tokens: Vec<Spanned>,
    at: usize,
    depth: usize,
    /// Levels of what was parsed since the innermost expression began.
    height: usize,
    /// In how many aggregations what comes is.
    aggregations: usize,
    /// What a duration that comes is part of, and what is expected there, as errors name it.
    within: (&'static str, &'static str),
    /// Why the last token is none.
    broken: Option<ParseError>,
    /// For regular expressions.
    room: &'a mut Room,
}

impl<'a> Parser<'a> {
    fn new(query: &'a str, room: &'a mut Room) -> Self {
        let (tokens, broken) = lexer::tokens(query);
        Self { query, tokens, at: 0, depth: 0, height: 0, aggregations: 0, within: ("", ""), broken, room }
    }

    fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Token {
        // The last token stays.
        self.tokens.get(self.at + ahead).or(self.tokens.last()).map_or(&Token::End, |spanned| &spanned.token)
    }

    fn span(&self) -> Span {
        let end = Span { start: self.query.len(), end: self.query.len() };
        self.tokens.get(self.at).or(self.tokens.last()).map_or(end, |spanned| spanned.span)
    }

    /// Where the token before stands.
    fn last_span(&self) -> Span {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(Span::default(), |spanned| spanned.span)
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        if self.at < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn take(&mut self, token: &Token) -> bool {
        let there = self.peek() == token;
        if there {
            self.advance();
        }
        there
    }

    fn take_word(&mut self, word: &str) -> bool {
        let there = self.peek().is_word(word);
        if there {
            self.advance();
        }
        there
    }

    fn expect(&mut self, token: &Token, context: &str) -> Result<(), ParseError> {
        if self.take(token) { Ok(()) } else { self.unexpected(context, &token.describe()) }
    }

    fn expect_end(&mut self) -> Result<(), ParseError> {
        if self.peek() == &Token::End { Ok(()) } else { self.misplaced() }
    }

    fn error<T>(&self, span: Span, message: impl Into<String>) -> Result<T, ParseError> {
        match &self.broken {
            Some(broken) if self.peek() == &Token::Invalid => Err(broken.clone()),
            _ => Err(ParseError::new(self.query, span, message)),
        }
    }

    /// The next token as errors name it.
    fn described(&self, context: &str) -> String {
        let span = self.span();
        let text = self.query.get(span.start..span.end).unwrap_or_default();
        let is_cut = text.len() > LONG_TOKEN && !matches!(self.peek(), Token::Word(_));
        let written = if is_cut {
            crate::text::quote(&text.chars().take(LONG_TOKEN).collect::<String>()) + "..."
        } else {
            crate::text::quote(text)
        };
        match self.peek() {
            Token::String(_) => format!("string {written}"),
            Token::Number(_) => format!("number {written}"),
            Token::Duration(_) => format!("duration {written}"),
            // Between braces no word is a keyword.
            Token::Word(_) if context == "label matching" => format!("identifier {written}"),
            fill if fill.is_fill() && self.peek_at(1) != &Token::LeftParen => format!("identifier {written}"),
            token => token.describe(),
        }
    }

    /// What cannot stand within an expression. Prometheus names no more than whether that is an
    /// aggregation, however deep within it.
    fn misplaced<T>(&self) -> Result<T, ParseError> {
        self.unexpected(if self.aggregations > 0 { "aggregation" } else { "" }, "")
    }

    fn unexpected<T>(&self, context: &str, expected: &str) -> Result<T, ParseError> {
        let mut message = format!("unexpected {}", self.described(context));
        if !context.is_empty() {
            message += &format!(" in {context}");
        }
        if !expected.is_empty() {
            message += &format!(", expected {expected}");
        }
        self.error(self.span(), message)
    }

    /// What was parsed gets one more level above it. Chains of operators and of subqueries, within parentheses
    /// within such chains, are higher than calls of the parser are deep.
    fn higher(&mut self) -> Result<(), ParseError> {
        self.height += 1;
        if self.height > MAX_HEIGHT {
            return self.error(self.span(), format!("expression is nested deeper than {MAX_HEIGHT} levels"));
        }
        Ok(())
    }

    /// Goes one level deeper for the time of a call.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error(self.span(), format!("expression is nested deeper than {MAX_DEPTH} levels"));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }
}
