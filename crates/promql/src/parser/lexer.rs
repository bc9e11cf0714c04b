use super::ast::{BinaryOp, Span};
use super::error::ParseError;
use super::token::{DURATION_WORDS, Spanned, Token};
use crate::text::{MAX_DURATION, parse_duration, parse_float, quote};

/// An expression may be so long, in bytes.
pub const MAX_QUERY: usize = 1 << 20;

/// Takes an expression apart. What cannot be is told apart from the tokens, the last of which is then
/// [`Token::Invalid`]: a mistake that the parser finds before it comes first.
pub(crate) fn tokens(query: &str) -> (Vec<Spanned>, Option<ParseError>) {
    let invalid = |span| Spanned { token: Token::Invalid, span };
    if query.len() > MAX_QUERY {
        let message = format!("expression is longer than {MAX_QUERY} bytes");
        return (vec![invalid(Span::default())], Some(ParseError::new(query, Span::default(), message)));
    }
    let mut lexer = Lexer { query, at: 0, range: Range::Outside, braces: 0, parens: 0 };
    let mut tokens = Vec::new();
    loop {
        match lexer.next() {
            Ok(token) => {
                let done = token.token == Token::End;
                tokens.push(token);
                if done {
                    return (tokens, None);
                }
            }
            Err(error) => {
                tokens.push(invalid(error.span));
                return (tokens, Some(error));
            }
        }
    }
}

struct Lexer<'a> {
    query: &'a str,
    at: usize,
    range: Range,
    braces: usize,
    parens: usize,
}

