//! Conditions on labels within a pipeline.

use super::metrics::literal;
use super::token::Token;
use super::{Parse, Parser};
use crate::ast::{Compare, LabelFilter};
use crate::matcher::{MatchOp, Matcher};

impl Parser<'_> {
    pub(super) fn label_filter(&mut self) -> Parse<LabelFilter> {
        self.deeper(|parser| parser.any_of())
    }

    fn any_of(&mut self) -> Parse<LabelFilter> {
        let mut left = self.all_of()?;
        while self.eat("or") {
            self.count_operator()?;
            left = LabelFilter::Or(Box::new(left), Box::new(self.all_of()?));
        }
        Ok(left)
    }

    fn all_of(&mut self) -> Parse<LabelFilter> {
        let mut left = self.listed()?;
        while self.eat("and") {
            self.count_operator()?;
            left = LabelFilter::And(Box::new(left), Box::new(self.listed()?));
        }
        Ok(left)
    }

    /// A condition; what follows a comma, or nothing at all, belongs to it as a whole: Loki's grammar
    /// gives a comma no precedence, so that it binds what is to its right, `or` included.
    fn listed(&mut self) -> Parse<LabelFilter> {
        let left = self.condition()?;
        if self.eat(",") || self.begins_condition() {
            let right = self.label_filter()?;
            return Ok(LabelFilter::And(Box::new(left), Box::new(right)));
        }
        Ok(left)
    }

    fn begins_condition(&self) -> bool {
        self.is("(") || matches!(self.peek(), Token::Identifier(_))
    }

    fn condition(&mut self) -> Parse<LabelFilter> {
        if self.eat("(") {
            let inner = self.label_filter()?;
            return if self.eat(")") { Ok(inner) } else { self.unexpected(&[]) };
        }
        let name = self.take_identifier()?;
        let Token::Word(op) = *self.peek() else { return self.unexpected(&[]) };
        let matches = match op {
            "=" => MatchOp::Equal,
            "!=" => MatchOp::NotEqual,
            "=~" => MatchOp::Regexp,
            "!~" => MatchOp::NotRegexp,
            _ => return self.comparison(name),
        };
        if !matches!(self.peek_at(1), Token::String(_)) {
            return match matches {
                MatchOp::Equal | MatchOp::NotEqual => self.comparison(name),
                _ => {
                    self.next();
                    self.unexpected(&["STRING"])
                }
            };
        }
        self.next();
        let value = self.string()?;
        Matcher::within(&name, matches, &value, &mut self.room)
            .map(LabelFilter::Text)
            .map_err(|error| super::ParseError::whole(error.to_string()))
    }

    /// What follows a name: an operator and a number, duration, size or range of addresses.
    fn comparison(&mut self, label: String) -> Parse<LabelFilter> {
        let op = match self.peek() {
            Token::Word("=" | "==") => Compare::Equal,
            Token::Word("!=") => Compare::NotEqual,
            Token::Word(">") => Compare::Greater,
            Token::Word(">=") => Compare::GreaterOrEqual,
            Token::Word("<") => Compare::Less,
            Token::Word("<=") => Compare::LessOrEqual,
            _ => return self.unexpected(&[]),
        };
        let doubled = self.is("==");
        self.next();
        match *self.peek() {
            Token::Duration(nanos) => {
                self.next();
                Ok(LabelFilter::Duration(label, op, nanos))
            }
            Token::Bytes(bytes) => {
                self.next();
                Ok(LabelFilter::Bytes(label, op, bytes))
            }
            Token::Function("ip") if !doubled && matches!(op, Compare::Equal | Compare::NotEqual) => {
                let range = self.ip_range()?;
                Ok(LabelFilter::Ip { label, positive: op == Compare::Equal, range })
            }
            _ => Ok(LabelFilter::Number(label, op, self.signed_number()?)),
        }
    }

    /// A number, perhaps with a sign.
    pub(super) fn signed_number(&mut self) -> Parse<f64> {
        let negative = self.is("-");
        if negative || self.is("+") {
            self.next();
        }
        match self.next() {
            Token::Number(text) => literal(&text).map(|number| if negative { -number } else { number }),
            _ => {
                self.at -= 1;
                self.unexpected(&[])
            }
        }
    }
}
