//! `| logfmt`: lines of `key=value`.

use super::names::sanitize;
use super::work::Work;
use crate::ast::Logfmt;

const LOGFMT_ERROR: &str = "LogfmtParserErr";

/// A key and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair<'a> {
    pub(crate) key: &'a str,
    /// As it is written, without quotes around it.
    pub(crate) value: &'a str,
    pub(crate) quoted: bool,
}

/// The pairs of a line, one after the other, or what is wrong where one should be.
pub(crate) struct Pairs<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Pairs<'a> {
    pub(crate) fn new(line: &'a str) -> Self {
        Self { line, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    /// Goes to the first byte that ends what is read.
    fn until(&mut self, end: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(|byte| !end(byte)) {
            self.at += 1;
        }
        self.line.get(start..self.at).unwrap_or_default()
    }

    /// What is wrong here; goes on behind the next blank.
    fn wrong<T>(&mut self, problem: &str) -> Option<Result<T, String>> {
        let place = self.at + 1;
        self.until(|byte| byte <= b' ');
        Some(Err(format!("logfmt syntax error at pos {place} : {problem}")))
    }

    fn quoted(&mut self, key: &'a str) -> Option<Result<Pair<'a>, String>> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek() {
                None => return self.wrong("unterminated quoted value"),
                Some(b'"') if !escaped => break,
                Some(byte) => escaped = byte == b'\\' && !escaped,
            }
            self.at += 1;
        }
        let value = self.line.get(start..self.at).unwrap_or_default();
        self.at += 1;
        if self.peek().is_some_and(|byte| byte > b' ') {
            return self.wrong("unexpected character after quoted value");
        }
        Some(Ok(Pair { key, value, quoted: true }))
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<Pair<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.until(|byte| byte > b' ');
        match self.peek()? {
            b'=' => return self.wrong("unexpected '='"),
            b'"' => return self.wrong("unexpected '\"'"),
            _ => {}
        }
        let key = self.until(|byte| byte <= b' ' || byte == b'=' || byte == b'"');
        match self.peek() {
            Some(b'"') => return self.wrong("unexpected '\"'"),
            Some(b'=') => self.at += 1,
            _ => return Some(Ok(Pair { key, value: "", quoted: false })),
        }
        if self.peek() == Some(b'"') {
            return self.quoted(key);
        }
        let value = self.until(|byte| byte <= b' ' || byte == b'=' || byte == b'"');
        match self.peek() {
            Some(b'=') => self.wrong("unexpected '='"),
            Some(b'"') => self.wrong("unexpected '\"'"),
            _ => Some(Ok(Pair { key, value, quoted: false })),
        }
    }
}

impl Pair<'_> {
    /// The value without its escapes; empty if one is wrong.
    pub(crate) fn text<'t>(&'t self, buffer: &'t mut String) -> &'t str {
        let plain = !self.quoted || !self.value.contains('\\');
        if plain { self.value } else { super::json::unescape(self.value, buffer).unwrap_or_default() }
    }
}

pub(super) fn run(line: &str, logfmt: &Logfmt, work: &mut Work) {
    let mut names = std::mem::take(&mut work.names);
    let mut problem = None;
    for pair in Pairs::new(line) {
        let pair = match pair {
            Ok(pair) => pair,
            Err(error) if logfmt.strict => {
                problem = Some(error);
                break;
            }
            Err(_) => continue,
        };
        names.name.clear();
        sanitize(pair.key, true, &mut names.name);
        let label = if logfmt.extractions.is_empty() {
            Some(names.name.as_str())
        } else {
            let wanted = logfmt.extractions.iter().find(|extraction| extraction.path == names.name);
            wanted.map(|extraction| extraction.label.as_str())
        };
        let value = pair.text(&mut names.text);
        let Some(label) = label.filter(|_| logfmt.keep_empty || !value.is_empty()) else { continue };
        if let Err(error) = work.extract(label, value) {
            problem = Some(error);
            break;
        }
    }
    work.names = names;
    for extraction in &logfmt.extractions {
        // What is asked for by name is there, if empty.
        let _ = work.extract(&extraction.label, "");
    }
    if let Some(details) = problem {
        work.parser_fails(LOGFMT_ERROR, &details);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_mistakes() {
        let line = r#"a=1 b="x \"y\"" c d= =e f"g h=i=j k=l"#;
        let found: Vec<_> = Pairs::new(line).map(|pair| pair.map(|pair| (pair.key, pair.value))).collect();
        let wrong = |place: usize, what: &str| Err(format!("logfmt syntax error at pos {place} : unexpected '{what}'"));
        assert_eq!(
            found,
            [
                Ok(("a", "1")),
                Ok(("b", r#"x \"y\""#)),
                Ok(("c", "")),
                Ok(("d", "")),
                wrong(22, "="),
                wrong(26, "\""),
                wrong(32, "="),
                Ok(("k", "l")),
            ]
        );
        let open: Vec<_> = Pairs::new(r#"a="x"#).collect();
        assert_eq!(open, [Err("logfmt syntax error at pos 5 : unterminated quoted value".to_owned())]);
    }
}
