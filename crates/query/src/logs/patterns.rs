//! What lines look like when what differs from one to the next is left out.

use std::collections::BTreeMap;

use super::look::{LogRange, each, matchers};
use crate::{Engine, ExpressionError};

/// Patterns that are counted; a line that would make one more is not.
const COUNTED: usize = 5_000;
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
            let mut found: BTreeMap<String, BTreeMap<i64, u64>> = BTreeMap::new();
            let step = step.max(1);
            each(evaluation, &matchers(&evaluation.text)?, range, |at, _, line, _| {
                let text = pattern(line);
                if found.len() < COUNTED || found.contains_key(&text) {
                    let start = at.div_euclid(step) * step;
                    *found.entry(text).or_default().entry(start).or_default() += 1;
                }
                Ok(true)
            })?;
            let mut patterns: Vec<Pattern> = found.into_iter().map(|(text, counts)| Pattern { text, counts }).collect();
            patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.counts.values().sum::<u64>()));
            patterns.truncate(ANSWERED);
            Ok(patterns)
        })
        .await
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
