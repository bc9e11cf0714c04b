//! What lines look like when what differs from one to the next is left out.

use std::collections::BTreeMap;

use logql::ast::LogExpr;

use super::look::{LogRange, each, matchers};
use crate::{Engine, ExpressionError};

/// Patterns that are counted; a line that would make one more is not.
const COUNTED: usize = 5_000;
/// Counts of all patterns; a line that would make one more is not counted.
const COUNTS: usize = 1_000_000;
/// Patterns of one answer.
const ANSWERED: usize = 300;
/// Bytes of a line that are looked at.
const LOOKED_AT: usize = 1_000;
/// What stands for a word that differs.
const ANY: &str = "<_>";

/// Lines that look the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What they have in common, with `<_>` for each word with a digit in it.
    pub text: String,
    /// How many there are in each step, by its start in nanoseconds since the epoch.
    pub counts: BTreeMap<i64, u64>,
}

impl Engine {
    /// The patterns of the lines of the streams that satisfy a selector, the most frequent first,
    /// counted in steps of so many nanoseconds.
    ///
    /// # Errors
    /// See [`ExpressionError`].
    pub async fn log_patterns(
        &self,
        selector: &str,
        range: LogRange,
        step: i64,
    ) -> Result<Vec<Pattern>, ExpressionError> {
        self.logs_evaluated(selector, move |evaluation| {
            let mut found = Counted::default();
            let step = step.max(1);
            let logs = LogExpr { matchers: matchers(&evaluation.text)?, stages: Vec::new() };
            each(evaluation, &logs, range, |at, _, line, _| {
                found.add(pattern(line), at.div_euclid(step) * step);
                Ok(true)
            })?;
            let mut patterns: Vec<Pattern> =
                found.by_text.into_iter().map(|(text, counts)| Pattern { text, counts }).collect();
            patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.counts.values().sum::<u64>()));
            patterns.truncate(ANSWERED);
            Ok(patterns)
        })
        .await
    }
}

/// Lines that look the same, by what they have in common and the start of their step.
#[derive(Default)]
struct Counted {
    by_text: BTreeMap<String, BTreeMap<i64, u64>>,
    counts: usize,
}

impl Counted {
    fn add(&mut self, text: String, start: i64) {
        let is_full = self.by_text.len() >= COUNTED && !self.by_text.contains_key(&text);
        if is_full || (self.counts >= COUNTS && self.by_text.get(&text).is_none_or(|known| !known.contains_key(&start)))
        {
            return;
        }
        let known = self.by_text.entry(text).or_default();
        let before = known.len();
        *known.entry(start).or_default() += 1;
        self.counts += known.len() - before;
    }
}

/// The line with `<_>` for each word that has a digit.
fn pattern(line: &str) -> String {
    let end = (0..=LOOKED_AT.min(line.len())).rev().find(|end| line.is_char_boundary(*end)).unwrap_or_default();
    let mut rest = line.get(..end).unwrap_or_default();
    let mut out = String::with_capacity(rest.len());
    while let Some(sign) = rest.chars().next() {
        let is_word = in_word(sign);
        let end = rest.find(|sign| in_word(sign) != is_word).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let differs = is_word && part.contains(|sign: char| sign.is_ascii_digit());
        out.push_str(if differs { ANY } else { part });
        rest = after;
    }
    out
}

fn in_word(sign: char) -> bool {
    sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.' | '/' | '@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_patterns_are_bounded_together() {
        let mut found = Counted::default();
        for n in 0..COUNTS as i64 + 10 {
            found.add(format!("p{}", n % 1_000), n / 1_000);
        }
        assert_eq!(found.by_text.values().map(BTreeMap::len).sum::<usize>(), COUNTS);
        found.add("p1".to_owned(), 0);
        assert_eq!(found.by_text["p1"][&0], 2, "what is counted goes on");
    }

    #[test]
    fn words_with_digits_are_left_out() {
        for (line, expected) in [
            ("took 15ms for /cart/17 from 10.0.0.1:80", "took <_> for <_> from <_>:<_>"),
            (r#"{"status":200,"took":"1.5s"}"#, r#"{"status":<_>,"took":"<_>"}"#),
            ("level=warn msg=\"slow disk\" n=3", "level=warn msg=\"slow disk\" n=<_>"),
            ("", ""),
            ("größe 5µs", "größe <_>"),
        ] {
            assert_eq!(pattern(line), expected);
        }
        assert_eq!(pattern(&"ä".repeat(2_000)).len(), 1_000);
    }
}
