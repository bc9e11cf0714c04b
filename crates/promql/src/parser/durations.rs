use super::Parser;
use super::ast::{BinaryOp, Duration, Span};
use super::error::ParseError;
use super::token::Token;
use crate::text::MAX_DURATION;

const EXPECTED: &str = "number, duration, step(), or range()";
const IN_OFFSET: (&str, &str) = ("offset", EXPECTED);
/// In brackets, before a colon.
pub(super) const RANGE: (&str, &str) = ("subquery or range selector", EXPECTED);
/// In brackets, behind a colon.
pub(super) const STEP: (&str, &str) = ("subquery selector", "number, duration, step(), range(), or \"]\"");

/// Why a duration expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A range or step has to be longer than nothing.
    #[error("duration must be greater than 0")]
    NotPositive,
    /// It is no number, or infinite.
    #[error("duration is NaN or infinite")]
    NotFinite,
    /// It does not fit.
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
        if !seconds.is_finite() {
            return Err(DurationError::NotFinite);
        }
        if !signed && seconds <= 0.0 {
            return Err(DurationError::NotPositive);
        }
        if is_out_of_range(seconds) {
            return Err(DurationError::OutOfRange);
        }
        // What is written as a number is rounded to nanoseconds, what is worked out is cut.
        let is_literal = self.literal().is_some();
        Ok(if is_literal { (seconds * 1e9).round() as i64 / 1_000_000 } else { (seconds * 1000.0).trunc() as i64 })
    }

    /// Seconds, and whether they were written as a duration, of a number with or without a sign.
    pub fn literal(&self) -> Option<(f64, bool)> {
        match self {
            Duration::Seconds(seconds, is_duration) => Some((*seconds, *is_duration)),
            Duration::Unary(negative, of) => {
                of.literal().map(|(seconds, is_duration)| (if *negative { -seconds } else { seconds }, is_duration))
            }
            _ => None,
        }
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
}

/// Whether so many seconds do not fit 63 bits of nanoseconds.
fn is_out_of_range(seconds: f64) -> bool {
    seconds.abs() * 1000.0 > MAX_DURATION as f64
}

/// Whether a token is a minus, if it is a sign.
fn sign(token: &Token) -> Option<bool> {
    match token {
        Token::Operator(BinaryOp::Sub) => Some(true),
        Token::Operator(BinaryOp::Add) => Some(false),
        _ => None,
    }
}

impl Parser<'_> {
    /// A duration within brackets, where all of it is one expression; `within` is how errors name the place.
    pub(super) fn bracket_duration(
        &mut self,
        within: (&'static str, &'static str),
    ) -> Result<(Duration, Span), ParseError> {
        let start = self.span();
        self.within = within;
        let value = self.duration(0)?;
        let span = start.to(self.last_span());
        match value.literal() {
            Some((seconds, _)) if seconds <= 0.0 => self.error(span, DurationError::NotPositive.to_string()),
            _ => Ok((value, span)),
        }
    }

    /// A duration behind `offset`, which takes one term only, with a sign or without: what follows belongs to the
    /// expression. But what begins with a parenthesis or with two signs goes on as far as it can.
    pub(super) fn offset_duration(&mut self) -> Result<(Duration, Span), ParseError> {
        let start = self.span();
        self.within = IN_OFFSET;
        let value = match (sign(self.peek()), sign(self.peek_at(1))) {
            (Some(_), Some(_)) => self.duration(0)?,
            (Some(negative), None) => {
                self.advance();
                self.check_literal(start.to(self.span()))?;
                Duration::Unary(negative, Box::new(self.duration_term()?))
            }
            (None, _) if self.peek() == &Token::LeftParen => self.duration(0)?,
            (None, _) => self.duration_term()?,
        };
        Ok((value, start.to(self.last_span())))
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
                let place = parser.span();
                parser.advance();
                let strength = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
                let right = parser.duration(strength)?;
                let by_zero = right.literal().is_some_and(|(seconds, _)| seconds == 0.0);
                match op {
                    BinaryOp::Div if by_zero => return parser.error(place, DurationError::Division.to_string()),
                    BinaryOp::Mod if by_zero => return parser.error(place, DurationError::Modulo.to_string()),
                    _ => {}
                }
                left = Duration::Binary(op, Box::new(left), Box::new(right));
            }
            Ok(left)
        })
    }

    fn duration_unary(&mut self) -> Result<Duration, ParseError> {
        let Some(negative) = sign(self.peek()) else { return self.duration_term() };
        self.advance();
        Ok(match self.duration(BinaryOp::Pow.precedence())? {
            // Two signs before a number are one, or none.
            Duration::Unary(sign, of) if matches!(*of, Duration::Seconds(..)) => match negative == sign {
                true => *of,
                false => Duration::Unary(true, of),
            },
            of => Duration::Unary(negative, Box::new(of)),
        })
    }

    /// Whether a number that comes may be one of a duration.
    fn check_literal(&self, span: Span) -> Result<(), ParseError> {
        match self.peek() {
            Token::Number(seconds) | Token::Duration(seconds) if is_out_of_range(*seconds) => {
                self.error(span, "duration out of range")
            }
            _ => Ok(()),
        }
    }

    fn duration_term(&mut self) -> Result<Duration, ParseError> {
        self.check_literal(self.span())?;
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
                self.part(&Token::RightParen)?;
                // Those within others are the same ones.
                Ok(if matches!(inner, Duration::Paren(_)) { inner } else { Duration::Paren(Box::new(inner)) })
            }
            Token::Word(word) => self.duration_function(&word.to_ascii_lowercase()),
            _ => self.no_duration(),
        }
    }

    fn no_duration<T>(&self) -> Result<T, ParseError> {
        let (context, expected) = self.within;
        self.unexpected(context, expected)
    }

    /// A token that has to be there.
    fn part(&mut self, token: &Token) -> Result<(), ParseError> {
        if self.take(token) { Ok(()) } else { self.no_duration() }
    }

    fn duration_function(&mut self, name: &str) -> Result<Duration, ParseError> {
        let duration = match name {
            "step" => Duration::Step,
            "range" => Duration::Range,
            "min_of" | "max_of" => {
                self.advance();
                self.part(&Token::LeftParen)?;
                let a = self.duration(0)?;
                self.part(&Token::Comma)?;
                let b = self.duration(0)?;
                self.part(&Token::RightParen)?;
                return Ok(Duration::Extreme(name == "max_of", Box::new(a), Box::new(b)));
            }
            _ => return self.no_duration(),
        };
        self.advance();
        self.part(&Token::LeftParen)?;
        self.part(&Token::RightParen)?;
        Ok(duration)
    }
}
