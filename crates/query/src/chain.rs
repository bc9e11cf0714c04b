//! How deep the tree of an expression will be, told from the tokens alone.
//!
//! `a + b + c` is a tree of one level for each operator. The parser builds it in a loop, without a
//! limit, but everything after it (and the end of its life) goes through it by recursion.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::Token;

/// The expression within one pair of parentheses, between two commas; or within one CASE, between two of its words.
#[derive(Clone, Copy, Default)]
struct Level {
    now: usize,
    deepest: usize,
    is_case: bool,
}

impl Level {
    fn grow(&mut self, to: usize) {
        self.now = to;
        self.deepest = self.deepest.max(to);
    }

    /// What is around it, with it as a part.
    fn end(self, outer: Option<Self>) -> Self {
        let mut outer = outer.unwrap_or_default();
        outer.grow(outer.now.max(self.deepest) + 1);
        outer
    }
}

/// At least the depth of the deepest expression.
pub fn depth<'a>(tokens: impl Iterator<Item = &'a Token>) -> usize {
    let mut outer = Vec::new();
    let mut level = Level::default();
    let mut is_name = false;
    for token in tokens {
        match token {
            // Behind a period no word has a meaning: `a.case`, `a.from`.
            Token::Word(_) if is_name => {}
            Token::LParen | Token::LBracket | Token::LBrace => outer.push(std::mem::take(&mut level)),
            Token::RParen | Token::RBracket | Token::RBrace => level = level.end(outer.pop()),
            Token::Comma | Token::SemiColon => level.now = 0,
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::CASE => outer.push(std::mem::replace(&mut level, Level { is_case: true, ..Level::default() })),
                Keyword::WHEN | Keyword::THEN | Keyword::ELSE if level.is_case => level.now = 0,
                Keyword::END if level.is_case => level = level.end(outer.pop()),
                keyword if begins_a_clause(keyword) => level.now = 0,
                keyword if is_operator_word(keyword) => level.grow(level.now + 1),
                // Most are names as well: `line`, `source`, `key`.
                _ => {}
            },
            token if is_operator(token) => level.grow(level.now + 1),
            _ => {}
        }
        is_name = *token == Token::Period || (is_name && matches!(token, Token::Whitespace(_)));
    }
    // What has no end, as a column that is called `case`, hides nothing.
    while let Some(around) = outer.pop() {
        level = level.end(Some(around));
    }
    level.deepest
}

const fn begins_a_clause(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::SELECT
            | Keyword::FROM
            | Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::ORDER
            | Keyword::LIMIT
            | Keyword::JOIN
            | Keyword::ON
            | Keyword::UNION
            | Keyword::WITH
            | Keyword::VALUES
            | Keyword::QUALIFY
    )
}

const fn is_operator_word(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::AND
            | Keyword::OR
            | Keyword::XOR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::NOTNULL
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::RLIKE
            | Keyword::REGEXP
            | Keyword::SIMILAR
            | Keyword::BETWEEN
            | Keyword::COLLATE
            | Keyword::AT
            | Keyword::DIV
            | Keyword::OVERLAPS
            | Keyword::MEMBER
    )
}

fn is_operator(token: &Token) -> bool {
    !matches!(
        token,
        Token::EOF
            | Token::Whitespace(_)
            | Token::Word(_)
            | Token::Period
            | Token::Number(..)
            | Token::Char(_)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
    )
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn of(text: &str) -> usize {
        depth(Tokenizer::new(&GenericDialect {}, text).tokenize().unwrap().iter())
    }

    #[test]
    fn it_is_the_longest_chain() {
        assert_eq!(of("SELECT a + b + c, d FROM e WHERE f = 1"), 2);
        assert_eq!(of("SELECT a[1][2][3]"), 3);
        assert_eq!(of("SELECT 1 IN (1, 2, 3, 4, 5, 6)"), 2);
        assert_eq!(of("SELECT x UNION SELECT y UNION SELECT z"), 0);
    }

    #[test]
    fn a_case_is_as_deep_as_its_deepest_part() {
        let many = "WHEN a = 1 AND b = 2 THEN c + 1 ".repeat(90);
        assert_eq!(of(&format!("SELECT CASE {many} ELSE d END + 1")), 5);
        assert_eq!(of("SELECT CASE x WHEN 1 THEN CASE WHEN a THEN b + c END END"), 3);
        assert!(of(&format!("SELECT 1{}", " + a.case".repeat(90))) >= 90);
        assert!(of(&format!("SELECT CASE WHEN a THEN 1{} END", " + 1".repeat(90))) >= 90);
    }

    #[test]
    fn names_do_not_hide_it() {
        for name in ["a.case", "a . from", "a.\"b\".where"] {
            let chain = format!("1{} + {name}{}", " + 1".repeat(50), " + 1".repeat(50));
            assert_eq!(of(&format!("SELECT {chain}")), 101, "{name}");
        }
    }

    #[test]
    fn parentheses_do_not_hide_it() {
        let hidden = format!("SELECT {}1{}", "(".repeat(9), " + 1 + 1 + 1)".repeat(9));
        assert!(of(&hidden) >= 27, "{}", of(&hidden));
        assert!(of("SELECT f(a + b + c + d, e) + g") >= 4);
        assert!(of(")))((") <= 5);
    }
}
