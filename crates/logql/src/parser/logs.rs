//! Selectors and line filters.

use super::token::Token;
use super::{Parse, ParseError, Parser};
use crate::ast::{LineFilter, LineOp, LogExpr, Needle};
use crate::matcher::{MatchOp, Matcher};

impl Parser<'_> {
    /// A selector and its pipeline, up to where the pipeline ends or an `unwrap` begins.
    pub(super) fn logs(&mut self) -> Parse<LogExpr> {
        let matchers = self.selector()?;
        let stages = self.pipeline()?;
        Ok(LogExpr { matchers, stages })
    }

    pub(super) fn selector(&mut self) -> Parse<Vec<Matcher>> {
        self.expect("{")?;
        if self.eat("}") {
            return Ok(Vec::new());
        }
        if !matches!(self.peek(), Token::Identifier(_)) {
            return self.unexpected(&["IDENTIFIER", "}"]);
        }
        let matchers = self.list(Self::matcher)?;
        if self.eat("}") { Ok(matchers) } else { self.unexpected(&["}", ","]) }
    }

    pub(super) fn matcher(&mut self) -> Parse<Matcher> {
        let name = self.identifier()?;
        let op = match self.peek() {
            Token::Word("=") => MatchOp::Equal,
            Token::Word("!=") => MatchOp::NotEqual,
            Token::Word("=~") => MatchOp::Regexp,
            Token::Word("!~") => MatchOp::NotRegexp,
            _ => return self.unexpected(&["=", "=~", "!~", "!="]),
        };
        self.next();
        let value = self.string()?;
        Matcher::within(&name, op, &value, &mut self.room).map_err(|error| ParseError::whole(error.to_string()))
    }

    fn line_op(&self) -> Option<LineOp> {
        Some(match self.peek() {
            Token::Word("|=") => LineOp::Contains,
            Token::Word("!=") => LineOp::ContainsNot,
            Token::Word("|~") => LineOp::Matches,
            Token::Word("!~") => LineOp::MatchesNot,
            Token::Word("|>") => LineOp::Pattern,
            Token::Word("!>") => LineOp::PatternNot,
            _ => return None,
        })
    }

    /// A line filter, if there is one here.
    pub(super) fn line_filter(&mut self) -> Parse<Option<LineFilter>> {
        let Some(op) = self.line_op() else { return Ok(None) };
        self.next();
        let mut alternatives = vec![self.needle()?];
        while self.eat("or") {
            alternatives.push(self.needle()?);
        }
        Ok(Some(LineFilter { op, alternatives }))
    }

    fn needle(&mut self) -> Parse<Needle> {
        match self.peek() {
            Token::Function("ip") => Ok(Needle::Ip(self.ip_range()?)),
            Token::String(_) => Ok(Needle::Text(self.string()?)),
            _ => self.unexpected(&["STRING", "ip"]),
        }
    }

    /// `ip("..")`
    pub(super) fn ip_range(&mut self) -> Parse<String> {
        self.next();
        self.expect("(")?;
        let range = self.string()?;
        self.expect(")")?;
        Ok(range)
    }
}
