//! Expressions as trees.

use std::sync::Arc;

use crate::matcher::Matcher;

/// Where something stands in a query, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
}

impl Span {
    /// From the beginning of one to the end of another.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start, end: other.end }
    }

    /// Line and column of its first byte, both from 1.
    pub fn line_and_column(self, query: &str) -> (usize, usize) {
        let before = query.as_bytes().get(..self.start).unwrap_or(query.as_bytes());
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        (line, column)
    }
}

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// A number for each time.
    Scalar,
    /// Series with one value for each time.
    Vector,
    /// Series with the values of a range of time.
    Matrix,
    /// A text.
    String,
}

impl ValueType {
    /// As errors and the API name it.
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
            ValueType::String => "string",
        }
    }
}

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands in the query.
    pub span: Span,
}

/// Kinds of expressions.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A number. If it was written as a duration, that is remembered for printing.
    Number(f64, bool),
    /// A text.
    String(Arc<str>),
    /// An expression in parentheses.
    Paren(Box<Expr>),
    /// A sign before an expression; true for a minus.
    Unary(bool, Box<Expr>),
    /// Two expressions and an operator.
    Binary(Box<Binary>),
    /// An aggregation over series.
    Aggregate(Box<Aggregate>),
    /// A function.
    Call(Call),
    /// An instant vector selector.
    Vector(Box<VectorSelector>),
    /// A range vector selector.
    Matrix(Box<MatrixSelector>),
    /// An expression evaluated over a range.
    Subquery(Box<Subquery>),
}

/// Operators between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `atan2`
    Atan2,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `>`
    Gt,
    /// `<`
    Lt,
    /// `>=`
    Ge,
    /// `<=`
    Le,
    /// `</`
    TrimUpper,
    /// `>/`
    TrimLower,
    /// `and`
    And,
    /// `or`
    Or,
    /// `unless`
    Unless,
}

impl BinaryOp {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Mod => "%",
            BinaryOp::Pow => "^",
            BinaryOp::Atan2 => "atan2",
            BinaryOp::Eq => "==",
            BinaryOp::Ne => "!=",
            BinaryOp::Gt => ">",
            BinaryOp::Lt => "<",
            BinaryOp::Ge => ">=",
            BinaryOp::Le => "<=",
            BinaryOp::TrimUpper => "</",
            BinaryOp::TrimLower => ">/",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
            BinaryOp::Unless => "unless",
        }
    }

    /// How strongly it binds; a higher number binds before a lower.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            BinaryOp::Or => 1,
            BinaryOp::And | BinaryOp::Unless => 2,
            op if op.is_comparison() => 3,
            BinaryOp::TrimUpper | BinaryOp::TrimLower => 3,
            BinaryOp::Add | BinaryOp::Sub => 4,
            BinaryOp::Pow => 6,
            _ => 5,
        }
    }

    /// Whether it compares.
    pub fn is_comparison(self) -> bool {
        matches!(self, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Gt | BinaryOp::Lt | BinaryOp::Ge | BinaryOp::Le)
    }

    /// Whether it combines sets of series.
    pub fn is_set(self) -> bool {
        matches!(self, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless)
    }

    /// Whether it cuts histograms.
    pub fn is_trim(self) -> bool {
        matches!(self, BinaryOp::TrimUpper | BinaryOp::TrimLower)
    }
}

/// Two expressions and an operator.
#[derive(Clone, Debug)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// The left side.
    pub left: Expr,
    /// The right side.
    pub right: Expr,
    /// `bool`: a comparison gives 0 or 1 instead of filtering.
    pub returns_bool: bool,
    /// Which series of both sides belong together.
    pub matching: Matching,
}

/// How many series of each side belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cardinality {
    /// One of each.
    #[default]
    OneToOne,
    /// `group_left`: many of the left side.
    ManyToOne,
    /// `group_right`: many of the right side.
    OneToMany,
    /// Of set operators.
    ManyToMany,
}

/// Which series of both sides of an operator belong together.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// How many.
    pub cardinality: Cardinality,
    /// Those with equal values in these labels, or in all others.
    pub labels: Vec<Arc<str>>,
    /// Whether `labels` are those that are compared (`on`) or those that are not (`ignoring`).
    pub on: bool,
    /// Labels that are taken over from the side of one.
    pub include: Vec<Arc<str>>,
    /// What stands for a series that the left side has not.
    pub fill_left: Option<f64>,
    /// What stands for a series that the right side has not.
    pub fill_right: Option<f64>,
}

/// Operators over many series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateOp {
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `count`
    Count,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `group`
    Group,
    /// `stddev`
    Stddev,
    /// `stdvar`
    Stdvar,
    /// `topk`
    Topk,
    /// `bottomk`
    Bottomk,
    /// `count_values`
    CountValues,
    /// `quantile`
    Quantile,
    /// `limitk`
    Limitk,
    /// `limit_ratio`
    LimitRatio,
}

