//! Executing a template with its data.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Exceeded, Limit};

use crate::ast::{Branch, List, Node, Operand, Pipe};
use crate::error::{Fault, TemplateError};
use crate::functions::Functions;
use crate::value::Weight;
use crate::{Escape, Limits, Value, builtin, escape, methods};

/// Lists and maps that a function gives are nested no deeper.
const MAX_NESTED: u64 = 200;

/// So many bytes or items that a function takes or gives are as much as a step.
const BYTES_OF_STEP: u64 = 256;

/// Definitions by name.
pub(crate) type Definitions = BTreeMap<String, Arc<List>>;

pub(crate) struct Executor<'a> {
    pub(crate) definitions: &'a Definitions,
    pub(crate) functions: &'a Functions,
    pub(crate) limits: Limits,
    pub(crate) escape: Escape,
    pub(crate) template: String,
    pub(crate) out: String,
    steps: u64,
    depth: u64,
    variables: Vec<(String, Value)>,
}

/// Why a list ended before its end.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

type Run<T> = Result<T, TemplateError>;

impl<'a> Executor<'a> {
    pub(crate) fn new(
        definitions: &'a Definitions,
        functions: &'a Functions,
        limits: Limits,
        escape: Escape,
        template: &str,
    ) -> Self {
        let (template, out, variables) = (template.to_owned(), String::new(), Vec::new());
        Self { definitions, functions, limits, escape, template, out, steps: 0, depth: 0, variables }
    }

    pub(crate) fn run(self, body: &List, data: &Value) -> Run<String> {
        self.run_counted(body, data, &mut 0)
    }

    /// With the steps that were taken before, to which its own are added.
    pub(crate) fn run_counted(mut self, body: &List, data: &Value, steps: &mut u64) -> Run<String> {
        self.steps = *steps;
        self.variables.push(("$".to_owned(), data.clone()));
        let flow = self.list(body, data);
        *steps = self.steps;
        flow.map(|_| self.out)
    }

    fn fault(&self, line: usize, fault: impl Into<Fault>) -> TemplateError {
        TemplateError { template: self.template.clone(), line, fault: fault.into() }
    }

    fn fail<T>(&self, line: usize, message: impl Into<String>) -> Run<T> {
        Err(self.fault(line, Fault::Execution(message.into())))
    }

    fn check(&self, line: usize, name: &'static str, max: u64, got: u64) -> Run<()> {
        let exceeded = |exceeded: Exceeded| self.fault(line, exceeded);
        Limit::new(name, max).check(got).map_err(exceeded)
    }

    fn step(&mut self, line: usize) -> Run<()> {
        self.take_steps(line, 1)
    }

    fn take_steps(&mut self, line: usize, count: u64) -> Run<()> {
        self.steps = self.steps.saturating_add(count);
        self.check(line, "template_steps", self.limits.steps, self.steps)
    }

    fn deeper<T>(&mut self, line: usize, run: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        self.depth += 1;
        self.check(line, "template_depth", self.limits.depth, self.depth)?;
        let result = run(self);
        self.depth -= 1;
        result
    }

    fn write(&mut self, line: usize, text: &str) -> Run<()> {
        self.check(line, "template_output_bytes", self.limits.output_bytes, (self.out.len() + text.len()) as u64)?;
        self.out.push_str(text);
        Ok(())
    }

