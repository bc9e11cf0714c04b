//! From text to words.

use go_template::unquote;

use super::error::ParseError;
use super::token::{FUNCTIONS, KEYWORDS, SYMBOLS, Token};
use crate::ast::{RangeOp, VectorOp};
use crate::text::{parse_bytes, parse_duration, parse_range};

/// A query may be so long, in bytes.
pub const MAX_QUERY: usize = 128 << 10;

/// A word and where it begins, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Spanned {
    pub(crate) token: Token,
    pub(crate) at: usize,
}

/// Takes a query apart. What cannot be is told apart from the words before it, the last of which is then
/// [`Token::Unknown`]: a mistake that the parser finds before it comes first.
pub(crate) fn tokens(query: &str) -> (Vec<Spanned>, Option<ParseError>) {
    let mut lexer = Lexer { query, at: 0 };
    let mut tokens = Vec::new();
    if query.len() >= MAX_QUERY {
        let error = ParseError::whole(format!("input size too long ({} > {MAX_QUERY})", query.len()));
        return (vec![Spanned { token: Token::Unknown, at: 0 }], Some(error));
    }
    loop {
        lexer.skip_blank();
        let at = lexer.at;
        match lexer.next() {
            Ok(token) => {
                let done = token == Token::End;
                tokens.push(Spanned { token, at });
                if done {
                    return (tokens, None);
                }
            }
            Err(message) => {
                tokens.push(Spanned { token: Token::Unknown, at });
                return (tokens, Some(ParseError::at(query, at, message)));
            }
        }
    }
}

struct Lexer<'a> {
    query: &'a str,
    at: usize,
}

type Lex = Result<Token, String>;

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.query.get(self.at..).unwrap_or_default()
    }

    /// Takes what is wanted; gives it.
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn skip_blank(&mut self) {
        loop {
            self.take(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            if !self.rest().starts_with('#') {
                return;
            }
            self.take(|c| c != '\n');
        }
    }

    fn next(&mut self) -> Lex {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else { return Ok(Token::End) };
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '"' => self.quoted(),
            '`' => self.raw(),
            '[' => self.range(),
            c if c.is_ascii_digit() || (c == '.' && after.starts_with(|c: char| c.is_ascii_digit())) => {
                Ok(self.number())
            }
            c if c == '_' || c.is_alphabetic() => Ok(self.word()),
            '-' => Ok(self.flag_or_negative().unwrap_or_else(|| self.symbol())),
            _ => Ok(self.symbol()),
        }
    }

    fn symbol(&mut self) -> Token {
        let rest = self.rest();
        match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            Some(symbol) => {
                self.at += symbol.len();
                Token::Word(symbol)
            }
            None => {
                self.at += rest.chars().next().map_or(0, char::len_utf8);
                Token::Unknown
            }
        }
    }

    fn flag_or_negative(&mut self) -> Option<Token> {
        let rest = self.rest();
        let ends = |tail: &str| !tail.starts_with(|c: char| c == '-' || c.is_alphabetic());
        let is_flag = |flag: &&str| rest.strip_prefix(*flag).is_some_and(ends);
        if let Some(flag) = ["--strict", "--keep-empty"].into_iter().find(is_flag) {
            self.at += flag.len();
            return Some(Token::Flag(flag));
        }
        let length = measure_length(rest.get(1..)?, is_duration_char) + 1;
        let nanos = parse_duration(rest.get(..length)?).ok()?;
        self.at += length;
        Some(Token::Duration(nanos))
    }

    fn quoted(&mut self) -> Lex {
        let rest = self.rest();
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    self.at += at + 1;
                    let inner = rest.get(1..at).unwrap_or_default();
                    return unquote(inner).map(Token::String).map_err(|_| "invalid char escape".to_owned());
                }
                _ => {}
            }
        }
        Err("literal not terminated".to_owned())
    }

    fn raw(&mut self) -> Lex {
        let rest = self.rest().get(1..).unwrap_or_default();
        let Some(length) = rest.find('`') else { return Err("literal not terminated".to_owned()) };
        self.at += length + 2;
        Ok(Token::String(rest.get(..length).unwrap_or_default().replace('\r', "")))
    }

    fn range(&mut self) -> Lex {
        let rest = self.rest().get(1..).unwrap_or_default();
        let Some(length) = rest.find(']') else { return Err("missing closing ']' in duration".to_owned()) };
        self.at += length + 2;
        parse_range(rest.get(..length).unwrap_or_default()).map(Token::Range)
    }

    fn number(&mut self) -> Token {
        let rest = self.rest();
        let length = number_length(rest);
        let measured = |wanted: fn(char) -> bool| {
            let more = measure_length(rest.get(length..).unwrap_or_default(), wanted);
            let text = rest.get(..length + more).filter(|_| more > 0)?;
            Some((text, text.len()))
        };
        if let Some((text, taken)) = measured(is_duration_char)
            && let Ok(nanos) = parse_duration(text)
        {
            self.at += taken;
            return Token::Duration(nanos);
        }
        if let Some((text, taken)) = measured(is_size_char)
            && let Ok(bytes) = parse_bytes(text)
        {
            self.at += taken;
            return Token::Bytes(bytes);
        }
        self.at += length;
        Token::Number(rest.get(..length).unwrap_or_default().to_owned())
    }

    fn word(&mut self) -> Token {
        let word = self.take(|c| c == '_' || c.is_alphanumeric());
        let lower = word.to_lowercase();
        let found = RangeOp::ALL.iter().map(|op| op.as_str());
        let mut found = found.chain(VectorOp::ALL.iter().map(|op| op.as_str())).chain(FUNCTIONS);
        if let Some(name) = found.find(|name| **name == *lower) {
            return if is_called(self.rest()) { Token::Function(name) } else { Token::Identifier(word.to_owned()) };
        }
        match KEYWORDS.iter().find(|keyword| **keyword == lower) {
            Some(keyword) => Token::Word(keyword),
            None => Token::Identifier(word.to_owned()),
        }
    }
}

