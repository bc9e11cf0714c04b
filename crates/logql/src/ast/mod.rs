//! What a query says.

mod print;

use crate::matcher::Matcher;

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// It gives lines.
    Logs(LogExpr),
    /// It gives numbers.
    Metric(MetricExpr),
}

/// A selector of streams, and what happens to their lines.
#[derive(Clone, Debug, PartialEq)]
pub struct LogExpr {
    /// Conditions on the labels of streams.
    pub matchers: Vec<Matcher>,
    /// In order.
    pub stages: Vec<Stage>,
}

/// A step of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// `|= "a" or "b"`
    Line(LineFilter),
    /// `| json`, with the labels to set and the paths of their values; none for all members.
    Json(Vec<Extraction>),
    /// `| logfmt`
    Logfmt(Logfmt),
    /// `| pattern "<ip> - <_>"`
    Pattern(String),
    /// `| regexp "(?P<name>.)"`
    Regexp(String),
    /// `| unpack`
    Unpack,
    /// `| status >= 400 and method = "GET"`
    Label(LabelFilter),
    /// `| line_format "{{.a}}"`
    LineFormat(String),
    /// `| label_format a=b, c="{{.d}}"`
    LabelFormat(Vec<(String, LabelFormat)>),
    /// `| decolorize`
    Decolorize,
    /// `| drop a, b="c"`
    Drop(Vec<Chosen>),
    /// `| keep a, b="c"`
    Keep(Vec<Chosen>),
}

/// How a line filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOp {
    /// `|=`
    Contains,
    /// `!=`
    ContainsNot,
    /// `|~`
    Matches,
    /// `!~`
    MatchesNot,
    /// `|>`
    Pattern,
    /// `!>`
    PatternNot,
}

impl LineOp {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "|=",
            Self::ContainsNot => "!=",
            Self::Matches => "|~",
            Self::MatchesNot => "!~",
            Self::Pattern => "|>",
            Self::PatternNot => "!>",
        }
    }

    /// Whether it keeps the lines that are as it says, and not the others.
    pub fn is_positive(self) -> bool {
        matches!(self, Self::Contains | Self::Matches | Self::Pattern)
    }
}

/// A condition on the line: any of the alternatives, or for a negative one none of them.
#[derive(Clone, Debug, PartialEq)]
pub struct LineFilter {
    /// How they are compared.
    pub op: LineOp,
    /// At least one.
    pub alternatives: Vec<Needle>,
}

/// What a line is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needle {
    /// A text, regular expression or pattern.
    Text(String),
    /// `ip("10.0.0.0/8")`
    Ip(String),
}

/// A label, and where its value is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// The label.
    pub label: String,
    /// A path of JSON, or a key of logfmt.
    pub path: String,
}

/// The parser of `key=value` lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logfmt {
    /// `--strict`: what is no pair is an error.
    pub strict: bool,
    /// `--keep-empty`: keys without values become labels.
    pub keep_empty: bool,
    /// The labels to set, none for all keys.
    pub extractions: Vec<Extraction>,
}

/// What a label becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelFormat {
    /// Another label's value; the other is gone.
    Rename(String),
    /// What a template prints.
    Template(String),
}

/// A label by name, or by name and value.
#[derive(Clone, Debug, PartialEq)]
pub enum Chosen {
    /// Whatever its value is.
    Name(String),
    /// If its value is such.
    Matcher(Matcher),
}

/// How numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `==` or `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

impl Compare {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }

    /// Whether `left` and `right` compare so.
    pub fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
        }
    }
}

/// A condition on labels.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelFilter {
    /// On the text.
    Text(Matcher),
    /// On the text, which is to be a number.
    Number(String, Compare, f64),
    /// On the text, which is to be a duration; in nanoseconds.
    Duration(String, Compare, i64),
    /// On the text, which is to be a size; in bytes.
    Bytes(String, Compare, u64),
    /// On the text, which is to be an address: whether it is within a range.
    Ip {
        /// The label.
        label: String,
        /// `=` and not `!=`.
        positive: bool,
        /// An address, a network or a range.
        range: String,
    },
    /// Both.
    And(Box<LabelFilter>, Box<LabelFilter>),
    /// One at least.
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

