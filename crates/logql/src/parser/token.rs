//! Words of a query.

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// Any name that is no keyword where it stands.
    Identifier(String),
    /// A character that has no meaning. Loki takes it for a name.
    Unknown,
    /// A text, its escapes resolved.
    String(String),
    /// A number as it is written.
    Number(String),
    /// A duration and how it is written; in nanoseconds.
    Duration(i64),
    /// A size in bytes.
    Bytes(u64),
    /// A duration in brackets, in nanoseconds.
    Range(i64),
    /// `--strict` or `--keep-empty`.
    Flag(&'static str),
    /// A keyword or symbol, in lower case.
    Word(&'static str),
    /// A name before a parenthesis or a grouping.
    Function(&'static str),
    /// Nothing more.
    End,
}

impl Token {
    /// What Loki's messages call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Identifier(_) | Self::Unknown => "IDENTIFIER".to_owned(),
            Self::String(_) => "STRING".to_owned(),
            Self::Number(_) => "NUMBER".to_owned(),
            Self::Duration(_) => "DURATION".to_owned(),
            Self::Bytes(_) => "BYTES".to_owned(),
            Self::Range(_) => "RANGE".to_owned(),
            Self::Flag(_) => "PARSER_FLAG".to_owned(),
            Self::Word(word) => (*word).to_owned(),
            Self::Function(name) => function_name(name),
            Self::End => "$end".to_owned(),
        }
    }
}

fn function_name(name: &str) -> String {
    match name {
        "ip" | "label_replace" => name.to_owned(),
        "bytes" | "duration" | "duration_seconds" => format!("{}_CONV", name.to_uppercase()),
        name => name.to_uppercase(),
    }
}

/// Names that are keywords wherever they stand.
pub(crate) const KEYWORDS: [&str; 22] = [
    "by",
    "without",
    "bool",
    "offset",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "or",
    "and",
    "unless",
    "json",
    "regexp",
    "logfmt",
    "unpack",
    "pattern",
    "label_format",
    "line_format",
    "decolorize",
    "drop",
    "keep",
    "unwrap",
];

/// Names that are functions before a parenthesis, `by (` or `without (`, beside the aggregations.
pub(crate) const FUNCTIONS: [&str; 6] = ["vector", "label_replace", "bytes", "duration", "duration_seconds", "ip"];

/// Symbols, the longer before the shorter.
pub(crate) const SYMBOLS: [&str; 25] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "|", "=", ">", "<", "+", "-", "*", "/", "%", "^", "(",
    ")", "{", "}", ",",
];
