//! Queries for numbers.

use super::token::Token;
use super::{Parse, ParseError, Parser, check};
use crate::ast::{
    BinaryOp, Cardinality, Compare, Conversion, Expr, Grouping, LabelReplace, LogRange, Matching, MetricExpr,
    RangeAggregation, RangeOp, Unwrap, VectorOp,
};
use crate::text::parse_float;

/// A number as it is written.
pub(super) fn literal(text: &str) -> Parse<f64> {
    parse_float(text).map_err(|error| ParseError::whole(format!("unable to parse literal as a float: {error}")))
}

impl Parser<'_> {
    /// Operators that bind at least so tightly.
    pub(super) fn expr(&mut self, least: u8) -> Parse<Expr> {
        self.deeper(|parser| {
            let mut left = parser.operand()?;
            while let Some(op) = parser.operator().filter(|op| op.precedence() >= least) {
                parser.count_operator()?;
                parser.next();
                let (returns_bool, matching) = parser.modifiers()?;
                let tighter = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
                let right = parser.expr(tighter)?;
                left = Expr::Metric(check::binary(op, left, right, returns_bool, matching)?);
            }
            Ok(left)
        })
    }

    fn operator(&self) -> Option<BinaryOp> {
        let Token::Word(word) = self.peek() else { return None };
        Some(match *word {
            "or" => BinaryOp::Or,
            "and" => BinaryOp::And,
            "unless" => BinaryOp::Unless,
            "+" => BinaryOp::Add,
            "-" => BinaryOp::Sub,
            "*" => BinaryOp::Mul,
            "/" => BinaryOp::Div,
            "%" => BinaryOp::Mod,
            "^" => BinaryOp::Pow,
            "==" => BinaryOp::Compare(Compare::Equal),
            "!=" => BinaryOp::Compare(Compare::NotEqual),
            ">" => BinaryOp::Compare(Compare::Greater),
            ">=" => BinaryOp::Compare(Compare::GreaterOrEqual),
            "<" => BinaryOp::Compare(Compare::Less),
            "<=" => BinaryOp::Compare(Compare::LessOrEqual),
            _ => return None,
        })
    }

    fn operand(&mut self) -> Parse<Expr> {
        let metric = match self.peek() {
            Token::Word("{") => return Ok(Expr::Logs(self.logs()?)),
            Token::Word("(") => {
                self.next();
                let inner = self.expr(0)?;
                return if self.eat(")") { Ok(inner) } else { self.unexpected(&[]) };
            }
            Token::Word("+" | "-") | Token::Number(_) => MetricExpr::Literal(self.signed_number()?),
            Token::Function("vector") => self.constant()?,
            Token::Function("label_replace") => self.label_replace()?,
            Token::Function(name) => {
                let name = *name;
                if let Some(op) = RangeOp::ALL.into_iter().find(|op| op.as_str() == name) {
                    self.range_aggregation(op)?
                } else if let Some(op) = VectorOp::ALL.into_iter().find(|op| op.as_str() == name) {
                    self.vector_aggregation(op)?
                } else {
                    return self.unexpected(&[]);
                }
            }
            _ => return self.unexpected(&[]),
        };
        Ok(Expr::Metric(metric))
    }

    fn metric(&mut self) -> Parse<MetricExpr> {
        match self.expr(0)? {
            Expr::Metric(metric) => Ok(metric),
            Expr::Logs(_) => {
                // What follows the lines is what Loki stumbles over, unless it is a whole.
                self.unexpected(&[])
            }
        }
    }

    fn constant(&mut self) -> Parse<MetricExpr> {
        self.next();
        self.expect("(")?;
        let Token::Number(text) = self.next() else {
            self.at -= 1;
            return self.unexpected(&["NUMBER"]);
        };
        self.expect(")")?;
        let value = parse_float(&text);
        let value = value.map_err(|e| ParseError::whole(format!("unable to parse vectorExpr as a float: {e}")))?;
        Ok(MetricExpr::Constant(value))
    }

    fn label_replace(&mut self) -> Parse<MetricExpr> {
        self.next();
        self.expect("(")?;
        let source = Box::new(self.metric()?);
        let mut texts: [String; 4] = Default::default();
        for text in &mut texts {
            self.expect(",")?;
            *text = self.string()?;
        }
        self.expect(")")?;
        let [target, replacement, label, regex] = texts;
        check::replacement_regex(&regex)?;
        Ok(MetricExpr::LabelReplace(LabelReplace { source, target, replacement, label, regex }))
    }

    fn range_aggregation(&mut self, op: RangeOp) -> Parse<MetricExpr> {
        self.next();
        self.expect("(")?;
        let param = match self.peek() {
            Token::Number(_) => {
                let Token::Number(text) = self.next() else { return self.unexpected(&[]) };
                self.expect(",")?;
                Some(text)
            }
            Token::Word("{" | "(") => None,
            _ => return self.unexpected(&["NUMBER", "{", "("]),
        };
        let source = self.log_range()?;
        if !self.eat(")") {
            return self.unexpected(&[")"]);
        }
        let grouping = self.grouping()?;
        check::range_aggregation(RangeAggregation { op, param: None, source, grouping }, param).map(MetricExpr::Range)
    }

    fn log_range(&mut self) -> Parse<LogRange> {
        let mut found = self.deeper(Self::partial_range)?;
        if found.range.is_none() {
            return self.unexpected(&[]);
        }
        if found.offset.is_none() {
            found.offset = self.offset()?;
        }
        Ok(LogRange {
            logs: found.logs,
            unwrap: found.unwrap,
            range: found.range.unwrap_or_default(),
            offset: found.offset.unwrap_or_default(),
        })
    }

    /// Lines with or without their range, in parentheses or not.
    fn partial_range(&mut self) -> Parse<PartialRange> {
        let mut found = if self.eat("(") {
            let inner = self.deeper(Self::partial_range)?;
            if !self.eat(")") {
                return self.unexpected(&[]);
            }
            inner
        } else {
            PartialRange { logs: self.logs()?, unwrap: self.unwrap()?, range: None, offset: None }
        };
        let Token::Range(range) = *self.peek() else { return Ok(found) };
        if found.range.is_some() {
            return self.unexpected(&[")"]);
        }
        self.next();
        found.range = Some(range);
        found.offset = self.offset()?;
        // The pipeline may stand behind the range too, if there is none before it.
        if found.unwrap.is_none() {
            if found.logs.stages.is_empty() {
                found.logs.stages = self.pipeline()?;
            }
            found.unwrap = self.unwrap()?;
        }
        Ok(found)
    }

    fn offset(&mut self) -> Parse<Option<i64>> {
        if !self.eat("offset") {
            return Ok(None);
        }
        let Token::Duration(nanos) = *self.peek() else { return self.unexpected(&["DURATION"]) };
        self.next();
        Ok(Some(nanos))
    }

    fn unwrap(&mut self) -> Parse<Option<Unwrap>> {
        if !(self.is("|") && *self.peek_at(1) == Token::Word("unwrap")) {
            return Ok(None);
        }
        self.at += 2;
        let conversion = match self.peek() {
            Token::Function("bytes") => Conversion::Bytes,
            Token::Function("duration") => Conversion::Duration,
            Token::Function("duration_seconds") => Conversion::DurationSeconds,
            Token::Identifier(_) => Conversion::Float,
            _ => return self.unexpected(&["IDENTIFIER", "BYTES_CONV", "DURATION_CONV", "DURATION_SECONDS_CONV"]),
        };
        let label = if conversion == Conversion::Float {
            self.identifier()?
        } else {
            self.next();
            self.expect("(")?;
            let label = self.identifier()?;
            self.expect(")")?;
            label
        };
        let mut filters = Vec::new();
        while self.eat("|") {
            filters.push(self.label_filter()?);
        }
        Ok(Some(Unwrap { label, conversion, filters }))
    }

    fn vector_aggregation(&mut self, op: VectorOp) -> Parse<MetricExpr> {
        self.next();
        let before = self.grouping()?;
        self.expect("(")?;
        // A number may also be what is aggregated: only before a comma it says how many.
        let param = match (self.peek(), self.peek_at(1)) {
            (Token::Number(text), Token::Word(",")) => {
                let text = text.clone();
                self.at += 2;
                Some(text)
            }
            _ => None,
        };
        let source = Box::new(self.metric()?);
        if !self.eat(")") {
            return self.unexpected(&[]);
        }
        let grouping = if before.is_some() { before } else { self.grouping()? };
        check::vector_aggregation(op, param, source, grouping).map(MetricExpr::Vector)
    }

    fn grouping(&mut self) -> Parse<Option<Grouping>> {
        let without = self.is("without");
        if !without && !self.is("by") {
            return Ok(None);
        }
        self.next();
        Ok(Some(Grouping { without, labels: self.names()? }))
    }

    fn modifiers(&mut self) -> Parse<(bool, Matching)> {
        let returns_bool = self.eat("bool");
        let mut matching = Matching::default();
        let on = self.is("on");
        if !on && !self.is("ignoring") {
            return Ok((returns_bool, matching));
        }
        self.next();
        (matching.on, matching.labels) = (on, self.names()?);
        for (word, cardinality) in [("group_left", Cardinality::ManyToOne), ("group_right", Cardinality::OneToMany)] {
            if self.eat(word) {
                matching.cardinality = cardinality;
                // An expression in parentheses may follow as well: only names belong to the modifier.
                let named = matches!(
                    (self.peek_at(1), self.peek_at(2)),
                    (Token::Word(")"), _) | (Token::Identifier(_), Token::Word("," | ")"))
                );
                if self.is("(") && named {
                    matching.include = self.names()?;
                }
                break;
            }
        }
        Ok((returns_bool, matching))
    }
}

struct PartialRange {
    logs: crate::ast::LogExpr,
    unwrap: Option<Unwrap>,
    range: Option<i64>,
    offset: Option<i64>,
}