    fn list(&mut self, list: &List, dot: &Value) -> Run<Flow> {
        for node in list {
            let flow = match node {
                Node::Text(text) => self.write(0, text).map(|()| Flow::On)?,
                Node::Action(pipe) => self.action(pipe, dot).map(|()| Flow::On)?,
                Node::If(branch) => self.scoped(
                    branch,
                    |it, value| {
                        let list = if value.is_true() { &branch.body } else { &branch.otherwise };
                        it.list(list, dot)
                    },
                    dot,
                )?,
                Node::With(branch) => self.scoped(
                    branch,
                    |it, value| {
                        if value.is_true() { it.list(&branch.body, &value) } else { it.list(&branch.otherwise, dot) }
                    },
                    dot,
                )?,
                Node::Range(branch) => self.range(branch, dot)?,
                Node::Template { line, name, pipe } => {
                    self.template(*line, name, pipe.as_ref(), dot).map(|()| Flow::On)?
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn action(&mut self, pipe: &Pipe, dot: &Value) -> Run<()> {
        let value = self.pipe(pipe, dot)?;
        if !pipe.variables.is_empty() {
            return Ok(());
        }
        let text = builtin::printed(&value);
        let text = match (self.escape, &value) {
            (Escape::Html, Value::Html(_)) | (Escape::None, _) => text,
            (Escape::Html, _) => escape::html_output(&text),
        };
        self.write(pipe.line, &text)
    }

    /// Evaluates what a branch is on, and runs in a scope of its own.
    fn scoped(&mut self, branch: &Branch, run: impl FnOnce(&mut Self, Value) -> Run<Flow>, dot: &Value) -> Run<Flow> {
        let known = self.variables.len();
        let flow = self.deeper(branch.line, |it| {
            let value = it.pipe(&branch.pipe, dot)?;
            run(it, value)
        });
        self.variables.truncate(known);
        flow
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Run<Flow> {
        self.scoped(
            branch,
            |it, value| {
                let mut any = false;
                let known = it.variables.len();
                let mut each = |it: &mut Self, key: Value, item: Value| -> Run<bool> {
                    any = true;
                    it.step(branch.line)?;
                    it.set_loop_variables(branch, key, &item);
                    let flow = it.list(&branch.body, &item)?;
                    it.variables.truncate(known);
                    Ok(flow != Flow::Break)
                };
                match value.plain() {
                    Value::Nil => {}
                    Value::List(items) => {
                        for (n, item) in (0..).zip(items.iter()) {
                            if !each(it, Value::Int(n), item.clone())? {
                                break;
                            }
                        }
                    }
                    Value::Map(members) => {
                        for (name, item) in members.iter() {
                            if !each(it, Value::from(name.as_str()), item.clone())? {
                                break;
                            }
                        }
                    }
                    Value::Int(count) => {
                        for n in 0..count {
                            if !each(it, Value::Int(n), Value::Int(n))? {
                                break;
                            }
                        }
                    }
                    _ => {
                        return it.fail(
                            branch.line,
                            format!("range can't iterate over a value of type {}", value.type_name()),
                        );
                    }
                }
                if !any {
                    return it.list(&branch.otherwise, dot);
                }
                Ok(Flow::On)
            },
            dot,
        )
    }

    /// One variable is the item, two are key and item.
    fn set_loop_variables(&mut self, branch: &Branch, key: Value, item: &Value) {
        let values = match branch.pipe.variables.len() {
            0 => return,
            1 => vec![item.clone()],
            _ => vec![key, item.clone()],
        };
        for (name, value) in branch.pipe.variables.iter().zip(values) {
            if branch.pipe.declares {
                self.variables.push((name.clone(), value));
            } else {
                self.assign(name, value);
            }
        }
    }

    fn assign(&mut self, name: &str, value: Value) {
        if let Some(variable) = self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            variable.1 = value;
        }
    }

    fn template(&mut self, line: usize, name: &str, pipe: Option<&Pipe>, dot: &Value) -> Run<()> {
        // Templates that call each other may be few and shallow, and yet endless.
        self.step(line)?;
        let Some(body) = self.definitions.get(name).cloned() else {
            return self.fail(line, format!("template {name:?} not defined"));
        };
        let data = match pipe {
            Some(pipe) => self.pipe(pipe, dot)?,
            None => Value::Nil,
        };
        let outer = std::mem::replace(&mut self.template, name.to_owned());
        let variables = std::mem::replace(&mut self.variables, vec![("$".to_owned(), data.clone())]);
        self.deeper(line, |it| it.list(&body, &data))?;
        self.variables = variables;
        self.template = outer;
        Ok(())
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Run<Value> {
        let mut value = None;
        for command in &pipe.commands {
            self.step(pipe.line)?;
            value = Some(self.command(command, pipe.line, dot, value)?);
        }
        let value = value.unwrap_or_default();
        self.check(pipe.line, "template_value_size", self.limits.output_bytes, value.size() as u64)?;
        // A range sets its variables for each item.
        if let [name] = pipe.variables.as_slice() {
            if pipe.declares {
                self.variables.push((name.clone(), value.clone()));
            } else {
                self.assign(name, value.clone());
            }
        }
        Ok(value)
    }

    fn command(&mut self, command: &[Operand], line: usize, dot: &Value, piped: Option<Value>) -> Run<Value> {
        let Some((first, args)) = command.split_first() else { return Ok(Value::Nil) };
        let has_args = !args.is_empty() || piped.is_some();
        let (receiver, names) = match first {
            Operand::Function(name) if name == "and" || name == "or" => {
                return self.and_or(name, args, line, dot, piped);
            }
            Operand::Function(name) => {
                let args = self.args(args, line, dot, piped)?;
                return self.call(name, &args, line);
            }
            Operand::Field(names) => (dot.clone(), names),
            Operand::Variable(name, names) => (self.variable(name, line)?, names),
            Operand::Pipe(pipe, names) => (self.deeper(line, |it| it.pipe(pipe, dot))?, names),
            Operand::Nil => return self.fail(line, "nil is not a command"),
            Operand::Dot | Operand::Literal(_) if has_args => {
                return self.fail(line, "can't give argument to non-function");
            }
            operand => return self.value(operand, line, dot),
        };
        let Some((last, before)) = names.split_last() else {
            return if has_args { self.fail(line, "can't give argument to non-function") } else { Ok(receiver) };
        };
        let mut receiver = receiver;
        for name in before {
            receiver = self.field(&receiver, name, &[], line)?;
        }
        let args = self.args(args, line, dot, piped)?;
        self.field(&receiver, last, &args, line)
    }

    fn args(&mut self, args: &[Operand], line: usize, dot: &Value, piped: Option<Value>) -> Run<Vec<Value>> {
        let mut values = Vec::with_capacity(args.len() + 1);
        for operand in args {
            values.push(self.value(operand, line, dot)?);
        }
        values.extend(piped);
        Ok(values)
    }

    /// The first argument that decides, or the last.
    fn and_or(&mut self, name: &str, args: &[Operand], line: usize, dot: &Value, piped: Option<Value>) -> Run<Value> {
        let decides = name == "or";
        let mut value = None;
        for operand in args {
            let next = self.value(operand, line, dot)?;
            if next.is_true() == decides {
                return Ok(next);
            }
            value = Some(next);
        }
        match piped.or(value) {
            Some(value) => Ok(value),
            None => self.fail(line, format!("wrong number of args for {name}: want at least 1 got 0")),
        }
    }

    fn call(&mut self, name: &str, args: &[Value], line: usize) -> Run<Value> {
        let given: usize = args.iter().map(Value::size).sum();
        self.take_steps(line, given as u64 / BYTES_OF_STEP)?;
        let result = match self.functions.get(name) {
            Some(function) => function(args),
            None => builtin::call(name, args),
        };
        let value =
            result.map_err(|problem| self.fault(line, Fault::Execution(format!("error calling {name}: {problem}"))))?;
        let max = Weight { size: self.limits.output_bytes, depth: MAX_NESTED };
        let weight = value.weigh(max);
        self.check(line, "template_value_size", max.size, weight.size)?;
        self.check(line, "template_value_depth", max.depth, weight.depth)?;
        self.take_steps(line, weight.size / BYTES_OF_STEP)?;
        Ok(value)
    }

    fn variable(&self, name: &str, line: usize) -> Run<Value> {
        match self.variables.iter().rev().find(|(known, _)| known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.fail(line, format!("undefined variable: {name}")),
        }
    }

    /// An operand that is an argument.
    fn value(&mut self, operand: &Operand, line: usize, dot: &Value) -> Run<Value> {
        self.step(line)?;
        let (mut value, names): (Value, &[String]) = match operand {
            Operand::Dot => (dot.clone(), &[]),
            Operand::Literal(value) => (value.clone(), &[]),
            Operand::Nil => (Value::Nil, &[]),
            Operand::Field(names) => (dot.clone(), names),
            Operand::Variable(name, names) => (self.variable(name, line)?, names),
            Operand::Pipe(pipe, names) => (self.deeper(line, |it| it.pipe(pipe, dot))?, names),
            Operand::Function(name) => (self.call(name, &[], line)?, &[]),
        };
        for name in names {
            value = self.field(&value, name, &[], line)?;
        }
        Ok(value)
    }

    /// A field, a method or a key.
    fn field(&self, receiver: &Value, name: &str, args: &[Value], line: usize) -> Run<Value> {
        let called = match receiver {
            Value::Object(object) => object.call(name, args),
            Value::Time(time) => methods::call_time(time, name, args),
            Value::Duration(nanos) => methods::call_duration(*nanos, name).map(Ok),
            _ => None,
        };
        if let Some(result) = called {
            return result
                .map_err(|problem| self.fault(line, Fault::Execution(format!("error calling {name}: {problem}"))));
        }
        if let (Value::Object(object), true) = (receiver, args.is_empty())
            && let Some(value) = object.field(name)
        {
            return Ok(value);
        }
        if !args.is_empty() {
            return self.fail(line, format!("{name} has arguments but cannot be invoked as function"));
        }
        match receiver.plain() {
            Value::Map(members) => Ok(members.get(name).cloned().unwrap_or_else(|| match receiver {
                Value::Object(object) => object.missing(),
                _ => Value::Nil,
            })),
            Value::Nil => self.fail(line, format!("nil data; no entry for key {name:?}")),
            _ => self.fail(line, format!("can't evaluate field {name} in type {}", receiver.type_name())),
        }
    }
}