/// A number of each series at each step.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricExpr {
    /// `rate({a="b"}[5m])`
    Range(RangeAggregation),
    /// `sum by (a) (..)`
    Vector(VectorAggregation),
    /// `a / b`
    Binary(Box<Binary>),
    /// A number without labels.
    Literal(f64),
    /// `vector(1)`
    Constant(f64),
    /// `label_replace(..)`
    LabelReplace(LabelReplace),
}

/// Lines and the time in which they are looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRange {
    /// Which lines.
    pub logs: LogExpr,
    /// The number to take from them.
    pub unwrap: Option<Unwrap>,
    /// How long the range is, in nanoseconds.
    pub range: i64,
    /// How much earlier it is, in nanoseconds.
    pub offset: i64,
}

/// How the text of a label becomes a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// It is one.
    Float,
    /// `duration(..)`: seconds of a duration.
    Duration,
    /// `duration_seconds(..)`: the same.
    DurationSeconds,
    /// `bytes(..)`: bytes of a size.
    Bytes,
}

impl Conversion {
    /// The function's name; empty for a number.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Float => "",
            Self::Duration => "duration",
            Self::DurationSeconds => "duration_seconds",
            Self::Bytes => "bytes",
        }
    }
}

/// `| unwrap duration(took) | __error__ = ""`
#[derive(Clone, Debug, PartialEq)]
pub struct Unwrap {
    /// The label.
    pub label: String,
    /// How it is read.
    pub conversion: Conversion,
    /// Conditions that are looked at afterwards.
    pub filters: Vec<LabelFilter>,
}

/// What is made of the lines of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeOp {
    /// Lines, or unwrapped numbers, by second.
    Rate,
    /// Increase of a counter by second.
    RateCounter,
    /// Lines.
    CountOverTime,
    /// Bytes of lines.
    BytesOverTime,
    /// Bytes of lines by second.
    BytesRate,
    /// 1 where there are no lines.
    AbsentOverTime,
    /// The sum.
    SumOverTime,
    /// The mean.
    AvgOverTime,
    /// The least.
    MinOverTime,
    /// The greatest.
    MaxOverTime,
    /// The standard deviation.
    StddevOverTime,
    /// The variance.
    StdvarOverTime,
    /// A quantile.
    QuantileOverTime,
    /// The earliest.
    FirstOverTime,
    /// The latest.
    LastOverTime,
}

impl RangeOp {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Rate,
        Self::RateCounter,
        Self::CountOverTime,
        Self::BytesOverTime,
        Self::BytesRate,
        Self::AbsentOverTime,
        Self::SumOverTime,
        Self::AvgOverTime,
        Self::MinOverTime,
        Self::MaxOverTime,
        Self::StddevOverTime,
        Self::StdvarOverTime,
        Self::QuantileOverTime,
        Self::FirstOverTime,
        Self::LastOverTime,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::RateCounter => "rate_counter",
            Self::CountOverTime => "count_over_time",
            Self::BytesOverTime => "bytes_over_time",
            Self::BytesRate => "bytes_rate",
            Self::AbsentOverTime => "absent_over_time",
            Self::SumOverTime => "sum_over_time",
            Self::AvgOverTime => "avg_over_time",
            Self::MinOverTime => "min_over_time",
            Self::MaxOverTime => "max_over_time",
            Self::StddevOverTime => "stddev_over_time",
            Self::StdvarOverTime => "stdvar_over_time",
            Self::QuantileOverTime => "quantile_over_time",
            Self::FirstOverTime => "first_over_time",
            Self::LastOverTime => "last_over_time",
        }
    }
}

/// An aggregation over time.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeAggregation {
    /// Which.
    pub op: RangeOp,
    /// The quantile.
    pub param: Option<f64>,
    /// Of what.
    pub source: LogRange,
    /// How series are put together.
    pub grouping: Option<Grouping>,
}