impl AggregateOp {
    /// All of them.
    pub const ALL: [AggregateOp; 14] = [
        AggregateOp::Sum,
        AggregateOp::Avg,
        AggregateOp::Count,
        AggregateOp::Min,
        AggregateOp::Max,
        AggregateOp::Group,
        AggregateOp::Stddev,
        AggregateOp::Stdvar,
        AggregateOp::Topk,
        AggregateOp::Bottomk,
        AggregateOp::CountValues,
        AggregateOp::Quantile,
        AggregateOp::Limitk,
        AggregateOp::LimitRatio,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            AggregateOp::Sum => "sum",
            AggregateOp::Avg => "avg",
            AggregateOp::Count => "count",
            AggregateOp::Min => "min",
            AggregateOp::Max => "max",
            AggregateOp::Group => "group",
            AggregateOp::Stddev => "stddev",
            AggregateOp::Stdvar => "stdvar",
            AggregateOp::Topk => "topk",
            AggregateOp::Bottomk => "bottomk",
            AggregateOp::CountValues => "count_values",
            AggregateOp::Quantile => "quantile",
            AggregateOp::Limitk => "limitk",
            AggregateOp::LimitRatio => "limit_ratio",
        }
    }

    /// The type of its parameter, if it has one.
    pub fn parameter(self) -> Option<ValueType> {
        match self {
            AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::Quantile
            | AggregateOp::Limitk
            | AggregateOp::LimitRatio => Some(ValueType::Scalar),
            AggregateOp::CountValues => Some(ValueType::String),
            _ => None,
        }
    }

    /// Whether it picks series instead of combining them.
    pub fn picks(self) -> bool {
        matches!(self, AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk | AggregateOp::LimitRatio)
    }
}

/// An aggregation over series.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// The operator.
    pub op: AggregateOp,
    /// The series.
    pub expr: Expr,
    /// Its parameter.
    pub param: Option<Expr>,
    /// Labels that make groups.
    pub grouping: Vec<Arc<str>>,
    /// Whether groups are made by all labels but `grouping`.
    pub without: bool,
}

/// A call of a function.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function.
    pub function: &'static crate::parser::Function,
    /// What it is applied to.
    pub args: Vec<Expr>,
}

/// How samples at the ends of a range are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extension {
    /// Only those within it.
    #[default]
    None,
    /// `anchored`: the last sample before it too.
    Anchored,
    /// `smoothed`: values at its ends are interpolated from samples on both sides.
    Smoothed,
}

impl Extension {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Extension::None => "",
            Extension::Anchored => "anchored",
            Extension::Smoothed => "smoothed",
        }
    }
}

/// A time that a selector is fixed to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// Milliseconds since the epoch.
    Time(i64),
    /// The beginning of the query's range.
    Start,
    /// The end of the query's range.
    End,
}

/// `@` and `offset` of a selector or subquery.
#[derive(Clone, Debug, Default)]
pub struct Modifiers {
    /// The time that it is fixed to.
    pub at: Option<At>,
    /// How far it looks back; negative is forward.
    pub offset: Option<Duration>,
    /// Where `offset` stands.
    pub offset_span: Span,
}

/// Selects series.
#[derive(Clone, Debug)]
pub struct VectorSelector {
    /// The metric's name as it was written before the braces.
    pub name: Option<Arc<str>>,
    /// All conditions, that on the name included.
    pub matchers: Vec<Matcher>,
    /// When.
    pub modifiers: Modifiers,
    /// How values between samples are found.
    pub extension: Extension,
}

/// Selects the samples of series in a range.
#[derive(Clone, Debug)]
pub struct MatrixSelector {
    /// The series.
    pub vector: VectorSelector,
    /// Where the selector without its range stands.
    pub vector_span: Span,
    /// How long the range is.
    pub range: Duration,
    /// Where `range` stands.
    pub range_span: Span,
}

/// Evaluates an expression over a range.
#[derive(Clone, Debug)]
pub struct Subquery {
    /// The expression.
    pub expr: Expr,
    /// How long the range is.
    pub range: Duration,
    /// Where `range` stands.
    pub range_span: Span,
    /// How often; if it is not given, as often as the engine is set to.
    pub step: Option<Duration>,
    /// Where `step` stands.
    pub step_span: Span,
    /// When.
    pub modifiers: Modifiers,
}

/// A duration: a number of seconds, or arithmetic over such.
#[derive(Clone, Debug, PartialEq)]
pub enum Duration {
    /// Seconds, and whether they were written as a duration.
    Seconds(f64, bool),
    /// `step()`: the query's interval.
    Step,
    /// `range()`: the length of the query's range.
    Range,
    /// A sign; true for a minus.
    Unary(bool, Box<Duration>),
    /// Two durations and an arithmetic operator.
    Binary(BinaryOp, Box<Duration>, Box<Duration>),
    /// `min_of` (false) or `max_of` (true).
    Extreme(bool, Box<Duration>, Box<Duration>),
    /// A duration in parentheses.
    Paren(Box<Duration>),
}

impl Expr {
    /// What it gives.
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number(..) => ValueType::Scalar,
            ExprKind::String(_) => ValueType::String,
            ExprKind::Paren(expr) | ExprKind::Unary(_, expr) => expr.value_type(),
            ExprKind::Binary(binary) => {
                let scalar = |expr: &Expr| expr.value_type() == ValueType::Scalar;
                if scalar(&binary.left) && scalar(&binary.right) { ValueType::Scalar } else { ValueType::Vector }
            }
            ExprKind::Aggregate(_) | ExprKind::Vector(_) => ValueType::Vector,
            ExprKind::Call(call) => call.function.returns,
            ExprKind::Matrix(_) | ExprKind::Subquery(_) => ValueType::Matrix,
        }
    }

    /// Without the parentheses around it.
    pub fn bare(&self) -> &Expr {
        match &self.kind {
            ExprKind::Paren(expr) => expr.bare(),
            _ => self,
        }
    }

    /// The expressions directly within it.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Number(..) | ExprKind::String(_) | ExprKind::Vector(_) | ExprKind::Matrix(_) => Vec::new(),
            ExprKind::Paren(expr) | ExprKind::Unary(_, expr) => vec![expr],
            ExprKind::Binary(binary) => vec![&binary.left, &binary.right],
            ExprKind::Aggregate(aggregate) => aggregate.param.iter().chain([&aggregate.expr]).collect(),
            ExprKind::Call(call) => call.args.iter().collect(),
            ExprKind::Subquery(subquery) => vec![&subquery.expr],
        }
    }
}
