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
        if self.peek_at(1) == &Token::LeftParen && (self.peek().is_word("on") || self.peek().is_word("ignoring")) {
            matching.on = self.advance().is_word("on");
            matching.labels = self.grouping()?;
            given = true;
        }
        let grouped = [("group_left", Cardinality::ManyToOne), ("group_right", Cardinality::OneToMany)];
        if let Some((_, cardinality)) = grouped.into_iter().find(|(word, _)| given && self.peek().is_word(word)) {
            self.advance();
            matching.cardinality = cardinality;
            if self.peek() == &Token::LeftParen {
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
            if self.peek_at(1) != &Token::LeftParen {
                return Ok(());
            }
            let span = self.span();
            self.advance();
            self.advance();
            let value = self.signed_number("fill modifier")?;
            self.expect(&Token::RightParen, "fill modifier")?;
            for (wanted, fill) in [(left, &mut matching.fill_left), (right, &mut matching.fill_right)] {
                if wanted && fill.replace(value).is_some() {
                    return self.error(span, "fill value may not be set multiple times");
                }
            }
        }
    }

    /// A number with or without a sign.
    pub(super) fn signed_number(&mut self, context: &str) -> Result<f64, ParseError> {
        let negative = match self.peek() {
            Token::Operator(BinaryOp::Sub) => true,
            Token::Operator(BinaryOp::Add) => false,
            _ => return self.unsigned_number(context),
        };
        self.advance();
        let number = self.unsigned_number(context)?;
        Ok(if negative { -number } else { number })
    }

    fn unsigned_number(&mut self, context: &str) -> Result<f64, ParseError> {
        match *self.peek() {
            Token::Number(number) | Token::Duration(number) => {
                self.advance();
                Ok(number)
            }
            _ => self.unexpected(context, "number"),
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
        if let ExprKind::Number(number, false) = operand.kind {
            return Ok(Expr { kind: ExprKind::Number(if negative { -number } else { number }, false), span });
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
        if let Some(op) = aggregate {
            let modifier = (next.is_word("by") || next.is_word("without")) && self.peek_at(2) == &Token::LeftParen;
            if next == Token::LeftParen || modifier {
                return self.aggregate(op);
            }
        }
        if next == Token::LeftParen {
            return self.call(word);
        }
        if matches!(lower.as_str(), "bool" | "on" | "ignoring" | "group_left" | "group_right" | "atan2") {
            return self.misplaced();
        }
        self.selector(Some(word))
    }

    fn aggregate(&mut self, op: AggregateOp) -> Result<Expr, ParseError> {
        let start = self.span();
        self.advance();
        let before = self.aggregate_modifier()?;
        self.aggregations += 1;
        let mut args = self.arguments("aggregation")?;
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
                Token::Word(word) if !word.contains(':') => labels.push(word.into()),
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
        let args = self.arguments("function call")?;
        // These four are keywords, and keywords have no case.
        let of_query = |f: &&Function| matches!(f.name, "start" | "end" | "step" | "range");
        let found = function(name).or_else(|| function(&name.to_ascii_lowercase()).filter(of_query));
        let Some(function) = found else {
            let message = format!("unknown function with name {}", crate::text::quote(name));
            return self.error(start, message);
        };
        Ok(Expr { kind: ExprKind::Call(Call { function, args }), span: start.to(self.last_span()) })
    }

    fn arguments(&mut self, context: &str) -> Result<Vec<Expr>, ParseError> {
        self.expect(&Token::LeftParen, context)?;
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
            if self.peek() == &Token::RightParen {
                return self.error(self.last_span(), format!("trailing commas not allowed in {context} args"));
            }
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

/// Labels, and whether they are those that do not make groups.
type Grouping = (Vec<Arc<str>>, bool);

/// Operators of one strength may follow each other so often; longer chains are nested by parentheses.
const MAX_OPERATORS: usize = 256;
/// A call may have so many arguments.
const MAX_ARGUMENTS: usize = 1000;
