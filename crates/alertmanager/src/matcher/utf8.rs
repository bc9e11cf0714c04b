//! The grammar for UTF-8 labels: a name and a value are bare words without reserved characters, or
//! texts in double quotes with the escapes of Go.

use super::{Matcher, MatcherError, Op};

/// What must not be in a bare word.
pub(super) fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

/// Reads exactly one matcher.
pub(super) fn one(text: &str) -> Result<Matcher, MatcherError> {
    let mut all = many(text)?;
    match (all.pop(), all.len()) {
        (Some(matcher), 0) => Ok(matcher),
        (None, _) => Err(MatcherError::syntax(text, "no matchers")),
        (Some(_), more) => Err(MatcherError::syntax(text, format!("expected 1 matcher, found {}", more + 1))),
    }
}

/// Reads any number of matchers.
pub(super) fn many(text: &str) -> Result<Vec<Matcher>, MatcherError> {
    let mut parser = Parser { text, rest: text.trim_start() };
    let braces = parser.take("{");
    let mut matchers = Vec::new();
    while !parser.at_end(braces) {
        matchers.push(parser.matcher()?);
        if !parser.take(",") && !parser.at_end(braces) {
            return Err(parser.expected("a comma or the end"));
        }
    }
    if braces && !parser.take("}") {
        return Err(parser.expected("a closing brace"));
    }
    if parser.rest.is_empty() { Ok(matchers) } else { Err(parser.expected("the end")) }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn take(&mut self, token: &str) -> bool {
        let after = self.rest.strip_prefix(token);
        if let Some(after) = after {
            self.rest = after.trim_start();
        }
        after.is_some()
    }

    fn at_end(&self, braces: bool) -> bool {
        self.rest.is_empty() || (braces && self.rest.starts_with('}'))
    }

    fn matcher(&mut self) -> Result<Matcher, MatcherError> {
        let name = self.word("a label name")?;
        let ops = [Op::Regex, Op::NotEqual, Op::NotRegex, Op::Equal];
        let Some(op) = ops.into_iter().find(|op| self.take(op.as_str())) else {
            return Err(self.expected("one of = != =~ !~"));
        };
        let value = self.word("a label value")?;
        Matcher::new(name, op, value)
    }

    fn word(&mut self, what: &str) -> Result<String, MatcherError> {
        if let Some(inner) = self.rest.strip_prefix('"') {
            let Some(end) = closing_quote(inner) else { return Err(self.expected("a closing double quote")) };
            let (quoted, after) = inner.split_at(end);
            let word = go_template::unquote(quoted).map_err(|problem| MatcherError::syntax(self.text, problem))?;
            self.rest = after.get(1..).unwrap_or_default().trim_start();
            return Ok(word);
        }
        let end = self.rest.find(is_reserved).unwrap_or(self.rest.len());
        if end == 0 {
            return Err(self.expected(what));
        }
        let (word, after) = self.rest.split_at(end);
        self.rest = after.trim_start();
        Ok(word.to_owned())
    }

    fn expected(&self, what: &str) -> MatcherError {
        let at = self.text.len() - self.rest.len();
        let found = self.rest.chars().next().map_or_else(|| "the end".to_owned(), |c| format!("`{c}`"));
        MatcherError::syntax(self.text, format!("expected {what} at byte {at}, found {found}"))
    }
}

/// Where the first double quote is that no backslash escapes.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}