/// Where within `[..]` the lexer is: there a colon separates, while elsewhere it begins or is part of a name, and the only
/// words are those of [`DURATION_WORDS`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Range {
    Outside,
    /// Before the first number, where there is nothing but what a duration may begin with.
    First,
    /// There was no number, but `step()` or another function.
    Named,
    BeforeColon,
    AfterColon,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.query.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error<T>(&self, start: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(self.query, Span { start, end: self.at }, message))
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn next(&mut self) -> Result<Spanned, ParseError> {
        self.skip_blank();
        let start = self.at;
        let token = self.token(start)?;
        Ok(Spanned { token, span: Span { start, end: self.at } })
    }

    fn token(&mut self, start: usize) -> Result<Token, ParseError> {
        let Some(c) = self.peek() else { return self.end(start) };
        let after = self.rest().get(c.len_utf8()..).unwrap_or_default();
        if self.range != Range::Outside {
            self.check_range(start, c)?;
        }
        match c {
            '"' | '\'' | '`' => return self.string(c),
            c if self.braces > 0 && (c.is_ascii_digit() || c == '.') => {}
            c if c.is_ascii_digit() || (c == '.' && after.starts_with(|c: char| c.is_ascii_digit())) => {
                return self.number();
            }
            c if c.is_ascii_alphabetic() || c == '_' => return Ok(self.word()),
            ':' if self.range == Range::Outside && self.braces == 0 => return Ok(self.word()),
            '=' | '!' => return self.comparison(start, c, after),
            _ => {}
        }
        if self.braces > 0 && !matches!(c, ',' | '{' | '}') {
            return self.error(start, format!("unexpected character inside braces: {}", quoted_char(c)));
        }
        if let Some((text, token)) = SYMBOLS.iter().find(|(text, _)| self.rest().starts_with(text)) {
            self.at += text.len();
            return self.count(start, token.clone());
        }
        self.at += c.len_utf8();
        self.error(start, format!("unexpected character: {}", quoted_char(c)))
    }

    /// Refuses what cannot be within `[..]`.
    fn check_range(&mut self, start: usize, c: char) -> Result<(), ParseError> {
        let is_letter = c.is_ascii_alphabetic() || c == '_';
        let word = self.rest().split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default();
        let is_known = DURATION_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
        let point = c == '.' && self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        let begins =
            point || c.is_ascii_digit() || matches!(c, ':' | ',' | '(' | ')' | ']' | '+' | '-' | '*' | '/' | '%' | '^');
        let is_first = matches!(self.range, Range::First | Range::Named);
        if is_first && !(begins || is_known) {
            return self.error(start, format!("unexpected character in duration expression: {}", quoted_char(c)));
        }
        if is_letter && !is_known {
            return self.error(start, format!("unexpected character: {}, expected ':'", quoted_char(c)));
        }
        // Signs, parentheses and functions may come before the first number.
        self.range = match self.range {
            Range::First | Range::Named if c.is_ascii_digit() || point => Range::BeforeColon,
            Range::First if is_letter => Range::Named,
            range => range,
        };
        Ok(())
    }

    /// What begins with `=` or `!`: between braces and elsewhere these are other operators.
    fn comparison(&mut self, start: usize, c: char, after: &str) -> Result<Token, ParseError> {
        let next = after.chars().next();
        let (token, length) = match (c, next) {
            ('=', Some('~')) if self.braces > 0 => (Token::Regexp, 2),
            ('!', Some('~')) if self.braces > 0 => (Token::NotRegexp, 2),
            ('=', Some('=')) if self.braces == 0 => (Token::Operator(BinaryOp::Eq), 2),
            ('!', Some('=')) => (Token::Operator(BinaryOp::Ne), 2),
            ('=', next) if self.braces > 0 || next != Some('~') => (Token::Assign, 1),
            _ => {
                let inside = if self.braces > 0 { " inside braces" } else { "" };
                let next = quoted_char(next.unwrap_or(char::REPLACEMENT_CHARACTER));
                return self.error(start, format!("unexpected character after '{c}'{inside}: {next}"));
            }
        };
        self.at += length;
        Ok(token)
    }

    /// Keeps count of brackets, since what a colon means depends on them.
    fn count(&mut self, start: usize, token: Token) -> Result<Token, ParseError> {
        match token {
            Token::LeftBracket if self.range != Range::Outside => {
                return self.error(start, "unexpected left bracket '['");
            }
            Token::LeftBracket => self.range = Range::First,
            Token::RightBracket if self.range == Range::Outside => {
                return self.error(start, "unexpected right bracket ']'");
            }
            Token::RightBracket => self.range = Range::Outside,
            Token::Colon if self.range == Range::First => {
                return self.error(self.at, "unexpected colon before duration in duration expression");
            }
            Token::Colon if self.range == Range::AfterColon => return self.error(start, "unexpected colon ':'"),
            Token::Colon => self.range = Range::AfterColon,
            Token::LeftBrace if self.braces > 0 => return self.error(start, "unexpected left brace '{'"),
            Token::LeftBrace => self.braces += 1,
            Token::RightBrace if self.braces == 0 => return self.error(start, "unexpected character: '}'"),
            Token::RightBrace => self.braces -= 1,
            Token::LeftParen => self.parens += 1,
            Token::RightParen if self.parens == 0 => {
                return self.error(start + 1, "unexpected right parenthesis ')'");
            }
            Token::RightParen => self.parens -= 1,
            _ => {}
        }
        Ok(token)
    }

    fn end(&self, start: usize) -> Result<Token, ParseError> {
        if self.braces > 0 {
            return self.error(start, "unexpected end of input inside braces");
        }
        if matches!(self.range, Range::First | Range::Named) {
            return self.error(start, "unexpected end of input in duration expression");
        }
        if self.parens > 0 {
            return self.error(start, "unclosed left parenthesis");
        }
        if self.range != Range::Outside {
            return self.error(start, "unclosed left bracket");
        }
        Ok(Token::End)
    }

    fn word(&mut self) -> Token {
        // Neither words of durations nor names of labels have colons.
        let colons = self.range == Range::Outside && self.braces == 0;
        let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
        let rest = self.rest();
        let length = rest.len() - rest.trim_start_matches(part).len();
        let word = rest.get(..length).unwrap_or_default();
        self.at += length;
        let infinite = word.eq_ignore_ascii_case("inf");
        if self.braces == 0 && (infinite || word.eq_ignore_ascii_case("nan")) {
            return Token::Number(if infinite { f64::INFINITY } else { f64::NAN });
        }
        Token::Word(word.to_owned())
    }

    fn number(&mut self) -> Result<Token, ParseError> {
        let start = self.at;
        let rest = self.rest();
        let length = number_length(rest);
        let text = rest.get(..length).unwrap_or_default();
        self.at += length;
        if let Some(seconds) = duration(text) {
            return match seconds {
                Ok(seconds) => Ok(Token::Duration(seconds)),
                Err(message) => self.error(start, message),
            };
        }
        let digits = text.replace('_', "");
        let grouped = !text.ends_with('_') && !text.contains("__");
        match parse_number(&digits).filter(|_| grouped) {
            Some(number) => Ok(Token::Number(number)),
            None => self.error(start, format!("bad number or duration syntax: {}", quote(text))),
        }
    }

    fn string(&mut self, delimiter: char) -> Result<Token, ParseError> {
        let start = self.at;
        self.at += 1;
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            let Some(c) = self.peek() else {
                let kind = if delimiter == '`' { "raw" } else { "quoted" };
                return self.error(start, format!("unterminated {kind} string"));
            };
            self.at += c.len_utf8();
            match c {
                c if c == delimiter => break,
                '\\' if delimiter != '`' => self.escape(start, delimiter, &mut bytes)?,
                '\n' if delimiter != '`' => return self.error(start, "unterminated quoted string"),
                c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        Ok(Token::String(text_of(bytes)))
    }

    /// An escape as in Go, behind its backslash.
    fn escape(&mut self, start: usize, delimiter: char, out: &mut Vec<u8>) -> Result<(), ParseError> {
        let Some(c) = self.peek() else { return self.error(start, "escape sequence not terminated") };
        self.at += c.len_utf8();
        let (radix, length) = match c {
            c if c == delimiter => {
                out.push(c as u8);
                return Ok(());
            }
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => {
                out.push(match c {
                    'a' => 7,
                    'b' => 8,
                    'f' => 12,
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    'v' => 11,
                    _ => b'\\',
                });
                return Ok(());
            }
            '0'..='7' => {
                self.at -= 1;
                (8, 3)
            }
            'x' => (16, 2),
            'u' => (16, 4),
            'U' => (16, 8),
            c => return self.error(start, format!("unknown escape sequence U+{:04X} '{c}'", c as u32)),
        };
        let mut value = 0;
        for _ in 0..length {
            let Some(digit) = self.peek() else { return self.error(start, "escape sequence not terminated") };
            let Some(number) = digit.to_digit(radix) else {
                let message = format!("illegal character U+{:04X} '{digit}' in escape sequence", digit as u32);
                return self.error(start, message);
            };
            value = value * radix + number;
            self.at += 1;
        }
        if matches!(c, 'u' | 'U') {
            let Some(c) = char::from_u32(value) else {
                return self.error(start, "escape sequence is an invalid Unicode code point");
            };
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            let Ok(byte) = u8::try_from(value) else {
                return self.error(start, "escape sequence is an invalid Unicode code point");
            };
            out.push(byte);
        }
        Ok(())
    }
}

