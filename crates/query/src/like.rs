//! `a LIKE b` with a pattern that differs from row to row. DataFusion makes a regular expression of each, of megabytes
//! where the pattern is long, and nothing ends that before a batch is done. Here a text is compared with its pattern
//! piece by piece, and the clock is looked at meanwhile.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Like, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use crate::deadline::Deadline;
use crate::{bounded, depth};

/// Signs that are looked at between two looks at the clock.
const STEPS: usize = 1 << 20;

/// The optimized `plan` with functions for such conditions, which end with the query's time.
pub fn watch(plan: LogicalPlan, deadline: &Deadline) -> Result<LogicalPlan> {
    let function = |folds| Arc::new(ScalarUDF::from(LikeOfRow::new(folds, deadline.clone())));
    let (like, ilike) = (function(false), function(true));
    bounded::rewritten(plan, |expr| Ok(called(expr, &like, &ilike)))
}

fn called(expr: Expr, like: &Arc<ScalarUDF>, ilike: &Arc<ScalarUDF>) -> Transformed<Expr> {
    use Operator::{ILikeMatch, LikeMatch, NotILikeMatch, NotLikeMatch};
    let differs = |pattern: &Expr| depth::differs_by_row(pattern).unwrap_or(true);
    let (text, pattern, negated, folds) = match expr {
        Expr::Like(Like { negated, expr, pattern, escape_char: None | Some('\\'), case_insensitive })
            if differs(&pattern) =>
        {
            (*expr, *pattern, negated, case_insensitive)
        }
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: op @ (LikeMatch | NotLikeMatch | ILikeMatch | NotILikeMatch),
            right,
        }) if differs(&right) => {
            (*left, *right, matches!(op, NotLikeMatch | NotILikeMatch), matches!(op, ILikeMatch | NotILikeMatch))
        }
        other => return Transformed::no(other),
    };
    let func = Arc::clone(if folds { ilike } else { like });
    let call = Expr::ScalarFunction(ScalarFunction { func, args: vec![text, pattern] });
    Transformed::yes(if negated { Expr::Not(Box::new(call)) } else { call })
}

/// `like_of_row(text, pattern)`, or without regard to case.
#[derive(Debug)]
struct LikeOfRow {
    signature: Signature,
    folds: bool,
    deadline: Deadline,
}

impl LikeOfRow {
    fn new(folds: bool, deadline: Deadline) -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable), folds, deadline }
    }
}

impl PartialEq for LikeOfRow {
    fn eq(&self, other: &Self) -> bool {
        self.folds == other.folds
    }
}

impl Eq for LikeOfRow {}

impl Hash for LikeOfRow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folds.hash(state);
    }
}

impl ScalarUDFImpl for LikeOfRow {
    fn name(&self) -> &'static str {
        if self.folds { "ilike_of_row" } else { "like_of_row" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [texts, patterns] = args.args.as_slice() else { return exec_err!("LIKE takes a text and a pattern") };
        let rows = |value: &ColumnarValue| -> Result<ArrayRef> {
            Ok(cast(&value.to_array(args.number_rows)?, &DataType::Utf8)?)
        };
        let (texts, patterns) = (rows(texts)?, rows(patterns)?);
        let mut clock = Clock { deadline: &self.deadline, steps: 0 };
        let mut found = BooleanBuilder::with_capacity(args.number_rows);
        for pair in texts.as_string::<i32>().iter().zip(patterns.as_string::<i32>()) {
            found.append_option(match pair {
                (Some(text), Some(pattern)) if self.folds => {
                    Some(is_like(&folded(text), &folded(pattern), &mut clock)?)
                }
                (Some(text), Some(pattern)) => Some(is_like(text, pattern, &mut clock)?),
                _ => None,
            });
        }
        Ok(ColumnarValue::Array(Arc::new(found.finish())))
    }
}

/// Looks at the time now and then.
struct Clock<'a> {
    deadline: &'a Deadline,
    steps: usize,
}

impl Clock<'_> {
    fn spend(&mut self, steps: usize) -> Result<()> {
        self.steps += steps;
        if self.steps < STEPS {
            return Ok(());
        }
        self.steps = 0;
        self.deadline.check()
    }
}

/// A sign of a pattern.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    /// `%`: any signs, or none.
    Many,
    /// `_`: any one.
    One,
    /// This one.
    Is(char),
}

/// The signs of a pattern. What follows a `\` stands for itself, also where it would without; at the end so does a `\`.
fn signs(pattern: &str) -> Vec<Sign> {
    let (mut chars, mut signs) = (pattern.chars(), Vec::with_capacity(pattern.len()));
    while let Some(char) = chars.next() {
        signs.push(match char {
            '%' => Sign::Many,
            '_' => Sign::One,
            '\\' => Sign::Is(chars.next().unwrap_or('\\')),
            other => Sign::Is(other),
        });
    }
    signs
}

/// What is between two `%`.
enum Piece<'s> {
    Text(String),
    Signs(&'s [Sign]),
}

impl<'s> Piece<'s> {
    fn of(signs: &'s [Sign]) -> Self {
        let text = signs.iter().map(|sign| if let Sign::Is(char) = sign { Some(*char) } else { None });
        text.collect::<Option<String>>().map_or(Self::Signs(signs), Self::Text)
    }

