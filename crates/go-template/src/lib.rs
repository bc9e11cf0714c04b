//! Go's text/template, as far as Alertmanager's receivers and Prometheus' rules use it.
//!
//! Exact for what it takes: actions, pipelines, variables, `if`, `with`, `range`, `define`, `template`,
//! `block`, `break`, `continue`, comments, trim markers, fields, methods, parentheses, literals and Go's
//! functions, among them printf. Left out: complex numbers, channels, function values and `call`.
//!
//! With [`Escape::Html`] what an action prints is escaped as html/template does in the text of a page;
//! it does not look whether the action is in an attribute, a script or a URL. Values are otherwise the
//! same, and [`Value::Html`] is printed as it is.
//!
//! Templates are hostile input: output, steps and nesting are bounded ([`Limits`]).

mod ast;
mod builtin;
mod error;
mod escape;
mod exec;
mod format;
mod functions;
mod json;
mod lex;
mod methods;
mod parse;
mod quote;
mod replace;
#[cfg(test)]
mod tests;
mod time;
mod value;

use std::sync::Arc;

use base::Limit;

pub use error::{Fault, TemplateError};
pub use escape::{html as escape_html, query as escape_query};
pub use format::{printf as sprintf, show};
pub use functions::{Function, Functions};
pub use json::to_json;
pub use quote::{quote, unquote};
pub use replace::replace_all;
pub use time::{Time, duration as show_duration};
pub use value::{Object, Value};

use exec::{Definitions, Executor};

/// A template's text is no longer, in bytes.
const MAX_TEXT: Limit = Limit::new("template_bytes", 1 << 20);

/// How what actions print is escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escape {
    /// Not at all.
    #[default]
    None,
    /// For HTML.
    Html,
}

/// A text that is made is cut behind so many bytes, however the limits are set: what shows a list that holds the same
/// list again and again would have no end.
pub(crate) const LONGEST: usize = 4 << 20;

/// How much an execution may make and take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the output, 4 MiB at most; a value has no more bytes and items either, with all that is in it.
    pub output_bytes: u64,
    /// Commands, arguments and rounds of loops; what functions take and give counts as well, a step for every 256 bytes.
    pub steps: u64,
    /// Templates, blocks and parentheses within each other.
    pub depth: u64,
}

impl Default for Limits {
    /// 1 MiB, a million steps, 100 levels.
    fn default() -> Self {
        Self { output_bytes: 1 << 20, steps: 1_000_000, depth: 100 }
    }
}

/// Templates that know each other by name, and the functions that they call.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    definitions: Arc<Definitions>,
    functions: Arc<Functions>,
    limits: Limits,
}

impl Templates {
    /// None yet.
    pub fn new(functions: Functions, limits: Limits) -> Self {
        Self { definitions: Arc::default(), functions: Arc::new(functions), limits }
    }

    /// Adds the template `name` and those that its text defines. A later definition replaces an earlier
    /// one, unless it is empty.
    ///
    /// # Errors
    /// If the text is no template: the line, and what was expected there.
    pub fn parse(&mut self, name: &str, text: &str) -> Result<(), TemplateError> {
        let parsed = self.read(name, text)?;
        let body = [(name.to_owned(), parsed.body)];
        for (name, body) in parsed.definitions.into_iter().chain(body) {
            if !ast::is_empty(&body) || !self.definitions.contains_key(&name) {
                Arc::make_mut(&mut self.definitions).insert(name, Arc::new(body));
            }
        }
        Ok(())
    }

    /// Reads a text and forgets it.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn check(&self, text: &str) -> Result<(), TemplateError> {
        self.read("", text).map(|_| ())
    }

    /// The functions, to add or replace one. A copy of these templates keeps its own.
    pub fn functions(&mut self) -> &mut Functions {
        Arc::make_mut(&mut self.functions)
    }

    /// The names of all templates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }

    /// Executes the template `name`.
    ///
    /// # Errors
    /// If there is none of that name, or it cannot be executed with this data, or exceeds a limit.
    pub fn execute(&self, name: &str, data: &Value, escape: Escape) -> Result<String, TemplateError> {
        self.execute_counted(name, data, escape, &mut 0)
    }

    /// The same for executions that share the steps they may take: `steps` is what was taken so far.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn execute_counted(
        &self,
        name: &str,
        data: &Value,
        escape: Escape,
        steps: &mut u64,
    ) -> Result<String, TemplateError> {
        let missing = || TemplateError {
            template: name.to_owned(),
            line: 0,
            fault: Fault::Execution(format!("template {name:?} not defined")),
        };
        let body = self.definitions.get(name).ok_or_else(missing)?;
        Executor::new(&self.definitions, &self.functions, self.limits, escape, name).run_counted(body, data, steps)
    }

    /// Executes a text, which may use all templates.
    ///
    /// # Errors
    /// As [`Self::parse`] and [`Self::execute`].
    pub fn render(&self, text: &str, data: &Value, escape: Escape) -> Result<String, TemplateError> {
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        let parsed = self.read("", text)?;
        if parsed.definitions.is_empty() {
            return Executor::new(&self.definitions, &self.functions, self.limits, escape, "").run(&parsed.body, data);
        }
        let mut definitions = Definitions::clone(&self.definitions);
        definitions.extend(parsed.definitions.into_iter().map(|(name, body)| (name, Arc::new(body))));
        Executor::new(&definitions, &self.functions, self.limits, escape, "").run(&parsed.body, data)
    }

    fn read(&self, name: &str, text: &str) -> Result<parse::Parsed, TemplateError> {
        let error = |line, fault| TemplateError { template: name.to_owned(), line, fault };
        MAX_TEXT.check(text.len() as u64).map_err(|exceeded| error(1, exceeded.into()))?;
        parse::parse(text, &self.functions).map_err(|(line, message)| error(line, Fault::Syntax(message)))
    }
}