/// Escapes can make bytes that are no UTF-8. They are kept one to one as characters of a private
/// area, so that whoever validates can refuse them and print them as they were.
fn text_of(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => error
            .as_bytes()
            .utf8_chunks()
            .flat_map(|chunk| {
                let invalid = chunk.invalid().iter().map(|byte| invalid_byte(*byte));
                chunk.valid().chars().chain(invalid).collect::<Vec<_>>()
            })
            .collect(),
    }
}

const INVALID_BYTES: u32 = 0x10_FF00;

fn invalid_byte(byte: u8) -> char {
    char::from_u32(INVALID_BYTES + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The byte that was no UTF-8 for which a character stands.
pub(crate) fn as_invalid_byte(c: char) -> Option<u8> {
    (c as u32).checked_sub(INVALID_BYTES).and_then(|byte| u8::try_from(byte).ok()).filter(|byte| *byte >= 0x80)
}

/// A text in quotes, with the bytes that are no UTF-8 written as escapes.
pub(crate) fn quoted_bytes(text: &str) -> String {
    let quoted = quote(text);
    quoted.chars().map(|c| as_invalid_byte(c).map_or_else(|| c.to_string(), |byte| format!("\\x{byte:02x}"))).collect()
}

const SYMBOLS: [(&str, Token); 21] = [
    ("</", Token::Operator(BinaryOp::TrimUpper)),
    (">/", Token::Operator(BinaryOp::TrimLower)),
    (">=", Token::Operator(BinaryOp::Ge)),
    ("<=", Token::Operator(BinaryOp::Le)),
    (">", Token::Operator(BinaryOp::Gt)),
    ("<", Token::Operator(BinaryOp::Lt)),
    ("+", Token::Operator(BinaryOp::Add)),
    ("-", Token::Operator(BinaryOp::Sub)),
    ("*", Token::Operator(BinaryOp::Mul)),
    ("/", Token::Operator(BinaryOp::Div)),
    ("%", Token::Operator(BinaryOp::Mod)),
    ("^", Token::Operator(BinaryOp::Pow)),
    ("(", Token::LeftParen),
    (")", Token::RightParen),
    ("[", Token::LeftBracket),
    ("]", Token::RightBracket),
    ("{", Token::LeftBrace),
    ("}", Token::RightBrace),
    (",", Token::Comma),
    (":", Token::Colon),
    ("@", Token::At),
];

fn quoted_char(c: char) -> String {
    match c {
        '"' => "'\"'".into(),
        '\'' => "'\\''".into(),
        c => format!("'{}'", quote(&c.to_string()).trim_matches('"')),
    }
}

/// How long the number or duration is that a text begins with.
fn number_length(text: &str) -> usize {
    let hex = text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X"));
    let mut length = 0;
    let mut previous = '0';
    for c in text.chars() {
        let sign = (c == '+' || c == '-') && !hex && matches!(previous, 'e' | 'E') && is_exponent(text, length);
        if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || sign) {
            break;
        }
        length += c.len_utf8();
        previous = c;
    }
    length
}

/// Whether the `e` before a place belongs to a number: only digits, dots and underscores precede it.
fn is_exponent(text: &str, at: usize) -> bool {
    let before = text.get(..at.saturating_sub(1)).unwrap_or_default();
    before.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '_')
}