    /// What is after it, if `text` begins with it.
    fn after<'t>(&self, text: &'t str) -> Option<&'t str> {
        let signs = match self {
            Self::Text(piece) => return text.strip_prefix(piece.as_str()),
            Self::Signs(signs) => signs,
        };
        let mut chars = text.chars();
        for sign in *signs {
            let char = chars.next()?;
            if matches!(sign, Sign::Is(wanted) if *wanted != char) {
                return None;
            }
        }
        Some(chars.as_str())
    }

    /// What is after the first place in `text` where it is.
    fn after_first<'t>(&self, text: &'t str, clock: &mut Clock<'_>) -> Result<Option<&'t str>> {
        let signs = match self {
            Self::Text(piece) => return Ok(text.split_once(piece.as_str()).map(|(_, after)| after)),
            Self::Signs(signs) => signs,
        };
        let mut rest = text.chars();
        loop {
            clock.spend(signs.len())?;
            if let Some(after) = self.after(rest.as_str()) {
                return Ok(Some(after));
            }
            if rest.next().is_none() {
                return Ok(None);
            }
        }
    }

    fn ends(&self, text: &str) -> bool {
        let signs = match self {
            Self::Text(piece) => return text.ends_with(piece.as_str()),
            Self::Signs(signs) => signs,
        };
        let begin = text.char_indices().rev().nth(signs.len().saturating_sub(1));
        begin.and_then(|(begin, _)| self.after(text.get(begin..)?)).is_some_and(str::is_empty)
    }
}

/// Whether all of `text` is as `pattern` says. Of the places where a piece may be the first is as good as any.
fn is_like(text: &str, pattern: &str, clock: &mut Clock<'_>) -> Result<bool> {
    clock.spend(text.len() + pattern.len())?;
    let signs = signs(pattern);
    let mut pieces = signs.split(|sign| *sign == Sign::Many).map(Piece::of);
    let first = pieces.next().and_then(|first| first.after(text));
    let (Some(mut rest), last) = (first, pieces.next_back()) else { return Ok(false) };
    let Some(last) = last else { return Ok(rest.is_empty()) };
    for piece in pieces {
        match piece.after_first(rest, clock)? {
            Some(after) => rest = after,
            None => return Ok(false),
        }
    }
    Ok(last.ends(rest))
}

/// A text of which all that differs by case only is the same.
fn folded(text: &str) -> String {
    text.chars().map(fold).collect()
}

/// Simple case folding: <https://www.unicode.org/Public/UCD/latest/ucd/CaseFolding.txt>.
fn fold(char: char) -> char {
    fn only(mut chars: impl Iterator<Item = char>) -> Option<char> {
        let first = chars.next();
        first.filter(|_| chars.next().is_none())
    }
    // It has a capital letter, but is the small one of none.
    if char == 'ı' {
        return char;
    }
    let upper = only(char.to_uppercase()).unwrap_or(char);
    only(upper.to_lowercase()).unwrap_or(upper)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use arrow::array::StringArray;
    use arrow::compute::kernels::comparison::{ilike, like};
    use base::Rng;

    use super::*;

    fn deadline(limit: Duration) -> Deadline {
        let clock = base::Clock::system();
        Deadline::new(clock.clone(), clock.monotonic(), limit)
    }

    #[test]
    fn it_answers_as_arrow_does() {
        const SIGNS: [&str; 12] = ["a", "A", "b", "é", "É", "s", "ſ", "\n", ".", "%", "_", "\\"];
        let (rng, deadline) = (Rng::seeded(7), deadline(Duration::from_secs(600)));
        let text = |signs: u64| (0..rng.below(7)).map(|_| SIGNS[rng.below(signs) as usize]).collect::<String>();
        let mut clock = Clock { deadline: &deadline, steps: 0 };
        for _ in 0..2_000 {
            let (text, pattern) = (text(9), text(12));
            let [texts, patterns] = [&text, &pattern].map(|text| StringArray::from(vec![text.as_str()]));
            let seen = is_like(&text, &pattern, &mut clock).unwrap();
            assert_eq!(seen, like(&texts, &patterns).unwrap().value(0), "{text:?} LIKE {pattern:?}");
            let seen = is_like(&folded(&text), &folded(&pattern), &mut clock).unwrap();
            assert_eq!(seen, ilike(&texts, &patterns).unwrap().value(0), "{text:?} ILIKE {pattern:?}");
        }
    }

    #[test]
    fn case_is_folded_as_unicode_says() {
        for (text, expected) in [("ÀẞſK", "àßsk"), ("ıİ", "ıİ"), ("ΣΣς", "σσσ"), ("ŉ", "ŉ")] {
            assert_eq!(folded(text), expected, "{text}");
        }
    }

    #[test]
    fn it_ends_with_the_time_of_its_query() {
        let over = deadline(Duration::ZERO);
        let mut clock = Clock { deadline: &over, steps: 0 };
        let (text, pattern) = ("a".repeat(100_000), format!("%{}b%", "_".repeat(50_000)));
        let error = is_like(&text, &pattern, &mut clock).unwrap_err();
        assert!(error.to_string().contains("timeout"), "{error}");
    }
}
