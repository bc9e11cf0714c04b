use super::Parser;
use super::ast::{BinaryOp, Duration};
use super::error::ParseError;
use super::token::Token;
use crate::text::MAX_DURATION;

const CONTEXT: &str = "subquery or range selector";
const EXPECTED: &str = "number, duration, step(), or range()";

/// Why a duration expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A range or step has to be longer than nothing.
    #[error("duration must be greater than 0")]
    NotPositive,
    /// It is no number, infinite, or does not fit.
    #[error("duration is out of range")]
    OutOfRange,
    /// Division by zero.
    #[error("division by zero")]
    Division,
    /// Remainder of a division by zero.
    #[error("modulo by zero")]
    Modulo,
}

impl Duration {
    /// Its value in milliseconds for a query with an interval and range, both in milliseconds.
    ///
    /// # Errors
    /// Division by zero, what does not fit, and, unless `signed`, what is not positive.
    pub fn milliseconds(&self, step: i64, range: i64, signed: bool) -> Result<i64, DurationError> {
        let seconds = self.seconds(step, range)?;
        if !signed && seconds <= 0.0 {
            return Err(DurationError::NotPositive);
        }
        // Rounded first: 1.1 s are 1100 ms, not 1100.0000000000002.
        let ms = (seconds * 1000.0 * 1e6).round() / 1e6;
        if !ms.is_finite() || ms.abs() > MAX_DURATION as f64 {
            return Err(DurationError::OutOfRange);
        }
        Ok(ms.trunc() as i64)
    }

    fn seconds(&self, step: i64, range: i64) -> Result<f64, DurationError> {
        let value = |duration: &Duration| duration.seconds(step, range);
        Ok(match self {
            Duration::Seconds(seconds, _) => *seconds,
            Duration::Step => step as f64 / 1000.0,
            Duration::Range => range as f64 / 1000.0,
            Duration::Unary(negative, inner) => {
                if *negative {
                    -value(inner)?
                } else {
                    value(inner)?
                }
            }
            Duration::Paren(inner) => value(inner)?,
            Duration::Extreme(max, a, b) => {
                let (a, b) = (value(a)?, value(b)?);
                if *max { a.max(b) } else { a.min(b) }
            }
            Duration::Binary(op, a, b) => {
                let (a, b) = (value(a)?, value(b)?);
                match op {
                    BinaryOp::Add => a + b,
                    BinaryOp::Sub => a - b,
                    BinaryOp::Mul => a * b,
                    BinaryOp::Div if b == 0.0 => return Err(DurationError::Division),
                    BinaryOp::Div => a / b,
                    BinaryOp::Mod if b == 0.0 => return Err(DurationError::Modulo),
                    BinaryOp::Mod => a % b,
                    _ => a.powf(b),
                }
            }
        })
    }

    /// Its value if it does not depend on the query.
    pub(crate) fn is_constant(&self) -> bool {
        match self {
            Duration::Seconds(..) => true,
            Duration::Step | Duration::Range => false,
            Duration::Unary(_, inner) | Duration::Paren(inner) => inner.is_constant(),
            Duration::Binary(_, a, b) | Duration::Extreme(_, a, b) => a.is_constant() && b.is_constant(),
        }
    }
}

impl Parser<'_> {
    /// A duration within brackets, where all of it is one expression.
    pub(super) fn bracket_duration(&mut self) -> Result<Duration, ParseError> {
        let start = self.span();
        if matches!(self.peek(), Token::RightBracket | Token::Colon) {
            return self.unexpected(CONTEXT, EXPECTED);
        }
        let duration = self.duration(0)?;
        if duration.is_constant()
            && let Err(error) = duration.milliseconds(0, 0, false)
        {
            return self.error(start, error.to_string());
        }
        Ok(duration)
    }

    /// A duration behind `offset`, which takes one term only: what follows belongs to the expression.
    pub(super) fn offset_duration(&mut self) -> Result<Duration, ParseError> {
        let start = self.span();
        let duration = match self.peek() {
            Token::Operator(op @ (BinaryOp::Add | BinaryOp::Sub)) => {
                let negative = *op == BinaryOp::Sub;
                self.advance();
                Duration::Unary(negative, Box::new(self.duration_term()?))
            }
            _ => self.duration_term()?,
        };
        if duration.is_constant()
            && let Err(error) = duration.milliseconds(0, 0, true)
        {
            return self.error(start, error.to_string());
        }
        Ok(duration)
    }

    fn duration(&mut self, strength: u8) -> Result<Duration, ParseError> {
        self.nested(|parser| {
            let mut left = parser.duration_unary()?;
            while let Token::Operator(op) = *parser.peek() {
                let arithmetic = matches!(
                    op,
                    BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Pow
                );
                if !arithmetic || op.precedence() < strength {
                    break;
                }
                parser.advance();
                let strength = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
                let right = parser.duration(strength)?;
                left = Duration::Binary(op, Box::new(left), Box::new(right));
            }
            Ok(left)
        })
    }

    fn duration_unary(&mut self) -> Result<Duration, ParseError> {
        let negative = match self.peek() {
            Token::Operator(BinaryOp::Sub) => true,
            Token::Operator(BinaryOp::Add) => false,
            _ => return self.duration_term(),
        };
        self.advance();
        Ok(Duration::Unary(negative, Box::new(self.duration(BinaryOp::Pow.precedence())?)))
    }

    fn duration_term(&mut self) -> Result<Duration, ParseError> {
        match self.peek().clone() {
            Token::Number(seconds) => {
                self.advance();
                Ok(Duration::Seconds(seconds, false))
            }
            Token::Duration(seconds) => {
                self.advance();
                Ok(Duration::Seconds(seconds, true))
            }
            Token::LeftParen => {
                self.advance();
                let inner = self.duration(0)?;
                self.expect(&Token::RightParen, CONTEXT)?;
                Ok(Duration::Paren(Box::new(inner)))
            }
            Token::Word(word) => self.duration_function(&word.to_ascii_lowercase()),
            _ => self.unexpected(CONTEXT, EXPECTED),
        }
    }

    fn duration_function(&mut self, name: &str) -> Result<Duration, ParseError> {
        let duration = match name {
            "step" => Duration::Step,
            "range" => Duration::Range,
            "min_of" | "max_of" => {
                self.advance();
                self.expect(&Token::LeftParen, CONTEXT)?;
                let a = self.duration(0)?;
                self.expect(&Token::Comma, CONTEXT)?;
                let b = self.duration(0)?;
                self.expect(&Token::RightParen, CONTEXT)?;
                return Ok(Duration::Extreme(name == "max_of", Box::new(a), Box::new(b)));
            }
            _ => {
                let first = name.chars().next().unwrap_or_default();
                return self.error(self.span(), format!("unexpected character in duration expression: '{first}'"));
            }
        };
        self.advance();
        self.expect(&Token::LeftParen, CONTEXT)?;
        self.expect(&Token::RightParen, CONTEXT)?;
        Ok(duration)
    }
}