fn parse_number(text: &str) -> Option<f64> {
    let plain = text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '.' | 'x' | 'X' | '+' | '-'));
    // A leading zero with digits behind it is octal, as in Go.
    let octal = text.len() > 1 && text.starts_with('0') && text.chars().all(|c| c.is_digit(8));
    if octal {
        return i64::from_str_radix(text, 8).ok().map(|number| number as f64);
    }
    parse_float(text).filter(|_| plain)
}

/// The seconds of a text that has units, if it has.
fn duration(text: &str) -> Option<Result<f64, String>> {
    let hex = text.starts_with("0x") || text.starts_with("0X");
    let units = text.chars().any(|c| matches!(c, 's' | 'm' | 'h' | 'd' | 'w' | 'y'));
    if hex || !units || text.contains('.') {
        return None;
    }
    Some(match parse_duration(text) {
        Ok(ms) if ms <= MAX_DURATION => Ok(ms as f64 / 1000.0),
        Ok(_) => Err("duration out of range".into()),
        Err(crate::text::DurationError::Form(_)) => Err(format!("bad number or duration syntax: {}", quote(text))),
        Err(error) => Err(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(query: &str) -> Vec<Token> {
        tokens(query).0.into_iter().map(|spanned| spanned.token).collect()
    }

    #[test]
    fn numbers_durations_and_names() {
        assert_eq!(kinds("1e-3"), [Token::Number(0.001), Token::End]);
        assert_eq!(kinds("0x1F"), [Token::Number(31.0), Token::End]);
        assert_eq!(kinds("1_000"), [Token::Number(1000.0), Token::End]);
        assert_eq!(kinds("1h30m"), [Token::Duration(5400.0), Token::End]);
        assert_eq!(kinds("job:x:sum"), [Token::Word("job:x:sum".into()), Token::End]);
        assert_eq!(kinds("Inf"), [Token::Number(f64::INFINITY), Token::End]);
        assert_eq!(
            kinds("[5m:1m]"),
            [
                Token::LeftBracket,
                Token::Duration(300.0),
                Token::Colon,
                Token::Duration(60.0),
                Token::RightBracket,
                Token::End
            ]
        );
    }

    #[test]
    fn escapes_are_resolved_and_raw_strings_are_not() {
        assert_eq!(kinds(r#""a\n\x41\u0042""#), [Token::String("a\nAB".into()), Token::End]);
        assert_eq!(kinds(r"`a\n`"), [Token::String(r"a\n".into()), Token::End]);
        assert_eq!(kinds("'it\\'s'"), [Token::String("it's".into()), Token::End]);
    }

    #[test]
    fn errors_have_their_place() {
        let mistake = |query| tokens(query).1.unwrap();
        assert_eq!(mistake("a\n ?").to_string(), "2:2: parse error: unexpected character: '?'");
        assert!(mistake("\"abc").message.contains("unterminated"));
        assert!(mistake("1h5").message.contains("bad number"));
    }
}