/// `by (a, b)` or `without (a, b)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// All labels but these.
    pub without: bool,
    /// Names of labels.
    pub labels: Vec<String>,
}

/// What is made of several series at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorOp {
    /// The sum.
    Sum,
    /// The mean.
    Avg,
    /// How many there are.
    Count,
    /// The greatest.
    Max,
    /// The least.
    Min,
    /// The standard deviation.
    Stddev,
    /// The variance.
    Stdvar,
    /// The k least.
    BottomK,
    /// The k greatest.
    TopK,
    /// All, the least first.
    Sort,
    /// All, the greatest first.
    SortDesc,
    /// The k greatest, which need not be exact; here they are.
    ApproxTopK,
}

impl VectorOp {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Sum,
        Self::Avg,
        Self::Count,
        Self::Max,
        Self::Min,
        Self::Stddev,
        Self::Stdvar,
        Self::BottomK,
        Self::TopK,
        Self::Sort,
        Self::SortDesc,
        Self::ApproxTopK,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Max => "max",
            Self::Min => "min",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::BottomK => "bottomk",
            Self::TopK => "topk",
            Self::Sort => "sort",
            Self::SortDesc => "sort_desc",
            Self::ApproxTopK => "approx_topk",
        }
    }

    /// Whether it says how many.
    pub fn has_param(self) -> bool {
        matches!(self, Self::BottomK | Self::TopK | Self::ApproxTopK)
    }
}

/// An aggregation over series.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorAggregation {
    /// Which.
    pub op: VectorOp,
    /// How many, for those that say so.
    pub param: usize,
    /// Of what.
    pub source: Box<MetricExpr>,
    /// How series are put together; all of them where it has no labels and is not `without`.
    pub grouping: Grouping,
}

/// An operator between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `or`
    Or,
    /// `and`
    And,
    /// `unless`
    Unless,
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
    /// `==` and so on
    Compare(Compare),
}

impl BinaryOp {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Unless => "unless",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Compare(compare) => compare.as_str(),
        }
    }

    /// How tightly it binds.
    pub fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Compare(_) => 3,
            Self::Add | Self::Sub => 4,
            Self::Mul | Self::Div | Self::Mod => 5,
            Self::Pow => 6,
        }
    }

    /// Whether it is about which series there are, not about their values.
    pub fn is_set(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Unless)
    }

    /// What it makes of two numbers; a comparison gives 0 or 1. What is divided by zero is not a number,
    /// as Loki has it.
    pub fn compute(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Sub => left - right,
            Self::Mul => left * right,
            Self::Div | Self::Mod if right == 0.0 => f64::NAN,
            Self::Div => left / right,
            Self::Mod => left % right,
            Self::Pow => left.powf(right),
            Self::Compare(compare) => f64::from(u8::from(compare.holds(left, right))),
            Self::Or | Self::And | Self::Unless => f64::NAN,
        }
    }
}

/// Which side may have several series for one of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cardinality {
    /// Neither.
    #[default]
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
}

/// How series of two sides find each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// `on`, and not `ignoring`.
    pub on: bool,
    /// The labels by which, or without which, they are matched.
    pub labels: Vec<String>,
    /// Which side may have several.
    pub cardinality: Cardinality,
    /// Labels that come from the side of one.
    pub include: Vec<String>,
}

/// A binary operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// The left side.
    pub left: MetricExpr,
    /// The right side.
    pub right: MetricExpr,
    /// A comparison gives 0 or 1, and does not filter.
    pub returns_bool: bool,
    /// How series find each other.
    pub matching: Matching,
}

/// `label_replace(source, "target", "replacement", "label", "regex")`
#[derive(Clone, Debug, PartialEq)]
pub struct LabelReplace {
    /// Whose labels.
    pub source: Box<MetricExpr>,
    /// The label that is set.
    pub target: String,
    /// To what; `$1` is a group of the expression.
    pub replacement: String,
    /// The label that is looked at.
    pub label: String,
    /// What has to match all of its value.
    pub regex: String,
}