/// Whether a name before this text is a function's.
fn is_called(rest: &str) -> bool {
    let rest = rest.trim_start();
    let grouped = |keyword: &str| {
        let (word, after) = rest.split_at_checked(keyword.len())?;
        word.eq_ignore_ascii_case(keyword).then(|| after.trim_start().starts_with('('))
    };
    rest.starts_with('(') || grouped("by").or_else(|| grouped("without")).unwrap_or(false)
}

fn is_duration_char(c: char) -> bool {
    matches!(c, 'n' | 'u' | 'µ' | 'm' | 's' | 'h' | 'd' | 'w' | 'y' | '.') || c.is_ascii_digit()
}

fn is_size_char(c: char) -> bool {
    matches!(c, 'B' | 'i' | 'k' | 'K' | 'M' | 'G' | 'T' | 'P' | '.') || c.is_ascii_digit()
}

fn measure_length(text: &str, wanted: fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}

/// How long the number is that a text begins with.
fn number_length(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut length = digits(text);
    let tail = |length: usize| text.get(length..).unwrap_or_default();
    if tail(length).starts_with('.') {
        length += 1 + digits(tail(length + 1));
    }
    if let Some(exponent) = tail(length).strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let count = digits(exponent.get(sign..).unwrap_or_default());
        if count > 0 {
            length += 1 + sign + count;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(query: &str) -> Vec<Token> {
        let mut tokens: Vec<Token> = tokens(query).0.into_iter().map(|spanned| spanned.token).collect();
        assert_eq!(tokens.pop(), Some(Token::End));
        tokens
    }

    #[test]
    fn numbers_durations_and_sizes() {
        assert_eq!(kinds("1e-3"), [Token::Number("1e-3".into())]);
        assert_eq!(kinds("1h30m 1.5s -5m"), [5_400_000_000_000, 1_500_000_000, -300_000_000_000].map(Token::Duration));
        assert_eq!(kinds("20MB 1KiB"), [Token::Bytes(20_000_000), Token::Bytes(1024)]);
        assert_eq!(kinds("[5m]"), [Token::Range(300_000_000_000)]);
        assert_eq!(kinds("1-2"), [Token::Number("1".into()), Token::Word("-"), Token::Number("2".into())]);
    }

    #[test]
    fn a_function_is_one_before_a_parenthesis_only() {
        assert_eq!(kinds("sum"), [Token::Identifier("sum".into())]);
        assert_eq!(kinds("SUM("), [Token::Function("sum"), Token::Word("(")]);
        assert_eq!(kinds("sum by (a")[..2], [Token::Function("sum"), Token::Word("by")]);
        assert_eq!(kinds("ip="), [Token::Identifier("ip".into()), Token::Word("=")]);
    }

    #[test]
    fn comments_and_raw_texts() {
        assert_eq!(kinds("# all\n`a\\n` # more"), [Token::String("a\\n".into())]);
    }
}
