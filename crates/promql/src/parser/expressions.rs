use std::sync::Arc;

use super::Parser;
use super::ast::{Aggregate, AggregateOp, Binary, BinaryOp, Call, Cardinality, Expr, ExprKind, Matching, Span};
use super::error::ParseError;
use super::functions::{Function, function};
use super::token::Token;

impl Parser<'_> {
    /// An expression of operators that bind at least so strongly.
    pub(super) fn expression(&mut self, strength: u8) -> Result<Expr, ParseError> {
        self.nested(|parser| {
            let beside = std::mem::take(&mut parser.height);
            let mut left = parser.unary()?;
            let mut height = std::mem::take(&mut parser.height);
            let mut operators = 0;
            while let Some(op) = parser.peek().operator().filter(|op| op.precedence() >= strength) {
                operators += 1;
                if operators > MAX_OPERATORS {
                    let message = format!("more than {MAX_OPERATORS} operators in a row");
                    return parser.error(parser.span(), message);
                }
                parser.advance();
                left = parser.binary(left, op)?;
                parser.height = parser.height.max(height);
                parser.higher()?;
                height = std::mem::take(&mut parser.height);
            }
            parser.height = height.max(beside);
            Ok(left)
        })
    }

    fn binary(&mut self, left: Expr, op: BinaryOp) -> Result<Expr, ParseError> {
        let returns_bool = self.take_word("bool");
        let mut matching = self.matching()?;
        if op.is_set() && matching.cardinality == Cardinality::OneToOne {
            matching.cardinality = Cardinality::ManyToMany;
        }
        // All but the power group from the left.
        let strength = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
        let right = self.expression(strength)?;
        let span = left.span.to(right.span);
        Ok(Expr { kind: ExprKind::Binary(Box::new(Binary { op, left, right, returns_bool, matching })), span })
    }

    fn matching(&mut self) -> Result<Matching, ParseError> {
        let mut matching = Matching::default();
        let mut given = false;
        if self.peek().is_word("on") || self.peek().is_word("ignoring") {
            matching.on = self.advance().is_word("on");
            matching.labels = self.grouping()?;
            given = true;
        }
        let grouped = [("group_left", Cardinality::ManyToOne), ("group_right", Cardinality::OneToMany)];
        if let Some((_, cardinality)) = grouped.into_iter().find(|(word, _)| given && self.peek().is_word(word)) {
            self.advance();
            matching.cardinality = cardinality;
            if self.peek() == &Token::LeftParen || !self.begins_expression() {
                matching.include = self.grouping()?;
            }
        }
        self.fills(&mut matching)?;
        Ok(matching)
    }

    fn fills(&mut self, matching: &mut Matching) -> Result<(), ParseError> {
        loop {
            let (left, right) = match self.peek() {
                token if token.is_word("fill") => (true, true),
                token if token.is_word("fill_left") => (true, false),
                token if token.is_word("fill_right") => (false, true),
                _ => return Ok(()),
            };
            // What is there already is a name the second time.
            let given = (left && matching.fill_left.is_some()) || (right && matching.fill_right.is_some());
            if given || self.peek_at(1) != &Token::LeftParen {
                return Ok(());
            }
            self.advance();
            self.advance();
            let Some(value) = self.signed_number() else { return self.misplaced() };
            if !self.take(&Token::RightParen) {
                return self.misplaced();
            }
            matching.fill_left = if left { Some(value) } else { matching.fill_left };
            matching.fill_right = if right { Some(value) } else { matching.fill_right };
        }
    }

    /// A number with or without a sign. Where there is none, a sign may be taken all the same.
    pub(super) fn signed_number(&mut self) -> Option<f64> {
        let negative = self.take(&Token::Operator(BinaryOp::Sub));
        if !negative {
            self.take(&Token::Operator(BinaryOp::Add));
        }
        match *self.peek() {
            Token::Number(number) | Token::Duration(number) => {
                self.advance();
                Some(if negative { -number } else { number })
            }
            _ => None,
        }
    }

    fn unary(&mut self) -> Result<Expr, ParseError> {
        let negative = match self.peek() {
            Token::Operator(BinaryOp::Sub) => true,
            Token::Operator(BinaryOp::Add) => false,
            _ => {
                let primary = self.primary()?;
                self.higher()?;
                return self.postfix(primary);
            }
        };
        let start = self.span();
        self.advance();
        // A sign binds as strongly as a product, so that -2^2 is -4.
        let operand = self.expression(BinaryOp::Pow.precedence())?;
        self.higher()?;
        let span = start.to(operand.span);
        if let ExprKind::Number(number, is_duration) = operand.kind {
            return Ok(Expr { kind: ExprKind::Number(if negative { -number } else { number }, is_duration), span });
        }
        Ok(Expr { kind: ExprKind::Unary(negative, Box::new(operand)), span })
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        let start = self.span();
        let kind = match self.peek().clone() {
            Token::Number(number) => {
                self.advance();
                ExprKind::Number(number, false)
            }
            Token::Duration(seconds) => {
                self.advance();
                ExprKind::Number(seconds, true)
            }
            Token::String(text) => {
                self.advance();
                ExprKind::String(text.into())
            }
            Token::LeftParen => {
                self.advance();
                let inner = self.expression(0)?;
                if !self.take(&Token::RightParen) {
                    return self.misplaced();
                }
                ExprKind::Paren(Box::new(inner))
            }
            Token::LeftBrace => return self.selector(None),
            Token::Word(word) => return self.word(&word),
            _ => return self.misplaced(),
        };
        Ok(Expr { kind, span: start.to(self.last_span()) })
    }

    fn word(&mut self, word: &str) -> Result<Expr, ParseError> {
        let next = self.peek_at(1).clone();
        let lower = word.to_ascii_lowercase();
        let aggregate = AggregateOp::ALL.into_iter().find(|op| op.as_str() == lower);
        let is_aggregated = next == Token::LeftParen || next.is_word("by") || next.is_word("without");
        if let Some(op) = aggregate.filter(|_| is_aggregated) {
            return self.aggregate(op);
        }
        if is_reserved(&lower) {
            return self.misplaced();
        }
        if next == Token::LeftParen && self.peek().is_function() {
            return self.call(word);
        }
        self.selector(Some(word))
    }

    fn aggregate(&mut self, op: AggregateOp) -> Result<Expr, ParseError> {
        let start = self.span();
        self.advance();
        self.aggregations += 1;
        let before = self.aggregate_modifier()?;
        let mut args = self.arguments()?;
        self.aggregations -= 1;
        let after = if before.is_none() { self.aggregate_modifier()? } else { None };
        let span = start.to(self.last_span());
        let wanted = if op.parameter().is_some() { 2 } else { 1 };
        if args.is_empty() {
            return self.error(span, "no arguments for aggregate expression provided");
        }
        if args.len() != wanted {
            let message = format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {}",
                args.len()
            );
            return self.error(span, message);
        }
        let Some(expr) = args.pop() else { return self.error(span, "no arguments for aggregate expression provided") };
        let (grouping, without) = before.or(after).unwrap_or_default();
        let aggregate = Aggregate { op, expr, param: args.pop(), grouping, without };
        Ok(Expr { kind: ExprKind::Aggregate(Box::new(aggregate)), span })
    }

    fn aggregate_modifier(&mut self) -> Result<Option<Grouping>, ParseError> {
        let without = self.peek().is_word("without");
        if !without && !self.peek().is_word("by") {
            return Ok(None);
        }
        self.advance();
        Ok(Some((self.grouping()?, without)))
    }

    /// Labels in parentheses.
    fn grouping(&mut self) -> Result<Vec<Arc<str>>, ParseError> {
        const CONTEXT: &str = "grouping opts";
        self.expect(&Token::LeftParen, CONTEXT)?;
        let mut labels: Vec<Arc<str>> = Vec::new();
        while !self.take(&Token::RightParen) {
            match self.advance() {
                Token::Word(word) => labels.push(word.into()),
                Token::String(text) if super::selectors::is_label_name(&text) => labels.push(text.into()),
                Token::String(text) => {
                    let message = format!("invalid label name for grouping: {}", crate::text::quote(&text));
                    return self.error(self.last_span(), message);
                }
                _ => {
                    self.at = self.at.saturating_sub(1);
                    return self.unexpected(CONTEXT, "label");
                }
            }
            if !self.take(&Token::Comma) && self.peek() != &Token::RightParen {
                return self.unexpected(CONTEXT, "\",\" or \")\"");
            }
        }
        Ok(labels)
    }

    fn call(&mut self, name: &str) -> Result<Expr, ParseError> {
        let start = self.span();
        self.advance();
        let args = self.arguments()?;
        // These four are keywords, and keywords have no case.
        let of_query = |f: &&Function| matches!(f.name, "start" | "end" | "step" | "range");
        let found = function(name).or_else(|| function(&name.to_ascii_lowercase()).filter(of_query));
        let Some(function) = found else {
            let message = format!("unknown function with name {}", crate::text::quote(name));
            // Before what comes next is looked at, also if that is no token.
            return Err(ParseError::new(self.query, start, message));
        };
        Ok(Expr { kind: ExprKind::Call(Call { function, args }), span: start.to(self.last_span()) })
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, ParseError> {
        if !self.take(&Token::LeftParen) {
            return self.misplaced();
        }
        let mut args = Vec::new();
        if self.take(&Token::RightParen) {
            return Ok(args);
        }
        loop {
            args.push(self.expression(0)?);
            if args.len() > MAX_ARGUMENTS {
                return self.error(self.span(), format!("more than {MAX_ARGUMENTS} arguments"));
            }
            if self.take(&Token::RightParen) {
                return Ok(args);
            }
            if !self.take(&Token::Comma) {
                return self.misplaced();
            }
            if !self.begins_expression() {
                return self.error(self.last_span(), "trailing commas not allowed in function call args");
            }
        }
    }

    fn begins_expression(&self) -> bool {
        match self.peek() {
            Token::Number(_) | Token::Duration(_) | Token::String(_) | Token::LeftParen | Token::LeftBrace => true,
            Token::Operator(op) => matches!(op, BinaryOp::Add | BinaryOp::Sub),
            Token::Word(word) => !is_reserved(&word.to_ascii_lowercase()),
            _ => false,
        }
    }

    /// What may follow any expression: a subquery, `offset`, `@`, `anchored`, `smoothed`.
    fn postfix(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        loop {
            let start = expr.span;
            expr = match self.peek() {
                Token::LeftBracket => {
                    self.higher()?;
                    self.brackets(expr)?
                }
                token if token.is_word("offset") => self.offset(expr)?,
                Token::At => self.at_time(expr)?,
                token if token.is_word("anchored") || token.is_word("smoothed") => self.extension(expr)?,
                _ => return Ok(expr),
            };
            expr.span = Span { start: start.start, end: self.last_span().end };
        }
    }
}

/// Words, in small letters, that are no names of metrics.
fn is_reserved(word: &str) -> bool {
    matches!(word, "bool" | "on" | "ignoring" | "group_left" | "group_right" | "atan2")
}

/// Labels, and whether they are those that do not make groups.
type Grouping = (Vec<Arc<str>>, bool);

/// Operators of one strength may follow each other so often; longer chains are nested by parentheses.
const MAX_OPERATORS: usize = 256;
/// A call may have so many arguments.
const MAX_ARGUMENTS: usize = 1000;
