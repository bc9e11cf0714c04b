use std::sync::Arc;

use super::Parser;
use super::ast::{At, Expr, ExprKind, Extension, MatrixSelector, Modifiers, Span, Subquery, VectorSelector};
use super::durations::{RANGE, STEP};
use super::error::ParseError;
use super::lexer::as_invalid_byte;
use super::token::Token;
use crate::labels::{Builder, METRIC_NAME, is_classic_name};
use crate::matcher::{MatchOp, Matcher};
use crate::text::float;

/// A selector may have so many conditions.
const MAX_MATCHERS: usize = 500;

/// Whether a text may be a label's name: UTF-8 and not empty.
pub(crate) fn is_label_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| as_invalid_byte(c).is_some())
}

impl Parser<'_> {
    /// An instant vector selector; a name before the braces was seen, but not taken.
    pub(super) fn selector(&mut self, name: Option<&str>) -> Result<Expr, ParseError> {
        let start = self.span();
        let mut matchers = Vec::new();
        let name: Option<Arc<str>> = name.map(Into::into);
        if name.is_some() {
            self.advance();
        }
        if self.peek() == &Token::LeftBrace {
            self.matchers(&mut matchers)?;
        }
        if let Some(name) = &name {
            matchers.push(Matcher::equal(METRIC_NAME, Arc::clone(name)));
        }
        let selector = VectorSelector { name, matchers, modifiers: Modifiers::default(), extension: Extension::None };
        Ok(Expr { kind: ExprKind::Vector(Box::new(selector)), span: start.to(self.last_span()) })
    }

    /// Conditions in braces; one that is a text only is on the metric's name.
    fn matchers(&mut self, matchers: &mut Vec<Matcher>) -> Result<(), ParseError> {
        const CONTEXT: &str = "label matching";
        self.advance();
        while !self.take(&Token::RightBrace) {
            let span = self.span();
            let label = match self.advance() {
                Token::Word(word) if is_classic_name(&word, false) => word,
                Token::String(text) if !self.peek().is_matching() => {
                    matchers.push(Matcher::equal(METRIC_NAME, text));
                    self.separator(CONTEXT)?;
                    continue;
                }
                Token::String(text) if is_label_name(&text) => text,
                _ => {
                    self.at = self.at.saturating_sub(1);
                    return self.unexpected(CONTEXT, "identifier or \"}\"");
                }
            };
            let op = match self.advance() {
                Token::Assign => MatchOp::Equal,
                Token::Operator(super::ast::BinaryOp::Ne) => MatchOp::NotEqual,
                Token::Regexp => MatchOp::Regexp,
                Token::NotRegexp => MatchOp::NotRegexp,
                _ => {
                    self.at = self.at.saturating_sub(1);
                    return self.unexpected(CONTEXT, "label matching operator");
                }
            };
            let Token::String(value) = self.peek().clone() else { return self.unexpected(CONTEXT, "string") };
            self.advance();
            match Matcher::within(label, op, value, self.room) {
                Ok(matcher) => matchers.push(matcher),
                Err(error) => return self.error(span, error.to_string()),
            }
            if matchers.len() > MAX_MATCHERS {
                return self.error(span, format!("more than {MAX_MATCHERS} label matchers"));
            }
            self.separator(CONTEXT)?;
        }
        Ok(())
    }

    /// A comma, unless a brace closes.
    fn separator(&mut self, context: &str) -> Result<(), ParseError> {
        if self.take(&Token::Comma) || self.peek() == &Token::RightBrace {
            return Ok(());
        }
        self.unexpected(context, "\",\" or \"}\"")
    }

    /// The labels of one series.
    pub(super) fn labels(&mut self, labels: &mut Builder) -> Result<(), ParseError> {
        const CONTEXT: &str = "series description";
        if let Token::Word(name) = self.peek().clone() {
            labels.set(METRIC_NAME, name);
            self.advance();
        }
        if !self.take(&Token::LeftBrace) {
            return Ok(());
        }
        while !self.take(&Token::RightBrace) {
            let name = match self.advance() {
                Token::Word(word) => word,
                Token::String(text) if matches!(self.peek(), Token::Comma | Token::RightBrace) => {
                    labels.set(METRIC_NAME, text);
                    self.separator(CONTEXT)?;
                    continue;
                }
                Token::String(text) => text,
                _ => return self.unexpected(CONTEXT, "label"),
            };
            self.expect(&Token::Assign, CONTEXT)?;
            let Token::String(value) = self.advance() else { return self.unexpected(CONTEXT, "string") };
            labels.set(name, value);
            self.separator(CONTEXT)?;
        }
        Ok(())
    }

    /// `[range]` behind a selector, or `[range:step]` behind any expression.
    pub(super) fn brackets(&mut self, expr: Expr) -> Result<Expr, ParseError> {
        let open = self.span();
        self.advance();
        let (range, range_span) = self.bracket_duration(RANGE)?;
        let span = |parser: &Self| open.to(parser.last_span());
        if self.take(&Token::Colon) {
            let step = if self.peek() == &Token::RightBracket { None } else { Some(self.bracket_duration(STEP)?) };
            let (step, step_span) = step.map_or((None, Span::default()), |(step, span)| (Some(step), span));
            self.expect(&Token::RightBracket, STEP.0)?;
            let all = expr.span.to(self.last_span());
            let subquery = Subquery { expr, range, range_span, step, step_span, modifiers: Modifiers::default() };
            return Ok(Expr { kind: ExprKind::Subquery(Box::new(subquery)), span: all });
        }
        if !self.take(&Token::RightBracket) {
            return self.unexpected("subquery or range", "\":\" or \"]\"");
        }
        let vector_span = expr.span;
        let ExprKind::Vector(vector) = expr.kind else {
            // Before what comes next is looked at, also if that is no token.
            return Err(ParseError::new(self.query, span(self), "ranges only allowed for vector selectors"));
        };
        if vector.modifiers.offset.is_some() {
            return self.error(span(self), "no offset modifiers allowed before range");
        }
        if vector.modifiers.at.is_some() {
            return self.error(span(self), "no @ modifiers allowed before range");
        }
        let matrix = MatrixSelector { vector: *vector, vector_span, range, range_span };
        Ok(Expr { kind: ExprKind::Matrix(Box::new(matrix)), span: vector_span.to(self.last_span()) })
    }

    pub(super) fn offset(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        self.advance();
        let (offset, offset_span) = self.offset_duration()?;
        let span = expr.span;
        let Some(modifiers) = modifiers_of(&mut expr) else {
            let message =
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery";
            return self.error(span, message);
        };
        modifiers.offset_span = offset_span;
        if modifiers.offset.replace(offset).is_some() {
            return self.error(span, "offset may not be set multiple times");
        }
        Ok(expr)
    }

    pub(super) fn at_time(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        self.advance();
        let preprocessor = [("start", At::Start), ("end", At::End)];
        let at = match preprocessor.into_iter().find(|(word, _)| self.peek().is_word(word)) {
            Some((_, at)) => {
                self.advance();
                if !(self.take(&Token::LeftParen) && self.take(&Token::RightParen)) {
                    return self.unexpected("@", "timestamp");
                }
                at
            }
            None => {
                let Some(seconds) = self.signed_number() else { return self.unexpected("@", "timestamp") };
                // What times may be: milliseconds in 63 bits.
                if !seconds.is_finite() || seconds.abs() >= i64::MAX as f64 / 1000.0 {
                    let seconds = if seconds.is_finite() { format!("{seconds:.6}") } else { float(seconds) };
                    return self.error(expr.span, format!("timestamp out of bounds for @ modifier: {seconds}"));
                }
                At::Time((seconds * 1000.0).round() as i64)
            }
        };
        let span = expr.span;
        let Some(modifiers) = modifiers_of(&mut expr) else {
            let message =
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery";
            return self.error(span, message);
        };
        if modifiers.at.replace(at).is_some() {
            return self.error(span, "@ <timestamp> may not be set multiple times");
        }
        Ok(expr)
    }

    pub(super) fn extension(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        let span = expr.span;
        let extension = if self.advance().is_word("anchored") { Extension::Anchored } else { Extension::Smoothed };
        let slot = match &mut expr.kind {
            ExprKind::Vector(vector) => &mut vector.extension,
            ExprKind::Matrix(matrix) => &mut matrix.vector.extension,
            ExprKind::Subquery(_) => {
                return self.error(span, format!("{} modifier is not supported for subqueries", extension.as_str()));
            }
            _ => return self.error(span, format!("{} modifier must be preceded by a selector", extension.as_str())),
        };
        if *slot != Extension::None && *slot != extension {
            return self.error(span, "anchored and smoothed modifiers cannot be used together");
        }
        *slot = extension;
        Ok(expr)
    }
}

fn modifiers_of(expr: &mut Expr) -> Option<&mut Modifiers> {
    match &mut expr.kind {
        ExprKind::Vector(vector) => Some(&mut vector.modifiers),
        ExprKind::Matrix(matrix) => Some(&mut matrix.vector.modifiers),
        ExprKind::Subquery(subquery) => Some(&mut subquery.modifiers),
        _ => None,
    }
}
