//! Words of a template: text, and what is between `{{` and `}}`.

use crate::quote::{unquote, unquote_char};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Text(String),
    Open,
    Close,
    Word(String),
    /// `.name`
    Field(String),
    /// `$` or `$name`
    Variable(String),
    Dot,
    Str(String),
    Char(char),
    Number(String),
    Declare,
    Assign,
    Pipe,
    Comma,
    OpenParen,
    CloseParen,
}

/// A word and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) line: usize,
    /// Whether white space is before it.
    pub(crate) spaced: bool,
}

/// A mistake and its line.
pub(crate) type Mistake = (usize, String);

/// White space of templates.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// The words of a text.
pub(crate) fn lex(text: &str) -> Result<Vec<Lexeme>, Mistake> {
    let mut lexer = Lexer { rest: text, line: 1, out: Vec::new() };
    let mut trim = false;
    while let Some((before, after)) = lexer.rest.split_once("{{") {
        let trims_left = after.strip_prefix('-').is_some_and(|after| after.starts_with(SPACE));
        lexer.text(before, trim, trims_left);
        lexer.rest = if trims_left { after.get(1..).unwrap_or_default() } else { after };
        trim = lexer.action()?;
    }
    lexer.text(lexer.rest, trim, false);
    Ok(lexer.out)
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    out: Vec<Lexeme>,
}

impl<'a> Lexer<'a> {
    fn text(&mut self, text: &'a str, trim_start: bool, trim_end: bool) {
        let shown = if trim_start { text.trim_start_matches(SPACE) } else { text };
        let shown = if trim_end { shown.trim_end_matches(SPACE) } else { shown };
        if !shown.is_empty() {
            self.push(Token::Text(shown.to_owned()), false);
        }
        self.line += text.matches('\n').count();
    }

    fn push(&mut self, token: Token, spaced: bool) {
        self.out.push(Lexeme { token, line: self.line, spaced });
    }

    /// An action up to its end; whether it trims the text that follows.
    fn action(&mut self) -> Result<bool, Mistake> {
        let comment = self.rest.trim_start_matches(SPACE);
        if comment.starts_with("/*") && (comment.len() == self.rest.len() || self.rest.starts_with(SPACE)) {
            return self.comment(comment);
        }
        self.push(Token::Open, false);
        loop {
            let spaced = self.skip_space();
            if let Some(after) = self.rest.strip_prefix("-}}").filter(|_| spaced) {
                self.rest = after;
                self.push(Token::Close, spaced);
                return Ok(true);
            }
            if let Some(after) = self.rest.strip_prefix("}}") {
                self.rest = after;
                self.push(Token::Close, spaced);
                return Ok(false);
            }
            let line = self.line;
            let (token, after) = word(self.rest).map_err(|message| (line, message))?;
            self.line += self.rest.get(..self.rest.len() - after.len()).unwrap_or_default().matches('\n').count();
            self.rest = after;
            self.out.push(Lexeme { token, line, spaced });
        }
    }

    fn skip_space(&mut self) -> bool {
        let after = self.rest.trim_start_matches(SPACE);
        let skipped = self.rest.get(..self.rest.len() - after.len()).unwrap_or_default();
        self.line += skipped.matches('\n').count();
        self.rest = after;
        !skipped.is_empty()
    }

    fn comment(&mut self, from: &'a str) -> Result<bool, Mistake> {
        let (inner, after) = from.split_once("*/").ok_or((self.line, "unclosed comment".to_owned()))?;
        self.line += inner.matches('\n').count();
        let trimmed = after.trim_start_matches(SPACE);
        if let Some(after) = trimmed.strip_prefix("-}}").filter(|_| trimmed.len() < after.len()) {
            self.rest = after;
            return Ok(true);
        }
        self.rest = after.strip_prefix("}}").ok_or((self.line, "comment ends before closing delimiter".to_owned()))?;
        Ok(false)
    }
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// What a text begins with up to the first character that is not of a name, and what follows.
fn name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_alphanumeric(c)).unwrap_or(text.len()))
}

/// The first word of a text, and what follows.
fn word(text: &str) -> Result<(Token, &str), String> {
    let mut chars = text.chars();
    let first = chars.next().ok_or("unclosed action")?;
    let after = chars.as_str();
    let numeric = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    Ok(match first {
        '|' => (Token::Pipe, after),
        '(' => (Token::OpenParen, after),
        ')' => (Token::CloseParen, after),
        ',' => (Token::Comma, after),
        '=' => (Token::Assign, after),
        ':' => (Token::Declare, after.strip_prefix('=').ok_or("expected :=")?),
        '"' => {
            let (inner, after) = quoted(after, '"').ok_or("unterminated quoted string")?;
            (Token::Str(unquote(inner)?), after)
        }
        '\'' => {
            let (inner, after) = quoted(after, '\'').ok_or("unterminated character constant")?;
            (Token::Char(unquote_char(inner)?), after)
        }
        '`' => {
            let (inner, after) = after.split_once('`').ok_or("unterminated raw quoted string")?;
            (Token::Str(inner.replace('\r', "")), after)
        }
        '$' => {
            let (name, after) = name(after);
            (Token::Variable(format!("${name}")), after)
        }
        '.' if numeric(after) => number(text),
        '.' => match name(after) {
            ("", after) => (Token::Dot, after),
            (name, after) => (Token::Field(name.to_owned()), after),
        },
        '0'..='9' => number(text),
        '+' | '-' if numeric(after.trim_start_matches('.')) => number(text),
        c if is_alphanumeric(c) => {
            let (name, after) = name(text);
            (Token::Word(name.to_owned()), after)
        }
        c => return Err(format!("unexpected {c:?} in command")),
    })
}

/// What is before a quote that no backslash escapes, and what follows it; not over the line's end.
fn quoted(text: &str, quote: char) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.char_indices().find(|(_, c)| {
        let ends = !escaped && (*c == quote || *c == '\n');
        escaped = *c == '\\' && !escaped;
        ends
    });
    let (end, c) = end?;
    (c == quote).then(|| (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default()))
}

fn number(text: &str) -> (Token, &str) {
    let mut before = ' ';
    let signed = text.starts_with(['+', '-']);
    let digits = text.trim_start_matches(['+', '-']);
    let hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
    let end = text.char_indices().find(|(at, c)| {
        let exponent = if hexadecimal { ['p', 'P'] } else { ['e', 'E'] };
        let sign = matches!(c, '+' | '-') && (exponent.contains(&before) || (*at == 0 && signed));
        before = *c;
        !(is_alphanumeric(*c) || *c == '.' || sign)
    });
    let (number, after) = text.split_at(end.map_or(text.len(), |(at, _)| at));
    (Token::Number(number.to_owned()), after)
}
