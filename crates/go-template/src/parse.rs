//! From words to nodes.

use std::collections::BTreeMap;

use crate::Value;
use crate::ast::{Branch, List, Node, Operand, Pipe};
use crate::builtin;
use crate::functions::Functions;
use crate::lex::{Lexeme, Mistake, Token, lex};

/// Blocks and parentheses are nested no deeper.
const MAX_DEPTH: usize = 100;

/// Variables that are known at a place: each is looked for among all.
const MAX_VARIABLES: usize = 1000;

/// Words that end a block or go on with it.
const ENDS: [&str; 2] = ["end", "else"];

/// What a text holds: itself, and the templates that it defines.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) body: List,
    pub(crate) definitions: BTreeMap<String, List>,
}

/// Reads a text.
pub(crate) fn parse(text: &str, functions: &Functions) -> Result<Parsed, Mistake> {
    let mut parser = Parser {
        words: lex(text)?,
        at: 0,
        functions,
        variables: vec!["$".to_owned()],
        definitions: BTreeMap::new(),
        depth: 0,
        loops: 0,
    };
    let (body, end) = parser.list()?;
    match end {
        None => Ok(Parsed { body, definitions: parser.definitions }),
        Some(word) => parser.fail(format!("unexpected {{{{{word}}}}}")),
    }
}

struct Parser<'a> {
    words: Vec<Lexeme>,
    at: usize,
    functions: &'a Functions,
    variables: Vec<String>,
    definitions: BTreeMap<String, List>,
    depth: usize,
    loops: usize,
}

