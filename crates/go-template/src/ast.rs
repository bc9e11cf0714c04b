//! A template as it was read.

use crate::Value;

/// Nodes in order.
pub(crate) type List = Vec<Node>;

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Text(String),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { line: usize, name: String, pipe: Option<Pipe> },
    Break,
    Continue,
}

#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) line: usize,
    pub(crate) pipe: Pipe,
    pub(crate) body: List,
    pub(crate) otherwise: List,
}

#[derive(Clone, Debug)]
pub(crate) struct Pipe {
    pub(crate) line: usize,
    /// Variables that it sets.
    pub(crate) variables: Vec<String>,
    /// Whether they are new (`:=`) or there already (`=`).
    pub(crate) declares: bool,
    pub(crate) commands: Vec<Vec<Operand>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Operand {
    Dot,
    Literal(Value),
    /// `nil`, which only some functions take.
    Nil,
    /// `.a.b`
    Field(Vec<String>),
    /// `$x.a.b`
    Variable(String, Vec<String>),
    Function(String),
    /// `(pipeline).a.b`
    Pipe(Box<Pipe>, Vec<String>),
}

/// Whether there is nothing in it but white space, so that it does not replace another definition.
pub(crate) fn is_empty(list: &List) -> bool {
    list.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}
