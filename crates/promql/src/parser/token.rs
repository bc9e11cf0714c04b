use super::ast::{AggregateOp, BinaryOp, Span};

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A word: a name or a keyword, which one its place decides. It may have colons.
    Word(String),
    /// A number.
    Number(f64),
    /// A duration, in seconds.
    Duration(f64),
    /// A text in quotes, its escapes resolved.
    String(String),
    /// An operator that is no word.
    Operator(BinaryOp),
    /// `=`
    Assign,
    /// `=~`
    Regexp,
    /// `!~`
    NotRegexp,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `[`
    LeftBracket,
    /// `]`
    RightBracket,
    /// `{`
    LeftBrace,
    /// `}`
    RightBrace,
    /// `,`
    Comma,
    /// `:`
    Colon,
    /// `@`
    At,
    /// Nothing more.
    End,
    /// What is no token.
    Invalid,
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spanned {
    pub token: Token,
    pub span: Span,
}

impl Token {
    /// As errors name it.
    pub(crate) fn describe(&self) -> String {
        let quoted = |text: &str| crate::text::quote(text);
        match self {
            Token::Word(word) if is_operator(word) => format!("<op:{word}>"),
            Token::Word(word) if is_keyword(word) => format!("<{word}>"),
            Token::Word(word) if is_aggregation(word) => format!("<aggr:{word}>"),
            Token::Word(word) if is_of_query(word) => quoted(word),
            Token::Word(word) if word.contains(':') => format!("metric identifier {}", quoted(word)),
            Token::Word(word) => format!("identifier {}", quoted(word)),
            Token::Number(number) => format!("number {}", quoted(&crate::text::float(*number))),
            Token::Duration(seconds) => {
                format!("duration {}", quoted(&crate::text::duration((*seconds * 1000.0) as i64)))
            }
            Token::String(text) => format!("string {}", quoted(text)),
            Token::Operator(op) => format!("<op:{}>", op.as_str()),
            Token::Assign => quoted("="),
            Token::Regexp => "<op:=~>".into(),
            Token::NotRegexp => "<op:!~>".into(),
            Token::LeftParen => quoted("("),
            Token::RightParen => quoted(")"),
            Token::LeftBracket => quoted("["),
            Token::RightBracket => quoted("]"),
            Token::LeftBrace => quoted("{"),
            Token::RightBrace => quoted("}"),
            Token::Comma => quoted(","),
            Token::Colon => quoted(":"),
            Token::At => "<op:@>".into(),
            Token::End => "end of input".into(),
            Token::Invalid => "character".into(),
        }
    }

    /// The operator that it is at a place where one may stand.
    pub(crate) fn operator(&self) -> Option<BinaryOp> {
        match self {
            Token::Operator(op) => Some(*op),
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "and" => Some(BinaryOp::And),
                "or" => Some(BinaryOp::Or),
                "unless" => Some(BinaryOp::Unless),
                "atan2" => Some(BinaryOp::Atan2),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it compares the value of a label.
    pub(crate) fn is_matching(&self) -> bool {
        matches!(self, Token::Assign | Token::Operator(BinaryOp::Ne) | Token::Regexp | Token::NotRegexp)
    }

    /// Whether it is the name of a function, with parentheses behind it: no operator or other word with a meaning is.
    pub(crate) fn is_function(&self) -> bool {
        matches!(self, Token::Word(word) if !is_operator(word) && !is_keyword(word) && !word.contains(':'))
    }

    /// Whether it gives a value to what is missing, with parentheses behind it; else it is a name.
    pub(crate) fn is_fill(&self) -> bool {
        ["fill", "fill_left", "fill_right"].into_iter().any(|fill| self.is_word(fill))
    }

    /// Whether it is a word, in any case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self, Token::Word(text) if text.eq_ignore_ascii_case(word))
    }
}

/// Operators that are words.
fn is_operator(word: &str) -> bool {
    ["and", "or", "unless", "atan2"].iter().any(|operator| word.eq_ignore_ascii_case(operator))
}

fn is_aggregation(word: &str) -> bool {
    AggregateOp::ALL.iter().any(|op| word.eq_ignore_ascii_case(op.as_str()))
}

/// Words for times and durations of the query.
fn is_of_query(word: &str) -> bool {
    ["start", "end"].into_iter().chain(DURATION_WORDS).any(|known| word.eq_ignore_ascii_case(known))
}

/// Words that a duration may begin with.
pub(crate) const DURATION_WORDS: [&str; 4] = ["step", "range", "min_of", "max_of"];

fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 13] = [
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "offset",
        "fill",
        "fill_left",
        "fill_right",
        "anchored",
        "smoothed",
    ];
    KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}