type Parse<T> = Result<T, Mistake>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Lexeme> {
        self.words.get(self.at)
    }

    fn next(&mut self) -> Option<Lexeme> {
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        word
    }

    fn line(&self) -> usize {
        self.words.get(self.at.min(self.words.len().saturating_sub(1))).map_or(1, |word| word.line)
    }

    fn fail<T>(&self, message: impl Into<String>) -> Parse<T> {
        Err((self.line(), message.into()))
    }

    fn take(&mut self, token: &Token) -> bool {
        let is_it = self.peek().is_some_and(|word| word.token == *token);
        self.at += usize::from(is_it);
        is_it
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.peek().is_some_and(|it| matches!(&it.token, Token::Word(it) if it == word));
        self.at += usize::from(is_it);
        is_it
    }

    fn expect(&mut self, token: &Token, context: &str) -> Parse<()> {
        if self.take(token) { Ok(()) } else { self.unexpected(context) }
    }

    fn unexpected<T>(&self, context: &str) -> Parse<T> {
        match self.peek().map(|word| &word.token) {
            Some(token) => self.fail(format!("unexpected {} in {context}", show(token))),
            None => self.fail(format!("unexpected end of the text in {context}")),
        }
    }

    /// Does something a level deeper.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.depth >= MAX_DEPTH {
            return self.fail(format!("nested deeper than {MAX_DEPTH}"));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Nodes up to the end, or to `end` or `else`, which is given.
    fn list(&mut self) -> Parse<(List, Option<&'static str>)> {
        let mut list = List::new();
        while let Some(word) = self.next() {
            if let Token::Text(text) = word.token {
                list.push(Node::Text(text));
                continue;
            }
            if let Some(end) = ENDS.into_iter().find(|end| self.take_word(end)) {
                return Ok((list, Some(end)));
            }
            list.extend(self.action()?);
        }
        Ok((list, None))
    }

    /// What is in an action whose opening was taken.
    fn action(&mut self) -> Parse<Option<Node>> {
        let Some(Token::Word(word)) = self.peek().map(|word| word.token.clone()) else {
            return self.pipe("command", true).map(|pipe| Some(Node::Action(pipe)));
        };
        self.at += 1;
        match &*word {
            "if" => self.branch("if").map(|branch| Some(Node::If(branch))),
            "with" => self.branch("with").map(|branch| Some(Node::With(branch))),
            "range" => self.branch("range").map(|branch| Some(Node::Range(branch))),
            "template" => self.template().map(Some),
            "define" => self.define().map(|()| None),
            "block" => self.block().map(Some),
            "break" | "continue" => self.jump(&word).map(Some),
            _ => {
                self.at -= 1;
                self.pipe("command", true).map(|pipe| Some(Node::Action(pipe)))
            }
        }
    }

    fn jump(&mut self, word: &str) -> Parse<Node> {
        if self.loops == 0 {
            return self.fail(format!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        self.expect(&Token::Close, word)?;
        Ok(if word == "break" { Node::Break } else { Node::Continue })
    }

    /// `if`, `with` and `range`, with all that belongs to them.
    fn branch(&mut self, context: &'static str) -> Parse<Branch> {
        let line = self.line();
        let known = self.variables.len();
        let pipe = self.pipe(context, true)?;
        let is_loop = usize::from(context == "range");
        self.loops += is_loop;
        let (body, end) = self.deeper(Self::list)?;
        self.loops -= is_loop;
        let otherwise = match end {
            Some("end") => {
                self.expect(&Token::Close, "end")?;
                List::new()
            }
            Some(_) => self.otherwise(context)?,
            None => return Err((line, format!("unclosed {{{{{context}}}}}"))),
        };
        self.variables.truncate(known);
        Ok(Branch { line, pipe, body, otherwise })
    }

    /// What follows `else`.
    fn otherwise(&mut self, context: &'static str) -> Parse<List> {
        let line = self.line();
        if context == "if" && self.take_word("if") {
            return self.deeper(|it| it.branch("if")).map(|branch| vec![Node::If(branch)]);
        }
        if context == "with" && self.take_word("with") {
            return self.deeper(|it| it.branch("with")).map(|branch| vec![Node::With(branch)]);
        }
        self.expect(&Token::Close, "else")?;
        match self.deeper(Self::list)? {
            (list, Some("end")) => self.expect(&Token::Close, "end").map(|()| list),
            (_, Some(_)) => self.fail("expected end; found {{else}}"),
            (_, None) => Err((line, format!("unclosed {{{{{context}}}}}"))),
        }
    }

    fn text(&mut self, context: &str) -> Parse<String> {
        match self.next().map(|word| word.token) {
            Some(Token::Str(name)) => Ok(name),
            _ => {
                self.at -= 1;
                self.unexpected(context)
            }
        }
    }

    fn template(&mut self) -> Parse<Node> {
        let line = self.line();
        let name = self.text("template clause")?;
        if self.take(&Token::Close) {
            return Ok(Node::Template { line, name, pipe: None });
        }
        let pipe = self.pipe("template clause", true)?;
        Ok(Node::Template { line, name, pipe: Some(pipe) })
    }

    fn define(&mut self) -> Parse<()> {
        if self.depth > 0 {
            return self.fail("unexpected {{define}} in a block");
        }
        let name = self.text("define clause")?;
        self.expect(&Token::Close, "define clause")?;
        self.definition(name, "define")
    }

    fn block(&mut self) -> Parse<Node> {
        let line = self.line();
        let name = self.text("block clause")?;
        let pipe = self.pipe("block clause", true)?;
        self.definition(name.clone(), "block")?;
        Ok(Node::Template { line, name, pipe: Some(pipe) })
    }

    /// The body of a definition, in which only its own variables are known.
    fn definition(&mut self, name: String, context: &str) -> Parse<()> {
        let line = self.line();
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.deeper(Self::list)?;
        (self.variables, self.loops) = (variables, loops);
        match end {
            Some("end") => self.expect(&Token::Close, "end")?,
            Some(_) => return self.fail(format!("unexpected {{{{else}}}} in {context} clause")),
            None => return Err((line, format!("unclosed {{{{{context} {name:?}}}}}"))),
        }
        if !crate::ast::is_empty(&body) || !self.definitions.contains_key(&name) {
            self.definitions.insert(name, body);
        }
        Ok(())
    }

    /// A pipeline up to its end: that of the action, or a closing parenthesis.
    fn pipe(&mut self, context: &str, in_action: bool) -> Parse<Pipe> {
        let line = self.line();
        let (variables, declares) = self.variables_of(context)?;
        let mut commands = Vec::new();
        loop {
            let command = self.command(context)?;
            let literal = matches!(command.first(), Some(Operand::Dot | Operand::Literal(_) | Operand::Nil));
            if literal && !commands.is_empty() {
                return self.fail(format!("non executable command in pipeline stage {}", commands.len() + 1));
            }
            commands.push(command);
            if self.take(&Token::Pipe) {
                continue;
            }
            self.expect(if in_action { &Token::Close } else { &Token::CloseParen }, context)?;
            break;
        }
        // Known from here on, not in its own pipeline.
        if declares {
            self.variables.extend(variables.iter().cloned());
            if self.variables.len() > MAX_VARIABLES {
                return self.fail(format!("more than {MAX_VARIABLES} variables"));
            }
        }
        Ok(Pipe { line, variables, declares, commands })
    }

    /// `$x :=`, `$x =`, and in a range `$i, $x :=`.
    fn variables_of(&mut self, context: &str) -> Parse<(Vec<String>, bool)> {
        let start = self.at;
        let mut variables = Vec::new();
        while let Some(Token::Variable(name)) = self.peek().map(|word| word.token.clone()) {
            self.at += 1;
            variables.push(name);
            if !(context == "range" && variables.len() == 1 && self.take(&Token::Comma)) {
                break;
            }
        }
        let declares = self.take(&Token::Declare);
        if variables.is_empty() || !(declares || self.take(&Token::Assign)) {
            if declares || variables.len() > 1 {
                return self.unexpected(context);
            }
            self.at = start;
            return Ok((Vec::new(), false));
        }
        if !declares {
            variables.iter().try_for_each(|name| self.known(name))?;
        }
        Ok((variables, declares))
    }

    fn known(&self, name: &str) -> Parse<()> {
        if self.variables.iter().any(|known| known == name) {
            return Ok(());
        }
        self.fail(format!("undefined variable {name:?}"))
    }

    /// A function or value with its arguments.
    fn command(&mut self, context: &str) -> Parse<Vec<Operand>> {
        let mut operands = Vec::new();
        while let Some(word) = self.peek() {
            if matches!(word.token, Token::Close | Token::CloseParen | Token::Pipe) {
                break;
            }
            if !operands.is_empty() && !word.spaced {
                return self.unexpected("operand");
            }
            operands.push(self.operand(context)?);
        }
        if operands.is_empty() { self.fail(format!("missing value for {context}")) } else { Ok(operands) }
    }

    fn operand(&mut self, context: &str) -> Parse<Operand> {
        let Some(word) = self.next() else { return self.unexpected(context) };
        let operand = match word.token {
            Token::Dot => Operand::Dot,
            Token::Str(text) => Operand::Literal(Value::from(text)),
            Token::Char(c) => Operand::Literal(Value::Int(i64::from(u32::from(c)))),
            Token::Number(number) => Operand::Literal(parse_number(&number).map_err(|message| (word.line, message))?),
            Token::Word(name) => self.word(name)?,
            Token::Field(name) => {
                let mut names = vec![name];
                names.extend(self.fields());
                return Ok(Operand::Field(names));
            }
            Token::Variable(name) => {
                self.known(&name)?;
                return Ok(Operand::Variable(name, self.fields()));
            }
            Token::OpenParen => {
                let pipe = self.deeper(|it| it.pipe("parenthesized pipeline", false))?;
                return Ok(Operand::Pipe(Box::new(pipe), self.fields()));
            }
            _ => {
                self.at -= 1;
                return self.unexpected("operand");
            }
        };
        let chained = self.peek().is_some_and(|word| matches!(word.token, Token::Field(_)) && !word.spaced);
        if chained && !matches!(operand, Operand::Function(_)) {
            return self.fail("a literal has no fields");
        }
        Ok(operand)
    }

    fn word(&mut self, name: String) -> Parse<Operand> {
        Ok(match &*name {
            "true" | "false" => Operand::Literal(Value::Bool(name == "true")),
            "nil" => Operand::Nil,
            _ if self.functions.get(&name).is_some() || builtin::is_one(&name) => Operand::Function(name),
            _ => return self.fail(format!("function {name:?} not defined")),
        })
    }

    /// Fields that follow without white space.
    fn fields(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(Lexeme { token: Token::Field(name), spaced: false, .. }) = self.peek() {
            names.push(name.clone());
            self.at += 1;
        }
        names
    }
}

fn show(token: &Token) -> String {
    match token {
        Token::Text(_) => "text".to_owned(),
        Token::Open => "{{".to_owned(),
        Token::Close => "}}".to_owned(),
        Token::Word(word) | Token::Variable(word) | Token::Number(word) => format!("<{word}>"),
        Token::Field(name) => format!("<.{name}>"),
        Token::Dot => "<.>".to_owned(),
        Token::Str(text) => format!("{text:?}"),
        Token::Char(c) => format!("{c:?}"),
        Token::Declare => "<:=>".to_owned(),
        Token::Assign => "<=>".to_owned(),
        Token::Pipe => "<|>".to_owned(),
        Token::Comma => "<,>".to_owned(),
        Token::OpenParen => "<(>".to_owned(),
        Token::CloseParen => "<)>".to_owned(),
    }
}

/// A number as Go writes it; one with a point or an exponent is a float.
fn parse_number(text: &str) -> Result<Value, String> {
    let bad = || format!("bad number syntax: {text:?}");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.replace('_', "").to_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (lower.get(2..).unwrap_or_default(), 16),
        Some("0o") => (lower.get(2..).unwrap_or_default(), 8),
        Some("0b") => (lower.get(2..).unwrap_or_default(), 2),
        _ => (&*lower, 10),
    };
    if radix == 10 && digits.contains(['.', 'e']) {
        let value: f64 = digits.parse().map_err(|_| bad())?;
        return Ok(Value::Float(if negative { -value } else { value }));
    }
    let radix = if radix == 10 && digits.len() > 1 && digits.starts_with('0') { 8 } else { radix };
    let sign = if negative { "-" } else { "" };
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let value = plain.then(|| i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()).flatten();
    value.map(Value::Int).ok_or_else(bad)
}
