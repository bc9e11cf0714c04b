//! The words of a statement, for the few that are read here: cursors and COPY, as PostgreSQL writes them.

use std::borrow::Cow;

use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::dialect::Dialect;
use crate::config::NESTING;
use crate::{QueryError, explain};

/// A text, and where its lines begin.
pub(super) struct Source<'a> {
    text: &'a str,
    lines: Vec<usize>,
    dialect: &'a Dialect,
}

impl<'a> Source<'a> {
    pub fn new(text: &'a str, dialect: &'a Dialect) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, lines: std::iter::once(0).chain(after).collect(), dialect }
    }

    /// The statements that these tokens of the text are.
    pub fn parse(&self, tokens: &[TokenWithSpan]) -> Result<Vec<Statement>, QueryError> {
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return Ok(Vec::new()) };
        let (from, to) = (self.offset(first.span.start), self.offset(last.span.end));
        let text = without_memberships(self.text.get(from..to).unwrap_or_default());
        self.dialect.parse(&text).map_err(|error| located(tokens.to_vec(), &error))
    }

    /// The statements of another text than that of the client.
    pub fn parse_text(&self, text: &str) -> Result<Vec<Statement>, QueryError> {
        self.dialect.parse(text).map_err(|error| explain::parser(&error))
    }

    fn offset(&self, place: Location) -> usize {
        let line = usize::try_from(place.line.saturating_sub(1)).unwrap_or(usize::MAX);
        let column = usize::try_from(place.column.saturating_sub(1)).unwrap_or(usize::MAX);
        let begin = self.lines.get(line).copied().unwrap_or(self.text.len());
        let rest = self.text.get(begin..).unwrap_or_default();
        rest.char_indices().nth(column).map_or(self.text.len(), |(at, _)| begin + at)
    }
}

/// `\du` of psql before version 16 asks of which roles each is a member, by a list made of a query, of which no plan can
/// be made. None is of any.
fn without_memberships(text: &str) -> Cow<'_, str> {
    const ASKED: &str = "ARRAY(SELECT b.rolname FROM pg_catalog.pg_auth_members m \
        JOIN pg_catalog.pg_roles b ON (m.roleid = b.oid) WHERE m.member = r.oid)";
    if !text.contains("pg_auth_members") {
        return Cow::Borrowed(text);
    }
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.contains(ASKED) { Cow::Owned(flat.replace(ASKED, "'{}'")) } else { Cow::Borrowed(text) }
}

/// What rewrites queries forgets their places, so that the original is asked where it is wrong.
fn located(tokens: Vec<TokenWithSpan>, error: &ParserError) -> QueryError {
    let again = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(NESTING).with_tokens_with_locations(tokens);
    let again = { again }.parse_statements();
    explain::parser(again.err().as_ref().unwrap_or(error))
}

/// The tokens of a statement without the space between them, read from the left.
pub(super) struct Words {
    tokens: Vec<TokenWithSpan>,
    next: usize,
}

impl Words {
    pub fn new(tokens: &[TokenWithSpan]) -> Self {
        let is_space = |token: &Token| matches!(token, Token::Whitespace(_) | Token::EOF);
        Self { tokens: tokens.iter().filter(|token| !is_space(&token.token)).cloned().collect(), next: 0 }
    }

    pub fn is_done(&self) -> bool {
        self.next >= self.tokens.len()
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|token| &token.token)
    }

    /// Whether that word comes next, which is passed then.
    pub fn take(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(next))
            if next.quote_style.is_none() && next.value.eq_ignore_ascii_case(word));
        self.next += usize::from(found);
        found
    }

    /// Which of the words comes next, which is passed then.
    pub fn take_one(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().copied().find(|word| self.take(word))
    }

    /// Whether that sign comes next, which is passed then.
    pub fn take_sign(&mut self, sign: &Token) -> bool {
        let found = self.peek() == Some(sign);
        self.next += usize::from(found);
        found
    }

    /// The name that comes next: in small letters unless it is in quotes.
    pub fn name(&mut self) -> Result<String, QueryError> {
        let Some(Token::Word(word)) = self.peek() else { return Err(self.unexpected("a name")) };
        let name = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
        self.next += 1;
        Ok(name)
    }

    /// The whole number that comes next, if one does.
    pub fn number(&mut self) -> Option<i64> {
        let before = self.next;
        let sign = if self.take_sign(&Token::Minus) { -1 } else { 1 };
        if sign == 1 {
            self.take_sign(&Token::Plus);
        }
        let found = match self.peek() {
            Some(Token::Number(digits, _)) => digits.parse::<i64>().ok(),
            _ => None,
        };
        self.next = if found.is_some() { self.next + 1 } else { before };
        found.map(|number| sign * number)
    }

    /// The text in quotes that comes next, after `AS` or not.
    pub fn text(&mut self) -> Result<String, QueryError> {
        self.take("AS");
        let text = match self.peek() {
            Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) => text.clone(),
            _ => return Err(self.unexpected("a text")),
        };
        self.next += 1;
        Ok(text)
    }

    /// The tokens up to the closing bracket of one that was passed, which is passed too.
    pub fn within_brackets(&mut self) -> Result<Vec<TokenWithSpan>, QueryError> {
        let (begin, mut depth) = (self.next, 1);
        while let Some(token) = self.peek() {
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            self.next += 1;
            if depth == 0 {
                return Ok(self.tokens.get(begin..self.next - 1).unwrap_or_default().to_vec());
            }
        }
        Err(self.unexpected("`)`"))
    }

    /// All tokens that are left.
    pub fn rest(&mut self) -> Vec<TokenWithSpan> {
        let rest = self.tokens.get(self.next..).unwrap_or_default().to_vec();
        self.next = self.tokens.len();
        rest
    }

    /// That the statement ends here.
    pub fn end(&self) -> Result<(), QueryError> {
        if self.is_done() { Ok(()) } else { Err(self.unexpected("the end")) }
    }

    /// That word and no other.
    pub fn expect(&mut self, word: &str) -> Result<(), QueryError> {
        if self.take(word) { Ok(()) } else { Err(self.unexpected(word)) }
    }

    /// That something else comes next than what should.
    pub fn unexpected(&self, wanted: &str) -> QueryError {
        let Some(found) = self.tokens.get(self.next) else {
            return explain::syntax(&format!("Expected: {wanted}, found: the end of the statement"));
        };
        let Location { line, column } = found.span.start;
        explain::syntax(&format!("Expected: {wanted}, found: {} at Line: {line}, Column: {column}", found.token))
    }
}
